"""One verdict and one exit code, computed from the findings."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck.schema.report import (
    Finding,
    Gate,
    Level,
    ProfileReport,
    SkipReason,
    Status,
    Verdict,
    combined,
    exit_code,
    not_counted,
    verdict_of,
)


def finding(status: Status, level: Level = "required", skipped: SkipReason | None = None) -> Finding:
    return Finding(
        id="gpu", kind="gpu", group="hardware", level=level, status=status, needed="", message="", skipped=skipped
    )


def report(verdict: Verdict | None, *findings: Finding) -> ProfileReport:
    return ProfileReport(id="p", title="", task="general", verdict=verdict, findings=findings)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], None),
        ([finding("pass")], "ready"),
        ([finding("pass"), finding("warn")], "ready"),
        ([finding("pass"), finding("skipped")], "undetermined"),
        ([finding("pass"), finding("skipped", skipped="blocked")], "undetermined"),
        ([finding("pass"), finding("skipped", skipped="not-applicable")], "ready"),
        ([finding("pass"), finding("skipped", skipped="left-out")], "ready"),
        ([finding("pass"), finding("skipped", skipped="not-stated")], "ready"),
        ([finding("pass", "info"), finding("skipped", skipped="left-out")], "ready"),
        ([finding("unknown", "info"), finding("skipped", skipped="left-out")], "undetermined"),
        ([finding("skipped", skipped="left-out"), finding("skipped", skipped="not-stated")], None),
        ([finding("pass"), finding("unknown")], "undetermined"),
        ([finding("unknown"), finding("fail")], "not-ready"),
        ([finding("fail"), finding("unknown")], "not-ready"),
        ([finding("pass"), finding("skipped", skipped="cluster")], "undetermined"),
        ([finding("fail"), finding("skipped", skipped="cluster")], "not-ready"),
        ([finding("unknown", "recommended"), finding("pass")], "ready"),
        ([finding("fail", "info"), finding("pass")], "ready"),
        ([finding("skipped", "recommended", "cluster"), finding("pass")], "ready"),
        ([finding("skipped", "recommended", "cluster")], "undetermined"),
    ],
)
def test_failing_beats_unknown_beats_ready_and_only_what_is_required_counts(
    findings: list[Finding], verdict: Verdict | None
) -> None:
    assert verdict_of(findings) == verdict


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["ready"], "ready"),
        (["ready", "undetermined"], "undetermined"),
        (["undetermined", "not-ready", "ready"], "not-ready"),
        (["ready", None], None),
        (["undetermined", None, "ready"], None),
        (["undetermined", None, "not-ready"], "not-ready"),
        ([], None),
    ],
)
def test_the_verdict_over_profiles_is_the_worst(verdicts: list[Verdict | None], worst: Verdict | None) -> None:
    assert combined(verdicts) == worst
    assert combined(reversed(verdicts)) == worst


@pytest.mark.parametrize(
    ("reports", "strict", "code"),
    [
        ([report("ready", finding("pass"))], False, 0),
        ([report("ready", finding("warn"))], False, 0),
        ([report("ready", finding("warn"))], True, 4),
        ([report("ready", finding("pass"))], True, 0),
        ([report("not-ready", finding("fail"), finding("warn"))], True, 1),
        ([report("undetermined", finding("unknown"), finding("warn"))], True, 3),
        ([report("ready", finding("warn")), report("undetermined")], True, 3),
        ([report("undetermined"), report("not-ready")], False, 1),
        ([report("ready"), report("ready", finding("warn"))], True, 4),
        ([report(None, finding("skipped"))], False, 2),
        ([report("ready", finding("warn")), report(None)], True, 2),
        ([report("undetermined"), report(None)], False, 2),
        ([report(None), report("not-ready")], False, 1),
    ],
)
def test_the_exit_code_shows_warnings_only_with_fail_on_warn(
    reports: list[ProfileReport], strict: bool, code: int
) -> None:
    assert exit_code(reports, Gate(fail_on="warn" if strict else "unknown")) == code


def test_only_required_lines_with_one_of_the_three_reasons_are_listed_as_not_counted() -> None:
    reasons: tuple[SkipReason, ...] = ("not-applicable", "left-out", "not-stated", "blocked", "cluster")
    each = [replace(finding("skipped", skipped=reason), id=reason) for reason in reasons]
    assert not_counted([*each, finding("pass"), finding("skipped", "info", "left-out")]) == reasons[:3]


statuses = st.sampled_from(["pass", "warn", "fail", "unknown", "skipped"])
reasons = st.none() | st.sampled_from(["not-applicable", "left-out", "not-stated", "blocked", "cluster"])
some_findings = st.lists(
    st.builds(finding, statuses, st.sampled_from(["required", "recommended", "info"]), reasons), max_size=6
)


@given(some_findings, st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_change_the_verdict(findings: list[Finding], random: Random) -> None:
    shuffled = list(findings)
    random.shuffle(shuffled)
    assert verdict_of(shuffled) == verdict_of(findings)


@given(some_findings, some_findings)
def test_more_findings_never_mend_what_a_required_one_decides(first: list[Finding], second: list[Finding]) -> None:
    required, more = [each for each in first if each.level == "required"], verdict_of(first + second)
    if verdict_of(required) == "not-ready":
        assert more == "not-ready"
    if verdict_of(required) == "undetermined":
        assert more in ("not-ready", "undetermined")
