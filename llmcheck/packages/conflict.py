"""What is wrong between installed packages, as plain values."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal[
    "requires",
    "missing",
    "built-for",
    "extension",
    "disabled",
    "numpy",
    "build",
    "no-gpu",
    "same-files",
    "no-metadata",
    "files-missing",
    "editable-gone",
    "duplicate",
    "mixed",
    "shadowed",
    "directory",
    "other-python",
    "no-record",
    "half-removed",
    "conda-and-pip",
]


class Conflict(Struct, frozen=True, kw_only=True):
    """One package, and what keeps it from working."""

    package: str
    """Normalised name of what is broken."""
    kind: Kind
    version: str = ""
    """Of the package, as installed."""
    other: str = ""
    """Normalised name of what breaks it; empty where it is no package."""
    found: str = ""
    """The installed version or build of the other; empty where it is missing."""
    needs: str = ""
    """What the package needs of the other: a specifier, a release or a build."""
    evidence: str = ""
    """The line of its metadata, or the source and date of the table's row."""
    place: str = ""
    """The file or folder that shows it."""
    hidden: str = ""
    """What is hidden by ``place``."""
    broken: bool = True
    """False: it works today, and the fault is one for the next installation."""
    wants: tuple[str, ...] = ()
    """Requirements (PEP 508) whose installation mends it."""
    options: tuple[str, ...] = ()
    """Options of pip for it."""
