"""One verdict and one exit code, computed from the findings."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.schema.report import (
    Finding,
    Level,
    ProfileReport,
    Status,
    Verdict,
    combined,
    exit_code,
    verdict_of,
)


def finding(status: Status, level: Level = "required", cluster: bool = False) -> Finding:
    return Finding(
        id="gpu", kind="gpu", group="hardware", level=level, status=status, needed="", message="", cluster=cluster
    )


def report(verdict: Verdict | None, *findings: Finding) -> ProfileReport:
    return ProfileReport(id="p", title="", task="general", verdict=verdict, findings=findings)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], "ready"),
        ([finding("pass")], "ready"),
        ([finding("pass"), finding("warn")], "ready"),
        ([finding("pass"), finding("skipped")], "ready"),
        ([finding("pass"), finding("unknown")], "undetermined"),
        ([finding("unknown"), finding("fail")], "not-ready"),
        ([finding("fail"), finding("unknown")], "not-ready"),
        ([finding("pass"), finding("skipped", cluster=True)], "undetermined"),
        ([finding("fail"), finding("skipped", cluster=True)], "not-ready"),
        ([finding("unknown", "recommended"), finding("pass")], "ready"),
        ([finding("fail", "info"), finding("pass")], "ready"),
        ([finding("skipped", "recommended", cluster=True)], "ready"),
    ],
)
def test_failing_beats_unknown_beats_ready_and_only_what_is_required_counts(
    findings: list[Finding], verdict: Verdict
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
    assert exit_code(reports, fail_on_warn=strict) == code


statuses = st.sampled_from(["pass", "warn", "fail", "unknown", "skipped"])
some_findings = st.lists(
    st.builds(finding, statuses, st.sampled_from(["required", "recommended", "info"]), st.booleans()), max_size=6
)


@given(some_findings, st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_change_the_verdict(findings: list[Finding], random: Random) -> None:
    shuffled = list(findings)
    random.shuffle(shuffled)
    assert verdict_of(shuffled) == verdict_of(findings)


@given(some_findings, some_findings)
def test_more_findings_never_make_a_verdict_better(first: list[Finding], second: list[Finding]) -> None:
    rank = ["not-ready", "undetermined", "ready"]
    assert rank.index(verdict_of(first + second)) <= rank.index(verdict_of(first))
