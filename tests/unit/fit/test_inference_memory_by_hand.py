"""Memory on each GPU while a model answers, computed by hand for one small model: its parts of weights and cache, and
what quantised matrices and several GPUs add.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.fit.memory.inference import gpu_memory, peak_layer_bytes
from llmcheck.fit.memory.terms import GpuPart, summed
from llmcheck.fit.memory.total import gpu_parts, of_part, per_gpu, resolved, with_ram
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture, Attention, TensorGroup
from llmcheck.schema.estimate import Memory, Term
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB
from tests.unit.fit.test_memory import dense

LAYERS, HIDDEN, QUERIES, KEYS, INNER, HEADS, VOCAB, TOKENS = 8, 1024, 1024, 256, 4096, 8, 32_000, 1024
SHAPES: dict[str, Any] = {
    "layers": 8, "hidden": 1024, "heads": 8, "kv_heads": 2, "head_dim": 128, "inner": 4096, "vocab": 32_000
}  # fmt: skip
MODEL = dense(**SHAPES)
TIED = dense(**SHAPES, tied=True)
TABLE = 2 * VOCAB * HIDDEN
"""Bytes of the embedding in bf16, and of the output projection."""
BLOCKS = 2 * MODEL.parameters.total - 2 * TABLE
CACHE = 2 * LAYERS * KEYS * 2 * TOKENS
"""Keys and values in 16 bits."""


def serve(**options: Any) -> Workload:
    return Workload(**{"method": "inference", "context": TOKENS, **options})


def on_gpus(work: Workload, gpus: int = 1, model: Architecture = MODEL) -> tuple[Memory, ...]:
    return per_gpu(ModelUse(model, work), gpus)


def named(found: Memory, name: str) -> Term:
    return next(each for each in found.terms if each.name == name)


def size(found: Memory, name: str) -> int:
    """Bytes of this term; 0 where there is none."""
    return sum(each.expected for each in found.terms if each.name == name)


# --- weights ---


def test_the_first_gpu_has_the_embedding_and_the_last_the_output_projection() -> None:
    first, middle, last = on_gpus(serve(), 3)
    # 8 blocks over three GPUs: 3, 3 and 2
    assert first.weights == 3 / 8 * BLOCKS + TABLE
    assert middle.weights == 3 / 8 * BLOCKS
    assert last.weights == 2 / 8 * BLOCKS + TABLE
    assert size(first, "embedding") == size(last, "output projection") == TABLE
    assert size(first, "output projection") == size(last, "embedding") == 0


def test_a_tied_embedding_is_on_the_first_gpu_or_if_it_is_also_in_ram_on_the_last() -> None:
    """accelerate computes the output on the first GPU, llama.cpp on the last."""
    name = "embedding, also the output projection"
    first, last = on_gpus(serve(), 2, TIED)
    assert (size(first, name), size(last, name)) == (TABLE, 0)
    first, last = on_gpus(serve(runtime="llama.cpp", weights="bf16"), 2, TIED)
    assert (size(first, name), size(last, name)) == (0, TABLE)
    # in training both stages have it, and their gradients are summed
    first, last = on_gpus(Workload(method="full", precision="bf16", context=64, pipeline_parallel=2), 2, TIED)
    assert (size(first, name), size(last, name)) == (TABLE, TABLE)


def test_training_has_the_embedding_on_the_gpu_even_where_inference_has_it_in_ram() -> None:
    found = on_gpus(Workload(method="full", precision="bf16", context=64, runtime="llama.cpp"))[0]
    assert size(found, "embedding") == TABLE


def test_an_image_encoder_is_on_the_first_gpu() -> None:
    seeing = replace(MODEL, parameters=replace(MODEL.parameters, vision=1000))
    first, last = on_gpus(serve(), 2, seeing)
    assert (size(first, "vision tower"), size(last, "vision tower")) == (2000, 0)
    assert size(on_gpus(serve(runtime="vllm"), 2, seeing)[0], "vision tower") == 1000


def test_servers_split_every_matrix() -> None:
    for found in on_gpus(serve(runtime="vllm"), 2):
        assert found.weights == BLOCKS / 2 + TABLE


@pytest.mark.parametrize(
    ("model", "weights", "below", "above"),
    [
        # from shapes only: padding and small tensors are unknown
        (MODEL, "bf16", 0.005, 0.005),
        # GGUF: quantisers differ in the type that they choose for a matrix
        (MODEL, "q8_0", 0.01, 0.01),
        # typical shapes for a size
        (replace(MODEL, estimated=True), "bf16", 0.06, 0.06),
        # until 2024 wide matrices had three bits
        (MODEL, "q2_k", 0.01, 0.16),
    ],
)
def test_the_band_of_the_size_of_weights(model: Architecture, weights: str, below: float, above: float) -> None:
    found = on_gpus(serve(weights=weights, runtime="transformers" if weights == "bf16" else "llama.cpp"), model=model)
    term = named(found[0], "blocks")
    assert term.low == pytest.approx(term.expected * (1 - below), abs=1)
    assert term.high == pytest.approx(term.expected * (1 + above), abs=1)


def test_bytes_that_a_file_states_are_exact() -> None:
    tensors = (
        TensorGroup(part="embedding", layer=None, type="Q2_K", elements=1000, bytes=336),
        TensorGroup(part="layer", layer=0, type="Q2_K", elements=90_000, bytes=30_240),
    )
    for name in ("q2_k", "q4_k_m"):
        file = replace(TIED, tensors=tensors, dtype=name, estimated=True)
        found = summed(on_gpus(serve(runtime="llama.cpp"), model=file))
        terms = [each for each in found.terms if each.component == "weights"]
        assert terms
        for term in terms:
            assert term.low == term.expected == term.high
            assert "header" in term.source
    assert "header" not in named(on_gpus(serve())[0], "blocks").source


def test_llama_cpp_keeps_the_embedding_of_an_untied_model_in_ram() -> None:
    use = ModelUse(MODEL, serve(runtime="llama.cpp", weights="bf16"))
    parts = per_gpu(use)
    assert parts[0].weights == BLOCKS + TABLE
    assert size(with_ram(use, parts), "embedding, in RAM") == TABLE
    # without a projection of its own, though the file does not say that it is tied
    quiet = ModelUse(replace(TIED, tied=False), use.workload)
    assert size(with_ram(quiet, per_gpu(quiet)), "embedding, in RAM") == 0


def test_a_share_of_one_gpu_is_computed_for_that_gpu() -> None:
    found = of_part(ModelUse(MODEL, serve()), GpuPart(layers=0.25, first=False, last=False))
    assert (found.weights, found.kv_cache) == (BLOCKS / 4, CACHE / 4)
    trained = of_part(ModelUse(MODEL, Workload(method="full", precision="bf16", context=64)), GpuPart(layers=0.25))
    assert trained.gradients == pytest.approx(BLOCKS / 4 + 2 * TABLE)


# --- cache ---


def test_the_cache_is_split_over_at_most_as_many_gpus_as_heads() -> None:
    assert [part.kv_cache for part in on_gpus(serve(), 3)] == [CACHE * 3 / 8, CACHE * 3 / 8, CACHE * 2 / 8]
    # two cached heads over four GPUs: each head is on two of them
    for found in on_gpus(serve(runtime="vllm"), 4):
        assert (found.kv_cache, size(found, "copies of the cache")) == (CACHE / 4, CACHE / 4)
    for found in on_gpus(serve(runtime="vllm"), 2):
        assert (found.kv_cache, size(found, "copies of the cache")) == (CACHE / 2, 0)


def test_a_latent_is_on_every_gpu_and_a_state_is_divided() -> None:
    latent = replace(MODEL, attention=(Attention(kind="mla", layers=8, heads=8, kv_heads=8, latent=576),))
    one = on_gpus(serve(), model=latent)[0].kv_cache
    for found in on_gpus(serve(runtime="vllm"), 4, latent):
        assert found.kv_cache + size(found, "copies of the cache") == one
    state = replace(MODEL, attention=(Attention(kind="state", layers=8, state=4096),))
    one = on_gpus(serve(), model=state)[0].kv_cache
    for found in on_gpus(serve(runtime="vllm"), 4, state):
        assert found.kv_cache == one / 4


@pytest.mark.parametrize(
    ("runtime", "tokens", "padding"),
    [("vllm", 1000, 8), ("vllm", 1008, 0), ("vllm", 1, 15), ("llama.cpp", 1000, 24), ("transformers", 1001, 0)],
)
def test_a_cache_consists_of_whole_blocks(runtime: str, tokens: int, padding: int) -> None:
    """A block is 16 tokens in vLLM and 256 in llama.cpp."""
    found = on_gpus(serve(runtime=runtime, context=tokens))[0]
    assert found.kv_cache == CACHE // TOKENS * tokens
    assert [each.expected for each in found.terms if each.name == "padding of the cache"] == (
        [CACHE // TOKENS * padding] if padding else []
    )


def test_the_whole_cache_is_not_rounded_for_each_gpu() -> None:
    """With 8 blocks over three GPUs and 4-bit elements, no part is a whole number of bytes."""
    use = ModelUse(MODEL, serve(context=3, kv_cache="q4_0"))
    found = with_ram(use, per_gpu(use, 3))
    assert found.kv_cache == round(2 * LAYERS * KEYS * 3 * 4.5 / 8)
    term = named(found, "keys and values")
    assert term.low == term.expected == term.high


# --- what formats and GPUs add ---

LARGEST = HIDDEN * INNER
BUFFER = "dequantisation buffer"


@pytest.mark.parametrize(
    ("weights", "runtime", "bytes_of_each"),
    [
        # bitsandbytes: in 16 bits, and cast or loaded once more
        ("nf4", "transformers", 4),
        ("nf4-dq", "vllm", 4),
        # in 16 bits, and the columns of outliers
        ("int8", "transformers", 3),
        # ExLlama's kernels in transformers; the kernels of servers read 4 bits directly
        ("gptq-4bit", "transformers", 2),
        ("gptq-4bit", "vllm", 0),
        ("awq", "transformers", 0),
        ("bf16", "transformers", 0),
        ("fp8", "vllm", 0),
    ],
)
def test_quantised_matrices_are_converted_to_16_bits_one_at_a_time(
    weights: str, runtime: str, bytes_of_each: int
) -> None:
    work = serve(weights=weights, runtime=runtime)
    one = on_gpus(work)[0]
    assert size(one, BUFFER) == bytes_of_each * LARGEST
    cut = on_gpus(replace(work, tensor_parallel=2), 2)[0]
    assert size(cut, BUFFER) == bytes_of_each * LARGEST // 2
    for term in one.terms:
        if term.name == BUFFER:
            assert term.low <= 2 * LARGEST
            assert term.high <= 6 * LARGEST + (SCRATCH if weights.startswith("gptq") else 0)


SCRATCH = 4 * 2048 * 8 * INNER
"""Of version 2 of ExLlama's kernels: products of 8 prompts of 2,048 tokens in 32 bits."""


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("exllama", 2 * LARGEST), ("exllamav2", 2 * LARGEST + SCRATCH), ("marlin", 0)],
)
def test_the_buffers_of_a_gptq_kernel_that_is_named_are_exact(kernel: Any, expected: int) -> None:
    found = on_gpus(serve(weights="gptq-4bit", gptq_kernel=kernel))[0]
    term = named(found, BUFFER)
    assert (term.low, term.expected, term.high) == (expected,) * 3


