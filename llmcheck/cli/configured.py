"""The defaults that a project and the environment set for a command, below what its command line says."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmcheck.cli import named
from llmcheck.cli.options import PROBE_TIMEOUT, MachineOptions
from llmcheck.errors import DataError, UsageError

if TYPE_CHECKING:
    from llmcheck.catalog.configuration import Configured
    from llmcheck.system.project_file import ProjectFile

F = TypeVar("F", bound=Callable[..., Any])

NONE = "none"
"""The value of ``--config`` with which no file of a project is read."""
_META = "llmcheck.configured"
_OF_THE_PROFILES = ("skip", "only")
"""They name requirements of the project's own profiles."""


def config_option(function: F) -> F:
    """``--config``, for a command whose options a project may set. It has to stand above those options."""
    return click.option(
        "--config",
        metavar="FILE",
        is_eager=True,  # before the options whose defaults it sets
        expose_value=False,
        callback=_read,
        help=f"The project's defaults: FILE instead of the nearest llmcheck.toml, or '{NONE}'.",
    )(function)


def _read(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if context.resilient_parsing:
        return
    from llmcheck.catalog import configuration

    cwd = _working_directory()
    if value == NONE:
        found: tuple[ProjectFile, ...] = ()
    elif value is not None:
        found = (_named(value, cwd),)
    else:
        found = _candidates(cwd, context)
    project = configuration.of_files(found, cwd) if found else configuration.Configured()
    variables = configuration.of_variables(os.environ)
    context.default_map = {**project.values, **variables.values}
    context.meta[named.READ] = [each.path for each in found if each.data is not None]
    context.meta[_META] = configuration.Configured(
        context.default_map, {**project.places, **variables.places}, project.left_alone
    )


def _candidates(cwd: str, context: click.Context) -> tuple[ProjectFile, ...]:
    from llmcheck.system import answering, project_file

    seconds = context.params.get("probe_timeout") or PROBE_TIMEOUT
    otherwise = "the project's llmcheck.toml was not found within {} s: name it with --config, or '--config none'"
    return answering.or_who(
        lambda: project_file.candidates(cwd), lambda: [("the working directory", cwd)], seconds, otherwise
    )


def _named(path: str, cwd: str) -> ProjectFile:
    from llmcheck.system import outside, project_file

    named.require([("--config", path)])
    try:
        data = outside.read_file(path, project_file.LARGEST, "a configuration", f"--config {path}")
    except OSError as error:
        raise DataError(f"--config {path}: {error.strerror or error}") from None
    return project_file.ProjectFile(os.path.join(cwd, path), data)


def settle(options: MachineOptions) -> MachineOptions:
    """Says on standard error what holds of the project's file, and takes out of the options what does not apply.

    Raises UsageError for a folder that does not exist.
    """
    context = click.get_current_context()
    found: Configured = context.meta[_META]
    if options.machine is not None and _is_default(context, "path"):
        options = options._replace(path=None)
        _drop(context, "path")
    say()
    path = options.path
    if path is not None and _is_default(context, "path") and not named.kind(path, f"{found.places['path']}: path"):
        raise UsageError(f"{found.places['path']}: path: there is no folder {path}")
    return options


def of_these_profiles(profiles: tuple[str, ...], *names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """``--skip`` and ``--only`` as they apply: a project's are about its own profiles, not about those named here."""
    context = click.get_current_context()
    if profiles and not _is_default(context, "profiles"):
        kept = []
        for parameter, value in zip(_OF_THE_PROFILES, names, strict=True):
            kept.append(() if _is_default(context, parameter) else value)
            if _is_default(context, parameter):
                _drop(context, parameter)
        return tuple(kept)
    return names


def _is_default(context: click.Context, parameter: str) -> bool:
    """Whether a file or a variable set it."""
    return context.get_parameter_source(parameter) is click.core.ParameterSource.DEFAULT_MAP


def _drop(context: click.Context, parameter: str) -> None:
    context.set_parameter_source(parameter, click.core.ParameterSource.DEFAULT)


def say() -> None:
    """Says on standard error which defaults hold, and which file was not read."""
    from llmcheck.cli.output import print_message

    context = click.get_current_context()
    found: Configured = context.meta[_META]
    for each in found.left_alone:
        print_message(each)
    said: dict[str, list[str]] = {}
    for name, value in found.values.items():
        if _is_default(context, name):
            words = (
                ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else value
            )
            said.setdefault(found.places[name], []).append(f"{name.replace('_', '-')} {words}")
    for place, settings in said.items():
        print_message(f"{place}: {'; '.join(settings)}")


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return os.sep
