"""Scores of predictions against published figures, by group, and a cross-validation over sources."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Group = dict[str, Any]


@dataclass(frozen=True)
class Prediction:
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Labels:
    """What groups a row."""

    id: str
    source: str
    kind: str
    usable_for: str
    tier: str


@dataclass(frozen=True)
class Scored:
    labels: Labels
    figure: float
    expected: float
    low: float
    high: float
    inside: bool

    @property
    def error(self) -> float:
        return self.expected / self.figure - 1

    @property
    def band(self) -> float:
        """Half the width of the band, relative to the prediction."""
        return (self.high - self.low) / 2 / max(self.expected, 1e-9)


@dataclass(frozen=True)
class Unexpressed:
    labels: Labels
    reason: str


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    at = part * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def group(scored: Sequence[Scored], unexpressed: int, *, median_bias: bool = False) -> Group:
    """``rows`` are all, ``expressed`` those with a prediction; the others are None where there is no prediction.

    ``median`` and ``p90`` are of the absolute relative error, ``band`` is the median of half the band's width.
    ``median_bias``: of predicted over published, less one; else the mean.
    """
    found: Group = {"rows": len(scored) + unexpressed, "expressed": len(scored)}
    if not scored:
        return found | dict.fromkeys(("median", "p90", "bias", "inside", "band"))
    errors = [abs(row.error) for row in scored]
    average = statistics.median if median_bias else statistics.fmean
    return found | {
        "median": round(statistics.median(errors), 4),
        "p90": round(percentile(errors, 0.9), 4),
        "bias": round(average([row.error for row in scored]), 4),
        "inside": round(sum(row.inside for row in scored) / len(scored), 4),
        "band": round(statistics.median(row.band for row in scored), 4),
    }


def groups(
    scored: Iterable[Scored],
    unexpressed: Iterable[Unexpressed],
    key: Callable[[Labels], str],
    *,
    median_bias: bool = False,
) -> dict[str, Group]:
    found: dict[str, list[Scored]] = {}
    missing: dict[str, int] = {}
    for row in scored:
        found.setdefault(key(row.labels) or "none given", []).append(row)
    for each in unexpressed:
        name = key(each.labels) or "none given"
        missing[name] = missing.get(name, 0) + 1
    return {
        name: group(found.get(name, []), missing.get(name, 0), median_bias=median_bias)
        for name in sorted({*found, *missing})
    }


def leave_one_source_out(scored: Sequence[Scored], key: Callable[[Labels], str]) -> dict[str, dict[str, Any]]:
    """By group: the error as it is, and with one factor for the group that is fitted on all sources but the row's own.

    The model has no factor that is fitted to sources. Where a fitted one would make the error of unseen sources
    smaller, the model is biased in a way that sources share; where not, sources differ from each other.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({key(row.labels) or "none given" for row in scored}):
        own = [row for row in scored if (key(row.labels) or "none given") == name]
        sources = sorted({row.labels.source for row in own})
        ratios = {
            source: statistics.median(
                math.log(max(row.figure, 1e-9) / max(row.expected, 1e-9)) for row in own if row.labels.source == source
            )
            for source in sources
        }
        if len(sources) < 2:
            continue
        errors = []
        for row in own:
            others = [value for source, value in ratios.items() if source != row.labels.source]
            factor = math.exp(statistics.median(others))
            errors.append(abs(row.expected * factor / row.figure - 1))
        found[name] = {
            "rows": len(own),
            "sources": len(sources),
            "median": round(statistics.median([abs(row.error) for row in own]), 4),
            "p90": round(percentile([abs(row.error) for row in own], 0.9), 4),
            "fitted_median": round(statistics.median(errors), 4),
            "fitted_p90": round(percentile(errors, 0.9), 4),
        }
    return found


def table(title: str, rows: dict[str, Group]) -> list[str]:
    width = max([len(name) for name in rows] + [len(title)])
    lines = [f"{title:<{width}}  rows  expressed  median     p90    bias  inside   band"]
    for name, each in rows.items():
        start = f"{name:<{width}}  {each['rows']:>4}  {each['expressed']:>9}"
        if each["median"] is None:
            lines.append(f"{start}       -       -       -       -      -")
            continue
        lines.append(
            f"{start}  {each['median']:>6.1%}  {each['p90']:>6.1%}  {each['bias']:>+6.1%}"
            f"  {each['inside']:>6.0%}  ±{each['band']:.0%}"
        )
    return [*lines, ""]


def validation_table(rows: dict[str, dict[str, Any]]) -> list[str]:
    title = "without the own source"
    width = max([len(name) for name in rows] + [len(title)])
    lines = [f"{title:<{width}}  rows  sources  median     p90  fitted: median     p90"]
    for name, each in rows.items():
        lines.append(
            f"{name:<{width}}  {each['rows']:>4}  {each['sources']:>7}  {each['median']:>6.1%}  {each['p90']:>6.1%}"
            f"          {each['fitted_median']:>6.1%}  {each['fitted_p90']:>6.1%}"
        )
    return [*lines, ""]
