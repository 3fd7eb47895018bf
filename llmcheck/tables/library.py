"""One library that the document names: how it is installed there, and how it is installed so that it works."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct, field


class Library(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    area: Literal[
        "core", "llm", "inference", "agents", "evaluation", "tracking", "responsible-ai", "data", "quantization"
    ]
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
    needs_nvidia: bool = False
    """It is of no use without an NVIDIA GPU."""
    compute_capability: str | None = None
    """The least that its NVIDIA kernels run on; says nothing of other hardware."""
    driver: str | None = None
    """The least NVIDIA driver of its published wheel."""
    glibc_min: str | None = None
    """The least C library of its wheels on Linux."""
    macos_min: int | None = None
    torch: str | None = None
    """The specifier that its newest release puts on torch: ``==2.13.0``; None where it names none, or no torch."""
    pins_torch: bool = field(default=False, name="brings_torch")
    """It pins torch exactly: its own resolution decides, no torch is installed before it."""
    build: bool = False
    """No wheel: it is compiled or packed on the machine."""
    build_isolation: bool = True
    """False where the build needs the torch that is installed (``--no-build-isolation``)."""
    extra_index_url: str | None = None
    """An index beside PyPI that its wheel comes from."""
    needs: tuple[str, ...] = ()
    """Libraries that come first, by id."""
    conflicts: tuple[str, ...] = ()
    """Libraries whose pins exclude its own, by id; the relation holds both ways."""
    tools: tuple[str, ...] = ()
    """Commands that it needs on PATH."""
    hardware: str | None = None
    environment: str | None = None
    """The name of its own virtual environment: the one it goes to when it cannot share."""
    isolated: bool = field(default=False, name="apart")
    """It always gets an environment of its own; otherwise only beside what it conflicts with."""
    licence: str | None = None
    """SPDX expression, as the project publishes it; None where it could not be told."""
    tiers: str | None = None
    """What it is for in the documented tiers, in a few words."""
    verify: str | None = None
    """Python source that proves it: one line, run with -c; None: importing ``import_name`` does."""
    version: str | None = None
    """Newest release seen on ``as_of``."""
    note: str | None = None
    commands: tuple[str, ...] = ()
    """POSIX shell lines for a library that pip does not install."""
    start_by_hand: bool = False
    """The last of the commands starts a server, or an installer with more rights: a script shows it and does not run
    it."""


class Alias(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name that people use, and the library that is meant or that took its place."""

    name: str
    library: str
    """Catalogue id."""
    dead: bool = False
    """The name's own project has ended, or the package of that name is another project."""
    reason: str
    """One line of why; shown when the name is used."""
    source: str
    as_of: datetime.date


class Closure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a library's advised command resolved to, once, on one platform."""

    outcome: Literal["resolves", "needs-build", "no-wheel", "container-only", "conflict", "not-python"]
    message: str | None = None
    packages: dict[str, str] = {}
    """Normalised name to version, dependencies included."""


class Resolutions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every library of the catalogue, resolved for real on one day."""

    as_of: datetime.date
    platform: str
    """``Python 3.11, linux-x86_64, glibc 2.36``."""
    resolver: str
    libraries: dict[str, Closure]
    sizes: dict[str, tuple[int, int]]
    """``name==version`` to bytes downloaded and bytes installed."""
