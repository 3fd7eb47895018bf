"""Where single runtimes place a model: shares that servers reserve, Ollama, ExLlama, and what runs on a machine."""

from __future__ import annotations

import pytest

from tests.unit.fit.test_placement import fitted, model


@pytest.mark.parametrize(("runtime", "fraction"), [("lmdeploy", 0.8), ("tensorrt-llm", 0.6)])
def test_the_cache_is_a_share_of_what_the_weights_leave_free(runtime: str, fraction: float) -> None:
    found = fitted("llama-3.1-8b", "RTX 4090", runtime=runtime, context=4096, memory_fraction=fraction)
    (card,) = found.per_gpu
    placed = found.placement
    assert placed is not None
    assert card.free is not None
    assert placed.kv_tokens is not None
    # 128 KiB a token
    assert placed.kv_tokens == pytest.approx(fraction * (card.free - card.memory.weights) / 131_072, rel=0.01)
    less = fitted("llama-3.1-8b", "RTX 4090", runtime=runtime, context=4096, memory_fraction=fraction / 2).placement
    assert less is not None
    assert less.kv_tokens is not None
    assert less.kv_tokens == pytest.approx(placed.kv_tokens / 2, rel=0.01)
    assert any(f"{fraction:.0%} of the memory that is free after the weights" in note for note in found.assumptions)


@pytest.mark.parametrize(
    ("words", "context"),
    [("RTX 3060 12GB", 4096), ("RTX 4090", 32_768), ("2x RTX 4090", 131_072), ("cpu, 64 GB RAM", 4096)],
)
def test_the_default_context_of_ollama_depends_on_gpu_memory(words: str, context: int) -> None:
    found = fitted("llama-3.1-8b", words, runtime="ollama", weights="q4_k_m")
    assert found.workload.context == context
    assert fitted("llama-3.1-8b", words, runtime="ollama", weights="q4_k_m", context=777).workload.context == 777


def test_ollama_needs_as_much_as_llama_cpp() -> None:
    ollama, llama = (
        fitted("gemma-3-27b", "RTX 4090, 64 GB RAM", runtime=name, weights="q4_k_m", context=8192)
        for name in ("ollama", "llama.cpp")
    )
    assert (ollama.memory, ollama.placement, ollama.speed) == (llama.memory, llama.placement, llama.speed)


def test_exl3_weights_are_run_by_exllama() -> None:
    found = fitted("llama-3.1-70b", "2x RTX 4090", weights="exl3-4.0", context=8192)
    assert found.workload.runtime == "exllama"
    assert found.verdict == "fits"
    shapes = model("llama-3.1-70b").parameters
    body = shapes.attention + shapes.mlp + shapes.head
    assert found.memory.weights == pytest.approx(body / 2 + 2 * (shapes.embedding + shapes.other), rel=1e-6)


def test_only_runtimes_that_run_on_the_machine_are_proposed() -> None:
    found = fitted("llama-3.1-70b", "2x RTX 4090", runtime="vllm")
    assert {each.plan.runtime for each in found.released} <= {"llama.cpp", "vllm"}
    mac = fitted("8B", "m3-max 64GB", runtime="transformers")
    assert {each.plan.runtime for each in mac.released} == {"mlx"}  # vLLM has no build for macOS
