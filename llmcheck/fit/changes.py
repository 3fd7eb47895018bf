"""Changes of a workload or of the hardware that may make it fit: proposed here, tried by ``plans``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit.capacity import GPU_COUNTS, NODE_GPUS, Capacity, Device, idle_cards
from llmcheck.fit.memory.inference import SEQUENCES
from llmcheck.fit.memory.training_choices import frozen_base, recomputed, sharding_of
from llmcheck.fit.obstacles import obstacle
from llmcheck.fit.placement import place
from llmcheck.fit.shapes import formats, weights
from llmcheck.fit.use import ModelUse
from llmcheck.gpus.names import short_name
from llmcheck.runtimes import Runtime
from llmcheck.schema.machine import Gpu, GpuSpec
from llmcheck.schema.workload import Sharding
from llmcheck.units import GIB, format_gib

Cost = Literal["free", "quality", "speed", "hardware"]
_LEAST_CONTEXT = 1024
_LEAST_SEQUENCE = 256
_FEW_SEQUENCES = 32
_MOST_GPUS = 512
_UNSHARDED = (None, "none", "ddp")


class Change(Struct, frozen=True, kw_only=True):
    words: str
    """What to do."""
    cost: Cost
    use: ModelUse
    capacity: Capacity


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


class _Proposals(Struct, frozen=True):
    """Changes of one use on one machine."""

    use: ModelUse
    capacity: Capacity

    def change(self, words: str, cost: Cost, **fields: Any) -> Change:
        return Change(words=words, cost=cost, use=self.use.changed(**fields), capacity=self.capacity)

    def fits(self, **fields: Any) -> bool:
        return place(self.use.changed(**fields), self.capacity).fits

    def shorter(self, least: int) -> int | None:
        """The most tokens that fit, fewer than now; None where the length makes no difference."""
        found = largest(lambda tokens: self.fits(context=tokens, prompt=None), least, self.use.context)
        return None if found is None or found >= self.use.context else found


def single(use: ModelUse, capacity: Capacity, idle: Capacity) -> Iterator[Change]:
    """One change each. ``idle``: the machine as if nothing else ran on it."""
    own = _Proposals(use, capacity)
    held = _held_by_others(capacity)
    if idle is not capacity and held > GIB // 2:
        words = f"end the processes that hold {format_gib(held)} of GPU memory"
        yield Change(words=words, cost="free", use=use, capacity=idle)
    if use.workload.flash_attention is False:
        words = "attention that never holds the square of the sequence (flash attention)"
        yield own.change(words, "free", flash_attention=None)
    yield from _of_inference(own) if use.is_inference else _of_training(own)


def _held_by_others(capacity: Capacity) -> int:
    return sum(
        max((each.total or 0) - (each.free or 0) - (each.gpu.memory_reserved or 0), 0)
        for group in capacity.groups
        for each in group
        if not each.gpu.unified
    )


# --- answers ---


def _of_inference(own: _Proposals) -> Iterator[Change]:
    use, runtime = own.use, own.use.runtime
    if runtime.is_server and (use.workload.max_sequences or SEQUENCES) > _FEW_SEQUENCES:
        words = f"at most {_FEW_SEQUENCES} sequences at a time ({runtime.sequences_option})"
        yield own.change(words, "free", max_sequences=_FEW_SEQUENCES)
    shorter = own.shorter(_LEAST_CONTEXT)
    if shorter is not None:
        cost: Cost = "free" if shorter * 2 >= use.context else "quality"
        yield own.change(f"a context of {shorter:,} tokens", cost, context=shorter, prompt=None)
    if use.workload.batch > 1:
        fewer = largest(lambda n: own.fits(batch=n), 1, use.workload.batch)
        if fewer is not None and fewer < use.workload.batch:
            yield own.change(f"a batch of {fewer}", "speed", batch=fewer)
    if use.workload.kv_cache in (None, "bf16", "fp16", "f16") and len(runtime.cache_ladder) > 1:
        kind = runtime.cache_ladder[1]
        yield own.change(f"a KV cache in {kind}", "quality", kv_cache=kind)
    smaller = _smaller_weights(own)
    if smaller is not None:
        yield own.change(f"weights in {smaller}", "quality", weights=smaller)
    other = _frugal(own)
    if other is not None:
        upto = other.ladder.index(other.four_bits)
        for name in other.ladder[1 : upto + 1]:
            moved = _moved(own, other, name)
            if place(moved, own.capacity).fits:
                yield Change(words=f"{other.id} with weights in {name}", cost="speed", use=moved, capacity=own.capacity)
                break


def _smaller_weights(own: _Proposals) -> str | None:
    """The best smaller format that lies on the GPUs; else the best with which RAM helps."""
    use, shapes = own.use, own.use.with_shapes_alone().architecture
    now = use.stored.total
    smaller = [name for name in use.runtime.ladder if weights.stored(shapes, formats.weights(name)).total < 0.98 * now]
    placed = {name: place(use.changed(weights=name), own.capacity) for name in smaller}
    on_gpus = next((name for name, each in placed.items() if each.verdict == "fits"), None)
    return on_gpus or next((name for name, each in placed.items() if each.fits), None)


def _frugal(own: _Proposals) -> Runtime | None:
    """The runtime that needs least memory, where another was asked for and this machine runs it."""
    found = runtimes.named(runtimes.FRUGAL)
    if found.own_family in own.use.runtime.families:
        return None
    gpus = [device.gpu for group in own.capacity.groups for device in group]
    return found if obstacle(found, gpus, own.capacity.system) is None else None


def _moved(own: _Proposals, runtime: Runtime, name: str, **fields: Any) -> ModelUse:
    return own.use.changed(runtime=runtime.id, weights=name, kv_cache=None, tensor_parallel=1, **fields)


# --- training ---


def _of_training(own: _Proposals) -> Iterator[Change]:
    work, frozen = own.use.workload, frozen_base(own.use.workload)
    many = max((len(group) for group in own.capacity.groups), default=0) > 1 and work.gpus != 1
    if not work.chunked_loss:
        yield own.change("a loss that is computed in pieces (Liger, Unsloth)", "free", chunked_loss=True)
    if many and sharding_of(work) in _UNSHARDED:
        yield own.change("states and weights cut over the GPUs (FSDP)", "free", sharding="fsdp")
    if work.batch > 1:
        yield own.change("a micro-batch of 1, with accumulated gradients", "speed", batch=1)
    if not recomputed(work):
        yield own.change("recomputed activations (gradient checkpointing)", "speed", checkpointing=True)
    yield from _cheaper_methods(own)
    shorter = own.shorter(_LEAST_SEQUENCE)
    if shorter is not None:
        yield own.change(f"sequences of {shorter:,} tokens", "quality", context=shorter)
    if work.offload in (None, "none"):
        if not frozen:
            yield own.change("optimizer states in RAM (offload)", "speed", offload="optimizer")
        cut: Sharding | None = "fsdp" if frozen else work.sharding
        what = "weights in RAM" if frozen else "weights and optimizer states in RAM"
        yield own.change(f"{what} (offload)", "speed", offload="all", sharding=cut)


def _cheaper_methods(own: _Proposals) -> Iterator[Change]:
    work = own.use.workload
    if not frozen_base(work):
        if work.optimizer in (None, "adamw", "adamw-fused", "paged-adamw"):
            yield own.change("AdamW with 8-bit states", "quality", optimizer="adamw-8bit")
            yield own.change("pure bf16 with 8-bit AdamW", "quality", optimizer="adamw-8bit", precision="bf16")
        if work.method == "full":
            words = _copied("LoRA", own)
            yield own.change(words, "quality", method="lora", precision=None, optimizer=None)
    if work.method in {"full", "lora"}:
        words = _copied("QLoRA", own)
        yield own.change(words, "quality", method="qlora", precision=None, optimizer=None, weights=None)


def _copied(method: str, own: _Proposals) -> str:
    """Adapters are trained with a copy of the model on each card, unless sharding was asked for."""
    work = own.use.workload
    many = min(max((len(group) for group in own.capacity.groups), default=0), work.gpus or 4096)
    copies = many > 1 and work.sharding in _UNSHARDED
    return f"{method}, with a copy on each of {many} GPUs" if copies else method


# --- several at once ---


def several(use: ModelUse, capacity: Capacity) -> Iterator[Change]:
    """Several changes at once, where no single one is enough."""
    own = _Proposals(use, capacity)
    return _several_of_inference(own) if use.is_inference else _several_of_training(own)


def _several_of_inference(own: _Proposals) -> Iterator[Change]:
    context = min(own.use.context, 4096)
    fields: dict[str, Any] = {"context": context, "prompt": None, "batch": 1}
    for name in own.use.runtime.ladder[1:]:
        words = f"weights in {name}, one sequence of {context:,} tokens"
        yield own.change(words, "quality", weights=name, **fields)
    other = _frugal(own)
    if other is not None:
        for name in other.ladder[other.ladder.index(other.four_bits) :]:
            words = f"{other.id} with weights in {name}, {context:,} tokens"
            yield Change(words=words, cost="speed", use=_moved(own, other, name, **fields), capacity=own.capacity)


def _several_of_training(own: _Proposals) -> Iterator[Change]:
    small: dict[str, Any] = {
        "batch": 1, "checkpointing": True, "chunked_loss": True, "flash_attention": None,
        "context": min(own.use.context, 1024),
    }  # fmt: skip
    length = f"a micro-batch of 1 and sequences of {small['context']:,} tokens"
    if own.use.workload.method == "pretrain":
        words = f"pure bf16, 8-bit AdamW, all in RAM (offload), {length}"
        small |= {"optimizer": "adamw-8bit", "precision": "bf16", "sharding": "fsdp", "offload": "all"}
        yield own.change(words, "speed", **small)
        return
    small |= {
        "method": "qlora", "precision": None, "optimizer": "paged-adamw-8bit", "weights": None, "lora_rank": 8
    }  # fmt: skip
    yield own.change(f"QLoRA of rank 8, {length}", "quality", **small)
    small |= {"sharding": "fsdp"}
    yield own.change(f"QLoRA of rank 8 cut over the GPUs (FSDP), {length}", "quality", **small)
    yield own.change(f"QLoRA of rank 8 with its weights in RAM (offload), {length}", "speed", offload="all", **small)


# --- other hardware ---


def on_other_hardware(
    use: ModelUse, capacity: Capacity, specs: Sequence[GpuSpec]
) -> tuple[Iterator[Change], Iterator[Change]]:
    """More cards of the kind that is there, and one larger card of another kind; the fewest and smallest first."""
    return _more_cards(use, capacity), _larger_card(use, capacity, specs)


def _more_cards(use: ModelUse, capacity: Capacity) -> Iterator[Change]:
    """Idle ones; what is trained is cut over them."""
    devices = capacity.groups[0] if capacity.groups else ()
    cards = [each for each in devices if each.gpu.parent is None and not each.gpu.unified]
    if not cards:
        return
    name = short_name(cards[0].gpu.name)
    wanted, how = use.changed(gpus=None), ""
    if frozen_base(use.workload) and sharding_of(use.workload) in _UNSHARDED:
        wanted, how = wanted.changed(sharding="fsdp"), ", the model cut over them (FSDP)"
    for count in GPU_COUNTS:
        if len(cards) < count <= (_MOST_GPUS if use.workload.method == "pretrain" else NODE_GPUS):
            words = f"{count} x {name}" if count > 2 else f"a second {name}"
            larger = replace(capacity, groups=(idle_cards(cards[0], count),))
            yield Change(words=words + how, cost="hardware", use=wanted, capacity=larger)


def _larger_card(use: ModelUse, capacity: Capacity, specs: Sequence[GpuSpec]) -> Iterator[Change]:
    devices = capacity.groups[0] if capacity.groups else ()
    if any(each.gpu.unified for each in devices):
        return
    least = max((each.total or 0 for each in devices), default=0)
    for spec in sorted(specs, key=lambda spec: (spec.memory_gb or 0, -(spec.bandwidth_gb_s or 0))):
        size = round((spec.memory_gb or 0) * 0.93 * GIB)
        if size <= least:
            continue
        card = Device(gpu=Gpu(vendor="", name=spec.name, memory_total=size, spec=spec), total=size, free=size)
        yield Change(
            words=f"a card with {spec.memory_gb:g} GB, such as {short_name(spec.name)}", cost="hardware",
            use=use.changed(gpus=None), capacity=replace(capacity, groups=((card,),)),
        )  # fmt: skip
