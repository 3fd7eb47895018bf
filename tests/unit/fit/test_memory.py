"""The memory of a workload: formulas against figures computed by hand."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.api.model_source import known_model
from llmcheck.fit.memory import inference, states, total
from llmcheck.fit.memory.activations import activation_bytes_per_token
from llmcheck.fit.memory.terms import GpuPart, summed
from llmcheck.fit.shapes import formats, kv_cache, matrices, weights
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes.behaviour import ggml
from llmcheck.schema.architecture import Architecture, Attention, Parameters, TensorGroup
from llmcheck.schema.estimate import Memory
from llmcheck.schema.workload import Workload


def dense(
    *,
    layers: int = 32,
    hidden: int = 4096,
    heads: int = 32,
    kv_heads: int = 8,
    head_dim: int = 128,
    inner: int = 14336,
    vocab: int = 128256,
    tied: bool = False,
    gated: bool = True,
    window: int | None = None,
) -> Architecture:
    attention = layers * hidden * head_dim * 2 * (heads + kv_heads)
    table = vocab * hidden
    mlp = layers * (3 if gated else 2) * hidden * inner
    norms = (2 * layers + 1) * hidden
    return Architecture(
        name="model", model_type="llama", source="test", hidden=hidden, layers=layers, intermediate=inner, gated=gated,
        vocab=vocab, tied=tied, attention=(Attention(kind="attention", layers=layers, heads=heads, kv_heads=kv_heads,
                                                     head_dim=head_dim, window=window),),
        parameters=Parameters(embedding=table, head=0 if tied else table, attention=attention, mlp=mlp, other=norms,
                              active=table + attention + mlp + norms),
    )  # fmt: skip


def sparse() -> Architecture:
    """Mixtral 8x7B: 46,702,792,704 weights."""
    routed = 32 * 8 * 3 * 4096 * 14336
    return replace(
        dense(vocab=32000), experts=8, experts_active=2, expert_intermediate=14336, sparse_layers=32,
        parameters=Parameters(embedding=32000 * 4096, head=32000 * 4096, attention=32 * 4096 * 128 * 80,
                              mlp=32 * 8 * 4096, experts=routed, other=65 * 4096, active=12_879_925_248),
    )  # fmt: skip


LLAMA = dense()
LLAMA_2_7B = dense(heads=32, kv_heads=32, inner=11008, vocab=32000)


def workload(**values: Any) -> Workload:
    return Workload(**{"method": "inference", "context": 8192, **values})


def per_gpu(architecture: Architecture, task: Workload, gpus: int = 1) -> tuple[Memory, ...]:
    return total.per_gpu(ModelUse(architecture, task), gpus, cached=False)


def estimate(architecture: Architecture, task: Workload, gpus: int = 1) -> Memory:
    """The sum over all GPUs."""
    return summed(per_gpu(architecture, task, gpus))


def offloaded_bytes(architecture: Architecture, task: Workload) -> int:
    return total.offloaded_bytes(ModelUse(architecture, task))


def bits_of(architecture: Architecture, name: str) -> float:
    return weights.stored(architecture, formats.weights(name)).total * 8 / architecture.parameters.total


# --- the cache, by hand ---


def group(layers: int, kv_heads: int, head_dim: int, window: int | None = None) -> Attention:
    return Attention(
        kind="attention", layers=layers, heads=kv_heads, kv_heads=kv_heads, head_dim=head_dim, window=window
    )


@pytest.mark.parametrize(
    ("name", "groups", "tokens", "size"),
    [
        # 2 x 32 layers x 8 heads x 128 x 2 bytes a token; llama.cpp prints 1,024 MiB for 8,192
        ("Llama 3 8B", [group(32, 8, 128)], 8192, 131_072 * 8192),
        ("Llama 2 7B", [group(32, 32, 128)], 4096, 524_288 * 4096),
        # llama.cpp prints 1,280 MiB for 4,096
        ("Llama 3.1 70B", [group(80, 8, 128)], 4096, 1280 * 2**20),
        ("Qwen2.5 7B", [group(28, 4, 128)], 32768, 57_344 * 32768),
        # llama.cpp prints 64 MiB for 512
        ("Mixtral 8x7B", [group(32, 8, 128)], 512, 64 * 2**20),
        ("Mistral 7B v0.1, window 4,096", [group(32, 8, 128, 4096)], 32768, 131_072 * 4096),
        # 61 layers x (512 + 64) elements x 2 bytes
        ("DeepSeek-V3", [Attention(kind="mla", layers=61, heads=128, latent=576)], 131072, 61 * 576 * 2 * 131072),
        # every sixth of 62 layers attends to all tokens, the others to 1,024; 16 heads of 128
        ("Gemma 3 27B", [group(52, 16, 128, 1024), group(10, 16, 128)], 131072, 8192 * (52 * 1024 + 10 * 131072)),
        # every second of 24 layers attends to 128 tokens; 8 heads of 64
        ("gpt-oss 20B", [group(12, 8, 64, 128), group(12, 8, 64)], 16384, 2048 * 12 * (128 + 16384)),
        ("Falcon 7B, one head", [group(32, 1, 64)], 2048, 8192 * 2048),
        # vLLM: 163,840 bytes a token
        ("Mistral Small 3.2 24B", [group(40, 8, 128)], 184_832, 163_840 * 184_832),
        # 4 layers of attention, 28 of Mamba whose state does not grow
        ("Jamba", [group(4, 8, 128), Attention(kind="state", layers=28, state=8192 * 16)], 4096,
         4 * 4096 * 4096 + 28 * 8192 * 16 * 2),
    ],
)  # fmt: skip
def test_cache_of_known_models(name: str, groups: list[Attention], tokens: int, size: int) -> None:
    model = replace(LLAMA, attention=tuple(groups))
    assert kv_cache.size(model, tokens, 1) == size
    assert kv_cache.size(model, tokens, 3) == 3 * size
    assert estimate(model, workload(context=tokens)).kv_cache == size


def test_layers_that_share_a_cache_have_none() -> None:
    shared = Attention(kind="attention", layers=32, heads=8, kv_heads=8, head_dim=128, shares_cache=12)
    assert kv_cache.size(replace(LLAMA, attention=(shared,)), 100, 1) == 20 * 2 * 8 * 128 * 2 * 100


@pytest.mark.parametrize(("kind", "bits"), [(None, 16), ("fp8", 8), ("q8_0", 8.5), ("q4_0", 4.5), ("fp32", 32)])
def test_cache_formats(kind: str | None, bits: float) -> None:
    assert kv_cache.size(LLAMA, 8192, 1, kind) == 2**30 * bits / 16


# --- weights ---


@pytest.mark.parametrize(
    ("name", "bits"),
    # llama.cpp's table of bits per weight for Llama 3.1 8B (tools/quantize/README)
    [("q2_k", 3.1593), ("q3_k_s", 3.6429), ("q3_k_l", 4.2979), ("q4_k_s", 4.6672), ("q4_k_m", 4.8944),
     ("q5_k_s", 5.5704), ("q5_k_m", 5.7036), ("q6_k", 6.5633), ("q8_0", 8.5008), ("iq1_s", 2.0042), ("iq2_m", 2.9294),
     ("iq3_xxs", 3.2548), ("iq3_m", 3.7628), ("iq4_xs", 4.4597)],
)  # fmt: skip
def test_gguf_types(name: str, bits: float) -> None:
    assert bits_of(LLAMA, name) == pytest.approx(bits, rel=0.003)


@pytest.mark.parametrize(
    ("model", "name", "size"),
    [  # GB of files by the cards of bartowski's GGUF repositories (2026-11-25); 45 bytes of header for each token
        ("deepseek-v3", "q8_0", 713.29), ("deepseek-v3", "q6_k", 550.80), ("deepseek-v3", "q5_k_m", 475.40),
        ("deepseek-v3", "q5_k_s", 461.81), ("deepseek-v3", "q4_1", 419.94), ("deepseek-v3", "q4_k_m", 404.43),
        ("llama-3.1-8b", "q4_k_l", 5.31), ("llama-3.1-8b", "q3_k_xl", 4.78), ("llama-3.1-8b", "q6_k_l", 6.85),
        ("phi-4", "q6_k_l", 12.28), ("phi-4", "q5_k_l", 10.92), ("phi-4", "q4_k_l", 9.43),
        ("phi-4", "q8_0", 15.58), ("phi-4", "q6_k", 12.03), ("phi-4", "q5_k_s", 10.15), ("phi-4", "q4_k_s", 8.44),
    ],
)  # fmt: skip
def test_published_files_of_experts_and_of_dense_models(model: str, name: str, size: float) -> None:
    shapes = known_model(model)
    assert shapes is not None
    stored = weights.stored(shapes, formats.weights(name)).total + 45 * shapes.vocab
    assert stored / 1e9 == pytest.approx(size, rel=0.001)


@pytest.mark.parametrize(("name", "bits"), [("fp32", 32), ("bf16", 16), ("fp8", 9.05), ("int8", 9.06)])
def test_plain_types(name: str, bits: float) -> None:
    assert bits_of(LLAMA, name) == pytest.approx(bits, rel=0.002)


def test_the_layers_that_bitsandbytes_leaves_in_16_bits() -> None:
    table = 2 * 128256 * 4096 * 2
    body = LLAMA.parameters.attention + LLAMA.parameters.mlp
    assert weights.stored(LLAMA, formats.weights("nf4")).total == round(table + body * 4.5 / 8 + 65 * 4096 * 2)
    with_head = weights.stored(LLAMA, formats.weights("nf4+head")).total
    assert with_head == pytest.approx(table / 2 * (1 + 4.5 / 16) + body * 4.5 / 8 + 65 * 4096 * 2)
    assert formats.weights("nf4-dq").bits == pytest.approx(4.127, abs=0.001)
    assert formats.weights("gptq-4bit-g128").bits == pytest.approx(4.15625)


def test_mixed_experts_and_padding() -> None:
    model = sparse()
    assert model.parameters.total == 46_702_792_704
    # TheBloke's Q4_0 file of Mixtral: 26.44 GB
    assert weights.stored(model, formats.weights("q4_0")).total == pytest.approx(26.44e9, rel=0.005)
    form = formats.weights("mxfp4")
    narrow = replace(model, expert_intermediate=2880)
    assert weights.stored(narrow, form, True).layers > weights.stored(narrow, form).layers


def test_exact_bytes_of_a_file() -> None:
    tensors = (
        TensorGroup(part="embedding", layer=None, type="Q4_K", elements=1000, bytes=563),
        TensorGroup(part="head", layer=None, type="Q6_K", elements=1000, bytes=820),
        TensorGroup(part="layer", layer=0, type="Q4_K", elements=9000, bytes=5063),
        TensorGroup(part="experts", layer=1, type="Q4_K", elements=9000, bytes=5063),
    )
    model = replace(LLAMA, tensors=tensors, dtype="q4_k_m")
    assert estimate(model, workload(runtime="vllm")).weights == 563 + 820 + 5063 * 2
    # llama.cpp keeps the token embedding in RAM
    assert estimate(model, workload(runtime="llama.cpp")).weights == 820 + 5063 * 2
    assert offloaded_bytes(model, workload(runtime="llama.cpp")) == 563
    # a format other than the file's is computed from the shapes
    assert estimate(model, workload(weights="bf16")).weights == 2 * LLAMA.parameters.total


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(formats.UnknownFormatError, match="q9_z"):
        estimate(LLAMA, workload(weights="q9_z"))
    with pytest.raises(formats.UnknownFormatError, match="int3"):
        estimate(LLAMA, workload(kv_cache="int3"))


def test_recurrent_states_stay_in_16_bits_where_the_cache_is_quantised() -> None:
    mixed = replace(LLAMA, attention=(group(4, 8, 128), Attention(kind="state", layers=28, state=8192 * 16)))
    state = 28 * 8192 * 16
    keys_and_values = 2 * 4 * 8 * 128 * 4096
    assert kv_cache.size(mixed, 4096, 3, "q4_0") == 3 * (keys_and_values * 4.5 / 8 + state * 2)
    assert kv_cache.size(mixed, 4096, 3, "fp32") == 3 * 4 * (keys_and_values + state)


def test_value_heads_may_be_of_another_width_than_key_heads() -> None:
    narrow = Attention(kind="attention", layers=32, heads=32, kv_heads=8, head_dim=192, value_dim=128)
    model = replace(LLAMA, attention=(narrow,))
    assert kv_cache.size(model, 1000, 1) == 32 * 8 * (192 + 128) * 2 * 1000
    counted = replace(model, parameters=replace(model.parameters, attention=32 * 4096 * (32 + 8) * (192 + 128)))
    sizes = {each.role: each.elements for each in matrices.matrices(counted)}
    assert (sizes["k"], sizes["v"]) == (4096 * 8 * 192, 4096 * 8 * 128)
    assert (sizes["q"], sizes["o"]) == (4096 * 32 * 192, 4096 * 32 * 128)


def test_a_tied_embedding_is_on_the_gpu_and_in_ram() -> None:
    """llama.cpp has the embedding in RAM and, as output projection, on the GPU; in the total it counts once."""
    task = workload(runtime="llama.cpp", weights="bf16")
    table = 128256 * 4096 * 2
    for model, in_ram in ((dense(tied=True), 0), (LLAMA, table)):
        use = ModelUse(model, task)
        parts = total.per_gpu(use)
        assert total.offloaded_bytes(use) == table
        assert total.with_ram(use, parts).weights - parts[0].weights == in_ram
        assert total.with_ram(use, parts).weights == 2 * model.parameters.total


# --- runtimes ---


def test_llama_cpp_compute_buffer() -> None:
    """llama.cpp's log for Llama 3 8B Q4_0 at 8,192 without flash attention: 560 MiB on the GPU."""

    def compute_buffer(work: Workload) -> float:
        return ggml.compute_buffer(inference.gpu_memory(ModelUse(LLAMA, work), GpuPart()))[1]

    task = workload(runtime="llama.cpp", weights="q4_0", flash_attention=False)
    assert compute_buffer(task) == 560 * 2**20
    assert offloaded_bytes(LLAMA, task) == pytest.approx(281.81 * 2**20, rel=1e-4)
    assert compute_buffer(workload(runtime="llama.cpp")) < 300 * 2**20


