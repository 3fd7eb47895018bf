"""One library that the document names: how it is installed there, and how it is installed so that it works."""

from __future__ import annotations

import datetime
from typing import Literal

from msgspec import Struct


class Library(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    area: Literal["core", "llm", "inference", "agents", "evaluation", "tracking", "responsible-ai"]
    summary: str
    install: Literal["pip", "source", "container", "service"]
    status: Literal["active", "maintenance", "frozen", "closing", "stale"]
    source: str
    as_of: datetime.date
    url: str | None = None
    """As documented; None where the document gives none."""
    documented: str | None = None
    """The document's own install command; None where it gives none."""
    distributions: tuple[str, ...] = ()
    """Any of these installed means that the library is there."""
    import_name: str | None = None
    binaries: tuple[str, ...] = ()
    """Any of these on PATH means that it is there."""
    requirements: tuple[str, ...] = ()
    """What to ask the installer for (PEP 508), with floors so that no resolver walks back to an old release."""
    installer: Literal["uv"] | None = None
    """The installer that gets through its dependencies; None where pip does, too."""
    python_min: str | None = None
    """The oldest Python that has a release."""
    python_below: str | None = None
    """The oldest Python that has none any more; None where no upper bound is declared."""
    platforms: tuple[str, ...] = ()
    """``linux-x86_64``, ``macos-arm64``, ...; empty means any."""
    compute_capability: str | None = None
    """The least that its NVIDIA kernels run on; None where it needs no NVIDIA GPU."""
    driver: str | None = None
    """The least NVIDIA driver of its published wheel."""
    needs: tuple[str, ...] = ()
    """Libraries that come first, by id."""
    tools: tuple[str, ...] = ()
    """Commands that it needs on PATH."""
    hardware: str | None = None
    environment: str | None = None
    """Its own virtual environment, by name, when its pins exclude what others need; None is the shared one."""
    version: str | None = None
    """Newest release seen on ``as_of``."""
    note: str | None = None
    commands: tuple[str, ...] = ()
    """POSIX shell lines, for what pip does not install."""
