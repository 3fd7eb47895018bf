"""One library: the documented install command, and the command that llmcheck advises."""

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
    """As documented; None if the document has none."""
    documented: str | None = None
    """The documented install command; None if the document has none."""
    distributions: tuple[str, ...] = ()
    """Names of packages; the library is installed if one of them is."""
    import_name: str | None = None
    binaries: tuple[str, ...] = ()
    """Programs; the library is installed if one of them is on PATH."""
    requirements: tuple[str, ...] = ()
    """What to install (PEP 508), with lower bounds so that no resolver chooses an old release."""
    installer: Literal["uv"] | None = None
    """The installer that can resolve its dependencies in reasonable time; None: any."""
    python_min: str | None = None
    """The oldest supported Python."""
    python_below: str | None = None
    """The oldest Python that is too new; None if there is no upper bound."""
    free_threaded: bool | None = None
    """It has wheels for free-threaded Python; None: not known."""
    platforms: tuple[str, ...] = ()
    """``linux-x86_64``, ``macos-arm64``, ...; empty: any."""
    needs_nvidia: bool = False
    """It does not work without an NVIDIA GPU."""
    compute_capability: str | None = None
    """The lowest compute capability that its kernels support; for NVIDIA GPUs only."""
    compute_capability_since: str | None = None
    """The first release with that minimum; older ones may run on older cards. None: all that are known have it."""
    driver: str | None = None
    """The oldest NVIDIA driver for its wheel."""
    glibc_min: str | None = None
    """The oldest glibc for its Linux wheels."""
    musl: bool | None = None
    """It has wheels for musl (Alpine) too; None: only what ``glibc_min`` and ``torch`` say is known."""
    macos_min: int | None = None
    torch: str | None = None
    """The torch specifier of its newest release, such as ``==2.13.0``; None if it has none."""
    pins_torch: bool = field(default=False, name="brings_torch")
    """It pins an exact torch and installs that itself, so no torch is installed before it."""
    build: bool = False
    """It has no wheel and is built on the machine."""
    build_isolation: bool = True
    """False if its build needs the installed torch (``--no-build-isolation``)."""
    extra_index_url: str | None = None
    """An index in addition to PyPI that has its wheel."""
    needs: tuple[str, ...] = ()
    """Ids of libraries that have to be installed first."""
    conflicts: tuple[str, ...] = ()
    """Ids of libraries that cannot share an environment with it, because their pins exclude each other; symmetric."""
    tools: tuple[str, ...] = ()
    """Programs that it needs on PATH."""
    compiles_at_run: tuple[str, ...] = ()
    """What it compiles kernels with when it runs on GPUs under Linux: programs, and ``python-headers`` (Python.h)."""
    compiles_always: bool = True
    """It does not start without those; False: only some of its functions need them."""
    hardware: str | None = None
    environment: str | None = None
    """The name of its separate environment, for when it cannot share one."""
    isolated: bool = field(default=False, name="apart")
    """It always gets a separate environment. False: only if it conflicts with another library."""
    licence: str | None = None
    """SPDX expression of the project's licence; None if unknown."""
    tiers: str | None = None
    """Its purpose in the documented tiers, in a few words."""
    verify: str | None = None
    """One line of Python, run with -c, that verifies it; None: importing ``import_name`` does."""
    verify_gpu: str | None = None
    """Python, run with -c, that sets ``ok`` to whether it can use the GPU; None: it is not asked."""
    version: str | None = None
    """The newest release on ``as_of``."""
    note: str | None = None
    commands: tuple[str, ...] = ()
    """POSIX shell lines for a library that pip does not install."""
    start_by_hand: bool = False
    """The last of the commands starts a server, or an installer with more rights: a script shows it and does not run
    it."""


class Alias(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another name for a library, or the name of a project that it replaced."""

    name: str
    library: str
    """Catalogue id."""
    dead: bool = False
    """The project of that name has ended, or the package of that name is another project."""
    reason: str
    """One line, shown when the name is used."""
    source: str
    as_of: datetime.date


class Closure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The packages that the advised command of a library resolved to, on one platform."""

    outcome: Literal["resolves", "needs-build", "no-wheel", "container-only", "conflict", "not-python"]
    message: str | None = None
    packages: dict[str, str] = {}
    """Normalised name to version, dependencies included."""


class Resolutions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The resolution of every library of the catalogue, made on one day."""

    as_of: datetime.date
    platform: str
    """``Python 3.11, linux-x86_64, glibc 2.36``."""
    resolver: str
    libraries: dict[str, Closure]
    sizes: dict[str, tuple[int, int]]
    """``name==version`` to bytes downloaded and bytes installed."""
