"""Whether the PyTorch that is installed can use the GPUs that are there, and the C library its wheels.

Three independent tests: the build's CUDA major against the driver, the kernels compiled into it against each card, and
whether it is a GPU build at all. Figures: NVIDIA's minor-version compatibility table for the drivers; the wheels of
torch 2.4 to 2.15 read with cuobjdump, and PyTorch's release matrix (RFC #190385, PR 175253), for the cards; read
2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmcheck.machine import Gpu, Machine, Problem, capability_of, counted_gpus

_PROBE = "software"
_DRIVER_OF_CUDA = {11: 450, 12: 525, 13: 580}
_OLDEST_GLIBC = (2, 28)


def problems(machine: Machine) -> Iterator[Problem]:
    """What keeps installed software from working on this machine; nothing is said of what is not known."""
    torch = torch_problem(machine)
    if torch is not None:
        yield torch
    match = re.fullmatch(r"glibc (\d+)\.(\d+)", (machine.os.libc if machine.os else None) or "")
    if match and (int(match[1]), int(match[2])) < _OLDEST_GLIBC:
        message = f"{match[0]} is older than the wheels of current PyTorch and vLLM ask for (2.28)"
        remedy = "use a newer system or a container: installers fall back to releases of years ago without a word"
        yield Problem(probe=_PROBE, code="glibc-old", message=message, remedy=remedy)


def torch_problem(machine: Machine) -> Problem | None:
    """Why the installed torch cannot use this machine's NVIDIA GPUs; None if nothing speaks against it."""
    torch = machine.software.torch
    gpus = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
    if torch is None or torch.build is None or not gpus:
        return None
    version = torch.version or "of unknown version"
    if torch.build == "cpu":
        return _problem("torch-cpu-build", f"torch {version} is a CPU build: it cannot use the GPUs of this machine")
    cuda = re.fullmatch(r"cu(\d{2})(\d)", torch.build)
    if cuda is None:
        return None
    return _against_driver(machine, version, int(cuda[1])) or _against_cards(gpus, version, torch.build)


def _against_driver(machine: Machine, version: str, major: int) -> Problem | None:
    driver = machine.drivers.get("nvidia")
    branch = re.match(r"\d+", (driver.version if driver else None) or "")
    least = _DRIVER_OF_CUDA.get(major)
    if branch is None or least is None or int(branch[0]) >= least:
        return None
    message = (
        f"torch {version} is built for CUDA {major}, which needs driver {least} or newer; this machine has {branch[0]}"
    )
    return _problem("torch-newer-than-driver", message)


def _against_cards(gpus: list[Gpu], version: str, build: str) -> Problem | None:
    least, most = _compiled_for(version, build)
    for gpu in gpus:
        capability = capability_of(gpu)
        if capability is not None and not least <= capability <= most:
            why = "no longer" if capability < least else "not yet"
            message = (
                f"torch {version} ({build}) has {why} kernels for compute capability {gpu.compute_capability} "
                f"({gpu.name or 'GPU'}), and holds no code that could be translated"
            )
            return _problem("torch-without-kernels", message)
    return None


def _compiled_for(version: str, build: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The compute capabilities that a build has kernels for, from and to."""
    if build.startswith("cu13"):
        return (7, 5), (12, 9)
    if build in ("cu128", "cu129"):
        numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
        return ((7, 5) if numbers >= [2, 11] or build == "cu129" else (7, 0)), (12, 9)
    return (5, 0), (9, 0)


def _problem(code: str, message: str) -> Problem:
    return Problem(
        probe=_PROBE, code=code, message=message, remedy="'llmcheck install torch' names the build that fits"
    )
