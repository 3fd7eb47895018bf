"""Whether a runtime has a build for a machine's GPUs and system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.gpus import vendors
from llmcheck.runtimes import Platform, Runtime
from llmcheck.schema.machine import Gpu


class Obstacle(Struct, frozen=True, kw_only=True):
    """Why a runtime does not run on a machine, by the first of these that holds."""

    code: Literal["no-gpu", "vendor", "system", "architecture"]
    needed: tuple[str, ...]
    """Vendors, systems, or architectures such as ``8.0`` (that or newer) and ``gfx942``."""
    found: tuple[str, ...]
    """The same of the machine; () without a GPU."""


def obstacle(runtime: Runtime, gpus: Sequence[Gpu] | None, system: str | None) -> Obstacle | None:
    """None where it runs, and where what is known of the machine does not forbid it. ``gpus``: None if not listed."""
    if system is not None and runtime.systems and system not in runtime.systems:
        return Obstacle(code="system", needed=runtime.systems, found=(system,))
    if gpus is None:
        return None
    supported = tuple(each.vendor for each in runtime.platforms)
    if not gpus:
        return Obstacle(code="no-gpu", needed=supported, found=()) if runtime.needs_gpu else None
    theirs = [gpu for gpu in gpus if gpu.vendor in supported] if supported else list(gpus)
    if not theirs:
        return Obstacle(code="vendor", needed=supported, found=tuple(sorted({gpu.vendor for gpu in gpus})))
    platforms = {each.vendor: each for each in runtime.platforms}
    needed: list[str] = []
    for gpu in theirs:
        own = _needed(platforms.get(gpu.vendor), gpu)
        if not own:
            return None
        needed += own
    found = {vendors.of(gpu).architecture(gpu) or "unknown" for gpu in theirs}
    return Obstacle(code="architecture", needed=tuple(dict.fromkeys(needed)), found=tuple(sorted(found)))


def _needed(platform: Platform | None, gpu: Gpu) -> tuple[str, ...]:
    """Architectures of which a GPU would have to be one; () where it is, and where its own is not known."""
    if platform is None:
        return ()
    least = platform.min_compute_capability
    if least is not None and vendors.of(gpu).is_at_least(gpu, least) is False:
        return (f"{least[0]}.{least[1]}",)
    return platform.gfx if platform.gfx and gpu.gfx is not None and gpu.gfx not in platform.gfx else ()
