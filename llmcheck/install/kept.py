"""Installed packages that a plan keeps: which of them stop working, and which cannot run on this machine anyway.

What counts is what the installed versions say of themselves, not what the newest ones need.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from llmcheck.gpus import vendors
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version
from llmcheck.install.incompatibility import cards_for, is_older
from llmcheck.install.specifiers import excluded, lower_bound
from llmcheck.schema.machine import Machine, counted_gpus, normalized_name, version_numbers
from llmcheck.tables.library import Library
from llmcheck.tables.torch_wheel import CudaDriver

_MOST = 500
"""Requirements of one package; more are not read."""


class Need(Struct, frozen=True):
    """One requirement of an installed package."""

    package: str
    version: str
    """Of that package."""
    needs: str
    """Name of what it needs."""
    specifier: str
    """PEP 440."""


class Break(Struct, frozen=True):
    """An installed package that stops working."""

    package: str
    version: str
    why: str
    certain: bool = True
    """False where the package that it needs may be replaced, and need not be."""

    def __str__(self) -> str:
        return f"{self.package} {self.version} {'stops' if self.certain else 'may stop'} working: {self.why}"


def needs_of(machine: Machine, libraries: Iterable[Library]) -> tuple[Need, ...]:
    """What installed packages need, by their own metadata, as far as it applies to this machine.

    Where the metadata of a library that pins torch was not read, it needs the torch that is beside it.
    """
    versions = machine.software.versions
    found = [need for each in machine.software.requires or () for need in _read(each.name, each.requires, machine)]
    stated = {(each.package, each.needs) for each in found}
    torch = (versions.get("torch") or "").partition("+")[0]
    for library in libraries:
        name = next((each for each in map(normalized_name, library.distributions) if each in versions), None)
        pins = library.pins_torch and (library.torch or "").startswith("==")
        if name is not None and torch and pins and (name, "torch") not in stated:
            found.append(Need(name, versions[name], "torch", f"=={torch}"))
    return tuple(found)


def breaks(
    changed: Mapping[str, str],
    needs: Iterable[Need],
    replaced: Iterable[str],
    newest: Mapping[str, str],
    uncertain: Iterable[str] = (),
) -> Iterator[Break]:
    """What stops working. ``changed``: specifiers by name of the packages that get another version.

    ``replaced``: packages that get another version themselves. ``newest``: known newest versions by name.
    ``uncertain``: packages of ``changed`` that only may get it.
    """
    leaving, doubtful = set(replaced), set(uncertain)
    for need in needs:
        specifier = changed.get(need.needs)
        if specifier is None or need.package in leaving:
            continue
        version = likely_version(specifier, newest.get(need.needs))
        if version and excluded(version, need.specifier):
            why = f"it needs {need.needs}{need.specifier}, and gets {version}"
            yield Break(need.package, need.version, why, need.needs not in doubtful)


def likely_version(specifier: str, newest: str | None) -> str:
    """The version that an installer takes: the newest that is known, else the oldest that is named; may be empty."""
    if newest and not excluded(newest, specifier):
        return newest
    return lower_bound(f"x{specifier}")


def unusable(name: str, version: str, library: Library, machine: Machine, drivers: Sequence[CudaDriver]) -> str | None:
    """Why an installed version of a library cannot run on these cards and this driver; None if no reason is known."""
    gpus = vendors.on_platform(counted_gpus(machine), "cuda")
    since = library.compute_capability_since
    limited = library.compute_capability and not (since and is_older(version, since))
    if gpus and limited and not cards_for(library, gpus):
        here = ", ".join(sorted({gpu.compute_capability or "" for gpu in gpus}))
        return f"{name} {version} needs compute capability {library.compute_capability}, and this machine has {here}"
    torch, driver = machine.software.torch, vendors.driver_of(machine, "cuda")
    cuda = cuda_of(torch.build or "") if torch is not None and library.pins_torch else None
    oldest = min_driver(cuda, gpus, drivers) if cuda and gpus else None
    if cuda is None or oldest is None or driver is None or not version_numbers(driver.version or ""):
        return None
    needed = min_driver_version(oldest, machine.os.system if machine.os else "linux")
    if not is_older(driver.version or "", needed):
        return None
    return (
        f"{name} {version} is built for CUDA {cuda[0]}, which needs driver {needed}, and this one is {driver.version}"
    )


def _read(package: str, requires: Sequence[str], machine: Machine) -> Iterator[Need]:
    version = machine.software.versions.get(package)
    if version is None or not requires:
        return
    from packaging.requirements import Requirement  # 10 ms, and most environments have nothing that needs it

    facts = _marker_facts(machine)
    for line in itertools.islice(requires, _MOST):
        try:
            found = Requirement(line)
            applies = found.marker is None or found.marker.evaluate(facts)
        except ValueError:  # no requirement, or a marker that compares what cannot be compared
            continue
        if applies:
            yield Need(package, version, normalized_name(found.name), str(found.specifier))


def _marker_facts(machine: Machine) -> dict[str, str]:
    """What markers ask for, of the machine that is judged; no extra is in play."""
    system = machine.os.system if machine.os is not None else "linux"
    python = machine.software.python
    version = (python.version if python is not None else None) or "3.12.0"
    names = {"linux": ("linux", "Linux", "posix"), "darwin": ("darwin", "Darwin", "posix")}
    sys_platform, platform_system, os_name = names.get(system, ("win32", "Windows", "nt"))
    return {
        "extra": "",
        "sys_platform": sys_platform,
        "platform_system": platform_system,
        "os_name": os_name,
        "platform_machine": machine.os.architecture if machine.os is not None else "x86_64",
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
