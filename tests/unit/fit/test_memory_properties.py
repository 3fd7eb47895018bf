"""Properties of the memory of a workload that hold for any model."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck.fit.memory import total
from llmcheck.fit.shapes import formats, kv_cache, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Memory
from llmcheck.schema.workload import Workload
from tests.unit.fit.test_memory import dense, estimate, per_gpu

shapes = st.builds(
    dense,
    layers=st.integers(4, 96),
    hidden=st.sampled_from([1024, 2048, 4096, 8192]),
    heads=st.sampled_from([16, 32, 64]),
    kv_heads=st.sampled_from([1, 4, 8, 16]),
    head_dim=st.sampled_from([64, 128]),
    inner=st.integers(2048, 30000),
    vocab=st.integers(1000, 256000),
    tied=st.booleans(),
    gated=st.booleans(),
    window=st.sampled_from([None, 128, 4096]),
)
answers = st.builds(
    Workload,
    method=st.just("inference"),
    weights=st.sampled_from([None, "fp32", "fp8", "int8", "nf4", "nf4-dq", "awq", "gptq-4bit", "q4_k_m", "q2_k"]),
    kv_cache=st.sampled_from([None, "fp8", "q8_0", "q4_0"]),
    context=st.integers(1, 200_000),
    prompt=st.one_of(st.none(), st.integers(1, 200_000)),
    batch=st.integers(1, 64),
    runtime=st.sampled_from([None, "transformers", "vllm", "llama.cpp", "tgi", "tensorrt-llm", "sglang", "mlx"]),
    runtime_version=st.sampled_from([None, "4.38.2", "4.46"]),
    flash_attention=st.sampled_from([None, True, False]),
)
lessons = st.builds(
    Workload,
    method=st.sampled_from(["full", "lora", "qlora", "pretrain"]),
    precision=st.sampled_from([None, "bf16", "mixed", "fp32"]),
    optimizer=st.sampled_from([None, "adamw-fused", "adamw-8bit", "paged-adamw-8bit", "adafactor", "sgd", "lion"]),
    context=st.integers(1, 32_768),
    batch=st.integers(1, 32),
    runtime=st.sampled_from([None, "torchtune", "litgpt"]),
    checkpointing=st.sampled_from([None, True, False, "selective"]),
    flash_attention=st.sampled_from([None, False]),
    lora_rank=st.sampled_from([None, 1, 8, 64]),
    lora_targets=st.sampled_from([None, "attention", "all-linear", "qv", "mlp"]),
    sharding=st.sampled_from([None, "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1"]),
    offload=st.sampled_from([None, "optimizer", "all"]),
    compiled=st.sampled_from([None, True]),
    chunked_loss=st.sampled_from([None, True]),
)
anything = st.one_of(answers, lessons)


def components(found: Memory) -> dict[str, int]:
    return {name: getattr(found, name) for name in found.__struct_fields__[:6]}


@given(shapes, anything, st.sampled_from([1, 2, 3, 4, 8, 16]))
@settings(deadline=None)
def test_components_sum_to_the_total(model: Architecture, task: Workload, gpus: int) -> None:
    whole = estimate(model, task, gpus)
    parts = per_gpu(model, task, gpus)
    for found in (whole, *parts):
        # what an allocator only keeps is freed before memory runs out: it is shown, and is no part of the sums
        needed = [t for t in found.terms if t.part != "allocator"]
        assert found.total == sum(components(found).values()) == sum(t.expected for t in needed)
        assert 0 <= found.low <= found.total <= found.high
        assert (found.low, found.high) == (sum(t.low for t in needed), sum(t.high for t in needed))
        assert all(0 <= t.low <= t.expected <= t.high and t.source for t in found.terms)
        for name, size in components(found).items():
            assert size == sum(t.expected for t in needed if t.component == name)
    assert whole.total == sum(part.total for part in parts)


@given(shapes, anything, st.sampled_from([1, 2, 8]))
@settings(deadline=None)
def test_filling_in_open_choices_changes_no_estimate(model: Architecture, task: Workload, gpus: int) -> None:
    assert estimate(model, total.resolved(ModelUse(model, task), gpus), gpus) == estimate(model, task, gpus)


@given(shapes, anything, st.sampled_from(["context", "batch", "lora_rank"]), st.integers(1, 4096), st.integers(1, 4))
@settings(deadline=None)
def test_more_never_needs_less(model: Architecture, task: Workload, what: str, more: int, gpus: int) -> None:
    before = getattr(task, what) or 16
    task = replace(task, **{what: before})
    larger = replace(task, **{what: before + more})
    assert estimate(model, larger, gpus).total >= estimate(model, task, gpus).total


@given(shapes)
@settings(deadline=None)
def test_more_bits_never_need_less(model: Architecture) -> None:
    ladders = (
        ["iq1_s", "iq2_xxs", "iq2_m", "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m",
         "q6_k", "q8_0", "bf16", "fp32"],
        ["gptq-2bit", "gptq-3bit", "gptq-4bit", "gptq-8bit", "bf16", "fp32"],
        ["nf4-dq", "nf4", "int8", "bf16", "fp32"],
    )  # fmt: skip
    wide = replace(model, hidden=4096, intermediate=14336)  # rows that every block size divides
    wide = replace(wide, parameters=dense().parameters, attention=dense().attention, layers=32)
    for ladder in ladders:
        sizes = [weights.stored(wide, formats.weights(name)).total for name in ladder]
        assert sizes == sorted(sizes)
    caches = [kv_cache.size(model, 4096, 1, kind) for kind in ("q4_0", "q8_0", "bf16", "fp32")]
    assert caches == sorted(caches)


@given(shapes, lessons, st.sampled_from(["zero1", "zero2", "zero3", "fsdp", "fsdp1"]), st.integers(2, 32))
@settings(deadline=None)
def test_sharding_over_more_gpus_never_needs_more_of_each(
    model: Architecture, task: Workload, sharding: str, gpus: int
) -> None:
    task = replace(task, sharding=sharding)
    few, many = (max(part.total for part in per_gpu(model, task, count)) for count in (gpus, 2 * gpus))
    assert many <= few + 64  # rounding of each term


@given(shapes, answers, st.integers(2, 16))
@settings(deadline=None)
def test_more_gpus_never_need_more_memory_of_each(model: Architecture, task: Workload, gpus: int) -> None:
    few, many = (max(part.total for part in per_gpu(model, task, count)) for count in (gpus, 2 * gpus))
    assert many <= few + 64


@given(shapes, lessons, st.sampled_from([2, 4, 8]))
@settings(deadline=None)
def test_more_tensor_parallelism_never_needs_more_memory_of_each(
    model: Architecture, task: Workload, parts: int
) -> None:
    few, many = (
        max(part.total for part in per_gpu(model, replace(task, tensor_parallel=count), count))
        for count in (parts, 2 * parts)
    )
    assert many <= few + 64


@given(shapes, anything)
@settings(deadline=None)
def test_one_gpu_never_has_fewer_training_states_than_each_of_two(model: Architecture, task: Workload) -> None:
    task = replace(task, sharding="zero3") if task.method != "inference" else task
    one = estimate(model, task)
    for part in per_gpu(model, task, 2):
        for name in ("weights", "kv_cache", "gradients", "optimizer"):
            assert getattr(part, name) <= getattr(one, name) + 8
