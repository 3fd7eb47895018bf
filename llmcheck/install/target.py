"""Which Python environments a plan fills: the judged one, or new ones where that cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from llmcheck.install.incompatibility import is_windows, python_mismatch, tool
from llmcheck.install.specifiers import excluded, first_release
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Machine
from llmcheck.tables.library import Library

SHARED = "shared"
VENV = ".venv"

InstallerChoice = Literal["auto", "uv", "pip", "conda"]


class PlanOptions(NamedTuple):
    installer: InstallerChoice = "auto"
    venv: str | None = None
    """A folder for the environment."""
    venv_is_judged: bool = False
    """That folder exists, and its interpreter is the judged one; else the plan makes it."""
    shell: str = "bash"


class TargetContext(NamedTuple):
    """What decides where an environment is and which Python it gets."""

    machine: Machine
    options: PlanOptions
    pythons: tuple[str, ...]
    """The Pythons to try where the judged one does not fit, the preferred first; uv fetches one that is missing."""


class Target(NamedTuple):
    """One environment: where its Python is, and how it is made."""

    name: str
    python: str
    version: str | None
    folder: str | None = None
    """None: it exists already."""
    make: tuple[str, ...] = ()
    """The command that makes it."""
    requires: tuple[str, ...] = ()
    reason: str = ""
    conda: bool = False
    """pip runs inside a conda environment."""
    python_conflicts: Mapping[str, str] = {}
    """The libraries that its Python excludes, by id, each with the reason."""


class TorchFor(Protocol):
    """The build of PyTorch for a version of Python; None is the judged one.

    ``specifier``: which releases are wanted; None: those that the tier accepts.
    """

    def __call__(self, python: str | None, specifier: str | None = None, /) -> TorchBuild: ...


def shared_target(members: Sequence[Library], context: TargetContext, torch_for: TorchFor | None = None) -> Target:
    """The judged interpreter where it is an environment of its own and fits ``members``; else a new one.

    ``torch_for``: where they need PyTorch.
    """
    version = _judged_version(context.machine)
    wanted = python_for(members, version, context.pythons, torch_for)
    conflicts = _python_conflicts(members, wanted, torch_for)
    return _shared(members, wanted, context, torch_for)._replace(python_conflicts=conflicts)


def _shared(
    members: Sequence[Library], wanted: str | None, context: TargetContext, torch_for: TorchFor | None
) -> Target:
    options, python = context.options, context.machine.software.python
    version = python.version if python else None
    venv = None if options.venv_is_judged else options.venv
    if python is None or version is None:
        return _new(SHARED, venv or VENV, None, "no interpreter of a project was found", context)
    if wanted != version:
        reason = f"{_against(members, version, wanted, torch_for)}, and {python.executable} is {version}"
        taken = options.venv if options.venv_is_judged else VENV if (python.prefix or "").endswith(f"/{VENV}") else None
        folder = venv or (f"{taken}-{wanted}" if taken else VENV)
        return _new(SHARED, folder, wanted, reason, context)
    if venv is not None:
        return _new(SHARED, venv, None, "named with --venv", context)
    if options.installer == "conda" and python.environment != "conda":
        return _new(SHARED, VENV, None, "a conda environment is wanted", context)
    if python.environment == "system":
        managed = ", which forbids pip (PEP 668)" if python.externally_managed else ""
        reason = f"this Python belongs to the system{managed}: the packages get an environment of their own"
        return _new(SHARED, VENV, None, reason, context)
    if python.hosts_llmcheck:
        return _new(SHARED, VENV, None, "the environment that llmcheck is installed in is left as it is", context)
    return Target(SHARED, python.executable, version, conda=python.environment == "conda")


def own_target(
    name: str,
    members: Sequence[Library],
    reason: str,
    context: TargetContext,
    torch_for: TorchFor | None = None,
) -> Target:
    """A new environment for what cannot share one."""
    version = _judged_version(context.machine)
    wanted = python_for(members, version, context.pythons, torch_for)
    if wanted != version:
        reason = f"{reason}; {_against(members, version, wanted, torch_for)}, and the Python here is {version}"
    folder = f"{context.options.venv or VENV}-{name}"
    made = _new(name, folder, wanted if wanted != version else None, reason, context)
    return made._replace(python_conflicts=_python_conflicts(members, wanted, torch_for))


def python_for(
    members: Sequence[Library], judged: str | None, pythons: Sequence[str], torch_for: TorchFor | None = None
) -> str | None:
    """The judged version where all members run on it; else the first of ``pythons`` on which they do.

    Only those count with which PyTorch can do most here: a library that fits none of them is left out.
    """
    candidates: list[str | None] = [judged, *pythons]
    if torch_for is not None:
        worth = [_worth(torch_for(each)) for each in candidates]
        candidates = [each for each, value in zip(candidates, worth, strict=True) if value == max(worth)]
    fitting = (each for each in candidates if not any(python_mismatch(library, each) for library in members))
    return next(fitting, candidates[0])


def _worth(torch: TorchBuild) -> int:
    return 0 if torch.none else 1 if torch.tag == "cpu" else 2


def _python_conflicts(members: Iterable[Library], version: str | None, torch_for: TorchFor | None) -> dict[str, str]:
    who = "the PyTorch of this machine needs" if torch_for else "the others need"
    why = f"{who} Python {'.'.join((version or '').split('.')[:2])}"
    mismatches = {library.id: python_mismatch(library, version) for library in members}
    return {name: f"{mismatch}, and {why}" for name, mismatch in mismatches.items() if mismatch}


def _against(members: Iterable[Library], version: str | None, wanted: str | None, torch_for: TorchFor | None) -> str:
    """Why the judged Python is not taken."""
    mismatch = next(filter(None, (python_mismatch(library, version) for library in members)), None)
    if mismatch is not None or torch_for is None:
        return mismatch or ""
    none = torch_for(version).none
    return none.replace(f", this is {version}", "") if none else f"PyTorch can use the GPUs with Python {wanted}"


def grouped(
    wanted: Sequence[str],
    installed: set[str],
    libraries: Mapping[str, Library],
    specifiers: Mapping[str, str],
) -> dict[str, tuple[list[str], str]]:
    """The libraries of each environment, by its name, and why it is one of its own; first the shared one, without a
    reason.

    Of two that cannot share, the first of ``wanted`` stays in the shared environment; what is ``installed`` (ids, and
    names of packages) comes before all.
    """
    shared: list[str] = []
    isolated: dict[str, tuple[list[str], str]] = {}
    for name in wanted:
        library = libraries[name]
        against = None if library.isolated else _conflict(library, [*installed, *shared], libraries, specifiers)
        if not library.isolated and against is None:
            shared.append(name)
            continue
        reason = f"the pins of {library.name} exclude what others need" if against is None else against
        isolated.setdefault(library.environment or name, ([], reason))[0].append(name)
    return {SHARED: (shared, ""), **isolated}


def _conflict(
    library: Library, neighbours: Iterable[str], libraries: Mapping[str, Library], specifiers: Mapping[str, str]
) -> str | None:
    for name in neighbours:
        other = libraries.get(name)
        if name != library.id and (name in library.conflicts or (other and library.id in other.conflicts)):
            neighbour = other.name if other else name
            return f"{library.name} cannot share an environment with {neighbour}: their pins exclude each other"
    wanted = specifiers.get("torch")
    if wanted and library.torch and library.torch.startswith("==") and excluded(first_release(library.torch), wanted):
        return f"{library.name} pins torch {library.torch[2:]}, and torch {wanted} is wanted"
    return None


def _new(name: str, folder: str, version: str | None, reason: str, context: TargetContext) -> Target:
    """``version``: a Python that is not the judged one, which uv finds or fetches; None: the judged one."""
    machine, options = context.machine, context.options
    python = machine.software.python
    known = python is not None and python.version is not None
    base = python.executable if python is not None and known else "python3"
    folder = f"./{folder}" if folder.startswith("-") else folder
    own_version = python.version if python is not None else None
    inside = f"{folder}/Scripts/python" if is_windows(machine) else f"{folder}/bin/python"
    uses_uv = options.installer == "uv" or (options.installer == "auto" and tool(machine, "uv") is True)
    if options.installer == "conda":
        wanted = version or ".".join((own_version or context.pythons[0]).split(".")[:2])
        make: tuple[str, ...] = ("conda", "create", "--yes", "--prefix", folder, f"python={wanted}", "pip")
        inside = f"{folder}/python.exe" if is_windows(machine) else inside
        return Target(name, inside, wanted, folder, make, ("conda",), reason, conda=True)
    if version is not None:
        # --seed: a later step, or a person, may want pip
        make = ("uv", "venv", "--seed", "--allow-existing", "--python", version, folder)
        return Target(name, inside, version, folder, make, ("uv",), reason)
    if uses_uv:
        make = ("uv", "venv", "--seed", "--allow-existing", "--python", base, folder)
        return Target(name, inside, own_version, folder, make, ("uv",), reason)
    return Target(name, inside, own_version, folder, (base, "-m", "venv", folder), (), reason)


def _judged_version(machine: Machine) -> str | None:
    python = machine.software.python
    return python.version if python else None
