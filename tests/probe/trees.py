"""Small captured trees, written by hand, and the dumps of real machines beside the project."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.probe.host_trees import DUMPS


def plant(root: pathlib.Path, files: dict[str, str]) -> None:
    """Writes files; a value that begins with ``->`` makes a symbolic link, a key that ends in ``/`` a folder."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("->"):
            os.symlink(content[2:], path)
        else:
            path.write_text(content)


def dump(name: str) -> pathlib.Path:
    """One dump of a real machine; skips the test where the dumps are not."""
    path = DUMPS / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path
