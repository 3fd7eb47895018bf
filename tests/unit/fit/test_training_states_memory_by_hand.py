"""What training takes on each GPU besides activations, computed by hand for one small model: states, gathered weights,
overheads, and what is in RAM. States follow ZeRO (arXiv 1910.02054).
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.fit.memory.total import gpu_parts, offloaded_bytes, per_gpu, resolved, with_ram
from llmcheck.fit.use import ModelUse
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB
from tests.unit.fit.test_memory import dense
from tests.unit.fit.test_training_memory_by_hand import (
    HIDDEN,
    INNER,
    KEYS,
    LAYERS,
    MODEL,
    QUERIES,
    TABLE,
    WEIGHTS,
    adapters,
    named,
    on_gpus,
    size,
    train,
)

# --- states ---


@pytest.mark.parametrize(
    ("options", "gradient", "weight"),
    [
        ({}, 2, 2),
        ({"gradients": "fp32"}, 4, 2),
        ({"precision": "fp32"}, 4, 4),
        # a master copy beside them
        ({"precision": "mixed", "runtime": "torchtitan"}, 2, 2),
        ({"precision": None, "runtime": "torchtitan"}, 2, 2),
        ({"precision": "mixed", "gradients": "fp32"}, 4, 2),
        # FSDP's shards are in 32 bits
        ({"precision": "mixed", "sharding": "fsdp"}, 4, 4),
    ],
)
def test_bytes_of_gradients_and_weights(options: dict[str, Any], gradient: float, weight: float) -> None:
    found = on_gpus(train(**options))[0]
    assert (found.gradients, found.weights) == (gradient * WEIGHTS, weight * WEIGHTS)
    # Megatron's log and torchao's table: 0 to 5 % more than the arithmetic
    term = named(found, "gradients")
    assert 0.95 * term.expected <= term.low
    assert 1.05 * term.expected <= term.high <= 1.1 * term.expected


def test_autocast_has_weights_in_32_bits_and_copies_of_them_in_16() -> None:
    """The embedding is looked up, not multiplied: it is not copied."""
    for sharding in (None, "none"):
        found = on_gpus(train(precision="mixed", sharding=sharding))[0]
        assert found.weights == 4 * WEIGHTS + 2 * (WEIGHTS - TABLE)
        assert (found.gradients, found.optimizer) == (4 * WEIGHTS, 8 * WEIGHTS)


def test_fsdp_has_one_32_bit_shard_that_is_the_master() -> None:
    found = on_gpus(train(precision="mixed", sharding="fsdp"), 4)[0]
    assert (found.weights, found.gradients, found.optimizer) == (WEIGHTS, WEIGHTS, 2 * WEIGHTS)
    # with states of 8 bits as well
    small = on_gpus(train(precision="mixed", sharding="fsdp", optimizer="adamw-8bit"), 4)[0]
    assert (small.weights, small.gradients) == (WEIGHTS, WEIGHTS)
    assert small.optimizer == pytest.approx(2 * (1 + 4 / 256) * WEIGHTS / 4, abs=1)


def test_state_is_cut_over_as_many_gpus_as_are_named() -> None:
    """HSDP: 8 GPUs in groups of 4, each with a copy of the state."""
    found = on_gpus(train(precision="mixed", sharding="fsdp", sharding_gpus=4), 8)[0]
    assert (found.weights, found.optimizer) == (WEIGHTS, 2 * WEIGHTS)


STEP = "copies at the optimizer's step"


@pytest.mark.parametrize(
    ("options", "each"),
    [
        # torch's AdamW over lists: one copy of the weights
        ({}, 2),
        ({"precision": "fp32"}, 4),
        ({"optimizer": "adamw-fused"}, 0),
        ({"optimizer": "sgd"}, 0),
        # gradients in 32 bits for the master copy, unless they are kept so
        ({"precision": "mixed"}, 4),
        ({"precision": "mixed", "optimizer": "adamw-fused"}, 0),
        ({"precision": "mixed", "optimizer": "adamw-fused", "runtime": "torchtitan"}, 4),
        ({"optimizer_in_backward": True}, 0),
        ({"precision": "mixed", "gradients": "fp32"}, 0),
    ],
)
def test_copies_that_an_optimizer_makes_at_its_step(options: dict[str, Any], each: float) -> None:
    """In addition to the gradients; memory that activations have freed is used first."""
    found = on_gpus(train(context=1, **options))[0]
    assert size(found, STEP) == (each * WEIGHTS - found.activations if each else 0)


def test_copies_at_the_step_are_of_the_states_on_the_gpu() -> None:
    """All of them with DDP; the quarter of ZeRO over 4 GPUs takes the place of the bucket that the gradients passed."""
    found = on_gpus(train(context=1, sharding="ddp"), 4)[0]
    assert size(found, STEP) == pytest.approx(2 * WEIGHTS - found.activations, abs=2)
    assert size(on_gpus(train(context=1, sharding="zero1"), 4)[0], STEP) == 0


@pytest.mark.parametrize(
    ("optimizer", "each"),
    # unified memory: at most on the GPU, else in RAM; Adafactor with a first moment in 16 bits
    [("paged-adamw", 2 * 2), ("paged-adamw-8bit", 2 * (1 + 4 / 256)), ("sgd", 2), ("adafactor", 0.1),
     ("adamw-8bit", 2 * (1 + 4 / 256)), ("adamw-4bit", 2 * (0.5 + 4 / 128)), ("lion", 2), ("adamw", 4),
     ("adamw-fused", 4)],
)  # fmt: skip
def test_most_that_an_optimizer_has_on_the_gpu(optimizer: str, each: float) -> None:
    """6 % more than the arithmetic at most, as Megatron's log and torchao's table show."""
    found = named(on_gpus(train(optimizer=optimizer))[0], "optimizer states")
    assert found.high == pytest.approx(1.06 * each * WEIGHTS, abs=1)
    assert found.low == pytest.approx(0.98 * found.expected, abs=1)


def test_8_bit_states_have_no_master_copy_unless_stated() -> None:
    for optimizer, master in (("adamw-8bit", 0), ("adamw-4bit", 0), ("sgd", 4), ("lion", 4)):
        found = on_gpus(train(optimizer=optimizer, precision="mixed", runtime="torchtitan"))[0]
        moments = {"adamw-8bit": 2 + 8 / 256, "adamw-4bit": 1 + 8 / 128, "sgd": 0, "lion": 4}[optimizer]
        assert found.optimizer == pytest.approx((moments + master) * WEIGHTS, abs=1)


QV = 8 * 4 * (2048 + 1280)
"""Weights of adapters of rank 4 on queries and values."""


@pytest.mark.parametrize(
    ("options", "each"),
    [
        # rank x (inputs + outputs) of gate, up and down
        ({}, 4 * 3 * (HIDDEN + 512)),
        # and a magnitude for each output
        ({"adapter": "dora"}, 4 * 3 * (HIDDEN + 512) + 2 * 512 + HIDDEN),
        # a factor and a bias for each output
        ({"adapter": "scale"}, 2 * (2 * 512 + HIDDEN)),
    ],
)
def test_each_expert_has_adapters_of_its_own(options: dict[str, Any], each: int) -> None:
    experts = 3 * HIDDEN * 512 * 6 * LAYERS
    counts = replace(MODEL.parameters, mlp=HIDDEN * 6 * LAYERS, experts=experts)  # routers have no adapter
    model = replace(
        MODEL, experts=6, experts_active=2, expert_intermediate=512, sparse_layers=LAYERS, parameters=counts
    )
    found = on_gpus(adapters(lora_targets="mlp", **options), model=model)[0]
    assert found.gradients == 2 * each * 6 * LAYERS
    # with all matrices, those of attention too
    everything = on_gpus(adapters(adapter="lora"), model=model)[0]
    attention = 4 * (2 * (HIDDEN + QUERIES) + 2 * (HIDDEN + KEYS))
    assert everything.gradients == 2 * LAYERS * (attention + 6 * 4 * 3 * (HIDDEN + 512))


def test_adapters_are_kept_in_32_bits_where_no_precision_is_named() -> None:
    found = on_gpus(adapters(lora_targets="qv", precision=None))[0]
    assert (size(found, "adapters"), found.gradients, found.optimizer) == (4 * QV, 4 * QV, 8 * QV)
    assert found.weights == 2 * WEIGHTS + 4 * QV
    found = on_gpus(adapters(lora_targets="qv", precision="bf16"))[0]
    assert (size(found, "adapters"), found.gradients, found.optimizer) == (2 * QV, 2 * QV, 4 * QV)
    assert "2 bytes" in named(found, "adapters").source


def test_the_default_rank_is_16() -> None:
    found = on_gpus(adapters(lora_targets="qv", lora_rank=None))[0]
    assert found.gradients == 2 * QV * 4
    assert resolved(ModelUse(MODEL, adapters(lora_rank=None))).lora_rank == 16


def test_embeddings_that_are_trained_with_adapters_have_their_own_states() -> None:
    found = on_gpus(adapters(lora_targets="qv", trained_embeddings=True))[0]
    assert found.gradients == 2 * (QV + 2 * TABLE)
    first, last = on_gpus(adapters(lora_targets="qv", trained_embeddings=True, pipeline_parallel=2), 2)
    assert first.gradients == last.gradients == 2 * (QV // 2 + TABLE)


def test_peft_converts_unquantised_weights_to_32_bits() -> None:
    """prepare_model_for_kbit_training: embedding, output projection and norms take 2 bytes more than in 16 bits."""
    norms = MODEL.parameters.other
    name = "embeddings and norms in 32 bits"
    assert size(on_gpus(adapters(method="qlora"))[0], name) == 2 * (2 * TABLE + norms)
    assert size(on_gpus(adapters(method="qlora", runtime="torchtune"))[0], name) == 0
    assert size(on_gpus(adapters())[0], name) == 0
    # axolotl and Unsloth leave them
    assert size(on_gpus(adapters(method="qlora", base_in_fp32=False))[0], name) == 0
    assert size(on_gpus(adapters(method="qlora", runtime="torchtune", base_in_fp32=True))[0], name) > 0
    first, last = on_gpus(adapters(method="qlora", pipeline_parallel=2), 2)
    assert size(first, name) == size(last, name) == 2 * (TABLE + norms // 2)
    assert size(on_gpus(adapters(method="qlora", tensor_parallel=2), 2)[0], name) == TABLE * 2 + norms


# --- data parallelism ---


@pytest.mark.parametrize(
    ("sharding", "weights", "gradients", "states"),
    [("ddp", 1, 1, 1), ("none", 1, 1, 1), ("zero1", 1, 1, 4), ("zero2", 1, 4, 4), ("zero3", 4, 4, 4),
     ("fsdp", 4, 4, 4), ("fsdp1", 4, 4, 4), (None, 4, 4, 4)],
)  # fmt: skip
def test_what_data_parallelism_shards(sharding: str | None, weights: int, gradients: int, states: int) -> None:
    """ZeRO's stages over 4 GPUs; where nothing is stated, full training is sharded as by FSDP."""
    found = on_gpus(train(sharding=sharding), 4)[0]
    assert found.weights == pytest.approx(2 * WEIGHTS / weights, abs=4)
    assert found.gradients == pytest.approx(2 * WEIGHTS / gradients, abs=1)
    assert found.optimizer == pytest.approx(4 * WEIGHTS / states, abs=1)


