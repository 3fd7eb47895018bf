"""Plug-ins by file name: what is in a package's folder is what there is, and a module is imported when it is used."""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType


@functools.cache
def names(package: str) -> tuple[str, ...]:
    """The public modules of a package, sorted; found from the folder, so that there is no list to forget.

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
    """One plug-in. The caller checks the name against ``names`` first, to be able to say what there is."""
    return importlib.import_module(f"{package}.{name}")
