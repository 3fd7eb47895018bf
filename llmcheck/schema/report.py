"""Findings, one verdict, one exit code. Verdict and exit code are computed here only; nothing else decides.

Nothing passes unjudged: a required finding that was skipped keeps the verdict from ready, unless its reason is one of
``UNCOUNTED``. Such findings are listed in ``ProfileReport.not_counted``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from llmcheck.schema.advice import Advice
from llmcheck.schema.cheapest import CheapestOffer
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.machine import Machine
from llmcheck.schema.measurement import Measurement
from llmcheck.schema.outlook import NextStep, SizePlan
from llmcheck.schema.project import ChecklistState, DatasetUse, Reading
from llmcheck.schema.workload import Cost
from llmcheck.tables.correction import Correction

SCHEMA = "llmcheck.report/1"

Status = Literal["pass", "warn", "fail", "unknown", "skipped"]
Level = Literal["required", "recommended", "info"]
Group = Literal["hardware", "software", "project"]
"""``project``: what the project brings: its datasets and its checklist."""
Verdict = Literal["ready", "not-ready", "undetermined"]
SkipReason = Literal["not-applicable", "left-out", "not-stated", "not-known", "blocked", "cluster"]
"""Why a finding was not judged. ``not-applicable``: by the words of the profile, as a driver where no GPU needs one;
``not-known``: too little is known, and the profile leaves it out then (``on_unknown = "skip"``);
``left-out``: by ``--skip`` or ``--only``; ``not-stated``: software and driver of a machine in words or of an offer;
``blocked``: by the finding that ``blocked_by`` names; ``cluster``: a single machine cannot show it."""

UNCOUNTED: frozenset[SkipReason] = frozenset(("not-applicable", "left-out", "not-stated", "not-known"))
"""The only reasons for which a required finding may be skipped on a machine that is ready."""
EXIT_CODES: dict[Verdict, int] = {"ready": 0, "not-ready": 1, "undetermined": 3}
EXIT_NOTHING_CHECKED = 2
EXIT_WARNINGS = 4
FailOn = Literal["required", "unknown", "warn", "never"]
"""What makes the exit code other than 0. ``required``: a required line that is not met; ``unknown``: also one that
could not be decided; ``warn``: also a warning; ``never``: no verdict at all."""
COMPUTED = "fit"
"""``Finding.kind`` of what was computed for the profile's workload; no requirement has this kind."""


class Branch(Struct, frozen=True, kw_only=True):
    """One of the requirements that a requirement consists of."""

    place: str
    """``any_of[1]``, or deeper: ``any_of[1].all_of[0]``."""
    status: Status
    """Its own."""
    needed: str
    """What it requires, in words."""
    found: str | None = None
    """None: could not be found out, or was not examined."""
    message: str
    """One sentence."""


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
    tags: tuple[str, ...] = ()
    """Of the requirement, as the profile states them."""
    status: Status
    """``unknown``: too few facts to decide; ``skipped``: not judged, for the reason in ``skipped``."""
    skipped: SkipReason | None = None
    """Why it was not judged; None where it was, and in the report of an older version."""
    blocked_by: str | None = None
    """Id of the finding that has to be settled first; None unless ``skipped`` is ``blocked``."""
    needed: str
    """What is required, in words."""
    needed_in_full: str | None = None
    """The same with the paths of its facts and all conditions; None where ``needed`` says all."""
    found: str | None = None
    """None: could not be found out, or was not examined (skipped)."""
    elements: tuple[str, ...] = ()
    """Which ones do not meet it, or of what is unknown could not be read: ``GPU 3``, ``mlx5_ib3 port 1``. At most 100;
    () where it is about no single ones."""
    missing: tuple[str, ...] = ()
    """Which of the values that the requirement lists are not there; at most 100."""
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
    nearest: Branch | None = None
    """Of a requirement that consists of others: the one that decides, or that came nearest where none passes."""
    in_baseline: bool = False
    """It is not met, or not decided, and was no better in the report of ``--baseline``: it does not fail the gate."""

    @property
    def is_computed(self) -> bool:
        return self.kind == COMPUTED

    @property
    def is_counted(self) -> bool:
        """False for the reasons of ``UNCOUNTED``."""
        return self.status != "skipped" or self.skipped not in UNCOUNTED

    @property
    def is_open(self) -> bool:
        """Counted, and neither met nor missed: unknown, or skipped for a reason that excuses nothing."""
        return self.status == "unknown" or (self.status == "skipped" and self.is_counted)


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
    """Over hardware and software; None: nothing was judged, as no finding counts."""
    hardware: Verdict | None = None
    """The verdict of the hardware findings alone; None where none of them counts, or there is none."""
    software: Verdict | None = None
    """The verdict of the software findings alone; None where none of them counts, or there is none."""
    findings: tuple[Finding, ...]
    """In the order of the profile, the computed one last."""
    counts: Counts | None = None
    """Of ``findings``; None in the report of an older version."""
    not_counted: tuple[str, ...] = ()
    """Ids of the required findings that were skipped and do not count; ``Finding.skipped`` has the reason of each."""
    computed: tuple[ComputedMethod, ...] = ()
    """The methods that were computed for this machine and the profile's workload; for each size the simplest first."""
    corrections: tuple[Correction, ...] = ()
    """What is known to be wrong in the documented figures of this profile."""
    cost: Cost | None = None
    """Of the profile; None where its document states none."""
    rent: CheapestOffer | None = None
    """The cheapest machine that would pass, where the hardware of this one is not ready; None where none does, and in
    the overview."""
    not_applicable: str | None = None
    """Why the profile is not for this machine, in words; None where it is, or where that is not known."""
    expired: str | None = None
    """The day on which its figures went out of date; None for a profile without one, and before it."""


