"""The formats for programs: whatever stands in a report, their readers read it, and count what is in it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tap.parser import Parser

from llmcheck.errors import UsageError
from llmcheck.judge.difference import with_baseline
from llmcheck.printable import printable
from llmcheck.render import Options, format_module
from llmcheck.render.views.findings import why_nothing
from llmcheck.schema.machine import Identity, Machine
from llmcheck.schema.report import (
    PLAIN_GATE,
    Finding,
    Gate,
    ProfileReport,
    Report,
    combined,
    counts_of,
    exit_code,
    verdict_of,
)
from tests import reading
from tests.unit.strategies import machines

HOSTILE = (
    "]]> <!-- & \" ' </testcase>",
    "line\nbreak\r\n::error title=x::y",
    "a | b; c && d $(e) `f` %0A %25",
    "ok 3 - no # SKIP yes \\# \\",
    "\x1b[31mred\x00\u202e\ufffe\uffff",
    'label="x\\"\n',
    "é ✗ 漢字 🙂",
    "x" * 3000,
    "",
)
texts = st.sampled_from(HOSTILE) | st.text(max_size=30)
some_findings = st.builds(
    Finding,
    id=st.sampled_from(["gpu", "ram", "disk.free"]) | texts.filter(bool),
    kind=st.sampled_from(["gpu", "fit", "package"]),
    group=st.sampled_from(["hardware", "software"]),
    level=st.sampled_from(["required", "recommended", "info"]),
    tags=st.lists(texts, max_size=2, unique=True).map(tuple),
    status=st.sampled_from(["pass", "warn", "fail", "unknown", "skipped"]),
    skipped=st.none() | st.sampled_from(["left-out", "blocked", "cluster"]),
    needed=texts,
    found=st.none() | texts,
    message=texts.filter(str.strip),
    remedy=st.none() | texts,
    why=st.none() | texts,
    source=st.none() | texts,
    installs=st.none() | texts,
)


def profile_of(findings: list[Finding], name: str, path: str | None) -> ProfileReport:
    unique = tuple({each.id: each for each in findings}.values())
    return ProfileReport(
        id=name,
        path=path,
        title=name,
        task="general",
        verdict=verdict_of(unique),
        findings=unique,
        counts=counts_of(unique),
    )


def report_of(profiles: list[ProfileReport], where: Machine, gate: Gate = PLAIN_GATE) -> Report:
    return Report(
        llmcheck="0.1.0",
        created_at="2026-11-22T12:00:00+00:00",
        verdict=combined(each.verdict for each in profiles),
        exit_code=exit_code(profiles, gate),
        profiles=tuple(profiles),
        machine=where,
        gate=gate,
    )


@st.composite
def some_reports(draw: st.DrawFn) -> Report:
    names = draw(st.lists(st.sampled_from(["mine", "node-7b", "a.b"]), min_size=1, max_size=3, unique=True))
    profiles = [
        profile_of(
            draw(st.lists(some_findings, max_size=14)), name, draw(st.none() | texts.filter(bool).map(printable))
        )
        for name in names
    ]
    where = replace(draw(machines()), identity=Identity(hostname=draw(st.none() | texts)))
    gate = Gate(fail_on=draw(st.sampled_from(["required", "unknown", "warn", "never"])))
    found = report_of(profiles, where, gate)
    if not draw(st.booleans()):
        return found
    known = with_baseline(found, report_of(profiles[: draw(st.integers(0, 3))], where), "old.json")
    return replace(known, exit_code=exit_code(known.profiles, known.gate))


@pytest.mark.parametrize("name", reading.READERS)
@settings(max_examples=25)
@given(report=some_reports())
def test_a_reader_counts_what_is_in_the_report(name: str, report: Report) -> None:
    text = format_module(name).render(report, Options())
    counted, wanted = reading.READERS[name](text), reading.expected(name, report)
    if wanted is not None:
        assert +Counter(counted) == +Counter(wanted)


@pytest.mark.parametrize("name", [each for each in reading.READERS if each != "json"])
def test_the_overview_has_no_verdict_and_so_no_such_format(name: str) -> None:
    overview = replace(report_of([], Machine()), exit_code=0)
    with pytest.raises(TypeError, match="only a report"):
        format_module(name).render(overview, Options())


def failing(**changes: Any) -> Finding:
    finding = Finding(
        id="gpu",
        kind="gpu",
        group="hardware",
        level="required",
        status="fail",
        needed="24 GB",
        found="12 GB",
        message="12 GB; needs 24 GB",
        remedy="add a GPU",
    )
    return replace(finding, **changes)


def one(*findings: Finding, path: str | None = None, gate: Gate = PLAIN_GATE) -> Report:
    return report_of([profile_of(list(findings), "mine", path)], Machine(), gate)


def test_the_first_line_says_what_to_do() -> None:
    report = one(failing())
    junit = format_module("junit").render(report, Options())
    assert '<failure message="Add a GPU (12 GB; needs 24 GB)" type="not met">Add a GPU\n' in junit
    assert (
        format_module("github")
        .render(report, Options())
        .startswith("::error title=mine/gpu%3A not met::Add a GPU%0A12 GB; needs 24 GB%0A")
    )
    assert "not ok 1 - mine/gpu: 24 GB\n# Add a GPU\n" in format_module("tap").render(report, Options())
    assert format_module("slurm").render(report, Options()) == (
        "llmcheck: not ready: mine/gpu: 12 GB; needs 24 GB. Add a GPU\n"
    )
    assert format_module("text").render(report, Options(quiet=True)) == (
        "not ready: mine/gpu: 12 GB; needs 24 GB. Add a GPU\n"
    )


def test_what_can_be_installed_names_the_command() -> None:
    report = one(failing(id="torch", installs="torch", remedy="x"), path="our node.toml")
    assert "Install torch: llmcheck install 'our node.toml'" in format_module("junit").render(report, Options())


@pytest.mark.parametrize(
    ("fail_on", "kind"), [("unknown", "error"), ("warn", "error"), ("required", "warning"), ("never", "warning")]
)
def test_an_annotation_of_what_is_unknown_is_an_error_where_it_fails(fail_on: Any, kind: str) -> None:
    report = one(failing(status="unknown"), gate=Gate(fail_on=fail_on))
    assert format_module("github").render(report, Options()).startswith(f"::{kind} title=mine/gpu%3A unknown::")


def test_more_than_nine_annotations_say_how_many_are_left_out() -> None:
    report = one(*(failing(id=f"need-{n}") for n in range(12)))
    lines = format_module("github").render(report, Options()).splitlines()
    assert len(lines) == 9
    assert lines[-1] == "::error title=llmcheck::4 more of this kind: the summary of the job has all"


def test_gitlab_links_the_file_of_the_profile_and_junit_does_not() -> None:
    report = one(failing(), path="ci/node.toml")
    assert 'file="ci/node.toml"' in format_module("gitlab").render(report, Options())
    assert "file=" not in format_module("junit").render(report, Options())


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (None, "profiles/mine.toml"),
        ("./ci/our node.toml", "ci/our%20node.toml"),
        ("/etc/llmcheck/n.toml", "file:///etc/llmcheck/n.toml"),
        ("ci\\n.toml", "ci/n.toml"),
    ],
)
def test_a_result_has_the_place_of_its_profile(path: str | None, uri: str) -> None:
    run = json.loads(format_module("sarif").render(one(failing(), path=path), Options()))["runs"][0]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_what_the_baseline_has_is_let_pass() -> None:
    saved = one(failing(), failing(id="ram"))
    now = with_baseline(one(failing(), failing(id="ram"), failing(id="disk")), saved, "old.json")
    junit = format_module("junit").render(now, Options())
    assert junit.count('<skipped message="no worse than the baseline: ') == 2
    assert junit.count("<failure ") == 1
    states = [
        each["baselineState"]
        for each in json.loads(format_module("sarif").render(now, Options()))["runs"][0]["results"]
    ]
    assert states == ["unchanged", "unchanged", "new"]


@pytest.mark.parametrize(("code", "plugin"), [(0, 0), (1, 2), (2, 3), (3, 3), (4, 1), (10, 1), (70, 3), (130, 3)])
def test_a_plugin_has_four_exit_codes(code: int, plugin: int) -> None:
    assert format_module("nagios").plugin_code(code) == plugin


@given(text=texts)
@pytest.mark.parametrize("name", ["github", "nagios", "slurm", "tap", "termination-log"])
def test_a_complaint_is_in_the_words_of_its_format(name: str, text: str) -> None:
    said = format_module(name).complaint(text, 2)
    assert said.endswith("\n")
    if name == "github":
        assert reading.of_github(said) == {"error": 1}
    elif name == "tap":
        assert [each.category for each in Parser().parse_text(said)] == ["version", "bail"]
    elif name == "slurm":
        reading.of_slurm(said)
    elif name == "nagios":
        assert said.startswith("LLMCHECK UNKNOWN - ")
        assert "|" not in said
        assert "\n" not in said[:-1]
    else:
        reading.of_termination_log(said)


def test_without_its_library_prometheus_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError, match=r"pip install 'llmcheck\[prometheus\]'"):
        format_module("prometheus").render(one(failing()), Options())


def test_a_profile_of_which_nothing_was_checked_is_never_green() -> None:
    report = one(failing(status="skipped", skipped="left-out"))
    assert report.verdict is None
    assert 'failures="1"' in format_module("junit").render(report, Options())
    assert "not ok 2 - mine/verdict: " in format_module("tap").render(report, Options())
    assert (
        format_module("github").render(report, Options()).startswith("::error title=mine/verdict%3A not met::Nothing")
    )
    run = json.loads(format_module("sarif").render(report, Options()))["runs"][0]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert why_nothing(report.profiles[0]) in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_the_schema_of_the_tests_refuses_what_is_no_sarif() -> None:
    document = json.loads(format_module("sarif").render(one(failing()), Options()))
    document["runs"][0]["results"][0]["level"] = "bad"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, reading.sarif_schema())
