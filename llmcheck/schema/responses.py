"""The answers of the listing commands, as values that every format can write."""

from __future__ import annotations

import datetime
from typing import Literal

from msgspec import Struct

from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Group, Level
from llmcheck.tables.correction import Correction
from llmcheck.tables.library import Alias, Library


class ProfileList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck profiles list``."""

    schema: str = "llmcheck.profiles/1"
    """Format of this document and its version."""
    profiles: tuple[Profile, ...]
    """In the order of listings."""


class ShownProfile(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck profiles show``."""

    schema: str = "llmcheck.profile/1"
    """Format of this document and its version."""
    profile: Profile
    """The profile."""
    corrections: tuple[Correction, ...]
    """Known errors in its documented figures."""


class Check(Struct, frozen=True, kw_only=True):
    """One line that ``llmcheck check`` judges."""

    profile: str
    """Id of the profile."""
    id: str
    """Its id: ``--only``, ``--skip`` and ``--severity`` take it."""
    kind: str
    """Kind of the requirement, or ``fit``."""
    group: Group
    """What it is about; ``--only`` and ``--skip`` take it."""
    level: Level
    """Only ``required`` decides the verdict."""
    tags: tuple[str, ...] = ()
    """``--only`` and ``--skip`` take them."""
    cluster: bool = False
    """It is about the cluster and cannot be judged on one machine."""
    needed: str
    """What is required, in words."""
    why: str | None = None
    """Why it is required; None where the profile does not state it."""
    source: str | None = None
    """The place in the document that states the requirement."""


class CheckList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck check --list-checks``."""

    schema: str = "llmcheck.checks/1"
    """Format of this document and its version."""
    checks: tuple[Check, ...]
    """In the order of the profiles and of their lines."""


class ModelRow(Struct, frozen=True, kw_only=True):
    """One well-known model."""

    id: str
    """Its name in ``--model``."""
    names: tuple[str, ...]
    """Repositories that have these shapes."""
    parameters: int
    """Number of weights."""
    active: int
    """Weights that are used for one token."""
    context: int | None
    """Longest context that the model declares, in tokens."""
    source: str
    """Where the configuration was read."""
    as_of: datetime.date
    """Day on which it was read."""


class ModelList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck models list``."""

    schema: str = "llmcheck.models/1"
    """Format of this document and its version."""
    models: tuple[ModelRow, ...]
    """In the order of the table."""


class LibraryList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck libraries list``."""

    schema: str = "llmcheck.libraries/1"
    """Format of this document and its version."""
    libraries: tuple[Library, ...]
    """In the order of the catalogue."""


class ShownLibrary(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck libraries show``."""

    schema: str = "llmcheck.library/1"
    """Format of this document and its version."""
    library: Library
    """The row of the catalogue."""
    alias: Alias | None = None
    """Why the requested name means this library; None where it is the library's own."""
    corrections: tuple[Correction, ...]
    """Known errors in what is documented about it."""


InstallState = Literal["installed", "outdated", "broken", "missing", "unknown"]


class LibraryState(Struct, frozen=True, kw_only=True):
    """One library, in one Python environment."""

    id: str
    """Id in the catalogue."""
    name: str
    """Its name."""
    area: str
    """What it is for."""
    state: InstallState
    """``broken``: it is listed as installed, and an import would not find it, or it does not work for ``reason``.
    ``outdated``: older than ``newest``."""
    version: str | None = None
    """Installed; None where it is not, or for a program that does not report a version."""
    newest: str | None = None
    """Newest release of the table, as of ``as_of``."""
    as_of: datetime.date
    """Day of the table."""
    obstacle: str | None = None
    """Why it cannot be installed on this machine in any environment; None where no reason is known, or it is there."""
    importable: bool | None = None
    """Its module lies on the interpreter's path as files; None where it has no module, or that was not examined."""
    reason: str | None = None
    """What breaks it; None where nothing does, or only files are missing."""
    remedy: str | None = None
    """What mends that; None where nothing is broken or known to help."""


class LibraryCheck(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck libraries check``."""

    schema: str = "llmcheck.library-check/1"
    """Format of this document and its version."""
    python: str | None
    """The interpreter whose environment was examined; None where there is none."""
    exit_code: int
    """1 where a named library is missing or broken, 3 where that is unknown."""
    libraries: tuple[LibraryState, ...]
    """One for each library that was checked."""


class WorkCheck(Struct, frozen=True, kw_only=True):
    """One check of ``llmcheck prove``."""

    id: str
    """Its name in ``--only`` and ``--skip``."""
    title: str
    """What it does."""
    quantities: tuple[str, ...]
    """What it measures; names of ``--at-least``."""
    needs_torch: bool
    """It uses torch in the project's interpreter."""
    program: str | None = None
    """The program that it starts; None for a check of llmcheck's own. Such a check runs only where it is named."""
    path: str | None = None
    """Where that program is; None where it is not on PATH."""


class WorkChecks(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck prove --list``."""

    schema: str = "llmcheck.work-checks/1"
    """Format of this document and its version."""
    checks: tuple[WorkCheck, ...]
    """In the order in which they run."""
