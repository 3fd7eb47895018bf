"""Shapes from config.json: known models against published counts, caches computed by hand, and false files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcheck import catalog
from llmcheck.api.model_source import known_model
from llmcheck.checkpoint import config, find
from llmcheck.errors import DataError, LlmcheckError
from llmcheck.fit.answer import answer
from llmcheck.fit.shapes import kv_cache
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse

MODELS = catalog.models()
LLAMA = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
}  # fmt: skip


def shapes(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def test_the_table_has_the_well_known_models() -> None:
    assert len(MODELS) >= 227
    families = {each.config.get("model_type") for each in MODELS.values()}
    assert {"llama", "qwen3_moe", "gemma3", "deepseek_v3", "gpt_oss", "jamba", "mamba", "mixtral", "falcon"} <= families


ROUNDED_DOWN = {
    "granite-4.0-h-micro": 0.065, "gemma-4-e2b": 0.06, "nemotron-3.5-lightning-30b-a3b": 0.055,
    "ernie-4.5-21b-a3b": 0.04, "mistral-large-4-1t-a52b": 0.055, "gemma-4-e4b": 0.035, "glm-4.7-flash": 0.035,
}  # fmt: skip
"""Models whose name says less than their shapes give, and by how much the two may differ: 3B for 3.19 B. The counts of
gemma-4-e2b and e4b include an encoder of sound, which the copies of their files do not describe; that of glm-4.7-flash
includes the layer that predicts further tokens."""


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_shapes_give_the_published_number_of_weights(name: str) -> None:
    row = MODELS[name]
    found = config.architecture(row.config, name)
    assert not found.estimated
    assert found.parameters.active <= found.parameters.total
    mixers = sum(group.layers for group in found.attention)
    # Nemotron-H has layers that are only feed-forward, Falcon-H1 two mixers in each layer
    if found.model_type in {"nemotron_h", "nemotron-nas"}:
        assert mixers < found.layers
    else:
        assert mixers == found.layers * (2 if found.model_type == "falcon_h1" else 1)
    total = found.parameters.total
    if row.rounded is not None:
        assert row.parameters is None
        assert total / 1e9 == pytest.approx(row.rounded, rel=ROUNDED_DOWN.get(name, 0.027))
    if row.parameters is None:
        return
    # config.json does not describe all of what joins an encoder to the text
    away = abs(total - row.parameters)
    assert away == 0 if not found.parameters.vision and name not in NEARLY else away < 0.0025 * row.parameters


NEARLY = {"embeddinggemma-2", "smollm3-3b"}
"""Norms without a weight, and 2,304 weights that no shape of SmolLM3 explains."""
CLASS_COUNTS: dict[str, int] = json.loads((Path(__file__).parents[2] / "data" / "class_counts.json").read_text())
"""Weights of the classes of transformers 5.24.0 with these files (made on the device ``meta``, each tensor once)."""


@pytest.mark.parametrize("name", sorted(CLASS_COUNTS))
def test_the_shapes_give_the_weights_of_transformers_class(name: str) -> None:
    assert shapes(name).parameters.total == pytest.approx(CLASS_COUNTS[name], rel=LOOSE.get(name, 0.002))


LOOSE = {
    "gemma-4-12b": 0.005, "llama-3.2-11b-vision": 0.008, "qwen3-embedding-8b": 0.083, "bge-reranker-v2-m3": 0.002,
    "phi-4-multimodal": 0.18, "mistral-large-3-675b": 0.01,
}  # fmt: skip
"""Where they differ, and by how much: encoders of images that are hardly described; a class with an output matrix that
an embedder does not have; adapters that the class does not count."""


@pytest.mark.parametrize(
    ("name", "text", "vision"),
    [
        ("qwen3.5-35b-a3b", 34_660_610_688, 446_571_248), ("gemma-4-26b-a4b", 25_233_141_790, 572_794_416),
        ("gemma-4-e2b", 4_628_569_379, 168_544_256), ("deepseek-v4-flash", 284_332_241_239, 0),
        ("kimi-linear-48b-a3b", 49_122_681_728, 0), ("nemotron-3-super-120b-a12b", 120_668_707_840, 0),
    ],
)  # fmt: skip
def test_text_and_images_are_counted_apart(name: str, text: int, vision: int) -> None:
    counts = shapes(name).parameters
    assert counts.total - counts.vision == pytest.approx(text, rel=1e-5)
    assert counts.vision == pytest.approx(vision, rel=0.01)


@pytest.mark.parametrize(
    ("name", "billions"),
    [  # what transformers' layers of prediction, with the tables that DeepSeek and GLM store again, have
        ("qwen3.5-35b-a3b", 0.8446), ("deepseek-v3.2", 13.477), ("glm-4.7", 5.540), ("glm-5", 9.953), ("mimo-7b", 0.21),
        ("glm-4.7-flash", 0.6437), ("qwen3-8b", 0),
    ],
)  # fmt: skip
def test_layers_that_predict_further_tokens_are_counted_apart(name: str, billions: float) -> None:
    found = shapes(name)
    assert found.predictor / 1e9 == pytest.approx(billions, rel=0.02)
    assert any("(MTP)" in note for note in found.notes) is (billions > 0)


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [  # as published: billions in all, and for one token
        ("mixtral-8x7b", 46.7, 12.9), ("deepseek-v3", 671, 37), ("qwen3-235b-a22b", 235, 22), ("kimi-k2", 1026, 32),
        ("gpt-oss-120b", 117, 5.1), ("gpt-oss-20b", 21, 3.6), ("llama-4-scout", 109, 17), ("llama-4-maverick", 400, 17),
        ("glm-4.5", 355, 32), ("glm-4.5-air", 106, 12), ("minimax-m2", 230, 10), ("qwen3-next-80b-a3b", 80, 3),
        ("jamba-v0.1", 52, 12), ("dbrx", 132, 36), ("qwen2-57b-a14b", 57, 14),
    ],
)  # fmt: skip
def test_models_with_experts_have_the_published_total_and_active_weights(
    name: str, total: float, active: float
) -> None:
    counts = shapes(name).parameters
    assert counts.total / 1e9 == pytest.approx(total, rel=0.02)
    # some publishers leave out the two tables of the vocabulary
    low = counts.active - counts.embedding - counts.head
    assert low / 1e9 <= active + 0.5
    assert counts.active / 1e9 >= active - 0.5


CACHES = [
    # bytes of one sequence in 16 bits: 2 x layers x key-value heads x head size x 2 bytes for each token
    ("llama-2-7b", 4096, 2 * 32 * 32 * 128 * 2 * 4096),
    ("llama-3.1-8b", 8192, 2 * 32 * 8 * 128 * 2 * 8192),
    ("llama-3.1-70b", 8192, 2 * 80 * 8 * 128 * 2 * 8192),
    ("qwen2.5-7b", 10_000, 2 * 28 * 4 * 128 * 2 * 10_000),
    ("mixtral-8x7b", 4096, 2 * 32 * 8 * 128 * 2 * 4096),
    ("falcon-7b", 2048, 2 * 32 * 1 * 64 * 2 * 2048),
    # DeepSeek-V3 keeps 512 + 64 elements for each token and layer
    ("deepseek-v3", 4096, 61 * 576 * 2 * 4096),
    # Gemma 3 27B: 10 of 62 layers attend to all tokens, 52 to the last 1,024 tokens
    ("gemma-3-27b", 32_768, 2 * 16 * 128 * 2 * (10 * 32_768 + 52 * 1024)),
    ("gemma-2-9b", 8192, 2 * 8 * 256 * 2 * (21 * 8192 + 21 * 4096)),
    # gpt-oss: half of the layers attend to 128 tokens
    ("gpt-oss-20b", 8192, 2 * 8 * 64 * 2 * (12 * 8192 + 12 * 128)),
    ("mistral-7b", 32_768, 2 * 32 * 8 * 128 * 2 * 4096),
    # Jamba: 4 of 32 layers attend; 28 have a state of 8,192 x (4 + 16) elements at any length
    ("jamba-v0.1", 4096, 2 * 4 * 8 * 128 * 2 * 4096 + 28 * 8192 * 19 * 2),
    # Llama 4 Scout: every fourth layer attends to all tokens, the others to 8,192
    ("llama-4-scout", 65_536, 2 * 8 * 128 * 2 * (12 * 65_536 + 36 * 8192)),
    ("mamba-2.8b", 100_000, 64 * 5120 * 19 * 2),
    # DeepSeek V3.2: also 128 elements of the indexer's key, in 8 bits with a 32-bit scale
    ("deepseek-v3.2", 4096, 61 * (576 * 2 + 132) * 4096),
    # GLM 5.2: 21 of 78 layers have an indexer of their own
    ("glm-5.2", 4096, (78 * 576 * 2 + 21 * 132) * 4096),
    # DeepSeek V4 Flash: 512 elements of 128 tokens in each of 43 layers; of each 4 tokens in 21, of each 128 in 20;
    # and the indexer's 128 of each 4 tokens
    (
        "deepseek-v4-flash",
        65_536,
        43 * 512 * 128 * 2 + 512 * 2 * (21 * 16_384 + 20 * 512) + 21 * 32 * 65_536 * 33 // 32,
    ),
    # Kimi Linear: 7 of 27 layers have latent attention, 20 a state of 32 heads of 128 x 128 in 32 bits and three
    # convolutions
    ("kimi-linear-48b-a3b", 65_536, 7 * 576 * 2 * 65_536 + 20 * 2 * (2 * 32 * 128 * 128 + 3 * 4096 * 3)),
    # Qwen3.5 35B: 10 of 40 layers attend; the others have 32 heads of 128 x 128 in 32 bits, as its file says, and 8,192
    # channels of a convolution
    ("qwen3.5-35b-a3b", 8192, 2 * 2 * 256 * 2 * 10 * 8192 + 30 * 2 * (2 * 32 * 128 * 128 + 8192 * 3)),
    # Gemma 4 26B: 5 of 30 layers attend to all tokens with 2 heads of 512, 25 to the last 1,024 with 8 of 256
    ("gemma-4-26b-a4b", 32_768, 2 * 2 * (5 * 2 * 512 * 32_768 + 25 * 8 * 256 * 1024)),
    # Gemma 4 E2B: of 35 layers the last 20 use the cache of earlier ones; 3 of the 15 attend to all tokens
    ("gemma-4-e2b", 32_768, 2 * 2 * (3 * 512 * 32_768 + 12 * 256 * 512)),
    # Nemotron Super 49B: 49 of 80 layers attend
    ("llama-3.3-nemotron-super-49b", 4096, 2 * 49 * 8 * 128 * 2 * 4096),
    # encoders read a text at once
    ("bge-m3", 8192, 0),
    ("gte-modernbert-base", 8192, 0),
    ("embeddinggemma-2", 8192, 0),
]


@pytest.mark.parametrize(("name", "tokens", "size"), CACHES)
def test_the_cache_has_the_size_computed_by_hand(name: str, tokens: int, size: int) -> None:
    assert kv_cache.size(shapes(name), tokens, 1) == size
    assert kv_cache.size(shapes(name), tokens, 3) == 3 * size


# --- decoders with towers, in the form of published files ---

GEMMA_3_4B = {  # google/gemma-3-4b-it: only what differs from the defaults
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
    "vision_config": {
        "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27,
    },
}  # fmt: skip
LLAVA = {  # llava-hf/llava-1.5-7b-hf
    "model_type": "llava",
    "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 32064},
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    },
}  # fmt: skip
QWEN2_VL = {  # Qwen/Qwen2-VL-7B-Instruct: the decoder beside its tower, whose 'hidden_size' is that of its output
    "model_type": "qwen2_vl", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064, "max_position_embeddings": 32768,
    "vision_config": {
        "depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "hidden_size": 3584, "spatial_merge_size": 2,
    },
}  # fmt: skip


def test_keys_missing_in_gemma_get_the_defaults_of_its_class() -> None:
    found, known = config.architecture(GEMMA_3_4B, "config.json"), shapes("gemma-3-4b")
    assert found.parameters == known.parameters
    assert found.attention == known.attention
    assert (found.context, found.vocab, found.estimated) == (131_072, 262_208, False)
    assert any("vocab_size, num_attention_heads" in note for note in found.notes)


def test_keys_missing_in_llava_get_the_defaults_of_llama() -> None:
    found = config.architecture(LLAVA, "config.json")
    assert (found.hidden, found.layers, found.context) == (4096, 32, 4096)
    assert found.parameters.total - found.parameters.vision == 6_738_415_616 + 2 * 64 * 4096
    assert not found.estimated


def test_a_null_in_the_text_part_is_not_replaced_by_a_default() -> None:
    part: dict[str, Any] = {"model_type": "mistral", "hidden_size": 5120, "num_hidden_layers": 40, "head_dim": 128}
    assert config.architecture({"text_config": part}, "config.json").attention[0].window == 4096
    part["sliding_window"] = None
    assert config.architecture({"text_config": part}, "config.json").attention[0].window is None


def test_a_config_without_parts_gets_no_defaults() -> None:
    with pytest.raises(DataError, match="no 'vocab_size'"):
        config.architecture({key: value for key, value in LLAMA.items() if key != "vocab_size"}, "config.json")


def test_qwens_image_encoders_have_the_published_weights() -> None:
    second = config.architecture(QWEN2_VL, "config.json")
    assert second.parameters.vision == pytest.approx(675e6, rel=0.01)  # arXiv 2409.12191
    tower = {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584}  # and the defaults of its class
    newer = config.architecture({**QWEN2_VL, "model_type": "qwen2_5_vl", "vision_config": tower}, "config.json")
    assert newer.parameters.vision == pytest.approx(675e6, rel=0.01)
    plain = shapes("qwen2.5-7b").parameters
    for found in (second, newer):
        assert not found.estimated
        assert found.parameters.other == plain.other  # biases of queries, keys and values
        assert found.parameters.total - found.parameters.vision == plain.total


@pytest.mark.parametrize(
    ("stated", "expected"), [("qwen3_vl_text", "qwen3-8b"), ("qwen3_vl_moe_text", "qwen3-30b-a3b")]
)
def test_the_decoder_of_qwen3_vl_has_the_norms_of_qwen3(stated: str, expected: str) -> None:
    part = {**MODELS[expected].config, "model_type": stated}
    whole = {"model_type": stated.removesuffix("_text"), "tie_word_embeddings": False, "text_config": part}
    found = config.architecture(whole, "config.json")
    assert found.parameters == shapes(expected).parameters
    assert found.model_type == stated
    assert not found.estimated


def test_layers_that_attend_only_to_images_cache_no_text() -> None:
    part = {"model_type": "mllama_text_model", "hidden_size": 4096, "num_hidden_layers": 40}
    found = config.architecture({"model_type": "mllama", "text_config": part}, "config.json")
    plain = config.architecture({**LLAMA, "num_hidden_layers": 40}, "config.json")
    # 32 of 40 layers attend to the text; a cross layer has norms of queries and keys and two gates
    assert kv_cache.size(found, 1000, 1) == 2 * 32 * 8 * 128 * 2 * 1000
    assert found.parameters.total == plain.parameters.total + 8 * 4096 + 8 * (2 * 128 + 2)
    assert any("attend only to images" in note for note in found.notes)


# --- hybrids ---

RECURRENT_GEMMA = {  # google/recurrentgemma-2b
    "model_type": "recurrent_gemma", "_block_types": ["recurrent", "recurrent", "attention"], "hidden_size": 2560,
    "intermediate_size": 15360, "num_hidden_layers": 26, "num_attention_heads": 10, "num_key_value_heads": 1,
    "head_dim": 256, "lru_width": 2560, "conv1d_width": 4, "attention_window_size": 2048, "vocab_size": 256000,
}  # fmt: skip
FALCON_H1 = {  # tiiuae/Falcon-H1-1.5B-Instruct
    "model_type": "falcon_h1", "hidden_size": 2048, "intermediate_size": 4608, "num_hidden_layers": 24,
    "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 128, "vocab_size": 65537, "mamba_d_ssm": 3072,
    "mamba_n_heads": 48, "mamba_d_head": 64, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4,
}  # fmt: skip


def test_recurrent_gemma_alternates_recurrence_and_windows() -> None:
    found = config.architecture(RECURRENT_GEMMA, "config.json")
    assert found.parameters.total / 1e9 == pytest.approx(2.68, abs=0.005)  # arXiv 2404.07839
    assert {group.kind: group.layers for group in found.attention} == {"attention": 8, "state": 18}
    assert kv_cache.size(found, 100_000, 1) == 2 * 8 * 256 * 2 * 2048 + 18 * 2560 * 4 * 2
    assert not found.estimated


def test_falcon_h1_has_attention_and_a_state_in_every_layer() -> None:
    found = config.architecture(FALCON_H1, "config.json")
    assert found.parameters.total / 1e9 == pytest.approx(1.55, abs=0.01)
    assert {group.kind: group.layers for group in found.attention} == {"attention": 24, "state": 24}
    state = (3072 + 2 * 256) * 3 + 3072 * 256
    assert kv_cache.size(found, 1000, 1) == 24 * (2 * 2 * 128 * 2 * 1000 + state * 2)
    assert not found.estimated


@pytest.mark.parametrize(("name", "fused"), [("phi-4", True), ("falcon-7b", True), ("gpt2", True), ("qwen3-8b", False)])
def test_queries_keys_and_values_may_be_one_matrix(name: str, fused: bool) -> None:
    assert shapes(name).fused is fused


def test_a_published_quantisation_is_the_models_format() -> None:
    assert shapes("deepseek-v3").dtype == "fp8"
    assert shapes("gpt-oss-20b").dtype == "mxfp4"
    for stated, expected in (
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "gptq-4bit-g32"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "awq-4bit-g128"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "nf4-dq"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
        ({"bits": 4, "group_size": 64}, "mlx-4bit-g64"),
        ({"quant_method": "compressed-tensors",
          "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}}, "fp8"),
    ):  # fmt: skip
        assert config.architecture({**LLAMA, "quantization_config": stated}, "config.json").dtype == expected
    mlx = config.architecture({**LLAMA, "quantization": {"bits": 6, "group_size": 64}}, "config.json")
    assert mlx.dtype == "mlx-6bit-g64"
    unknown = config.architecture({**LLAMA, "quantization_config": {"quant_method": "new"}}, "config.json")
    assert unknown.dtype is None
    assert any("'new' is not known" in note for note in unknown.notes)


def test_an_unknown_family_is_read_like_llama_and_says_so() -> None:
    found = config.architecture({**LLAMA, "model_type": "brandnew"}, "config.json")
    assert found.estimated
    assert found.assumed == ("model_type 'brandnew' is not known to llmcheck: read like Llama's layers",)
    assert set(found.assumed) <= set(found.notes)
    assert found.parameters.attention == 32 * 4096 * 128 * 2 * (32 + 8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": None}, ["hidden_size"]),
        ({"hidden_size": -1}, ["'hidden_size' is -1", "1 to 1,048,576"]),
        ({"hidden_size": True}, ["hidden_size"]),
        ({"hidden_size": "4096"}, ["hidden_size"]),
        ({"num_hidden_layers": 10**9}, ["num_hidden_layers"]),
        ({"vocab_size": 2**63}, ["vocab_size"]),
        ({"num_key_value_heads": 64}, ["64 key-value heads for 32"]),
        ({"intermediate_size": None}, ["intermediate_size"]),
        ({"num_attention_heads": 60_000}, ["heads"]),
        ({"model_type": "albert"}, ["albert", "decoder"]),
        ({"is_encoder_decoder": True}, ["encoder"]),
        ({"num_local_experts": 8}, ["num_experts_per_tok"]),
        ({"num_local_experts": 8, "num_experts_per_tok": 9}, ["9 of 8"]),
        ({"layer_types": ["full_attention"]}, ["layer_types", "32 layers"]),
        ({"layer_types": ["telepathy"] * 32}, ["telepathy"]),
        ({"layer_types": ["mamba"] * 32}, ["not modelled"]),
    ],
)
def test_a_wrong_config_gives_an_error_of_one_line(changes: dict[str, Any], words: list[str]) -> None:
    table = {key: value for key, value in {**LLAMA, **changes}.items() if value is not None}
    with pytest.raises(DataError) as raised:
        config.architecture(table, "config.json")
    line = str(raised.value)
    assert line.startswith("config.json")
    assert "\n" not in line
    for word in words:
        assert word in line


KEYS = sorted({key for row in MODELS.values() for key in row.config} | {"layer_types", "quantization_config"})
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.lists(st.one_of(st.integers(), st.text(max_size=8)), max_size=4),
    st.dictionaries(st.text(max_size=8), st.integers(), max_size=3),
    st.sampled_from(["llama", "mamba", "nemotron_h", "qwen3_next", "chatglm", "jamba", "falcon", "deepseek_v4", "bert",
                     "nemotron-nas", "kimi_linear", "gemma4", "minimax_m3", "modernbert", "glm5_next", "phi4mm"]),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(MODELS)), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_any_config_is_read_or_refused(name: str, changes: dict[str, Any]) -> None:
    found = read_or_none({**MODELS[name].config, **changes})
    if found is not None:
        assert found.parameters.total > 0
        assert kv_cache.size(found, 1000, 1) >= 0


def read_or_none(values: dict[str, Any]) -> Architecture | None:
    """None where it is refused."""
    try:
        return config.architecture(values, "config.json")
    except DataError:
        return None


@pytest.mark.parametrize("reads", [True, False])
def test_some_changed_configs_are_read_and_some_are_refused(reads: bool) -> None:
    """Otherwise the property above could be true of nothing."""
    of_llama = MODELS["llama-3.1-8b"].config
    changes = st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=2)
    assert hypothesis.find(changes, lambda found: (read_or_none({**of_llama, **found}) is not None) == reads)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_not_a_config_are_refused(data: bytes) -> None:
    with pytest.raises(LlmcheckError):
        config.architecture(config.decoded(data, "config.json"), "config.json")


def test_deep_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a":' * 100_000)
    with pytest.raises(DataError, match="not a complete JSON document"):
        find.read(str(path))


@pytest.mark.parametrize(
    ("name", "token"),
    [  # bytes of cache for a token of a long context: vLLM's log; 2 x layers x cached heads x head size x 2
        ("mistral-small-3.2-24b", 163_840), ("llama-3.1-8b", 131_072), ("qwen2.5-7b", 57_344), ("phi-4", 204_800),
    ],
)  # fmt: skip
def test_models_of_the_table_have_no_window_that_their_files_do_not_have(name: str, token: int) -> None:
    shapes = known_model(name)
    assert shapes is not None
    assert kv_cache.size(shapes, 100_000, 1) == 100_000 * token


def test_an_encoder_generates_nothing() -> None:
    found = answer(
        shapes("bge-m3"), Workload(method="inference"), parse.machine("RTX 4090", catalog.gpu_specs()).machine
    )
    assert found.verdict == "fits"
    assert found.speed is not None
    assert (found.speed.decode, found.memory.kv_cache) == (None, 0)
    assert found.speed.prefill is not None
    assert "KV cache" not in {each.name for each in found.memory.terms}
    assert any("no KV cache" in each for each in found.assumptions)
