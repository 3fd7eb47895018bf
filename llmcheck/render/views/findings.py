"""The gate's report: every finding of every profile, what to do, and what the document has wrong."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Table, Tone
from llmcheck.schema.report import Finding, ProfileReport, Report, Status, Verdict

MARKS: dict[Status, str] = {"pass": "✓", "warn": "!", "fail": "✗", "unknown": "?", "skipped": "–"}
TONES: dict[Status, Tone] = {"pass": "good", "warn": "warn", "fail": "bad", "unknown": "unknown", "skipped": "dim"}
VERDICT_TONES: dict[Verdict, Tone] = {"ready": "good", "not-ready": "bad", "undetermined": "unknown"}
WORDS: dict[Verdict, str] = {"ready": "ready", "not-ready": "not ready", "undetermined": "undetermined"}


def findings(value: Report, options: Options) -> list[Block]:
    """The screen of ``llmcheck check``."""
    blocks: list[Block] = []
    for profile in value.profiles:
        blocks += _profile(profile, options)
    if len(value.profiles) > 1 and value.verdict:
        blocks.append(Heading(f"All: {WORDS[value.verdict]}", "", VERDICT_TONES[value.verdict]))
    return blocks


def _profile(profile: ProfileReport, options: Options) -> list[Block]:
    title = f"{profile.id}: {WORDS[profile.verdict]}"
    detail = " · ".join(part for part in (profile.title, _in_groups(profile)) if part)
    blocks: list[Block] = [Heading(title, detail, VERDICT_TONES[profile.verdict], level=2)]
    columns = [
        Column("", fixed=True),
        Column("requirement"),
        Column("needed", not_narrow=True),
        Column("found"),
        Column("short by", fixed=True, not_narrow=True),
        Column("source", wide_only=not options.verbose),
    ]
    rows = [_row(finding) for finding in profile.findings]
    if not options.verbose:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    blocks.append(Table(columns, rows))
    blocks += _computed(profile)
    todo = _todo(profile)
    if todo:
        blocks += [Heading("What to do", level=3), Bullets(todo)]
    elsewhere = [each for each in profile.corrections if each.memory_total is None]
    if elsewhere:
        said = [
            f"documented: {each.documented}; in fact: {each.fact} ({each.source}, {each.as_of})" for each in elsewhere
        ]
        blocks += [Heading("About the documented figures", level=3), Bullets([Cell(text, "dim") for text in said])]
    if profile.cost:
        blocks.append(Bullets([Cell(f"documented cost: {profile.cost.documented}", "dim")]))
    return blocks


def _computed(profile: ProfileReport) -> list[Block]:
    """The computed layer beside the documented one."""
    finding = next((each for each in profile.findings if each.kind == "fit" and each.status != "skipped"), None)
    if finding is None:
        return []
    documented = next((each for each in profile.findings if each.kind == "gpu"), None)
    said = {"pass": "ready", "warn": "ready with a warning", "fail": "not ready", "unknown": "undetermined"}
    status = said.get(documented.status) if documented else None
    items = [Cell(f"documented: {status}")] if status else []
    items += [Cell(f"computed: {finding.message}", TONES[finding.status])]
    items += [Cell(_sentence(finding.remedy))] if finding.remedy else []
    return [Heading("Computed", level=3), Bullets(items)]


def _in_groups(profile: ProfileReport) -> str:
    """``hardware ready, 3 libraries missing`` where the two differ or software is what is missing."""
    missing = sum(1 for finding in profile.findings if finding.group == "software" and finding.status == "fail")
    if profile.hardware is None or not missing:
        return ""
    noun = "library" if missing == 1 else "libraries"
    return f"hardware {WORDS[profile.hardware]}, {missing} {noun} missing"


def _row(finding: Finding) -> list[Cell]:
    tone = TONES[finding.status]
    level = "" if finding.level == "required" else f" ({finding.level})"
    found = finding.found or ("unknown" if finding.status == "unknown" else finding.message)
    if finding.cluster:
        found = finding.message
    return [
        Cell(f"{MARKS[finding.status]} {finding.status}", tone),
        Cell(finding.id + level, "plain" if finding.status != "skipped" else "dim"),
        Cell(finding.needed),
        Cell(found, tone if finding.status in ("fail", "warn", "unknown") else "plain"),
        Cell(finding.short_by or "", tone),
        Cell(finding.source or "", "dim"),
    ]


def _todo(profile: ProfileReport) -> list[Cell]:
    """Each cause once, with its remedy; missing libraries share one command."""
    items: list[Cell] = []
    software: list[str] = []
    for finding in profile.findings:
        if finding.status not in ("fail", "warn", "unknown") or finding.kind == "fit":
            continue
        if finding.group == "software" and finding.status == "fail" and finding.libraries:
            software.append(finding.needed)
            continue
        remedy = f". {_sentence(finding.remedy)}" if finding.remedy else ""
        items.append(Cell(f"{finding.id}: {finding.message.rstrip('.')}{remedy}", TONES[finding.status]))
    if software:
        missing = "; ".join(software)
        items.append(Cell(f"install what is missing ({missing}): llmcheck install {profile.id}", "bad"))
    return items


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a name that has none."""
    return text[:1].upper() + text[1:] if text.split(" ")[0].isalpha() else text


def shortfall(profile: ProfileReport) -> list[str]:
    """What the hardware of a profile lacks, or what makes it doubtful, in a few words each; none if nothing does."""
    words = []
    failed = {finding.kind for finding in profile.findings if finding.status == "fail" and finding.level == "required"}
    doubtful = failed | {finding.kind for finding in profile.findings if finding.status == "unknown"}
    arithmetic = {correction.id for correction in profile.corrections}
    told = any(finding.kind == "fit" and finding.status != "skipped" for finding in profile.findings)
    for finding in profile.findings:
        if told and finding.id in arithmetic:
            continue  # what is computed for this machine says more
        if finding.group != "hardware" or finding.level == "info":
            continue
        if finding.level == "recommended" and finding.kind in failed:
            continue  # the requirement of the same kind has said it
        if finding.kind == "fit" and finding.status in ("fail", "unknown") and "gpu" in doubtful:
            continue  # the memory that is short or unknown has been told
        if finding.status in ("fail", "warn"):
            words.append(_few_words(finding, finding.id in arithmetic))
        elif finding.status == "unknown" and finding.level == "required":
            words.append(f"{finding.id} unknown")
    if any(finding.cluster and finding.status == "skipped" for finding in profile.findings):
        words.append("needs a cluster")
    return words


def _few_words(finding: Finding, by_arithmetic: bool) -> str:
    """Each kind of gap as one would say it; the unit and the size are the finding's own."""
    if finding.kind == "driver":
        return f"driver: {finding.found}"
    if finding.kind == "fit":
        return f"computed: {finding.found}"
    if finding.kind == "gpu" and finding.found == "no GPU":
        return f"no GPU ({finding.needed.split(' (')[0]})"
    if finding.kind == "interconnect":
        return "no NVLink"
    if finding.kind == "network":
        return "no InfiniBand"
    if finding.level == "recommended" and not by_arithmetic:
        return f"{finding.id}: {finding.found or 'not met'}" if finding.kind == "disk" else f"{finding.id} not met"
    if finding.kind == "gpu" and not finding.short_by:
        return "only split over several GPUs"
    name = {"gpu": "GPU memory", "ram": "RAM"}.get(finding.kind, finding.kind)
    size = f"{name} +{finding.short_by}" if finding.short_by else f"{finding.id}: {finding.found or finding.status}"
    return f"{size} by arithmetic" if by_arithmetic else size
