"""The answers of the listing commands, as values that every format can write."""

from __future__ import annotations

import datetime
from typing import Literal

from msgspec import Struct

from llmcheck.schema.profile import Profile
from llmcheck.tables.correction import Correction
from llmcheck.tables.library import Alias, Library


class ProfileList(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.profiles/1"
    profiles: tuple[Profile, ...]


class ShownProfile(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.profile/1"
    profile: Profile
    corrections: tuple[Correction, ...]


class ModelRow(Struct, frozen=True, kw_only=True):
    id: str
    names: tuple[str, ...]
    """Repositories that have these shapes."""
    parameters: int
    active: int
    """Weights that are used for one token."""
    context: int | None
    """Longest context that the model declares, in tokens."""
    source: str
    as_of: datetime.date


class ModelList(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.models/1"
    models: tuple[ModelRow, ...]


class LibraryList(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.libraries/1"
    libraries: tuple[Library, ...]


class ShownLibrary(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.library/1"
    library: Library
    alias: Alias | None = None
    """Why the requested name means this library; None where it is the library's own."""
    corrections: tuple[Correction, ...]


class LibraryState(Struct, frozen=True, kw_only=True):
    """One library, in one Python environment."""

    id: str
    name: str
    area: str
    state: Literal["installed", "outdated", "broken", "missing", "unknown"]
    """``broken``: it is listed as installed, and an import would not find it. ``outdated``: older than ``newest``."""
    version: str | None = None
    """Installed; None where it is not, or for a program that does not report a version."""
    newest: str | None = None
    """Newest release of the table, as of ``as_of``."""
    as_of: datetime.date
    importable: bool | None = None
    """Its module lies on the interpreter's path as files; None where it has no module, or that was not examined."""


class LibraryCheck(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.library-check/1"
    python: str | None
    """The interpreter whose environment was examined; None where there is none."""
    exit_code: int
    """1 where a named library is missing or broken, 3 where that is unknown."""
    libraries: tuple[LibraryState, ...]
