"""What a runtime adds to weights and cache, counted by hand for one small model on one GPU, and for whole cards.

The sizes that a runtime is given are round numbers here, so that each summand shows: a token of a layer takes 10 bytes,
a token of cache 100.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.runtimes import GpuMemory, Platform, Runtime
from llmcheck.runtimes.behaviour.interface import CURRENT, version_of
from llmcheck.runtimes.behaviour.launch import options
from llmcheck.schema.architecture import Attention
from llmcheck.schema.estimate import Band, Term
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.units import MIB
from tests.unit.fit.test_memory import dense

HIDDEN, INNER, HEADS, QUERIES, VOCAB, LAYERS = 1024, 4096, 8, 1024, 32_000, 8
MODEL = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=32_000)
TIED = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=32_000, tied=True)


def gpu(**changes: Any) -> GpuMemory:
    """A GPU that holds the whole model and one sequence of 1,000 tokens, of which 600 are the prompt."""
    batch = changes.get("batch", 1)
    sizes: dict[str, Any] = {
        "architecture": MODEL,
        "weights": "bf16",
        "batch": 1,
        "context": 1000,
        "prompt": 600,
        "max_sequences": 256,
        "flash_attention": True,
        "version": CURRENT,
        "layers": 8,
        "tensor": 1,
        "first": True,
        "last": True,
        "attention_width": QUERIES,
        "dense_width": INNER,
        "cache_bytes": lambda tokens, groups: 100.0 * batch * _kept(tokens, groups),
        "layer_bytes": lambda tokens, sequence: 10.0 * tokens + sequence,
    }
    return GpuMemory(**{**sizes, **changes})


def _kept(tokens: int, groups: tuple[Attention, ...]) -> int:
    return sum(tokens if each.window is None else min(tokens, each.window) for each in groups)


def terms(runtime: str, **changes: Any) -> dict[str, Term]:
    return {each.name: each for each in runtimes.named(runtime).memory(gpu(**changes))}


def size(runtime: str, name: str, **changes: Any) -> int:
    found = terms(runtime, **changes)
    return found[name].expected if name in found else 0


# --- PyTorch's operations one by one ---

PROMPT = "tensors of the prompt"


def test_at_the_end_of_a_prompt_its_layer_is_beside_the_cache() -> None:
    """Where the vocabulary is narrow; the cache of the prompt is there, the rest of it is still free."""
    small = dense(vocab=10)
    wide = 10 * 2 * 1000 + 1000
    assert size("transformers", PROMPT, architecture=small, prompt=1000, batch=2) == wide
    long = {"layer_bytes": lambda tokens, _sequence: 1000.0 * tokens}
    assert size("transformers", PROMPT, architecture=small, **long) == 1000 * 600 + 60_000 - 100_000
    # the GPU without the output projection has no logits
    assert size("transformers", PROMPT, prompt=1000, last=False) == 10 * 1000 + 1000


def test_at_the_end_of_an_answer_one_layer_of_the_cache_is_copied() -> None:
    """torch.cat makes a new tensor of keys or of values, one layer at a time: a sixteenth of 8 layers' cache."""
    copied = 100_000 / 8 / 2
    assert size("transformers", PROMPT, prompt=1) == round(copied + 6 * VOCAB)
    assert size("transformers", PROMPT, prompt=1, layers=4) == round(100_000 / 4 / 2 + 6 * VOCAB)
    assert size("transformers", PROMPT, prompt=1, last=False) == round(copied)
    # four sequences, each with its own cache and logits
    assert size("transformers", PROMPT, prompt=1, batch=4) == round(4 * (copied + 6 * VOCAB))
    # a GPU without any layer
    assert size("transformers", PROMPT, prompt=1, layers=0, last=False) == 50_000
    # a run of the prompt alone answers nothing
    assert size("transformers", PROMPT, prompt=1000, context=1000, last=False) == 11 * 1000


def test_transformers_before_4_45_keep_the_logits_of_the_whole_prompt() -> None:
    """In 16 and in 32 bits, with the last hidden state in 16."""
    old, new = (4, 44), (4, 45)
    logits = 600 * (6 * VOCAB + 2 * HIDDEN)
    assert size("transformers", PROMPT, version=old) == logits + 60_000 - 100_000
    assert size("transformers", PROMPT, version=new) == size("transformers", PROMPT)
    two = size("transformers", PROMPT, version=old, batch=2)
    assert two == 2 * (logits + 60_000 - 100_000)
    # accelerate brings the last GPU's logits back to the first, in 32 bits
    assert size("transformers", PROMPT, version=old, last=False) == 600 * 4 * VOCAB + 60_000 - 100_000


