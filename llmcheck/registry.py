"""Plug-ins by file name: every module in a package's folder is one, and it is imported when it is used."""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType


@functools.cache
def names(package: str) -> tuple[str, ...]:
    """The public modules of a package, sorted; read from its folder, so there is no list to maintain.

    Raises ModuleNotFoundError if there is no such package.
    """
    found: set[str] = set()
    for folder in importlib.import_module(package).__path__:
        found.update(
            entry.removesuffix(".py")
            for entry in os.listdir(folder)
            if entry.endswith(".py") and not entry.startswith("_")
        )
    return tuple(sorted(found))


@functools.cache
def load(package: str, name: str) -> ModuleType:
    """One plug-in. The caller first checks the name against ``names``, so that its error can list the names."""
    return importlib.import_module(f"{package}.{name}")
