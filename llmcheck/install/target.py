"""Chooses the Python environments of a plan: the judged one if possible, otherwise new ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.install.incompatibility import is_windows, python_mismatch, python_of, tool
from llmcheck.install.specifiers import excluded, first_release
from llmcheck.schema.advice import Shell, TorchBuild
from llmcheck.schema.machine import Machine
from llmcheck.tables.library import Library

SHARED = "shared"
VENV = ".venv"

InstallerChoice = Literal["auto", "uv", "pip", "conda"]


class PlanOptions(Struct, frozen=True):
    installer: InstallerChoice = "auto"
    venv: str | None = None
    """The folder of the environment; None: the plan chooses."""
    venv_is_judged: bool = False
    """The folder exists, and its interpreter is the judged one. False: the plan creates the folder."""
    venv_reason: str = "named with --venv"
    """Why that folder is created."""
    shell: Shell = "bash"


class TargetContext(Struct, frozen=True):
    """The facts that decide the folder and the Python of an environment."""

    machine: Machine
    options: PlanOptions
    pythons: tuple[str, ...]
    """The Pythons to try if the judged one is not supported, preferred first; uv installs a missing one."""


class Target(Struct, frozen=True):
    """One environment: its interpreter, and the command that creates it."""

    name: str
    python: str
    version: str | None
    folder: str | None = None
    """The folder to create; None: the environment exists."""
    make: tuple[str, ...] = ()
    """The command that creates it."""
    requires: tuple[str, ...] = ()
    reason: str = ""
    conda: bool = False
    """pip runs inside a conda environment."""
    python_conflicts: Mapping[str, str] = {}
    """Reasons why its Python excludes libraries, by library id."""


class TorchFor(Protocol):
    """Returns the build of PyTorch for a Python version; None: the judged one.

    ``specifier``: the accepted releases (PEP 440); None: those that the tier accepts.
    """

    def __call__(self, python: str | None, specifier: str | None = None, /) -> TorchBuild: ...


def shared_target(members: Sequence[Library], context: TargetContext, torch_for: TorchFor | None = None) -> Target:
    """The judged environment if it is not the system's and supports all ``members``; otherwise a new one.

    ``torch_for``: None if no member needs PyTorch.
    """
    version = python_of(context.machine)
    chosen = python_for(members, version, context.pythons, torch_for)
    conflicts = _python_conflicts(members, chosen, torch_for)
    return replace(_shared(members, chosen, context, torch_for), python_conflicts=conflicts)


def _shared(
    members: Sequence[Library], chosen: str | None, context: TargetContext, torch_for: TorchFor | None
) -> Target:
    options, python = context.options, context.machine.software.python
    version = python_of(context.machine)
    venv = None if options.venv_is_judged else options.venv
    if python is None or version is None:
        return _new(SHARED, venv or VENV, None, "no project interpreter was found", context)
    if chosen != version:
        reason = _why_not_judged(members, version, chosen, torch_for, python.executable)
        taken = options.venv if options.venv_is_judged else VENV if (python.prefix or "").endswith(f"/{VENV}") else None
        folder = venv or (f"{taken}-{chosen}" if taken else VENV)
        return _new(SHARED, folder, chosen, reason, context)
    if venv is not None:
        return _new(SHARED, venv, None, options.venv_reason, context)
    if options.installer == "conda" and python.environment != "conda":
        return _new(SHARED, VENV, None, "a conda environment was requested", context)
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
    """A new environment for libraries that cannot share one."""
    version = python_of(context.machine)
    chosen = python_for(members, version, context.pythons, torch_for)
    if chosen != version:
        reason = f"{reason}; {_why_not_judged(members, version, chosen, torch_for, 'the judged Python')}"
    folder = f"{context.options.venv or VENV}-{name}"
    made = _new(name, folder, chosen if chosen != version else None, reason, context)
    return replace(made, python_conflicts=_python_conflicts(members, chosen, torch_for))


def python_for(
    members: Sequence[Library], judged: str | None, pythons: Sequence[str], torch_for: TorchFor | None = None
) -> str | None:
    """The judged version if all members support it; otherwise the first of ``pythons`` that all support.

    Only Pythons with the best support by PyTorch count (GPU before CPU). If no Python suits all members, the first of
    those is chosen, and the members that do not support it are left out.
    """
    candidates: list[str | None] = [judged, *pythons]
    if torch_for is not None:
        worth = [_worth(torch_for(each)) for each in candidates]
        candidates = [each for each, value in zip(candidates, worth, strict=True) if value == max(worth)]
    fitting = (each for each in candidates if not any(python_mismatch(library, each) for library in members))
    return next(fitting, candidates[0])


def _worth(torch: TorchBuild) -> int:
    """0: no build, 1: the CPU build, 2: a build for the GPUs."""
    return 0 if torch.none else 1 if torch.tag == "cpu" else 2


def _python_conflicts(members: Iterable[Library], version: str | None, torch_for: TorchFor | None) -> dict[str, str]:
    who = "the PyTorch of this machine needs" if torch_for else "the others need"
    why = f"{who} Python {'.'.join((version or '').split('.')[:2])}"
    mismatches = {library.id: python_mismatch(library, version) for library in members}
    return {name: f"{mismatch}, and {why}" for name, mismatch in mismatches.items() if mismatch}


def _why_not_judged(
    members: Iterable[Library], version: str | None, chosen: str | None, torch_for: TorchFor | None, judged: str
) -> str:
    """Why the judged Python is not used. ``judged``: how it is named in the text."""
    mismatch = next(filter(None, (python_mismatch(library, version) for library in members)), None)
    if mismatch is not None or torch_for is None:
        return f"{mismatch or ''}, and {judged} is {version}"
    none = torch_for(version).none
    return f"{none} ({judged})" if none else f"PyTorch can use the GPUs with Python {chosen}, and {judged} is {version}"


def grouped(
    requested: Sequence[str],
    installed: set[str],
    libraries: Mapping[str, Library],
    specifiers: Mapping[str, str],
) -> dict[str, tuple[list[str], str]]:
    """The libraries of each environment and why it is separate, by its name; the shared one comes first.

    ``installed``: ids and package names that the shared environment has. A library that conflicts with them, or with an
    earlier one of ``requested``, gets a separate environment.
    """
    shared: list[str] = []
    isolated: dict[str, tuple[list[str], str]] = {}
    for name in requested:
        library = libraries[name]
        conflict = None if library.isolated else _conflict(library, [*installed, *shared], libraries, specifiers)
        if not library.isolated and conflict is None:
            shared.append(name)
            continue
        reason = f"{library.name} pins versions that exclude those of others" if conflict is None else conflict
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
    torch = specifiers.get("torch")
    if torch and library.torch and library.torch.startswith("==") and excluded(first_release(library.torch), torch):
        return f"{library.name} pins torch {library.torch[2:]}, and torch {torch} is required"
    return None


def _new(name: str, folder: str, version: str | None, reason: str, context: TargetContext) -> Target:
    """``version``: another Python than the judged one, which uv finds or installs; None: the judged one."""
    machine, options = context.machine, context.options
    python = machine.software.python
    known = python is not None and python.version is not None
    base = python.executable if python is not None and known else "python3"
    folder = f"./{folder}" if folder.startswith("-") else folder
    own_version = python.version if python is not None else None
    inside = f"{folder}/Scripts/python" if is_windows(machine) else f"{folder}/bin/python"
    uses_uv = options.installer == "uv" or (options.installer == "auto" and tool(machine, "uv") is True)
    if options.installer == "conda":
        chosen = version or ".".join((own_version or context.pythons[0]).split(".")[:2])
        make: tuple[str, ...] = ("conda", "create", "--yes", "--prefix", folder, f"python={chosen}", "pip")
        inside = f"{folder}/python.exe" if is_windows(machine) else inside
        return Target(name, inside, chosen, folder, make, ("conda",), reason, conda=True)
    if version is not None:
        # --seed: a later step or the user may need pip
        make = ("uv", "venv", "--seed", "--allow-existing", "--python", version, folder)
        return Target(name, inside, version, folder, make, ("uv",), reason)
    if uses_uv:
        make = ("uv", "venv", "--seed", "--allow-existing", "--python", base, folder)
        return Target(name, inside, own_version, folder, make, ("uv",), reason)
    return Target(name, inside, own_version, folder, (base, "-m", "venv", folder), (), reason)
