"""The defaults that a project and the environment set for a command, below what its command line says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmcheck.cli import named
from llmcheck.cli.options import PROBE_TIMEOUT, MachineOptions
from llmcheck.errors import DataError, UsageError

if TYPE_CHECKING:
    from llmcheck.catalog.configuration import Configured
    from llmcheck.catalog.variables import Given
    from llmcheck.system.project_file import ProjectFile

F = TypeVar("F", bound=Callable[..., Any])

NONE = "none"
"""The value of ``--config`` with which no file of a project is read."""
_META = "llmcheck.configured"
_VARS = "vars"
"""No parameter: the values that ``--vars`` reads from a file stand in the project's file itself."""
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
    values = {**project.values, **variables.values}
    context.default_map = {name: value for name, value in values.items() if name != _VARS}
    context.meta[named.READ] = [each.path for each in found if each.data is not None]
    context.meta[_META] = configuration.Configured(values, {**project.places, **variables.places}, project.left_alone)


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


def of_these_profiles(*given: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """``--skip`` and ``--only`` as they apply: a file's are about its own profiles, not about those named elsewhere."""
    context = click.get_current_context()
    kept = []
    for parameter, value in zip(_OF_THE_PROFILES, given, strict=True):
        foreign = _is_default(context, parameter) and not _is_with_its_profiles(context, parameter)
        kept.append(() if foreign else value)
        if foreign:
            _drop(context, parameter)
    return tuple(kept)


def with_variables(given: Given | None, path: str | None) -> Given | None:
    """With the values that a project's file has for its own profiles. ``path``: of ``--vars``, which replaces them."""
    context = click.get_current_context()
    found: Configured = context.meta[_META]
    if path is not None or not _is_with_its_profiles(context, _VARS):
        return given
    import msgspec

    from llmcheck.catalog.variables import NOTHING  # few files set any

    where = f"{found.places[_VARS]}, {_VARS}"
    return msgspec.structs.replace(given or NOTHING, file=found.values[_VARS], file_name=where)


def names_the_profiles() -> bool:
    """Whether a file named the profiles of this run: then none of them starts a program because it was named."""
    from llmcheck.catalog.configuration import PREFIX

    context = click.get_current_context()
    place: str = context.meta[_META].places.get("profiles", PREFIX)
    return _is_default(context, "profiles") and not place.startswith(PREFIX)


def _is_with_its_profiles(context: click.Context, name: str) -> bool:
    """Whether a default is for any profiles, as a variable is, or stands in the file that names those of this run."""
    places: Mapping[str, str] = context.meta[_META].places
    if name not in places:
        return False
    from llmcheck.catalog.configuration import PREFIX

    is_files = places.get("profiles") == places[name] and _is_default(context, "profiles")
    return is_files or places[name].startswith(PREFIX)


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
        if _is_default(context, name) or (name == _VARS and _is_with_its_profiles(context, name)):
            words = ", ".join(value) if isinstance(value, tuple | dict) else value
            shown = f"{words:g}" if isinstance(words, float) else str(words)
            said.setdefault(found.places[name], []).append(f"{name.replace('_', '-')} {shown}")
    for place, settings in said.items():
        print_message(f"{place}: {'; '.join(settings)}")


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return os.sep
