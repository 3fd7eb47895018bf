"""The state of the catalogue's libraries in one environment: installed, outdated, broken, missing or unknown."""

from __future__ import annotations

from collections.abc import Container, Iterable

from llmcheck.install.incompatibility import has_program, incompatibility
from llmcheck.packages import problems
from llmcheck.schema.machine import Machine, Problem, normalized_name
from llmcheck.schema.responses import InstallState, LibraryCheck, LibraryState
from llmcheck.tables.library import Library


def library_check(libraries: Iterable[Library], machine: Machine, named: bool) -> LibraryCheck:
    """``named``: the user named the libraries, so missing ones decide the exit code."""
    states = tuple(_state(library, machine) for library in libraries)
    found = {state.state for state in states} if named else set()
    python = machine.software.python
    return LibraryCheck(
        python=python.executable if python else None,
        exit_code=1 if found & {"missing", "broken"} else 3 if "unknown" in found else 0,
        libraries=states,
    )


def _state(library: Library, machine: Machine) -> LibraryState:
    software = machine.software
    names = {normalized_name(name) for name in library.distributions}
    version = next((package.version for package in software.packages or () if package.name in names), None)
    on_path = has_program(library, machine)
    was_inspected = software.importable is not None and library.import_name is not None and bool(names)
    importable = library.import_name in (software.importable or ()) if was_inspected else None
    faults = (problems.broken(machine, name) for name in sorted(names))
    fault = next((each for each in faults if each is not None), None)
    state: InstallState = "installed"
    if version is None and not on_path:
        known = software.packages is not None if names else software.tools is not None
        state = "missing" if known or (not names and not library.binaries) else "unknown"
    elif version is not None and (importable is False or fault is not None):
        state = "broken"
    elif version is not None and library.version and _is_older(version, library.version):
        state = "outdated"
    return LibraryState(
        id=library.id,
        name=library.name,
        area=library.area,
        as_of=library.as_of,
        state=state,
        version=version,
        newest=library.version,
        obstacle=incompatibility(library, machine) if state == "missing" else None,
        importable=importable if version is not None else None,
        reason=_reason(fault, names) if fault is not None and version is not None else None,
        remedy=fault.remedy if fault is not None and version is not None else None,
    )


def _reason(fault: Problem, names: Container[str]) -> str:
    own = fault.package is None or fault.package in names
    return fault.message if own else f"it imports {fault.package}: {fault.message}"


def _is_older(version: str, newest: str) -> bool:
    from packaging.version import InvalidVersion, Version  # 10 ms

    try:
        return Version(version.partition("+")[0]) < Version(newest)
    except InvalidVersion:
        return False
