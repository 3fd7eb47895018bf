"""What a profile takes over from those that it extends: its file and theirs as one table, before it is decoded.

Later ones replace earlier ones, and the profile itself replaces all: one requirement takes the place of an
inherited one of the same id. ``sources`` and ``tags`` add up; of a variable each key is replaced by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from llmcheck import catalog, codec
from llmcheck.catalog import places
from llmcheck.errors import DataError

_DEEPEST, _MOST_FILES, MOST_REQUIREMENTS = 16, 32, 20_000
_LONGEST_PATH = 500
_ADDED = ("sources", "tags")
_OWN = ("id", "schema", "extends", "remove", "require")
_ENDINGS = (".toml", ".json")


class Origin(Struct, frozen=True):
    """Where a profile was read."""

    where: str
    """Its file, for messages."""
    folder: str | None
    """What relative paths in it start from; None: that of the process."""
    is_shipped: bool = False
    is_named: bool = False
    """It is the file that the user named."""


class Inherited(Struct, frozen=True):
    """One requirement as it is written, and where."""

    table: Any
    where: str
    """The file and the place in it."""
    origin: Origin


class Merged(Struct, frozen=True):
    """A profile with what it extends."""

    table: dict[str, Any]
    """Its keys but ``require``."""
    requirements: tuple[Inherited, ...]


Check = Callable[[dict[str, Any], str], None]


def merged(table: dict[str, Any], origin: Origin, check: Check) -> Merged:
    """A profile with all that it extends. ``check``: raises DataError for a file that is too large in some way.

    Raises DataError for a cycle, too many files, and what cannot be read.
    """
    return _Merging(check).of(table, origin, (origin.where,))


class _Merging:
    def __init__(self, check: Check) -> None:
        self._check, self._files = check, 0

    def of(self, table: dict[str, Any], origin: Origin, chain: tuple[str, ...]) -> Merged:
        found: dict[str, Any] = {}
        requirements: dict[object, Inherited] = {}
        for name in _names(table.get("extends"), "extends", origin.where):
            parent = self._parent(name, origin, chain)
            found = _joined(found, parent.table)
            requirements |= {_key(each, len(requirements)): each for each in parent.requirements}
        for name in _names(table.get("remove"), "remove", origin.where):
            if name not in requirements:
                near = codec.did_you_mean(name, [str(each) for each in requirements])
                raise DataError(f"{origin.where}, remove: no inherited requirement has the id '{name[:80]}'{near}")
            del requirements[name]
        inherited = set(requirements)
        for index, each in enumerate(_own(table, origin, inherited=bool(requirements))):
            written = Inherited(each, f"{origin.where}, require[{index}]", origin)
            key = _key(written, index)
            if key in requirements and key not in inherited:
                raise DataError(f"{origin.where}: two requirements have the id '{str(key)[:80]}'")
            inherited.discard(key)
            requirements[key] = written
        if len(requirements) > MOST_REQUIREMENTS:
            raise DataError(
                f"{origin.where}: {len(requirements):,} requirements with those that are inherited; at most "
                f"{MOST_REQUIREMENTS:,}"
            )
        own = {key: value for key, value in table.items() if key != "require"}
        return Merged(_joined(found, own), tuple(requirements.values()))

    def _parent(self, name: str, origin: Origin, chain: tuple[str, ...]) -> Merged:
        self._files += 1
        if self._files > _MOST_FILES:
            raise DataError(f"{chain[0]}: extends more than {_MOST_FILES} profiles")
        table, parent = _read(name, origin)
        if parent.where in chain:
            circle = " -> ".join(_short(each) for each in (*chain[chain.index(parent.where) :], parent.where))
            raise DataError(f"{chain[0]}, extends: a profile extends itself: {circle}")
        if len(chain) > _DEEPEST:
            raise DataError(f"{chain[0]}, extends: more than {_DEEPEST} profiles that extend each other")
        self._check(table, parent.where)
        return self.of(table, parent, (*chain, parent.where))


def _short(where: str) -> str:
    return os.path.basename(where)


def _names(value: object, key: str, where: str) -> list[str]:
    if value is None:
        return []
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise DataError(f"{where}, {key}: expected text or a list of texts")
    return names


def _own(table: dict[str, Any], origin: Origin, *, inherited: bool) -> list[Any]:
    own = table.get("require", [])
    if not isinstance(own, list) or (not own and not inherited):
        raise DataError(f"{origin.where}: a profile has at least one [[require]]")
    if len(own) > MOST_REQUIREMENTS:
        raise DataError(f"{origin.where}: {len(own):,} requirements; at most {MOST_REQUIREMENTS:,}")
    return own


def _key(requirement: Inherited, index: int) -> object:
    """Its id; a number for one without a proper id, which is refused later."""
    name = requirement.table.get("id") if isinstance(requirement.table, dict) else None
    return name if isinstance(name, str) else (requirement.where, index)


def _joined(inherited: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in inherited.items() if key not in _OWN}
    for key, value in own.items():
        before = found.get(key)
        if key in _ADDED and isinstance(before, list) and isinstance(value, list):
            found[key] = [*before, *(each for each in value if each not in before)]
        elif key == "vars" and isinstance(before, dict) and isinstance(value, dict):
            found[key] = {**before, **{name: _over(before.get(name), each) for name, each in value.items()}}
        else:
            found[key] = value
    return found


def _over(before: object, own: object) -> object:
    return {**before, **own} if isinstance(before, dict) and isinstance(own, dict) else own


def _read(name: str, origin: Origin) -> tuple[dict[str, Any], Origin]:
    """A profile that is extended: a shipped one by its id, else a file beside the one that extends it."""
    from llmcheck.catalog import profiles

    place = f"{origin.where}, extends"
    if name in profiles.ids():
        file = places.profile_file(name)
        return catalog.table(file, dict[str, Any]), Origin(places.path_of(file), None, is_shipped=True)
    if len(name) > _LONGEST_PATH or not name.isprintable():
        raise DataError(f"{place}: {name[:60]!r} is not the path of a profile")
    if not name.endswith(_ENDINGS):
        near = codec.did_you_mean(name, profiles.ids())
        raise DataError(
            f"{place}: '{name[:80]}' is neither the id of a profile{near} nor a file {' or '.join(_ENDINGS)}"
        )
    path = os.path.normpath(os.path.join(origin.folder or "", name))
    table = catalog.read_profile(path, pipes=False)
    return table, Origin(path, os.path.dirname(path))


def origin_of(path: str) -> Origin:
    """Of a file that the user named. What a pipe extends lies where the process works."""
    path = os.path.normpath(path) if path else path
    folder = "" if path.startswith(("/dev/", "/proc/")) else os.path.dirname(path)
    return Origin(path, folder, is_named=True)
