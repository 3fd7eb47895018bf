"""The layers of a model on several GPUs: how many on each, and the bytes that they take there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from llmcheck.fit.capacity import Device, have_equal_memory
from llmcheck.fit.memory import total
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.terms import memory as memory_of
from llmcheck.fit.use import ModelUse
from llmcheck.gpus import vendors
from llmcheck.schema.estimate import Memory

Missing = Callable[[Sequence[Memory]], list[int]]
"""Bytes that each GPU lacks with these parts; negative where memory is left."""
_MOST_MOVES = 12
"""Layers that are moved to another GPU before it is given up: free memory alone is within a few of the best."""


class Division(Struct, frozen=True):
    """What each GPU has."""

    parts: tuple[Memory, ...]
    layers: tuple[int, ...] | None = None
    """Whole layers on each of them, in order; None where each has a part of every layer, or a copy of the model."""


def divided(use: ModelUse, used: Sequence[Device], missing: Missing) -> Division:
    """The whole model on these GPUs: evenly, or by free memory where layers are divided and the memory differs."""
    count = len(used)
    if not use.is_inference or count == 1 or _shares_matrices(use):
        return Division(_as_of(used, total.per_gpu(use, count, cached=False)))
    if have_equal_memory(used):
        layers = tuple(round(each.layers * _layers(use)) for each in total.gpu_parts(use, count))
        return Division(_as_of(used, total.per_gpu(use, count, cached=False)), layers)
    return by_free_memory(use, used, _layers(use), last=True, missing=missing)


def by_free_memory(
    use: ModelUse, used: Sequence[Device], count: int, *, last: bool, missing: Missing | None = None
) -> Division:
    """``count`` whole layers in proportion to free memory.

    ``last``: the last GPU has the output projection; False where that lies in RAM. ``missing``: layers are moved from
    a GPU on which something is missing to one with memory left; None: they stay as they are. A server's cache is as
    long as the fullest GPU lets it be, so that its layers are moved until no GPU is much fuller.
    """
    layers = contiguous([1.0] * count, _beside_fixed(use, used))
    found = Division(_parts(use, used, layers, last=last), layers)
    if missing is None:
        return found
    for _ in range(_MOST_MOVES):
        lacks = missing(found.parts)
        worst, best = lacks.index(max(lacks)), lacks.index(min(lacks))
        if (lacks[worst] <= 0 and not use.runtime.is_server) or worst == best or layers[worst] <= 1:
            break
        layers = tuple(each - (at == worst) + (at == best) for at, each in enumerate(layers))
        moved = Division(_parts(use, used, layers, last=last), layers)
        if max(missing(moved.parts)) >= lacks[worst]:
            break
        found = moved
    return found


def with_experts_in_ram(use: ModelUse, used: Sequence[Device], in_ram: int) -> Division:
    """Every layer on the GPUs, without the routed experts of the first ``in_ram`` layers, which lie in RAM.

    Layers without their experts take little, so that the first GPU gets more of them.
    """
    count, first = _layers(use), use.architecture.leading_dense
    sparse = max(count - first, 1)
    stored, cache = use.stored, total.per_gpu(use, 1, cached=False)[0].kv_cache
    each = max((stored.layers - stored.experts + cache) / count, 1.0)
    costs = [each + (stored.experts / sparse if index >= max(in_ram, first) else 0.0) for index in range(count)]
    layers = contiguous(costs, _beside_fixed(use, used))
    experts, start = [], 0
    for own in layers:
        experts.append(max(start + own - max(start, in_ram, first), 0) / sparse)
        start += own
    return Division(_parts(use, used, layers, last=True, experts=experts), layers)


def filled(use: ModelUse, used: Sequence[Device], holds: Callable[[Device, Memory], bool]) -> tuple[int, ...]:
    """The most whole layers that each GPU holds beside the others, without the output projection; 0 for one that holds
    none. A large card beside a small one is filled too, which shares in proportion to memory would not do.

    ``holds``: whether a GPU holds this part.
    """
    count = _layers(use)

    def most(position: int) -> int:
        low, high = 0, count
        while low < high:
            middle = (low + high + 1) // 2
            part = GpuPart(layers=middle / count, experts=None, first=position == 0, last=False, gpus=len(used))
            (own,) = _as_of(used, (total.of_part(use, part),))
            low, high = (middle, high) if holds(used[position], own) else (low, middle - 1)
        return low

    return tuple(most(position) for position in range(len(used)))


def of_layers(use: ModelUse, used: Sequence[Device], layers: tuple[int, ...]) -> Division:
    """So many whole layers on each GPU, and the output projection in RAM."""
    return Division(_parts(use, used, layers, last=False), layers)


def _beside_fixed(use: ModelUse, used: Sequence[Device]) -> list[float]:
    """Bytes of each GPU for layers: what is free beside what it needs without any, which weighs more on a small one."""
    count = len(used)
    if have_equal_memory(used):
        return [float(each.free or 0) for each in used]
    parts = _parts(use, used, (0,) * count, last=False)
    return [max((each.free or 0) - part.total, 1.0) for each, part in zip(used, parts, strict=True)]


def experts_kept(use: ModelUse, in_ram: int) -> float:
    """Fraction of all routed experts that stay on the GPUs where those of the first ``in_ram`` layers are in RAM."""
    first = use.architecture.leading_dense
    return 1 - max(in_ram - first, 0) / max(_layers(use) - first, 1)


def contiguous(costs: Sequence[float], capacities: Sequence[float]) -> tuple[int, ...]:
    """How many layers, in their order, each device gets, so that their costs are nearest to its share of capacity."""
    whole, room = sum(costs) or 1.0, sum(capacities) or 1.0
    counts = [0] * len(capacities)
    at, passed, end = 0, 0.0, capacities[0] / room
    for cost in costs:
        middle = (passed + cost / 2) / whole
        while middle > end and at < len(capacities) - 1:
            at += 1
            end += capacities[at] / room
        counts[at] += 1
        passed += cost
    return tuple(counts)


def without_context(part: Memory) -> Memory:
    """Without what a process allocates on a GPU before any tensor."""
    return memory_of([each for each in part.terms if each.part != "context"])


def _layers(use: ModelUse) -> int:
    return max(use.architecture.layers, 1)


def _shares_matrices(use: ModelUse) -> bool:
    """Whether each GPU has a part of every matrix of its layers (tensor parallelism)."""
    work = use.workload
    return use.divides_matrices and (work.pipeline_parallel <= 1 or work.tensor_parallel > 1)


def _as_of(used: Sequence[Device], parts: tuple[Memory, ...]) -> tuple[Memory, ...]:
    if vendors.of(used[0].gpu).has_context:
        return parts
    return tuple(without_context(part) for part in parts)


def _parts(
    use: ModelUse,
    used: Sequence[Device],
    layers: Sequence[int],
    *,
    last: bool,
    experts: Sequence[float] | None = None,
) -> tuple[Memory, ...]:
    """``experts``: fraction of all routed experts on each; None: those of its layers."""
    count = _layers(use)
    return _as_of(
        used,
        tuple(
            total.of_part(
                use,
                GpuPart(
                    layers=own / count,
                    experts=None if experts is None else experts[position],
                    first=position == 0,
                    last=last and position == len(used) - 1,
                    gpus=len(used),
                ),
            )
            for position, own in enumerate(layers)
        ),
    )
