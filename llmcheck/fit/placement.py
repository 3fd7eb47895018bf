"""Where a workload lies on a machine: on the fewest GPUs that hold it, then partly in RAM, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit.capacity import Capacity, Device, equal
from llmcheck.fit.memory import inference, total
from llmcheck.fit.memory.inference import CONTEXT, SERVED, TENSOR_PARALLEL
from llmcheck.fit.memory.terms import Share, summed
from llmcheck.fit.memory.terms import memory as totalled
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import FitVerdict, Memory, Placement
from llmcheck.schema.workload import Workload
from llmcheck.units import format_gib

FRACTIONS = {"vllm": 0.9, "sglang": 0.88, "tensorrt-llm": 0.9, "tgi": 0.95}
"""Of a card that a server takes when it starts: vLLM's gpu_memory_utilization, SGLang's mem_fraction_static (for large
cards), TensorRT-LLM's free_gpu_memory_fraction, TGI's cuda-memory-fraction."""
OFFLOADS = (None, "transformers", "llama.cpp")
"""Runtimes that may leave layers in RAM without being told how."""
_COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096)


class Placed(Struct, frozen=True, kw_only=True):
    verdict: FitVerdict
    reason: str
    memory: Memory
    """All that it takes, on GPUs and in RAM."""
    devices: tuple[Device, ...] = ()
    """Those that hold a part, or would if it fitted."""
    parts: tuple[Memory, ...] = ()
    """What lies on each of ``devices``."""
    placement: Placement | None = None
    in_ram: int = 0


def place(architecture: Architecture, workload: Workload, capacity: Capacity) -> Placed:
    """The best that this machine can do, without changing the workload.

    It lies on no more GPUs than the model has parts, however many there are."""
    if not capacity.listed:
        return _unknown(architecture, workload, "the GPUs of this machine could not be listed")
    if any(device.free is None for group in capacity.groups for device in group) and len(capacity.groups) == 1:
        found = _best(architecture, workload, [_readable(group) for group in capacity.groups], capacity)
        if found.verdict == "fits":
            return found
        return _unknown(architecture, workload, "the memory of a GPU could not be read")
    groups = [group for group in map(_readable, capacity.groups) if group]
    impossible = _impossible(architecture, workload, max(map(len, groups), default=0))
    if impossible is not None:
        parts = total.per_gpu(architecture, workload, workload.gpus or 1)
        whole = total.whole(architecture, workload, parts)
        return Placed(verdict="does-not-fit", reason=impossible, memory=whole)
    if not groups:
        return _without_gpu(architecture, workload, capacity)
    return _best(architecture, workload, groups, capacity)


def _impossible(architecture: Architecture, workload: Workload, most: int) -> str | None:
    """Why no memory would help; ``most``: GPUs that work together."""
    cut = max(workload.tensor_parallel, 1) * max(workload.pipeline_parallel, 1)
    asked = max(workload.gpus or 1, cut)
    if asked > max(most, 1):
        return f"{asked:,} GPUs are asked for, and this machine has {most or 'none'} that work together"
    heads = max((group.heads for group in architecture.attention if group.kind != "state"), default=0)
    if workload.tensor_parallel > 1 and heads % workload.tensor_parallel:
        return f"{heads} attention heads cannot be cut over {workload.tensor_parallel} GPUs"
    return None


def _readable(group: Sequence[Device]) -> tuple[Device, ...]:
    return tuple(device for device in group if device.free is not None)


def _unknown(architecture: Architecture, workload: Workload, reason: str) -> Placed:
    parts = total.per_gpu(architecture, workload, workload.gpus or 1)
    return Placed(verdict="unknown", reason=reason, memory=total.whole(architecture, workload, parts))


def _best(
    architecture: Architecture, workload: Workload, groups: Sequence[tuple[Device, ...]], capacity: Capacity
) -> Placed:
    """The first group that holds it; else the first in which RAM helps; else the one that comes nearest."""
    tried = [_on_gpus(architecture, workload, group, capacity) for group in groups if group]
    for each in tried:
        if each.verdict == "fits" or (each.verdict == "fits-with-offload" and workload.method != "inference"):
            return each
    if workload.method == "inference" and workload.runtime in OFFLOADS:
        helped = [_with_ram(architecture, workload, group, capacity) for group in groups if group]
        for verdict in ("fits-with-offload", "unknown"):
            for each in helped:
                if each.verdict == verdict:
                    return each
        if capacity.ram is not None and tried:
            return replace(tried[0], reason=f"{tried[0].reason}; {helped[0].reason}")
    return tried[0] if tried else _without_gpu(architecture, workload, capacity)


# --- on GPUs alone ---


def _counts(workload: Workload, devices: Sequence[Device], architecture: Architecture) -> Iterator[int]:
    """How many GPUs may hold it, in the order in which they are tried."""
    most = min(workload.gpus or len(devices), len(devices))
    cut = max(workload.tensor_parallel, 1) * max(workload.pipeline_parallel, 1)
    if workload.method != "inference":
        step = cut if cut <= most else 1
        yield from (count for count in sorted({*_COUNTS, most}, reverse=True) if count <= most and count % step == 0)
        return
    if workload.gpus is not None or cut > 1:
        yield min(max(workload.gpus or cut, cut), len(devices))
        return
    heads = max((group.heads for group in architecture.attention if group.kind != "state"), default=0)
    for count in sorted({count for count in (*_COUNTS, most) if count <= most}):
        if workload.runtime in TENSOR_PARALLEL and heads and heads % count:
            continue
        yield count


def _on_gpus(architecture: Architecture, workload: Workload, devices: tuple[Device, ...], capacity: Capacity) -> Placed:
    nearest: Placed | None = None
    for count in _counts(workload, devices, architecture):
        parts = _parts(architecture, workload, devices[:count])
        used = devices[: len(parts)]
        lacking = [part.total - budget(workload, device) for part, device in zip(parts, used, strict=True)]
        whole = total.whole(architecture, workload, parts)
        if max(lacking) <= 0:
            return _settled(architecture, workload, used, parts, whole, capacity)
        reason = _too_much(workload, used, parts, max(lacking))
        found = Placed(
            verdict="does-not-fit", reason=reason, memory=whole, devices=used, parts=parts,
            placement=Placement(gpus=len(used)),
        )  # fmt: skip
        if nearest is None or max(lacking) < max(
            part.total - budget(workload, device) for part, device in zip(nearest.parts, nearest.devices, strict=True)
        ):
            nearest = found
    if nearest is None:
        raise AssertionError("a group has at least one GPU")
    return nearest


def _settled(
    architecture: Architecture,
    workload: Workload,
    used: tuple[Device, ...],
    parts: tuple[Memory, ...],
    whole: Memory,
    capacity: Capacity,
) -> Placed:
    """It lies on these GPUs; what it keeps in RAM by choice has to have room there too."""
    aside = total.in_ram(architecture, workload)
    verdict: FitVerdict = "fits"
    reason = _fits_in_words(workload, used, parts)
    if workload.method != "inference" and aside:
        if capacity.ram is None:
            verdict = "unknown" if capacity.ram_stated else "does-not-fit"
            reason = f"{format_gib(aside)} are to lie in RAM, and how much RAM there is, is not known"
            return Placed(verdict=verdict, reason=reason, memory=whole, devices=used, parts=parts)
        if aside > capacity.ram:
            reason = f"{format_gib(aside)} are to lie in RAM, of which {format_gib(capacity.ram)} can be had"
            return Placed(verdict="does-not-fit", reason=reason, memory=whole, devices=used, parts=parts, in_ram=aside)
        verdict, reason = "fits-with-offload", f"{reason}; {format_gib(aside)} lie in RAM"
    pool = _pool(architecture, workload, used, parts)
    layers = architecture.layers + 1 if workload.runtime == "llama.cpp" else None
    return Placed(
        verdict=verdict, reason=reason, memory=whole, devices=used, parts=parts, in_ram=aside,
        placement=Placement(gpus=len(used), gpu_layers=layers, ram=aside, kv_tokens=pool[0], concurrent=pool[1]),
    )  # fmt: skip


def budget(workload: Workload, device: Device) -> int:
    """Bytes of a card that a runtime lets itself have."""
    free = device.free or 0
    if workload.method == "inference" and workload.runtime in SERVED:
        fraction = workload.memory_fraction or FRACTIONS[workload.runtime or "vllm"]
        return min(free, round(fraction * (device.total or free)))
    return free


def _parts(architecture: Architecture, workload: Workload, used: Sequence[Device]) -> tuple[Memory, ...]:
    found = _split(architecture, workload, used)
    if used[0].gpu.vendor == "apple":  # Metal has no context of its own to speak of
        found = tuple(totalled([each for each in part.terms if each.name != CONTEXT]) for part in found)
    return found


def _split(architecture: Architecture, workload: Workload, used: Sequence[Device]) -> tuple[Memory, ...]:
    if workload.method != "inference" or workload.runtime in TENSOR_PARALLEL or len(used) == 1 or equal(used):
        return total.per_gpu(architecture, workload, len(used))
    return _by_room(architecture, workload, used, 1.0, last=True)


def _by_room(
    architecture: Architecture, workload: Workload, used: Sequence[Device], layers: float, *, last: bool
) -> tuple[Memory, ...]:
    """Whole layers go where there is room for them: in proportion to what is free."""
    free = sum(device.free or 0 for device in used) or 1
    return tuple(
        total.of_share(
            architecture,
            workload,
            Share(
                layers=layers * (device.free or 0) / free,
                first=position == 0,
                last=last and position == len(used) - 1,
                gpus=len(used),
            ),
        )
        for position, device in enumerate(used)
    )


def _fits_in_words(workload: Workload, used: Sequence[Device], parts: Sequence[Memory]) -> str:
    worst = max(range(len(used)), key=lambda i: parts[i].total - budget(workload, used[i]))
    part, device = parts[worst], used[worst]
    capacity = budget(workload, device)
    where = (
        ""
        if len(used) == 1
        else f" on each of {len(used)} GPUs"
        if equal(used)
        else f" on the fullest of {len(used)} GPUs"
    )
    narrow = ", which is narrow" if part.high > capacity else ""
    return f"{format_gib(part.total)} of {format_gib(capacity)}{where}{narrow}"


def _too_much(workload: Workload, used: Sequence[Device], parts: Sequence[Memory], lacking: int) -> str:
    worst = max(range(len(used)), key=lambda i: parts[i].total - budget(workload, used[i]))
    each = "" if len(used) == 1 else f" on each of {len(used)} GPUs" if equal(used) else f" on one of {len(used)} GPUs"
    capacity = budget(workload, used[worst])
    held = _held(used[worst : worst + 1]) if parts[worst].total <= (used[worst].total or 0) else ""
    needed = format_gib(parts[worst].total)
    return f"{needed} are needed{each} and {format_gib(capacity)} can be had: {format_gib(lacking)} short{held}"


def _held(devices: Sequence[Device]) -> str:
    """What else holds the cards, where that is much of them."""
    total = sum(each.total or 0 for each in devices)
    others = total - sum((each.free or 0) + (each.gpu.memory_reserved or 0) for each in devices)
    where = "" if len(devices) == 1 else " of the GPUs' memory"
    return f"; {format_gib(others)}{where} are held by other processes" if others > 0.1 * max(total, 1) else ""


def _pool(
    architecture: Architecture, workload: Workload, used: Sequence[Device], parts: Sequence[Memory]
) -> tuple[int | None, int | None]:
    """A server's cache: how many tokens it holds, and how many sequences of the whole context."""
    if workload.method != "inference" or workload.runtime not in SERVED:
        return None, None
    context = max(inference.context_of(architecture, workload), 1)
    tokens = None
    for device, part in zip(used, parts, strict=True):
        cache = sum(t.expected for t in part.terms if t.component == "kv_cache" or "cache" in t.name)
        each = cache / (context * max(workload.batch, 1))
        if each <= 0:
            return None, None
        here = int((budget(workload, device) - part.total + cache) / each)
        tokens = here if tokens is None else min(tokens, here)
    return tokens, None if tokens is None else tokens // context