def test_each_gpu_keeps_adapters_of_its_own_where_no_sharding_is_named() -> None:
    one, two = on_gpus(adapters(), 1)[0], on_gpus(adapters(), 2)[0]
    assert (one.weights, one.gradients, one.optimizer) == (two.weights, two.gradients, two.optimizer)
    assert resolved(ModelUse(MODEL, adapters()), 2).sharding == "ddp"
    assert resolved(ModelUse(MODEL, train()), 2).sharding == "fsdp"
    assert resolved(ModelUse(MODEL, train()), 1).sharding == "none"


GATHERED = "gathered weights and buckets"
EDGE = 2 * 2 * TABLE
"""Embedding and output projection in 16 bits, which FSDP has gathered at the loss."""
BLOCK = 2 * (WEIGHTS - 2 * TABLE) / LAYERS


@pytest.mark.parametrize(
    ("options", "gpus", "expected"),
    [
        ({"sharding": "fsdp"}, 4, EDGE),
        ({"sharding": "fsdp1"}, 4, EDGE),
        ({"sharding": "fsdp", "precision": "mixed"}, 4, EDGE),
        # all weights, up to 1e9 of them
        ({"sharding": "zero3"}, 4, 2 * WEIGHTS),
        # in the precision in which is computed; the peak is in the backward pass, with two blocks and a gradient
        ({"sharding": "fsdp", "precision": "fp32"}, 4, 2 * EDGE + 3 * 2 * BLOCK),
        # all weights stay gathered until the backward pass is through
        ({"sharding": "shard-grad-op"}, 4, 2 * WEIGHTS),
        # DDP has all gradients in its buckets
        ({"sharding": "ddp"}, 4, 2 * WEIGHTS),
        ({"sharding": "none"}, 4, 0),
        # a bucket of 5e8 elements holds all gradients of this model
        ({"sharding": "zero1"}, 4, 2 * WEIGHTS),
        ({"sharding": "zero2"}, 4, 2 * WEIGHTS),
        # DeepSpeed has them on one GPU as well
        ({"sharding": "zero2"}, 1, 2 * WEIGHTS),
        ({"sharding": "ddp"}, 1, 0),
        ({}, 1, 0),
        # weights from RAM are gathered in the same way
        ({"offload": "optimizer"}, 1, 2 * WEIGHTS),
        ({"offload": "all"}, 1, EDGE),
        # the frozen weights of a flat parameter stay gathered
        ({"method": "lora", "lora_targets": "qv", "sharding": "fsdp1"}, 4, 2 * WEIGHTS),
        ({"method": "lora", "lora_targets": "qv", "sharding": "fsdp1"}, 1, EDGE),
        ({"method": "lora", "lora_targets": "qv", "sharding": "fsdp"}, 4, EDGE),
        ({"method": "lora", "lora_targets": "qv", "sharding": "ddp"}, 4, 0),
    ],
)  # fmt: skip
def test_bytes_that_are_gathered(options: dict[str, Any], gpus: int, expected: float) -> None:
    found = on_gpus(train(**{"lora_rank": 4, **options}), gpus)[0]
    assert size(found, GATHERED) == pytest.approx(expected, abs=4)
    assert (GATHERED in {each.name for each in found.terms}) == bool(expected)


