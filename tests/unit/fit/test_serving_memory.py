"""What servers, llama.cpp and MLX take beyond weights and shapes: as their logs show, and by hand for small models."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.api.model_source import known_model
from llmcheck.fit.memory import inference, total
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.total import per_gpu
from llmcheck.fit.plans import plans
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture, Attention
from llmcheck.schema.estimate import Memory
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB
from tests.unit.fit.test_memory import dense
from tests.unit.fit.test_placement import machine


def model(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def on_one(shapes: Architecture | str, gpus: int = 1, **options: Any) -> Memory:
    use = ModelUse(model(shapes) if isinstance(shapes, str) else shapes, Workload(method="inference", **options))
    return per_gpu(use, gpus, cached=False)[0]


def cached(found: Memory) -> int:
    """Bytes of keys, values and states, and of what the runtime adds to them."""
    return sum(each.expected for each in found.terms if each.part in {"cache", "state"})


def size(found: Memory, name: str) -> int:
    return sum(each.expected for each in found.terms if each.name == name)


# --- as logs show ---


def test_llama_cpp_keeps_recurrent_states_in_32_bits() -> None:
    """Its log for Qwen3.5-27B and three sequences: 448.9 MiB of recurrent states."""
    found = on_one("qwen3.5-27b", runtime="llama.cpp", weights="q4_k_m", context=4096, batch=3)
    assert size(found, "recurrent states") == pytest.approx(448.9 * MIB, rel=0.001)
    # a format for the cache is one for keys and values
    small = on_one("qwen3.5-27b", runtime="llama.cpp", weights="q4_k_m", context=4096, batch=3, kv_cache="q4_0")
    assert size(small, "recurrent states") == size(found, "recurrent states")


def test_vllm_asks_for_windows_with_the_tokens_of_one_step() -> None:
    """Its message for Gemma-4-26B on an RTX 3090: 5.98 GiB for one sequence of 262,144 tokens."""
    found = on_one("gemma-4-26b-a4b", runtime="vllm", weights="awq", context=262_144)
    assert cached(found) == pytest.approx(5.98 * GIB, rel=0.002)
    wider = on_one("gemma-4-26b-a4b", runtime="vllm", weights="awq", context=262_144, max_batched_tokens=8192)
    # 4,096 more tokens of 8 KiB in 25 layers
    assert cached(wider) - cached(found) == 25 * 4096 * 8192


def test_mlx_reads_a_long_prompt_in_steps() -> None:
    """8.49 GiB at the peak of Mistral-7B-v0.3 in 4 bits with a prompt of 33,898 tokens on an M2 Ultra."""
    found = on_one("mistral-7b-v0.3", runtime="mlx", weights="mlx-4bit", context=33_998, prompt=33_898)
    assert sum(each.expected for each in found.terms) == pytest.approx(8.49 * GIB, rel=0.02)


def test_the_profile_run_of_a_model_that_sees_holds_an_image() -> None:
    """Qwen2.5-VL-72B on four A100: 2.51 GiB, of which the sampler of 256 sequences is 1.38."""
    options: dict[str, Any] = {"runtime": "vllm", "weights": "bf16", "context": 8192, "tensor_parallel": 4}
    assert size(on_one("qwen2.5-vl-72b", 4, **options), "profile run") == pytest.approx(2.51 * GIB, rel=0.08)
    blind = size(on_one("qwen2.5-vl-72b", 4, **options, images=False), "profile run")
    assert blind == pytest.approx(1.38 * GIB, rel=0.06)
    assert size(on_one("qwen2.5-vl-72b", 4, **options, images=False), "vision tower") == 0


def test_states_have_pages_of_the_cache() -> None:
    """vLLM's log for Qwen3.5-4B on two GPUs: blocks of 528 tokens, pages of 1,081,344 bytes."""
    options: dict[str, Any] = {"runtime": "vllm", "context": 528, "images": False}
    found = on_one("qwen3.5-4b", 2, **options, prefix_caching=False)
    states = sum(each.expected for each in found.terms if each.part == "state")
    assert states == 24 * 1_081_344
    assert sum(each.expected for each in found.terms if each.part == "cache") == 8 * 1_081_344
    # prefix caching keeps a second state, and each proposed token a further one
    for more, copies in (({}, 2), ({"speculative": "mtp"}, 3), ({"speculative": "mtp", "speculative_tokens": 3}, 5)):
        again = on_one("qwen3.5-4b", 2, **options, **more)
        assert sum(each.expected for each in again.terms if each.part == "state") == copies * 24 * 1_081_344


