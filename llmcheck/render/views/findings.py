"""The screen of ``llmcheck check``: every finding of every profile, what to do, and corrections of the document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llmcheck import shell
from llmcheck.judge import gap_summary
from llmcheck.judge.gap_summary import Gap
from llmcheck.render import Options
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Table, Tone, format_time
from llmcheck.render.views.corrections import correction_text
from llmcheck.render.views.machine import problem_line
from llmcheck.schema.gpu import DOUBTFUL, NOT_LISTABLE, NOT_LISTED
from llmcheck.schema.report import PLAIN_GATE, Finding, ProfileReport, Report, Status, Verdict
from llmcheck.units import GB, GIB, format_gb, format_gib

MARKS: dict[Status, str] = {"pass": "✓", "warn": "!", "fail": "✗", "unknown": "?", "skipped": "–"}
TONES: dict[Status, Tone] = {"pass": "good", "warn": "warn", "fail": "bad", "unknown": "unknown", "skipped": "dim"}
VERDICT_TONES: dict[Verdict, Tone] = {"ready": "good", "not-ready": "bad", "undetermined": "unknown"}
WORDS: dict[Verdict, str] = {"ready": "ready", "not-ready": "not ready", "undetermined": "undetermined"}
_MOST_ROWS = 500
"""Lines of one profile: nobody reads more on a screen, and 10,000 take seconds to lay out."""
_FIRST: tuple[Status, ...] = ("fail", "warn", "unknown")
"""What to do first."""
_MANY = 20
"""Lines of a profile beyond which what to do stands before the table: below it would begin on another screen."""
NOTHING_CHECKED = "nothing was checked"


def findings(value: Report, options: Options) -> list[Block]:
    blocks: list[Block] = []
    for profile in value.profiles:
        blocks += _profile(profile, options)
    unlisted = [problem_line(each) for each in value.machine.problems if each.code in (NOT_LISTED, NOT_LISTABLE)]
    if unlisted:
        blocks += [Heading("GPUs that are not listed", level=3), Bullets(unlisted)]
    doubtful = [problem_line(each) for each in value.machine.problems if each.code in DOUBTFUL]
    if doubtful:
        blocks += [Heading("Facts that cannot be true, and count as unknown", level=3), Bullets(doubtful)]
    if value.datasets:
        from llmcheck.render.views.library import datasets_of_check  # of few checks

        blocks += datasets_of_check(value.datasets)
    if value.reading:
        from llmcheck.render.views.library import reading  # with -v alone

        blocks += reading(value.reading)
    if value.gate != PLAIN_GATE:
        blocks += _gate(value)
    if len(value.profiles) > 1:
        words, tone = _verdict(value.verdict)
        blocks.append(Heading(f"All: {words}", "", tone))
    return blocks


def _gate(value: Report) -> list[Block]:
    """What of the options changed how the exit code was decided."""
    gate = value.gate
    items = [
        Cell(f"--severity: {each.id} of {each.profile} is {each.level}; its profile says {each.stated}")
        for each in gate.severity
    ]
    if gate.baseline is not None:
        since = f"{gate.baseline.file} of {format_time(gate.baseline.created_at)}"
        worse, known = (", ".join(names) or "nothing" for names in (gate.baseline.worse, gate.baseline.known))
        items.append(Cell(f"compared with {since}: worse: {worse}; as it was: {known}"))
    if gate.tries > 1:
        items.append(Cell(f"--wait: inspected {gate.tries} times"))
    if value.exit_code == 0 and value.verdict != "ready":
        by = "the baseline" if gate.baseline is not None else f"--fail-on {gate.fail_on}"
        items.append(Cell(f"the exit code is 0 by {by}", "warn"))
    return [Heading("The gate", level=3), Bullets(items)] if items else []


def _verdict(verdict: Verdict | None) -> tuple[str, Tone]:
    return (NOTHING_CHECKED, "unknown") if verdict is None else (WORDS[verdict], VERDICT_TONES[verdict])


def _profile(profile: ProfileReport, options: Options) -> list[Block]:
    words, tone = _verdict(profile.verdict)
    title = f"{profile.id}: {words}"
    detail = " · ".join(part for part in (profile.title, _in_groups(profile)) if part)
    blocks: list[Block] = [Heading(title, detail, tone, level=2)]
    if profile.not_applicable is not None and not options.verbose:
        left = f"{len(profile.findings)} requirements are left out"
        return [*blocks, Bullets([Cell(f"not applicable: {profile.not_applicable}. {left}", "unknown")])]
    columns = [
        Column("", fixed=True),
        Column("requirement"),
        Column("needed", not_narrow=True),
        Column("found"),
        Column("short by", fixed=True, not_narrow=True),
        Column("source", wide_only=not options.verbose),
    ]
    shown = _shown(profile.findings, options)
    rows = [_row(finding, bool(options.verbose)) for finding in shown]
    if not options.verbose:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    table = [Table(columns, rows), *_not_shown(profile.findings, shown), *_computed(profile)]
    todo = _todo(profile)
    todo = todo if options.verbose else todo[:_MOST_ROWS]
    if profile.expired is not None:
        words = f"this profile was for use until {profile.expired}: its figures may be out of date"
        todo.append(Cell(words, "warn"))
    what_to_do: list[Block] = [Heading("What to do", level=3), Bullets(todo)] if todo else []
    if len(profile.findings) > _MANY:
        blocks += [*what_to_do, *([Heading("All requirements", level=3)] if todo else []), *table]
    else:
        blocks += [*table, *what_to_do]
    general = [each for each in profile.corrections if each.memory_total is None]
    if general:
        items = [Cell(correction_text(each), "dim") for each in general]
        blocks += [Heading("About the documented figures", level=3), Bullets(items)]
    if profile.cost:
        blocks.append(Bullets([Cell(f"documented cost: {profile.cost.documented}", "dim")]))
    if profile.rent is not None:
        from llmcheck.render.views.cheapest import from_price  # where the hardware falls short

        target = shell.quote(profile.path or profile.id)
        blocks.append(Bullets([Cell(f"to rent{from_price(profile.rent)}: llmcheck cloud {target}")]))
    return blocks


def _shown(findings: Sequence[Finding], options: Options) -> Sequence[Finding]:
    """In their order; of very many those that are met are left out first."""
    if options.verbose or len(findings) <= _MOST_ROWS:
        return findings
    ranked = sorted(range(len(findings)), key=lambda index: findings[index].status == "pass")
    return [findings[index] for index in sorted(ranked[:_MOST_ROWS])]


def _not_shown(findings: Sequence[Finding], shown: Sequence[Finding]) -> list[Block]:
    if len(shown) == len(findings):
        return []
    every, seen = (Counter(each.status for each in part) for part in (findings, shown))
    counts = ", ".join(f"{count:,} {status}" for status, count in (every - seen).items())
    return [
        Bullets([Cell(f"{len(findings) - len(shown):,} more lines ({counts}): -v and --format json have all", "dim")])
    ]


def _computed(profile: ProfileReport) -> list[Block]:
    """The computed result next to the documented one."""
    finding, documented = gap_summary.computed(profile), gap_summary.documented_gpus(profile)
    if finding is None:
        return []
    words = {"pass": "ready", "warn": "ready with a warning", "fail": "not ready", "unknown": "undetermined"}
    status = words.get(documented.status) if documented else None
    items = [Cell(f"documented: {status}")] if status else []
    items += [Cell(f"computed: {finding.message}", TONES[finding.status])]
    items += [Cell(_sentence(finding.remedy))] if finding.remedy else []
    return [Heading("Computed", level=3), Bullets(items)]


def _in_groups(profile: ProfileReport) -> str:
    """``hardware ready, 3 libraries missing``; empty if no library is missing."""
    missing = len(gap_summary.missing_libraries(profile))
    if profile.hardware is None or not missing:
        return ""
    noun = "library" if missing == 1 else "libraries"
    return f"hardware {WORDS[profile.hardware]}, {missing} {noun} missing"


def _row(finding: Finding, verbose: bool) -> list[Cell]:
    tone = TONES[finding.status]
    level = "" if finding.level == "required" else f" ({finding.level})"
    found = finding.found or ("unknown" if finding.status == "unknown" else finding.message)
    if finding.cluster:
        found = finding.message
    return [
        Cell(f"{MARKS[finding.status]} {finding.status}", tone),
        Cell(finding.id + level, "plain" if finding.status != "skipped" else "dim"),
        Cell((finding.needed_in_full if verbose else None) or finding.needed),
        Cell(found, tone if finding.status in ("fail", "warn", "unknown") else "plain"),
        Cell(finding.short_by or "", tone),
        Cell(finding.source or "", "dim"),
    ]


def _todo(profile: ProfileReport) -> list[Cell]:
    """Each cause once, with its remedy. Missing libraries share one command."""
    items: list[Cell] = []
    if profile.verdict is None:
        items.append(Cell(why_nothing(profile), "unknown"))
    causes: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in sorted(gap_summary.to_do(profile), key=lambda each: _FIRST.index(each.status)):
        causes.setdefault((finding.message, finding.remedy), []).append(finding)
    for (message, remedy), same in causes.items():
        ids = ", ".join(each.id for each in same)
        advice = f". {_sentence(remedy)}" if remedy else ""
        known = " (in the baseline)" if all(each.in_baseline for each in same) else ""
        items.append(Cell(f"{ids}{known}: {message.rstrip('.')}{advice}", TONES[same[0].status]))
    software = [each.installs for each in profile.findings if gap_summary.is_installable(each) and each.installs]
    if software:
        missing = ", ".join(dict.fromkeys(software))
        target = profile.id if profile.path is None else shell.quote(profile.path)
        items.append(Cell(f"install what is missing ({missing}): llmcheck install {target}", "bad"))
    return items


def why_nothing(profile: ProfileReport) -> str:
    """Why no finding of the profile counts."""
    reasons = {each.skipped for each in profile.findings}
    if profile.not_applicable is not None:
        return profile.not_applicable
    if "left-out" in reasons:
        return "--skip and --only leave out every requirement that could be checked: name others"
    if "not-stated" in reasons:
        return "this profile needs software, which is not known of a described machine: check it on the machine itself"
    return "no requirement of this profile applies to this machine"


def _sentence(text: str) -> str:
    """With a capital letter, unless the first word is an id or a path."""
    return text[:1].upper() + text[1:] if text.split(" ")[0].isalpha() else text


def hardware_gaps(profile: ProfileReport) -> list[str]:
    """Missing or unknown hardware, in a few words each; empty if there is none."""
    words = [_gap(each) for each in gap_summary.hardware_gaps(profile)]
    return [*words, "needs a cluster"] if gap_summary.needs_cluster(profile) else words


def _gap(gap: Gap) -> str:
    finding = gap.finding
    if finding.status == "unknown":
        return f"{finding.id} unknown"
    if finding.is_computed:
        return f"computed: {finding.found}"
    if finding.shortfall == "gpu-missing":
        return f"no GPU ({_size(finding)})"
    if finding.shortfall in _GAPS:
        return _GAPS[finding.shortfall]
    if finding.level == "recommended" and not gap.corrected:
        return f"{finding.id}: {finding.found}" if finding.shortfall in _WITH_FOUND else f"{finding.id} not met"
    name = _QUANTITIES.get(finding.shortfall or "", finding.id)
    if finding.found_bytes is not None and finding.needed_bytes and (finding.needed_count or 1) == 1:
        words = f"has {_like(finding.found_bytes, finding)}, needs {_like(finding.needed_bytes, finding)} {name}"
        return f"{words} by arithmetic" if gap.corrected else words
    words = f"{name} +{finding.short_by}" if finding.short_by else f"{finding.id}: {finding.found or finding.status}"
    return f"{words} by arithmetic" if gap.corrected else words


_GAPS = {
    "gpu-broken": "GPU broken",
    "gpu-hidden": "GPU hidden",
    "nvlink": "no NVLink",
    "nvlink-partly": "NVLinks partly down",
    "infiniband": "no InfiniBand",
    "gpu-split": "only split over several GPUs",
    "compute-capability": "compute capability too low",
}
"""Words by ``Finding.shortfall``, if they depend on nothing else."""
_QUANTITIES = {"gpu-memory": "GPU memory", "ram": "RAM", "disk-space": "disk"}
_WITH_FOUND = frozenset({"disk-space", "disk-read-only", "disk-not-writable", "disk-inodes", "disk-type"})
"""For these recommendations, the found value is shown."""


def _like(size: int, finding: Finding) -> str:
    """In the unit in which the requirement is written."""
    needed = finding.needed_bytes or 0
    return format_gib(size) if needed % GIB == 0 and needed % GB else format_gb(size)


def _size(finding: Finding) -> str:
    """The required GPU memory: ``2 x 80 GB``."""
    size = _like(finding.needed_bytes or 0, finding)
    return f"{finding.needed_count} x {size}" if (finding.needed_count or 1) > 1 else size
