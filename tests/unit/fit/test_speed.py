"""Speed against published runs and tables, and properties that hold for any model and card."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog, runtimes
from llmcheck.api.model_source import known_model
from llmcheck.fit.shapes import typical
from llmcheck.fit.speed import speed
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Band, Speed
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.units import two_digits
from llmcheck.whatif import parse

SPECS = catalog.gpu_specs()


def gpus(words: str) -> tuple[Gpu, ...]:
    return parse.machine(words, SPECS).machine.gpus or ()


def model(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def answers(name: str, words: str, **values: Any) -> Band:
    work = Workload(method="inference", **{"context": 256, **values})
    found = speed(ModelUse(model(name), work), gpus(words))[0].decode
    assert found is not None
    return found


_DIVIDED = {"tensor_parallel": 4, "pipeline_parallel": 12, "batch": 2, "context": 2048}


@pytest.mark.parametrize(
    ("name", "cards", "hours", "tokens", "values"),
    [  # GPU hours of pre-training and its tokens
        # Llama 2, arXiv 2307.09288, table 2: A100 80 GB
        ("llama-2-7b", "512x A100-SXM4-80GB", 184_320, 2e12, {}),
        ("llama-2-13b", "512x A100-SXM4-80GB", 368_640, 2e12, {}),
        ("llama-2-70b", "2048x A100-SXM4-80GB", 1_720_320, 2e12, {}),
        # LLaMA, arXiv 2302.13971, table 15: A100 80 GB
        ("llama-65b", "2048x A100-SXM4-80GB", 1_022_362, 1.4e12, {}),
        # BLOOM, arXiv 2211.05100: 1,082,990 hours on 384 A100 80 GB, in 12 stages of 4
        ("bloom-176b", "384x A100-SXM4-80GB", 1_082_990, 366e9, _DIVIDED),
        # Llama 3.1's model card: H100 80 GB; 405B on 15.6T tokens (arXiv 2407.21783)
        ("llama-3.1-405b", "4096x H100 SXM", 30_840_000, 15.6e12, {}),
    ],
)
def test_published_runs_are_inside_the_band(
    name: str, cards: str, hours: float, tokens: float, values: dict[str, Any]
) -> None:
    used = gpus(cards)
    work = Workload(method="pretrain", tokens=tokens, runtime="torchtitan", **{"context": 4096, **values})
    days = speed(ModelUse(model(name), work), used)[0].days
    assert days is not None
    published = hours / len(used) / 24
    assert days.low <= published <= days.high
    assert days.expected == pytest.approx(published, rel=0.35)


@pytest.mark.parametrize(
    ("words", "weights", "tokens"),
    [  # Llama 2 7B, tokens per second: llama.cpp, "Performance of llama.cpp on Apple Silicon M-series", discussion 4167
        ("M1 Pro 32GB", "fp16", 12.75), ("M1 Pro 32GB", "q8_0", 22.34), ("M1 Pro 32GB", "q4_0", 36.41),
        ("M1 Max 64GB", "fp16", 23.03), ("M1 Max 64GB", "q8_0", 40.20), ("M1 Max 64GB", "q4_0", 61.19),
        ("M2 Ultra 192GB", "fp16", 41.02), ("M2 Ultra 192GB", "q8_0", 66.64), ("M2 Ultra 192GB", "q4_0", 94.27),
        ("M3 Max 64GB", "fp16", 25.09), ("M3 Max 64GB", "q8_0", 42.75), ("M3 Max 64GB", "q4_0", 66.31),
        ("M4 Max 128GB", "fp16", 31.64), ("M4 Max 128GB", "q8_0", 54.05), ("M4 Max 128GB", "q4_0", 83.06),
    ],
)  # fmt: skip
def test_llama_cpp_on_apple_silicon_is_inside_the_band(words: str, weights: str, tokens: float) -> None:
    found = answers("llama-2-7b", words, weights=weights, runtime="llama.cpp")
    assert found.low <= tokens <= found.high
    assert found.expected == pytest.approx(tokens, rel=0.35)


@pytest.mark.parametrize(
    ("name", "words", "weights", "tokens", "prompt"),
    [  # Llama 3, answers (tg 512) and prompts (pp 1024), tokens per second, May 2024:
        # github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference
        ("8b", "RTX 3070", "q4_k_m", 72.79, 2283.62), ("8b", "RTX 4070 Ti", "q4_k_m", 83.50, 3653.07),
        ("8b", "RTX 3090", "q4_k_m", 115.42, 3865.39), ("8b", "RTX 3090", "f16", 47.40, 4239.64),
        ("8b", "RTX 4090", "q4_k_m", 130.58, 6898.71), ("8b", "RTX 4090", "f16", 54.84, 9056.26),
        ("70b", "2x RTX 3090", "q4_k_m", 16.57, 393.89), ("70b", "2x RTX 4090", "q4_k_m", 19.22, 905.38),
        ("8b", "L40S", "q4_k_m", 113.60, None), ("70b", "L40S", "q4_k_m", 15.31, None),
        ("8b", "A100-PCIE-80GB", "q4_k_m", 138.31, None), ("70b", "A100-PCIE-80GB", "q4_k_m", 22.11, None),
        ("8b", "M2 Ultra 192GB", "f16", 36.90, None), ("70b", "M3 Max 64GB", "q4_k_m", 7.65, None),
    ],
)  # fmt: skip
def test_llama_bench_is_inside_the_band(
    name: str, words: str, weights: str, tokens: float, prompt: float | None
) -> None:
    work = Workload(
        method="inference", runtime="llama.cpp", runtime_version="24.5", weights=weights, context=512, prompt=512,
        flash_attention=False,
    )  # fmt: skip
    found = speed(ModelUse(model(f"llama-3.1-{name}"), work), gpus(words))[0]
    assert found.decode is not None
    assert found.decode.low <= tokens <= found.decode.high
    assert found.decode.expected == pytest.approx(tokens, rel=0.15)
    if prompt is not None:
        assert found.prefill is not None
        assert found.prefill.expected == pytest.approx(prompt, rel=0.3)


def test_routed_experts_have_no_extra_overhead_in_current_llama_cpp() -> None:
    # llama.cpp, pull request 16991 (2025): gpt-oss-20b, tg128
    found = answers("gpt-oss-20b", "RTX PRO 6000 Blackwell", runtime="llama.cpp")
    assert found.low <= 391 <= found.high
    for words in ("RTX 4090", "H100 SXM", "m3-max 64GB"):
        assert runtimes.named("llama.cpp").pace(gpus(words)).experts_factor == 1


@pytest.mark.parametrize(
    ("name", "tokens"),
    [  # Qwen2.5's speed benchmark: transformers, bf16, one A100 80 GB, input of one token
        ("qwen2.5-0.5b", 47.40), ("qwen2.5-1.5b", 39.68), ("qwen2.5-7b", 40.38), ("qwen2.5-14b", 24.74),
        ("qwen2.5-32b", 17.54),
    ],
)  # fmt: skip
def test_transformers_on_an_a100_is_inside_the_band(name: str, tokens: float) -> None:
    found = answers(name, "A100-SXM4-80GB", runtime="transformers")
    assert found.low <= tokens <= found.high


def test_a_rate_without_published_figures_is_none_with_a_reason() -> None:
    unknown = Gpu(vendor="nvidia", name="NVIDIA FutureCard", memory_total=2**37)
    for method in ("inference", "full"):
        found, notes = speed(ModelUse(model("llama-3.1-8b"), Workload(method=method)), [unknown])
        assert found == Speed()
        assert any("NVIDIA FutureCard" in note for note in notes)
    without_tokens, _ = speed(ModelUse(model("llama-3.1-8b"), Workload(method="full")), gpus("A100-SXM4-80GB"))
    assert without_tokens.train is not None
    assert without_tokens.days is None


def test_co2_needs_a_carbon_intensity() -> None:
    work = Workload(method="pretrain", tokens=1e12, context=4096)
    plain, _ = speed(ModelUse(model("llama-3.1-8b"), work), gpus("8x H100 SXM"))
    green, _ = speed(ModelUse(model("llama-3.1-8b"), work), gpus("8x H100 SXM"), carbon_intensity_g_per_kwh=400)
    assert plain.co2_kg is None
    assert plain.energy_kwh is not None
    assert green.co2_kg is not None
    assert green.co2_kg.expected == pytest.approx(plain.energy_kwh.expected * 0.4)
    # at most 8 cards of 700 W for those days, with the rest of the machine
    assert plain.days is not None
    assert plain.energy_kwh.high <= 8 * 0.7 * 24 * plain.days.high * 1.6 * 1.001


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.034, "0.034"), (4.26, "4.3"), (55.2, "55"), (123, "120"), (1687, "1,700")]
)
def test_an_estimate_has_two_digits(value: float, text: str) -> None:
    assert two_digits(value) == text


# --- for any model ---

SIZES = st.sampled_from(["0.5B", "1B", "7B", "13B", "70B", "405B"])
CARDS = st.sampled_from(["RTX 3060", "RTX 4090", "A100-SXM4-80GB", "H100 SXM", "MI300X", "m3-max 64GB"])
RUNTIMES = st.sampled_from(["transformers", "vllm", "llama.cpp"])


def ordered(rate: Band | None) -> bool:
    return rate is None or (0 < rate.low <= rate.expected <= rate.high < math.inf)


@settings(deadline=None, max_examples=80)
@given(SIZES, CARDS, RUNTIMES, st.integers(1, 100_000), st.integers(0, 10**11))
def test_bands_are_ordered_and_offload_is_never_faster(
    size: str, card: str, runtime: Any, context: int, offloaded: int
) -> None:
    shapes = typical.architecture(size)
    work = Workload(method="inference", runtime=runtime, context=context)
    found, _ = speed(ModelUse(shapes, work), gpus(card))
    slower, _ = speed(ModelUse(shapes, work), gpus(card), offloaded_bytes=offloaded)
    assert ordered(found.decode)
    assert ordered(found.prefill)
    assert found.decode is not None
    assert slower.decode is not None
    # no machine has a fast link and slow memory
    assert slower.decode.expected <= found.decode.expected * 1.001


@settings(deadline=None, max_examples=60)
@given(SIZES, CARDS, RUNTIMES, st.integers(1, 50_000))
def test_reading_more_bytes_is_never_faster(size: str, card: str, runtime: Any, context: int) -> None:
    shapes, cards = typical.architecture(size), gpus(card)

    def rate(**values: Any) -> float:
        found = speed(
            ModelUse(shapes, Workload(method="inference", runtime=runtime, **{"context": context, **values})), cards
        )
        assert found[0].decode is not None
        return found[0].decode.expected

    assert rate(context=2 * context) <= rate() * 1.0001
    assert rate(weights="bf16") <= rate(weights="q8_0") * 1.0001 <= rate(weights="q4_k_m") * 1.0002


@settings(deadline=None, max_examples=60)
@given(SIZES, st.sampled_from(["full", "lora", "qlora", "pretrain"]), st.integers(1, 64), st.integers(1, 8192))
def test_more_cards_are_never_slower_and_offload_never_faster(size: str, method: Any, count: int, context: int) -> None:
    shapes = typical.architecture(size)
    work = Workload(method=method, context=context, tokens=1e9)
    one = speed(ModelUse(shapes, work), gpus(f"{count}x H100 SXM"))[0]
    two = speed(ModelUse(shapes, work), gpus(f"{2 * count}x H100 SXM"))[0]
    off = speed(ModelUse(shapes, replace(work, offload="all")), gpus(f"{count}x H100 SXM"))[0]
    assert one.train is not None
    assert two.train is not None
    assert off.train is not None
    assert all(map(ordered, (one.train, one.days, one.energy_kwh)))
    assert two.train.expected >= one.train.expected
    assert off.train.expected < one.train.expected