def test_the_cache_of_a_window_in_llama_cpp_includes_a_micro_batch() -> None:
    # llama-kv-cache-iswa: the window and n_ubatch, in blocks of 256, and never more than the context
    shapes = known_model("gemma-3-27b")  # 52 of 62 layers have 1,024 tokens; 16 cached heads of 128, 8 KiB a token
    assert shapes is not None
    work = Workload(method="inference", runtime="llama.cpp", context=32_768)
    more = [t for t in estimate(shapes, work).terms if "windows" in t.name]
    assert sum(t.expected for t in more) == 52 * 512 * 2 * 16 * 128 * 2
    assert not [t for t in estimate(shapes, replace(work, context=1024)).terms if "windows" in t.name]


def test_older_transformers_keep_the_logits_of_the_prompt() -> None:
    new = estimate(LLAMA, workload(runtime_version="4.46"))
    old = estimate(LLAMA, workload(runtime_version="4.38.2"))
    assert old.activations > 6 * 8192 * 128256 > new.activations


def test_layers_are_spread_over_gpus_and_embeddings_are_not() -> None:
    first, second, third = per_gpu(LLAMA, workload(), 3)
    assert first.weights > second.weights
    assert third.weights > second.weights
    whole = estimate(LLAMA, workload())
    assert first.weights + second.weights + third.weights == pytest.approx(whole.weights, abs=3)
    assert first.kv_cache + second.kv_cache + third.kv_cache == pytest.approx(whole.kv_cache, abs=3)


