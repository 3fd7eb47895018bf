"""What else would fit: the largest context, batch and number format, and the nearest changes that make it fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit.capacity import Capacity, Device, without_vendor
from llmcheck.fit.memory import inference, training
from llmcheck.fit.memory.inference import SERVED
from llmcheck.fit.placement import Placed, place
from llmcheck.fit.shapes import formats, weights
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Alternative
from llmcheck.schema.machine import Gpu, GpuSpec
from llmcheck.schema.workload import Sharding, Workload
from llmcheck.units import GIB, format_gib

Cost = Literal["free", "quality", "speed", "hardware"]
_RANK: tuple[Cost, ...] = ("free", "quality", "speed")
"""Cheapest first; what needs other hardware comes after them."""
_SHOWN = 3
_LEAST_CONTEXT = 1024
_MOST_BATCH = 4096
_COUNTS = (1, 2, 3, 4, 6, 8, 16, 32, 64, 128, 256, 512)

GGUF_LADDER = ("bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "iq3_xxs", "q2_k", "iq2_xs")
_LADDERS: dict[str, tuple[str, ...]] = {
    "llama.cpp": GGUF_LADDER,
    "transformers": ("bf16", "int8", "nf4-dq"),
    "mlx": ("bf16", "mlx-8bit", "mlx-4bit"),
}
_SERVER_LADDER = ("bf16", "fp8", "awq")


class _Change(Struct, frozen=True, kw_only=True):
    words: str
    cost: Cost
    workload: Workload
    capacity: Capacity


def ladder(workload: Workload) -> tuple[str, ...]:
    """Number formats of weights that a runtime reads, finest first."""
    return _LADDERS.get(workload.runtime or "transformers", _SERVER_LADDER)


def good_enough(placed: Placed) -> bool:
    return placed.verdict in ("fits", "fits-with-offload")


def largest(fits: Callable[[int], bool], least: int, most: int) -> int | None:
    """The largest number for which it still fits, to the nearest that differs by less than 1 %; None if none does."""
    if least > most or not fits(least):
        return None
    if fits(most):
        return most
    low, high = least, most
    while high - low > max(1, low // 128):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def largest_context(architecture: Architecture, workload: Workload, capacity: Capacity, verdict: str) -> int | None:
    """Tokens for each sequence with the same verdict, up to what the model declares."""
    most = architecture.context or 1_048_576

    def fits(tokens: int) -> bool:
        return place(architecture, replace(workload, context=tokens, prompt=None), capacity).verdict == verdict

    return largest(fits, min(256, most), most)


def largest_batch(architecture: Architecture, workload: Workload, capacity: Capacity, verdict: str) -> int | None:
    def fits(batch: int) -> bool:
        return place(architecture, replace(workload, batch=batch), capacity).verdict == verdict

    return largest(fits, 1, _MOST_BATCH)


def best_weights(architecture: Architecture, workload: Workload, capacity: Capacity) -> str | None:
    """The finest format that lies on the GPUs whole; None where none does, or where it is not free to choose."""
    if workload.method != "inference":
        return None
    for name in _formats(architecture, workload):
        if place(architecture, replace(workload, weights=name), capacity).verdict == "fits":
            return name
    return None


def _formats(architecture: Architecture, workload: Workload) -> Iterator[str]:
    """What a model is published in, and what is coarser: one that is published in 4 bits has no 16 to offer."""
    shapes = replace(architecture, tensors=None, notes=())
    own = weights.chosen(shapes, replace(workload, weights=None))
    most = weights.stored(shapes, own).total
    if own.family != "gguf" or workload.runtime == "llama.cpp":
        yield own.name
    for name in ladder(workload):
        if weights.stored(shapes, formats.weights(name)).total < 0.98 * most:
            yield name


def ways(
    architecture: Architecture,
    workload: Workload,
    capacity: Capacity,
    idle: Capacity,
    specs: Sequence[GpuSpec] = (),
    *,
    whole: bool = False,
) -> tuple[Alternative, ...]:
    """Up to three changes with which it fits, cheapest first, each tried. ``idle``: the machine as if it were idle;
    ``whole``: with which it lies on the GPUs whole, for it fits already with the help of RAM."""
    single = list(_changes(architecture, workload, capacity, idle))
    several = list(_together(architecture, workload, capacity))
    found: list[Alternative] = []
    for cost in _RANK:
        for change in (each for each in single if each.cost == cost):
            if len(found) < _SHOWN:
                _try(architecture, change, found, whole)
        if found:
            continue
        for change in (each for each in several if each.cost == cost):
            if len(found) < _SHOWN - 1:
                _try(architecture, change, found, whole)
    for kind in (_more_cards(workload, capacity), _larger_card(workload, capacity, specs)):
        if len(found) < _SHOWN:
            any(_try(architecture, change, found, whole) for change in kind)
    return tuple(found)


def _try(architecture: Architecture, change: _Change, found: list[Alternative], whole: bool) -> bool:
    placed = place(architecture, change.workload, change.capacity)
    if not good_enough(placed) or (whole and placed.verdict != "fits"):
        return False
    words = change.words
    if placed.verdict == "fits-with-offload" and change.workload.method == "inference":
        words = f"{words}; {placed.reason}"
    found.append(Alternative(change=words, workload=change.workload, total=placed.memory.total, cost=change.cost))
    return True


def _changes(architecture: Architecture, workload: Workload, capacity: Capacity, idle: Capacity) -> Iterator[_Change]:
    def change(words: str, cost: Cost, **fields: object) -> _Change:
        return _Change(words=words, cost=cost, workload=replace(workload, **fields), capacity=capacity)

    held = _held(capacity)
    if idle is not capacity and held > GIB // 2:
        yield _Change(
            words=f"end what else holds {format_gib(held)} of GPU memory", cost="free", workload=workload, capacity=idle
        )
    if workload.flash_attention is False:
        yield change(
            "attention that never holds the square of the sequence (flash attention)", "free", flash_attention=None
        )
    own = _on_inference if workload.method == "inference" else _on_training
    yield from own(architecture, workload, capacity, change)


def _held(capacity: Capacity) -> int:
    return sum(
        max((each.total or 0) - (each.free or 0) - (each.gpu.memory_reserved or 0), 0)
        for group in capacity.groups
        for each in group
        if not each.gpu.unified
    )


def _on_inference(
    architecture: Architecture, workload: Workload, capacity: Capacity, change: Callable[..., _Change]
) -> Iterator[_Change]:
    runtime = workload.runtime or "transformers"
    if runtime in SERVED and (workload.max_sequences or 256) > 32:
        yield change("at most 32 sequences at a time (max-num-seqs)", "free", max_sequences=32)
    context = inference.context_of(architecture, workload)
    shorter = largest(
        lambda tokens: good_enough(place(architecture, replace(workload, context=tokens, prompt=None), capacity)),
        _LEAST_CONTEXT, context,
    )  # fmt: skip
    if shorter is not None and shorter < context:
        cost: Cost = "free" if shorter * 2 >= context else "quality"
        yield change(f"a context of {shorter:,} tokens", cost, context=shorter, prompt=None)
    if workload.batch > 1:
        fewer = largest(
            lambda n: good_enough(place(architecture, replace(workload, batch=n), capacity)), 1, workload.batch
        )
        if fewer is not None and fewer < workload.batch:
            yield change(f"a batch of {fewer}", "speed", batch=fewer)
    if workload.kv_cache in (None, "bf16", "fp16", "f16") and runtime in (*SERVED, "llama.cpp"):
        kind = "q8_0" if runtime == "llama.cpp" else "fp8"
        yield change(f"a KV cache in {kind}", "quality", kv_cache=kind)
    coarser = _coarser(architecture, workload, capacity)
    if coarser is not None:
        yield change(f"weights in {coarser}", "quality", weights=coarser)
    if runtime != "llama.cpp":
        for name in GGUF_LADDER[1:5]:
            moved = replace(workload, runtime="llama.cpp", weights=name, kv_cache=None, tensor_parallel=1)
            if good_enough(place(architecture, moved, capacity)):
                yield _Change(
                    words=f"llama.cpp with weights in {name}", cost="speed", workload=moved, capacity=capacity
                )
                break


def _coarser(architecture: Architecture, workload: Workload, capacity: Capacity) -> str | None:
    """The finest format below the one asked for that lies on the GPUs; else the finest with which RAM helps."""
    shapes = replace(architecture, tensors=None, notes=())
    now = weights.of(architecture, workload).total
    smaller = [name for name in ladder(workload) if weights.stored(shapes, formats.weights(name)).total < 0.98 * now]
    placed = {name: place(architecture, replace(workload, weights=name), capacity) for name in smaller}
    whole = next((name for name, each in placed.items() if each.verdict == "fits"), None)
    return whole or next((name for name, each in placed.items() if good_enough(each)), None)


def _on_training(
    architecture: Architecture, workload: Workload, capacity: Capacity, change: Callable[..., _Change]
) -> Iterator[_Change]:
    frozen = training.frozen_base(workload)
    many = max((len(group) for group in capacity.groups), default=0) > 1 and workload.gpus != 1
    if not workload.chunked_loss:
        yield change("a loss that is computed in pieces (Liger, Unsloth)", "free", chunked_loss=True)
    if many and training.sharding_of(workload) in {"none", "ddp"}:
        yield change("states and weights cut over the GPUs (FSDP)", "free", sharding="fsdp")
    if workload.batch > 1:
        yield change("a micro-batch of 1, with accumulated gradients", "speed", batch=1)
    if not training.recomputed(workload):
        yield change("recomputed activations (gradient checkpointing)", "speed", checkpointing=True)
    if not frozen:
        if workload.optimizer in (None, "adamw", "adamw-fused", "paged-adamw"):
            yield change("AdamW with 8-bit states", "quality", optimizer="adamw-8bit")
            yield change("pure bf16 with 8-bit AdamW", "quality", optimizer="adamw-8bit", precision="bf16")
        if workload.method == "full":
            words = _copied("LoRA", workload, capacity)
            yield change(words, "quality", method="lora", precision=None, optimizer=None)
    if workload.method in {"full", "lora"}:
        words = _copied("QLoRA", workload, capacity)
        yield change(words, "quality", method="qlora", precision=None, optimizer=None, weights=None)
    length = training.sequence_of(architecture, workload)
    shorter = largest(
        lambda tokens: good_enough(place(architecture, replace(workload, context=tokens), capacity)), 256, length
    )
    if shorter is not None and shorter < length:
        yield change(f"sequences of {shorter:,} tokens", "quality", context=shorter)
    if workload.offload in (None, "none"):
        if not frozen:
            yield change("optimizer states in RAM (offload)", "speed", offload="optimizer")
        cut: Sharding | None = "fsdp" if frozen else workload.sharding
        what = "weights in RAM" if frozen else "weights and optimizer states in RAM"
        yield change(f"{what} (offload)", "speed", offload="all", sharding=cut)


def _copied(method: str, workload: Workload, capacity: Capacity) -> str:
    """Adapters are trained with a copy of the model on each card, unless the cutting of it was asked for."""
    many = min(max((len(group) for group in capacity.groups), default=0), workload.gpus or 4096)
    copies = many > 1 and workload.sharding in (None, "none", "ddp")
    return f"{method}, with a copy on each of {many} GPUs" if copies else method


def _together(architecture: Architecture, workload: Workload, capacity: Capacity) -> Iterator[_Change]:
    """Several changes at once, where no single one is enough."""
    if workload.method == "inference":
        base = replace(workload, context=min(inference.context_of(architecture, workload), 4096), prompt=None, batch=1)
        for name in ladder(workload)[1:]:
            words = f"weights in {name}, one sequence of {base.context:,} tokens"
            yield _Change(words=words, cost="quality", workload=replace(base, weights=name), capacity=capacity)
        if workload.runtime != "llama.cpp":
            for name in GGUF_LADDER[4:]:
                moved = replace(base, runtime="llama.cpp", weights=name, kv_cache=None, tensor_parallel=1)
                words = f"llama.cpp with weights in {name}, {base.context:,} tokens"
                yield _Change(words=words, cost="speed", workload=moved, capacity=capacity)
        return
    small = replace(
        workload, batch=1, checkpointing=True, chunked_loss=True, flash_attention=None,
        context=min(training.sequence_of(architecture, workload), 1024),
    )  # fmt: skip
    length = f"sequences of {small.context:,} tokens"
    if workload.method in {"full", "lora", "qlora"}:
        qlora = replace(small, method="qlora", precision=None, optimizer="paged-adamw-8bit", weights=None, lora_rank=8)
        words = f"QLoRA of rank 8, a micro-batch of 1 and {length}"
        yield _Change(words=words, cost="quality", workload=qlora, capacity=capacity)
        cut = replace(qlora, sharding="fsdp")
        words = f"QLoRA of rank 8 cut over the GPUs (FSDP), a micro-batch of 1 and {length}"
        yield _Change(words=words, cost="quality", workload=cut, capacity=capacity)
        words = f"QLoRA of rank 8 with its weights in RAM (offload), a micro-batch of 1 and {length}"
        yield _Change(words=words, cost="speed", workload=replace(cut, offload="all"), capacity=capacity)
    else:
        full = replace(small, optimizer="adamw-8bit", precision="bf16", sharding="fsdp", offload="all")
        words = f"pure bf16, 8-bit AdamW, all in RAM (offload), a micro-batch of 1 and {length}"
        yield _Change(words=words, cost="speed", workload=full, capacity=capacity)


# --- more hardware ---


def _more_cards(workload: Workload, capacity: Capacity) -> Iterator[_Change]:
    """Cards of the kind that is there, idle; what is trained is cut over them."""
    devices = capacity.groups[0] if capacity.groups else ()
    whole = [each for each in devices if each.gpu.parent is None and not each.gpu.unified]
    if not whole:
        return
    kind = whole[0]
    idle = replace(kind, free=(kind.total or 0) - (kind.gpu.memory_reserved or 0))
    name = without_vendor(kind.gpu.name)
    asked, how = replace(workload, gpus=None), ""
    if training.frozen_base(workload) and training.sharding_of(workload) in {"none", "ddp"}:
        asked, how = replace(asked, sharding="fsdp"), ", the model cut over them (FSDP)"
    for count in _COUNTS:
        if count > len(whole):
            words = f"{count} x {name}" if count > 2 else f"a second {name}"
            yield _Change(
                words=words + how,
                cost="hardware",
                workload=asked,
                capacity=replace(capacity, groups=((idle,) * count,)),
            )


def _larger_card(workload: Workload, capacity: Capacity, specs: Sequence[GpuSpec]) -> Iterator[_Change]:
    """One card instead of those that are there, the smallest first."""
    devices = capacity.groups[0] if capacity.groups else ()
    if any(each.gpu.unified for each in devices):
        return
    least = max((each.total or 0 for each in devices), default=0)
    for spec in sorted(specs, key=lambda spec: (spec.memory_gb or 0, -(spec.bandwidth_gb_s or 0))):
        size = round((spec.memory_gb or 0) * 0.93 * GIB)
        if size <= least:
            continue
        card = Device(gpu=Gpu(vendor="nvidia", name=spec.name, memory_total=size, spec=spec), total=size, free=size)
        yield _Change(
            words=f"a card with {spec.memory_gb:g} GB, such as {without_vendor(spec.name)}", cost="hardware",
            workload=replace(workload, gpus=None), capacity=replace(capacity, groups=((card,),)),
        )  # fmt: skip
