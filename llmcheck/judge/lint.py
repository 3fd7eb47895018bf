"""What is wrong in a profile that can be read, and what nobody can have meant."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmcheck.judge.facts import paths, quantities
from llmcheck.judge.implied import implies, range_of, statement
from llmcheck.judge.requirements import group_of, module, parts
from llmcheck.schema.profile import GROUP, Profile, Requirement
from llmcheck.schema.profile_tools import LintFinding

_MOST_COMPARED = 60
"""Alternatives, or requirements about the same, that are compared each with each; of more, only equal ones."""
_PLACE = r"\$\{([^}]{1,100})\}"
_COMBINATORS = ("any_of", "all_of", "none_of")


def of_profile(profile: Profile, table: Mapping[str, Any], stem: str | None, today: datetime.date) -> list[LintFinding]:
    """Of a profile that loads. ``table``: its own file; ``stem``: that file's name without its ending."""
    found = [each for requirement in profile.require for each in _of_requirement(requirement)]
    found += _duplicates(profile.require)
    found += _of_profile(profile, table, stem, today)
    return found


def of_table(table: Mapping[str, Any]) -> Iterator[LintFinding]:
    """Of a file as it is written: what is empty, and ids that stand twice."""
    requirements = table.get("require")
    if not requirements and not table.get("extends"):
        yield LintFinding(code="empty", message="it requires nothing", fix="a table [[require]] for each requirement")
    seen: set[str] = set()
    for each in requirements if isinstance(requirements, list) else ():
        name = each.get("id") if isinstance(each, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            yield LintFinding(code="duplicate-id", requirement=name, message="two requirements have this id")
        seen.add(name)
        for key in _COMBINATORS:
            if key in each and not each[key]:
                message = f"{key} is empty, so that it says nothing"
                yield LintFinding(code="empty", requirement=name, message=message)


def of_refused(table: object, message: str) -> LintFinding:
    """Of a requirement that is not possible: what kind of mistake it is. ``message``: as it was refused."""
    written: Mapping[str, Any] = table if isinstance(table, Mapping) else {}
    name = written.get("id")
    return LintFinding(
        code=next(_mistakes(written), "invalid"), requirement=name if isinstance(name, str) else None, message=message
    )


def _mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    """Of the requirement or of a part of it, what can be told without its message."""
    for key in _COMBINATORS:
        inner = table.get(key)
        for part in inner if isinstance(inner, list) else ():
            if isinstance(part, Mapping):
                yield from _mistakes({**{name: table[name] for name in ("kind",) if name in table}, **part})
    fact = table.get("fact")
    if not isinstance(fact, str):
        return
    try:
        path = paths.path_of(fact)
    except ValueError:
        yield "unknown-fact"
        return
    for key, value in table.items():
        for each in value if isinstance(value, list) else [value]:
            if key in ("eq", "ne", "ge", "gt", "le", "lt", "between", "in", "not-in") and _is_misfit(path, each):
                yield "unit-mismatch"


def _is_misfit(path: paths.Path, written: object) -> bool:
    """Whether a number stands where its unit is missing, is another, or has no place."""
    if path.kind != "number" or isinstance(written, bool) or not isinstance(written, int | float | str):
        return False
    try:
        quantities.in_field(written, path.unit, path.text)
    except ValueError:
        return True
    return False


def _of_requirement(requirement: Requirement) -> Iterator[LintFinding]:
    def found(code: str, message: str, fix: str | None = None) -> LintFinding:
        return LintFinding(code=code, requirement=requirement.id, message=message, fix=fix)

    for each in _all_parts(requirement):
        reach = range_of(each)
        if reach is not None and reach[0] > reach[1]:
            yield found("never", f"no value can meet it: {each.question.words()}")  # type: ignore[attr-defined]
        yield from (found("unreachable-branch", message) for message in _unreachable(each))
    if requirement.level != "required":
        return
    if requirement.why is None and requirement.source is None:
        yield found("no-why", "it is required, and nothing says why", 'why = "..." or source = "..."')
    if not any(part.fix or _advises(part.kind) for part in _all_parts(requirement)):
        yield found("no-fix", "it is required, and nothing says what to do where it is not met", 'fix = "..."')


def _all_parts(requirement: Requirement) -> Iterator[Requirement]:
    yield requirement
    for each in parts(requirement):
        yield from _all_parts(each)


def _advises(kind: str) -> bool:
    """Whether a kind can say by itself what to do: not where it only asks for facts, or for what a program answers."""
    if kind == GROUP:
        return False
    of_kind = module(kind)
    only_asks = any(hasattr(of_kind.Requirement, name) for name in ("question", "questions"))
    return not only_asks and of_kind.TRAITS.asks is None


def _unreachable(requirement: Requirement) -> Iterator[str]:
    """Alternatives that decide nothing, because another one is met wherever they are."""
    if len(requirement.any_of) > _MOST_COMPARED:
        return
    for at, each in enumerate(requirement.any_of):
        for other, looser in enumerate(requirement.any_of):
            if at != other and implies(each, looser) and not (other > at and implies(looser, each)):
                yield f"any_of[{at}] decides nothing: any_of[{other}] is met wherever it is"
                break


def _duplicates(requirements: Sequence[Requirement]) -> Iterator[LintFinding]:
    """Requirements that state the same, and required ones of which another of them asks for more."""
    seen: dict[str, str] = {}
    for each in requirements:
        key = repr(sorted(statement(each).items(), key=str))
        first = seen.setdefault(key, each.id)
        if first != each.id:
            yield LintFinding(code="duplicate", requirement=each.id, message=f"'{first}' already asks for the same")
    required = [each for each in requirements if each.level == "required" and not each.requires]
    for _, group in itertools.groupby(sorted(required, key=_compared), key=_compared):
        alike = list(group)
        for each, other in itertools.permutations(alike if len(alike) <= _MOST_COMPARED else [], 2):
            if implies(other, each) and not implies(each, other):
                message = f"'{other.id}' asks for more, so that this decides nothing"
                yield LintFinding(code="weaker", requirement=each.id, message=message)
                break


def _compared(requirement: Requirement) -> str:
    """Those of which one may imply another: of one kind, about the same."""
    return f"{group_of(requirement)} {requirement.kind} {getattr(requirement, 'fact', '')}"


def _of_profile(
    profile: Profile, table: Mapping[str, Any], stem: str | None, today: datetime.date
) -> Iterator[LintFinding]:
    if profile.expires is not None and profile.expires < today:
        message = f"it expired on {profile.expires}: its figures may be out of date"
        yield LintFinding(code="expired", message=message, fix="another day, when its sources were looked at again")
    if stem is not None and stem != profile.id:
        message = f"its id is '{profile.id}', and its file is called {stem}"
        yield LintFinding(code="id", message=message, fix=f'id = "{stem}"')
    if not profile.sources:
        yield LintFinding(
            code="no-sources", message="nothing says where its figures come from", fix='sources = ["..."]'
        )
    used = {name for text in _texts(table) for name in re.findall(_PLACE, text)}
    for name in profile.vars:
        if name in (table.get("vars") or {}) and name not in used:
            yield LintFinding(
                code="unused-variable", message=f"no text has ${{{name}}}, so that setting it does nothing"
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
