"""What activations take on each GPU in training, computed by hand for one small model.

Activations follow Korthikanti et al. (arXiv 2205.05198): a tensor is counted once for each place that needs it in the
backward pass, 2 bytes an element in bf16.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.fit.memory.activations import activation_bytes_per_token, stored_bytes_per_token
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.total import offloaded_bytes, per_gpu
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Memory, Term
from llmcheck.schema.workload import Workload
from tests.unit.fit.test_memory import dense

LAYERS, HIDDEN, QUERIES, KEYS, INNER, HEADS, VOCAB, TOKENS = 8, 1024, 1024, 256, 4096, 8, 32_000, 1024
MODEL = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=32_000)
UNGATED = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=32_000, gated=False)
WEIGHTS = MODEL.parameters.total
TABLE = VOCAB * HIDDEN
"""Weights of the embedding, and as many of the output projection."""

# bytes of one token in one layer, in bf16
NORM_OF_FROZEN = 4 * HIDDEN  # what RMSNorm normalised, in 32 bits: its own weight is frozen, so nothing else
NORM = NORM_OF_FROZEN + 2 * 2 * HIDDEN  # its result twice in 16 bits: for its weight, and for the matrices behind it
STATISTICS = 4 * HEADS  # a 32-bit sum for each head of flash attention
ATTENTION = 2 * 2 * QUERIES + 2 * 2 * KEYS + STATISTICS  # queries and the result of attention, keys and values
FEED_FORWARD = 4 * 2 * INNER  # gate, its activation, up, and the product of both
FEED_FORWARD_OF_FROZEN = 3 * 2 * INNER  # only the gradient of the frozen down projection needs the product
WIDE_OUTPUTS = 3 * 2 * INNER  # gate, its activation and up in 32 bits, where the norms give 32 bits
FULL = 2 * NORM + ATTENTION + FEED_FORWARD
OLD: dict[str, Any] = {"runtime_version": "4.43", "base_in_fp32": False}
REPEATED = 2 * 2 * (QUERIES - KEYS)
"""What keys and values take more where they are repeated for each query head."""
FROZEN = 2 * NORM_OF_FROZEN + ATTENTION + FEED_FORWARD_OF_FROZEN


def train(**options: Any) -> Workload:
    return Workload(**{"method": "full", "precision": "bf16", "context": TOKENS, **options})


def adapters(**options: Any) -> Workload:
    return train(**{"method": "lora", "lora_rank": 4, **options})


def kept(work: Workload, model: Architecture = MODEL, part: GpuPart | None = None, **options: Any) -> float:
    return activation_bytes_per_token(ModelUse(model, work), part or GpuPart(), TOKENS, **options)


def on_gpus(work: Workload, gpus: int = 1, model: Architecture = MODEL) -> tuple[Memory, ...]:
    return per_gpu(ModelUse(model, work), gpus)


def named(found: Memory, name: str) -> Term:
    return next(each for each in found.terms if each.name == name)


def size(found: Memory, name: str) -> int:
    """Bytes of this term; 0 where there is none."""
    return sum(each.expected for each in found.terms if each.name == name)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, FULL),
        # a compiler fuses the norm, so only its result in 16 bits and its input stay, and recomputes the activation
        ({"compiled": True}, 2 * (2 + 2) * HIDDEN + ATTENTION + 3 * 2 * INNER),
        # before 4.48 keys and values are repeated for each query head
        ({"runtime_version": "4.47"}, FULL + 2 * 2 * (QUERIES - KEYS)),
        ({"runtime_version": "4.48"}, FULL),
        ({"runtime_version": "4.47", "compiled": True}, 2 * 4 * HIDDEN + ATTENTION + 3 * 2 * INNER),
        # 4 bytes of each element
        ({"precision": "fp32"}, 2 * FULL - STATISTICS - 2 * NORM_OF_FROZEN),
        # scores after softmax, in 32 bits and in 16, of each head over the sequence
        ({"flash_attention": False}, FULL + HEADS * TOKENS * (4 + 2)),
        ({"flash_attention": False, "checkpointing": "selective"}, FULL),
        # LitGPT repeats the heads, and its values are a view, which keeps the result of the fused matrix
        ({"runtime": "litgpt"}, FULL + 2 * 2 * (QUERIES - KEYS) + 2 * (QUERIES + KEYS)),
        ({"runtime": "torchtune"}, FULL + 2 * 2 * (QUERIES - KEYS)),
    ],
)
def test_bytes_that_a_layer_keeps_of_a_token(options: dict[str, Any], expected: float) -> None:
    assert kept(train(**options)) == expected


def test_bytes_that_a_layer_without_a_gate_keeps_of_a_token() -> None:
    """LayerNorm keeps its input and its result in 16 bits; the feed-forward part has up and its activation."""
    norms = 2 * (2 + 2) * HIDDEN
    assert kept(train(), UNGATED) == norms + ATTENTION + 2 * 2 * INNER
    # with frozen matrices the input of the activation is enough
    low_rank = 2 * HIDDEN * 2 + 2 * INNER
    assert kept(adapters(), UNGATED) == 2 * 2 * HIDDEN + ATTENTION + 2 * INNER + low_rank


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # bf16 adapters share one copy of each input: that of attention, that of gate and up, and that of down
        ({}, 2 * HIDDEN + 2 * HIDDEN + 2 * INNER),
        ({"lora_targets": "qv"}, 2 * HIDDEN),
        ({"lora_targets": "attention"}, 2 * HIDDEN),
        ({"lora_targets": "mlp"}, 2 * HIDDEN + 2 * INNER),
        # PEFT converts the input of each to 32 bits and autocast back: q, k, v and o, gate and up, down
        ({"precision": "mixed"}, 2 * (3 * HIDDEN + QUERIES) + 2 * 2 * HIDDEN + 2 * INNER),
        ({"precision": None}, 2 * (3 * HIDDEN + QUERIES) + 2 * 2 * HIDDEN + 2 * INNER),
        ({"precision": None, "lora_targets": "qv"}, 2 * 2 * HIDDEN),
        ({"precision": None, "lora_targets": "attention"}, 2 * (3 * HIDDEN + QUERIES)),
        ({"precision": None, "lora_targets": "mlp"}, 2 * 2 * HIDDEN + 2 * INNER),
        # DoRA scales the outputs of q and o
        ({"adapter": "dora", "lora_targets": "qv"}, 2 * HIDDEN + 2 * 2 * QUERIES),
        ({"adapter": "prefix"}, 0),
        # with dropout each has what it left of the input, and a mask of a byte
        ({"lora_dropout": True, "lora_targets": "qv"}, 3 * 2 * HIDDEN),
        ({"lora_dropout": True}, 3 * (3 * HIDDEN + QUERIES) + 3 * 2 * HIDDEN + 3 * INNER),
        ({"lora_dropout": True, "precision": None, "lora_targets": "qv"}, 3 * 2 * HIDDEN),
        # a quantised matrix keeps no input of its own, and what it gives is as wide as that input
        ({"method": "qlora", "lora_targets": "qv", "base_in_fp32": False}, 2 * HIDDEN),
        ({"method": "qlora", "base_in_fp32": False}, 2 * HIDDEN + 2 * HIDDEN + 2 * INNER),
        ({"method": "qlora", "lora_targets": "qv"}, 2 * 2 * HIDDEN + WIDE_OUTPUTS),
        ({"method": "qlora"}, 2 * 3 * HIDDEN + 2 * 2 * HIDDEN + 2 * INNER + WIDE_OUTPUTS),
        ({"method": "qlora", "adapter": "prefix"}, WIDE_OUTPUTS),
        # bitsandbytes of that time kept the inputs of the matrices that have no adapter
        ({"method": "qlora", "lora_targets": "qv", **OLD}, REPEATED + 2 * HIDDEN + 2 * 2 * HIDDEN + 2 * INNER),
        ({"method": "qlora", "lora_targets": "attention", **OLD}, REPEATED + 2 * HIDDEN + 2 * 2 * HIDDEN + 2 * INNER),
        ({"method": "qlora", "lora_targets": "mlp", **OLD}, REPEATED + 2 * HIDDEN + 2 * INNER + 2 * HIDDEN),
        ({"method": "qlora", **OLD}, REPEATED + 2 * HIDDEN + 2 * HIDDEN + 2 * INNER),
        ({"method": "qlora", "adapter": "prefix", **OLD}, REPEATED + 2 * 2 * HIDDEN + 2 * INNER),
    ],
)
def test_bytes_that_adapters_keep_of_a_token(options: dict[str, Any], expected: float) -> None:
    assert kept(adapters(**options)) == FROZEN + expected


def test_bytes_that_scaled_outputs_keep_of_a_token() -> None:
    """A factor for each output needs that output: of q, k and v (as wide as queries), o and down, and gate and up.

    The matrices' own inputs stay too, as they do when everything is trained."""
    assert kept(adapters(adapter="scale")) == FULL + 2 * (3 * QUERIES + 2 * HIDDEN) + 2 * 2 * INNER
    quantised = 2 * 2 * HIDDEN + 2 * INNER
    scaled = kept(adapters(adapter="scale", **OLD))
    assert kept(adapters(method="qlora", adapter="scale", **OLD)) == scaled + quantised


