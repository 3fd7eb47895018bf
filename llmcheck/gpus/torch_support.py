"""Whether a build of PyTorch can use the GPUs that are there, and whether the C library is one of its wheels.

Driver and card are two independent tests. A wheel holds no code that a driver could translate, so a card runs only
kernels compiled for its own major compute capability and a minor one that is not newer (CUDA C++ Programming Guide,
binary compatibility); the embedded chips of compute capability 5.3, 6.2 and 7.2 run only code made for them, and so
does 8.7 before CUDA 13.2 (PyTorch, torch/cuda/__init__.py of 2.15). The tables of builds and drivers are data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from llmcheck.schema.machine import Gpu, Machine, Problem, capability_of, counted_gpus
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel

_PROBE = "software"
_TORCH_CODES = frozenset(("torch-cpu-build", "torch-wrong-vendor", "torch-newer-than-driver", "torch-without-kernels"))
_CODES = _TORCH_CODES | {"glibc-old"}
_OLDEST_GLIBC = (2, 28)
# The chips of the Jetsons up to Orin.
EMBEDDED = ((5, 3), (6, 2), (7, 2), (8, 7))
_CUDA_WITH_ORIN = (13, 2)
# First branch that knows Blackwell; that CUDA 12 builds need it there is practice, no published floor.
_BLACKWELL, _DRIVER_OF_BLACKWELL = (10, 0), "570"


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
    gpus = counted_gpus(machine)
    nvidia = [gpu for gpu in gpus if gpu.vendor == "nvidia"]
    amd = [gpu for gpu in gpus if gpu.vendor == "amd" and not gpu.integrated]
    if torch is None or torch.build is None or not (nvidia or amd):
        return None
    version, build = torch.version or "of unknown version", torch.build
    if build == "cpu":
        return _problem("torch-cpu-build", f"torch {version} is a CPU build: it cannot use the GPUs of this machine")
    cuda = cuda_of(build)
    if cuda is not None and not nvidia:
        return _problem("torch-wrong-vendor", f"torch {version} is built for CUDA, and the GPUs here are AMD's")
    if build.startswith("rocm") and not amd:
        return _problem("torch-wrong-vendor", f"torch {version} is built for ROCm, and the GPUs here are NVIDIA's")
    if cuda is not None:
        found = _against_driver(machine, version, cuda, nvidia, drivers)
        if found is not None:
            return found
    wheel = _wheel_of(version, build, machine, wheels)
    return _against_cards(nvidia if cuda else amd, version, wheel) if wheel is not None else None


def runs_on(wheel: TorchWheel, gpu: Gpu) -> bool:
    """Whether a build holds code for a card; what is unknown of the card limits nothing."""
    if gpu.vendor == "amd":
        return gpu.gfx is None or gpu.gfx in wheel.code
    capability = capability_of(gpu)
    if capability is None:
        return True
    compiled = [tuple(map(int, code.split("."))) for code in wheel.code if "." in code]
    cuda = cuda_of(wheel.tag)
    if capability in EMBEDDED and not (capability == (8, 7) and cuda is not None and cuda >= _CUDA_WITH_ORIN):
        return capability in compiled
    return any(major == capability[0] and minor <= capability[1] for major, minor in compiled)


def cuda_of(tag: str) -> tuple[int, int] | None:
    """``cu126`` is CUDA 12.6; None for a build without CUDA."""
    match = re.fullmatch(r"cu(\d{2})(\d)", tag)
    return (int(match[1]), int(match[2])) if match else None


def least_driver(cuda: tuple[int, int], gpus: Iterable[Gpu], drivers: Sequence[CudaDriver]) -> CudaDriver | None:
    """The floor of a CUDA release for these cards, with its source; of a release that is unknown, its major's."""
    of_major = [each for each in drivers if int(each.cuda.split(".")[0]) == cuda[0]]
    exact = next((each for each in of_major if each.cuda == f"{cuda[0]}.{cuda[1]}"), None)
    floor = exact or (of_major[-1] if of_major else None)
    if floor is None:
        return None
    blackwell = any((capability_of(gpu) or (0, 0)) >= _BLACKWELL for gpu in gpus)
    if blackwell and numbers(floor.linux) < numbers(_DRIVER_OF_BLACKWELL):
        source = "Blackwell is in the driver since its branch 570; no published floor of minor version compatibility"
        return CudaDriver(
            cuda=floor.cuda,
            linux=_DRIVER_OF_BLACKWELL,
            windows=_DRIVER_OF_BLACKWELL,
            source=source,
            as_of=floor.as_of,
        )
    return floor


def floor_on(floor: CudaDriver, system: str) -> str:
    return floor.windows if system == "windows" else floor.linux


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare two of one scheme."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _against_driver(
    machine: Machine, version: str, cuda: tuple[int, int], gpus: list[Gpu], drivers: Sequence[CudaDriver]
) -> Problem | None:
    driver = machine.drivers.get("nvidia")
    system = machine.os.system if machine.os else "linux"
    floor = least_driver(cuda, gpus, drivers)
    if floor is None or driver is None or not driver.version or not numbers(driver.version):
        return None
    least = floor_on(floor, system)
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
        capability = capability_of(gpu)
        compiled = [numbers(code) for code in wheel.code if "." in code]
        why = "no longer" if capability and compiled and capability < min(compiled) else "not yet"
        of = f"compute capability {gpu.compute_capability}" if gpu.vendor == "nvidia" else str(gpu.gfx)
        message = (
            f"torch {version} ({wheel.tag}) has {'no' if gpu.vendor == 'amd' else why} kernels for {of} "
            f"({gpu.name or 'GPU'}), and holds no code that could be translated"
        )
        return _problem("torch-without-kernels", message)
    return None


def _problem(code: str, message: str) -> Problem:
    return Problem(
        probe=_PROBE, code=code, message=message, remedy="'llmcheck install torch' names the build that fits"
    )