# --- by hand: 4 full and 12 windowed layers, of 2 cached heads of 64: 512 bytes a token and layer ---

FULL = Attention(kind="attention", layers=4, heads=8, kv_heads=2, head_dim=64)
MIXED = replace(
    dense(layers=16, hidden=512, heads=8, kv_heads=2, head_dim=64, inner=1024, vocab=1000),
    attention=(FULL, replace(FULL, layers=12, window=128)),
)
TOKEN = 2 * 2 * 64 * 2


def test_vllm_fills_up_groups_of_layers() -> None:
    """13 windowed layers beside 4 are four groups of 4, of which one is mostly empty."""
    odd = replace(MIXED, attention=(FULL, replace(FULL, layers=13, window=128)))
    step: dict[str, Any] = {"runtime": "vllm", "context": 4096, "max_batched_tokens": 1024}
    pages = -(-(127 + 1024) // 16) + 1
    assert cached(on_one(MIXED, **step)) == TOKEN * (4 * 4096 + 12 * 16 * pages)
    assert cached(on_one(odd, **step)) == TOKEN * (4 * 4096 + 16 * 16 * pages)


def test_an_old_vllm_caches_the_whole_context_in_windows_too() -> None:
    found = on_one(MIXED, runtime="vllm", context=4096, runtime_version="0.9.1")
    assert cached(found) == pytest.approx(TOKEN * 16 * 4096, rel=0.01)


def test_sglang_has_a_pool_for_windows() -> None:
    found = on_one(MIXED, runtime="sglang", context=4096)
    assert cached(found) == pytest.approx(TOKEN * (4 * 4096 + 12 * 0.8 * 4096), rel=0.001)


@pytest.mark.parametrize(
    ("options", "cells"),
    [
        # window and micro-batch in blocks of 256: 128 + 512 are 768
        ({}, 4 * 4096 + 12 * 768),
        ({"ubatch": 2048}, 4 * 4096 + 12 * 2304),
        ({"swa_full": True}, 16 * 4096),
        # three sequences, each with its own
        ({"batch": 3}, 3 * (4 * 4096 + 12 * 768)),
        # or all in one, with three windows
        ({"batch": 3, "kv_unified": True}, 4 * 4096 + 12 * 1024),
    ],
)
def test_llama_cpp_s_cache(options: dict[str, Any], cells: int) -> None:
    assert cached(on_one(MIXED, runtime="llama.cpp", weights="bf16", context=4096, **options)) == cells * TOKEN


def test_keys_and_values_of_different_types() -> None:
    plain = replace(MIXED, attention=(FULL,))
    of: dict[str, Any] = {"runtime": "llama.cpp", "weights": "bf16", "context": 4096}
    found = on_one(plain, **of, kv_cache="q8_0", kv_cache_values="q4_0")
    assert cached(found) == 4 * 4096 * 128 * (8.5 + 4.5) / 8
    assert cached(on_one(plain, **of, kv_cache_values="q8_0")) == 4 * 4096 * 128 * (16 + 8.5) / 8


def test_the_micro_batch_decides_the_compute_buffer() -> None:
    of: dict[str, Any] = {"runtime": "llama.cpp", "weights": "q4_k_m", "context": 8192}
    usual = on_one("llama-3.1-8b", **of)
    four = on_one("llama-3.1-8b", **of, ubatch=2048)
    assert size(four, "compute buffer") == pytest.approx(4 * size(usual, "compute buffer"), rel=0.01)


@pytest.mark.parametrize(
    ("name", "mib"),
    # llama.cpp's log at 262,144 tokens with flash attention, micro-batches of 512
    [("qwen3.5-4b", 1330), ("qwen3.5-9b", 1336), ("qwen3.5-27b", 1360)],
)
def test_the_compute_buffer_of_a_long_context_holds_masks_and_logits(name: str, mib: int) -> None:
    found = on_one(name, runtime="llama.cpp", weights="q4_k_m", context=262_144)
    assert size(found, "compute buffer") == pytest.approx(mib * MIB, rel=0.08)


def test_matrices_that_llama_cpp_divides() -> None:
    use = ModelUse(model("llama-3.1-8b"), Workload(method="inference", runtime="llama.cpp", weights="q8_0"))
    layers, tensor = total.gpu_parts(use, 2), total.gpu_parts(use.changed(split_mode="tensor"), 2)
    assert [each.layers for each in layers] == [0.5, 0.5]
    assert [(each.layers, each.tensor) for each in tensor] == [(1, 2), (1, 2)]


# --- what proposes tokens, and adapters ---


def test_further_layers_are_loaded_where_they_propose_tokens() -> None:
    shapes = model("qwen3.5-27b")
    found = on_one(shapes, runtime="vllm", speculative="mtp", weights="bf16")
    assert size(found, "layers that propose tokens") == 2 * shapes.predictor > 0
    assert size(on_one(shapes, runtime="vllm", weights="bf16"), "layers that propose tokens") == 0
    # keys and values of one layer: 4 heads of 256
    assert size(found, "cache of proposed tokens") == 8192 * 2 * 4 * 256 * 2


def test_a_head_of_eagle_3_is_about_as_large_as_published() -> None:
    """yuhuili/EAGLE3-LLaMA3.1-Instruct-8B: 0.85 GB (a layer, a matrix of 3 x 4096 and 32,000 rows)."""
    found = on_one("llama-3.1-8b", runtime="vllm", speculative="eagle3", weights="bf16")
    assert size(found, "head that proposes tokens") == pytest.approx(0.85e9, rel=0.05)
    older = on_one("llama-3.1-8b", runtime="vllm", speculative="eagle", weights="bf16")
    assert size(older, "head that proposes tokens") < size(found, "head that proposes tokens")


def test_a_second_model_is_there_with_its_cache() -> None:
    draft = model("qwen3-0.6b")
    work = Workload(method="inference", runtime="vllm", weights="bf16", speculative="qwen3-0.6b")
    alone = ModelUse(model("qwen3-32b"), replace(work, speculative=None))
    both = per_gpu(ModelUse(model("qwen3-32b"), work, draft), cached=False)[0].total
    more = both - per_gpu(alone, cached=False)[0].total
    assert more == pytest.approx(2 * draft.parameters.total + 8192 * 28 * 2 * 8 * 128 * 2, rel=0.001)
    assert ModelUse(model("qwen3-32b"), work, draft).changed(context=64).draft is draft


def test_slots_of_adapters_are_there_whether_filled_or_not() -> None:
    one = size(on_one("llama-3.1-8b", runtime="vllm", lora_slots=1, lora_rank=64), "slots of adapters")
    # rank 64 on all matrices of Llama 3.1 8B: 167.8 million weights (PEFT prints 167,772,160)
    assert one == 2 * 167_772_160
    assert size(on_one("llama-3.1-8b", runtime="vllm", lora_slots=4, lora_rank=64), "slots of adapters") == 4 * one
    assert size(on_one("llama-3.1-8b", runtime="vllm", lora_slots=1), "slots of adapters") == one / 4


def test_the_cache_of_a_use_is_as_its_runtime_stores_it() -> None:
    use = ModelUse(model("qwen3.5-27b"), Workload(method="inference", runtime="llama.cpp", context=4096, batch=3))
    part = GpuPart()
    assert inference.cache_size(use) == inference.cache_on_gpu(use, use.architecture.attention, 4096, part)
    assert inference.cache_size(use, 0) == pytest.approx(448.9 * MIB, rel=0.001)


# --- experts in RAM ---


def test_experts_lie_in_ram_and_all_else_on_a_small_card() -> None:
    """25.6 tokens/s were measured of gpt-oss-120b on an RTX 3060 Ti with its experts in RAM (--n-cpu-moe)."""
    work = Workload(method="inference", runtime="llama.cpp", weights="mxfp4", context=131_072)
    best = plans(ModelUse(model("gpt-oss-120b"), work), machine("RTX 3060 Ti, 96 GB RAM"))[0].placed
    assert best.verdict == "fits-with-offload"
    assert best.placement is not None
    assert (best.placement.expert_layers_in_ram, best.placement.gpu_layers) == (36, 37)
    assert best.expert_bytes_in_ram == pytest.approx(56.7 * GIB, rel=0.01)


def test_dense_tensors_of_a_large_sparse_model_lie_on_the_card() -> None:
    work = Workload(method="inference", weights="q4_k_m")
    best = plans(ModelUse(model("qwen3-235b-a22b"), work), machine("RTX 4090, 192 GB RAM"))[0].placed
    assert best.placement is not None
    assert best.placement.gpu_layers == 95
    assert (best.placement.expert_layers_in_ram or 0) > 70


def test_the_file_in_mxfp4_has_other_tensors_in_8_bits() -> None:
    """ggml-org/gpt-oss-120b-GGUF: 63.39 GB in three files."""
    use = ModelUse(model("gpt-oss-120b"), Workload(method="inference", runtime="llama.cpp", weights="mxfp4"))
    assert use.stored.total == pytest.approx(63.39e9, rel=0.005)
    assert use.changed(runtime="vllm").stored.total > 1.02 * use.stored.total
