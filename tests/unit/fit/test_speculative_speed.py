"""Speculative decoding: more tokens a step, against sums by hand and published gains."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck import catalog
from llmcheck.api.model_source import known_model
from llmcheck.fit.speed import speculative, speed
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Band, Speed
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse


def model(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def use(name: str, draft: str | None = None, **values: Any) -> ModelUse:
    stated: dict[str, Any] = {"weights": "bf16", "runtime": "sglang", "context": 1024, **values}
    return ModelUse(model(name), Workload(method="inference", **stated), model(draft) if draft else None)


def on(words: str, wanted: ModelUse) -> Speed:
    cards: tuple[Gpu, ...] = parse.machine(words, catalog.gpu_specs()).machine.gpus or ()
    return speed(wanted, cards)[0]


def rate(found: Band | None) -> Band:
    assert found is not None
    return found


H100 = "NVIDIA H100 80GB HBM3"


def test_a_step_keeps_tokens_up_to_the_first_that_is_wrong() -> None:
    found = speculative.kept(use("llama-3.1-8b", speculative="eagle3", speculative_tokens=3))
    # 1 + 0.7 + 0.49 + 0.343
    assert found.expected == pytest.approx(2.533)
    assert found.low == pytest.approx(1 + 0.5 + 0.25 + 0.125)
    assert speculative.kept(use("qwen3.5-27b", speculative="mtp")).expected == pytest.approx(1.8)


@pytest.mark.parametrize(("batch", "published"), [(1, 373.25 / 158.34), (64, 1.38)])
def test_the_gain_is_as_published(batch: int, published: float) -> None:
    """EAGLE-3 on Llama 3.1 8B with SGLang on one H100 (arXiv 2503.01840): large alone, small in a batch of 64, where
    sampling and the products of all checked tokens take their time."""
    plain = on(H100, use("llama-3.1-8b", batch=batch))
    faster = on(H100, use("llama-3.1-8b", batch=batch, speculative="eagle3"))
    before, after = (rate(each.decode if batch == 1 else each.batch) for each in (plain, faster))
    assert after.low < published * before.expected < after.high
    assert after.expected / before.expected == pytest.approx(published, rel=0.2)


def test_the_first_further_layer_of_deepseek_v3_gains_as_published() -> None:
    """1.8 times the tokens per second, of 85 to 90 % accepted (arXiv 2412.19437)."""
    gains = [rate(on(f"8x {H100}", use("deepseek-v3", speculative=each)).decode) for each in (None, "mtp")]
    assert gains[1].low < 1.8 * gains[0].expected < gains[1].high


def test_a_second_model_is_read_once_for_each_proposed_token() -> None:
    found = {
        count: on(
            H100, use("qwen3-32b", "qwen3-0.6b", weights="fp8", speculative="qwen3-0.6b", speculative_tokens=count)
        )
        for count in (1, 4)
    }
    own = {count: sum(time.expected for time in each.times if time.cause == "propose") for count, each in found.items()}
    tokens = {1: 1.7, 4: 1 + 0.7 + 0.7**2 + 0.7**3 + 0.7**4}
    assert own[4] * tokens[4] == pytest.approx(4 * own[1] * tokens[1])


def test_a_rate_is_the_sum_of_its_times_and_its_band_is_wider() -> None:
    plain, found = (on(H100, use("llama-3.1-8b", speculative=each)) for each in (None, "eagle3"))
    seconds = sum(each.expected for each in found.times if each.rate == "decode" and not each.hidden)
    band, before = rate(found.decode), rate(plain.decode)
    assert band.expected == pytest.approx(1 / seconds)
    assert band.low / band.expected < before.low / before.expected
    assert band.high / band.expected > before.high / before.expected
    assert "propose" not in {each.cause for each in plain.times}


@pytest.mark.parametrize("words", ["", "1x A10, 64GB RAM"])
def test_it_is_stated_wherever_a_speed_is(words: str) -> None:
    wanted = use("qwen3-8b", runtime="llama.cpp", weights="q4_k_m", speculative="eagle")
    cards = (parse.machine(words, catalog.gpu_specs()).machine.gpus or ()) if words else ()
    found, notes = speed(wanted, cards)
    assert found.decode is not None
    assert any("speculative decoding: 3 proposed at a time" in note and "depends on the text" in note for note in notes)