def test_litgpt_keeps_a_mask_of_dropped_inputs_of_its_adapters() -> None:
    """One byte for each input of the adapters of attention; the heads are repeated and the fused result stays."""
    repeated = 2 * 2 * (QUERIES - KEYS) + 2 * (QUERIES + KEYS)
    assert kept(adapters(runtime="litgpt", lora_targets="qv")) == FROZEN + repeated + 2 * HIDDEN + HIDDEN
    assert kept(adapters(runtime="litgpt", lora_targets="mlp")) == FROZEN + repeated + 2 * HIDDEN + 2 * INNER


def test_a_recomputed_layer_has_the_gradients_of_its_scores_too() -> None:
    """Softmax, its gradient and their product in 32 bits, and a copy in 16 bits: 12 + 2 bytes for each score."""
    eager = train(flash_attention=False)
    assert kept(eager, recomputing=True) == FULL + HEADS * TOKENS * (12 + 2)
    assert kept(train(), recomputing=True) == FULL


def test_tensor_parallelism_splits_all_activations() -> None:
    """Matrices are cut by columns; norms and the residual stream by sequence (Megatron-LM, FSDP2)."""
    part = GpuPart(tensor=2)
    assert kept(train(), part=part) == FULL / 2
    assert kept(adapters(), part=part) == kept(adapters()) / 2


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (None, 2 * HIDDEN),
        (True, 2 * HIDDEN),
        (False, FULL),
        ("selective", FULL),
        ("selective-layer", (2 * HIDDEN + FULL) / 2),
        # the input, what attention gives, and every second product: q, v, gate, down
        ("selective-op", 2 * HIDDEN + 2 * QUERIES + STATISTICS + 2 * QUERIES + 2 * KEYS + 2 * INNER + 2 * HIDDEN),
    ],
)
def test_what_each_way_of_recomputing_stores(way: Any, expected: float) -> None:
    use = ModelUse(MODEL, train(checkpointing=way))
    assert stored_bytes_per_token(use, GpuPart(), TOKENS) == expected
    assert stored_bytes_per_token(use, GpuPart(tensor=4), TOKENS) == expected / 4


