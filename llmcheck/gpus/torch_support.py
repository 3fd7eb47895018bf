"""Whether a build of PyTorch can use the GPUs that are there, and whether the C library is one of its wheels.

Driver and card are two independent tests: the driver has to be new enough for the CUDA of the build, and the build has
to hold code for the card, by the rule of the card's vendor. The tables of builds and drivers are data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from llmcheck.gpus import vendors
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version, numbers
from llmcheck.gpus.vendors import Vendor
from llmcheck.schema.machine import Gpu, Machine, Problem, capability_of, counted_gpus
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel

_PROBE = "software"
_TORCH_CODES = frozenset(("torch-cpu-build", "torch-wrong-vendor", "torch-newer-than-driver", "torch-without-kernels"))
_CODES = _TORCH_CODES | {"glibc-old"}
_OLDEST_GLIBC = (2, 28)


def problems(machine: Machine, wheels: Sequence[TorchWheel], drivers: Sequence[CudaDriver]) -> Iterator[Problem]:
    """What keeps installed software from working on this machine; nothing is said of what is not known."""
    torch = torch_problem(machine, wheels, drivers)
    if torch is not None:
        yield torch
    match = re.fullmatch(r"glibc (\d+)\.(\d+)", (machine.os.libc if machine.os else None) or "")
    if match and (int(match[1]), int(match[2])) < _OLDEST_GLIBC:
        message = f"{match[0]} is older than the wheels of current PyTorch and vLLM ask for (2.28)"
        remedy = "use a newer system or a container: installers fall back to releases of years ago without a word"
        yield Problem(probe=_PROBE, code="glibc-old", message=message, remedy=remedy)


def with_problems(machine: Machine, wheels: Sequence[TorchWheel], drivers: Sequence[CudaDriver]) -> Machine:
    """The machine with what is found here among its problems, once however often it is asked."""
    others = [each for each in machine.problems if each.code not in _CODES]
    return msgspec.structs.replace(machine, problems=(*others, *problems(machine, wheels, drivers)))


def existing_torch_problem(machine: Machine) -> Problem | None:
    """What the machine's problems already say of its torch."""
    return next((each for each in machine.problems if each.code in _TORCH_CODES), None)


def torch_problem(machine: Machine, wheels: Sequence[TorchWheel], drivers: Sequence[CudaDriver]) -> Problem | None:
    """Why the installed torch cannot use this machine's GPUs; None if nothing speaks against it."""
    torch = machine.software.torch
    gpus = [gpu for gpu in counted_gpus(machine) if _is_compiled_for(vendors.of(gpu))]
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
        message = f"torch {version} is built for {vendor.platform_name}, and the GPUs here are from {present}"
        return _problem("torch-wrong-vendor", message)
    cuda = cuda_of(build)
    found = None if cuda is None else _against_driver(machine, version, cuda, own, drivers)
    if found is not None:
        return found
    wheel = _wheel_of(version, build, machine, wheels)
    return _against_cards(own, version, wheel) if wheel is not None else None


def vendor_of(tag: str) -> Vendor | None:
    """Whose GPUs a build of PyTorch is made for; None for one that is for the processor or is not known."""
    return next((each for each in vendors.every() if each.torch and _has_tag(tag, each.torch.tag)), None)


def runs_on(wheel: TorchWheel, gpu: Gpu) -> bool:
    """Whether a build holds code for a card; what is unknown of the card counts against nothing."""
    return vendors.of(gpu).runs(wheel, gpu)


def _is_compiled_for(vendor: Vendor) -> bool:
    return vendor.torch is not None and vendor.torch.has_kernels is not None


def _has_tag(tag: str, prefix: str) -> bool:
    return re.fullmatch(rf"{prefix}[\d.]*", tag) is not None


def _against_driver(
    machine: Machine, version: str, cuda: tuple[int, int], gpus: list[Gpu], drivers: Sequence[CudaDriver]
) -> Problem | None:
    driver = vendors.driver_of(machine, "cuda")
    system = machine.os.system if machine.os else "linux"
    oldest = min_driver(cuda, gpus, drivers)
    if oldest is None or driver is None or not driver.version or not numbers(driver.version):
        return None
    least = min_driver_version(oldest, system)
    if numbers(driver.version) >= numbers(least):
        return None
    message = (
        f"torch {version} is built for CUDA {cuda[0]}, which needs driver {least.split('.')[0]} or newer here; "
        f"this machine has {driver.version}"
    )
    return _problem("torch-newer-than-driver", message)


def _wheel_of(version: str, build: str, machine: Machine, wheels: Sequence[TorchWheel]) -> TorchWheel | None:
    """The row of the installed build: of its series, or else of the nearest older one."""
    system = machine.os.system if machine.os else "linux"
    architecture = machine.os.architecture if machine.os else "x86_64"
    series = numbers(version)[:2]
    rows = [
        wheel
        for wheel in wheels
        if wheel.tag == build and wheel.code and system in wheel.systems and wheel.architecture == plain(architecture)
    ]
    older = [wheel for wheel in rows if numbers(wheel.torch) <= series]
    return max(older, key=lambda wheel: numbers(wheel.torch)) if older else rows[-1] if rows else None


def plain(architecture: str) -> str:
    """As the wheels spell it."""
    return {"amd64": "x86_64"}.get(architecture.lower(), architecture.lower())


def _against_cards(gpus: list[Gpu], version: str, wheel: TorchWheel) -> Problem | None:
    for gpu in gpus:
        if runs_on(wheel, gpu):
            continue
        architecture = vendors.of(gpu).architecture_in_words(gpu)
        message = (
            f"torch {version} ({wheel.tag}) has {_kernels(wheel, gpu)} for {architecture} "
            f"({gpu.name or 'GPU'}), and holds no code that could be translated"
        )
        return _problem("torch-without-kernels", message)
    return None


def _kernels(wheel: TorchWheel, gpu: Gpu) -> str:
    """Whether a card is too old or too new for a build can be said only where its architectures have an order."""
    capability = capability_of(gpu)
    if not vendors.of(gpu).has_compute_capability:
        return "no kernels"
    compiled = [numbers(code) for code in wheel.code if "." in code]
    too_old = capability is not None and bool(compiled) and capability < min(compiled)
    return "no longer kernels" if too_old else "not yet kernels"


def _problem(code: str, message: str) -> Problem:
    return Problem(
        probe=_PROBE, code=code, message=message, remedy="'llmcheck install torch' names the build that fits"
    )
