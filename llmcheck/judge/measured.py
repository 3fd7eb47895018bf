"""Findings of what was measured: whether results were right, and whether rates are those of a healthy machine.

A rate is compared with the best that is known of it, in this order: what the user demands (``--at-least``), pass
thresholds of published tools, published measurements, and what data sheet or link allow. Only the first two can fail a
machine. A rate that cannot be, or with nothing to compare it with, is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.schema.machine import Gpu, GpuSpec, Machine, counted_gpus
from llmcheck.schema.measurement import Measurement, Trial
from llmcheck.schema.report import Finding, Level, SkipReason, Status
from llmcheck.tables.prove_rate import ProveRate

KIND = "measured"
"""``Finding.kind`` of what was measured."""
NEAR_MEASURED = 0.75
"""A rate under this share of a published measurement is warned of. The measurements are the best of many shapes and
sizes, and ours takes seconds; DCGM passes a card at 0.75 of its power for the same reason (targeted_power)."""
NEAR_PEAK = 0.5
"""The same for what a data sheet or a link allows: DCGM's own minimum for device memory is about half of it."""
ABOVE_PEAK = 1.15
"""Above this share of the peak a rate is not believed: cards may clock a little above the data sheet, not more."""
_PCIE_LANE = {1: 0.25, 2: 0.5, 3: 0.985, 4: 1.969, 5: 3.938, 6: 7.563}
"""GB/s of one lane in one direction, without the overhead of packets, by generation (PCI-SIG)."""
_DEMAND = "to have it judged: --at-least QUANTITY=RATE"
_REMEDIES = {
    "matmul": "look for heat, a lowered power limit and other processes on that GPU: llmcheck machine -v",
    "host-to-device": "compare the PCIe link of that GPU with those of the others: llmcheck machine -v",
    "device-to-host": "compare the PCIe link of that GPU with those of the others: llmcheck machine -v",
    "device-to-device": "look for links between the GPUs that are down: llmcheck machine -v",
    "device-memory": "look for memory errors and heat of that GPU: llmcheck machine -v",
    "all-reduce": "find the slow link: llmcheck prove --only device-device, and llmcheck machine -v",
}
"""What to look at where a rate is too low."""
_RANK: tuple[Status, ...] = ("fail", "warn", "unknown", "skipped", "pass")


class Bar(Struct, frozen=True, kw_only=True):
    """Something to compare a rate with."""

    kind: Literal["minimum", "measured", "peak"]
    rate: float
    words: str
    """Where it is from."""


Cards = Mapping[str, GpuSpec | None]
"""By the name that a program gives a card, what is published of it; None for one that the table does not know."""


def compared(rate: float, bars: Sequence[Bar]) -> tuple[Status, Bar | None]:
    """The status of a rate, and the bar that decides it; ("unknown", None) where there is none.

    Below all minimums it fails, below some it is warned of. A published measurement and a peak count where there is no
    minimum, and can only warn. A rate far above the peak is unknown, whatever else there is.
    """
    minimums = sorted((bar for bar in bars if bar.kind == "minimum"), key=lambda bar: bar.rate)
    measured = sorted((bar for bar in bars if bar.kind == "measured"), key=lambda bar: bar.rate)
    peaks = sorted((bar for bar in bars if bar.kind == "peak"), key=lambda bar: bar.rate)
    if peaks and rate > ABOVE_PEAK * peaks[-1].rate:
        return "unknown", peaks[-1]
    if minimums:
        missed = [bar for bar in minimums if rate < bar.rate]
        if len(missed) == len(minimums):
            return "fail", minimums[0]
        return ("warn", missed[0]) if missed else ("pass", minimums[-1])
    for near, found in ((NEAR_MEASURED, measured), (NEAR_PEAK, peaks)):
        if found:
            return ("warn" if rate < near * found[0].rate else "pass"), found[0]
    return "unknown", None


def findings(
    trial: Trial, machine: Machine, rates: Sequence[ProveRate], cards: Cards, at_least: Mapping[str, float]
) -> list[Finding]:
    """The findings of one check: of its results, and of the rate of each quantity."""
    if trial.state in ("left-out", "not-applicable"):
        return [_skipped(trial)]
    result = _result(trial, machine, cards)
    found = [] if result is None else [result]
    for quantity in trial.quantities:
        measured = [each for each in trial.measurements if each.quantity == quantity]
        with_rate = [each for each in measured if each.rate is not None]
        if with_rate:
            demanded = at_least.get(quantity)
            found.append(_rate(trial, quantity, with_rate, machine, rates, cards, demanded))
        elif quantity in at_least:
            found.append(_not_measured(trial, quantity, measured, at_least[quantity]))
    return found


