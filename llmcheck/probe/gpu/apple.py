"""The GPU of Apple silicon, which shares the machine's RAM."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Gpu, Problem
from llmcheck.probe import Reading, Request


def probe(host: Host, _request: Request) -> Reading:
    if host.platform != "darwin" or host.machine_architecture() != "arm64":
        return Reading(gpus=())
    name = (host.run(["sysctl", "-n", "machdep.cpu.brand_string"]) or "").strip() or "Apple GPU"
    problem = Problem(
        probe="gpu.apple",
        code="unified-memory",
        message="how much of the unified memory the GPU may use was not asked",
    )
    return Reading(gpus=(Gpu(vendor="apple", index=0, name=name, unified=True),), problems=(problem,))