def test_buckets_of_a_large_model_do_not_grow_with_it() -> None:
    """One of 5e8 gradients, and where communication overlaps a second one."""
    large = dense(layers=32)
    found = named(on_gpus(train(sharding="zero2"), 4, large)[0], GATHERED)
    assert (found.expected, found.high) == (10**9, 2 * 10**9)


def test_at_most_1e9_weights_stay_gathered_under_zero_3() -> None:
    large = dense(layers=32, vocab=32_000)
    assert large.parameters.total > 10**9
    found = size(on_gpus(train(sharding="zero3"), 4, large)[0], GATHERED)
    assert 2 * 10**9 <= found <= 3 * 10**9  # with a bucket of gradients


def test_two_blocks_are_gathered_in_the_backward_pass_with_the_gradient_of_one() -> None:
    """Where the loss is small the peak is there; with 32-bit shards the gradient is converted to 32 bits first."""
    small = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=100)
    block = 2 * (small.parameters.total - 2 * 100 * 1024) / 8
    edge = 2 * 2 * 100 * 1024
    for precision, gradient in (("bf16", 1), ("mixed", 3)):
        found = on_gpus(train(sharding="fsdp", precision=precision), 4, small)[0]
        assert size(found, GATHERED) == pytest.approx(edge + (2 + gradient) * block, abs=4)