# --- partly in RAM ---


def _with_ram(
    architecture: Architecture, workload: Workload, devices: tuple[Device, ...], capacity: Capacity
) -> Placed:
    """As many layers on the GPUs as they hold, the rest in RAM."""
    used = devices[: workload.gpus] if workload.gpus else devices
    layers = max(architecture.layers, 1)
    low, high = 0, layers
    while low < high:  # the most layers that fit
        middle = (low + high + 1) // 2
        parts = _by_room(architecture, workload, used, middle / layers, last=False)
        # by the upper end: layers are moved one by one until it runs, and one too many stops it
        if all(part.high <= budget(workload, device) for part, device in zip(parts, used, strict=True)):
            low = middle
        else:
            high = middle - 1
    parts = _by_room(architecture, workload, used, low / layers, last=False)
    whole = total.whole(architecture, workload, total.per_gpu(architecture, workload, 1))
    if low == 0:
        found = _without_gpu(architecture, workload, capacity)
        return replace(found, reason=found.reason + _held(used))
    held = summed(parts)
    aside = whole.weights + whole.kv_cache - held.weights - held.kv_cache
    names = f"{low} of {layers} layers on {'the GPU' if len(used) == 1 else f'{len(used)} GPUs'}"
    return _in_ram(workload, whole, aside, capacity, names, used, parts, low)


