"""Scores the estimated speed against published figures: one file of rows, by kind and by source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import speed_words as words
from published_rows import NotModelledError, Row, integer, number, text
from scoring import Labels, Prediction, Scored, Unexpressed, groups, leave_one_source_out, table, validation_table

from llmcheck.errors import LlmcheckError
from llmcheck.fit.speed import speed
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Band, Speed


@dataclass
class Speeds:
    scored: list[Scored] = field(default_factory=list)
    unexpressed: list[Unexpressed] = field(default_factory=list)


def kind_of(row: Row) -> str:
    """``decode`` of one sequence, ``decode-batch`` of several, or what the row says."""
    kind = text(row, "kind")
    return "decode-batch" if kind == "decode" and (integer(row, "micro_batch") or 1) > 1 else kind


def labels_of(row: Row, position: int) -> Labels:
    name = row.get("id") or f"row {position + 2}"
    return Labels(name, row.get("source_key") or "", kind_of(row), "", row.get("tier") or "")


def predict(row: Row) -> Prediction:
    """Raises ``NotModelledError``."""
    kind = words.one_of(row, "kind", words.KINDS)
    per = words.one_of(row, "per", words.PER)
    gpus = words.gpus_of(row)
    model = words.architecture(row)
    work = words.training(row) if kind == "train" else words.inference(row)
    total = integer(row, "global_batch")
    ranks = max(len(gpus) // (work.tensor_parallel * work.pipeline_parallel * work.context_parallel), 1)
    steps = round(total / (work.batch * ranks)) if total and kind == "train" else 1
    use = ModelUse(model, work)
    before = words.cached(row) if kind == "prefill" else 0
    found, notes = speed(use, gpus, accumulation=max(steps, 1), cached=before, fp8_products=words.in_fp8(row))
    band = _band(found, kind, work.batch)
    if band is None:
        raise NotModelledError("; ".join(notes) or "no speed")
    share = _share(per, kind, work.batch, len(gpus))
    return Prediction(band.expected * share, band.low * share, band.high * share)


def _band(found: Speed, kind: str, batch: int) -> Band | None:
    """Tokens per second of all GPUs and sequences."""
    if kind == "train":
        return found.train
    if kind == "prefill":
        return found.prefill
    if kind == "serve" and found.served is not None:
        return found.served
    return found.decode if batch == 1 else found.batch


def _share(per: str, kind: str, batch: int, gpus: int) -> float:
    if per == "gpu":
        return 1 / gpus
    if per == "sequence":
        if kind == "train":
            raise NotModelledError("training is not measured per sequence")
        return 1 / batch
    return 1.0


def evaluate(rows: list[Row], tiers: set[str] | None = None) -> Speeds:
    result = Speeds()
    for position, row in enumerate(rows):
        if tiers and (row.get("tier") or "") not in tiers:
            continue
        labels = labels_of(row, position)
        try:
            figure = number(row, "tokens_per_second")
            if not figure or not 0 < figure < 1e12:
                raise NotModelledError("no speed in tokens per second")
            found = predict(row)
            inside = found.low <= figure <= found.high
            result.scored.append(Scored(labels, figure, found.expected, found.low, found.high, inside))
        except (NotModelledError, LlmcheckError) as error:
            result.unexpressed.append(Unexpressed(labels, f"row {position + 2}, {error}"))
        except (ArithmeticError, ValueError, TypeError, KeyError) as error:
            result.unexpressed.append(Unexpressed(labels, f"row {position + 2}, {type(error).__name__}: {error}"))
    return result


def document(result: Speeds, *, validated: bool = False) -> dict[str, Any]:
    scored, missing = result.scored, result.unexpressed
    worst = sorted(scored, key=lambda row: -max(row.expected / row.figure, row.figure / row.expected))[:15]
    found: dict[str, Any] = {
        "speed_by_kind": groups(scored, missing, lambda each: each.kind, median_bias=True),
        "speed_by_source": groups(scored, missing, lambda each: f"{each.source}: {each.kind}", median_bias=True),
        "unexpressed": [{"id": each.labels.id, "reason": each.reason} for each in missing],
        "worst": [
            {"id": row.labels.id, "figure": row.figure, "expected": row.expected, "error": round(row.error, 4)}
            for row in worst
        ],
    }
    if validated:
        found["leave_one_source_out"] = leave_one_source_out(scored, lambda each: each.kind)
    return found


def as_text(found: dict[str, Any]) -> str:
    lines = table("kind", found["speed_by_kind"]) + table("source: kind", found["speed_by_source"])
    if "leave_one_source_out" in found:
        lines += validation_table(found["leave_one_source_out"])
    lines += ["farthest away"]
    lines += [
        f"  {row['error']:+.0%}  {row['id']}: {row['expected']:,.1f} for {row['figure']:,.1f} tokens/s"
        for row in found["worst"]
    ]
    lines += ["", f"not expressed: {len(found['unexpressed'])}"]
    return "\n".join([*lines, *(f"  {row['id']}: {row['reason']}" for row in found["unexpressed"])])
