"""How much a format of weights takes from a model's quality, by published measurements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct

from llmcheck.fit.shapes import formats
from llmcheck.tables.quantisation_loss import QuantisationLoss

Class = Literal["lossless", "negligible", "small", "noticeable", "large"]

_LIMITS: dict[str, tuple[tuple[float, Class], ...]] = {
    "perplexity": ((2.0, "negligible"), (5.0, "small"), (12.0, "noticeable")),
    "divergence": ((0.02, "negligible"), (0.05, "small"), (0.12, "noticeable")),
    "score": ((0.6, "negligible"), (1.5, "small"), (4.6, "noticeable")),
}
"""The loss below which a class holds: percent of perplexity, nats, percent of a score.

They say one yardstick in three ways. llama.cpp measured perplexity and divergence of the GGUF formats of Llama 3 8B,
matt-c1/llama-3-quant-comparison (2024-05-16) MMLU of the same formats of its instruct model: 65.2 without quantisation,
with a standard error of 0.4 points. Negligible is what MMLU cannot tell: Q5_K_S and finer lose 0.3 points at most,
raise perplexity by at most 1.7 % and diverge by at most 0.017. Small is less than one point: Q4_K_S, Q4_K_M and IQ4_XS
raise it by at most 4.3 % and diverge by at most 0.043. Noticeable is up to three points: Q3_K_M to IQ3_S raise it by up
to 11.8 % and diverge by up to 0.111. The next, IQ3_XS, loses four points, Q2_K nine. The limits of a score are 0.4, 1
and 3 points of 65.2.
"""
_PLAIN = ("fp32", "bf16", "fp16")
_WIDTH = re.compile(r"(exl3|mlx)-(\d+(?:\.\d+)?)(?:bit)?")
"""Of a scheme that comes in any width."""


class QualityClass(Struct, frozen=True, kw_only=True):
    class_: Class
    """``lossless``: as the model was published; else by ``_LIMITS``."""
    metric: str
    delta_percent: float | None
    """How much worse than before, positive for a loss; None for a divergence, which has no percent."""
    delta: float
    """The same in the metric's own unit, positive for a loss."""
    model: str | None
    """What it was measured on; None where nothing had to be measured."""
    source: str
    as_of: date | None


def quality_class(
    name: str, losses: Mapping[str, QuantisationLoss], *, published: str | None = None
) -> QualityClass | None:
    """The class of weights in the format ``name``; None where no loss is published that could tell.

    ``published``: the format that the model itself is published in (``Architecture.dtype``), which loses nothing.
    Raises UnknownFormatError.
    """
    wanted = _bare(name)
    if wanted in _PLAIN or (published is not None and wanted == _bare(published)):
        return QualityClass(
            class_="lossless",
            metric="the weights as they are published",
            delta_percent=0.0,
            delta=0.0,
            model=None,
            source="nothing is quantised",
            as_of=None,
        )
    found = _row(wanted, losses)
    if found is None:
        return None
    sign = -1 if found.kind == "score" else 1
    delta = sign * (found.value - found.baseline)
    percent = None if found.kind == "divergence" else 100 * delta / found.baseline
    measured = delta if percent is None else percent
    class_: Class = next((each for limit, each in _LIMITS[found.kind] if measured < limit), "large")
    return QualityClass(
        class_=class_,
        metric=found.metric,
        delta_percent=percent,
        delta=delta,
        model=found.model,
        source=found.source,
        as_of=found.as_of,
    )


def _bare(name: str) -> str:
    """The name of the format without what says little of its loss: group size, double quantisation, the projection."""
    text = formats.weights(name).name.removesuffix("+head")
    text = formats.LARGE.get(text, text)
    text = re.sub(r"-g\d+$", "", text)
    return {"nf4-dq": "nf4", "gptq": "gptq-4bit"}.get(text, text.removesuffix("-4bit") if "awq" in text else text)


def _row(name: str, losses: Mapping[str, QuantisationLoss]) -> QuantisationLoss | None:
    """Its own row; where a scheme comes in many widths, else that of the next coarser one: a finer one loses less."""
    own = losses.get(name)
    match = _WIDTH.fullmatch(name)
    if own is not None or match is None:
        return own
    widths = (_WIDTH.fullmatch(each) for each in losses)
    coarser = [each for each in widths if each and each[1] == match[1] and float(each[2]) < float(match[2])]
    return losses[max(coarser, key=lambda each: float(each[2]))[0]] if coarser else None
