"""Paths of facts, such as ``gpus[*].ecc.remapped_rows``: the names are those of the machine as JSON.

A path is read once, against the types of ``Machine``. ``[*]`` is every entry of a list or table, ``[0]`` one of a list;
an entry of a table is named by its key (``drivers.nvidia.version``). What stands behind the last ``[*]`` is read of
each element.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from llmcheck.codec import did_you_mean
from llmcheck.judge.facts import meaning
from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.quantities import Unit, unit_of
from llmcheck.schema.machine import Machine

LONGEST = 200
_STEP = re.compile(r"(?:(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*))|(?:\[(\*|[0-9]{1,4})\])")

Kind = Literal["number", "text", "flag", "list", "table"]


class Step(Struct, frozen=True):
    """One step from a value to a part of it."""

    kind: Literal["field", "key", "index", "every"]
    name: str = ""
    """Of a field in Python, or a key."""
    index: int = 0


class Path(Struct, frozen=True):
    """A path that exists in the type it was read against."""

    text: str
    to_elements: tuple[Step, ...]
    """To the last ``[*]``, that included; () where there is none."""
    of_element: tuple[Step, ...]
    """From an element to its value."""
    kind: Kind
    """What the value is."""
    unit: Unit | None
    """What a number is counted in; None for a plain one."""
    element: Any
    """The type of an element."""
    name: str
    """The last name of the path."""

    @property
    def root(self) -> str:
        return re.split(r"[.\[]", self.text, maxsplit=1)[0]


@functools.lru_cache(maxsize=4096)
def path_of(text: str, root: Any = Machine) -> Path:
    """A path against a type. Raises ValueError with what is there instead."""
    if len(text) > LONGEST:
        raise ValueError(f"a path of {len(text):,} characters; at most {LONGEST}")
    steps: list[Step] = []
    kind, at, owner, field, parent, element, last = root, 0, "", "", "", root, -1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"'{text}' is not a path such as gpus[*].memory_total: see character {at + 1}")
        if match[1] is not None:
            step, kind, owner_type = _named(kind, match[1], text[:at])
            if step.kind == "field":
                owner, parent, field = owner_type, field, match[1]
        else:
            step, kind = _entry(kind, match[2], text[:at])
        steps.append(step)
        if step.kind == "every":
            element, last = kind, len(steps) - 1
        at = match.end()
    if not steps:
        raise ValueError("an empty path")
    leaf = _kind(kind)
    return Path(
        text=text,
        to_elements=tuple(steps[: last + 1]),
        of_element=tuple(steps[last + 1 :]),
        kind=leaf,
        unit=unit_of(owner, field, parent) if leaf == "number" else None,
        element=element,
        name=field,
    )


def _plain(kind: Any) -> Any:
    """A type without None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [each for each in typing.get_args(kind) if each is not type(None)]
        return rest[0]
    if typing.get_origin(kind) is typing.Annotated:
        return _plain(typing.get_args(kind)[0])
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


@functools.cache
def fields_of(kind: Any) -> Mapping[str, tuple[str, Any]]:
    """The fields of a struct by their names in JSON: the name in Python, and the type without None."""
    return {each.encode_name: (each.name, _plain(each.type)) for each in msgspec.structs.fields(kind)}


def _named(kind: Any, name: str, before: str) -> tuple[Step, Any, str]:
    place = before or "the machine"
    if _is_struct(kind):
        known = fields_of(kind)
        if name not in known:
            near = did_you_mean(name, known)
            raise ValueError(f"{place} has no fact '{name}'{near}; facts: {', '.join(known)}")
        return Step("field", known[name][0]), known[name][1], kind.__name__
    if typing.get_origin(kind) is dict:
        return Step("key", name), _plain(typing.get_args(kind)[1]), ""
    if typing.get_origin(kind) is tuple:
        raise ValueError(f"{place} is a list: write {before}[*].{name}")
    raise ValueError(f"{place} is {_WORDS[_kind(kind)]} and has no fact '{name}'")


def _entry(kind: Any, which: str, before: str) -> tuple[Step, Any]:
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = _plain(typing.get_args(kind)[0])
        return (Step("every"), inner) if which == "*" else (Step("index", index=int(which)), inner)
    if origin is dict and which == "*":
        return Step("every"), _plain(typing.get_args(kind)[1])
    raise ValueError(f"{before or 'the machine'} is no list, so that it has no [{which}]")


_WORDS: dict[Kind, str] = {
    "number": "a number",
    "text": "text",
    "flag": "true or false",
    "list": "a list",
    "table": "a table",
}


def _kind(kind: Any) -> Kind:
    if kind is bool:
        return "flag"
    if kind in (int, float):
        return "number"
    if typing.get_origin(kind) is tuple:
        return "list"
    return "table" if _is_struct(kind) or typing.get_origin(kind) is dict else "text"


def in_words(kind: Kind) -> str:
    return _WORDS[kind]


class Elements(Struct, frozen=True):
    """What a path leads to on one machine, up to its last ``[*]``."""

    known: tuple[Any, ...]
    """Those that are listed."""
    open: bool = False
    """There may be more, because a list on the way could not be read."""


def elements(path: Path, machine: object) -> Elements:
    """The elements that a path is about; the machine itself for a path without ``[*]``."""
    current: list[Any] = [machine]
    unsure = False
    owners: list[Any] = [None]
    names: list[str] = [""]
    for step in path.to_elements:
        if step.kind != "every":
            reached = [_part(value, step, owner) for value, owner in zip(current, owners, strict=True)]
            owners = current if step.kind == "field" else owners
            names = [step.name]
            unsure = unsure or any(each is UNKNOWN for each in reached)
            kept = [
                (value, owner)
                for value, owner in zip(reached, owners, strict=True)
                if value is not UNKNOWN and value is not ABSENT
            ]
            current, owners = [value for value, _ in kept], [owner for _, owner in kept]
            continue
        following: list[Any] = []
        for value, owner in zip(current, owners, strict=True):
            unsure = unsure or meaning.may_lack(owner, names[-1], value)
            following += value.values() if isinstance(value, dict) else value
        unsure = unsure or any(value is None for value in following)
        current = [value for value in following if value is not None]
        owners = [None] * len(current)
    return Elements(tuple(current), unsure)


def value(path: Path, element: object) -> Any:
    """What a path says of one element: a value, ``UNKNOWN`` or ``ABSENT``."""
    owner = None
    for step in path.of_element:
        found = _part(element, step, owner)
        if found is UNKNOWN or found is ABSENT:
            return found
        owner, element = element, found
    return element


def _part(value: Any, step: Step, owner: Any) -> Any:
    if step.kind == "field":
        found = getattr(value, step.name)
        return meaning.of_none(value, step.name) if found is None else found
    if step.kind == "key":
        if step.name in value:
            return value[step.name]
        return UNKNOWN if meaning.lacks_driver(owner, step.name) else ABSENT
    if step.index < len(value):
        found = value[step.index]
        return UNKNOWN if found is None else found
    return ABSENT