def _result(trial: Trial, machine: Machine, cards: Cards) -> Finding | None:
    """Whether the check ended well, and with the right results; None for a tool that ended well and compares none."""
    name = f"{trial.check}.result"
    wrong = [each for each in trial.measurements if each.right is False]
    if wrong:
        words = "; ".join(f"{each.subject}: {each.reason or 'wrong'}" for each in wrong)
        return _finding(name, "fail", words, found=f"wrong on {_list(wrong)}")
    reason = trial.reason or next((each.reason for each in trial.measurements if _failed(each)), None)
    level: Level = "required" if _counts(trial, machine) else "info"
    if reason is not None:
        lost = [each for each in trial.measurements if _failed(each)]
        where = f"{_list(lost)}: " if lost and trial.reason is None else ""
        return _finding(name, "unknown", f"{where}{reason}", level=level)
    missing = _missing(trial, machine)
    if missing:
        return _finding(name, "fail", missing, found=missing)
    strange = _strange(trial, machine, cards)
    if strange:
        return _finding(name, "warn", strange, found=strange)
    compared_with = [each for each in trial.measurements if each.right]
    if not compared_with:
        return None
    words = f"right on {_list(compared_with)}"
    return _finding(name, "pass", words, found=words)


def _skipped(trial: Trial) -> Finding:
    reason: SkipReason = "left-out" if trial.state == "left-out" else "not-applicable"
    message = trial.reason or ("left out" if trial.state == "left-out" else "nothing here that it is about")
    return Finding(
        id=trial.check,
        kind=KIND,
        group="hardware",
        level="info",
        status="skipped",
        skipped=reason,
        needed=trial.title,
        message=message,
    )


def _counts(trial: Trial, machine: Machine) -> bool:
    """Whether a machine is not ready as long as this check has not ended well. What lacks something counts where it was
    named, or is about GPUs that are there.
    """
    return trial.state != "cannot" or trial.named or (trial.on_gpus and machine.gpus != ())


def _failed(each: Measurement) -> bool:
    return each.rate is None and each.reason is not None and each.right is None


def _missing(trial: Trial, machine: Machine) -> str | None:
    """Fewer GPUs worked than the machine has; None where none is missing, or the two cannot be compared."""
    usable = counted_gpus(machine)
    if trial.check != "matmul" or len({gpu.vendor for gpu in usable}) != 1:
        return None
    if any(gpu.parent is not None for gpu in usable):  # a process sees one MIG instance
        return None
    worked = len({each.subject for each in trial.measurements if each.card})
    return f"{worked} of {len(usable)} GPUs worked" if 0 < worked < len(usable) else None


def _strange(trial: Trial, machine: Machine, cards: Cards) -> str | None:
    """A card that worked and that the driver does not list; None where there is none."""
    listed = {_key(gpu) for gpu in machine.gpus or ()}
    if not listed or None in listed:
        return None
    for name in dict.fromkeys(each.card for each in trial.measurements if each.card):
        spec = cards.get(name)
        if name not in listed and (spec is None or spec.name not in listed):
            return f"what worked calls itself {name}, which the driver does not list"
    return None


def _key(gpu: Gpu) -> str | None:
    return gpu.spec.name if gpu.spec else gpu.name


def _rate(
    trial: Trial,
    quantity: str,
    measured: Sequence[Measurement],
    machine: Machine,
    rates: Sequence[ProveRate],
    cards: Cards,
    demanded: float | None,
) -> Finding:
    """The worst of the rates of a quantity: each is compared with what is known of it."""
    judged = []
    for each in measured:
        bars = _bars(each, machine, rates, cards) if demanded is None else [_demanded(demanded)]
        judged.append((each, *compared(each.rate or 0.0, bars)))
    worst, status, bar = min(judged, key=lambda each: (_RANK.index(each[1]), _share(each[0], each[2])))
    name = _name(trial, quantity)
    compares = any(each is not None for _, _, each in judged)
    return _finding(
        name,
        status,
        _words(worst, status, bar),
        level="required" if compares else "info",
        needed=_needed(worst, bar),
        found=_found(measured),
        source=bar.words if bar else None,
        remedy=_REMEDIES.get(quantity) if bar else _DEMAND,
    )


def _name(trial: Trial, quantity: str) -> str:
    """Several programs measure the same quantity; of llmcheck's own checks one."""
    return f"{trial.check}.{quantity}" if trial.program else quantity


def _share(each: Measurement, bar: Bar | None) -> float:
    return (each.rate or 0.0) / bar.rate if bar else 0.0


def _not_measured(trial: Trial, quantity: str, measured: Sequence[Measurement], demanded: float) -> Finding:
    reason = trial.reason or next((each.reason for each in measured if each.reason), None) or "it was not measured"
    return _finding(_name(trial, quantity), "unknown", reason, needed=f"at least {demanded:g} (--at-least)")


def _demanded(rate: float) -> Bar:
    return Bar(kind="minimum", rate=rate, words="--at-least")


def _bars(each: Measurement, machine: Machine, rates: Sequence[ProveRate], cards: Cards) -> list[Bar]:
    spec = cards.get(each.card) if each.card else None
    known = [
        Bar(kind=row.kind, rate=row.rate, words=f"{row.source}, {row.source_date}: {row.how}")
        for row in rates
        if row.quantity == each.quantity and row.unit == each.unit and _applies(row, each, spec)
    ]
    peak = _peak(each, machine, spec)
    return [*known, *([peak] if peak else [])]


