"""Profiles by id or path. Errors name the file, the key and the accepted values."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import msgspec

from llmcheck import catalog, codec, runtimes
from llmcheck.catalog import inheritance, places
from llmcheck.catalog.inheritance import Inherited, Merged, Origin
from llmcheck.errors import DataError
from llmcheck.judge.requirements import decode
from llmcheck.schema.profile import SCHEMA, Profile, Requirement, When
from llmcheck.schema.workload import Cost, Workload

if TYPE_CHECKING:
    from llmcheck.catalog.variables import Given

_LONGEST_TEXT, _LONGEST_LIST, _DEEPEST = 4000, 1000, 18
_TABLES: dict[str, type[Any]] = {"cost": Cost, "workload": Workload}


def ids() -> tuple[str, ...]:
    """All shipped profiles, by file name: the tiers, then the profiles of nodes, each sorted."""
    return (*tier_ids(), *node_ids())


def tier_ids() -> tuple[str, ...]:
    """The tiers of the document, by file name, sorted."""
    return _names(places.profile_folder())


def node_ids() -> tuple[str, ...]:
    """The profiles of real nodes, by file name, sorted. Each begins with ``node-``."""
    return _names(os.path.join(places.profile_folder(), places.NODES))


def _names(folder: str) -> tuple[str, ...]:
    return tuple(sorted(name.removesuffix(".toml") for name in os.listdir(folder) if name.endswith(".toml")))


def tiers() -> tuple[Profile, ...]:
    """The tiers, in the document's order."""
    return _in_order(tier_ids())


def shipped() -> tuple[Profile, ...]:
    """All shipped profiles: the tiers in the document's order, then the profiles of nodes."""
    return _in_order(ids())


def _in_order(names: tuple[str, ...]) -> tuple[Profile, ...]:
    return tuple(sorted(map(_shipped, names), key=lambda profile: (profile.order, profile.id)))


def path_of(name: str) -> str:
    """The file of a profile, by id or path. Raises DataError with the nearest ids."""
    if name in ids():
        return places.path_of(places.profile_file(name))
    if name.endswith((".toml", ".json")) or os.sep in name or _is_there(name):
        return name
    raise DataError(
        f"there is no profile '{name}'{_meant(name)}; profiles: {', '.join(tier_ids())}, those of nodes "
        "(see 'llmcheck profiles list'), or the path of a .toml or .json file"
    )


def _is_there(name: str) -> bool:
    from llmcheck.system import answering  # the shipped profiles are not looked for

    return bool(answering.kind(name))


def _meant(name: str) -> str:
    """The tiers for a size of model, the nodes with a GPU or of a cloud, else the profile of the nearest name."""
    size = name.strip().lower()
    tiers = [each for each in tier_ids() if size in each.split("-")]
    if not tiers:
        nodes = [each for each in node_ids() if size in each.split("-")[1:]]
        return f" (did you mean {' or '.join(map(repr, nodes))}?)" if nodes else codec.did_you_mean(name, ids())
    return f" (did you mean {' or '.join(map(repr, tiers))}, or 'llmcheck fit {size}'?)"


def load(name: str, given: Given | None = None) -> Profile:
    """One profile with what it extends. ``given``: values for its variables. Raises DataError and UsageError."""
    if name in ids():
        return _shipped(name, given)
    path = path_of(name)
    table = catalog.read_profile(path)
    check_bounds(table, path)
    return decode_profile(table, inheritance.origin_of(path), given)


def may_start_programs(name: str, profile: Profile) -> bool:
    """Whether a profile's programs may be started without a word of the user: all of them stand in the very file that
    the user named, which is a file, and which nobody else may write.
    """
    if name in ids() or profile.extends:
        return False
    from llmcheck.system import answering

    return answering.apart(lambda: _is_own(name), [("", name)])


def _is_own(path: str) -> bool:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    own = not hasattr(os, "getuid") or status.st_uid in (os.getuid(), 0)
    return stat.S_ISREG(status.st_mode) and own and not status.st_mode & stat.S_IWOTH


def check_bounds(table: dict[str, Any], where: str) -> None:
    """Raises DataError for a file with a text, a list or a nesting that no profile needs."""
    for key, value in table.items():
        _check_lengths(value, f"{where}, {key[:80]}")


