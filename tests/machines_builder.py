"""Machines for tests, built from what the drivers of real cards report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from llmcheck.judge import requirements
from llmcheck.schema.machine import (
    Cpu,
    Disk,
    Driver,
    Fabric,
    FabricPort,
    Gpu,
    Machine,
    Os,
    Package,
    Problem,
    Python,
    Ram,
    Software,
    Tool,
    Torch,
)
from llmcheck.schema.profile import Requirement
from llmcheck.schema.report import Finding

GB = 10**9
MIB = 2**20

# Name as NVML says it, MiB that NVML reports, compute capability.
CARDS: dict[str, tuple[str, int, str]] = {
    "K80": ("Tesla K80", 11441, "3.7"),
    "GTX 980": ("NVIDIA GeForce GTX 980", 4096, "5.2"),
    "P100": ("Tesla P100-PCIE-16GB", 16384, "6.0"),
    "GTX 1080 Ti": ("NVIDIA GeForce GTX 1080 Ti", 11264, "6.1"),
    "V100": ("Tesla V100-SXM2-16GB", 16384, "7.0"),
    "T4": ("Tesla T4", 15360, "7.5"),
    "RTX 2080 Ti": ("NVIDIA GeForce RTX 2080 Ti", 11264, "7.5"),
    "RTX 3060": ("NVIDIA GeForce RTX 3060", 12288, "8.6"),
    "RTX 3090": ("NVIDIA GeForce RTX 3090", 24576, "8.6"),
    "RTX 4070": ("NVIDIA GeForce RTX 4070", 12282, "8.9"),
    "RTX 4090": ("NVIDIA GeForce RTX 4090", 24564, "8.9"),
    "A5000": ("NVIDIA RTX A5000", 24564, "8.6"),
    "L40S": ("NVIDIA L40S", 46068, "8.9"),
    "A100 40GB": ("NVIDIA A100-SXM4-40GB", 40960, "8.0"),
    "A100 80GB": ("NVIDIA A100-SXM4-80GB", 81920, "8.0"),
    "H100": ("NVIDIA H100 80GB HBM3", 81559, "9.0"),
    "H200": ("NVIDIA H200", 143771, "9.0"),
    "GH200": ("NVIDIA GH200 480GB", 97871, "9.0"),
    "B200": ("NVIDIA B200", 183359, "10.0"),
    "RTX 5090": ("NVIDIA GeForce RTX 5090", 32607, "12.0"),
}


def card(model: str, index: int = 0, **changes: Any) -> Gpu:
    """A healthy NVIDIA card of ``CARDS``."""
    name, mib, capability = CARDS[model]
    facts: dict[str, Any] = {
        "vendor": "nvidia",
        "index": index,
        "name": name,
        "memory_total": mib * MIB,
        "memory_used": 0,
        "memory_free": mib * MIB,
        "compute_capability": capability,
        "nvlinks": 0,
    }
    return Gpu(**{**facts, **changes})


def cards(model: str, count: int, **changes: Any) -> tuple[Gpu, ...]:
    return tuple(card(model, index, **changes) for index in range(count))


def amd(index: int = 0, memory: int | None = 192 * GB, **changes: Any) -> Gpu:
    return Gpu(vendor="amd", index=index, name="AMD Instinct MI300X", memory_total=memory, **changes)


def mig(parent: int, number: int, memory: int, **changes: Any) -> Gpu:
    """One MIG instance."""
    return Gpu(
        vendor="nvidia",
        index=number,
        parent=parent,
        name="NVIDIA MIG instance",
        memory_total=memory,
        compute_capability="9.0",
        nvlinks=0,
        **changes,
    )


def python(**changes: Any) -> Python:
    facts: dict[str, Any] = {
        "executable": "/srv/project/.venv/bin/python",
        "version": "3.12.4",
        "implementation": "cpython",
        "prefix": "/srv/project/.venv",
        "environment": "venv",
        "externally_managed": False,
        "reason": "named with --python",
    }
    return Python(**{**facts, **changes})


def packages(**versions: str) -> tuple[Package, ...]:
    """``lm_eval="0.4.9"`` becomes lm-eval 0.4.9; pip is always there."""
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    return tuple(Package(name=name, version=version) for name, version in sorted({"pip": "26.3", **named}.items()))


def tools(*present: str) -> tuple[Tool, ...]:
    """All tools that the probe looks for, those named with a path."""
    known = ("git", "cmake", "cc", "nvcc", "docker", "uv", "llama-cli", "llama-server", "text-generation-launcher")
    return tuple(Tool(name=name, path=f"/usr/bin/{name}" if name in present else None) for name in known)


def infiniband(**changes: Any) -> FabricPort:
    facts: dict[str, Any] = {
        "device": "mlx5_0",
        "port": 1,
        "link_layer": "InfiniBand",
        "active": True,
        "rate_gbps": 400.0,
    }
    return FabricPort(**{**facts, **changes})


def machine(
    *gpus: Gpu,
    driver: str | Driver | None = "580.95.05",
    ram: int | None = 256 * GB,
    free: int | None = 2000 * GB,
    disk: str = "nvme",
    software: Sequence[Package] | None = None,
    present: Sequence[str] = (),
    system: str = "linux",
    architecture: str = "x86_64",
    os_version: str | None = "6.8.0-48-generic",
    interpreter: Python | None = None,
    torch: Torch | None = None,
    ports: tuple[FabricPort, ...] | None = (),
    problems: tuple[Problem, ...] = (),
    **changes: Any,
) -> Machine:
    """A roomy Linux server with these GPUs, an empty virtual environment, and a driver wherever there is a GPU."""
    drivers = {}
    for vendor in dict.fromkeys(gpu.vendor for gpu in gpus if gpu.vendor in ("nvidia", "amd")):
        said = driver if vendor == "nvidia" else "6.14.0"
        if said is not None:
            drivers[vendor] = said if isinstance(said, Driver) else Driver(version=said)
    facts: dict[str, Any] = {
        "os": Os(system=system, architecture=architecture, version=os_version),
        "cpu": Cpu(model="EPYC", cores=32, threads=64, threads_affinity=64, threads_usable=64),
        "ram": Ram(total=ram, available=ram, usable=ram),
        "disks": (
            Disk(
                role="models",
                path="/srv/models",
                mount_point="/srv",
                filesystem="ext4",
                device="/dev/nvme0n1p1",
                kind=disk,
                size=None if free is None else 4 * free,
                free=free,
                read_only=False,
            ),
        ),
        "gpus": gpus,
        "drivers": drivers,
        "fabric": Fabric(ports=ports),
        "software": Software(
            python=interpreter or python(),
            packages=packages() if software is None else tuple(software),
            torch=torch,
            tools=tools(*present),
        ),
        "problems": problems,
    }
    return Machine(**{**facts, **changes})


def require(kind: str, **keys: object) -> Requirement:
    """A requirement as a profile file would state it."""
    return requirements.decode({"id": kind, "kind": kind, **keys}, "profile.toml, require[0]")


def judge(kind: str, where: Machine, **keys: object) -> Finding:
    """The finding of one requirement on one machine."""
    return requirements.check(require(kind, **keys), where)


def with_backend(where: Machine, backend: str | None) -> Machine:
    """The machine with that value of UV_TORCH_BACKEND."""
    return replace(where, software=replace(where.software, torch_backend=backend))