def test_more_gpus_than_cached_heads_copy_the_cache() -> None:
    model = replace(LLAMA, attention=(Attention(kind="mla", layers=32, heads=32, latent=576),))
    one, eight = (estimate(model, workload(runtime="vllm"), gpus) for gpus in (1, 8))
    assert one.kv_cache == pytest.approx(eight.kv_cache, abs=8)
    copies = [term for term in eight.terms if term.name == "copies of the cache"]
    assert copies[0].expected == pytest.approx(7 * one.kv_cache, rel=1e-6)


# --- training ---


@pytest.mark.parametrize(
    ("precision", "optimizer", "each"),
    [("mixed", "adamw", 18 - 2 * 0.0654), ("bf16", "adamw", 8), ("fp32", "adamw", 16), ("bf16", "sgd", 4),
     ("bf16", "lion", 6), ("bf16", "adamw-8bit", 6.03), ("bf16", "paged-adamw", 4)],
)  # fmt: skip
def test_model_states(precision: str, optimizer: str, each: float) -> None:
    """Bytes per weight; autocast has 18, of the embedding (6.5 % of the weights) 16."""
    found = estimate(LLAMA, workload(method="full", precision=precision, optimizer=optimizer))
    states = found.weights + found.gradients + found.optimizer
    assert states / LLAMA.parameters.total == pytest.approx(each, rel=0.002)


