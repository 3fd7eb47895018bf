"""JUnit XML as Jenkins and GitLab read it: one suite for each profile, one case for each finding.

Written by the standard library, within the elements and attributes of Jenkins' own schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmcheck.printable import printable
from llmcheck.render.views.gate import Line, lines_of, machine_line, state
from llmcheck.schema.report import ProfileReport, Report, counts_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NOT_XML = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})
"""The two characters that XML has no way to write, and that are no control characters."""


def document(report: Report, *, files: bool = False) -> str:
    """The whole document. ``files``: name the file of a profile in each case, which GitLab links."""
    from xml.etree import ElementTree as ET  # few runs write XML

    suites = [(profile, lines_of(profile)) for profile in report.profiles]
    every = [line for _, each in suites for line in each]
    root = ET.Element("testsuites", {"name": "llmcheck", **_totals(every)})
    for profile, each in suites:
        _suite(root, report, profile, each, files)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _totals(every: Sequence[Line]) -> dict[str, str]:
    found = [each.outcome for each in every]
    return {"tests": str(len(every)), "failures": str(found.count("failed")), "errors": str(found.count("open"))}


def _suite(root: Element, report: Report, profile: ProfileReport, every: Sequence[Line], files: bool) -> None:
    from xml.etree.ElementTree import SubElement

    found = [each.outcome for each in every]
    attributes = {
        "name": _text(profile.id),
        **_totals(every),
        "skipped": str(found.count("skipped") + found.count("known")),
        "timestamp": _text(report.created_at[:19]),
    }
    if report.machine.identity.hostname:
        attributes["hostname"] = _text(report.machine.identity.hostname)
    suite = SubElement(root, "testsuite", attributes)
    properties = SubElement(suite, "properties")
    for name, value in _properties(report, profile):
        SubElement(properties, "property", {"name": name, "value": _text(value)})
    for each in every:
        _case(suite, each, files)


def _properties(report: Report, profile: ProfileReport) -> list[tuple[str, str]]:
    counts = profile.counts or counts_of(profile.findings)
    return [
        ("llmcheck", report.llmcheck),
        ("machine", machine_line(report)),
        ("profile", profile.title),
        ("verdict", profile.verdict or "nothing-checked"),
        ("exit-code", str(report.exit_code)),
        ("result", state(report)),
        ("pass", str(counts.pass_)),
        ("warn", str(counts.warn)),
        ("fail", str(counts.fail)),
        ("unknown", str(counts.unknown)),
        ("skipped", str(counts.skipped)),
    ]


def _case(suite: Element, line: Line, files: bool) -> None:
    from xml.etree.ElementTree import SubElement

    attributes = {"name": _text(line.id), "classname": f"llmcheck.{_text(line.profile.id)}"}
    if files and line.profile.path is not None:
        attributes["file"] = _text(line.profile.path)
    case = SubElement(suite, "testcase", attributes)
    text = _text("\n".join(line.details))
    if line.outcome in ("failed", "open"):
        element = "failure" if line.outcome == "failed" else "error"
        kind = "not met" if line.outcome == "failed" else "unknown"
        SubElement(case, element, {"message": _text(line.headline), "type": kind}).text = text
    elif line.outcome == "known":
        SubElement(case, "skipped", {"message": _text(f"no worse than the baseline: {line.message}")})
    elif line.outcome == "skipped":
        SubElement(case, "skipped", {"message": _text(line.message)})
    elif line.outcome == "warned":
        SubElement(case, "system-out").text = f"warning: {text}"


def _text(text: str) -> str:
    """What XML can hold; the line feeds are our own."""
    return "\n".join(printable(line) for line in text.split("\n")).translate(_NOT_XML)