def _in_ram(
    workload: Workload,
    whole: Memory,
    aside: int,
    capacity: Capacity,
    names: str,
    used: tuple[Device, ...],
    parts: tuple[Memory, ...],
    layers: int,
) -> Placed:
    rest = "the other " if used else ""
    shown = Placement(gpus=len(used), ram=aside, gpu_layers=layers if workload.runtime == "llama.cpp" else None)
    if capacity.ram is None:
        said = (
            "how much RAM there is could not be found out"
            if capacity.ram_stated
            else "no RAM is stated to hold the rest"
        )
        return Placed(verdict="unknown" if capacity.ram_stated else "does-not-fit", reason=f"{names}; {said}",
                      memory=whole, devices=used, parts=parts)  # fmt: skip
    if aside > capacity.ram:
        reason = f"{names}: {rest}{format_gib(aside)} do not fit the {format_gib(capacity.ram)} of RAM that can be had"
        return Placed(verdict="does-not-fit", reason=reason, memory=whole, devices=used, parts=parts, in_ram=aside)
    return Placed(
        verdict="fits-with-offload", reason=f"{names}, {rest}{format_gib(aside)} in RAM", memory=whole, devices=used,
        parts=parts, in_ram=aside, placement=shown,
    )  # fmt: skip


def _without_gpu(architecture: Architecture, workload: Workload, capacity: Capacity) -> Placed:
    whole = total.whole(architecture, workload, total.per_gpu(architecture, workload, workload.gpus or 1))
    kept = [each for each in whole.terms if each.name != CONTEXT]
    if workload.method != "inference":
        return Placed(verdict="does-not-fit", reason="there is no GPU to train on", memory=whole)
    if workload.runtime not in OFFLOADS:
        return Placed(verdict="does-not-fit", reason=f"there is no GPU for {workload.runtime}", memory=whole)
    lying = totalled(kept)
    return _in_ram(workload, lying, lying.total, capacity, "all of it on the processors", (), (), 0)
