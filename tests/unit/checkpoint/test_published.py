"""What ``quantization_config`` says: the format, and what stays in 16 bits."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck.api.model_source import known_model
from llmcheck.checkpoint import config, ignored
from llmcheck.fit.shapes import formats, weights
from llmcheck.schema.architecture import Architecture, Kept
from llmcheck.schema.workload import Workload

LLAMA = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}  # fmt: skip
MOE = {
    **LLAMA, "model_type": "qwen3_moe", "num_experts": 64, "num_experts_per_tok": 8, "moe_intermediate_size": 1024,
    "mlp_only_layers": [0],
}  # fmt: skip
GROUP_4 = {"num_bits": 4, "type": "int", "group_size": 32, "strategy": "group"}
NVFP4 = {"num_bits": 4, "type": "float", "group_size": 16}


def read(quantised: dict[str, Any], base: dict[str, Any] = LLAMA) -> Architecture:
    return config.architecture({**base, "quantization_config": quantised}, "config.json")


def groups(method: str, form: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"quant_method": method, "config_groups": {"group_0": {"weights": form, "targets": ["Linear"]}}, **more}


@pytest.mark.parametrize(
    ("quantised", "name"),
    [
        (groups("compressed-tensors", GROUP_4), "w4a16-g32"),
        (groups("compressed-tensors", {"num_bits": 8, "type": "float", "strategy": "channel"}), "fp8"),
        (groups("compressed-tensors", {"num_bits": 8, "type": "int", "strategy": "channel"}), "int8"),
        (groups("compressed-tensors", NVFP4), "nvfp4"),
        (groups("modelopt", NVFP4, quant_algo="NVFP4"), "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
        ({"quant_method": "modelopt", "quantization": {"quant_algo": "NVFP4"}}, "nvfp4"),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 128, "sym": True}, "autoround-4bit-g128"),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1, "lm_head": True}, "gptq-4bit-g128+head"),
        ({"quant_method": "exl3", "bits": 4.0, "head_bits": 6}, "exl3-4"),
        ({"quant_method": "exl2", "bits": 4.65}, "exl2-4.65"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}},
         "hqq-4bit-g64"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4"}}}, "mxfp4-all"),
        ({"quant_method": "torchao", "quant_type": {"default": {"_type": "Int4WeightOnlyConfig",
          "_data": {"group_size": 64}}}}, "int4-g64"),
        ({"group_size": 64, "bits": 6}, "mlx-6bit-g64"),
        ({"group_size": 32, "bits": 4, "mode": "mxfp4"}, "mlx-mxfp4"),
    ],
)  # fmt: skip
def test_the_format_of_a_file_is_known(quantised: dict[str, Any], name: str) -> None:
    found = read(quantised)
    assert found.dtype == name
    assert formats.weights(name).bits < 9
    assert not any("not known" in note for note in found.notes)


@pytest.mark.parametrize(
    "quantised", [{"quant_method": "aqlm"}, {"quant_method": "torchao", "quant_type": "odd"}, {"a": 1}]
)
def test_an_unknown_quantisation_is_counted_in_16_bits_and_says_so(quantised: dict[str, Any]) -> None:
    found = read(quantised)
    assert found.dtype is None
    assert any("counted in 16 bits" in note for note in found.notes)


ALL = [f"model.layers.{index}.self_attn" for index in range(32)]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ([], None),
        (["lm_head"], None),
        (["lm_head", "re:.*self_attn.*"], Kept(attention=1)),
        (["re:.*\\.self_attn\\.(q|k|v|o)_proj$"], Kept(attention=1)),
        (["re:.*\\.self_attn\\.q_proj$", "re:.*\\.self_attn\\.k_proj$"], Kept(attention=0.5)),
        (["*self_attn*"], Kept(attention=1)),
        (["self_attn"], Kept(attention=1)),
        (ALL, Kept(attention=1)),
        ([f"{each}*" for each in ALL[:8]], Kept(attention=0.25)),
        (["model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj"],
         Kept(feed_forward=1 / 32)),
        (["model.layers.0*", "model.layers.31*"], Kept(attention=1 / 16, feed_forward=1 / 16)),
        (["re:model\\.layers\\.\\d+\\.mlp\\..*"], Kept(feed_forward=1)),
        (["re:^model[.]layers[.](0|31)[.]"], Kept(attention=1 / 16, feed_forward=1 / 16)),
        (["model.visual.blocks.0.attn", "vision_tower", "mtp.layers.0*"], None),
    ],
)  # fmt: skip
def test_names_and_patterns_of_what_stays_are_read(names: list[str], kept: Kept | None) -> None:
    assert ignored.kept(names, [True] * 32, [False] * 32) == kept


def test_routed_shared_and_dense_parts_are_told_apart() -> None:
    sparse = [False, *[True] * 7]
    names = ["*.mlp.shared_expert.*", "model.layers.0.mlp*"]
    assert ignored.kept(names, [True] * 8, sparse) == Kept(feed_forward=1)
    assert ignored.kept(["*mlp.experts*"], [True] * 8, sparse) == Kept(experts=1)
    assert ignored.kept(["re:.*shared_experts.*"], [True] * 8, [True] * 8) == Kept(feed_forward=1)
    assert ignored.kept(["re:.*block_sparse_moe.*"], [True] * 8, [True] * 8) == Kept(feed_forward=1, experts=1)
    assert ignored.kept(["model.layers.1.mlp*"], [True] * 8, sparse, beside=True) == Kept(feed_forward=1 / 8)


def test_what_stays_takes_16_bits() -> None:
    plain = read({"quant_method": "fp8"})
    attention = read({"quant_method": "fbgemm_fp8", "modules_to_not_convert": ["lm_head", *ALL]})
    use = Workload(method="inference")
    more = weights.of(attention, use).total - weights.of(plain, use).total
    assert more == plain.parameters.attention


def test_llama_405b_in_fp8_keeps_attention_and_two_layers() -> None:
    """The published file takes 57.8 GiB of each of eight GPUs; all in 8 bits would be 47.7."""
    layers = [f"model.layers.{index}.self_attn" for index in range(126)]
    large = {
        **LLAMA,
        "hidden_size": 16384,
        "num_hidden_layers": 126,
        "num_attention_heads": 128,
        "intermediate_size": 53248,
    }
    found = read({"quant_method": "fbgemm_fp8", "modules_to_not_convert": [
        *layers, "model.layers.0.mlp", "model.layers.125.mlp"]}, large)  # fmt: skip
    total = weights.of(found, Workload(method="inference")).total
    assert total / 8 / 2**30 == pytest.approx(57.8, rel=0.025)
    assert weights.of(read({"quant_method": "fp8"}, large), Workload(method="inference")).total / 8 / 2**30 < 48


def test_a_named_format_is_not_the_files() -> None:
    found = read({"quant_method": "fp8", "modules_to_not_convert": ALL})
    plain = read({"quant_method": "fp8"})
    use = Workload(method="inference", weights="w4a16")
    assert weights.of(found, use).total == weights.of(plain, use).total


def test_a_model_with_experts_keeps_its_shared_parts() -> None:
    found = read(groups("modelopt", NVFP4, ignore=["lm_head", "*self_attn*", "*.mlp.gate"]), MOE)
    assert found.kept == Kept(attention=1)


@pytest.mark.parametrize(
    "pattern",
    ["re:" + "(a|b)*" * 40 + "$", "re:(.*)*(.*)*(.*)*x", "re:" + "(x|y)" * 60, "*" * 190, "re:[", "re:((((", ""],
)  # fmt: skip
def test_no_pattern_takes_long_or_fails(pattern: str) -> None:
    assert ignored.kept([pattern] * 200, [True] * 60, [True] * 60) is None or pattern.count("*") > 0


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [  # sizes of the files on the hub
        ("kimi-k2-thinking", 594), ("ministral-3-3b", 4.67), ("ministral-3-14b", 15.7), ("minimax-m2", 230.12),
    ],
)  # fmt: skip
def test_a_published_quantised_model_has_the_size_of_its_files(name: str, gigabytes: float) -> None:
    found = known_model(name)
    assert found is not None
    assert weights.of(found, Workload(method="inference")).total / 1e9 == pytest.approx(gigabytes, rel=0.005)