def test_each_gpu_gathers_only_its_part() -> None:
    found = on_gpus(train(sharding="zero1", tensor_parallel=2), 4)[0]
    assert size(found, GATHERED) == WEIGHTS
    found = on_gpus(train(sharding="zero1", pipeline_parallel=2), 4)[0]
    assert size(found, GATHERED) == WEIGHTS
    # the first stage has one table, no loss, and the gradient of one block
    found = on_gpus(train(sharding="fsdp", pipeline_parallel=2), 4)[0]
    assert size(found, GATHERED) == pytest.approx(EDGE / 2 + 3 * BLOCK, abs=4)
    found = on_gpus(train(sharding="fsdp", tensor_parallel=2), 4)[0]
    assert size(found, GATHERED) == pytest.approx(EDGE / 2, abs=4)


# --- overheads ---


def test_overheads_of_one_gpu_and_of_several() -> None:
    one, two = on_gpus(train())[0], on_gpus(train(), 2)[0]
    for found in (one, two):
        assert size(found, "workspace") == 40 * MIB
        context = named(found, "GPU context and kernels")
        # measured: 0.47 GiB with lazily loaded kernels, up to 0.9
        assert context.low <= 0.47 * GIB <= context.expected <= 0.9 * GIB <= context.high < GIB
    exchange = "communication buffers"
    assert (size(one, exchange), size(two, exchange)) == (0, round(0.8 * GIB))
    # 0.4 GiB in vLLM's log, 1.5 after torch.distributed's first barrier
    term = named(two, exchange)
    assert term.low <= 0.4 * GIB < 1.5 * GIB <= term.high < 2 * GIB
    assert size(on_gpus(train(sharding="zero2"))[0], exchange) == round(0.8 * GIB)
    for sharding in ("ddp", "none"):
        assert size(on_gpus(train(sharding=sharding))[0], exchange) == 0