def _applies(row: ProveRate, each: Measurement, spec: GpuSpec | None) -> bool:
    """Only a row whose card, number of GPUs, size of messages and link are those of the measurement."""
    return (
        (not row.card or (spec is not None and spec.name == row.card))
        and (row.gpus is None or row.gpus == each.gpus)
        and (row.message_bytes is None or (each.message_bytes or 0) >= row.message_bytes)
        and (row.link_gbps is None or row.link_gbps == each.link_gbps)
    )


def _peak(each: Measurement, machine: Machine, spec: GpuSpec | None) -> Bar | None:
    """What data sheet or link allow."""
    if each.quantity == "rdma-write" and each.link_gbps:
        return Bar(kind="peak", rate=each.link_gbps, words="the rate of the port")
    if spec is None:
        return None
    if each.quantity in ("host-to-device", "device-to-host"):
        return _pcie(machine, spec)
    sheet = {
        "matmul": spec.bf16_tflops or spec.fp16_tflops,
        "device-memory": spec.bandwidth_gb_s,
        "device-to-device": spec.nvlink_gb_s and spec.nvlink_gb_s / 2 if _all_linked(machine, spec) else None,
    }.get(each.quantity)
    return Bar(kind="peak", rate=sheet, words=f"data sheet: {spec.source}") if sheet else None


def _all_linked(machine: Machine, spec: GpuSpec) -> bool:
    """All cards of this kind have NVLinks that are up; a bridge may join two of several."""
    same = [gpu for gpu in counted_gpus(machine) if gpu.spec is not None and gpu.spec.name == spec.name]
    return bool(same) and all(gpu.nvlinks for gpu in same)


def _pcie(machine: Machine, spec: GpuSpec) -> Bar | None:
    """The slowest link that cards of this kind could have in their slots."""
    links = []
    for gpu in counted_gpus(machine):
        if gpu.spec is None or gpu.spec.name != spec.name:
            continue
        lane = _PCIE_LANE.get(gpu.pcie.max_generation or 0) if gpu.pcie else None
        if gpu.pcie is None or lane is None or not gpu.pcie.max_width:
            return None
        links.append((lane * gpu.pcie.max_width, gpu.pcie.max_generation, gpu.pcie.max_width))
    if not links:
        return None
    rate, generation, width = min(links)
    return Bar(kind="peak", rate=rate, words=f"PCIe generation {generation} x{width}")


def _words(each: Measurement, status: Status, bar: Bar | None) -> str:
    rate = _number(each)
    if bar is None:
        return "nothing is published to compare it with"
    limit = f"{bar.rate:g} {each.unit}"
    if status == "unknown":
        return f"{each.subject}: {rate} is more than {bar.words} allows ({limit}): not believed"
    if bar.kind == "minimum":
        verb = "at least" if status == "pass" else "below the"
        return f"{each.subject}: {rate}, {verb} {limit} of {bar.words}"
    share = f"{100 * (each.rate or 0.0) / bar.rate:.0f} %"
    return f"{each.subject}: {rate}, {share} of {limit} ({bar.words})"


def _needed(each: Measurement, bar: Bar | None) -> str:
    if bar is None:
        return "no published rate"
    near = {"minimum": 1.0, "measured": NEAR_MEASURED, "peak": NEAR_PEAK}[bar.kind]
    of = {"minimum": "", "measured": f" (75 % of {bar.rate:g})", "peak": f" (half of {bar.rate:g})"}[bar.kind]
    return f"{near * bar.rate:.4g} {each.unit}{of}"


def _found(measured: Sequence[Measurement]) -> str:
    """``741 to 762 TFLOP/s on 8``."""
    rates = sorted(measured, key=lambda each: each.rate or 0.0)
    if _number(rates[0]) == _number(rates[-1]):
        return f"{_number(rates[0])} ({_list(measured)})"
    return f"{_number(rates[0]).split(' ')[0]} to {_number(rates[-1])}, lowest: {rates[0].subject}"


def _number(each: Measurement) -> str:
    return f"{each.rate or 0.0:.3g} {each.unit}" if (each.rate or 0.0) < 1000 else f"{each.rate:,.0f} {each.unit}"


def _list(measured: Sequence[Measurement]) -> str:
    subjects = list(dict.fromkeys(each.subject for each in measured))
    return ", ".join(subjects) if len(subjects) <= 3 else f"{subjects[0]} and {len(subjects) - 1} more"


def _finding(
    name: str,
    status: Status,
    message: str,
    *,
    level: Level = "required",
    needed: str | None = None,
    found: str | None = None,
    source: str | None = None,
    remedy: str | None = None,
) -> Finding:
    return Finding(
        id=name,
        kind=KIND,
        group="hardware",
        level=level,
        status=status,
        needed=needed or "right results",
        found=found,
        message=message,
        source=source,
        remedy=remedy if status in ("fail", "warn", "unknown") else None,
    )
