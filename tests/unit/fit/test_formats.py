"""Weight formats by name: bits per weight, what stays in 16 bits, and files whose name speaks of a part of them."""

from __future__ import annotations

import pytest

from llmcheck.api.model_source import known_model
from llmcheck.fit.shapes import formats, weights
from llmcheck.fit.shapes.format_names import DYNAMIC, IK, NAMES
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload


def model(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def size(name: str, form: str | None, runtime: str | None = None) -> int:
    return weights.of(model(name), Workload(method="inference", weights=form, runtime=runtime)).total


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_is_suggested_is_a_format(name: str) -> None:
    found = formats.weights(name)
    assert 1 <= found.bits <= 32
    assert found.source
    assert formats.weights(found.name) == found


@pytest.mark.parametrize(
    ("text", "name", "bits"),
    [
        ("NVFP4", "nvfp4", 4.5), ("w4a16", "w4a16", 4.125), ("W4A16-g32", "w4a16-g32", 4.5), ("bnb-4bit", "nf4", 4.5),
        ("exl3-4.0", "exl3-4.0", 4), ("exl3-4", "exl3-4.0", 4), ("EXL3_2.25bpw_H6", "exl3-2.25", 2.25),
        ("4.65bpw-h6-exl2", "exl2-4.65", 4.65), ("exl2-6.0", "exl2-6.0", 6), ("UD-Q4_K_XL", "ud-q4_k_xl", 4.5),
        ("int6", "int6-g128", 6.125), ("fp6", "fp6", 6.125), ("int4-g32", "int4-g32", 5),
        ("int4-g256", "int4-g256", 4.125),
        ("autoround", "autoround-4bit", 4 + 20 / 128), ("mlx-q4", "mlx-4bit", 4.5), ("mlx-q6-g32", "mlx-6bit-g32", 7),
        ("mlx-nvfp4", "mlx-nvfp4", 4.5), ("iq4_ks", "iq4_ks", 4.25), ("iq2_kt", "iq2_kt", 2.125),
        ("GPTQ-Int4", "gptq-4bit", 4 + 20 / 128), ("fp8-dynamic", "fp8", 8), ("w8a8", "int8", 8),
        ("hqq-4bit-g64", "hqq-4bit-g64", 4.5),
        ("bnb-8bit", "int8", 8), ("w8a8-fp8", "fp8", 8),
    ],
)  # fmt: skip
def test_a_name_has_its_bits_per_weight(text: str, name: str, bits: float) -> None:
    found = formats.weights(text)
    assert found.name == name
    assert found.bits == pytest.approx(bits)


@pytest.mark.parametrize(
    "text",
    ["w4", "exl3-0.2", "exl3-9", "int", "q9_k", "w4a16-g0", "mlx-7bit", "nvfp5", "ud-q9_k_xl", "", "int4-g", "bpw"],
)  # fmt: skip
def test_a_name_that_no_format_has_is_refused(text: str) -> None:
    with pytest.raises(formats.UnknownFormatError):
        formats.weights(text)


def test_nvfp4_leaves_embedding_and_head_in_16_bits() -> None:
    counts = model("llama-3.1-8b").parameters
    matrices = counts.attention + counts.mlp
    expected = matrices * 4.5 / 8 + 2 * (counts.total - matrices)
    assert size("llama-3.1-8b", "nvfp4") == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "form", "gib"),
    [  # files of unsloth and ggml-org on the hub
        ("gpt-oss-120b", "q4_k_m", 58.5), ("gpt-oss-120b", "q8_0", 59.0), ("gpt-oss-120b", "f16", 60.9),
        ("gpt-oss-120b", "mxfp4", 60.9), ("gpt-oss-20b", "q4_k_m", 10.8), ("gpt-oss-20b", "q8_0", 11.3),
        ("gpt-oss-20b", "f16", 12.8),
    ],
)  # fmt: skip
def test_experts_published_in_mxfp4_stay_so_under_other_names(name: str, form: str, gib: float) -> None:
    assert size(name, form) / 2**30 == pytest.approx(gib, rel=0.01)


def test_bf16_of_a_model_in_mxfp4_is_its_dequantised_form() -> None:
    assert size("gpt-oss-20b", "bf16") == pytest.approx(2 * 20_914_757_184, rel=1e-6)


@pytest.mark.parametrize("name", [*DYNAMIC, *IK])
def test_mixtures_that_are_not_known_tensor_by_tensor_say_so(name: str) -> None:
    found = formats.weights(name)
    assert found.note is not None
    assert found.spread > formats.weights("q4_k_m").spread
    ratio = size("llama-3.1-8b", name) / size("llama-3.1-8b", "bf16")
    assert 0.1 < ratio < 0.6


def test_experts_and_the_rest_may_have_different_widths() -> None:
    shapes = model("deepseek-v4-flash")
    assert shapes.dtype == "mxfp4-fp8"
    counts = shapes.parameters
    least = counts.experts * 4.25 / 8 + counts.attention
    assert least < size("deepseek-v4-flash", None) < least * 1.03
