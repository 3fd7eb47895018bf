"""Whether the installed build of PyTorch can use the machine's GPUs, and whether glibc is new enough for its wheels.

Driver and card are checked separately: the driver has to support the CUDA release of the build, and the build has to
contain kernels for the card, by the rule of the card's vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from llmcheck.gpus import vendors
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version
from llmcheck.gpus.vendors import Vendor
from llmcheck.schema.gpu import HIDDEN_BY_MISTAKE
from llmcheck.schema.machine import Gpu, Machine, Problem, capability_of, counted_gpus, version_numbers
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel

_PROBE = "software"
_TORCH_CODES = frozenset(("torch-cpu-build", "torch-wrong-vendor", "torch-newer-than-driver", "torch-without-kernels"))
_CODES = _TORCH_CODES | {"glibc-old"}
_OLDEST_GLIBC = (2, 28)


def problems(machine: Machine, wheels: Sequence[TorchWheel], drivers: Sequence[CudaDriver]) -> Iterator[Problem]:
    """Problems of PyTorch and glibc on this machine. An unknown fact is no problem."""
    torch = torch_problem(machine, wheels, drivers)
    if torch is not None:
        yield torch
    match = re.fullmatch(r"glibc (\d+)\.(\d+)", (machine.os.libc if machine.os else None) or "")
    if match and (int(match[1]), int(match[2])) < _OLDEST_GLIBC:
        message = f"{match[0]} is too old: current wheels of PyTorch and vLLM need 2.28"
        remedy = "use a newer system or a container: pip silently installs releases that are years old"
        yield Problem(probe=_PROBE, code="glibc-old", message=message, remedy=remedy)


def planned_gpus(machine: Machine) -> tuple[Gpu, ...]:
    """The GPUs that an installation is planned for: those that count, and those that only a wrong variable hides, for
    what is installed outlives the variable.
    """
    if not any(problem.code == HIDDEN_BY_MISTAKE for problem in machine.problems):
        return counted_gpus(machine)
    seen = tuple(msgspec.structs.replace(gpu, visible=True) for gpu in machine.gpus or ())
    return counted_gpus(msgspec.structs.replace(machine, gpus=seen))


def with_problems(machine: Machine, wheels: Sequence[TorchWheel], drivers: Sequence[CudaDriver]) -> Machine:
    """The machine with these problems added to its own; those of an earlier call are replaced."""
    others = [each for each in machine.problems if each.code not in _CODES]
    return msgspec.structs.replace(machine, problems=(*others, *problems(machine, wheels, drivers)))


def existing_torch_problem(machine: Machine) -> Problem | None:
    """The problem with the installed torch that ``with_problems`` has added; None if there is none."""
    return next((each for each in machine.problems if each.code in _TORCH_CODES), None)


RUN_TIME_CODES = ("run-time-compiler", "unusable-here")
"""Problems of libraries that lack something to run here (``install.run_time``)."""


def may_not_run(machine: Machine) -> bool:
    """Whether an installed library may lack what it needs to run here: a compiler, a build of torch for these GPUs.

    A quick test, so that ``install.run_time`` is loaded only where it may find something.
    """
    software = machine.software
    without_cc = any(each.name == "cc" and each.path is None for each in software.tools or ())
    without_headers = software.python is not None and software.python.headers is False
    known = existing_torch_problem(machine) is not None or any(each.code in RUN_TIME_CODES for each in machine.problems)
    return (without_cc or without_headers or known) and bool(software.packages)


def is_undecided(machine: Machine) -> bool:
    """Whether a fact is missing that could make the installed torch unable to use the GPUs.

    False where the build of torch is not known, and for NVIDIA chips whose driver is part of the system (Jetson).
    """
    build = machine.software.torch.build if machine.software.torch is not None else None
    if build is None or machine.gpus is None:
        return build is not None
    vendor = vendor_of(build)
    if vendor is None or not _has_kernel_rule(vendor):
        return False
    own = [gpu for gpu in counted_gpus(machine) if gpu.vendor == vendor.id]
    driver = vendors.driver_of(machine, "cuda")
    unread = driver is None or not version_numbers(driver.version or "")
    by_driver = cuda_of(build) is not None and unread and any(not gpu.unified for gpu in own)
    return by_driver or any(vendor.architecture(gpu) is None for gpu in own)


def has_unknown_build(machine: Machine) -> bool:
    """Whether there are GPUs that torch can use, and nothing says what the installed torch is built for: its files do
    not tell, or they name what llmcheck does not know, as builds for Jetson may.
    """
    torch = machine.software.torch
    if torch is None or torch.build == "cpu" or vendor_of(torch.build or "") is not None:
        return False
    return machine.gpus is None or any(_has_kernel_rule(vendors.of(gpu)) for gpu in counted_gpus(machine))


def torch_problem(machine: Machine, wheels: Sequence[TorchWheel], drivers: Sequence[CudaDriver]) -> Problem | None:
    """Why the installed torch cannot use this machine's GPUs; None if no reason is known."""
    torch = machine.software.torch
    gpus = [gpu for gpu in counted_gpus(machine) if _has_kernel_rule(vendors.of(gpu))]
    if torch is None or torch.build is None or not gpus:
        return None
    version, build = torch.version or "of unknown version", torch.build
    if build == "cpu":
        return _problem("torch-cpu-build", f"torch {version} is a CPU build: it cannot use the GPUs of this machine")
    vendor = vendor_of(build)
    if vendor is None:
        return None
    own = [gpu for gpu in gpus if gpu.vendor == vendor.id]
    if not own:
        present = " and ".join(sorted({vendors.of(gpu).name for gpu in gpus}))
        message = f"torch {version} is built for {vendor.platform_name}, but the GPUs here are from {present}"
        return _problem("torch-wrong-vendor", message)
    cuda = cuda_of(build)
    found = None if cuda is None else _driver_problem(machine, version, cuda, own, drivers)
    if found is not None:
        return found
    wheel = _wheel_of(version, build, machine, wheels)
    return _kernel_problem(own, version, wheel) if wheel is not None else None


