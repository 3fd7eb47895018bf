"""The paths that a command line and its environment name, each touched first by a child with the probe's deadline."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from llmcheck.errors import UsageError

_CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")
_ENVIRONMENTS = ("VIRTUAL_ENV", "CONDA_PREFIX")
_PYTHON = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
_OPTIONS = ("path", "python", "venv", "output", "save", "baseline", "checklist")
_WRITTEN = ("output", "save")
_READ = ("baseline",)
READ = "llmcheck.read"
"""In ``Context.meta``: files that a command reads without a parameter that names them."""
_REPORT = "report"
"""Several files to write, each with its format."""


def require_options() -> None:
    """Raises UsageError for a path of an option, or an active environment, that does not answer.

    An environment whose Python runs this process has answered.
    """
    parameters = click.get_current_context().params
    named = [(f"--{name}", path) for name in _OPTIONS if isinstance(path := parameters.get(name), str)]
    active = active_environments()
    environments = [*active, *(each for each in named if each[0] == "--venv")]
    require(named, active, [(name, os.path.join(path, *_PYTHON)) for name, path in environments])


def active_environments() -> list[tuple[str, str]]:
    """The variables and folders of the active environments but that of this process."""
    return [each for each in _variables(_ENVIRONMENTS) if each[1] != sys.prefix]


def require_model(model: str | None, *more: tuple[str, str | None]) -> None:
    """The same for a model and the caches in which its name is looked for."""
    require([("", model)] if model else (), [(name, path) for name, path in more if path], _variables(_CACHES))


def require_profiles(names: Sequence[str]) -> None:
    """The same for arguments that may be files of profiles."""
    from llmcheck.catalog import profiles

    known = profiles.ids()
    require([("", name) for name in names if name not in known])


def require(*groups: Sequence[tuple[str, str]]) -> None:
    """The same for any paths, each with what names it. Costs nothing where there are none."""
    named = [(name, os.path.expanduser(path)) for group in groups for name, path in group if path not in ("", "-")]
    if named:
        from llmcheck.system import answering

        limit()
        answering.require(named, _parameter("probe_timeout") or answering.SECONDS)


def limit() -> None:
    """Has what is read and written from now on end within the limits of this command line."""
    from llmcheck.system import answering

    answering.limit(_parameter("probe_timeout") or answering.SECONDS, _parameter("timeout") or answering.ALL_SECONDS)


def kind(path: str, name: str = "") -> str:
    """What a path leads to, as ``answering.kind``; ``name``: what names it."""
    from llmcheck.system import answering

    require([(name, path)])
    return answering.kind(os.path.expanduser(path), name)


def refuse_inputs() -> None:
    """Raises UsageError where ``--output``, ``--save`` or ``--report`` names a file that this command reads."""
    context = click.get_current_context()
    parameters = context.params
    written = [path for _, path in _written()]
    read = [each for name, value in parameters.items() if name not in (*_WRITTEN, _REPORT) for each in _paths(value)]
    read += [path for name in _READ if isinstance(path := parameters.get(name), str)]
    read += context.meta.get(READ, [])
    if not written or not read:
        return
    from llmcheck.system import answering

    paths = [*written, *read]
    named = [(option_of(path) if path in written else "", path) for path in paths]
    require(named)
    same = answering.apart(lambda: _first_same(written, read), named)
    if same is not None:
        raise UsageError(f"{option_of(same)} {same}: this command reads that file; nothing was written")


def refuse_doubles() -> None:
    """Raises UsageError where two of ``--output`` and ``--report`` name one file."""
    written = _written()
    for index, (option, path) in enumerate(written):
        for _, other in written[:index]:
            if are_one_file(other, path):
                raise UsageError(f"{option} {path}: another option names the same file; nothing was written")


def _written() -> list[tuple[str, str]]:
    """The options that name a file to write, and the files."""
    parameters = click.get_current_context().params
    single = [(f"--{name}", path) for name in _WRITTEN if isinstance(path := parameters.get(name), str) and path != "-"]
    return [*single, *((f"--{_REPORT}", each.path) for each in parameters.get(_REPORT) or ())]


def are_one_file(one: str, other: str) -> bool:
    """Whether two paths to write lead to the same place."""
    from llmcheck.system import answering

    named = [(option_of(path), path) for path in (one, other)]
    require(named)
    return answering.apart(lambda: os.path.realpath(one) == os.path.realpath(other), named)


def option_of(path: str) -> str:
    """The option that names the file to write."""
    context = click.get_current_context(silent=True)
    if context is None:
        return "--output"
    return next((option for option, written in _written() if written == path), "--output")


def _paths(value: object) -> list[str]:
    """Of a parameter, what may be a path: without an ending or a folder it may be the name of a profile or model."""
    values = value if isinstance(value, tuple) else (value,)
    return [each for each in values if isinstance(each, str) and (os.path.splitext(each)[1] or os.path.dirname(each))]


def _first_same(written: Sequence[str], read: Sequence[str]) -> str | None:
    for path in written:
        for each in read:
            with contextlib.suppress(OSError, ValueError):
                if os.path.isfile(each) and os.path.samefile(each, path):
                    return path
    return None


def _parameter(name: str) -> float | None:
    """A number of the command line; None for a command without this option."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.params.get(name)


def _variables(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, path) for name in names if (path := os.environ.get(name))]