def test_transformers_before_4_42_have_the_cache_twice_in_each_step() -> None:
    """The tuple of the old one lives until the new one is whole; a run of the prompt alone has one."""
    assert size("transformers", PROMPT, version=(4, 41), prompt=1) == 100_000 + 6 * VOCAB
    assert size("transformers", PROMPT, version=(4, 42), prompt=1) == 100_000 / 8 / 2 + 6 * VOCAB
    assert size("transformers", PROMPT, version=(4, 41), last=False, first=False) == 100_000
    small = dense(vocab=10)
    alone = size("transformers", PROMPT, version=(4, 35), architecture=small, prompt=1000)
    assert alone == max(11 * 1000, 1000 * (6 * 10 + 2 * small.hidden))


def test_a_static_cache_is_whole_before_the_prompt_and_never_copied() -> None:
    work = Workload(method="inference", static_cache=True)
    assert size("transformers", PROMPT, workload=work, last=False) == 10 * 600 + 600
    assert size("transformers", PROMPT, workload=work, prompt=1) == 6 * VOCAB


def test_transformers_before_4_45_keep_sine_and_cosine_of_each_position() -> None:
    """Two tables in 16 bits, of every layer: 4 bytes a position and element of a head."""
    name, long = "rotary tables", replace(MODEL, context=4096)
    assert size("transformers", name, version=(4, 44), architecture=long) == 4 * 4096 * 128 * LAYERS
    assert size("transformers", name, version=(4, 44), architecture=long, layers=4) == 4 * 4096 * 128 * 4
    assert name not in terms("transformers", version=(4, 44))
    assert name not in terms("transformers", architecture=long)


def test_a_tied_projection_is_there_until_awq_has_loaded() -> None:
    """A second table in 16 bits, where it is more than what answering takes."""
    name = "second copy of the embedding while loading"
    table = 2 * VOCAB * HIDDEN
    peak = 100_000 + size("transformers", PROMPT)
    assert size("transformers", name, architecture=TIED, weights="awq") == table - peak
    assert name not in terms("transformers", architecture=TIED)
    assert name not in terms("transformers", weights="awq")
    assert name not in terms("transformers", architecture=TIED, weights="awq", first=False)
    assert name not in terms("transformers", architecture=TIED, weights="awq", batch=1000)
    assert name not in terms("transformers", architecture=TIED, weights="awq", version=(4, 44))


def test_torch_keeps_workspaces() -> None:
    """cuBLAS takes 8 MiB and more for each stream: 8.125 by default, 32 on Hopper."""
    for runtime in ("transformers", "torchtune", "litgpt", "mlx"):
        found = terms(runtime)["workspace"]
        assert found.low <= 8.125 * MIB <= found.expected <= 32 * MIB
        assert found.high >= 3 * 32 * MIB


def test_what_the_allocator_adds_to_weights_that_are_loaded_one_by_one() -> None:
    """transformers reserves one block for all of them since 4.50."""
    name, rest = "rest of large blocks", {"loading_rest": lambda: 123.0}
    assert size("transformers", name, version=(4, 49), **rest) == 123
    assert name not in terms("transformers", version=(4, 50), **rest)
    assert size("litgpt", name, **rest) == 123
    assert name not in terms("mlx", **rest)


def test_mlx_reads_a_prompt_2048_tokens_at_a_time() -> None:
    wide = {"layer_bytes": lambda tokens, _sequence: 1000.0 * tokens, "context": 10_000, "last": False}
    # a step's layer, its mask in 16 bits over the whole prompt, and the keys of one of 8 layers once more
    assert size("mlx", PROMPT, prompt=10_000, **wide) == 1000 * 2048 + 2 * 2048 * 10_000 + 100 * 10_000 / 16
    assert size("mlx", PROMPT, prompt=600, **wide) == size("transformers", PROMPT, prompt=600, **wide)


def test_how_sure_the_prompt_s_tensors_are() -> None:
    """12 % less and 15 % more than what is counted beside the cache."""
    found = terms("transformers", prompt=1000, last=False)[PROMPT]
    assert (found.low, found.expected, found.high) == (round(0.88 * 11_000), 11_000, round(1.15 * 11_000))


# --- llama.cpp ---

GRAPH = "compute buffer"


