"""The answer: findings, one verdict, one exit code. Computed here once; no renderer counts or decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from llmcheck.schema.advice import Advice
from llmcheck.schema.estimate import ComputedMethod
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Cost
from llmcheck.tables.correction import Correction

SCHEMA = "llmcheck.report/1"

Status = Literal["pass", "warn", "fail", "unknown", "skipped"]
Level = Literal["required", "recommended", "info"]
Group = Literal["hardware", "software"]
Verdict = Literal["ready", "not-ready", "undetermined"]

EXIT_CODES: dict[Verdict, int] = {"ready": 0, "not-ready": 1, "undetermined": 3}
EXIT_WARNINGS = 4


class Finding(Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    group: Group
    level: Level
    status: Status
    needed: str
    found: str | None = None
    """None: could not be found out, or was not looked for (skipped)."""
    short_by: str | None = None
    """What is missing, with its unit; None where nothing is, or where it is no quantity."""
    message: str
    """One sentence that stands on its own."""
    remedy: str | None = None
    why: str | None = None
    source: str | None = None
    """The place in the document that asks for it."""
    libraries: tuple[str, ...] = ()
    """Catalogue ids of which any one would satisfy it; empty for hardware."""
    cluster: bool = False
    """It is about the whole cluster, which one machine cannot answer."""


class ProfileReport(Struct, frozen=True, kw_only=True):
    id: str
    title: str
    task: str
    verdict: Verdict
    hardware: Verdict | None = None
    """The verdict of the hardware findings alone; None where the profile asks for none."""
    software: Verdict | None = None
    findings: tuple[Finding, ...]
    computed: tuple[ComputedMethod, ...] = ()
    """The ways of doing what the tier is for that were computed for this machine, the plain one first for each size."""
    corrections: tuple[Correction, ...] = ()
    """What is known to be wrong in the documented figures of this profile."""
    cost: Cost | None = None


class Report(Struct, frozen=True, kw_only=True):
    schema: str = SCHEMA
    llmcheck: str
    created_at: str
    verdict: Verdict | None
    """None in the report that only informs."""
    exit_code: int
    profiles: tuple[ProfileReport, ...]
    machine: Machine
    advice: Advice | None = None
    """The next step towards the best tier that is near; only in the report that informs."""


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """not-ready if a required finding fails; undetermined if one is unknown or is left to the cluster; else ready."""
    required = [finding for finding in findings if finding.level == "required"]
    if any(finding.status == "fail" for finding in required):
        return "not-ready"
    if any(finding.status == "unknown" or (finding.cluster and finding.status == "skipped") for finding in required):
        return "undetermined"
    return "ready"


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several profiles: the worst, where not-ready is worse than undetermined."""
    seen = set(verdicts)
    return "not-ready" if "not-ready" in seen else "undetermined" if "undetermined" in seen else "ready"


def exit_code(profiles: Iterable[ProfileReport], *, fail_on_warn: bool = False) -> int:
    """0 ready, 1 not ready, 3 undetermined; 4 for a ready result with warnings where those are asked to fail."""
    profiles = tuple(profiles)
    code = EXIT_CODES[combined(profile.verdict for profile in profiles)]
    warned = any(finding.status == "warn" for profile in profiles for finding in profile.findings)
    return EXIT_WARNINGS if code == 0 and fail_on_warn and warned else code
