"""Findings of requirements that are one or several questions about facts."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.judge.facts import asked
from llmcheck.judge.facts.asked import Question
from llmcheck.judge.facts.quantifiers import Members
from llmcheck.judge.requirements import finding
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Requirement
from llmcheck.schema.report import Finding

MISSING = "-missing"
"""Ends the shortfall code of what nothing has."""
_NOT_STATED = ("drivers", "limits", "access", "software", "identity", "asked")
"""Of a machine in words and of an offer nobody states these, and they are assumed to suffice."""


def check(requirement: Requirement, questions: Sequence[Question], machine: Machine, shortfall: str) -> Finding:
    """The finding over all questions, of which every one has to be met. ``shortfall``: the code of what is not."""
    results = [(each, members := each.members(machine), each.answer(members)) for each in questions]
    worst = next((each for each in results if each[2] is False), None)
    if worst is not None:
        return _missed(requirement, *worst[:2], shortfall)
    unknown = next((each for each in results if each[2] is None), None)
    if unknown is not None:
        return _unknown(requirement, machine, *unknown[:2])
    found = [question.found(members) for question, members, _ in results]
    words = "; ".join(f"{each.path.text}: {value}" for each, value in zip(questions, found, strict=True))
    return finding(requirement, "pass", words, found=", ".join(dict.fromkeys(found)))


def _missed(requirement: Requirement, question: Question, members: Members, shortfall: str) -> Finding:
    name, found = question.path.text, question.found(members)
    if not members.none_there:
        message = f"{name}: {found}; needs {question.words()}"
        return finding(requirement, "fail", message, found=found, shortfall=shortfall)
    message = f"there is no {name}{' that is meant' if question.where else ''}; needs {question.words()}"
    return finding(requirement, "fail", message, found=found, shortfall=f"{shortfall}{MISSING}")


def _unknown(requirement: Requirement, machine: Machine, question: Question, members: Members) -> Finding:
    name, found = question.path.text, question.found(members)
    if machine.hypothetical and question.path.root in _NOT_STATED:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    problem = asked.reason(question, machine, members)
    why = f": {problem.message}" if problem else ""
    message = f"{name} could not be read{why}" if found == "unknown" else f"{name} is not known in full ({found}){why}"
    return finding(requirement, "unknown", message, remedy=problem.remedy if problem else None)
