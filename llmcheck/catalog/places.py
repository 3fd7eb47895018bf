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


NODES = "nodes"
"""The folder in ``profiles`` with those of real nodes."""


def profile_file(name: str) -> str:
    """The name of a shipped profile's file in an installed package, by its id."""
    return f"profiles/{NODES}/{name}.toml" if name.startswith("node-") else f"profiles/{name}.toml"


def path_of(name: str) -> str:
    """The path of a shipped file, by its name in an installed package, such as ``profiles/minimum.toml``."""
    folder, _, file = name.partition("/")
    return os.path.join(profile_folder() if folder == "profiles" else os.path.join(PACKAGE, folder), file)
