"""Changes of the workload that may make it fit; ``hardware`` has those of the machine. ``limits`` tries them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any

from msgspec import Struct

from llmcheck import runtimes
from llmcheck.fit.capacity import Capacity, used_by_others
from llmcheck.fit.memory.inference import SEQUENCES
from llmcheck.fit.memory.training_choices import frozen_base, recomputed, sharding_of
from llmcheck.fit.obstacles import excluded
from llmcheck.fit.placement import place
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Runtime
from llmcheck.schema.estimate import ChangeCost, ChangeKind
from llmcheck.schema.workload import Sharding
from llmcheck.units import GIB, format_gib

_MIN_CONTEXT = 1024
_MIN_SEQUENCE = 256
"""Shorter ones, in tokens, are not proposed: in inference, in training."""
_FEW_SEQUENCES = 32
UNSHARDED = (None, "none", "ddp")
"""Every GPU has a full copy of the model."""


class Change(Struct, frozen=True, kw_only=True):
    """A proposal: the changed workload, and the memory it would run in."""

    kind: ChangeKind
    words: str
    """What to do, in words."""
    cost: ChangeCost
    use: ModelUse
    capacity: Capacity
    gpus: int | None = None
    """Of a change of the hardware: how many GPUs; None for another change."""
    gpu: str | None = None
    """Their name, as ``--machine`` takes it; None for another change."""


def largest(fits: Callable[[int], bool], least: int, most: int) -> int | None:
    """The largest number from ``least`` to ``most`` that fits, less at most 1 %; None if none does.

    ``fits`` must not become true again above a number for which it is false.
    """
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
    """Makes changes of one workload on one machine."""

    use: ModelUse
    capacity: Capacity

    def change(self, kind: ChangeKind, words: str, cost: ChangeCost, **fields: Any) -> Change:
        """``fields``: the fields of the workload that change."""
        return Change(kind=kind, words=words, cost=cost, use=self.use.changed(**fields), capacity=self.capacity)

    def fits(self, **fields: Any) -> bool:
        return place(self.use.changed(**fields), self.capacity).fits

    def shorter(self, least: int) -> int | None:
        """Most tokens of context that fit, at least ``least``; None where a shorter context does not help."""
        found = largest(lambda tokens: self.fits(context=tokens, prompt=None), least, self.use.context)
        return None if found is None or found >= self.use.context else found


def single_changes(
    use: ModelUse, capacity: Capacity, idle: Capacity, tried: Set[ChangeKind] = frozenset()
) -> Iterator[Change]:
    """Changes of one thing each. ``idle``: the machine as if no other process ran on it. ``tried``: not these kinds."""
    own = _Proposals(use, capacity)
    used = sum(used_by_others(each) for group in capacity.groups for each in group if not each.gpu.unified)
    if idle is not capacity and used > GIB // 2:
        words = f"end the processes that use {format_gib(used)} of GPU memory"
        yield Change(kind="end-processes", words=words, cost="free", use=use, capacity=idle)
    if use.workload.flash_attention is False:
        words = "flash attention, which never stores a matrix of context x context"
        yield own.change("flash-attention", words, "free", flash_attention=None)
    yield from _of_inference(own, tried) if use.is_inference else _of_training(own)


# --- inference ---


def _of_inference(own: _Proposals, tried: Set[ChangeKind]) -> Iterator[Change]:
    use, runtime = own.use, own.use.runtime
    if runtime.is_server and (use.workload.max_sequences or SEQUENCES) > _FEW_SEQUENCES:
        words = f"at most {_FEW_SEQUENCES} sequences at a time ({runtime.sequences_option})"
        yield own.change("max-sequences", words, "free", max_sequences=_FEW_SEQUENCES)
    shorter = None if "context" in tried else own.shorter(_MIN_CONTEXT)
    if shorter is not None:
        cost: ChangeCost = "free" if shorter * 2 >= use.context else "quality"
        yield own.change("context", f"a context of {shorter:,} tokens", cost, context=shorter, prompt=None)
    if use.workload.batch > 1:
        fewer = largest(lambda n: own.fits(batch=n), 1, use.workload.batch)
        if fewer is not None and fewer < use.workload.batch:
            yield own.change("batch", f"a batch of {fewer}", "speed", batch=fewer)
    plain = use.workload.kv_cache in (None, "bf16", "fp16", "f16")
    if plain and "kv-cache" not in tried and len(runtime.cache_ladder) > 1:
        name = runtime.cache_ladder[1]
        yield own.change("kv-cache", f"a KV cache in {name}", "quality", kv_cache=name)


def _least_memory(own: _Proposals) -> Runtime | None:
    """``runtimes.LEAST_MEMORY``; None where the machine cannot run it, or the workload's runtime has its formats."""
    found = runtimes.named(runtimes.LEAST_MEMORY)
    if found.native_family in own.use.runtime.families:
        return None
    gpus = [device.gpu for group in own.capacity.groups for device in group]
    here = own.capacity
    return found if excluded(found, gpus, here.system, here.site_for(found)) is None else None


