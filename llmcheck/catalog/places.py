"""Paths of the shipped files."""

from __future__ import annotations

import functools
import os

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@functools.cache
def profile_folder() -> str:
    """The folder of the shipped profiles: inside the installed package, or next to the package in a checkout."""
    inside = os.path.join(PACKAGE, "profiles")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(PACKAGE), "profiles")


def path_of(name: str) -> str:
    """The path of a shipped file, by its name in an installed package, such as ``profiles/minimum.toml``."""
    folder, _, file = name.partition("/")
    return os.path.join(profile_folder() if folder == "profiles" else os.path.join(PACKAGE, folder), file)
