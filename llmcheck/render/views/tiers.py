"""The screen of ``llmcheck tiers``: inventory, one row for each documented tier, the next step."""

from __future__ import annotations

from llmcheck.judge import gap_summary
from llmcheck.render import Options
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Commands,
    Heading,
    Table,
    format_time,
)
from llmcheck.render.views.cheapest import describe_offer
from llmcheck.render.views.findings import MARKS, TONES, VERDICT_TONES, WORDS, hardware_gaps
from llmcheck.render.views.machine import inventory
from llmcheck.render.views.plan import undo
from llmcheck.schema.advice import Advice, Plan, Step
from llmcheck.schema.report import ProfileReport, Report


def tiers(value: Report, options: Options) -> list[Block]:
    detail = " · ".join(part for part in (value.machine.identity.hostname, format_time(value.created_at)) if part)
    blocks: list[Block] = [Heading(f"llmcheck {value.llmcheck}", detail, level=1)]
    blocks += inventory(value.machine, options)
    columns = [
        Column("", fixed=True),
        Column("tier", fixed=True),
        Column("what it is", wide_only=True),
        Column("software", fixed=True),
        Column("hardware, and what it lacks"),
    ]
    blocks += [Heading("Tiers"), Table(columns, [_row(profile) for profile in value.profiles])]
    if value.advice is not None:
        blocks += _advice(value.advice)
    else:
        blocks.append(Bullets([Cell("everything is ready, or needs a cluster", "good")]))
    nearest = value.advice.profile if value.advice is not None else value.profiles[0].id
    blocks.append(Bullets([Cell(f"llmcheck check {nearest} shows every finding with its source", "dim")]))
    plan = value.advice.plan if value.advice is not None else None
    return [*blocks, *(undo(_steps(plan)) if plan is not None else ())]


def _row(profile: ProfileReport) -> list[Cell]:
    mark = gap_summary.mark(profile)
    return [
        Cell(MARKS[mark], TONES[mark]),
        Cell(profile.id, "strong"),
        Cell(profile.title),
        _software(profile),
        _hardware(profile),
    ]


def _software(profile: ProfileReport) -> Cell:
    if profile.software is None:
        return Cell("–", "dim")
    missing = len(gap_summary.missing_libraries(profile))
    return Cell(f"{missing} missing" if missing else WORDS[profile.software], VERDICT_TONES[profile.software])


def _hardware(profile: ProfileReport) -> Cell:
    """The gaps, or the verdict if there are none."""
    if profile.hardware is None:
        return Cell("–", "dim")
    words = hardware_gaps(profile)
    text = "; ".join(words)
    if profile.hardware == "ready":
        return Cell(f"ready; {text}", "warn") if words else Cell("ready", "good")
    return Cell(text or WORDS[profile.hardware], VERDICT_TONES[profile.hardware])


def _advice(advice: Advice) -> list[Block]:
    blocks: list[Block] = [Heading(f"Next step: {advice.profile}", advice.reason)]
    items = [Cell(advice.tip)] if advice.tip else []
    items += [Cell(each, "warn") for each in advice.plan.first] if advice.plan else []
    if advice.rent is not None:
        items.append(
            Cell(f"a machine to rent that passes: {describe_offer(advice.rent)}; more: llmcheck cloud {advice.profile}")
        )
    if items:
        blocks.append(Bullets(items))
    steps = _steps(advice.plan) if advice.plan else []
    if steps:
        blocks.append(Commands([(step.command, _reason(step)) for step in steps]))
    return blocks


def _steps(plan: Plan) -> list[Step]:
    """All steps except verification, which 'llmcheck install' shows."""
    steps = [*plan.system, *(step for environment in plan.environments for step in environment.steps)]
    return [step for step in steps if step.kind != "verify"]


def _reason(step: Step) -> str:
    return ". ".join([step.reason, *(["; ".join(step.changes)] if step.changes else [])])
