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


class _Share(Struct, frozen=True):
    memory: int | None
    source: str


def probe(host: Host, _request: Request) -> Reading:
    if host.platform != "darwin" or host.machine_architecture() != "arm64":
        return Reading(gpus=())
    display = _display(host)
    name = (host.run(["sysctl", "-n", "machdep.cpu.brand_string"]) or "").strip() or display.sppci_model
    share = _share(host)
    cores = f", {display.sppci_cores} GPU cores" if display.sppci_cores else ""
    problem = Problem(
        probe=_PROBE,
        code="unified-memory",
        message="how much RAM the machine has, and so what its GPU may use, could not be asked",
    )
    return Reading(
        gpus=(Gpu(vendor="apple", index=0, name=name or "Apple GPU", unified=True, memory_total=share.memory),),
        problems=() if share.memory else (problem,),
        sources={"gpus": f"sysctl and system_profiler{cores}", "gpus.memory_total": share.source},
    )


def _share(host: Host) -> _Share:
    """Bytes that Metal may wire at once: the limit that was set, else an estimate of the system's own."""
    ram = _number(host.run(["sysctl", "-n", "hw.memsize"]))
    if ram is None:
        return _Share(None, "sysctl hw.memsize gave no answer")
    limit = _number(host.run(["sysctl", "-n", "iogpu.wired_limit_mb"]))
    if limit:
        return _Share(min(ram, limit * MIB), "sysctl iogpu.wired_limit_mb")
    old = _number(host.run(["sysctl", "-n", "debug.iogpu.wired_limit"]))  # macOS 13, in bytes
    if old:
        return _Share(min(ram, old), "sysctl debug.iogpu.wired_limit")
    words = unified_memory.metal_words(ram)
    return _Share(unified_memory.metal(ram), f"estimate: {words} of hw.memsize, the usual share that Metal may wire")


def _number(text: str | None) -> int | None:
    """A count that is told; 0 stands for the system's own default and is one too."""
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _display(host: Host) -> _Display:
    """The built-in GPU in system_profiler's words; empty where it does not answer."""
    text = host.run(["system_profiler", "-json", "SPDisplaysDataType"], timeout=8.0)
    try:
        displays = msgspec.json.decode(text or "{}", type=_Report).SPDisplaysDataType
    except (msgspec.DecodeError, UnicodeEncodeError):
        return _Display()
    apple = [display for display in displays if (display.sppci_model or "").startswith("Apple")]
    return apple[0] if apple else _Display()
