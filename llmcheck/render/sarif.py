"""SARIF 2.1.0, for code scanning: a rule with its help for each requirement, a result for each that is not met.

What is met is counted, not listed: a scanner shows every result as an alert.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from llmcheck import codec
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.gate import Line, Outcome, counts, judged, lines, machine_line, state
from llmcheck.schema.report import Finding, Report

FILE_NAMES = ("*.sarif", "*.sarif.json")

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"required": "error", "recommended": "warning", "info": "note"}
_SHOWN: dict[Outcome, dict[str, str]] = {
    "failed": {"kind": "fail", "level": "error"},
    "warned": {"kind": "fail", "level": "warning"},
    "known": {"kind": "fail", "level": "note"},
    "open": {"kind": "open", "level": "none"},
}


def render(value: object, _options: Options) -> str:
    """One run. Raises TypeError for anything but a report of ``check``."""
    report = judged(value)
    every = lines(report)
    rules = [(each, each.finding) for each in every if each.finding is not None]
    run = {
        "tool": {
            "driver": {
                "name": "llmcheck",
                "version": report.llmcheck,
                "rules": [_rule(line, finding) for line, finding in rules],
            }
        },
        "automationDetails": {"id": "llmcheck/"},
        "invocations": [_invocation(report, every)],
        "results": [_result(line, index, report) for index, (line, _) in enumerate(rules) if line.outcome in _SHOWN],
        "properties": {
            "machine": machine_line(report),
            "verdict": report.verdict,
            "counts": codec.builtins(counts(report)),
        },
    }
    return codec.encode_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _invocation(report: Report, every: list[Line]) -> dict[str, Any]:
    notes = [
        {"level": "error", "message": {"text": f"{each.profile.id}: {each.message}"}}
        for each in every
        if each.finding is None
    ]
    return {
        "executionSuccessful": not notes,
        "exitCode": report.exit_code,
        "exitCodeDescription": state(report),
        "toolExecutionNotifications": notes,
    }


def _rule(line: Line, finding: Finding) -> dict[str, Any]:
    stated = {"needed": line.needed, "why": finding.why, "source": finding.source}
    facts = [f"{name}: {printable(text)}" for name, text in stated.items() if text]
    return {
        "id": line.name,
        "shortDescription": {"text": f"{line.id}: {line.needed}"},
        "fullDescription": {"text": f"{line.profile.title}: {line.id} needs {line.needed}"},
        "help": {"text": "\n".join([line.to_do, *facts])},
        "defaultConfiguration": {"level": _LEVELS[finding.level]},
        "properties": {"tags": [finding.group, finding.kind, *finding.tags]},
    }


def _result(line: Line, rule: int, report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": line.name,
        "ruleIndex": rule,
        **_SHOWN[line.outcome],
        "message": {"text": "\n".join(line.details)},
        "locations": [_location(line)],
        "partialFingerprints": {"llmcheckFinding/v1": line.name},
    }
    if report.gate.baseline is not None:
        found["baselineState"] = "unchanged" if line.outcome == "known" else "new"
    return found


def _location(line: Line) -> dict[str, Any]:
    """The profile's file: a scanner shows no result without a file."""
    path = line.profile.path or f"profiles/{line.profile.id}.toml"
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": {"startLine": 1}},
        "logicalLocations": [{"name": line.id, "fullyQualifiedName": line.name}],
    }


def _uri(path: str) -> str:
    """A relative or absolute path of any system as a reference of RFC 3986."""
    plain = path.replace("\\", "/").removeprefix("./")
    return f"file://{quote(plain)}" if plain.startswith("/") else quote(plain, safe="/~!$&'()*+,;=@-._")