def test_kernels_for_4_bits_read_no_other_gptq() -> None:
    assert size(on_gpus(serve(weights="gptq-8bit"))[0], BUFFER) == 0


def test_a_gpu_has_a_context_and_nccl_beside_others() -> None:
    one, two = on_gpus(serve(runtime="vllm"))[0], on_gpus(serve(runtime="vllm"), 2)[0]
    for found in (one, two):
        context = named(found, "GPU context and kernels")
        # measured: 0.47 GiB with lazily loaded kernels, up to 0.9
        assert context.low <= 0.47 * GIB <= context.expected <= 0.9 * GIB <= context.high < GIB
    name = "communication buffers"
    assert (size(one, name), size(two, name)) == (0, GIB // 2)
    # 0.42 GiB in vLLM's own log
    assert named(two, name).low <= 0.42 * GIB <= named(two, name).expected
    # whole layers on each GPU exchange little, and llama.cpp does not use NCCL
    assert size(on_gpus(serve(), 2)[0], name) == 0
    assert size(on_gpus(serve(runtime="llama.cpp", tensor_parallel=2), 2)[0], name) == 0
    # Apple's GPUs share the process's memory
    assert size(on_gpus(serve(runtime="mlx"))[0], "GPU context and kernels") == 0


# --- what a runtime is started with ---


def test_the_sizes_that_a_runtime_is_started_with() -> None:
    use = ModelUse(MODEL, serve(runtime="vllm", weights="awq", batch=3, prompt=100, runtime_version="0.9.1"))
    found = gpu_memory(use, GpuPart(layers=0.5, tensor=2, first=False))
    assert (found.weights, found.batch, found.context, found.prompt) == ("awq", 3, TOKENS, 100)
    assert (found.version, found.layers, found.tensor) == ((0, 9), 4, 2)
    assert (found.first, found.last, found.flash_attention) == (False, True, True)
    assert (found.attention_width, found.dense_width) == (QUERIES, INNER)
    assert found.cache_bytes(10, MODEL.attention) == CACHE / TOKENS * 10 * 3 / 2 / 2
    # matrices are divided, and each GPU has the hidden state whole
    assert found.layer_bytes(6, 3) == peak_layer_bytes(use, 6, 3, 2) == 6 * (3 * INNER / 2 + 4 * HIDDEN) * 2
    assert peak_layer_bytes(use, 6, 3, 2) > peak_layer_bytes(use, 6, 3) / 2


@pytest.mark.parametrize(
    ("options", "prompt", "sequences"),
    [
        ({}, TOKENS, 256),
        # a prompt is a part of the context
        ({"prompt": 5000}, TOKENS, 256),
        ({"prompt": 0}, 0, 256),
        ({"max_sequences": 8}, TOKENS, 8),
        ({"max_sequences": 8, "batch": 16}, TOKENS, 16),
        ({"batch": 300}, TOKENS, 300),
        ({"batch": 0}, TOKENS, 256),
    ],
)
def test_the_prompt_and_sequences_that_buffers_are_made_for(
    options: dict[str, Any], prompt: int, sequences: int
) -> None:
    found = gpu_memory(ModelUse(MODEL, serve(**options)), GpuPart())
    assert (found.prompt, found.max_sequences) == (prompt, sequences)


def test_attention_with_a_quadratic_buffer_is_named() -> None:
    for stated, flash in ((None, True), (True, True), (False, False)):
        assert gpu_memory(ModelUse(MODEL, serve(flash_attention=stated)), GpuPart()).flash_attention is flash


# --- the largest layer ---


@pytest.mark.parametrize(
    ("shapes", "options", "each"),
    [
        # gate, up and their product, and four copies of the hidden state
        ({}, {}, 2 * (3 * INNER + 4 * HIDDEN)),
        ({"gated": False}, {}, 2 * (2 * INNER + 4 * HIDDEN)),
        ({}, {"weights": "fp32"}, 4 * (3 * INNER + 4 * HIDDEN)),
        ({}, {"precision": "fp32"}, 4 * (3 * INNER + 4 * HIDDEN)),
        # in a narrow layer attention is largest: three hidden states, four times queries and keys
        ({"inner": 100}, {}, 2 * (3 * HIDDEN + 4 * QUERIES + 4 * KEYS)),
        # scores in 16 bits twice, and in 32
        ({"inner": 100}, {"flash_attention": False},
         2 * (3 * HIDDEN + 4 * QUERIES + 4 * KEYS) + HEADS * 50 * (2 * 2 + 4)),
        # the norm: input and result, and 32 bits of two steps
        ({"inner": 1, "heads": 1, "kv_heads": 1, "head_dim": 2}, {}, HIDDEN * (2 * 2 + 8)),
    ],
)  # fmt: skip
def test_bytes_of_a_token_in_the_largest_layer(shapes: dict[str, Any], options: dict[str, Any], each: float) -> None:
    use = ModelUse(dense(**{**SHAPES, **shapes}), serve(**options))
    assert peak_layer_bytes(use, 100, 50) == 100 * each


def test_a_model_without_attention_has_no_scores() -> None:
    alone = replace(MODEL, attention=())
    fast, slow = (peak_layer_bytes(ModelUse(alone, serve(flash_attention=each)), 10, 10**6) for each in (True, False))
    assert fast == slow


def test_an_expert_may_be_wider_than_the_dense_part() -> None:
    experts = replace(MODEL, experts=4, experts_active=2, expert_intermediate=8192)
    assert peak_layer_bytes(ModelUse(experts, serve()), 1, 1) == 2 * (3 * 8192 + 4 * HIDDEN)
    none = replace(experts, experts_active=0)
    assert peak_layer_bytes(ModelUse(none, serve()), 1, 1) == 2 * (3 * INNER + 4 * HIDDEN)


# --- how the model is split ---


def test_gpus_are_divided_between_tensor_and_pipeline_parallelism() -> None:
    def cut(gpus: int, **options: Any) -> list[tuple[int, float, bool, bool]]:
        found = gpu_parts(ModelUse(MODEL, serve(**options)), gpus)
        assert all(part.data == 1 and part.in_flight == 1 for part in found)
        return [(part.tensor, part.layers, part.first, part.last) for part in found]

    # transformers puts whole layers on each GPU, a server splits every matrix
    assert cut(2) == [(1, 0.5, True, False), (1, 0.5, False, True)]
    assert cut(2, runtime="vllm") == [(2, 1.0, True, True)] * 2
    assert cut(4, runtime="vllm", pipeline_parallel=2) == [(2, 0.5, True, False)] * 2 + [(2, 0.5, False, True)] * 2
    assert cut(4, runtime="vllm", tensor_parallel=2) == [(2, 0.5, True, False)] * 2 + [(2, 0.5, False, True)] * 2
    assert cut(2, runtime="vllm", tensor_parallel=4) == [(2, 1.0, True, True)] * 2
    assert cut(1, runtime="vllm", pipeline_parallel=4) == [(1, 1.0, True, True)]
    # a layer is not split without tensor parallelism: 16 GPUs, 8 layers
    assert cut(16) == [(1, 1 / 8, stage == 0, stage == 7) for stage in range(8)]
    assert [part.gpus for part in gpu_parts(ModelUse(MODEL, serve()), 16)] == [8] * 8


def test_a_workload_is_estimated_for_one_gpu_where_no_number_is_named() -> None:
    use = ModelUse(MODEL, serve())
    assert per_gpu(use) == per_gpu(use, 1) == per_gpu(use, 0)
    assert resolved(use).gpus == resolved(use, 0).gpus == 1


def test_open_choices_are_filled_in() -> None:
    found = resolved(ModelUse(MODEL, Workload(method="inference")))
    assert (found.weights, found.kv_cache, found.runtime) == ("bf16", "bf16", "transformers")
    assert (found.context, found.prompt, found.flash_attention, found.gpus) == (8192, 8192, True, 1)
    found = resolved(ModelUse(MODEL, serve(prompt=0, kv_cache="fp8", weights="nf4", gpus=2, flash_attention=False)))
    assert (found.weights, found.kv_cache, found.prompt, found.gpus) == ("nf4", "fp8", 0, 2)
    assert found.flash_attention is False
    # the bytes of a file need no format
    tensors = (TensorGroup(part="layer", layer=0, type="Q4_K", elements=9000, bytes=5063),)
    file = replace(MODEL, tensors=tensors, dtype="q4_k_m")
    assert resolved(ModelUse(file, serve())).weights is None
    assert resolved(ModelUse(file, Workload(method="lora"))).weights == "bf16"


# --- sums ---


def test_the_total_is_the_sum_over_gpus() -> None:
    one, two = on_gpus(serve(runtime="vllm"), 2)
    both = summed((one, two))
    assert both.total == 2 * one.total
    assert (both.low, both.high) == (2 * one.low, 2 * one.high)
    assert len(both.terms) == len(one.terms)
    assert summed((one,)) is one
    first, last = on_gpus(serve(), 2)
    both = summed((first, last))
    assert (both.total, both.low, both.high) == (
        first.total + last.total, first.low + last.low, first.high + last.high
    )  # fmt: skip
    assert [each.name for each in both.terms].count("blocks") == 1
    assert size(both, "blocks") == BLOCKS