@pytest.mark.parametrize(("sharding", "each"), [("zero1", 7), ("zero2", 5.5), ("zero3", 4), ("fsdp", 4), ("ddp", 16)])
def test_sharded_states(sharding: str, each: float) -> None:
    """The arithmetic of the ZeRO paper for 4 GPUs: 4 + 12/4, 2 + 14/4, 16/4."""
    task = workload(method="full", precision="mixed", sharding=sharding, runtime="torchtitan")
    found = per_gpu(LLAMA, task, 4)[0]
    states = found.weights + found.gradients + found.optimizer
    assert states / LLAMA.parameters.total == pytest.approx(each, rel=0.002)


def test_a_full_run_of_7b_does_not_fit_80_gb_in_mixed_precision() -> None:
    task = workload(method="full", context=2048, checkpointing=True, batch=1)
    assert estimate(LLAMA_2_7B, replace(task, precision="mixed")).low > 80 * 10**9
    pure = replace(task, precision="bf16", optimizer="adamw-fused")
    assert estimate(LLAMA_2_7B, pure).high < 80 * 10**9


def test_early_stages_of_a_pipeline_keep_a_micro_batch_for_each_stage_after_them() -> None:
    task = workload(method="full", context=2048, batch=1, checkpointing=True, pipeline_parallel=4)
    use = ModelUse(LLAMA, task)
    assert [part.in_flight for part in total.gpu_parts(use, 4)] == [4, 3, 2, 1]
    first, second, third, _ = per_gpu(LLAMA, task, 4)
    # each keeps the input of its 8 layers in 32 bits, for autocast leaves the residual stream as wide as the weights
    one_micro_batch = 4 * 4096 * 2048 * 8
    assert second.activations - third.activations == one_micro_batch
    assert first.activations - second.activations == one_micro_batch
    assert [part.in_flight for part in total.gpu_parts(ModelUse(LLAMA, workload(pipeline_parallel=4)), 4)] == [1] * 4


