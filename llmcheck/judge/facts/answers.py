"""Findings of requirements that are one or several questions about facts."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.judge.facts import asked, names, quantifiers
from llmcheck.judge.facts.asked import Question
from llmcheck.judge.facts.meaning import UNKNOWN
from llmcheck.judge.facts.quantifiers import Member, Members
from llmcheck.judge.requirements import finding
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Requirement
from llmcheck.schema.report import Finding

MISSING = "-missing"
"""Ends the shortfall code of what nothing has."""
_STATED = frozenset(
    {
        "os.system", "os.architecture", "ram.total", "ram.available", "ram.usable", "disks", "disks[*].size",
        "disks[*].free", "gpus", "gpus[*].vendor", "gpus[*].name", "gpus[*].memory_total", "gpus[*].memory_free",
    }
)  # fmt: skip
"""Facts that a machine in words, or an offer, can state: not known only where it does not."""
_MOST_ELEMENTS = 100
_HOW_TO_READ = {
    "xids": "the kernel's log has them: run this as root, or as a member of the group adm or systemd-journal",
}
"""By the last name of a path, where no probe reports it as a problem."""
_LOOK = "see what could be read, and why not: llmcheck machine -v"


def check(requirement: Requirement, questions: Sequence[Question], machine: Machine, shortfall: str) -> Finding:
    """The finding over all questions, of which every one has to be met. ``shortfall``: the code of what is not."""
    results = [(each, members := each.members(machine), each.answer(members)) for each in questions]
    judged = [each for each in results if each[2] is True or not _is_unstated(machine, each[0])]
    worst = next((each for each in judged if each[2] is False), None)
    if worst is not None:
        return _missed(requirement, machine, *worst[:2], shortfall)
    unknown = next((each for each in judged if each[2] is None), None)
    if unknown is not None:
        return _unknown(requirement, machine, *unknown[:2])
    if len(judged) < len(results):
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    found = [question.found(members) for question, members, _ in results]
    words = "; ".join(f"{_named(each)}: {value}" for each, value in zip(questions, found, strict=True))
    return finding(requirement, "pass", words, found=", ".join(dict.fromkeys(found)))


def _is_unstated(machine: Machine, question: Question) -> bool:
    return machine.hypothetical and question.path.text.removesuffix("[*]") not in _STATED


def _named(question: Question) -> str:
    """What the question is about: ``ECC mode``, ``port rate``, ``number of GPUs``."""
    label = names.label(question.path)
    if not question.path.to_elements:
        return label
    one, several = names.nouns(question.path)
    if question.quantifier == "count":
        return f"number of {several}"
    return label if one == "GPU" and label else f"{one} {label}".strip()


def _missed(
    requirement: Requirement, machine: Machine, question: Question, members: Members, shortfall: str
) -> Finding:
    name, needs = _named(question), f"needs {question.words()}"
    missing = question.missing(members)
    if members.none_there and question.quantifier != "count":
        several = names.nouns(question.path)[1]
        message = f"there are no {several}{' that are meant' if question.where else ''}; {needs}"
        code, found = f"{shortfall}{MISSING}", "none"
        return finding(requirement, "fail", message, found=found, shortfall=code, missing=missing[:_MOST_ELEMENTS])
    bad = quantifiers.bad(question.quantifier, members, question.operators)
    called = names.of_elements(question.path, machine) if bad else ()
    found = f"missing: {names.joined(missing)}" if missing else question.found_bad(members, bad, called)
    to_blame = question.named(bad, called) if bad and not missing else found
    message = f"{name}: {to_blame}; {needs if missing else _needs(question)}"
    return finding(
        requirement,
        "fail",
        message,
        found=found,
        shortfall=f"{shortfall}{MISSING}" if members.none_there else shortfall,
        elements=_elements(bad, called),
        missing=missing[:_MOST_ELEMENTS],
    )


def _needs(question: Question) -> str:
    """What of the question its name does not say."""
    match question.quantifier:
        case "each" | "count":
            return f"needs {question.stated().removeprefix('is ')}"
        case "same":
            return "all have to be the same"
        case "none":
            return "there has to be none of these"
    return f"needs {question.words()}"


def _elements(members: Sequence[Member], called: Sequence[str]) -> tuple[str, ...]:
    found = dict.fromkeys(called[each.place] for each in members if called[each.place])
    return tuple(found)[:_MOST_ELEMENTS]


def _unknown(requirement: Requirement, machine: Machine, question: Question, members: Members) -> Finding:
    unread = [each for each in members.members if each.value is UNKNOWN]
    called = names.of_elements(question.path, machine) if unread else ()
    elements = _elements(unread, called)
    problem = asked.reason(question, machine, members)
    why = f": {problem.message}" if problem else ""
    whose = f" of {names.joined(elements)}" if elements else ""
    if members.open or not elements:
        whose = ""  # some or all of them
    message = f"{_named(question)}{whose} could not be read{why}"
    read = len(unread) < len(members.members)
    found = question.found_bad(members, unread, called) if read and question.found(members) != "unknown" else None
    remedy = (problem.remedy if problem else None) or _HOW_TO_READ.get(question.path.name, _LOOK)
    return finding(requirement, "unknown", message, found=found, remedy=remedy, elements=elements)
