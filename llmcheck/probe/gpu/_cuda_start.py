"""Whether CUDA could start: NVML answers on machines on which no program can compute.

Programs need more than NVML does: libcuda.so.1 of the driver's version, and the device node of the memory manager.
Nothing is loaded or started to find that out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.probe.system import container_of
from llmcheck.schema.machine import Driver, Gpu, Problem
from llmcheck.system import loader
from llmcheck.system.host import Host

PROBE = "gpu.nvidia"
LIBRARY = "libcuda.so.1"
_WSL_FOLDER = "/usr/lib/wsl/lib"
_UVM, _CONTROL, _MODPROBE = "/dev/nvidia-uvm", "/dev/nvidiactl", "/usr/bin/nvidia-modprobe"
# Traces of a driver that works. A library that is missing beside none of them says nothing: NVML itself needs one.
_TRACES = (_CONTROL, "/proc/driver/nvidia/version", "/dev/dxg")
_CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES"
_COMPUTE = ("compute", "all")
# libcuda.so.580.95.05 is the file behind the link; WSL's is libcuda.so.1.1.
_VERSION = r"libcuda\.so\.(\d{3,}\.\d+(?:\.\d+)?)"
# Cards that a newer libcuda (NVIDIA's package cuda-compat) does not start on; CUDA answers error 804. Source: NVIDIA,
# CUDA Compatibility, Forward Compatibility, "only on data center GPUs and select RTX cards"; read 2026-11-27.
_CONSUMER = ("GeForce", "TITAN")
_WITH_COMPUTE = (
    "start the container with compute: '--gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility', or write "
    "ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility into the image"
)


class _Library(Struct, frozen=True):
    """The libcuda that programs would load."""

    path: str
    real: str
    """Without links."""
    version: str | None
    where: str
    """What led the loader to it."""


def with_cuda(host: Host, driver: Driver, gpus: Sequence[Gpu], nvml: str) -> tuple[Driver, list[Problem]]:
    """The driver with what CUDA needs of it, and why CUDA could not start; [] where nothing speaks against it.

    ``nvml``: the name or path by which NVML's library was loaded. Only of Linux: Windows has other files.
    """
    driver = replace(driver, kernel_module=kernel_module(host))
    if host.platform != "linux" or is_tegra(host):
        return driver, []
    found = _find(host, nvml)
    library = _library(host, found)
    if library is not None:
        driver = replace(driver, library=library.path, library_version=library.version)
    problem = _problem(host, driver, gpus, library, found)
    return (driver, []) if problem is None else (replace(driver, fault=problem.code), [problem])


def kernel_module(host: Host) -> str | None:
    """``open`` or ``proprietary``, by what the loaded kernel module calls itself; None where none is loaded."""
    text = host.read("/proc/driver/nvidia/version")
    if not text or "NVRM" not in text:
        return None
    return "open" if "Open Kernel Module" in text else "proprietary"


def is_tegra(host: Host) -> bool:
    """Whether it is a Jetson, whose libcuda has a folder of its own and needs no device node of a memory manager."""
    return "nvidia,tegra" in (host.read("/proc/device-tree/compatible") or "")


def _find(host: Host, nvml: str) -> loader.Found:
    found = loader.find(host, LIBRARY, host.machine_architecture())
    folder = nvml.rpartition("/")[0]
    # Where NVML was loaded by its path (NixOS), programs find libcuda in the same folder by a path of their own.
    if found.path is None and folder and not is_wsl(host) and host.error_at(f"{folder}/{LIBRARY}") is None:
        return loader.Found(f"{folder}/{LIBRARY}", folder)
    return found


def _library(host: Host, found: loader.Found) -> _Library | None:
    if found.path is None:
        return None
    real = host.resolve(found.path)
    named = re.fullmatch(_VERSION, real.rpartition("/")[2])
    return _Library(found.path, real, named[1] if named else None, found.where)


def is_wsl(host: Host) -> bool:
    return "microsoft" in (host.release() or "").lower()


def _problem(
    host: Host, driver: Driver, gpus: Sequence[Gpu], library: _Library | None, found: loader.Found
) -> Problem | None:
    granted = capabilities(host)
    without_compute = granted is not None and not set(granted) & set(_COMPUTE)
    has_traces = any(map(host.exists, _TRACES))
    if library is None:
        if without_compute:
            return _without_compute(granted or (), f"{LIBRARY} is not in it")
        return _missing(host, found) if has_traces and found.known else None
    wrong = _wrong_library(host, driver, gpus, library)
    if wrong is not None or is_wsl(host):
        return wrong
    return _without_memory_manager(host, granted or () if without_compute else None)


def capabilities(host: Host) -> tuple[str, ...] | None:
    """What NVIDIA_DRIVER_CAPABILITIES asked for when the container was started; None where it is not set."""
    value = host.environ.get(_CAPABILITIES)
    return None if not value else tuple(each.strip().lower() for each in value.split(",") if each.strip())


def _without_compute(granted: Sequence[str], what: str) -> Problem:
    return Problem(
        probe=PROBE,
        code="container-without-compute",
        message=f"CUDA cannot start: this container was started with {_CAPABILITIES}={','.join(granted)}, without "
        f"compute, and {what}; NVML and nvidia-smi work all the same",
        remedy=_WITH_COMPUTE,
    )


def _missing(host: Host, found: loader.Found) -> Problem:
    message = f"CUDA cannot start: the NVIDIA driver answers, but {LIBRARY} is not in {found.where}"
    if is_wsl(host):
        if host.exists(f"{_WSL_FOLDER}/{LIBRARY}"):
            remedy = (
                f"run 'echo {_WSL_FOLDER} | sudo tee /etc/ld.so.conf.d/ld.wsl.conf && sudo ldconfig', or start "
                f"programs with LD_LIBRARY_PATH={_WSL_FOLDER}"
            )
            return Problem(probe=PROBE, code="cuda-library-missing", message=message, remedy=remedy)
        message += f", and WSL's folder {_WSL_FOLDER} is not there"
        remedy = (
            "install the NVIDIA driver in Windows, run 'wsl --update' and 'wsl --shutdown' there; a container needs "
            "'--gpus all'"
        )
        return Problem(probe=PROBE, code="cuda-library-missing", message=message, remedy=remedy)
    if container_of(host) is not None:
        remedy = _WITH_COMPUTE
    else:
        remedy = (
            "install the driver's compute library in the version of the driver (Ubuntu: libnvidia-compute-BRANCH, "
            "Debian: libcuda1, Fedora: xorg-x11-drv-nvidia-cuda-libs), then run 'sudo ldconfig'"
        )
    return Problem(probe=PROBE, code="cuda-library-missing", message=message, remedy=remedy)


def _wrong_library(host: Host, driver: Driver, gpus: Sequence[Gpu], library: _Library) -> Problem | None:
    if "/stubs/" in library.real or "/stubs/" in library.path:
        message = (
            f"CUDA cannot start: programs would load {library.path}, a stub that is only for linking ({library.where})"
        )
        return Problem(probe=PROBE, code="cuda-library-stub", message=message, remedy=_without_folder(library))
    if is_wsl(host):
        if library.version is None or library.real.startswith("/usr/lib/wsl/"):
            return None
        message = f"CUDA cannot start: in WSL programs would load {library.path}, of a Linux driver, not {_WSL_FOLDER}"
        remedy = "remove the Linux driver from WSL (sudo apt purge '^libnvidia-.*' '^nvidia-.*'), then 'sudo ldconfig'"
        return Problem(probe=PROBE, code="cuda-library-mismatch", message=message, remedy=remedy)
    own, theirs = library.version, driver.version
    if own is None or theirs is None or _numbers(own) == _numbers(theirs):
        return None
    is_copy = "compat" in library.real or "compat" in library.path
    if is_copy and _numbers(own)[:1] > _numbers(theirs)[:1]:
        consumer = next(filter(is_consumer, gpus), None)
        if consumer is None:
            return None
        why = f"a cuda-compat copy, which does not work on {consumer.name} (error 804)"
    else:
        why = (
            f"{'a cuda-compat copy ' if is_copy else ''}of version {own}, for another driver than {theirs} (error 803)"
        )
    message = f"CUDA cannot start: programs would load {library.path}, {why}"
    return Problem(probe=PROBE, code="cuda-library-mismatch", message=message, remedy=_without_folder(library))


def _without_folder(library: _Library) -> str:
    folder = library.path.rpartition("/")[0]
    if library.where == "LD_LIBRARY_PATH":
        return f"take {folder} out of LD_LIBRARY_PATH"
    return (
        f"remove the line with {folder} from /etc/ld.so.conf.d and run 'sudo ldconfig', or uninstall the package that "
        f"has {library.path}"
    )


def is_consumer(gpu: Gpu) -> bool:
    return any(word in (gpu.name or "") for word in _CONSUMER)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _without_memory_manager(host: Host, granted: Sequence[str] | None) -> Problem | None:
    """The problem of a missing /dev/nvidia-uvm. ``granted``: the container's capabilities where compute is not among
    them. On a host, CUDA makes the node itself by nvidia-modprobe.
    """
    if host.exists(_UVM):
        return None
    if granted is not None:
        return _without_compute(granted, f"{_UVM} is not in it")
    if not host.exists(_CONTROL):
        return None
    inside = container_of(host) is not None
    if not inside and host.exists(_MODPROBE):
        return None
    return Problem(
        probe=PROBE,
        code="uvm-missing",
        message=f"CUDA cannot start: there is no {_UVM}, the device of the driver's memory manager",
        remedy="on the host: 'sudo nvidia-modprobe -c 0 -u', then start the container again with '--gpus all'"
        if inside
        else "run 'sudo modprobe nvidia-uvm'; install nvidia-modprobe, which makes the node at every start",
    )


_MANAGER = "nv-fabricmanage"  # the kernel keeps 15 letters of a program's name
_MANAGER_PID = "/run/nvidia-fabricmanager/nv-fabricmanager.pid"
_MOST_PROCESSES = 20_000


def fabric_manager(host: Host) -> bool | None:
    """Whether the fabric manager runs; None without NVSwitch, and where the host's processes cannot be seen."""
    if not (host.list("/proc/driver/nvidia-nvswitch/devices") or host.exists("/dev/nvidia-nvswitch0")):
        return None
    pid = (host.read(_MANAGER_PID) or "").strip()
    if pid.isdigit() and _is_manager(host, pid):
        return True
    processes = [name for name, _ in host.entries("/proc", _MOST_PROCESSES) or () if name.isdigit()]
    if any(_is_manager(host, name) for name in processes):
        return True
    return False if "1" in processes and container_of(host) is None else None


def _is_manager(host: Host, pid: str) -> bool:
    return (host.read(f"/proc/{pid}/comm") or "").strip() == _MANAGER