@pytest.mark.parametrize("runtime", ["llama.cpp", "ollama"])
@pytest.mark.parametrize(
    ("changes", "rows", "each"),
    [
        # 512 tokens at a time in 32 bits: logits and the last hidden state
        ({}, 512, VOCAB + HIDDEN),
        # a context of fewer tokens is one block of 256
        ({"context": 100}, 256, VOCAB + HIDDEN),
        ({"context": 257}, 512, VOCAB + HIDDEN),
        # two sequences of 100 tokens share it
        ({"context": 100, "batch": 3}, 512, VOCAB + HIDDEN),
        # elsewhere the feed-forward part: four hidden states, gate and up
        ({"last": False, "context": 1024}, 512, 4 * HIDDEN + 2 * INNER),
        # without flash attention the scores of each head and the mask, over the context in blocks
        ({"last": False, "flash_attention": False, "context": 8192}, 512, 8192 * (HEADS + 1) + 4 * HIDDEN),
        ({"last": False, "flash_attention": False, "context": 2049}, 512, 2304 * (HEADS + 1) + 4 * HIDDEN),
        # with it the mask in 16 bits and in 32, and behind that of a long context the feed-forward part, or the logits
        ({"last": False, "context": 65_536}, 512, 65_536 * 1.5 + 4 * HIDDEN + 2 * INNER),
        ({"context": 65_536}, 512, 65_536 * 1.5 + VOCAB + HIDDEN),
    ],
)  # fmt: skip
def test_the_graph_of_llama_cpp(runtime: str, changes: dict[str, Any], rows: int, each: float) -> None:
    assert size(runtime, GRAPH, **changes) == round(4 * rows * each)


def test_the_graph_of_llama_cpp_without_a_context_is_of_one_token() -> None:
    assert size("llama.cpp", GRAPH, context=0) == 4 * (VOCAB + HIDDEN)


def test_the_graph_of_llama_cpp_computes_the_active_experts_at_once() -> None:
    experts = replace(MODEL, experts=8, experts_active=4, expert_intermediate=2048)
    assert size("llama.cpp", GRAPH, architecture=experts, last=False) == 4 * 512 * (4 * HIDDEN + 2 * 4 * 2048)
    few = replace(experts, experts_active=1)
    assert size("llama.cpp", GRAPH, architecture=few, last=False) == 4 * 512 * (4 * HIDDEN + 2 * INNER)
    # a count that is not known is one
    unknown = replace(experts, experts_active=0, expert_intermediate=8192)
    assert size("llama.cpp", GRAPH, architecture=unknown, last=False) == 4 * 512 * (4 * HIDDEN + 2 * 8192)


def cache_terms(model: Any, **changes: Any) -> list[int]:
    add = runtimes.named("llama.cpp").cache_terms
    assert add is not None
    return [each.expected for each in add(gpu(architecture=model, **changes))]


@pytest.mark.parametrize(
    ("window", "context", "more"),
    [
        # window and 512 tokens in blocks of 256: 1,000 + 512 are 1,536
        (1000, 4096, 1536 - 1000),
        (1024, 4096, 512),
        (128, 4096, 768 - 128),
        # and no more than the context
        (1024, 1200, 1200 - 1024),
        (1024, 1025, 1),
        # a window as wide as the context is none
        (1024, 1024, None),
        (4096, 1024, None),
        (None, 4096, None),
    ],
)  # fmt: skip
def test_llama_cpp_keeps_a_micro_batch_beside_a_window(window: int | None, context: int, more: int | None) -> None:
    group = replace(MODEL.attention[0], window=window)
    state = Attention(kind="state", layers=2, state=64, window=16)
    model = replace(MODEL, attention=(group, replace(group, window=None), state))
    assert cache_terms(model, context=context) == ([] if more is None else [100 * more])


# --- versions and options ---


@pytest.mark.parametrize(
    ("text", "version"),
    [(None, CURRENT), ("", CURRENT), ("4", CURRENT), ("4.38", (4, 38)), ("4.38.2", (4, 38)), ("5.0.0.dev1", (5, 0)),
     ("latest", CURRENT), ("b11434", CURRENT)],
)  # fmt: skip
def test_a_version_is_major_and_minor_or_the_current_one(text: str | None, version: tuple[int, ...]) -> None:
    assert version_of(text) == version
    assert version_of(text) <= CURRENT


def test_options_without_a_value_are_left_out() -> None:
    assert options(("--a", 1), ("--b", None), ("--c", 0), ("--d", "x y")) == ("--a", "1", "--c", "0", "--d", "x y")


