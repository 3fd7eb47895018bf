"""Other levels than those of a profile."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck import api
from llmcheck.errors import UsageError
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding, Gate, Report
from tests.machines_builder import card, machine

GOOD = machine(card("RTX 3060"))


def judged(profile: str, where: Machine = GOOD, **more: Any) -> Report:
    return api.check([profile], lambda: where, ["software"], **more)


def of(report: Report, name: str) -> Finding:
    return next(each for each in report.profiles[0].findings if each.id == name)


def test_what_is_recommended_warns_where_it_failed() -> None:
    strict = judged("finetune-7b")
    assert of(strict, "gpu").status == "fail"
    mild = judged("finetune-7b", severity={"gpu": "recommended"})
    assert (of(mild, "gpu").level, of(mild, "gpu").status) == ("recommended", "warn")


def test_what_is_required_fails_where_it_warned() -> None:
    assert of(judged("pretrain"), "gpu-class").status == "warn"
    assert of(judged("pretrain", severity={"gpu-class": "required"}), "gpu-class").status == "fail"


def test_alternatives_have_the_level_too() -> None:
    found = api.check(["inference-7b"], lambda: GOOD, severity={"engine": "info"})
    assert (of(found, "engine").level, of(found, "engine").status) == ("info", "warn")


def test_the_computed_line_has_a_level() -> None:
    strict = judged("finetune-13b-30b")
    assert (of(strict, "computed").level, of(strict, "computed").status) == ("required", "fail")
    mild = judged("finetune-13b-30b", severity={"computed": "info"})
    assert (of(mild, "computed").level, of(mild, "computed").status) == ("info", "warn")
    assert [(each.id, each.level, each.stated) for each in mild.gate.severity] == [("computed", "info", "required")]


def test_the_report_says_what_was_changed_and_nothing_else() -> None:
    found = judged("finetune-7b", severity={"gpu": "info", "ram": "required"}, gate=Gate(fail_on="never"))
    assert [(each.profile, each.id, each.level, each.stated) for each in found.gate.severity] == [
        ("finetune-7b", "gpu", "info", "required")
    ]
    assert (found.gate.fail_on, found.exit_code) == ("never", 0)


@pytest.mark.parametrize("name", ["gpuu", "hardware"])
def test_a_name_that_is_no_requirement_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"--severity: there is no requirement '{name}'"):
        judged("minimum", severity={name: "info"})