class Severity(Struct, frozen=True, kw_only=True):
    """The level of one requirement, as ``--severity`` changed it."""

    profile: str
    """Id of the profile."""
    id: str
    """Id of the requirement."""
    level: Level
    """The level by which it was judged."""
    stated: Level
    """The level that the profile states."""


class Baseline(Struct, frozen=True, kw_only=True):
    """What became of a saved report, by ``--baseline``. Findings are named ``PROFILE/ID``."""

    file: str
    """As it was named."""
    created_at: str
    """When that report was made: UTC, ISO 8601."""
    worse: tuple[str, ...] = ()
    """Findings that are worse than they were, or are bad and were not in it: they alone decide the exit code."""
    known: tuple[str, ...] = ()
    """Findings that are as bad as they were: ``Finding.in_baseline``."""


class Gate(Struct, frozen=True, kw_only=True):
    """How the exit code follows from the verdict, and what was changed for it."""

    fail_on: FailOn = "unknown"
    """By ``--fail-on``."""
    warn_exit_code: int = EXIT_WARNINGS
    """The exit code of a ready result with warnings, where ``fail_on`` is ``warn``."""
    severity: tuple[Severity, ...] = ()
    """Levels that are not those of the profiles; () for none."""
    baseline: Baseline | None = None
    """None without ``--baseline``."""
    tries: int = 1
    """How often the machine was inspected, with ``--wait``."""


PLAIN_GATE = Gate()
"""Without any option: exit code 3 for what is undetermined, 0 for warnings."""


class Report(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck check``, of ``llmcheck prove`` and of the overview."""

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
    gate: Gate = PLAIN_GATE
    """By what the exit code was decided; of an older version's report: the defaults."""
    sizes: tuple[SizePlan, ...] = ()
    """Which sizes of model run on the machine, and how; only in the overview."""
    next: NextStep | None = None
    """What to do next; only in the overview."""
    advice: Advice | None = None
    """The installation or the offer of ``next``; None where nothing is missing, and outside the overview."""
    datasets: tuple[DatasetUse, ...] = ()
    """Those of ``check --dataset``."""
    checklist: ChecklistState | None = None
    """That of ``check --checklist``; None without one."""
    reading: tuple[Reading, ...] = ()
    """The two resources that matter most for each profile; only of ``check -v``."""
    measurements: tuple[Measurement, ...] = ()
    """What ``llmcheck prove`` measured; of each finding of a rate its numbers."""
    rent: CheapestOffer | None = None
    """The cheapest machine for the smallest size that does not run well; only in the overview."""


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


def verdict_of(findings: Iterable[Finding]) -> Verdict | None:
    """The verdict over any findings: of a profile, or of a group of it.

    not-ready if a required one fails; undetermined if a required one is open, or all that counts are; else ready. None
    where no finding counts: nothing was judged.
    """
    counted = [finding for finding in findings if finding.is_counted]
    required = [finding for finding in counted if finding.level == "required"]
    if not counted:
        return None
    if any(finding.status == "fail" for finding in required):
        return "not-ready"
    if any(finding.is_open for finding in required) or all(finding.is_open for finding in counted):
        return "undetermined"
    return "ready"


def not_counted(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Ids of the required findings that do not count."""
    return tuple(each.id for each in findings if each.level == "required" and not each.is_counted)


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


def exit_code(profiles: Iterable[ProfileReport], gate: Gate = PLAIN_GATE) -> int:
    """0 ready, 1 not ready, 2 nothing of a profile was judged, 3 undetermined.

    By ``gate.fail_on``: ``warn`` has its own code for a ready result with warnings; ``required`` has 0 for 3, and
    ``never`` also for 1. What is no worse than in the baseline does not count.
    """
    profiles = tuple(profiles)
    verdict = combined(each.verdict if gate.baseline is None else _beyond_baseline(each) for each in profiles)
    if verdict is None:
        return EXIT_NOTHING_CHECKED
    if gate.fail_on == "never" or (gate.fail_on == "required" and verdict == "undetermined"):
        return 0
    code = EXIT_CODES[verdict]
    warned = any(each.status == "warn" and not each.in_baseline for profile in profiles for each in profile.findings)
    return gate.warn_exit_code if code == 0 and gate.fail_on == "warn" and warned else code


def _beyond_baseline(profile: ProfileReport) -> Verdict | None:
    """The verdict over what is worse than in the baseline."""
    if profile.verdict is None:
        return None
    required = [each for each in profile.findings if each.level == "required" and not each.in_baseline]
    if any(each.status == "fail" for each in required):
        return "not-ready"
    return "undetermined" if any(each.is_open for each in required) else "ready"
