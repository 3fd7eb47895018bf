"""What to do about a report: the build of PyTorch, the installation plan, the next step."""

from __future__ import annotations

import datetime
from typing import Literal

from msgspec import Struct, field

from llmcheck.schema.cheapest import CheapestOffer
from llmcheck.schema.renting import RankedOffer

Shell = Literal["bash", "fish", "powershell", "cmd"]
Installer = Literal["pip", "uv"]
StepKind = Literal["system", "environment", "install", "build", "run", "verify"]


class Decision(Struct, frozen=True, kw_only=True):
    """One step on the way to an answer."""

    question: str
    """What was decided."""
    answer: str
    """What was chosen, or how the test came out."""
    passed: bool | None = None
    """Whether a test was passed; None for a question that is no test."""
    source: str | None = None
    """Where the rule is documented; None where it needs no source."""


class TorchBuild(Struct, frozen=True, kw_only=True):
    """The build of PyTorch to install on a machine, and why."""

    schema: str = "llmcheck.torch-index/1"
    """Format of this document and its version."""
    tag: str
    """``cpu``, ``cu126``, ``cu132``, ``rocm7.2``, ``xpu``, ``mps``, ``jetson``."""
    index_url: str | None
    """None where PyPI's own wheel is that build."""
    requirement: str
    """PEP 508, with a lower bound that was resolved, and an upper one where newer releases do not work."""
    reasons: tuple[str, ...]
    """The decisive ones, in sentences."""
    remedy: str | None = None
    """What would allow a better build (a newer driver); None where nothing is better."""
    driver: str | None = None
    """The oldest NVIDIA driver for that better build; None where no driver would allow one."""
    none: str | None = None
    """Why no release can be installed here, or none that is wanted; the rest is then only what comes nearest."""
    backend: str | None = None
    """What UV_TORCH_BACKEND names on that machine; None where it is not set."""
    decisions: tuple[Decision, ...] = ()
    """Every test that was made, in order."""

    @property
    def reason(self) -> str:
        return "; ".join(self.reasons)


class Step(Struct, frozen=True, kw_only=True):
    """One command of a plan."""

    kind: StepKind
    """``system`` is for an administrator and comes first; ``verify`` proves what was installed and comes last."""
    command: str
    """One line for the plan's shell, every argument quoted."""
    argv: tuple[str, ...]
    """The same as separate arguments."""
    variables: dict[str, str] = {}
    """Environment variables for this command alone."""
    reason: str
    """Why the step is in the plan."""
    root: bool = False
    """It needs an administrator's rights."""
    reboot: bool = False
    """The machine has to be restarted after it."""
    requirements: tuple[str, ...] = ()
    """What an ``install`` step installs (PEP 508)."""
    index_url: str | None = None
    """The index that it uses instead of PyPI."""
    extra_index_url: str | None = None
    """A second index that it uses; None for none."""
    requires: tuple[str, ...] = ()
    """Commands that have to be on PATH before it can run."""
    options: tuple[str, ...] = ()
    """Further options of the installer: ``--no-build-isolation``, ``--force-reinstall``."""
    changes: tuple[str, ...] = ()
    """Installed packages that it replaces, in words; empty where it only adds."""
    replaces: tuple[str, ...] = ()
    """Names of the installed packages that it replaces, or may replace."""
    breaks: tuple[str, ...] = ()
    """Installed packages that stay and stop working, as ``name version``."""
    undo: str | None = None
    """The command that restores what it replaces; None where it only adds."""
    expect: str | None = None
    """What a ``verify`` step prints when all is well."""
    needs_gpu: bool = False
    """It succeeds only where a GPU can be used: not while a container image is built."""


class Environment(Struct, frozen=True, kw_only=True):
    """One Python environment, and the steps that fill it in order."""

    name: str
    """``shared``, or the name of what cannot share one."""
    python: str | None
    """The interpreter that the commands address; None for what needs none (a container)."""
    python_version: str | None = None
    """Of that interpreter, existing or not; None where it is not known."""
    folder: str | None = None
    """The environment that the plan makes; None where it exists already."""
    installer: Installer
    """The program that installs packages into it."""
    libraries: tuple[str, ...] = ()
    """Catalogue ids that go into it."""
    reason: str | None = None
    """Why it is one of its own; None for the shared one."""
    steps: tuple[Step, ...]
    """In the order in which they run."""


class LibraryChoice(Struct, frozen=True, kw_only=True):
    """One library chosen where a tier allows several."""

    chosen: str
    """Id of the library."""
    reason: str
    """Why it was chosen."""
    rejected: dict[str, str]
    """The others, each with what is against it."""


class LeftOut(Struct, frozen=True, kw_only=True):
    """A library that cannot be installed."""

    library: str
    """Id of the library."""
    reason: str
    """Why it cannot be installed."""


