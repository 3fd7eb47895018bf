"""The class of a format by its published loss."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from llmcheck import catalog
from llmcheck.errors import UsageError
from llmcheck.fit.quality import quality_class
from llmcheck.tables.quantisation_loss import QuantisationLoss

LOSSES = catalog.quantisation_losses()
DAY = datetime.date(2026, 11, 27)
ORDER = ("lossless", "negligible", "small", "noticeable", "large")


def loss(value: float, kind: Any, baseline: float = 1.0) -> Mapping[str, QuantisationLoss]:
    row = QuantisationLoss(
        format="q4_0", model="M", kind=kind, metric="m", baseline=baseline, value=value, source="s", as_of=DAY
    )
    return {"q4_0": row}


def class_of(name: str, losses: Mapping[str, QuantisationLoss] = LOSSES, published: str | None = None) -> str | None:
    found = quality_class(name, losses, published=published)
    return None if found is None else found.class_


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bf16", "lossless"), ("q8_0", "negligible"), ("q6_k", "negligible"), ("q5_k_m", "negligible"),
        ("fp8", "negligible"), ("int8", "negligible"), ("q4_k_m", "small"), ("iq4_xs", "small"),
        ("q3_k_m", "noticeable"), ("nf4", "noticeable"), ("awq", "noticeable"), ("gptq-4bit-g128", "noticeable"),
        ("mlx-4bit", "small"), ("mlx-3bit", "large"), ("q2_k", "large"), ("iq2_xxs", "large"),
        ("exl3-6.0", "negligible"), ("exl3-4.0", "small"), ("exl3-2.0", "large"),
    ],
)  # fmt: skip
def test_the_class_of_a_format(name: str, expected: str) -> None:
    assert class_of(name) == expected


@pytest.mark.parametrize("name", ["mlx-2bit", "gptq-8bit-g128", "awq-8bit", "tq1_0", "mxfp4", "exl3-1.5"])
def test_a_format_without_a_published_loss_has_no_class(name: str) -> None:
    assert quality_class(name, LOSSES) is None


def test_the_format_in_which_a_model_is_published_loses_nothing() -> None:
    assert class_of("mxfp4", published="mxfp4") == "lossless"
    assert class_of("nf4", published="fp8") == "noticeable"
    assert class_of("fp8", published="bf16") == "negligible"


@pytest.mark.parametrize(
    ("name", "same"),
    [("Q4_K_M", "q4_k_m"), ("q4_k_l", "q4_k_m"), ("awq-4bit-g64", "awq"), ("gptq-4bit-g32+head", "gptq-4bit-g128"),
     ("nf4-dq", "nf4"), ("gptq", "gptq-4bit"), ("exl3-4.5", "exl3-4.0"), ("exl3-8.0", "exl3-6.0"),
     ("mlx-8bit", "mlx-6bit"), ("mlx-4bit-g32", "mlx-4bit"), ("mlx", "mlx-4bit")],
)  # fmt: skip
def test_a_variant_has_the_class_of_what_was_measured(name: str, same: str) -> None:
    assert quality_class(name, LOSSES) == quality_class(same, LOSSES) is not None


@pytest.mark.parametrize(
    "ladder", [("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "q2_k"), ("exl3-6.0", "exl3-5.0", "exl3-3.0", "exl3-2.0")]
)
def test_fewer_bits_never_are_a_better_class(ladder: tuple[str, ...]) -> None:
    classes = [ORDER.index(class_of(name) or "") for name in ladder]
    assert classes == sorted(classes)


@pytest.mark.parametrize(
    ("kind", "baseline", "value", "expected"),
    [
        ("perplexity", 10.0, 10.19, "negligible"), ("perplexity", 10.0, 10.21, "small"),
        ("perplexity", 10.0, 10.51, "noticeable"), ("perplexity", 10.0, 11.21, "large"),
        ("divergence", 0.0, 0.019, "negligible"), ("divergence", 0.0, 0.02, "small"),
        ("divergence", 0.0, 0.05, "noticeable"), ("divergence", 0.0, 0.12, "large"),
        ("score", 100.0, 99.5, "negligible"), ("score", 100.0, 99.0, "small"), ("score", 100.0, 96.0, "noticeable"),
        ("score", 100.0, 95.0, "large"), ("score", 100.0, 101.0, "negligible"),
    ],
)  # fmt: skip
def test_the_limits_of_a_class(kind: str, baseline: float, value: float, expected: str) -> None:
    assert class_of("q4_0", loss(value, kind, baseline)) == expected


def test_a_class_names_its_source() -> None:
    found = quality_class("q4_k_m", LOSSES)
    assert found is not None
    assert found.model == "LLaMA-3-8B"
    assert found.delta == pytest.approx(0.1755, abs=1e-3)
    assert found.delta_percent == pytest.approx(2.82, abs=0.01)
    assert found.as_of == datetime.date(2026, 8, 15)


def test_a_loss_is_positive_for_every_measure() -> None:
    score = quality_class("q4_0", loss(0.9, "score"))
    divergence = quality_class("q4_0", loss(0.03, "divergence", 0.0))
    assert score is not None
    assert score.delta == pytest.approx(0.1)
    assert score.delta_percent == pytest.approx(10)
    assert divergence is not None
    assert (divergence.delta, divergence.delta_percent) == (0.03, None)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError):
        quality_class("q9_z", LOSSES)
