"""The screen of ``llmcheck install``: an installation plan."""

from __future__ import annotations

from collections.abc import Iterable

from llmcheck.render import Options
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Commands,
    Heading,
    Table,
    Tone,
)
from llmcheck.render.views.environments import requested_names
from llmcheck.schema.advice import Environment, LibraryChoice, Plan, Resolved, Size, Step, Verification
from llmcheck.units import format_gb


def plan(value: Plan, options: Options) -> list[Block]:
    blocks: list[Block] = []
    facts = [*(Cell(chosen(each)) for each in value.choices), *_size(value.size)]
    if value.satisfied:
        facts.append(Cell(f"already installed: {', '.join(value.satisfied)}", "good"))
    if not value.environments and not value.left_out:
        blocks.append(Heading(f"Nothing to install for {value.target}"))
    elif facts:
        blocks.append(Heading(f"Plan for {value.target}"))
    if facts:
        blocks.append(Bullets(facts))
    if value.first:
        blocks += [Heading("Before anything else"), Bullets([Cell(each, "warn") for each in value.first])]
    if value.system:
        who = ", as administrator" if all(step.root for step in value.system) else ""
        blocks += [Heading(f"First{who}"), _commands(value.system)]
    for environment in value.environments:
        blocks += _environment(value, environment)
    if value.left_out:
        left_out = [Cell(f"{each.library}: {each.reason}", "bad") for each in value.left_out]
        blocks += [Heading("Cannot be installed here"), Bullets(left_out)]
    if value.verification is not None:
        blocks.append(Heading("Result of the resolver"))
        for answer in value.verification:
            blocks += _verification(value, answer, options)
    if value.notes:
        blocks += [Heading("Good to know"), Bullets([Cell(note) for note in value.notes])]
    return blocks


def _environment(value: Plan, environment: Environment) -> list[Block]:
    proofs = [step for step in environment.steps if step.kind == "verify"]
    steps = [step for step in environment.steps if step.kind != "verify"]
    into = f"into {environment.python}" if environment.python else environment.reason or ""
    blocks: list[Block] = [Heading(_title(value, environment), into), _commands(steps)]
    changes = [Cell(f"{each}", "warn") for step in steps for each in step.changes]
    if changes:
        blocks.append(Bullets(changes))
    blocks += undo(steps)
    if proofs:
        expected = [(step.command, f"{step.reason}; prints {step.expect}") for step in proofs]
        blocks += [Heading("Then check"), Commands(expected)]
    return blocks


def _title(value: Plan, environment: Environment) -> str:
    if len(value.environments) > 1:
        return f"Environment '{environment.name}': {', '.join(environment.libraries) or 'packages of the tier'}"
    if environment.python is None or environment.name == "shared":
        return f"Install {value.target}"
    return f"Install {value.target} in a separate environment ({environment.name})"


def undo(steps: Iterable[Step]) -> list[Block]:
    """The commands that restore replaced packages, in a block apart from the commands to paste."""
    lines = [(step.undo, "") for step in steps if step.undo]
    return [Heading("To undo this"), Commands(lines)] if lines else []


def _commands(steps: Iterable[Step]) -> Commands:
    return Commands([(step.command, f"{step.reason}{'; then restart' if step.reboot else ''}") for step in steps])


def _size(size: Size | None) -> list[Cell]:
    if size is None:
        return []
    free = "free space unknown" if size.free is None else f"{format_gb(size.free)} free"
    unknown = f"; without {', '.join(size.unknown)}" if size.unknown else ""
    lacking = f": does not fit, {format_gb(size.shortfall)} missing" if size.shortfall else ""
    text = f"about {format_gb(size.download)} to download, {format_gb(size.installed)} on disk, {free}{lacking}"
    return [Cell(f"{text} (measured {size.as_of}{unknown})", "bad" if lacking else "plain")]


def chosen(choice: LibraryChoice) -> str:
    """One line: the chosen library, and the rejected ones grouped by reason."""
    by_reason: dict[str, list[str]] = {}
    for name, why in choice.rejected.items():
        by_reason.setdefault(why.removeprefix(f"{name} "), []).append(name)
    against = [f"not {', '.join(names)}: {why}" for why, names in by_reason.items()]
    return "; ".join([f"{choice.chosen}: {choice.reason}", *against])


def _verification(value: Plan, answer: Verification, options: Options) -> list[Block]:
    """The result, and the versions of the requested packages; with -v also of their dependencies."""
    tones: dict[str, Tone] = {"resolved": "good", "conflict": "bad"}
    size = f", {format_gb(answer.download)} to download" if answer.download else ""
    text = f"{answer.environment} ({answer.resolver}): {answer.message}{size}"
    blocks: list[Block] = [Bullets([Cell(text, tones.get(answer.status, "warn"))])]
    environment = next((each for each in value.environments if each.name == answer.environment), None)
    requested = requested_names(environment) if environment else set()
    shown = [each for each in answer.packages if options.verbose or each.name in requested]
    if shown:
        columns = [Column("package"), Column("version", fixed=True), Column("download", right=True, fixed=True)]
        blocks.append(Table(columns, [_package(each) for each in sorted(shown, key=lambda each: each.name)]))
    return blocks


def _package(package: Resolved) -> list[Cell]:
    size = "unknown" if package.size is None else format_gb(package.size)
    return [
        Cell(package.name, "strong"),
        Cell(package.version),
        Cell(f"{size}, built here" if package.source_build else size),
    ]
