"""Has the checks that do work run, one after the other, and judges what they measured."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from llmcheck import __version__, catalog, codec
from llmcheck import prove as checks_that_work
from llmcheck.api.inspection import MachineSource
from llmcheck.errors import UsageError
from llmcheck.gpus.identify import identify
from llmcheck.judge import measured
from llmcheck.prove import Request, running
from llmcheck.schema.machine import Gpu, GpuSpec, Machine
from llmcheck.schema.measurement import Measurement, Trial
from llmcheck.schema.report import (
    PLAIN_GATE,
    Gate,
    ProfileReport,
    Report,
    combined,
    counts_of,
    exit_code,
    not_counted,
    verdict_of,
)
from llmcheck.schema.responses import WorkCheck, WorkChecks
from llmcheck.system.host import Host

_ID = "prove"
_TITLE = "What this machine does under load"
_LONGEST = 3
"""No check takes more than this part of the time for all: one that hangs leaves time for the others."""
_LEAST_SECONDS = 5.0
_MOST_MEASURING = 5.0


def work_checks() -> WorkChecks:
    """All checks that do work, and whether the program of each is here."""
    host, found = Host(), []
    for name in checks_that_work.ids():
        what = checks_that_work.check(name)
        path = host.which(what.program) if what.program else None
        found.append(
            WorkCheck(
                id=name,
                title=what.title,
                quantities=what.quantities,
                needs_torch=what.needs_torch,
                program=what.program,
                path=path,
            )
        )
    return WorkChecks(checks=tuple(found))


def prove(
    machine: MachineSource,
    request: Callable[[Machine], Request],
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    at_least: Mapping[str, float] | None = None,
    seconds: float = 60.0,
    fail_on_warn: bool = False,
    watch: Callable[[str], None] | None = None,
) -> Report:
    """Runs the checks within about so many ``seconds`` and judges what they measured.

    ``request``: what the user asked for, of the machine; ``only``: the only checks that run; without it all but those
    of other programs. ``at_least``: rates that are demanded, by quantity. ``watch``: told the id of each check before
    it runs. Raises UsageError for an unknown check or quantity.
    """
    names = checks_that_work.ids()
    _refuse_unknown((*only, *skip), names, "check")
    quantities = {each for name in names for each in checks_that_work.check(name).quantities}
    _refuse_unknown(tuple(at_least or ()), tuple(sorted(quantities)), "quantity")
    found = machine()
    asked = request(found)
    runs = [name for name in names if _runs(name, only, skip)]
    begun, trials = time.monotonic(), []
    for name in names:
        what = checks_that_work.check(name)
        if name not in runs and only and runs:  # the user knows that the others do not run
            continue
        if name not in runs:
            trials.append(running.trial(name, what, "left-out", reason=_left_out(name)))
            continue
        left = seconds - (time.monotonic() - begun)
        if left <= 0:
            trials.append(
                running.trial(name, what, "failed", reason=f"not run: the {seconds:g} s were over (--seconds)")
            )
            continue
        if watch is not None:
            watch(name)
        limit = left if len(runs) == 1 else min(left, max(seconds / _LONGEST, _LEAST_SECONDS))
        timed = msgspec.structs.replace(
            asked, deadline=limit, seconds=min(_MOST_MEASURING, max(0.3, seconds / (4 * len(runs))))
        )
        trials.append(_tried(name, timed))
    trials = [msgspec.structs.replace(each, named=each.check in only) for each in trials]
    return _report(found, trials, at_least or {}, fail_on_warn=fail_on_warn)


def _left_out(name: str) -> str | None:
    """What is to be said of a program of others that was not to run."""
    program = checks_that_work.check(name).program
    if program is None:
        return None
    path = Host().which(program)
    return f"not on PATH: {program}" if path is None else f"{path} runs with --only {name}"


def _refuse_unknown(given: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise UsageError(f"no {what} '{name}'{codec.did_you_mean(name, known)}; known: {', '.join(known)}")


def _runs(name: str, only: Sequence[str], skip: Sequence[str]) -> bool:
    if name in skip:
        return False
    return name in only if only else checks_that_work.check(name).program is None


def _tried(name: str, request: Request) -> Trial:
    host, program = Host(), checks_that_work.check(name).program
    path = host.which(program) if program else None
    if program and path is None:
        return running.trial(name, checks_that_work.check(name), "cannot", reason=f"{program} is not on PATH")
    return running.run(name, request, host.environ, {program: path} if program and path else {})


def _report(machine: Machine, trials: Sequence[Trial], at_least: Mapping[str, float], *, fail_on_warn: bool) -> Report:
    gate = Gate(fail_on="warn") if fail_on_warn else PLAIN_GATE
    measurements = tuple(each for trial in trials for each in trial.measurements)
    cards = _cards(measurements)
    rates = catalog.prove_rates()
    found = [one for trial in trials for one in measured.findings(trial, machine, rates, cards, at_least)]
    judged = ProfileReport(
        id=_ID,
        title=_TITLE,
        task="prove",
        verdict=verdict_of(found),
        hardware=verdict_of(found),
        findings=tuple(found),
        counts=counts_of(found),
        not_counted=not_counted(found),
    )
    return Report(
        llmcheck=__version__,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        verdict=combined([judged.verdict]),
        exit_code=exit_code([judged], gate),
        gate=gate,
        profiles=(judged,),
        machine=machine,
        measurements=measurements,
    )


def _cards(measurements: Sequence[Measurement]) -> dict[str, GpuSpec | None]:
    """What is published of each card, by the name that a program gave it."""
    named = {each.card: each for each in measurements if each.card and each.vendor}
    gpus = tuple(
        Gpu(vendor=each.vendor or "", name=name, memory_total=each.card_memory) for name, each in named.items()
    )
    known = identify(Machine(gpus=gpus), catalog.gpu_specs()).gpus or ()
    return {name: gpu.spec for name, gpu in zip(named, known, strict=True)}
