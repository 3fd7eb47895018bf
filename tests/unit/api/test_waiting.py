"""Waiting for a machine, with a clock that the test moves."""

from __future__ import annotations

import pytest

from llmcheck.api import until_ready
from llmcheck.errors import InspectionError
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Report

NOT_INSPECTED = -1


class Played:
    """A machine whose reports have these exit codes, one after the other, and a clock that only sleeping moves."""

    def __init__(self, *codes: int, judging: float = 0.0) -> None:
        self.codes, self.judging = list(codes), judging
        self.now = 100.0
        self.slept: list[float] = []
        self.said: list[tuple[int, float]] = []

    def judge(self) -> Report:
        self.now += self.judging
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        if code == NOT_INSPECTED:
            raise InspectionError("nothing was read")
        return Report(llmcheck="0", created_at="", verdict="ready", exit_code=code, profiles=(), machine=Machine())

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def waited(self, seconds: float, interval: float) -> Report:
        return until_ready(
            self.judge,
            seconds,
            interval,
            said=lambda report, left: self.said.append((report.exit_code, left)),
            clock=self.clock,
            sleep=self.sleep,
        )


def test_a_machine_that_is_ready_is_not_waited_for() -> None:
    played = Played(0)
    found = played.waited(120, 5)
    assert (found.exit_code, found.gate.tries, played.slept, played.said) == (0, 1, [], [])


def test_it_is_judged_again_until_it_is_ready() -> None:
    played = Played(1, 3, 0, 1)
    found = played.waited(120, 5)
    assert (found.exit_code, found.gate.tries, played.slept) == (0, 3, [5, 5])
    assert played.said == [(1, 120), (3, 115)]


def test_the_last_try_is_at_the_end_of_the_time() -> None:
    played = Played(1)
    found = played.waited(12, 5)
    assert (found.exit_code, found.gate.tries, played.slept) == (1, 4, [5, 5, 2])


def test_the_time_of_a_try_counts() -> None:
    played = Played(1, judging=7)
    found = played.waited(12, 5)
    assert (found.gate.tries, played.slept) == (2, [5])


def test_an_inspection_that_failed_is_tried_again() -> None:
    played = Played(NOT_INSPECTED, 1, 0)
    found = played.waited(120, 5)
    assert (found.exit_code, found.gate.tries, played.slept) == (0, 3, [5, 5])
    with pytest.raises(InspectionError, match="nothing was read"):
        Played(NOT_INSPECTED).waited(12, 5)


@pytest.mark.parametrize("code", [0, 2])
def test_what_no_time_mends_is_answered_at_once(code: int) -> None:
    played = Played(code, 0)
    assert played.waited(120, 5).exit_code == code
    assert played.slept == []
