"""Ways to run a model on a machine: every runtime that works there, with the formats and contexts that fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmcheck import runtimes
from llmcheck.fit import limits
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.obstacles import excluded, older_driver
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.plans.candidate import Wishes
from llmcheck.fit.use import DEFAULT_CONTEXT, ModelUse
from llmcheck.runtimes import Runtime
from llmcheck.schema.machine import Gpu

_QUARTER = 4
"""A context that is shortened is halved, and halved again: fewer tokens are another job."""


def wanted_context(use: ModelUse) -> int:
    """Tokens: as named, else the usual ones as far as the model declares them."""
    if use.workload.context is not None or use.workload.prompt is not None:
        return use.context
    return min(DEFAULT_CONTEXT, use.architecture.context or DEFAULT_CONTEXT)


def tried(use: ModelUse, capacity: Capacity, wishes: Wishes) -> Iterator[tuple[ModelUse, PlacementResult]]:
    """Uses that fit, with their placement. The finest format that lies on the GPUs alone ends a runtime's search."""
    named = use.workload.context is not None or use.workload.prompt is not None
    least = use.context if named else wishes.least_context
    for runtime in suitable(use, capacity):
        for name in format_names(use, runtime):
            own = use.changed(runtime=runtime.id, weights=name, context=_wanted(use, runtime, capacity))
            if not _may_fit(own, capacity):
                continue
            found = place(own, capacity)
            if not found.fits:
                shorter = _smaller_cache(own, capacity, least)
                if shorter is not None:
                    yield shorter
                    if shorter[1].verdict == "fits":
                        break
                continue
            yield own, found
            if found.verdict == "fits":
                break
            smaller = _smaller_cache(own, capacity, least) if _may_lie_on_gpus(own, capacity) else None
            if smaller is not None and smaller[1].verdict == "fits":
                yield smaller


def _wanted(use: ModelUse, runtime: Runtime, capacity: Capacity) -> int:
    """Tokens: as named, else what the runtime takes by itself on so much GPU memory, else the usual ones."""
    if use.workload.context is not None or use.workload.prompt is not None or runtime.default_context is None:
        return wanted_context(use)
    gpu_bytes = sum(device.total or 0 for group in capacity.groups for device in group)
    tokens = runtime.default_context(gpu_bytes)
    return min(tokens, use.architecture.context or tokens)


def suitable(use: ModelUse, capacity: Capacity) -> Iterator[Runtime]:
    """The runtime that was named, or every one that has a build for this machine and reads the model's files."""
    if use.workload.runtime is not None:
        yield use.runtime
        return
    gpus = [device.gpu for group in capacity.groups for device in group] if capacity.gpus_listed else None
    for runtime in runtimes.every():
        if (
            _considered(runtime, gpus or (), capacity)
            and excluded(runtime, gpus, capacity.system) is None
            and not _needs_newer_driver(runtime, gpus or (), capacity)
            and reads(use, runtime)
        ):
            yield runtime


def _needs_newer_driver(runtime: Runtime, gpus: Sequence[Gpu], capacity: Capacity) -> bool:
    """Whether the build that would be installed does not run with the driver; one that is there is supposed to run."""
    if capacity.installed.has(runtime):
        return False
    return any(older_driver(runtime, gpu, capacity.drivers.get(gpu.vendor)) for gpu in gpus)


def _considered(runtime: Runtime, gpus: Sequence[Gpu], capacity: Capacity) -> bool:
    if runtime.proposed == "always":
        return True
    usual = any(gpu.vendor in runtime.default_on for gpu in gpus)
    return runtime.proposed == "installed" and (usual or capacity.installed.has(runtime) is True)


def reads(use: ModelUse, runtime: Runtime) -> bool:
    """Whether it reads the file that the model is, or the format that was named; any model that is only a name."""
    if use.workload.weights is not None or use.architecture.tensors:
        family = use.weight_format.family
        if use.architecture.source.endswith(".gguf") and use.workload.weights is None:
            return runtime.gguf_file == "computes" and "gguf" in runtime.families
        return family in runtime.families
    return True


def format_names(use: ModelUse, runtime: Runtime) -> tuple[str | None, ...]:
    """The format that was named or that the file has (None); else the published one and the runtime's ladder."""
    if use.workload.weights is not None:
        return (use.workload.weights,)
    if use.architecture.tensors:
        return (None,)
    ladder = runtime.common_ladder or runtime.ladder
    return tuple(limits.weight_formats(use.changed(runtime=runtime.id), ladder))


def _may_fit(use: ModelUse, capacity: Capacity) -> bool:
    """False where the weights alone are more than all memory there is: nothing has to be placed to know it."""
    gpus = max((sum(device.free or 0 for device in group) for group in capacity.groups), default=0)
    if any(device.free is None for group in capacity.groups for device in group):
        return True
    ram = (capacity.ram or 0) if use.runtime.offloads else 0
    return use.stored.total <= gpus + ram


def _may_lie_on_gpus(use: ModelUse, capacity: Capacity) -> bool:
    """False where the weights alone are more than the GPUs hold: no smaller cache helps. An embedding may be in RAM."""
    gpus = max((sum(device.free or 0 for device in group) for group in capacity.groups), default=0)
    return use.stored.total - use.stored.embedding <= gpus


def _smaller_cache(use: ModelUse, capacity: Capacity, least: int) -> tuple[ModelUse, PlacementResult] | None:
    """A quantised cache, then a shorter context, then both, where none was named; None where nothing of it helps.

    ``least``: tokens below which the context is not shortened.
    """
    work = use.workload
    ladder = use.runtime.cache_ladder
    caches = (work.kv_cache,) if work.kv_cache is not None or len(ladder) < 2 else (None, ladder[1])
    lengths = [use.context]
    while lengths[-1] // 2 >= least and lengths[-1] > use.context // _QUARTER:
        lengths.append(lengths[-1] // 2)
    best: tuple[ModelUse, PlacementResult] | None = None
    for context in lengths:
        for cache in caches:
            if context == use.context and cache == work.kv_cache:
                continue
            own = use.changed(context=context, kv_cache=cache)
            found = place(own, capacity)
            if found.verdict == "fits":
                return own, found
            if found.fits and best is None:
                best = own, found
    return best