def vendor_of(tag: str) -> Vendor | None:
    """The vendor whose GPUs a build of PyTorch supports; None for a CPU build and for an unknown tag."""
    return next((each for each in vendors.every() if each.torch and _has_tag(tag, each.torch.tag)), None)


def runs_on(wheel: TorchWheel, gpu: Gpu) -> bool:
    """Whether a build contains kernels for a card; True where the card's architecture is unknown."""
    return vendors.of(gpu).runs(wheel, gpu)


def _has_kernel_rule(vendor: Vendor) -> bool:
    return vendor.torch is not None and vendor.torch.has_kernels is not None


def _has_tag(tag: str, prefix: str) -> bool:
    return re.fullmatch(rf"{prefix}[\d.]*", tag) is not None


def _driver_problem(
    machine: Machine, version: str, cuda: tuple[int, int], gpus: list[Gpu], drivers: Sequence[CudaDriver]
) -> Problem | None:
    driver = vendors.driver_of(machine, "cuda")
    system = machine.os.system if machine.os else "linux"
    oldest = min_driver(cuda, gpus, drivers)
    if oldest is None or driver is None or not driver.version or not version_numbers(driver.version):
        return None
    needed = min_driver_version(oldest, system)
    if version_numbers(driver.version) >= version_numbers(needed):
        return None
    message = (
        f"torch {version} is built for CUDA {cuda[0]}, which needs driver {needed.split('.')[0]} or newer here; "
        f"this machine has {driver.version}"
    )
    return _problem("torch-newer-than-driver", message)


def _wheel_of(version: str, build: str, machine: Machine, wheels: Sequence[TorchWheel]) -> TorchWheel | None:
    """The row of the installed build: the newest one that is not newer than the installed torch, else the last one."""
    system = machine.os.system if machine.os else "linux"
    architecture = machine.os.architecture if machine.os else "x86_64"
    series = version_numbers(version)[:2]
    rows = [
        wheel
        for wheel in wheels
        if wheel.tag == build
        and wheel.gpu_archs
        and system in wheel.systems
        and wheel.architecture == wheel_architecture(architecture)
    ]
    older = [wheel for wheel in rows if version_numbers(wheel.torch) <= series]
    return max(older, key=lambda wheel: version_numbers(wheel.torch)) if older else rows[-1] if rows else None


def wheel_architecture(architecture: str) -> str:
    """The kernel's name of an architecture as wheels spell it: ``x86_64`` for ``AMD64``."""
    return {"amd64": "x86_64"}.get(architecture.lower(), architecture.lower())


def _kernel_problem(gpus: list[Gpu], version: str, wheel: TorchWheel) -> Problem | None:
    for gpu in gpus:
        if runs_on(wheel, gpu):
            continue
        architecture = vendors.of(gpu).architecture_in_words(gpu)
        card = f"{gpu.name or 'GPU'}, {architecture}"
        message = f"torch {version} ({wheel.tag}) contains no kernels for {card}{_why_no_kernels(wheel, gpu)}"
        return _problem("torch-without-kernels", message)
    return None


def _why_no_kernels(wheel: TorchWheel, gpu: Gpu) -> str:
    """Only compute capabilities have an order, so only they can be too old or too new."""
    capability = capability_of(gpu)
    if not vendors.of(gpu).has_compute_capability:
        return ""
    compiled = [version_numbers(code) for code in wheel.gpu_archs if "." in code]
    too_old = capability is not None and bool(compiled) and capability < min(compiled)
    return f": the card is too {'old' if too_old else 'new'} for this build"


def _problem(code: str, message: str) -> Problem:
    return Problem(
        probe=_PROBE, code=code, message=message, remedy="'llmcheck install torch' names the build that fits"
    )
