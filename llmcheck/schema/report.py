"""Findings, one verdict, one exit code. Verdict and exit code are computed here only; no renderer decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from llmcheck.schema.advice import Advice
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.machine import Machine
from llmcheck.schema.outlook import NextStep, SizePlan
from llmcheck.schema.workload import Cost
from llmcheck.tables.correction import Correction

SCHEMA = "llmcheck.report/1"

Status = Literal["pass", "warn", "fail", "unknown", "skipped"]
Level = Literal["required", "recommended", "info"]
Group = Literal["hardware", "software"]
Verdict = Literal["ready", "not-ready", "undetermined"]

EXIT_CODES: dict[Verdict, int] = {"ready": 0, "not-ready": 1, "undetermined": 3}
EXIT_NOTHING_CHECKED = 2
EXIT_WARNINGS = 4
COMPUTED = "fit"
"""``Finding.kind`` of what was computed for the profile's workload; no requirement has this kind."""


class Finding(Struct, frozen=True, kw_only=True):
    """The result of one requirement on one machine."""

    id: str
    """Id of the requirement."""
    kind: str
    """Kind of the requirement, or ``fit``."""
    group: Group
    """What it is about."""
    level: Level
    """Only ``required`` decides the verdict."""
    status: Status
    """``unknown``: too few facts to decide; ``skipped``: not judged, for the reason in ``message``."""
    needed: str
    """What is required, in words."""
    found: str | None = None
    """None: could not be found out, or was not examined (skipped)."""
    short_by: str | None = None
    """``missing_bytes`` with a unit; None where nothing is missing, or where it is no quantity."""
    shortfall: str | None = None
    """A code for what is missing: ``gpu-memory``; each requirement kind documents its own. None where nothing
    is missing or the kind has no code."""
    needed_count: int | None = None
    """How many GPUs, where the requirement states a number of them."""
    found_count: int | None = None
    """How many usable GPUs have ``needed_bytes`` and are new enough; None where ``needed_count`` is, or not known."""
    needed_bytes: int | None = None
    """Bytes of each GPU, of RAM or of the disk, where the requirement states a size."""
    found_bytes: int | None = None
    """Bytes that the machine has of that: of the largest usable GPU that is new enough, of usable RAM, free on the
    disk; of all GPUs together in the finding of a correction. None where no size is required, or it is not known."""
    short_bytes: int | None = None
    """Bytes that are missing: ``needed_bytes`` less ``found_bytes``; of several GPUs what all of them together lack.
    None where no memory or space is missing."""
    missing_bytes: int | None = None
    """The same as ``short_bytes``: its first name."""
    message: str
    """One sentence that can be understood without the other fields."""
    remedy: str | None = None
    """What to do; None where nothing is known to help, or needed."""
    why: str | None = None
    """Why it is required; None where the profile does not state it."""
    source: str | None = None
    """The place in the document that states the requirement."""
    libraries: tuple[str, ...] = ()
    """Ids of the libraries that would satisfy it, any one alone; () for hardware."""
    installs: str | None = None
    """Of ``libraries``, or in their place: what ``llmcheck install`` of the profile installs for it. None where nothing
    is missing, or nothing can be installed on this machine: ``remedy`` then has the reason."""
    cluster: bool = False
    """It is about the cluster and cannot be judged on one machine."""

    @property
    def is_computed(self) -> bool:
        return self.kind == COMPUTED


class Counts(Struct, frozen=True, kw_only=True):
    """How many findings have each status, those that do not count towards the verdict among them."""

    pass_: int = field(name="pass", default=0)
    """``pass`` in JSON."""
    warn: int = 0
    """Recommendations that are not met, and what works only in another way than documented."""
    fail: int = 0
    """Requirements that are not met."""
    unknown: int = 0
    """What could not be decided."""
    skipped: int = 0
    """What was not judged."""


class ProfileReport(Struct, frozen=True, kw_only=True):
    """All findings of one profile on one machine, and the verdict."""

    id: str
    """Id of the profile."""
    path: str | None = None
    """Its file, as it was named; None for a shipped profile."""
    title: str
    """Its title."""
    task: str
    """Its task."""
    verdict: Verdict | None
    """Over hardware and software; None: ``--skip`` and ``--only`` left out every finding."""
    hardware: Verdict | None = None
    """The verdict of the hardware findings alone; None where the profile has no hardware requirement."""
    software: Verdict | None = None
    """The verdict of the software findings alone; None where the profile has no software requirement."""
    findings: tuple[Finding, ...]
    """In the order of the profile, the computed one last."""
    counts: Counts | None = None
    """Of ``findings``; None in the report of an older version."""
    computed: tuple[ComputedMethod, ...] = ()
    """The methods that were computed for this machine and the profile's workload; for each size the simplest first."""
    corrections: tuple[Correction, ...] = ()
    """What is known to be wrong in the documented figures of this profile."""
    cost: Cost | None = None
    """Of the profile; None where its document states none."""


class Report(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck check`` and of the overview."""

    schema: str = SCHEMA
    """Format of this document and its version."""
    llmcheck: str
    """Version of llmcheck."""
    created_at: str
    """UTC, ISO 8601."""
    verdict: Verdict | None
    """None in the overview (``llmcheck`` without a command), and where ``exit_code`` is 2."""
    exit_code: int
    """Exit code of the command. 2: no finding of some profile was judged, and no profile is not ready."""
    profiles: tuple[ProfileReport, ...]
    """One report for each judged profile."""
    machine: Machine
    """The machine that was judged."""
    sizes: tuple[SizePlan, ...] = ()
    """Which sizes of model run on the machine, and how; only in the overview."""
    next: NextStep | None = None
    """What to do next; only in the overview."""
    advice: Advice | None = None
    """The installation or the offer of ``next``; None where nothing is missing, and outside the overview."""


def counts_of(findings: Iterable[Finding]) -> Counts:
    """The number of findings with each status."""
    found = Counter(finding.status for finding in findings)
    return Counts(
        pass_=found["pass"],
        warn=found["warn"],
        fail=found["fail"],
        unknown=found["unknown"],
        skipped=found["skipped"],
    )


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """not-ready if a required finding fails; undetermined if one is unknown or left to the cluster; else ready."""
    required = [finding for finding in findings if finding.level == "required"]
    if any(finding.status == "fail" for finding in required):
        return "not-ready"
    if any(finding.status == "unknown" or (finding.cluster and finding.status == "skipped") for finding in required):
        return "undetermined"
    return "ready"


def combined(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """The verdict over several profiles: not-ready if one is; else None if of one (or of none at all) nothing was
    judged; else undetermined if one is; else ready.
    """
    seen = set(verdicts)
    if "not-ready" in seen:
        return "not-ready"
    if None in seen or not seen:
        return None
    return "undetermined" if "undetermined" in seen else "ready"


def exit_code(profiles: Iterable[ProfileReport], *, fail_on_warn: bool = False) -> int:
    """0 ready, 1 not ready, 2 nothing of a profile was judged, 3 undetermined; 4 for a ready result with warnings where
    ``fail_on_warn``.
    """
    profiles = tuple(profiles)
    verdict = combined(profile.verdict for profile in profiles)
    code = EXIT_NOTHING_CHECKED if verdict is None else EXIT_CODES[verdict]
    warned = any(finding.status == "warn" for profile in profiles for finding in profile.findings)
    return EXIT_WARNINGS if code == 0 and fail_on_warn and warned else code
