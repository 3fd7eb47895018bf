"""Keys that families leave out or redefine, computed by hand; and properties of reading any config.json at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcheck import catalog, registry
from llmcheck.checkpoint import config, gguf
from llmcheck.errors import DataError
from llmcheck.fit.shapes import kv_cache
from llmcheck.schema.architecture import Architecture
from tests.unit.checkpoint import gguf_writer as writer

HIDDEN, LAYERS, HEADS, KV_HEADS, INNER, VOCAB = 1024, 12, 16, 4, 4096, 32_000
PLAIN: dict[str, Any] = {
    "model_type": "llama", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS, "intermediate_size": INNER, "vocab_size": VOCAB,
}  # fmt: skip
TABLE = HIDDEN * VOCAB


def read(**changes: Any) -> Architecture:
    return config.architecture({**PLAIN, **changes}, "config.json")


# --- value heads of another width than key heads ---


def test_value_heads_may_have_another_width_than_key_heads() -> None:
    found = read(head_dim=192, v_head_dim=128)
    (group,) = found.attention
    assert (group.head_dim, group.value_dim) == (192, 128)
    queries, keys, values, output = HEADS * 192, KV_HEADS * 192, KV_HEADS * 128, HEADS * 128
    assert found.parameters.attention == LAYERS * HIDDEN * (queries + keys + values + output)
    assert kv_cache.size(found, 1000, 1) == 1000 * LAYERS * (keys + values) * 2


def test_value_heads_are_as_wide_as_key_heads_where_the_file_does_not_say() -> None:
    assert read(head_dim=192).attention[0].value_dim == 192
    assert read().attention[0].value_dim == HIDDEN // HEADS


def test_compressed_attention_has_value_heads_of_its_own_width() -> None:
    found = read(model_type="deepseek_v3", kv_lora_rank=128, qk_nope_head_dim=64, qk_rope_head_dim=32, v_head_dim=96)
    (group,) = found.attention
    assert (group.kind, group.head_dim, group.value_dim, group.latent) == ("mla", 96, 96, 160)
    wider = read(model_type="deepseek_v3", kv_lora_rank=128, qk_nope_head_dim=64, qk_rope_head_dim=32, v_head_dim=128)
    # a value head is computed from the compressed vector, and read by the output matrix
    assert wider.parameters.attention - found.parameters.attention == LAYERS * HEADS * (128 - 96) * (128 + HIDDEN)
    assert kv_cache.size(wider, 1000, 1) == kv_cache.size(found, 1000, 1) == 1000 * LAYERS * 160 * 2


# --- tied embeddings ---


@pytest.mark.parametrize(
    ("model_type", "changes", "tied"),
    [
        ("llama", {}, False), ("gemma2", {}, True), ("brandnew", {}, True),
        ("llama", {"tie_word_embeddings": True}, True), ("gemma2", {"tie_word_embeddings": False}, False),
    ],
)  # fmt: skip
def test_a_tied_embedding_is_counted_once(model_type: str, changes: dict[str, Any], tied: bool) -> None:
    found = read(model_type=model_type, **changes)
    assert found.tied is tied
    assert (found.parameters.embedding, found.parameters.head) == (TABLE, 0 if tied else TABLE)


def test_the_outer_config_says_whether_the_embedding_is_tied_where_the_decoder_does_not() -> None:
    part = {key: value for key, value in PLAIN.items() if key != "model_type"}
    whole = {"model_type": "llama", "tie_word_embeddings": True, "text_config": part}
    assert config.architecture(whole, "config.json").tied
    part["tie_word_embeddings"] = False
    assert not config.architecture(whole, "config.json").tied


# --- windows ---


@pytest.mark.parametrize(
    ("model_type", "switch", "window"),
    [
        ("qwen2", None, None), ("qwen2", False, None), ("qwen2", True, 512),  # off by default
        ("mistral", None, 512), ("mistral", False, 512),  # its class has no such key
        ("brandnew", None, 512), ("brandnew", True, 512), ("brandnew", False, None),
    ],
)  # fmt: skip
def test_a_window_may_be_switched_off(model_type: str, switch: bool | None, window: int | None) -> None:
    (group,) = read(model_type=model_type, sliding_window=512, use_sliding_window=switch).attention
    assert group.window == window


def test_qwens_first_layers_have_full_attention() -> None:
    found = read(model_type="qwen2", sliding_window=512, use_sliding_window=True, max_window_layers=8)
    assert {(group.window, group.layers) for group in found.attention} == {(None, 8), (512, 4)}


# --- layers with one part each ---


def test_layers_of_nemotron_h_are_a_mixer_or_feed_forward() -> None:
    found = read(
        model_type="nemotron_h", hybrid_override_pattern="M-M*-EM-*MM-", mamba_num_heads=32, mamba_head_dim=64,
        ssm_state_size=128, n_routed_experts=8, num_experts_per_tok=2, moe_intermediate_size=512,
    )  # fmt: skip
    assert {group.kind: group.layers for group in found.attention} == {"state": 5, "attention": 2}
    assert found.sparse_layers == 1
    # two matrices in each of four dense layers, and the router of one layer with experts
    assert found.parameters.mlp == 4 * 2 * HIDDEN * INNER + HIDDEN * 8
    assert found.parameters.experts == 8 * 2 * HIDDEN * 512


@pytest.mark.parametrize("pattern", ["M" * 11, "M" * 13, "M" * 11 + "x", ""])
def test_a_layer_pattern_of_the_wrong_length_or_signs_is_refused(pattern: str) -> None:
    with pytest.raises(DataError, match="for each of 12 layers"):
        read(model_type="nemotron_h", hybrid_override_pattern=pattern)


# --- what single families redefine ---

DIM = HIDDEN // HEADS
ATTENTION = HIDDEN * DIM * 2 * (HEADS + KV_HEADS)
"""Weights in the matrices of one layer."""


def test_queries_may_come_with_a_gate() -> None:
    found = read(model_type="qwen3_next", layer_types=["full_attention"] * LAYERS)
    assert found.parameters.attention == LAYERS * (ATTENTION + HIDDEN * HEADS * DIM)


def test_layers_with_full_attention_may_have_no_value_matrix() -> None:
    kinds = ["sliding_attention", "full_attention"] * (LAYERS // 2)
    found = read(model_type="gemma4_text", layer_types=kinds, sliding_window=512, attention_k_eq_v=True)
    assert found.parameters.attention == LAYERS * ATTENTION - LAYERS // 2 * HIDDEN * KV_HEADS * DIM


def test_the_last_layer_of_an_interval_attends() -> None:
    linear = {f"linear_num_{kind}_heads": 8 for kind in ("key", "value")}
    linear |= {f"linear_{kind}_head_dim": 64 for kind in ("key", "value")}
    found = read(model_type="qwen3_next", num_hidden_layers=6, **linear)
    assert {group.kind: group.layers for group in found.attention} == {"attention": 1, "state": 5}


def test_a_listed_window_without_a_size_is_full_attention() -> None:
    (group,) = read(layer_types=["sliding_attention", "full_attention"] * 6).attention
    assert (group.window, group.layers) == (None, LAYERS)


@pytest.mark.parametrize(("model_type", "gate"), [("qwen2_moe", HIDDEN), ("granitemoe", 0)])
def test_a_shared_expert_may_have_a_gate(model_type: str, gate: int) -> None:
    experts = {"num_local_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 512}
    found = read(model_type=model_type, shared_expert_intermediate_size=768, **experts)
    assert found.parameters.mlp == LAYERS * (HIDDEN * 8 + 3 * HIDDEN * 768 + gate)


@pytest.mark.parametrize(("stated", "width"), [(None, 2816), (True, 2816), (False, 4096)])
def test_the_width_of_lfm2_is_two_thirds_rounded_up(stated: bool | None, width: int) -> None:
    found = read(model_type="lfm2", block_auto_adjust_ff_dim=stated, layer_types=["full_attention"] * LAYERS)
    assert found.intermediate == width


def test_the_width_in_the_first_qwens_file_is_that_of_two_matrices() -> None:
    assert read(model_type="qwen").parameters.mlp == LAYERS * 3 * HIDDEN * INNER // 2


@pytest.mark.parametrize(("stated", "kv_heads"), [(None, 1), (True, 1), (False, HEADS)])
def test_starcoder_has_one_key_value_head_unless_the_file_says_otherwise(stated: bool | None, kv_heads: int) -> None:
    found = read(model_type="gpt_bigcode", n_positions=8192, multi_query=stated, num_key_value_heads=None)
    assert found.attention[0].kv_heads == kv_heads


def test_falcon_h1_has_a_norm_before_the_output_only_where_the_file_says_so() -> None:
    shape = {"model_type": "falcon_h1", "mamba_n_heads": 32, "mamba_d_ssm": 2048}
    less = read(**shape).parameters.other
    assert read(**shape, mamba_rms_norm=True).parameters.other == less + LAYERS * 2048


# --- what llama.cpp's files leave out ---


def gguf_file(folder: Path, name: str, layers: int, **values: Any) -> Architecture:
    stated, tensors = writer.llama(layers=layers)
    stated = {key.replace("llama.", f"{name}."): value for key, value in stated.items()}
    stated |= {"general.architecture": name, **{f"{name}.{key}": value for key, value in values.items()}}
    tensors = [tensor for tensor in tensors if "ffn_gate" not in tensor.name]
    return gguf.read(str(writer.write(folder / "model.gguf", stated, tensors)))


def test_twenty_layers_of_gemma_3n_have_a_cache(tmp_path: Path) -> None:
    assert sum(group.shares_cache for group in gguf_file(tmp_path, "gemma3n", 30).attention) == 10
    stated = {"attention.shared_kv_layers": 4}
    assert sum(group.shares_cache for group in gguf_file(tmp_path, "gemma3n", 30, **stated).attention) == 4


def test_llama_4_attends_in_chunks_except_in_every_fourth_layer(tmp_path: Path) -> None:
    found = gguf_file(tmp_path, "llama4", 8)
    assert {(group.window, group.layers) for group in found.attention} == {(8192, 6), (None, 2)}
    found = gguf_file(tmp_path, "llama4", 8, **{"attention.chunk_size": 1024})
    assert {(group.window, group.layers) for group in found.attention} == {(1024, 6), (None, 2)}


@pytest.mark.parametrize(("name", "gated"), [("phi3", True), ("glm4", True), ("chatglm", True), ("phi2", False)])
def test_a_gate_may_be_stored_with_the_up_projection(tmp_path: Path, name: str, gated: bool) -> None:
    assert gguf_file(tmp_path, name, 2).gated is gated


# --- any file ---

EXAMPLES = [
    family.example.config
    for name in registry.names("llmcheck.checkpoint.families")
    for family in registry.load("llmcheck.checkpoint.families", name).FAMILIES
    if family.example is not None
]
EXAMPLES += [row.config for row in catalog.models().values()]
KEYS = sorted({key for each in EXAMPLES for key in each})
TYPES = [*sorted({each["model_type"] for each in EXAMPLES}), "bert", "brandnew"]
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.integers(1, 64) | st.floats() | st.text(max_size=6)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), JSON, max_size=8)


def outcome(table: dict[str, Any]) -> Architecture | str:
    try:
        return config.architecture(table, "config.json")
    except DataError as error:
        return str(error)


@settings(max_examples=300)
@given(st.sampled_from(TYPES), OBJECTS)
def test_any_object_is_read_or_refused_in_one_line(model_type: str, table: dict[str, Any]) -> None:
    for each in (table, {**PLAIN, **table}, {**PLAIN, **table, "model_type": model_type}):
        found = outcome(each)
        assert isinstance(found, Architecture) or "\n" not in found


def shuffled(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: shuffled(draw, value[key]) for key in draw(st.permutations(list(value)))}


@st.composite
def reordered(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    table = {**draw(st.sampled_from(EXAMPLES)), **draw(OBJECTS)}
    return table, shuffled(draw, table)


@settings(max_examples=200)
@given(reordered())
def test_the_order_of_keys_is_irrelevant(tables: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = tables
    assert outcome(first) == outcome(second)


def test_the_order_of_groups_of_a_quantisation_is_irrelevant() -> None:
    groups = {
        "group_0": {"weights": {"num_bits": 8, "type": "float"}},
        "group_1": {"weights": {"num_bits": 4, "type": "int"}},
    }
    for each in (groups, dict(reversed(groups.items()))):
        stated = {"quant_method": "compressed-tensors", "config_groups": each}
        assert read(quantization_config=stated).dtype == "fp8"
