"""Where a workload is placed on a machine: on the fewest GPUs where it fits, else partly in RAM, else nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit import division
from llmcheck.fit.budget import budget, missing_on, pool_tokens
from llmcheck.fit.capacity import GPU_COUNTS, Capacity, Device, have_equal_memory, used_by_others
from llmcheck.fit.division import Division, without_context
from llmcheck.fit.memory import doubt, total
from llmcheck.fit.memory.terms import summed
from llmcheck.fit.obstacles import usable_by
from llmcheck.fit.reason import Code, Reason, Where
from llmcheck.fit.use import ModelUse
from llmcheck.gpus import vendors
from llmcheck.schema.estimate import FitVerdict, Memory, Placement

Devices = tuple[Device, ...]


class PlacementResult(Struct, frozen=True, kw_only=True):
    """The best placement of one workload on one machine, or the one that lacks least memory."""

    verdict: FitVerdict
    reasons: tuple[Reason, ...]
    memory: Memory
    """Bytes in total, on GPUs and in RAM."""
    devices: Devices = ()
    """The GPUs that are used, or would be if it fitted."""
    parts: tuple[Memory, ...] = ()
    """Bytes on each of ``devices``."""
    placement: Placement | None = None
    """None where it cannot be placed, or the memory is not known."""
    offloaded_bytes: int = 0
    """Bytes in RAM."""
    expert_bytes_in_ram: int = 0
    """Of ``offloaded_bytes``: routed experts, of which a token reads a few."""

    @property
    def fits(self) -> bool:
        """On the GPUs, or on GPUs and RAM together."""
        return self.verdict in ("fits", "fits-with-offload")


def place(use: ModelUse, capacity: Capacity) -> PlacementResult:
    """The best placement without changing the workload.

    It uses no more GPUs than the model can be divided over, however many there are.
    """
    if not capacity.gpus_listed:
        return _unknown(use, Reason(code="gpus-not-listed"))
    use = _with_default_step(use, capacity)
    present, capacity = capacity, usable_by(use.runtime, capacity)
    cards = any(not each.gpu.integrated for group in present.groups for each in group)
    if not use.is_inference and cards and not capacity.groups:
        return _not_built(use, present)
    if any(device.free is None for group in capacity.groups for device in group) and len(capacity.groups) == 1:
        found = _best(use, [_readable(group) for group in capacity.groups], capacity)
        return found if found.verdict == "fits" else _unknown(use, Reason(code="gpu-memory-unknown"))
    groups = [group for group in map(_readable, capacity.groups) if group]
    impossible = _impossible(use, max(map(len, groups), default=0))
    if impossible is not None:
        parts = total.per_gpu(use, use.workload.gpus or 1, cached=False)
        return PlacementResult(verdict="does-not-fit", reasons=(impossible,), memory=total.with_ram(use, parts))
    if not groups:
        return _without_gpu(use, capacity)
    found = _best(use, groups, capacity)
    return _doubted(use, found) if use.architecture.assumed else found


def _doubted(use: ModelUse, found: PlacementResult) -> PlacementResult:
    """Not known, where a model of an unknown family fits by the lower end of its band and not by the upper one."""
    if found.verdict not in ("fits", "does-not-fit") or not found.devices:
        return found
    budgets = [budget(use, device, part) for device, part in zip(found.devices, found.parts, strict=True)]
    reason = doubt.reason(found.parts, budgets, _where(found.devices))
    return found if reason is None else replace(found, verdict="unknown", reasons=(reason,), placement=None)


def _with_default_step(use: ModelUse, capacity: Capacity) -> ModelUse:
    """With the tokens and sequences of one step that the server takes on these GPUs, where they are left open."""
    runtime, gpus = use.runtime, [device.gpu for group in capacity.groups for device in group]
    if not use.is_inference or not gpus:
        return use
    if runtime.default_step is not None and use.workload.max_batched_tokens is None:
        use = use.changed(max_batched_tokens=runtime.default_step(gpus, use.architecture, use.workload))
    if runtime.default_sequences is not None and use.workload.max_sequences is None:
        use = use.changed(max_sequences=runtime.default_sequences(gpus))
    return use


def _not_built(use: ModelUse, capacity: Capacity) -> PlacementResult:
    """Training where the trainer has no build for the GPUs: not known where their maker has a PyTorch of its own."""
    makers = [vendors.of(each.gpu).torch_from for group in capacity.groups for each in group]
    maker = next(filter(None, makers), None)
    if maker is not None:
        return _unknown(use, Reason(code="other-build", runtime=use.runtime.id, maker=maker))
    found = _unknown(use, Reason(code="no-build", runtime=use.runtime.id))
    return replace(found, verdict="does-not-fit")


def _gpus_per_copy(use: ModelUse) -> int:
    """GPUs that one copy of the model is divided over: tensor x pipeline parallelism of the workload."""
    return max(use.workload.tensor_parallel, 1) * max(use.workload.pipeline_parallel, 1)


def _impossible(use: ModelUse, most: int) -> Reason | None:
    """Why it cannot run whatever the memory; ``most``: GPUs of the largest group."""
    needed = max(use.workload.gpus or 1, _gpus_per_copy(use))
    if needed > max(most, 1):
        return Reason(code="too-few-gpus", needed=needed, available=most)
    tensor = use.workload.tensor_parallel
    if tensor > 1 and use.query_heads % tensor:
        return Reason(code="heads-not-divisible", needed=use.query_heads, gpus=tensor)
    return None


def _readable(group: Sequence[Device]) -> Devices:
    return tuple(device for device in group if device.free is not None)


def _unknown(use: ModelUse, reason: Reason) -> PlacementResult:
    parts = total.per_gpu(use, use.workload.gpus or 1, cached=False)
    return PlacementResult(verdict="unknown", reasons=(reason,), memory=total.with_ram(use, parts))


def _best(use: ModelUse, groups: Sequence[Devices], capacity: Capacity) -> PlacementResult:
    """The first group where it fits; else the one of which least lies in RAM; else the first."""
    tried = [_on_gpus(use, group, capacity) for group in groups if group]
    for each in tried:
        if each.verdict == "fits" or (each.verdict == "fits-with-offload" and not use.is_inference):
            return each
    if use.is_inference and use.runtime.offloads:
        offloaded = [_with_experts_or_layers_in_ram(use, group, capacity) for group in groups if group]
        for verdict in ("fits-with-offload", "unknown"):
            of_verdict = [each for each in offloaded if each.verdict == verdict]
            if of_verdict:
                return min(of_verdict, key=lambda each: each.offloaded_bytes)
        if capacity.ram is not None and tried:
            return replace(tried[0], reasons=(*tried[0].reasons, *offloaded[0].reasons))
    return tried[0] if tried else _without_gpu(use, capacity)


# --- on GPUs alone ---


def _gpu_counts(use: ModelUse, devices: Devices) -> Iterator[int]:
    """Numbers of GPUs to try, in order: fewest first in inference, most first in training."""
    most, copy = min(use.workload.gpus or len(devices), len(devices)), _gpus_per_copy(use)
    if use.workload.split_mode == "none":
        most = 1
    counts = sorted({count for count in (*GPU_COUNTS, most) if count <= most})
    if not use.is_inference:
        step = copy if copy <= most else 1
        yield from (count for count in reversed(counts) if count % step == 0)
    elif use.workload.gpus is not None or copy > 1:
        yield min(max(use.workload.gpus or copy, copy), len(devices))
    else:
        heads = use.query_heads if use.divides_matrices else 0
        yield from (count for count in counts if not heads or heads % count == 0)


def _on_gpus(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult:
    """On the first number of GPUs where it fits; else on the number that lacks least."""
    nearest: tuple[int, PlacementResult] | None = None
    for count in _gpu_counts(use, devices):
        found = division.divided(use, devices[:count], lambda parts: missing_on(use, devices[: len(parts)], parts))
        parts = found.parts
        used = devices[: len(parts)]
        missing = missing_on(use, used, parts)
        memory = total.with_ram(use, parts)
        if max(missing) <= 0:
            return _on_these_gpus(use, used, found, memory, capacity)
        if nearest is None or max(missing) < nearest[0]:
            reasons = _too_large(use, used, parts, missing)
            lacking = PlacementResult(
                verdict="does-not-fit", reasons=reasons, memory=memory, devices=used, parts=parts,
                placement=Placement(gpus=len(used)),
            )  # fmt: skip
            nearest = max(missing), lacking
    if nearest is None:
        raise AssertionError("a group has at least one GPU")
    return nearest[1]


def _on_these_gpus(
    use: ModelUse, used: Devices, found: Division, memory: Memory, capacity: Capacity
) -> PlacementResult:
    """It fits on these GPUs; what training offloads has to fit in RAM too."""
    parts = found.parts
    offloaded = total.offloaded_bytes(use)
    verdict: FitVerdict = "fits"
    reasons = _fits(use, used, parts)
    if not use.is_inference and offloaded:
        if capacity.ram is None or offloaded > capacity.ram:
            return _without_ram(capacity, Reason(code="in-ram", needed=offloaded, gpus=len(used)), memory, used, parts)
        verdict, reasons = "fits-with-offload", (*reasons, Reason(code="in-ram", needed=offloaded))
    tokens = pool_tokens(use, used, parts)
    placement = Placement(
        gpus=len(used),
        gpu_layers=use.architecture.layers + 1 if use.runtime.counts_gpu_layers else None,
        layers_per_gpu=found.layers,
        ram=offloaded,
        kv_tokens=tokens,
        concurrent=None if tokens is None else tokens // max(use.context, 1),
    )
    return PlacementResult(
        verdict=verdict, reasons=reasons, memory=memory, devices=used, parts=parts, offloaded_bytes=offloaded,
        placement=placement,
    )  # fmt: skip


def _fullest(use: ModelUse, used: Devices, parts: Sequence[Memory]) -> tuple[Device, Memory]:
    missing = missing_on(use, used, parts)
    worst = missing.index(max(missing))
    return used[worst], parts[worst]


def _fits(use: ModelUse, used: Devices, parts: Sequence[Memory]) -> tuple[Reason, ...]:
    device, part = _fullest(use, used, parts)
    available = budget(use, device, part)
    return (
        Reason(
            code="fits", needed=part.total, available=available, gpus=len(used),
            where=_where(used), narrow=part.high > available,
        ),
    )  # fmt: skip


def _where(used: Devices) -> Where:
    return "one" if len(used) == 1 else "each" if have_equal_memory(used) else "fullest"


def _too_large(use: ModelUse, used: Devices, parts: Sequence[Memory], missing: Sequence[int]) -> tuple[Reason, ...]:
    device, part = _fullest(use, used, parts)
    reason = Reason(
        code="too-large", needed=part.total, available=part.total - max(missing), gpus=len(used),
        where=_where(used),
    )  # fmt: skip
    return (reason, *(_used_by_others((device,)) if part.total <= (device.total or 0) else ()))


def _used_by_others(devices: Devices) -> tuple[Reason, ...]:
    """That other processes use GPU memory, where it is more than a tenth."""
    others = sum(map(used_by_others, devices))
    if others <= 0.1 * max(sum(each.total or 0 for each in devices), 1):
        return ()
    return (Reason(code="used-by-others", needed=others, gpus=len(devices)),)


# --- partly in RAM ---


def _with_experts_or_layers_in_ram(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult:
    """Experts in RAM where the runtime can and they suffice: a token reads few of them. Else whole layers."""
    if use.runtime.experts_in_ram and use.stored.experts:
        found = _with_experts_in_ram(use, devices, capacity)
        if found is not None and found.fits:
            return found
    return _with_ram(use, devices, capacity)


def _with_experts_in_ram(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult | None:
    """Every layer on the GPUs, the routed experts of as few as possible in RAM; None where that is not enough."""
    used = devices[: use.workload.gpus] if use.workload.gpus else devices
    layers, dense = max(use.architecture.layers, 1), use.architecture.leading_dense

    def fits(kept: int) -> bool:
        each = zip(division.with_experts_in_ram(use, used, layers - kept).parts, used, strict=True)
        return all(part.high <= budget(use, device, part) for part, device in each)

    if not fits(0):
        return None
    low, high = 0, max(layers - dense - 1, 0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    found = division.with_experts_in_ram(use, used, layers - low)
    in_ram = round(use.stored.experts * (1 - division.experts_kept(use, layers - low)))
    offloaded = in_ram + total.offloaded_bytes(use)
    reason = Reason(code="experts-in-ram", needed=offloaded, gpus=len(used), layers=layers - low, of_layers=layers)
    memory = total.with_ram(use, total.per_gpu(use, 1, cached=False))
    return _in_ram(use, capacity, reason, memory, used, found, experts=in_ram)


def _with_ram(use: ModelUse, devices: Devices, capacity: Capacity) -> PlacementResult:
    """As many layers on the GPUs as fit, the rest in RAM."""
    used = devices[: use.workload.gpus] if use.workload.gpus else devices
    layers = max(use.architecture.layers, 1)
    # by the upper end of the estimate: one layer too many on a GPU and it does not start
    most = division.filled(use, used, lambda device, part: part.high <= budget(use, device, part))
    if not any(most):
        without = _without_gpu(use, capacity)
        return replace(without, reasons=(*without.reasons, *_used_by_others(used)))
    if not all(most):  # without a GPU that holds no layer the others have more
        return _with_ram(use, tuple(each for each, own in zip(used, most, strict=True) if own), capacity)
    low = min(sum(most), layers)
    shares = most if low == sum(most) else _not_more(division.contiguous([1.0] * low, most), most)
    found = division.of_layers(use, used, shares)
    memory = total.with_ram(use, total.per_gpu(use, 1, cached=False))
    on_gpus = summed(found.parts)
    offloaded = memory.weights + memory.kv_cache - on_gpus.weights - on_gpus.kv_cache
    reason = Reason(code="partly-in-ram", needed=offloaded, gpus=len(used), layers=low, of_layers=layers)
    return _in_ram(use, capacity, reason, memory, used, found)


def _not_more(layers: tuple[int, ...], most: Sequence[int]) -> tuple[int, ...]:
    """The same number of layers, none of them beyond what its GPU holds."""
    found = [min(own, limit) for own, limit in zip(layers, most, strict=True)]
    left = sum(layers) - sum(found)
    for position, limit in enumerate(most):
        more = min(left, limit - found[position])
        found[position], left = found[position] + more, left - more
    return tuple(found)


def _in_ram(
    use: ModelUse,
    capacity: Capacity,
    reason: Reason,
    memory: Memory,
    used: Devices,
    found: Division,
    *,
    experts: int = 0,
) -> PlacementResult:
    """``reason``: bytes that are offloaded to RAM, and layers that stay on GPUs, or whose experts do not.

    ``experts``: of those bytes, routed experts.
    """
    offloaded = reason.needed or 0
    if capacity.ram is None or offloaded > capacity.ram:
        return _without_ram(capacity, reason, memory, used, found.parts)
    layers = use.architecture.layers + 1 if experts else reason.layers or 0
    return PlacementResult(
        verdict="fits-with-offload", reasons=(reason,), memory=memory, devices=used, parts=found.parts,
        offloaded_bytes=offloaded, expert_bytes_in_ram=experts,
        placement=Placement(
            gpus=len(used),
            ram=offloaded,
            gpu_layers=layers if use.runtime.counts_gpu_layers else None,
            expert_layers_in_ram=reason.layers if experts else None,
            layers_per_gpu=found.layers if len(used) > 1 else None,
        ),
    )  # fmt: skip


def _without_ram(
    capacity: Capacity, reason: Reason, memory: Memory, used: Devices, parts: tuple[Memory, ...]
) -> PlacementResult:
    """The RAM is too small, or its size is not known."""
    if capacity.ram is not None:
        reasons = (replace(reason, code="too-little-ram", available=capacity.ram),)
        offloaded = reason.needed or 0
        return PlacementResult(
            verdict="does-not-fit", reasons=reasons, memory=memory, devices=used, parts=parts,
            offloaded_bytes=offloaded,
        )  # fmt: skip
    verdict: FitVerdict = "unknown" if capacity.ram_stated else "does-not-fit"
    code: Code = "ram-unknown" if capacity.ram_stated else "no-ram-stated"
    return PlacementResult(
        verdict=verdict, reasons=(replace(reason, code=code),), memory=memory, devices=used, parts=parts
    )  # fmt: skip


def _without_gpu(use: ModelUse, capacity: Capacity) -> PlacementResult:
    memory = total.with_ram(use, total.per_gpu(use, use.workload.gpus or 1, cached=False))
    if not use.is_inference:
        return PlacementResult(verdict="does-not-fit", reasons=(Reason(code="no-gpu-to-train"),), memory=memory)
    if not use.runtime.offloads:
        reason = Reason(code="no-gpu", runtime=use.runtime.id)
        return PlacementResult(verdict="does-not-fit", reasons=(reason,), memory=memory)
    in_ram = without_context(memory)
    return _in_ram(use, capacity, Reason(code="partly-in-ram", needed=in_ram.total), in_ram, (), Division(()))
