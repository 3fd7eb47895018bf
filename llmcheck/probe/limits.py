"""Further limits that may stop a training run: locked memory, open files, and shared memory in /dev/shm."""

from __future__ import annotations

from llmcheck.probe import Reading, Request
from llmcheck.probe._infiniband import ports
from llmcheck.schema.machine import Limits, Problem, Rlimit
from llmcheck.system.host import Host

_SHM = "/dev/shm"  # noqa: S108 - only its size is read
# A container's default. PyTorch's data loaders and NCCL pass tensors through it and fail with "bus error" when full.
# Source: docker run reference, --shm-size; NCCL user guide, troubleshooting, shared memory; read 2026-11-22.
_SMALL_SHM = 64 * 2**20
_LOW_MEMLOCK = 64 * 2**30
# A process with this capability may lock any amount. Source: capabilities(7), bit 14 of linux/capability.h.
_CAP_IPC_LOCK = 1 << 14


def probe(host: Host, _request: Request) -> Reading:
    memlock, nofile = _rlimit(host, "memlock"), _rlimit(host, "nofile")
    shm = host.statvfs(_SHM) if host.exists(_SHM) else None
    where = "getrlimit" if host.live else "/proc/self/limits"
    sources = {
        f"limits.{name}": f"{where} ({name})"
        for name, limit in (("memlock", memlock), ("nofile", nofile))
        if limit is not None
    }
    if shm is not None:
        sources |= dict.fromkeys(("limits.shm_size", "limits.shm_free"), f"statvfs {_SHM}")
    size = shm.size if shm is not None else None
    problems = (_small_shm(size), _low_memlock(host, memlock))
    return Reading(
        limits=Limits(memlock=memlock, nofile=nofile, shm_size=size, shm_free=shm.free if shm is not None else None),
        sources=sources,
        problems=tuple(problem for problem in problems if problem is not None),
    )


def _rlimit(host: Host, name: str) -> Rlimit | None:
    found = host.rlimit(name)
    return None if found is None else Rlimit(soft=found[0], hard=found[1])


def _small_shm(size: int | None) -> Problem | None:
    if size is None or size > _SMALL_SHM:
        return None
    return Problem(
        probe="limits",
        code="shm-small",
        message=f"{_SHM} has only {size / 2**20:.0f} MiB: data loaders with workers and NCCL fail when it is full",
        remedy="start the container with '--shm-size 8g' or '--ipc=host'; "
        f"outside a container: 'mount -o remount,size=8g {_SHM}'",
    )


def _low_memlock(host: Host, memlock: Rlimit | None) -> Problem | None:
    """A low limit is a problem only with InfiniBand, which locks the memory that it sends from.

    RoCE ports do not count: many cloud machines have one for their ordinary network, which NCCL never uses.
    """
    if memlock is None or memlock.soft is None or memlock.soft >= _LOW_MEMLOCK:
        return None
    if not any(port.link_layer == "InfiniBand" for port in ports(host) or ()) or _may_lock_all(host):
        return None
    return Problem(
        probe="limits",
        code="memlock-low",
        message=f"only {memlock.soft / 2**20:.4g} MiB of memory may be locked: RDMA over InfiniBand fails with that",
        remedy="'ulimit -l unlimited' (docker: '--ulimit memlock=-1'; Slurm: PropagateResourceLimitsExcept=MEMLOCK)",
    )


def _may_lock_all(host: Host) -> bool:
    for line in (host.read("/proc/self/status") or "").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & _CAP_IPC_LOCK)
    return False