def test_what_a_new_runtime_does_not_state_is_not_taken_for_granted() -> None:
    """A file that names neither helps nor habits is of the plain kind: its GPUs have a context and exchange by NCCL."""
    given = runtimes.named("vllm")
    plain = Runtime(
        id="plain", version="1", source="nowhere", as_of="2026-01-01", rank=99, cache_formats={}, families=("plain",),
        ladder=("bf16",),
        four_bits="bf16", memory=given.memory, pace=given.pace, launch=given.launch, example=given.example,
    )  # fmt: skip
    assert (plain.gpu_context, plain.collectives, plain.cache_block) == (True, True, 1)
    helps = ("offloads", "computes_in_ram", "counts_gpu_layers", "embedding_in_ram", "tensor_parallel", "trains")
    habits = ("fp8_arithmetic", "pads_mxfp4", "dequantises_group", "needs_gpu", "is_server")
    assert not any(getattr(plain, name) for name in (*helps, *habits))
    trainer = runtimes.Training(loss_bytes=12.0, repeats_grouped_heads=False)
    learnt = ("adapters_in_fp32", "quantised_base_in_fp32", "keeps_fused_qkv", "keeps_dropout_mask")
    assert not any(getattr(trainer, name) for name in learnt)


# --- which runtime people use ---


def test_a_family_is_run_by_the_runtime_that_is_made_for_it_or_usual_on_the_cards() -> None:
    apple, nvidia = Gpu(vendor="apple", name="M3"), Gpu(vendor="nvidia", name="H100")
    for family, gpus, expected in (
        ("gguf", (), "llama.cpp"),
        ("exl3", (), "exllama"),
        ("mlx", (nvidia,), "mlx"),
        ("plain", (), "transformers"),
        ("plain", (nvidia,), "transformers"),
        ("plain", (apple,), "mlx"),
        ("plain", (nvidia, apple), "mlx"),
        # mlx does not read it
        ("bnb-4bit", (apple,), "transformers"),
    ):
        assert runtimes.default_for(family, gpus) == expected
    assert [getattr(runtimes.native_to(each), "id", None) for each in ("gguf", "exl3", "mlx", "plain")] == [
        "llama.cpp", "exllama", "mlx", None,
    ]  # fmt: skip


# --- how fast ---


def test_llama_cpp_reaches_less_of_stacked_memory_and_most_of_apple_s() -> None:
    """llama-bench on Llama 3 8B in 4.7 GB: 150 tokens/s of an RTX 4090's 214, 144 of an H100's 713."""
    pace = runtimes.named("llama.cpp").pace
    for plain in ("RTX 4090", "RTX 3090", "L40S", "Radeon RX 7900 XTX", None):
        assert pace([Gpu(vendor="nvidia", name=plain)]).bandwidth_share.expected > 0.8
    for stacked in ("H100 SXM5 80GB", "A100-SXM4-40GB", "Tesla V100", "GH200", "B200", "Instinct MI300X", "A30"):
        found = pace([Gpu(vendor="nvidia", name=stacked), Gpu(vendor="nvidia", name="RTX 4090")])
        assert found.bandwidth_share.expected < 0.6
    apple = pace([Gpu(vendor="apple", name="M3 Max")])
    # Llama 2 7B in F16 on an M2 Ultra: 41 tokens/s of 800 GB/s
    assert apple.bandwidth_share.low <= 41 * 13.5e9 / 800e9 <= apple.bandwidth_share.high
    assert apple != pace([])
    assert pace([]) == pace([Gpu(vendor="nvidia", name="RTX 4090")])


@pytest.mark.parametrize("runtime", runtimes.ids())
def test_a_layer_waits_for_launches_of_20_microseconds_to_a_millisecond(runtime: str) -> None:
    """A kernel's launch takes about 5 microseconds, and a layer has ten of them and more unless a graph holds them."""
    for vendor, name in (("nvidia", "RTX 4090"), ("nvidia", "H100"), ("apple", "M3 Max")):
        found = runtimes.named(runtime).pace([Gpu(vendor=vendor, name=name)])
        launching: Band = found.layer_overhead
        assert 5e-6 <= launching.high <= launching.expected <= launching.low <= 1e-3
        assert launching.expected >= 20e-6
        # sums in 16 bits may run at more than the published rate with sums in 32
        assert 0 < found.flops_share.low <= found.flops_share.expected <= found.flops_share.high <= 1.2
        assert 1 <= found.experts_factor <= 4


def test_a_platform_that_names_no_limit_has_none() -> None:
    platform = Platform(vendor="nvidia")
    assert (platform.min_compute_capability, platform.gfx) == (None, ())
