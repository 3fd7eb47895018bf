"""An installation plan."""

from __future__ import annotations

from collections.abc import Iterable

from llmcheck.advice import Environment, Plan, Size, Step, Verification
from llmcheck.render._blocks import Block, Bullets, Cell, Commands, Heading
from llmcheck.units import decimal


def plan(value: Plan) -> list[Block]:
    blocks: list[Block] = []
    facts = [*_choices(value), *_size(value.size)]
    if value.satisfied:
        facts.append(Cell(f"already there: {', '.join(value.satisfied)}", "good"))
    if not value.environments:
        blocks.append(Heading(f"Nothing to install for {value.target}"))
    elif facts:
        blocks.append(Heading(f"Plan for {value.target}"))
    if facts:
        blocks.append(Bullets(facts))
    if value.system:
        blocks += [Heading("First, as administrator"), _commands(value.system)]
    for environment in value.environments:
        blocks += _environment(value, environment)
    if value.left_out:
        left_out = [Cell(f"{each.library}: {each.reason}", "warn") for each in value.left_out]
        blocks += [Heading("Left out"), Bullets(left_out)]
    if value.verification is not None:
        blocks += [Heading("What the resolver says"), Bullets([_answer(each) for each in value.verification])]
    if value.notes:
        blocks += [Heading("Good to know"), Bullets([Cell(note) for note in value.notes])]
    return blocks


def _environment(value: Plan, environment: Environment) -> list[Block]:
    proof = [step for step in environment.steps if step.kind == "verify"]
    steps = [step for step in environment.steps if step.kind != "verify"]
    name = "" if environment.name == "shared" else f" in an environment of its own ({environment.name})"
    name = f" ({environment.name})" if environment.python is None else name
    into = f"into {environment.python}" if environment.python else environment.reason or ""
    blocks: list[Block] = [Heading(f"Install {value.target}{name}", into), _commands(steps)]
    changes = [Cell(f"{each}", "warn") for step in steps for each in step.changes]
    changes += [Cell(f"back with: {step.undo}", "accent") for step in steps if step.undo]
    if changes:
        blocks.append(Bullets(changes))
    if proof:
        expected = [(step.command, f"{step.reason}; prints {step.expect}") for step in proof]
        blocks += [Heading("Then check"), Commands(expected)]
    return blocks


def _commands(steps: Iterable[Step]) -> Commands:
    return Commands([(step.command, f"{step.reason}{'; then restart' if step.reboot else ''}") for step in steps])


def _size(size: Size | None) -> list[Cell]:
    if size is None:
        return []
    free = "free space unknown" if size.free is None else f"{decimal(size.free)} free"
    short = size.free is not None and size.free < size.installed + size.download
    unknown = f"; without {', '.join(size.unknown)}" if size.unknown else ""
    text = f"about {decimal(size.download)} to download, {decimal(size.installed)} on disk, {free}"
    return [Cell(f"{text} (measured {size.as_of}{unknown})", "bad" if short else "plain")]


def _choices(value: Plan) -> list[Cell]:
    """One line for each choice; what speaks against several of the others in the same words is said once."""
    cells = []
    for choice in value.choices:
        by_reason: dict[str, list[str]] = {}
        for name, why in choice.rejected.items():
            by_reason.setdefault(why.removeprefix(f"{name} "), []).append(name)
        against = [f"not {', '.join(names)}: {why}" for why, names in by_reason.items()]
        cells.append(Cell("; ".join([f"{choice.chosen}: {choice.reason}", *against])))
    return cells


def _answer(answer: Verification) -> Cell:
    tone = {"resolved": "good", "conflict": "bad"}.get(answer.status, "warn")
    size = f", {decimal(answer.download)} to download" if answer.download else ""
    text = f"{answer.environment} ({answer.resolver}): {answer.message}{size}"
    return Cell(text, tone)  # type: ignore[arg-type]
