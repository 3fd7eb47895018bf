"""Where a workload lies on a machine: on the fewest GPUs that hold it, then partly in RAM, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit.capacity import GPU_COUNTS, Capacity, Device, equal
from llmcheck.fit.memory import total
from llmcheck.fit.memory.terms import GpuPart, summed
from llmcheck.fit.memory.terms import memory as totalled
from llmcheck.fit.reason import Code, Reason
from llmcheck.fit.use import ModelUse
from llmcheck.gpus import vendors
from llmcheck.schema.estimate import FitVerdict, Memory, Placement

Devices = tuple[Device, ...]


class PlacementResult(Struct, frozen=True, kw_only=True):
    """The best way to place one use of a model on one machine, or the one that comes nearest."""

    verdict: FitVerdict
    reasons: tuple[Reason, ...]
    memory: Memory
    """All that it takes, on GPUs and in RAM."""
    devices: Devices = ()
    """Those that hold a part, or would if it fitted."""
    parts: tuple[Memory, ...] = ()
    """What lies on each of ``devices``."""
    placement: Placement | None = None
    offloaded_bytes: int = 0
    """That lie in RAM."""
    expert_bytes_in_ram: int = 0
    """Of ``offloaded_bytes``: routed experts, of which a token reads a few."""

    @property
    def fits(self) -> bool:
        """On the GPUs, or with the help of RAM."""
        return self.verdict in ("fits", "fits-with-offload")


def place(use: ModelUse, capacity: Capacity) -> PlacementResult:
    """The best that this machine can do, without changing the workload.

    It lies on no more GPUs than the model has parts, however many there are."""
    if not capacity.listed:
        return _unknown(use, Reason(code="gpus-not-listed"))
    if any(device.free is None for group in capacity.groups for device in group) and len(capacity.groups) == 1:
        found = _best(use, [_readable(group) for group in capacity.groups], capacity)
        return found if found.verdict == "fits" else _unknown(use, Reason(code="gpu-memory-unknown"))
    groups = [group for group in map(_readable, capacity.groups) if group]
    impossible = _impossible(use, max(map(len, groups), default=0))
    if impossible is not None:
        parts = total.per_gpu(use, use.workload.gpus or 1)
        return PlacementResult(verdict="does-not-fit", reasons=(impossible,), memory=total.whole(use, parts))
    if not groups:
        return _without_gpu(use, capacity)
    return _best(use, groups, capacity)


def _cut(use: ModelUse) -> int:
    """GPUs that the model is cut over as the workload says, data parallelism aside."""
    return max(use.workload.tensor_parallel, 1) * max(use.workload.pipeline_parallel, 1)


def _impossible(use: ModelUse, most: int) -> Reason | None:
    """Why no memory would help; ``most``: GPUs that work together."""
    needed = max(use.workload.gpus or 1, _cut(use))
    if needed > max(most, 1):
        return Reason(code="too-few-gpus", needed=needed, available=most)
    tensor = use.workload.tensor_parallel
    if tensor > 1 and use.query_heads % tensor:
        return Reason(code="heads-not-divisible", needed=use.query_heads, gpus=tensor)
    return None


def _readable(group: Sequence[Device]) -> Devices:
    return tuple(device for device in group if device.free is not None)


def _unknown(use: ModelUse, reason: Reason) -> PlacementResult:
    parts = total.per_gpu(use, use.workload.gpus or 1)
    return PlacementResult(verdict="unknown", reasons=(reason,), memory=total.whole(use, parts))


def _best(use: ModelUse, groups: Sequence[Devices], capacity: Capacity) -> PlacementResult:
    """The first group that holds it; else the first in which RAM helps; else the one that comes nearest."""
    tried = [_on_gpus(use, group, capacity) for group in groups if group]
    for each in tried:
        if each.verdict == "fits" or (each.verdict == "fits-with-offload" and not use.is_inference):
            return each
    if use.is_inference and use.runtime.offloads:
        helped = [_with_help_of_ram(use, group, capacity) for group in groups if group]
        for verdict in ("fits-with-offload", "unknown"):
            for each in helped:
                if each.verdict == verdict:
                    return each
        if capacity.ram is not None and tried:
            return replace(tried[0], reasons=(*tried[0].reasons, *helped[0].reasons))
    return tried[0] if tried else _without_gpu(use, capacity)


# --- on GPUs alone ---


def _counts(use: ModelUse, devices: Devices) -> Iterator[int]:
    """How many GPUs may hold it, in the order in which they are tried."""
    most, cut = min(use.workload.gpus or len(devices), len(devices)), _cut(use)
    counts = sorted({count for count in (*GPU_COUNTS, most) if count <= most})
    if not use.is_inference:
        step = cut if cut <= most else 1
        yield from (count for count in reversed(counts) if count % step == 0)
    elif use.workload.gpus is not None or cut > 1:
        yield min(max(use.workload.gpus or cut, cut), len(devices))
    else:
        heads = use.query_heads if use.runtime.tensor_parallel else 0
        yield from (count for count in counts if not heads or heads % count == 0)


def _missing(use: ModelUse, devices: Devices, parts: Sequence[Memory]) -> list[int]:
    """Bytes that each GPU lacks; negative where some are left."""
    return [part.total - budget(use, device, part) for part, device in zip(parts, devices, strict=True)]


def _on_gpus(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult:
    nearest: tuple[int, PlacementResult] | None = None
    for count in _counts(use, devices):
        parts = _parts(use, devices[:count])
        used = devices[: len(parts)]
        missing = _missing(use, used, parts)
        whole = total.whole(use, parts)
        if max(missing) <= 0:
            return _on_these_gpus(use, used, parts, whole, capacity)
        if nearest is None or max(missing) < nearest[0]:
            reasons = _too_large(use, used, parts, missing)
            found = PlacementResult(
                verdict="does-not-fit", reasons=reasons, memory=whole, devices=used, parts=parts,
                placement=Placement(gpus=len(used)),
            )  # fmt: skip
            nearest = max(missing), found
    if nearest is None:
        raise AssertionError("a group has at least one GPU")
    return nearest[1]


def _on_these_gpus(
    use: ModelUse, used: Devices, parts: tuple[Memory, ...], whole: Memory, capacity: Capacity
) -> PlacementResult:
    """It lies on these GPUs; what training moves to RAM has to fit there too."""
    offloaded = total.offloaded_bytes(use)
    verdict: FitVerdict = "fits"
    reasons = _fits(use, used, parts)
    if not use.is_inference and offloaded:
        if capacity.ram is None or offloaded > capacity.ram:
            return _without_ram(capacity, Reason(code="in-ram", needed=offloaded, gpus=len(used)), whole, used, parts)
        verdict, reasons = "fits-with-offload", (*reasons, Reason(code="in-ram", needed=offloaded))
    tokens = _pool_tokens(use, used, parts)
    placement = Placement(
        gpus=len(used),
        gpu_layers=use.architecture.layers + 1 if use.runtime.counts_gpu_layers else None,
        ram=offloaded,
        kv_tokens=tokens,
        concurrent=None if tokens is None else tokens // max(use.context, 1),
    )
    return PlacementResult(
        verdict=verdict, reasons=reasons, memory=whole, devices=used, parts=parts, offloaded_bytes=offloaded,
        placement=placement,
    )  # fmt: skip


def budget(use: ModelUse, device: Device, part: Memory) -> int:
    """Bytes of a card that a runtime uses; ``part``: what lies on it."""
    free, reservation = device.free or 0, use.runtime.reservation
    if not use.is_inference or reservation is None:
        return free
    fraction = use.workload.memory_fraction or reservation.fraction
    if reservation.of == "total":
        return min(free, round(fraction * (device.total or free)))
    return min(free, part.total - part.kv_cache + round(fraction * max(free - part.weights, 0)))


def _parts(use: ModelUse, used: Devices) -> tuple[Memory, ...]:
    found = _split(use, used)
    if vendors.of(used[0].gpu).has_context:
        return found
    return tuple(_without_context(part) for part in found)


def _without_context(part: Memory) -> Memory:
    return totalled([each for each in part.terms if each.part != "context"])


def _split(use: ModelUse, used: Devices) -> tuple[Memory, ...]:
    if not use.is_inference or use.runtime.tensor_parallel or len(used) == 1 or equal(used):
        return total.per_gpu(use, len(used))
    return _by_free_memory(use, used, 1.0, last=True)


def _by_free_memory(
    use: ModelUse, used: Devices, layers: float, *, last: bool, experts: float | None = None
) -> tuple[Memory, ...]:
    """Whole layers in proportion to what is free. ``last``: the last card holds the output projection.

    ``experts``: the fraction of the routed experts that lies on the GPUs; None: those of the layers there.
    """
    free = sum(device.free or 0 for device in used) or 1
    return tuple(
        total.of_part(
            use,
            GpuPart(
                layers=layers * (device.free or 0) / free,
                experts=None if experts is None else experts * (device.free or 0) / free,
                first=position == 0,
                last=last and position == len(used) - 1,
                gpus=len(used),
            ),
        )
        for position, device in enumerate(used)
    )


def _fullest(use: ModelUse, used: Devices, parts: Sequence[Memory]) -> tuple[Device, Memory]:
    missing = _missing(use, used, parts)
    worst = missing.index(max(missing))
    return used[worst], parts[worst]


def _fits(use: ModelUse, used: Devices, parts: Sequence[Memory]) -> tuple[Reason, ...]:
    device, part = _fullest(use, used, parts)
    available = budget(use, device, part)
    return (
        Reason(
            code="fits", needed=part.total, available=available, gpus=len(used),
            where="one" if len(used) == 1 else "each" if equal(used) else "fullest", narrow=part.high > available,
        ),
    )  # fmt: skip


def _too_large(use: ModelUse, used: Devices, parts: Sequence[Memory], missing: Sequence[int]) -> tuple[Reason, ...]:
    device, part = _fullest(use, used, parts)
    reason = Reason(
        code="too-large", needed=part.total, available=part.total - max(missing), gpus=len(used),
        where="one" if len(used) == 1 else "each" if equal(used) else "fullest",
    )  # fmt: skip
    return (reason, *(_held_by_others((device,)) if part.total <= (device.total or 0) else ()))


def _held_by_others(devices: Devices) -> tuple[Reason, ...]:
    """What other processes hold of the cards, where that is much of them."""
    all_of_it = sum(each.total or 0 for each in devices)
    others = all_of_it - sum((each.free or 0) + (each.gpu.memory_reserved or 0) for each in devices)
    if others <= 0.1 * max(all_of_it, 1):
        return ()
    return (Reason(code="held-by-others", needed=others, gpus=len(devices)),)


def _pool_tokens(use: ModelUse, used: Devices, parts: Sequence[Memory]) -> int | None:
    """How many tokens a server's cache holds; None for what is no server, and for a model without a cache."""
    if not use.is_inference or not use.runtime.is_server:
        return None
    found = []
    for device, part in zip(used, parts, strict=True):
        cache = sum(each.expected for each in part.terms if each.part == "cache")
        per_token = cache / (max(use.context, 1) * use.batch)
        if per_token <= 0:
            return None
        found.append(int((budget(use, device, part) - part.total + cache) / per_token))
    return min(found)