BLOCKS_KEPT = "cached blocks"


def test_blocks_that_the_allocator_keeps_are_in_no_total() -> None:
    """It frees them before memory runs out."""
    use = ModelUse(MODEL, train())
    kept, without = per_gpu(use)[0], per_gpu(use, cached=False)[0]
    assert named(kept, BLOCKS_KEPT).part == "allocator"
    assert (kept.total, kept.high) == (without.total, without.high)


def test_batches_of_different_lengths_leave_blocks_that_growing_segments_do_not() -> None:
    same = size(on_gpus(train(batch=32))[0], BLOCKS_KEPT)
    varying = size(on_gpus(train(batch=32, lengths_vary=True))[0], BLOCKS_KEPT)
    growing = size(on_gpus(train(batch=32, lengths_vary=True, expandable_segments=True))[0], BLOCKS_KEPT)
    assert same < varying
    assert growing < varying / 4


def test_blocks_that_are_kept_grow_with_tokens_times_vocabulary() -> None:
    few, many = (size(on_gpus(train(batch=batch, lengths_vary=True))[0], BLOCKS_KEPT) for batch in (4, 16))
    assert many > 1.5 * few


def test_one_quantised_matrix_at_a_time_is_converted_to_16_bits() -> None:
    name = "dequantisation buffer"
    for weights in ("nf4", "int8", "gptq-4bit"):
        assert size(on_gpus(adapters(weights=weights))[0], name) == 2 * HIDDEN * INNER
        assert size(on_gpus(adapters(weights=weights, tensor_parallel=2), 2)[0], name) == HIDDEN * INNER
    assert size(on_gpus(adapters())[0], name) == 0


