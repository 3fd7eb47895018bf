"""Which Python environments a plan fills: the judged one, or new ones where that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.install.incompatibility import is_windows, python_mismatch, tool
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Machine
from llmcheck.tables.library import Library

SHARED = "shared"
VENV = ".venv"
# The first of these that a library's bounds allow is asked of uv, which fetches it where it is not there.
_PYTHONS = ("3.12", "3.11", "3.13", "3.10")

InstallerChoice = Literal["auto", "uv", "pip", "conda"]


class PlanOptions(Struct, frozen=True):
    installer: InstallerChoice = "auto"
    venv: str | None = None
    """A folder for the environment."""
    venv_is_judged: bool = False
    """That folder is there, and its interpreter is the judged one; else the plan makes it."""
    shell: str = "bash"
    backend: str | None = None
    """What UV_TORCH_BACKEND says."""


class Target(Struct, frozen=True):
    """One environment: where its Python is, and how it is made."""

    name: str
    python: str
    version: str | None
    folder: str | None = None
    """None: it is there already."""
    make: tuple[str, ...] = ()
    """The command that makes it."""
    requires: tuple[str, ...] = ()
    reason: str = ""
    conda: bool = False
    """pip runs inside a conda environment."""
    python_conflicts: Mapping[str, str] = {}
    """What its Python keeps out, by library id, each with the reason."""


TorchFor = Callable[[str | None], TorchBuild]
"""The build of PyTorch for a version of Python."""


def shared_target(
    members: Sequence[Library], machine: Machine, options: PlanOptions, torch_for: TorchFor | None = None
) -> Target:
    """The judged interpreter where it is an environment of its own and fits ``members``; else a new one.

    ``torch_for``: where they need PyTorch.
    """
    python = machine.software.python
    version = python.version if python else None
    wanted = python_for(members, version, torch_for)
    python_conflicts = _misfits(members, wanted, torch_for)
    return replace(_shared(members, wanted, machine, options, torch_for), python_conflicts=python_conflicts)


def _shared(
    members: Sequence[Library], wanted: str | None, machine: Machine, options: PlanOptions, torch_for: TorchFor | None
) -> Target:
    python = machine.software.python
    version = python.version if python else None
    venv = None if options.venv_is_judged else options.venv
    if python is None or version is None:
        return _new(SHARED, venv or VENV, None, "no interpreter of a project was found", machine, options)
    if wanted != version:
        reason = f"{_against(members, version, wanted, torch_for)}, and {python.executable} is {version}"
        taken = options.venv if options.venv_is_judged else VENV if (python.prefix or "").endswith(f"/{VENV}") else None
        folder = venv or (f"{taken}-{wanted}" if taken else VENV)
        return _new(SHARED, folder, wanted, reason, machine, options)
    if venv is not None:
        return _new(SHARED, venv, None, "asked for with --venv", machine, options)
    if options.installer == "conda" and python.environment != "conda":
        return _new(SHARED, VENV, None, "a conda environment was asked for", machine, options)
    if python.environment == "system":
        managed = ", which forbids pip (PEP 668)" if python.externally_managed else ""
        reason = f"this Python belongs to the system{managed}: the packages get an environment of their own"
        return _new(SHARED, VENV, None, reason, machine, options)
    return Target(SHARED, python.executable, version, conda=python.environment == "conda")


def own_target(
    name: str,
    members: Sequence[Library],
    reason: str,
    machine: Machine,
    options: PlanOptions,
    torch_for: TorchFor | None = None,
) -> Target:
    """A new environment for what cannot share one."""
    python = machine.software.python
    version = python.version if python else None
    wanted = python_for(members, version, torch_for)
    if wanted != version:
        reason = f"{reason}; {_against(members, version, wanted, torch_for)}, and the Python here is {version}"
    folder, python_conflicts = f"{options.venv or VENV}-{name}", _misfits(members, wanted, torch_for)
    made = _new(name, folder, wanted if wanted != version else None, reason, machine, options)
    return replace(made, python_conflicts=python_conflicts)


def python_for(members: Sequence[Library], judged: str | None, torch_for: TorchFor | None = None) -> str | None:
    """The judged version where all members run on it; else the first of ours on which they do.

    Only those count with which PyTorch can do most here: where the others fit none of them, they have to stay out.
    """
    candidates: list[str | None] = [judged, *_PYTHONS]
    if torch_for is not None:
        worth = [_worth(torch_for(each)) for each in candidates]
        candidates = [each for each, value in zip(candidates, worth, strict=True) if value == max(worth)]
    fitting = (each for each in candidates if not any(python_mismatch(library, each) for library in members))
    return next(fitting, candidates[0])


def _worth(torch: TorchBuild) -> int:
    return 0 if torch.none else 1 if torch.tag == "cpu" else 2


def _misfits(members: Iterable[Library], version: str | None, torch_for: TorchFor | None) -> dict[str, str]:
    who = "the PyTorch of this machine needs" if torch_for else "the others need"
    why = f"{who} Python {'.'.join((version or '').split('.')[:2])}"
    return {library.id: f"{misfit}, and {why}" for library in members if (misfit := python_mismatch(library, version))}


def _against(members: Iterable[Library], version: str | None, wanted: str | None, torch_for: TorchFor | None) -> str:
    """Why the judged Python is not taken."""
    misfit = next(filter(None, (python_mismatch(library, version) for library in members)), None)
    if misfit is not None or torch_for is None:
        return misfit or ""
    none = torch_for(version).none
    return none.replace(f", this is {version}", "") if none else f"PyTorch can use the GPUs with Python {wanted}"


def grouped(
    wanted: Sequence[str],
    installed: set[str],
    libraries: Mapping[str, Library],
    specifiers: Mapping[str, str],
) -> dict[str, tuple[list[str], str]]:
    """The libraries of each environment, by its name, and why it is one; the shared one first, its reason empty.

    Who comes first in the order asked stays in the shared environment; ``installed`` (ids, and names of packages) is
    there before everybody.
    """
    shared: list[str] = []
    apart: dict[str, tuple[list[str], str]] = {}
    for name in wanted:
        library = libraries[name]
        against = None if library.isolated else _conflict(library, [*installed, *shared], libraries, specifiers)
        if not library.isolated and against is None:
            shared.append(name)
            continue
        reason = f"the pins of {library.name} exclude what others need" if against is None else against
        apart.setdefault(library.environment or name, ([], reason))[0].append(name)
    return {SHARED: (shared, ""), **apart}


def _conflict(
    library: Library, beside: Iterable[str], libraries: Mapping[str, Library], specifiers: Mapping[str, str]
) -> str | None:
    for name in beside:
        other = libraries.get(name)
        if name != library.id and (name in library.conflicts or (other and library.id in other.conflicts)):
            beside = other.name if other else name
            return f"{library.name} cannot share an environment with {beside}: their pins exclude each other"
    asked = specifiers.get("torch")
    if asked and library.torch and library.torch.startswith("=="):
        from packaging.specifiers import SpecifierSet  # 10 ms, and seldom asked

        if not SpecifierSet(asked).contains(library.torch[2:], prereleases=True):
            return f"{library.name} pins torch {library.torch[2:]}, and torch {asked} is asked for"
    return None


def _new(name: str, folder: str, version: str | None, reason: str, machine: Machine, options: PlanOptions) -> Target:
    """``version``: a Python that is not the judged one, which uv finds or fetches; None takes the judged one."""
    python = machine.software.python
    known = python is not None and python.version is not None
    base = python.executable if python is not None and known else "python3"
    folder = f"./{folder}" if folder.startswith("-") else folder
    own_version = python.version if python is not None else None
    inside = f"{folder}/Scripts/python" if is_windows(machine) else f"{folder}/bin/python"
    uses_uv = options.installer == "uv" or (options.installer == "auto" and tool(machine, "uv") is True)
    if options.installer == "conda":
        wanted = version or ".".join((own_version or _PYTHONS[0]).split(".")[:2])
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
