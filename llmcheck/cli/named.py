"""The paths that a command line and its environment name, each touched first by a child with the probe's deadline."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

_CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")
_ENVIRONMENTS = ("VIRTUAL_ENV", "CONDA_PREFIX")
_PYTHON = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
_OPTIONS = ("path", "python", "venv", "output", "save")


def require_options() -> None:
    """Raises UsageError for a path of an option, or an active environment, that does not answer.

    An environment whose Python runs this process has answered.
    """
    parameters = click.get_current_context().params
    named = [(f"--{name}", path) for name in _OPTIONS if isinstance(path := parameters.get(name), str)]
    active = [each for each in _variables(_ENVIRONMENTS) if each[1] != sys.prefix]
    environments = [*active, *(each for each in named if each[0] == "--venv")]
    require(named, active, [(name, os.path.join(path, *_PYTHON)) for name, path in environments])


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

        answering.require(named, _probe_timeout() or answering.SECONDS)


def _probe_timeout() -> float | None:
    """None for a command without this option."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.params.get("probe_timeout")


def _variables(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, path) for name in names if (path := os.environ.get(name))]