def test_a_token_keeps_what_its_active_experts_compute() -> None:
    experts = replace(MODEL, experts=8, experts_active=2, expert_intermediate=512)
    # the mlp weights give the width of the shared experts: all 4096 here
    assert kept(train(), experts) == FULL + 4 * 2 * 2 * 512


# --- the peak ---

ACTIVATIONS = "activations and logits beside the gradients"
GRADIENTS = 2 * WEIGHTS


def logits(each: float = 12.0) -> float:
    return each * TOKENS * VOCAB


@pytest.mark.parametrize(
    ("options", "each"),
    [
        # logits in 16 bits and their gradient, softmax and its gradient in 32
        ({}, 12),
        # before 4.45 a copy of the logits in 32 bits as well
        ({"runtime_version": "4.44"}, 16),
        ({"runtime": "torchtune"}, 12),
        ({"runtime": "litgpt"}, 10),
        # before its chunked loss, torchtune had copies of the logits in 32 bits, shifted and transposed
        ({"runtime": "torchtune", "runtime_version": "0.2"}, 20),
        ({"runtime": "torchtitan"}, 12),
        # a runtime that does not train behaves like PyTorch
        ({"runtime": "vllm"}, 12),
    ],
)
def test_bytes_at_the_loss(options: dict[str, Any], each: float) -> None:
    """All activations and the logits are in memory; there are no gradients yet, so their space is free."""
    work = train(checkpointing=False, batch=4, **options)
    found = on_gpus(work)[0]
    all_kept = (kept(work) * LAYERS + NORM) * TOKENS * 4
    assert found.activations == pytest.approx(all_kept + 4 * logits(each) - GRADIENTS, abs=1)


@pytest.mark.parametrize(
    ("options", "each"),
    [
        # Liger takes as many tokens at a time as make logits of the size of the hidden states: 10 bytes, and 2 of the
        # gradient that it returns
        ({}, 12 * HIDDEN / VOCAB),
        # torchtune's 8 chunks: logits of all in 16 bits, or of one; of one chunk softmax and gradient in 32 bits
        ({"runtime": "torchtune", "runtime_version": "0.4"}, 2 + (4 + 4) / 8),
        ({"runtime": "torchtune"}, (2 + 4 + 4) / 8),
    ],
)
def test_bytes_at_a_loss_in_chunks(options: dict[str, Any], each: float) -> None:
    """The gradient of the output projection is there already."""
    work = train(checkpointing=False, batch=4, chunked_loss=True, **options)
    found = on_gpus(work)[0]
    all_kept = (kept(work) * LAYERS + NORM) * TOKENS * 4
    assert found.activations == pytest.approx(all_kept + 4 * logits(each) - GRADIENTS + 2 * TABLE, abs=1)


