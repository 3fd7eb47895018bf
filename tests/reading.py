"""Reads each format of a gate as its own readers do, down to the number of findings of each kind."""

from __future__ import annotations

import functools
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped
from prometheus_client.parser import text_string_to_metric_families
from tap.line import Result
from tap.parser import Parser

from llmcheck import codec
from llmcheck.schema.report import Report

DATA = Path(__file__).parent / "data"
Counts = dict[str, int]
"""How many findings: of each status, or of what a format tells of them (``bad``: fails or is open)."""


@functools.cache
def junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(DATA / "junit.xsd"))


@functools.cache
def sarif_schema() -> dict[str, object]:
    found: dict[str, object] = json.loads((DATA / "sarif.schema.json").read_text(encoding="utf-8"))
    return found


def of_json(text: str) -> Counts:
    report = codec.decode_json(text.encode(), Report, "a report")
    return dict(Counter(finding.status for profile in report.profiles for finding in profile.findings))


def of_jsonl(text: str) -> Counts:
    rows = [json.loads(line) for line in text.split("\n")[:-1]]
    assert [each["type"] for each in rows][-1] == "verdict"
    found = Counter(each["status"] for each in rows if each["type"] == "finding")
    assert rows[-1]["counts"] == {name: found.get(name, 0) for name in ("pass", "warn", "fail", "unknown", "skipped")}
    return dict(found)


def of_junit(text: str) -> Counts:
    junit_schema().validate(ET.fromstring(text))
    suites = JUnitXml.fromstring(text.encode())
    cases = [case for suite in suites for case in suite if case.name != "verdict"]
    results = [type(case.result[0]) if case.result else None for case in cases]
    for suite in suites:
        own = [type(case.result[0]) if case.result else None for case in suite]
        assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
            len(own), own.count(Failure), own.count(Error), own.count(Skipped),
        )  # fmt: skip
        properties = {each.name: each.value for each in suite.properties()}  # type: ignore[no-untyped-call]
        assert properties["machine"]
        assert sum(int(properties[each]) for each in ("pass", "warn", "fail", "unknown", "skipped")) == sum(
            case.name != "verdict" for case in suite
        )
    assert all(each.message for case in cases for each in case.result)
    return {
        "fail": results.count(Failure),
        "open": results.count(Error),
        "skipped or let pass": results.count(Skipped),
        "pass or warn": results.count(None),
    }


def of_tap(text: str) -> Counts:
    lines = list(Parser().parse_text(text))
    assert "unknown" not in [each.category for each in lines]
    results = [each for each in lines if isinstance(each, Result) and "/verdict: " not in each.description]
    (plan,) = [each for each in lines if each.category == "plan"]
    assert plan.expected_tests == sum(isinstance(each, Result) for each in lines)
    return {
        "skipped or unknown": sum(each.skip for each in results),
        "pass or warn": sum(each.ok and not each.skip for each in results),
        "bad": sum(not each.ok and not each.todo for each in results),
        "let pass": sum(each.todo for each in results),
    }


COMMAND = r"::(error|warning|notice) title=([^:,\r\n]*)(?:,file=([^:,\r\n]*))?::([^\r\n]*)"


def of_github(text: str) -> Counts:
    found = [re.fullmatch(COMMAND, line) for line in text.split("\n")[:-1]]
    assert found
    assert all(found), text
    kinds = Counter(each[1] for each in found if each)
    assert max(kinds.values()) <= 9
    return dict(kinds)


def of_dotenv(text: str) -> Counts:
    assert len(text.encode()) < 5000
    pairs = dict(line.split("=", 1) for line in text.split("\n")[:-1])
    assert len(pairs) <= 20
    assert all(re.fullmatch(r"LLMCHECK_RESULT_[A-Z_]+", each) for each in pairs)
    names = {"pass": "PASSED", "warn": "WARNINGS", "fail": "FAILED", "unknown": "UNKNOWN", "skipped": "SKIPPED"}
    return {status: int(pairs[f"LLMCHECK_RESULT_{name}"]) for status, name in names.items()}


def of_sarif(text: str) -> Counts:
    document = json.loads(text)
    jsonschema.validate(document, sarif_schema())
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    found = Counter((each["kind"], each["level"]) for each in run["results"])
    return {
        "fail": found["fail", "error"],
        "warn": found["fail", "warning"],
        "open": found["open", "none"],
        "let pass": found["fail", "note"],
    }


def of_nagios(text: str) -> Counts:
    found = re.fullmatch(r"LLMCHECK (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+) \| ([^|\n]+)\n", text)
    assert found, text
    return {name: int(value) for name, value in (each.split("=") for each in found[3].split(" "))}


def of_prometheus(text: str) -> Counts:
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert all(sample.timestamp is None for each in families.values() for sample in each.samples)
    found: Counter[str] = Counter()
    for sample in families["llmcheck_findings"].samples:
        found[sample.labels["status"]] += int(sample.value)
    listed = Counter(each.labels["status"] for each in families["llmcheck_check_status"].samples if each.value)
    assert +listed == +found
    return dict(found)


def of_slurm(text: str) -> Counts:
    assert text.endswith("\n")
    assert "\n" not in text[:-1]
    assert len(text) <= 201
    assert text.isascii()
    assert not set(text) & set("\"'`$\\|&{}[]!")
    return {}


def of_termination_log(text: str) -> Counts:
    assert len(text.encode()) <= 3500
    assert text.startswith("llmcheck: ")
    return {}


READERS: dict[str, Callable[[str], Counts]] = {
    "json": of_json,
    "jsonl": of_jsonl,
    "junit": of_junit,
    "tap": of_tap,
    "github": of_github,
    "gitlab": of_junit,
    "gitlab-dotenv": of_dotenv,
    "sarif": of_sarif,
    "nagios": of_nagios,
    "prometheus": of_prometheus,
    "slurm": of_slurm,
    "termination-log": of_termination_log,
}


def expected(name: str, report: Report) -> Counts | None:
    """The counts that a reader finds in a format, from the findings alone; None where it counts nothing."""
    every = [finding for profile in report.profiles for finding in profile.findings]
    known = [each for each in every if each.in_baseline]
    new = Counter(each.status for each in every if not each.in_baseline)
    open_ = sum(each.status == "unknown" and each.level == "required" and not each.in_baseline for each in every)
    left = new["unknown"] - open_
    match name:
        case "junit" | "gitlab":
            return {
                "fail": new["fail"],
                "open": open_,
                "skipped or let pass": new["skipped"] + left + len(known),
                "pass or warn": new["pass"] + new["warn"],
            }
        case "tap":
            return {
                "skipped or unknown": new["skipped"] + left,
                "pass or warn": new["pass"] + new["warn"],
                "bad": new["fail"] + open_,
                "let pass": len(known),
            }
        case "sarif":
            return {"fail": new["fail"], "warn": new["warn"], "open": open_, "let pass": len(known)}
        case "github":
            nothing = sum(each.verdict is None for each in report.profiles)
            fails = report.gate.fail_on in ("unknown", "warn")
            kinds = {
                "error": new["fail"] + nothing + (open_ if fails else 0),
                "warning": new["warn"] + (0 if fails else open_),
                "notice": len(known),
            }
            shown = {kind: min(count, 9) for kind, count in kinds.items() if count}
            return shown or {"notice": 1}
        case "slurm" | "termination-log":
            return None
    return dict(Counter[str](each.status for each in every))