# --- partly in RAM ---


def _with_help_of_ram(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult:
    """Experts in RAM where the runtime can and they suffice: a token reads few of them. Else whole layers."""
    if use.runtime.experts_in_ram and use.stored.experts:
        found = _with_experts_in_ram(use, devices, capacity)
        if found is not None and found.fits:
            return found
    return _with_ram(use, devices, capacity)


def _with_experts_in_ram(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult | None:
    """Every layer on the GPUs, the routed experts of as few as possible in RAM; None where that is not enough."""
    used = devices[: use.workload.gpus] if use.workload.gpus else devices
    layers = max(use.architecture.layers, 1)

    def parts(kept: int) -> tuple[Memory, ...]:
        return _by_free_memory(use, used, 1.0, last=True, experts=kept / layers)

    def fits(kept: int) -> bool:
        each = zip(parts(kept), used, strict=True)
        return all(part.high <= budget(use, device, part) for part, device in each)

    if not fits(0):
        return None
    low, high = 0, layers - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    in_ram = round(use.stored.experts * (1 - low / layers))
    offloaded = in_ram + total.offloaded_bytes(use)
    reason = Reason(code="experts-in-ram", needed=offloaded, gpus=len(used), layers=layers - low, of_layers=layers)
    found = _in_ram(use, capacity, reason, total.whole(use, total.per_gpu(use, 1)), used, parts(low))
    if found.placement is None:
        return found
    placement = replace(found.placement, gpu_layers=layers + 1, expert_layers_in_ram=layers - low)
    return replace(found, placement=placement, expert_bytes_in_ram=in_ram)


def _with_ram(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult:
    """As many layers on the GPUs as they hold, the rest in RAM."""
    used = devices[: use.workload.gpus] if use.workload.gpus else devices
    layers = max(use.architecture.layers, 1)
    low, high = 0, layers
    while low < high:  # the most layers that fit
        middle = (low + high + 1) // 2
        parts = _by_free_memory(use, used, middle / layers, last=False)
        # by the upper end: layers are moved one by one until it runs, and one too many stops it
        if all(part.high <= budget(use, device, part) for part, device in zip(parts, used, strict=True)):
            low = middle
        else:
            high = middle - 1
    if low == 0:
        found = _without_gpu(use, capacity)
        return replace(found, reasons=(*found.reasons, *_held_by_others(used)))
    parts = _by_free_memory(use, used, low / layers, last=False)
    whole = total.whole(use, total.per_gpu(use, 1))
    on_gpus = summed(parts)
    offloaded = whole.weights + whole.kv_cache - on_gpus.weights - on_gpus.kv_cache
    reason = Reason(code="partly-in-ram", needed=offloaded, gpus=len(used), layers=low, of_layers=layers)
    return _in_ram(use, capacity, reason, whole, used, parts)


def _in_ram(
    use: ModelUse, capacity: Capacity, reason: Reason, whole: Memory, used: Devices, parts: tuple[Memory, ...]
) -> PlacementResult:
    """``reason``: how many bytes go to RAM, and how many layers stay on GPUs."""
    offloaded = reason.needed or 0
    if capacity.ram is None or offloaded > capacity.ram:
        return _without_ram(capacity, reason, whole, used, parts)
    layers = (reason.layers or 0) if use.runtime.counts_gpu_layers else None
    return PlacementResult(
        verdict="fits-with-offload", reasons=(reason,), memory=whole, devices=used, parts=parts,
        offloaded_bytes=offloaded, placement=Placement(gpus=len(used), ram=offloaded, gpu_layers=layers),
    )  # fmt: skip


def _without_ram(
    capacity: Capacity, reason: Reason, whole: Memory, used: Devices, parts: tuple[Memory, ...]
) -> PlacementResult:
    """Too little RAM for what is to lie there, or nobody knows how much there is."""
    if capacity.ram is not None:
        reasons = (replace(reason, code="too-little-ram", available=capacity.ram),)
        offloaded = reason.needed or 0
        return PlacementResult(
            verdict="does-not-fit", reasons=reasons, memory=whole, devices=used, parts=parts,
            offloaded_bytes=offloaded,
        )  # fmt: skip
    verdict: FitVerdict = "unknown" if capacity.ram_stated else "does-not-fit"
    code: Code = "ram-unknown" if capacity.ram_stated else "no-ram-stated"
    return PlacementResult(
        verdict=verdict, reasons=(replace(reason, code=code),), memory=whole, devices=used, parts=parts
    )  # fmt: skip


def _without_gpu(use: ModelUse, capacity: Capacity) -> PlacementResult:
    whole = total.whole(use, total.per_gpu(use, use.workload.gpus or 1))
    if not use.is_inference:
        return PlacementResult(verdict="does-not-fit", reasons=(Reason(code="no-gpu-to-train"),), memory=whole)
    if not use.runtime.offloads:
        reason = Reason(code="no-gpu", runtime=use.runtime.id)
        return PlacementResult(verdict="does-not-fit", reasons=(reason,), memory=whole)
    in_ram = _without_context(whole)
    return _in_ram(use, capacity, Reason(code="partly-in-ram", needed=in_ram.total), in_ram, (), ())