def _run_by(own: _Proposals, runtime: Runtime, name: str, **fields: Any) -> ModelUse:
    return own.use.changed(runtime=runtime.id, weights=name, kv_cache=None, tensor_parallel=1, **fields)


# --- training ---


def _of_training(own: _Proposals) -> Iterator[Change]:
    work, frozen = own.use.workload, frozen_base(own.use.workload)
    many = max((len(group) for group in own.capacity.groups), default=0) > 1 and work.gpus != 1
    if not work.chunked_loss:
        yield own.change("chunked-loss", "a chunked loss (Liger, Unsloth)", "free", chunked_loss=True)
    if many and sharding_of(work) in UNSHARDED:
        yield own.change(
            "sharding", "weights and optimizer states sharded over the GPUs (FSDP)", "free", sharding="fsdp"
        )
    if work.batch > 1:
        yield own.change("batch", "a micro-batch of 1 with gradient accumulation", "speed", batch=1)
    if not recomputed(work):
        yield own.change(
            "checkpointing", "gradient checkpointing (recomputed activations)", "speed", checkpointing=True
        )
    yield from _cheaper_methods(own)
    shorter = own.shorter(_MIN_SEQUENCE)
    if shorter is not None:
        yield own.change("context", f"sequences of {shorter:,} tokens", "quality", context=shorter)
    if work.offload in (None, "none"):
        if not frozen:
            yield own.change("offload", "optimizer states in RAM (offload)", "speed", offload="optimizer")
        cut: Sharding | None = "fsdp" if frozen else work.sharding
        what = "weights in RAM" if frozen else "weights and optimizer states in RAM"
        yield own.change("offload", f"{what} (offload)", "speed", offload="all", sharding=cut)


def _cheaper_methods(own: _Proposals) -> Iterator[Change]:
    work = own.use.workload
    if not frozen_base(work):
        if work.optimizer in (None, "adamw", "adamw-fused", "paged-adamw"):
            yield own.change("optimizer", "AdamW with 8-bit states", "quality", optimizer="adamw-8bit")
            yield own.change(
                "precision", "pure bf16 with 8-bit AdamW", "quality", optimizer="adamw-8bit", precision="bf16"
            )
        if work.method == "full":
            words = _with_copies("LoRA", own)
            yield own.change("method", words, "quality", method="lora", precision=None, optimizer=None)
    if work.method in {"full", "lora"}:
        words = _with_copies("QLoRA", own)
        yield own.change("method", words, "quality", method="qlora", precision=None, optimizer=None, weights=None)


def _with_copies(method: str, own: _Proposals) -> str:
    """The method; on several GPUs also that each has a copy of the model, unless the workload names a sharding."""
    work = own.use.workload
    many = min(max((len(group) for group in own.capacity.groups), default=0), work.gpus or 4096)
    copies = many > 1 and work.sharding in UNSHARDED
    return f"{method}, with a copy on each of {many} GPUs" if copies else method


# --- several changes at once ---


def combined_changes(use: ModelUse, capacity: Capacity) -> Iterator[Change]:
    """Several changes at once, for a workload that no single change makes fit."""
    own = _Proposals(use, capacity)
    return _several_of_inference(own) if use.is_inference else _several_of_training(own)


def _several_of_inference(own: _Proposals) -> Iterator[Change]:
    context = min(own.use.context, 4096)
    fields: dict[str, Any] = {"context": context, "prompt": None, "batch": 1}
    for name in own.use.runtime.ladder[1:]:
        words = f"weights in {name}, one sequence of {context:,} tokens"
        yield own.change("combined", words, "quality", weights=name, **fields)
    other = _least_memory(own)
    if other is not None:
        for name in other.ladder[other.ladder.index(other.four_bits) :]:
            words = f"{other.id} with weights in {name}, {context:,} tokens"
            moved = _run_by(own, other, name, **fields)
            yield Change(kind="combined", words=words, cost="speed", use=moved, capacity=own.capacity)


def _several_of_training(own: _Proposals) -> Iterator[Change]:
    small: dict[str, Any] = {
        "batch": 1, "checkpointing": True, "chunked_loss": True, "flash_attention": None,
        "context": min(own.use.context, 1024),
    }  # fmt: skip
    length = f"a micro-batch of 1 and sequences of {small['context']:,} tokens"
    if own.use.workload.method == "pretrain":
        words = f"pure bf16, 8-bit AdamW, everything in RAM (offload), {length}"
        small |= {"optimizer": "adamw-8bit", "precision": "bf16", "sharding": "fsdp", "offload": "all"}
        yield own.change("combined", words, "speed", **small)
        return
    small |= {
        "method": "qlora", "precision": None, "optimizer": "paged-adamw-8bit", "weights": None, "lora_rank": 8
    }  # fmt: skip
    yield own.change("combined", f"QLoRA of rank 8, {length}", "quality", **small)
    small |= {"sharding": "fsdp"}
    yield own.change("combined", f"QLoRA of rank 8 sharded over the GPUs (FSDP), {length}", "quality", **small)
    words = f"QLoRA of rank 8 with its weights in RAM (offload), {length}"
    yield own.change("combined", words, "speed", offload="all", **small)