def _check_lengths(value: object, where: str, depth: int = 0) -> None:
    """Raises DataError for a text, a list or a nesting that no profile needs; ``require`` may have any length."""
    if depth > _DEEPEST:
        raise DataError(f"{where}: more than {_DEEPEST} tables in each other")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise DataError(f"{where}: {len(value):,} characters; at most {_LONGEST_TEXT:,}")
    if isinstance(value, dict):
        for key, part in value.items():
            _check_lengths(part, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        if depth and len(value) > _LONGEST_LIST:
            raise DataError(f"{where}: {len(value):,} entries; at most {_LONGEST_LIST:,}")
        for index, part in enumerate(value):
            _check_lengths(part, f"{where}[{index}]", depth + 1)


def _shipped(name: str, given: Given | None = None) -> Profile:
    file = places.profile_file(name)
    origin = Origin(places.path_of(file), None, is_shipped=True)
    return decode_profile(catalog.table(file, dict[str, Any]), origin, given)


def decode_profile(table: dict[str, Any], origin: Origin | str, given: Given | None = None) -> Profile:
    """A parsed profile file as a Profile, with what it extends. ``given``: values for its variables.

    Raises DataError, and UsageError for a value that a variable does not accept.
    """
    origin = Origin(origin, None) if isinstance(origin, str) else origin
    where = origin.where
    _check_keys(table, where)
    found = _with_values(_merged(table, origin), given, where)
    whole = found.table
    parts: dict[str, Any] = {name: whole[name] for name in whole if name not in _APART}
    for name, kind in _TABLES.items():
        if name in whole:
            parts[name] = codec.convert(whole[name], kind, f"{where}, [{name}]")
    if parts.get("workload") is not None:
        _check_workload(parts["workload"], where)
    variables = parts.pop("vars", {})
    decoded = tuple(decode(each.table, each.where) for each in found.requirements)
    _check_requires(decoded, where)
    extends = [whole["extends"]] if isinstance(whole.get("extends"), str) else whole.get("extends", [])
    plain = {name: value for name, value in parts.items() if name not in _TABLES}
    profile = codec.convert({**plain, "extends": extends, "require": ()}, Profile, where)
    return msgspec.structs.replace(
        profile,
        require=decoded,
        vars=variables,
        when=_when(whole["when"], where) if "when" in whole else None,
        cost=parts.get("cost"),
        workload=parts.get("workload"),
    )


_APART = ("require", "when", "extends")


def _check_keys(table: dict[str, Any], where: str) -> None:
    known = set(Profile.__struct_fields__)
    for key in table:
        if key not in known:
            near = codec.did_you_mean(key[:80], known)
            raise DataError(f"{where}: unknown key '{key[:80]}'{near}; accepted: {', '.join(sorted(known))}")
    schema = table.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise DataError(f"{where}, schema: {schema!r:.60} is not known; this llmcheck reads {SCHEMA}")


def _merged(table: dict[str, Any], origin: Origin) -> Merged:
    def check(parent: dict[str, Any], where: str) -> None:
        check_bounds(parent, where)
        _check_keys(parent, where)

    return inheritance.merged(table, origin, check)


def _with_values(found: Merged, given: Given | None, where: str) -> Merged:
    """With the values of the variables in their places; a profile without variables may write ``${`` for itself."""
    if "vars" not in found.table:
        return found
    from llmcheck.catalog import variables  # few profiles have any

    known = variables.definitions(found.table["vars"], where)
    values = variables.resolved(known, given or variables.NOTHING, where)
    put_in = variables.Substitution(values)
    table = {key: put_in.of(value, f"{where}, {key}") for key, value in found.table.items() if key != "vars"}
    requirements = tuple(
        Inherited(put_in.of(each.table, each.where), each.where, each.origin) for each in found.requirements
    )
    used = {name: msgspec.structs.replace(each, default=values[name]) for name, each in known.items()}
    return Merged({**table, "vars": used}, requirements)


def _when(table: object, where: str) -> When:
    """``[when]``; its facts are requirements without id and kind."""
    if not isinstance(table, dict):
        raise DataError(f"{where}, [when]: expected a table")
    facts = table.get("facts", [])
    if not isinstance(facts, list) or not all(isinstance(each, dict) for each in facts):
        raise DataError(f"{where}, [when], facts: expected a list of tables")
    decoded = tuple(
        decode({"id": "when", "kind": "fact", **each}, f"{where}, [when], facts[{index}]")
        for index, each in enumerate(facts)
    )
    rest = {key: value for key, value in table.items() if key != "facts"}
    return msgspec.structs.replace(codec.convert(rest, When, f"{where}, [when]"), facts=decoded)


def _check_requires(requirements: tuple[Requirement, ...], where: str) -> None:
    """Raises DataError where a requirement requires one that is not there, or itself by a circle."""
    requires = {each.id: each.requires for each in requirements if each.requires}
    if not requires:
        return
    from graphlib import CycleError, TopologicalSorter

    known = {each.id for each in requirements}
    for name, needed in requires.items():
        for each in needed:
            if each not in known:
                near = codec.did_you_mean(each[:80], known)
                raise DataError(f"{where} ('{name}'), requires: there is no requirement '{each[:80]}'{near}")
    try:
        TopologicalSorter(requires).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1][:8])
        raise DataError(f"{where}, requires: a requirement requires itself: {circle}") from None


def _check_workload(workload: Workload, where: str) -> None:
    """Raises DataError for an unknown model or runtime."""
    if workload.model is not None and workload.model not in catalog.models():
        near = codec.did_you_mean(workload.model, catalog.models())
        raise DataError(
            f"{where}, [workload]: model: there is no known model '{workload.model}'{near}; see 'llmcheck models list'"
        )
    if workload.runtime is not None and workload.runtime not in runtimes.ids():
        near = codec.did_you_mean(workload.runtime, runtimes.ids())
        raise DataError(
            f"{where}, [workload]: runtime: there is no runtime '{workload.runtime}'{near}; "
            f"runtimes: {', '.join(runtimes.ids())}"
        )
