"""A model whose family is not known: the doubt is a value, widens the band, and can make the verdict unknown."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llmcheck import catalog
from llmcheck.checkpoint import config
from llmcheck.fit.answer import answer
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Fit
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse

SPECS = catalog.gpu_specs()
SHAPES: dict[str, Any] = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
    "intermediate_size": 11008, "vocab_size": 64000, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "max_position_embeddings": 131072,
}  # fmt: skip


def shapes(family: str, **more: Any) -> Architecture:
    return config.architecture({"model_type": family, **SHAPES, **more}, "config.json")


def fitted(family: str, card: str, **values: Any) -> Fit:
    work = {"method": "inference", "runtime": "vllm", "weights": "bf16", "kv_cache": "bf16", **values}
    return answer(shapes(family), Workload(**work), parse.machine(card, SPECS).machine)


@pytest.mark.parametrize(
    ("card", "context", "known", "unknown"),
    [
        ("A100 80GB", 4096, "fits", "fits"),
        ("RTX 4090", 14_000, "fits", "unknown"),  # only the upper end of the band does not fit
        ("RTX 4090", 65_536, "does-not-fit", "unknown"),  # only the lower end fits
        ("RTX 3060", 4096, "does-not-fit", "does-not-fit"),
    ],
)
def test_the_verdict_is_unknown_where_the_band_decides(card: str, context: int, known: str, unknown: str) -> None:
    assert fitted("llama", card, context=context).verdict == known
    found = fitted("brandnew", card, context=context)
    assert found.verdict == unknown
    if unknown == "unknown":
        assert "family of this model is not known" in found.reason
        assert found.placement is None


def test_the_doubt_is_in_json_and_in_the_band() -> None:
    plain, doubted = (fitted(family, "A100 80GB", context=32_768) for family in ("llama", "brandnew"))
    assert json.loads(msgspec.json.encode(doubted))["architecture"]["assumed"] == [
        "model_type 'brandnew' is not known to llmcheck: read like Llama's layers"
    ]
    assert doubted.memory.total == plain.memory.total
    assert doubted.memory.low < plain.memory.low - 0.7 * plain.memory.kv_cache
    assert doubted.memory.high > plain.memory.high
    cache = [each for each in doubted.memory.terms if each.component == "kv_cache"]
    assert all(each.low < 0.2 * each.expected < each.high for each in cache)


def test_kimi_linears_cache_lies_inside_the_band_of_an_unknown_family() -> None:
    """Its cache was 3.9 times too large when its family was not known."""
    assert fitted("brandnew", "A100 80GB", context=32_768).memory.kv_cache / 3.9 > (
        sum(t.low for t in fitted("brandnew", "A100 80GB", context=32_768).memory.terms if t.component == "kv_cache")
    )


def test_training_widens_its_band_too() -> None:
    work = Workload(method="lora", context=2048)
    machine = parse.machine("A100 80GB", SPECS).machine
    plain, doubted = (answer(shapes(family), work, machine) for family in ("llama", "brandnew"))
    assert doubted.memory.low < plain.memory.low
    assert doubted.memory.high > plain.memory.high
