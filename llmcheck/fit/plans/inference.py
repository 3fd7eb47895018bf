"""Ways to run a model on a machine: every runtime that works there, with the formats and contexts that fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from llmcheck import runtimes
from llmcheck.fit import limits
from llmcheck.fit.capacity import GPU_COUNTS, NODE_GPUS, Capacity
from llmcheck.fit.memory.inference import SEQUENCES
from llmcheck.fit.obstacles import excluded, older_driver
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.plans.candidate import Wishes
from llmcheck.fit.use import DEFAULT_CONTEXT, ModelUse
from llmcheck.runtimes import Runtime
from llmcheck.schema.machine import Gpu, capability_of

if TYPE_CHECKING:
    from llmcheck.fit.plans.downloads import Download

LONG_CONTEXT = 32_768
"""Tokens that are planned for where the context is preferred and none is named."""
_QUARTER = 4
"""A context that is shortened is halved, and halved again: fewer tokens are another job."""


def wanted_context(use: ModelUse, wishes: Wishes) -> int:
    """Tokens: as named, else the usual ones as far as the model declares them; more where the context is preferred."""
    if is_named(use):
        return use.context
    usual = LONG_CONTEXT if wishes.prefer == "context" else DEFAULT_CONTEXT
    return min(usual, use.architecture.context or usual)


def is_named(use: ModelUse) -> bool:
    """Whether the workload names its context."""
    return use.workload.context is not None or use.workload.prompt is not None


class Way(Struct, frozen=True):
    """A use that fits, with its placement."""

    use: ModelUse
    placed: PlacementResult
    is_alone: bool
    """No smaller cache and no shorter context of the same format lies on the GPUs alone where this one does not."""


def tried(use: ModelUse, capacity: Capacity, wishes: Wishes) -> Iterator[Way]:
    """Ways that fit.

    The finest format that lies on the GPUs alone, and whose download fits the disk, ends a runtime's search; after it
    only formats are tried that were downloaded before.
    """
    least = use.context if is_named(use) else wishes.least_context
    for runtime in suitable(use, capacity):
        ended = False
        for name in format_names(use, runtime):
            own = use.changed(runtime=runtime.id, weights=name, context=_wanted(use, runtime, capacity, wishes))
            if (ended and not _is_there(own, wishes)) or not _may_fit(own, capacity):
                continue
            ways = list(_ways(own, capacity, least))
            yield from ways
            if ways and _ends_search(ways[0]) and not _lacks_space(own, wishes):
                ended = True
                if wishes.storage is None or not wishes.storage.by_name:
                    break


def _ends_search(way: Way) -> bool:
    """On the GPUs alone; but integrated ones are so slow that a smaller format is often the better one."""
    return way.placed.verdict == "fits" and not any(each.gpu.integrated for each in way.placed.devices)


def _ways(own: ModelUse, capacity: Capacity, least: int) -> Iterator[Way]:
    """With one runtime and format: as it is, or with the smaller cache or shorter context that makes it fit."""
    own, found = _with_fewer_sequences(own, place(own, capacity), capacity)
    if found.verdict == "fits":
        yield Way(own, found, is_alone=True)
        return
    if not found.fits:
        other = _in_stages(own, capacity) or _smaller_cache(own, capacity, least)
        if other is not None:
            yield other
        return
    smaller = _smaller_cache(own, capacity, least) if _may_lie_on_gpus(own, capacity) else None
    helps = smaller is not None and smaller.placed.verdict == "fits"
    yield Way(own, found, is_alone=not helps)
    if smaller is not None and helps:
        yield smaller


def _with_fewer_sequences(
    own: ModelUse, found: PlacementResult, capacity: Capacity
) -> tuple[ModelUse, PlacementResult]:
    """A server that prepares for very many sequences on these GPUs by default does with fewer, if that makes it fit, or
    fit on fewer GPUs."""
    default = own.runtime.default_sequences
    gpus = [device.gpu for group in capacity.groups for device in group]
    if default is None or own.workload.max_sequences is not None or default(gpus) <= SEQUENCES:
        return own, found
    if found.verdict == "fits" and len(found.devices) == 1:
        return own, found
    fewer = own.changed(max_sequences=SEQUENCES)
    placed = place(fewer, capacity)
    helps = placed.verdict == "fits" and (found.verdict != "fits" or len(placed.devices) < len(found.devices))
    return (fewer, placed) if helps else (own, found)


def _in_stages(use: ModelUse, capacity: Capacity) -> Way | None:
    """In as few stages as fit, on as few GPUs as fit: where a matrix cannot be divided over the GPUs that are there, or
    the smallest of them would have too large a part. None where no number of stages does, or one was named.
    """
    work, most = use.workload, max(map(len, capacity.groups), default=0)
    if not use.runtime.pipeline_parallel or work.pipeline_parallel > 1 or work.tensor_parallel > 1:
        return None
    counts = (work.gpus,) if work.gpus else GPU_COUNTS
    for count in (each for each in counts if 1 < each <= min(most, NODE_GPUS)):
        if use.stored.total > max(sum(each.free or 0 for each in group[:count]) for group in capacity.groups):
            continue
        for stages in range(2, min(count, use.architecture.layers) + 1):
            tensor = count // stages
            if count % stages or (tensor > 1 and use.query_heads % tensor):
                continue
            own = use.changed(pipeline_parallel=stages, tensor_parallel=tensor)
            found = place(own, capacity)
            if found.verdict == "fits":
                return Way(own, found, is_alone=True)
    return None


def _is_there(use: ModelUse, wishes: Wishes) -> bool:
    found = download(use, wishes)
    return found is not None and found.bytes == 0


def _lacks_space(use: ModelUse, wishes: Wishes) -> bool:
    """Whether it is known that the download does not fit the disk."""
    found = download(use, wishes)
    return found is not None and bool(found.short)


def download(use: ModelUse, wishes: Wishes) -> Download | None:
    """None where downloads are not judged: in the first screen, which does not import what judges them."""
    if wishes.storage is None:
        return None
    from llmcheck.fit.plans import downloads

    return downloads.of(use, wishes.names, wishes.storage)


def _wanted(use: ModelUse, runtime: Runtime, capacity: Capacity, wishes: Wishes) -> int:
    """Tokens: as named, else what the runtime takes by itself on so much GPU memory, else the usual ones."""
    if is_named(use) or runtime.default_context is None:
        return wanted_context(use, wishes)
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
            and excluded(runtime, gpus, capacity.system, capacity.site_for(runtime)) is None
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
    """Whether it reads the file that the model is, or the format that was named; any model that is only a name.

    And whether it has a cache in the format that was named.
    """
    if use.workload.kv_cache is not None and use.workload.kv_cache not in runtime.cache_formats:
        return False
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


def _has_cache(runtime: Runtime, name: str, capacity: Capacity) -> bool:
    """Whether all GPUs have the arithmetic for this format of the cache; one whose capability is not known has."""
    least = runtime.cache_capability.get(name)
    if least is None:
        return True
    gpus = [device.gpu for group in capacity.groups for device in group]
    return all((capability_of(gpu) or least) >= least for gpu in gpus)


def _smaller_cache(use: ModelUse, capacity: Capacity, least: int) -> Way | None:
    """A quantised cache, then a shorter context, then both, where none was named; None where nothing of it helps.

    ``least``: tokens below which the context is not shortened.
    """
    work = use.workload
    ladder = use.runtime.cache_ladder
    smaller = len(ladder) > 1 and work.kv_cache is None and _has_cache(use.runtime, ladder[1], capacity)
    caches = (None, ladder[1]) if smaller else (work.kv_cache,)
    lengths = [use.context]
    while lengths[-1] // 2 >= least and lengths[-1] > use.context // _QUARTER:
        lengths.append(lengths[-1] // 2)
    best: Way | None = None
    for context in lengths:
        for cache in caches:
            if context == use.context and cache == work.kv_cache:
                continue
            own = use.changed(context=context, kv_cache=cache)
            found = place(own, capacity)
            if found.verdict == "fits":
                return Way(own, found, is_alone=False)
            if found.fits and best is None:
                best = Way(own, found, is_alone=False)
    return best