def test_adapters() -> None:
    """PEFT's own count for Llama 3.2 3B, rank 32 on queries and values: 9,175,040."""
    model = dense(layers=28, hidden=3072, heads=24, kv_heads=8, inner=8192, tied=True)
    task = workload(method="lora", lora_rank=32, lora_targets="qv")
    assert states.adapter_weights(ModelUse(model, task)) == 9_175_040
    assert states.adapter_weights(ModelUse(model, replace(task, lora_rank=64))) == 18_350_080
    assert states.adapter_weights(ModelUse(model, replace(task, lora_rank=10, lora_targets="mlp"))) == 9_461_760


def test_saved_activations_match_published_coefficients() -> None:
    """28 x 2 x hidden bytes per token and layer: published for Llama 3.1 8B in bf16 without recomputation, of an old
    release. Of a new one, 24.5 was measured on an H100 (``test_gpu_benchmark``)."""
    task = workload(method="full", precision="bf16", runtime_version="4.40")
    assert activation_bytes_per_token(ModelUse(LLAMA, task), GpuPart(), 1) / (2 * 4096) == pytest.approx(28, rel=0.08)


def test_choices_that_need_less_memory() -> None:
    task = workload(method="full", context=4096, batch=2, precision="bf16", optimizer="adamw-fused",
                     checkpointing=False)  # fmt: skip
    plain = estimate(LLAMA, task).total
    compiled = estimate(LLAMA, replace(task, compiled=True)).total
    chunked = estimate(LLAMA, replace(task, compiled=True, chunked_loss=True)).total
    recomputed = estimate(LLAMA, replace(task, compiled=True, chunked_loss=True, checkpointing=True)).total
    assert plain > compiled > chunked > recomputed
    eager = replace(task, flash_attention=False)
    assert estimate(LLAMA, replace(eager, checkpointing="selective")).total < estimate(LLAMA, eager).total
    offloaded = estimate(LLAMA, replace(task, offload="all"))
    assert (offloaded.weights, offloaded.gradients, offloaded.optimizer) == (0, 0, 0)
    assert offloaded_bytes(LLAMA, replace(task, offload="all")) == 8 * LLAMA.parameters.total
    assert offloaded_bytes(LLAMA, replace(task, offload="optimizer")) == 6 * LLAMA.parameters.total
    assert offloaded_bytes(LLAMA, task) == 0