def test_a_gpu_has_its_part_of_each_sequence() -> None:
    """Context parallelism: as many tokens as a sequence of half the length, and the states are cut over both GPUs."""
    halves = on_gpus(train(context_parallel=2, sharding="fsdp"), 2)
    whole = on_gpus(train(context=TOKENS // 2, sharding="fsdp"), 2)
    assert [each.total for each in halves] == [each.total for each in whole]


def test_layers_over_gpus_of_which_one_works() -> None:
    """accelerate's device_map: no GPU has a second micro-batch, nor the states of another's layers."""
    first, last = on_gpus(train(layer_split=True), 2)
    assert first.weights == last.weights == WEIGHTS
    staged = on_gpus(train(pipeline_parallel=2), 2)[0]
    assert first.activations < staged.activations
    assert last.total == on_gpus(train(pipeline_parallel=2), 2)[1].total


def test_activations_in_ram_leave_two_layers_on_the_gpu() -> None:
    work = train(method="lora", lora_rank=4, lora_targets="qv", chunked_loss=True, activation_offload=True)
    found = on_gpus(work)[0]
    one = kept(work, recomputing=True) * TOKENS
    gradients = 2 * 8 * 4 * (2048 + 1280)
    assert found.activations == pytest.approx(2 * 2 * HIDDEN * TOKENS + one - gradients, abs=1)
    in_ram = 2 * HIDDEN * TOKENS * LAYERS
    assert offloaded_bytes(ModelUse(MODEL, work)) == in_ram


def test_a_step_in_the_backward_pass_keeps_few_gradients() -> None:
    """The largest that exists at a time: of the embedding or the output projection."""
    work = train(optimizer_in_backward=True)
    found = on_gpus(work)[0]
    assert found.gradients == 2 * 2 * TABLE
    assert found.total < on_gpus(train())[0].total


def test_recomputed_blocks_keep_their_input_and_one_is_computed_again() -> None:
    inputs = 2 * HIDDEN * TOKENS * LAYERS
    # the logits are largest
    work = train(method="lora", lora_rank=4, lora_targets="qv")
    gradients = 2 * 8 * 4 * (2048 + 1280)
    for checkpointing in (None, True):
        found = on_gpus(replace(work, checkpointing=checkpointing))[0]
        assert found.activations == pytest.approx(inputs + NORM_OF_FROZEN * TOKENS + logits() - gradients, abs=1)
    # with a small vocabulary one block is larger than the loss
    small = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=100)
    found = on_gpus(work, model=small)[0]
    one = kept(work, small, recomputing=True) * TOKENS
    assert found.activations == pytest.approx(inputs + one - gradients, abs=1)
    kept_all = on_gpus(replace(work, checkpointing="selective"), model=small)[0]
    loss = (12 * 100 + NORM_OF_FROZEN) * TOKENS
    assert kept_all.activations == pytest.approx(kept(work, small) * TOKENS * LAYERS + loss - gradients, abs=1)


def test_gradients_grow_while_activations_go() -> None:
    """With large gradients the peak is at the last block: all gradients, and the activations of that block."""
    work = train(context=1)
    found = on_gpus(work)[0]
    assert found.activations == pytest.approx(FULL, abs=1)


def test_a_stage_has_its_gradients_and_the_micro_batches_in_flight() -> None:
    """Gradients are summed over the micro-batches, so they are in memory from the first to the last."""
    first, last = on_gpus(train(pipeline_parallel=2), 2)
    inputs = 2 * HIDDEN * TOKENS * LAYERS // 2
    one = FULL * TOKENS
    assert first.activations == 2 * inputs + one
    # the last stage has one micro-batch at a time: all its gradients come after the loss
    gradients = 2 * (WEIGHTS - TABLE) // 2
    assert last.activations == pytest.approx(
        max(inputs + NORM * TOKENS + logits(), inputs + one, gradients + one) - last.gradients, abs=1
    )


def test_a_loss_over_a_divided_vocabulary_is_not_fused() -> None:
    """PyTorch's loss_parallel has 20 bytes for each token and entry, of which each GPU has its part."""
    work = train(runtime="torchtitan", checkpointing=False, batch=4, tensor_parallel=2)
    found = on_gpus(work, 2)[0]
    all_kept = (kept(work) * LAYERS + NORM) * TOKENS * 4
    assert found.activations == pytest.approx((all_kept + 4 * logits(20) - GRADIENTS) / 2, abs=2)


def test_only_the_last_stage_has_logits_and_tensor_parallelism_splits_them() -> None:
    work = adapters(lora_targets="qv", tensor_parallel=2)
    one_gpu = on_gpus(work, 2)[0]
    gradients = 2 * 8 * 4 * (2048 + 1280) / 2
    stored = (2 * HIDDEN * LAYERS + NORM_OF_FROZEN) * TOKENS
    assert one_gpu.activations == pytest.approx((stored + logits()) / 2 - gradients, abs=1)
