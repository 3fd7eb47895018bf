"""The GPU of Apple silicon, which shares the machine's RAM, from sysctl and system_profiler."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from llmcheck.gpus import unified_memory
from llmcheck.probe import Reading, Request
from llmcheck.schema.machine import Gpu, Problem
from llmcheck.system.host import Host
from llmcheck.units import MIB

_PROBE = "gpu.apple"


class _Display(Struct):
    sppci_model: str | None = None
    sppci_cores: str | None = None


class _Report(Struct):
    SPDisplaysDataType: tuple[_Display, ...] = ()


class _Limit(Struct, frozen=True):
    memory: int | None
    """Bytes; None where it could not be read."""
    source: str


def probe(host: Host, _request: Request) -> Reading:
    if host.platform != "darwin" or host.machine_architecture() != "arm64":
        return Reading(gpus=())
    display = _display(host)
    name = (host.run(["sysctl", "-n", "machdep.cpu.brand_string"]) or "").strip() or display.sppci_model
    limit = _metal_limit(host)
    cores = f", {display.sppci_cores} GPU cores" if display.sppci_cores else ""
    problem = Problem(
        probe=_PROBE,
        code="unified-memory",
        message="the size of the RAM could not be read, so the memory of the GPU is unknown",
    )
    return Reading(
        gpus=(
            Gpu(
                vendor="apple",
                index=0,
                name=name or "Apple GPU",
                unified=True,
                memory_total=limit.memory,
                memory_pool=unified_memory.WIRED_LIMIT if limit.memory else None,
            ),
        ),
        problems=() if limit.memory else (problem,),
        sources={"gpus": f"sysctl and system_profiler{cores}", "gpus.memory_total": limit.source},
    )


def _metal_limit(host: Host) -> _Limit:
    """Memory that Metal may wire at once: the limit that the user has set, else an estimate of the default limit."""
    ram = _number(host.run(["sysctl", "-n", "hw.memsize"]))
    if ram is None:
        return _Limit(None, "sysctl hw.memsize gave no answer")
    limit = _number(host.run(["sysctl", "-n", "iogpu.wired_limit_mb"]))
    if limit:
        return _Limit(min(ram, limit * MIB), "sysctl iogpu.wired_limit_mb")
    old = _number(host.run(["sysctl", "-n", "debug.iogpu.wired_limit"]))  # macOS 13, in bytes
    if old:
        return _Limit(min(ram, old), "sysctl debug.iogpu.wired_limit")
    fraction = unified_memory.metal_fraction(ram)
    return _Limit(unified_memory.metal_limit(ram), f"estimate: {fraction} of hw.memsize, the default limit of Metal")


def _number(text: str | None) -> int | None:
    """A number that sysctl printed, 0 included; None for anything else."""
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _display(host: Host) -> _Display:
    """system_profiler's record of the built-in GPU; an empty one where it gives no answer."""
    text = host.run(["system_profiler", "-json", "SPDisplaysDataType"], timeout=8.0)
    try:
        displays = msgspec.json.decode(text or "{}", type=_Report).SPDisplaysDataType
    except (msgspec.DecodeError, UnicodeEncodeError):
        return _Display()
    apple = [display for display in displays if (display.sppci_model or "").startswith("Apple")]
    return apple[0] if apple else _Display()