# --- RAM ---


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 0),
        ({"offload": "none"}, 0),
        ({"offload": "optimizer"}, (2 + 4) * WEIGHTS),
        ({"offload": "all"}, (2 + 4 + 2) * WEIGHTS),
        ({"offload": "optimizer", "precision": "mixed"}, (2 + 8 + 4) * WEIGHTS),
        # paged states: at most in RAM
        ({"offload": "optimizer", "optimizer": "paged-adamw"}, (2 + 4) * WEIGHTS),
        ({"offload": "optimizer", "method": "lora", "lora_targets": "qv"}, (2 + 4) * QV),
        ({"offload": "all", "method": "lora", "lora_targets": "qv"}, (2 + 4 + 2) * QV + 2 * WEIGHTS),
    ],
)
def test_bytes_that_training_keeps_in_ram(options: dict[str, Any], expected: int) -> None:
    use = ModelUse(MODEL, train(lora_rank=4, **options))
    assert offloaded_bytes(use) == expected
    parts = per_gpu(use)
    assert with_ram(use, parts).total == parts[0].total + expected


def test_offloaded_weights_leave_the_gpu_and_states_with_them() -> None:
    """With ``optimizer`` the weights stay; with ``all`` a part of them is on the GPU at a time."""
    states = on_gpus(train(offload="optimizer"))[0]
    assert (states.weights, states.gradients, states.optimizer) == (2 * WEIGHTS, 0, 0)
    everything = on_gpus(train(offload="all"))[0]
    assert (everything.weights, everything.gradients, everything.optimizer) == (0, 0, 0)
    assert size(states, STEP) == size(everything, STEP) == 0
    adapters_too = on_gpus(adapters(offload="all"))[0]
    assert adapters_too.weights == 0
    # with stages and tensor parallelism a GPU gets only its own weights
    cut = on_gpus(train(offload="all", tensor_parallel=2), 2)[0]
    assert size(cut, GATHERED) == pytest.approx(EDGE / 2, abs=4)


# --- how the model is split ---


def test_gpus_are_divided_between_tensor_pipeline_and_data_parallelism() -> None:
    def cut(gpus: int, **options: Any) -> list[tuple[int, float, int, int]]:
        found = gpu_parts(ModelUse(MODEL, train(**options)), gpus)
        return [(part.tensor, part.layers, part.data, part.gpus) for part in found]

    assert cut(8, tensor_parallel=2, pipeline_parallel=2) == [(2, 0.5, 2, 8)] * 8
    assert cut(2, tensor_parallel=4) == [(2, 1.0, 1, 2)] * 2
    assert cut(4, pipeline_parallel=8) == [(1, 0.25, 1, 4)] * 4
    # 8 blocks over 3 stages
    assert cut(3, pipeline_parallel=3) == [(1, 3 / 8, 1, 3), (1, 3 / 8, 1, 3), (1, 2 / 8, 1, 3)]
    assert cut(1) == [(1, 1.0, 1, 1)]
    # 7 GPUs make three pairs
    assert cut(7, tensor_parallel=2) == [(2, 1.0, 3, 6)] * 6


def test_a_workload_is_estimated_for_one_gpu_where_no_number_is_named() -> None:
    use = ModelUse(MODEL, train())
    assert per_gpu(use) == per_gpu(use, 1) == per_gpu(use, 0)
    assert resolved(use).gpus == resolved(use, 0).gpus == 1
    assert resolved(ModelUse(MODEL, train(gpus=3)), 2).gpus == 3


def test_open_choices_are_filled_in() -> None:
    found = resolved(ModelUse(MODEL, Workload(method="full")))
    assert (found.precision, found.optimizer, found.checkpointing) == ("mixed", "adamw", True)
    assert (found.offload, found.sharding, found.lora_rank, found.lora_targets) == ("none", "none", None, None)
    assert (found.weights, found.context, found.flash_attention) == ("bf16", 2048, True)
    found = resolved(ModelUse(MODEL, Workload(method="lora", flash_attention=False, checkpointing=False, lora_rank=0)))
    # a stated precision would also be that of the adapters
    assert (found.precision, found.lora_targets, found.lora_rank) == (None, "all-linear", 0)
    assert (found.flash_attention, found.checkpointing) == (False, False)
