"""Damaged packages of an environment: what is put right before a plan's steps, and what no installer can replace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmcheck.install.commands import InstallerCommands, InstallRequest, command_step
from llmcheck.install.target import PlanOptions
from llmcheck.schema.advice import Environment, Step
from llmcheck.schema.machine import DistributionIssue, Machine

_DELETES = "import shutil, sys; shutil.rmtree(sys.argv[1])"


def mending_steps(
    machine: Machine, names: Iterable[str], commands: InstallerCommands, options: PlanOptions
) -> list[Step]:
    """Steps that put right what is damaged among these packages of the judged environment: they come first."""
    own = set(names)
    steps = []
    for issue in machine.software.issues:
        if _is_left_behind(issue) and any(name[1:] == issue.name[1:] for name in own):
            steps.append(_deletion(issue, "left by an installation that was stopped", commands, options))
        elif issue.kind == "no-metadata" and issue.name in own and issue.where.endswith(".dist-info"):
            steps.append(_deletion(issue, "it has no metadata, so no installer can replace it", commands, options))
    for name in dict.fromkeys(each.name for each in machine.software.issues if each.kind == "duplicate"):
        if name in own and not _lacks_record(machine, name):
            steps += _once(name, machine, commands, options)
    return steps


def not_replaceable(environments: Sequence[Environment], machine: Machine) -> str | None:
    """Why a step cannot replace a package of the judged environment; None where each can."""
    replaced = {name for each in environments if each.folder is None for step in each.steps for name in step.replaces}
    issue = next((each for each in machine.software.issues if each.kind == "no-record" and each.name in replaced), None)
    if issue is None:
        return None
    return (
        f"no installer can replace {issue.name}, which has no RECORD in {issue.where}: the packages get an environment "
        "of their own (to go on with the old one, remove that package by hand first)"
    )


def _is_left_behind(issue: DistributionIssue) -> bool:
    return issue.kind == "half-removed" and issue.name.startswith("~") and "/~" in issue.where


def _lacks_record(machine: Machine, name: str) -> bool:
    return any(each.kind == "no-record" and each.name == name for each in machine.software.issues)


def _deletion(issue: DistributionIssue, why: str, commands: InstallerCommands, options: PlanOptions) -> Step:
    argv = [commands.python, "-c", _DELETES, issue.where]
    return command_step(argv, f"deletes {issue.where}: {why}", options, kind="environment")


def _once(name: str, machine: Machine, commands: InstallerCommands, options: PlanOptions) -> Iterator[Step]:
    """Removes all copies of a package, and installs the one that is imported again."""
    copies = [each.where for each in machine.software.issues if each.kind == "duplicate" and each.name == name]
    reason = f"{name} is there more than once: {'; '.join(copies)}"
    for number in range(len(copies) + 1):
        why = reason if number == 0 else f"{name}, the next copy"
        yield command_step(commands.uninstall(name), why, options, kind="environment")
    index, pins = commands.installed.index_and_pins([name])
    yield commands.step(InstallRequest(pins, f"{name} again, once", index_url=index))
