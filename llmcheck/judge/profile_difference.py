"""What two profiles ask for differently: by the id of a requirement and by key, whatever the order and the spelling."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from llmcheck.judge.requirements import needed
from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.profile_tools import Change, ProfileDifference, Stated
from llmcheck.units import parse_size

MOST = 1000
"""Changes that are listed."""
_UNCOMPARED = ("require", "order", "schema", "extends", "remove")
"""Of a profile: where it stands in lists, and what is already part of its requirements."""
_WORDS = frozenset(
    {"id", "title", "sources", "cost", "tags", "expires", "why", "fix", "source", "label", "examples", "split"}
)
"""Keys, of a profile, of a requirement or of a table in one, that change no finding's status."""


def difference(names: tuple[str, str], before: Profile, after: Profile) -> ProfileDifference:
    """``names``: how the two were named. Both are complete: what they extend is part of them."""
    first, second = ({each.id: each for each in profile.require} for profile in (before, after))
    every = itertools.chain(
        _changes(None, _keys(before), _keys(after)),
        (
            change
            for each in before.require
            if each.id in second
            for change in _changes(each.id, msgspec.to_builtins(each), msgspec.to_builtins(second[each.id]))
        ),
    )
    changed = tuple(itertools.islice(every, MOST))
    added = tuple(_stated(each) for each in after.require if each.id not in first)
    removed = tuple(_stated(each) for each in before.require if each.id not in second)
    truncated = len(changed) == MOST and next(every, None) is not None
    differs = bool(added or removed) or any(each.decides for each in changed)
    return ProfileDifference(
        before=names[0],
        after=names[1],
        added=added,
        removed=removed,
        changed=changed,
        truncated=truncated,
        exit_code=1 if differs or truncated else 0,
    )


def _keys(profile: Profile) -> dict[str, Any]:
    return {key: value for key, value in msgspec.to_builtins(profile).items() if key not in _UNCOMPARED}


def _stated(requirement: Requirement) -> Stated:
    return Stated(id=requirement.id, level=requirement.level, needed=needed(requirement))


def _changes(requirement: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    first, second = dict(_flat(before)), dict(_flat(after))
    for key in dict.fromkeys((*first, *second)):
        old, new = first.get(key), second.get(key)
        if not _is_same(old, new):
            decides = not _WORDS & set(re.split(r"[.\[\]]+", key))
            yield Change(requirement=requirement, key=key, before=_listed(old), after=_listed(new), decides=decides)


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value with its place; nothing for what is empty, which is the same as what is not stated."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        for index, part in enumerate(value):
            yield from _flat(part, f"{place}[{index}]")
    elif value not in (None, [], ()):
        yield place, value


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _is_same(old: Any, new: Any) -> bool:
    """Whether two values mean the same: ``1 TB`` is ``1000 GB``."""
    if type(old) is type(new) is str and old != new:
        try:
            return parse_size(old) == parse_size(new)
        except ValueError:
            return False
    return bool(old == new) and type(old) is type(new)
