"""The processor, and how much of it this process may use."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Cpu
from llmcheck.probe import Reading, Request
from llmcheck.probe._cgroup import cpu_quota


def probe(host: Host, _request: Request) -> Reading:
    cores, threads = host.processors()
    model, listed_cores, listed_threads = _cpuinfo(host.read("/proc/cpuinfo") or "")
    cores, threads = cores or listed_cores, threads or listed_threads
    quota, source = cpu_quota(host) or (None, None)
    affinity = host.affinity()
    limits = [limit for limit in (affinity or threads, quota) if limit is not None]
    return Reading(
        cpu=Cpu(
            model=model or host.environ.get("PROCESSOR_IDENTIFIER") or _apple_name(host),
            cores=cores,
            threads=threads,
            threads_affinity=affinity,
            quota=quota,
            quota_source=source,
            threads_usable=max(1, int(min(limits))) if limits else None,
        )
    )


def _cpuinfo(text: str) -> tuple[str | None, int | None, int | None]:
    """Model name, physical cores and logical processors from /proc/cpuinfo; x86 states all three, ARM the last."""
    model: str | None = None
    threads, cores, package = 0, set(), ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "processor":
            threads += 1
        elif key in ("model name", "cpu model", "Model"):
            model = model or value
        elif key == "physical id":
            package = value
        elif key == "core id":
            cores.add((package, value))
    return model, len(cores) or None, threads or None


def _apple_name(host: Host) -> str | None:
    if host.platform != "darwin":
        return None
    return (host.run(["sysctl", "-n", "machdep.cpu.brand_string"]) or "").strip() or None
