"""An installation plan."""

from __future__ import annotations

from llmcheck.advice import Plan
from llmcheck.render._blocks import Block, Bullets, Cell, Commands, Heading


def plan(value: Plan) -> list[Block]:
    blocks: list[Block] = []
    for environment in value.environments:
        name = "" if environment.name == "shared" else f" in an environment of its own ({environment.name})"
        blocks.append(Heading(f"Install {value.target}{name}", f"into {environment.python}"))
        blocks.append(Commands([(step.command, step.reason) for step in environment.steps]))
    if not value.environments:
        blocks.append(Heading(f"Nothing to install for {value.target}"))
    if value.satisfied:
        blocks.append(Bullets([Cell(f"already there: {', '.join(value.satisfied)}", "good")]))
    if value.notes:
        blocks += [Heading("Good to know"), Bullets([Cell(note) for note in value.notes])]
    return blocks
