"""The processor, and how many of its threads this process may use."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from llmcheck.probe import Reading, Request, _slurm
from llmcheck.probe._cgroup import cpu_quota, cpuset
from llmcheck.schema.machine import Cpu
from llmcheck.system.host import Host

_TOPOLOGY = "/sys/devices/system/cpu"

# The instruction sets that determine how fast a model runs on the processor, by the kernel's names.
_X86_FLAGS = (
    *("avx2", "f16c", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("amx_tile", "amx_bf16", "amx_int8"),
)
_ARM_FLAGS = ("asimd", "sve", "sve2", "bf16", "i8mm")
_FLAGS = frozenset((*_X86_FLAGS, *_ARM_FLAGS))

# On ARM, /proc/cpuinfo identifies a core by numbers of its MIDR register: (implementer, part). Listed are the cores of
# machines that run models. Source: Arm's Technical Reference Manuals and Linux arch/arm64/include/asm/cputype.h, with
# the names that util-linux's lscpu prints; read 2026-11-22.
_ARM_CORES = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD80): "Cortex-A520",
    (0x41, 0xD81): "Cortex-A720",
    (0x41, 0xD82): "Cortex-X4",
    (0x41, 0xD83): "Neoverse-V3AE",
    (0x41, 0xD84): "Neoverse-V3",
    (0x41, 0xD85): "Cortex-X925",
    (0x41, 0xD87): "Cortex-A725",
    (0x41, 0xD8E): "Neoverse-N3",
    (0x46, 0x001): "A64FX",
    (0x48, 0xD01): "TaiShan-v110",
    (0x4E, 0x004): "Carmel",
}


_WHERE = {
    "model": "/proc/cpuinfo",
    "sockets": f"/proc/cpuinfo, else {_TOPOLOGY}/cpu*/topology",
    "cores": f"{_TOPOLOGY}/cpu*/topology, else /proc/cpuinfo",
    "threads": "the processors that are online",
}


class _Listed(Struct, frozen=True):
    """The contents of /proc/cpuinfo."""

    model: str | None
    sockets: int | None
    cores: int | None
    threads: int | None
    flags: tuple[str, ...] | None


def probe(host: Host, _request: Request) -> Reading:
    listed = _cpuinfo(host.read("/proc/cpuinfo") or "")
    cores, threads = host.processors()
    cores, threads = cores or _cores_by_topology(host) or listed.cores, threads or listed.threads
    sockets = listed.sockets or _sockets_by_topology(host)
    quota, quota_source = cpu_quota(host) or (None, None)
    affinity, affinity_source = min(_affinities(host), default=(None, None))
    known = {"model": listed.model, "sockets": sockets, "cores": cores, "threads": threads}
    sources = {f"cpu.{fact}": _WHERE[fact] for fact, value in known.items() if value is not None}
    if listed.flags is not None:
        sources["cpu.flags"] = "/proc/cpuinfo"
    if affinity_source is not None:
        sources["cpu.threads_affinity"] = affinity_source
    if quota_source is not None:
        sources["cpu.quota"] = quota_source
    usable, usable_source = _usable(
        (affinity, affinity_source), (threads, "logical processors"), (quota, quota_source), _slurm.processors(host)
    )
    if usable_source is not None:
        sources["cpu.threads_usable"] = usable_source
    return Reading(
        cpu=Cpu(
            model=listed.model or host.environ.get("PROCESSOR_IDENTIFIER") or _apple_name(host),
            sockets=sockets,
            cores=cores,
            threads=threads,
            threads_affinity=affinity,
            quota=quota,
            quota_source=quota_source,
            flags=listed.flags,
            threads_usable=usable,
        ),
        sources=sources,
    )


def _affinities(host: Host) -> Iterator[tuple[int, str]]:
    """(logical processors, source); the live kernel's mask respects the cpuset, a captured tree has only the cpuset."""
    mask = host.affinity()
    if mask is not None:
        yield mask, "affinity mask of this process"
    group = cpuset(host)
    if group is not None and (mask is None or group[0] < mask):
        yield group


def _usable(*limits: tuple[float | None, str | None] | None) -> tuple[int | None, str | None]:
    """The lowest limit, rounded down but at least 1, and its source; (None, None) where no limit is known."""
    known = [(limit[0], limit[1]) for limit in limits if limit is not None and limit[0] is not None]
    if not known:
        return None, None
    lowest, source = min(known, key=lambda limit: limit[0])
    return max(1, int(lowest)), source


def _cpuinfo(text: str) -> _Listed:
    """Parse /proc/cpuinfo. On x86 it has all fields; on ARM the processors, the numbers of their cores, and flags."""
    model: str | None = None
    threads, cores, package, packages = 0, set(), "", set()
    implementer, arm_cores, flags = 0, dict[tuple[int, int], int](), set[str]()
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "processor" and value.isdigit():
            threads += 1
        elif key in ("model name", "cpu model", "Model", "cpu"):
            model = model or value
        elif key == "physical id":
            package = value
            packages.add(value)
        elif key == "core id":
            cores.add((package, value))
        elif key == "CPU implementer":
            implementer = _number(value)
        elif key == "CPU part":
            arm_core = implementer, _number(value)
            arm_cores[arm_core] = arm_cores.get(arm_core, 0) + 1
        elif key in ("flags", "Features"):
            flags.add(value)
    # The scheduler may move a program to any core, so only instruction sets of all cores count.
    common = frozenset.intersection(*(frozenset(line.split()) for line in flags)) if flags else None
    return _Listed(
        model=_arm_model(arm_cores) or model,
        sockets=len(packages) or None,
        cores=len(cores) or None,
        threads=threads or None,
        flags=None if common is None else tuple(sorted(common & _FLAGS)),
    )


def _arm_model(cores: dict[tuple[int, int], int]) -> str | None:
    """``Neoverse-V2``, or ``Cortex-A725 x 10 + Cortex-X925 x 10``; None where no core is known by name."""
    if not any(core in _ARM_CORES for core in cores):
        return None
    names = {core: _ARM_CORES.get(core, f"ARM core {core[0]:#x}:{core[1]:#x}") for core in cores}
    if len(cores) == 1:
        return next(iter(names.values()))
    return " + ".join(f"{name} x {cores[core]}" for core, name in names.items())


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0


def _cores_by_topology(host: Host) -> int | None:
    """The number of different sibling lists, since threads of one core have the same list; None without lists."""
    cores = set()
    for name in host.list(_TOPOLOGY) or ():
        if name.startswith("cpu") and name[3:].isdigit():
            folder = f"{_TOPOLOGY}/{name}/topology"
            siblings = host.read(f"{folder}/core_cpus_list") or host.read(f"{folder}/thread_siblings_list")
            if siblings and siblings.strip():
                cores.add(siblings.strip())
    return len(cores) or None


def _sockets_by_topology(host: Host) -> int | None:
    """The number of different packages; None where the kernel does not number them (it writes -1)."""
    packages = {
        host.read_int(f"{_TOPOLOGY}/{name}/topology/physical_package_id")
        for name in host.list(_TOPOLOGY) or ()
        if name.startswith("cpu") and name[3:].isdigit()
    }
    return len({package for package in packages if package is not None and package >= 0}) or None


def _apple_name(host: Host) -> str | None:
    if host.platform != "darwin":
        return None
    return (host.run(["sysctl", "-n", "machdep.cpu.brand_string"]) or "").strip() or None