class Size(Struct, frozen=True, kw_only=True):
    """Bytes that the plan needs, as measured on another machine."""

    download: int
    """Bytes to download."""
    installed: int
    """Bytes on disk once installed."""
    free: int | None
    """On the disk of the environments; None where it could not be found out."""
    as_of: datetime.date
    """Day of the measurement."""
    unknown: tuple[str, ...] = ()
    """Libraries whose size is not in the sum."""

    @property
    def shortfall(self) -> int:
        """Bytes that the disk lacks; 0 where there is enough space, or the free space is not known."""
        return 0 if self.free is None else max(0, self.download + self.installed - self.free)


class Resolved(Struct, frozen=True, kw_only=True):
    """One package that the resolver chose."""

    name: str
    """Name of the distribution."""
    version: str
    """The chosen version."""
    url: str | None = None
    """Address of the file; None where the resolver does not state it."""
    sha256: str | None = None
    """Digest of the file in hexadecimal; None where it is not stated."""
    size: int | None = None
    """Bytes to download; None where the index does not say it."""
    source_build: bool = False
    """There is only a source package: it is built on this machine."""


class Verification(Struct, frozen=True, kw_only=True):
    """The answer of the real resolver for one environment."""

    environment: str
    """Name of the ``Environment``."""
    status: Literal["resolved", "conflict", "offline", "failed"]
    """``conflict``: no versions fit together; ``offline``: no index was reachable; ``failed``: another error."""
    resolver: str
    """``uv 0.13.9``, ``pip 26.3``; ``none`` where none could be run."""
    message: str
    """One sentence; for a conflict the resolver's own cause."""
    packages: tuple[Resolved, ...] = ()
    """Everything that would be installed; () unless resolved."""
    download: int | None = None
    """Bytes; None where a size is unknown."""
    requires_python: str | None = None
    """Version of the Python that it was resolved for."""


class Judged(Struct, frozen=True, kw_only=True):
    """The machine that a plan is for."""

    hostname: str | None = None
    """None where it is not known or was redacted."""
    system: str | None = None
    """``linux``, ``darwin``, ``windows``."""
    architecture: str | None = None
    """As the kernel names it, such as ``x86_64``; None where it is not known."""
    hypothetical: bool = field(default=False, name="stated")
    """It was described in words, not inspected."""


class ContainerImage(Struct, frozen=True, kw_only=True):
    """A container image to build from."""

    name: str
    """Reference of the image with its tag."""
    python: str
    """The Python that its system packages bring, major.minor."""


class Plan(Struct, frozen=True, kw_only=True):
    """What to install on a machine for profiles or libraries, as steps in order."""

    schema: str = "llmcheck.plan/1"
    """Format of this document and its version."""
    target: str
    """The names of profiles and libraries that the plan is for."""
    machine: Judged = Judged()
    """The machine that the plan is for."""
    shell: Shell = "bash"
    """The shell that ``Step.command`` is quoted for."""
    torch: TorchBuild | None = None
    """None where the plan installs no PyTorch."""
    first: tuple[str, ...] = ()
    """What has to be done before any step, and no command here can do or should do by itself, in sentences."""
    system: tuple[Step, ...] = ()
    """Changes of the system, most of them with an administrator's rights (``root``); they come before the rest."""
    environments: tuple[Environment, ...]
    """In the order in which they are filled."""
    satisfied: tuple[str, ...]
    """Ids of the libraries that are installed already."""
    choices: tuple[LibraryChoice, ...] = ()
    """Libraries chosen among several that would do."""
    left_out: tuple[LeftOut, ...] = ()
    """What cannot be installed here."""
    size: Size | None = None
    """None where it could not be summed up."""
    notes: tuple[str, ...]
    """What a person should know before pasting: choices made, names that mislead."""
    image: ContainerImage | None = None
    """For a container: an image with the CUDA compiler; None where nothing is compiled with it."""
    verification: tuple[Verification, ...] | None = None
    """None where the resolver did not run."""

    @property
    def exit_code(self) -> int:
        """0; after a run of the resolver 1 for a conflict, 3 where it could not tell."""
        found = {each.status for each in self.verification or ()}
        return 1 if "conflict" in found else 3 if found - {"resolved"} else 0


class Advice(Struct, frozen=True, kw_only=True):
    """The next step for one profile."""

    profile: str
    """Id of the profile."""
    reason: str
    """Why this profile was chosen."""
    plan: Plan | None = None
    """What to install; None where the hardware is the obstacle."""
    rent: CheapestOffer | None = None
    """The cheapest machine that would pass, where this one's hardware does not."""
    offer: RankedOffer | None = None
    """``rent`` in documents of version 0.1; else None."""
    tip: str | None = None
    """Something to try first, in a sentence; None for nothing."""
