"""Profiles by id or path. Errors name the file, the key and the accepted values."""

from __future__ import annotations

import os
from typing import Any

from llmcheck import catalog, codec, runtimes
from llmcheck.catalog import places
from llmcheck.errors import DataError
from llmcheck.judge.requirements import decode
from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.workload import Cost, Workload

_LONGEST_TEXT, _LONGEST_LIST, _DEEPEST = 4000, 1000, 8
_TABLES: dict[str, type[Any]] = {"cost": Cost, "workload": Workload}


def ids() -> tuple[str, ...]:
    """The shipped profiles, by file name, sorted."""
    folder = places.profile_folder()
    return tuple(sorted(name.removesuffix(".toml") for name in os.listdir(folder) if name.endswith(".toml")))


def shipped() -> tuple[Profile, ...]:
    """All shipped profiles, in the document's order."""
    return tuple(sorted(map(_shipped, ids()), key=lambda profile: (profile.order, profile.id)))


def path_of(name: str) -> str:
    """The file of a profile, by id or path. Raises DataError with the nearest ids."""
    if name in ids():
        return os.path.join(places.profile_folder(), f"{name}.toml")
    if name.endswith(".toml") or os.sep in name or _is_there(name):
        return name
    raise DataError(
        f"there is no profile '{name}'{_meant(name)}; profiles: {', '.join(ids())}, or the path of a .toml file"
    )


def _is_there(name: str) -> bool:
    from llmcheck.system import answering  # the shipped profiles are not looked for

    return bool(answering.kind(name))


def _meant(name: str) -> str:
    """The tiers for a size of model, else the profile of the nearest name."""
    size = name.strip().lower()
    tiers = [each for each in ids() if size in each.split("-")]
    if not tiers:
        return codec.did_you_mean(name, ids())
    return f" (did you mean {' or '.join(map(repr, tiers))}, or 'llmcheck fit {size}'?)"


def load(name: str) -> Profile:
    """One profile. Raises DataError."""
    if name in ids():
        return _shipped(name)
    path = path_of(name)
    table = catalog.read_profile(path)
    for key, value in table.items():
        _check_lengths(value, f"{path}, {key}")
    return decode_profile(table, path)


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


def _shipped(name: str) -> Profile:
    file = f"profiles/{name}.toml"
    return decode_profile(catalog.table(file, dict[str, Any]), places.path_of(file))


def decode_profile(table: dict[str, Any], where: str) -> Profile:
    """A parsed profile file as a Profile. Raises DataError."""
    known = set(Profile.__struct_fields__)
    for key in table:
        if key not in known:
            raise DataError(
                f"{where}: unknown key '{key}'{codec.did_you_mean(key, known)}; accepted: {', '.join(sorted(known))}"
            )
    parts: dict[str, Any] = dict(table)
    for name, kind in _TABLES.items():
        if name in table:
            parts[name] = codec.convert(table[name], kind, f"{where}, [{name}]")
    if parts.get("workload") is not None:
        _check_workload(parts["workload"], where)
    requirements = table.get("require", [])
    if not isinstance(requirements, list) or not requirements:
        raise DataError(f"{where}: a profile has at least one [[require]]")
    decoded = tuple(decode(each, f"{where}, require[{index}]") for index, each in enumerate(requirements))
    _distinct(decoded, where)
    parts["require"] = ()
    profile = codec.convert({**parts, "cost": None, "workload": None}, Profile, where)
    return Profile(
        id=profile.id,
        title=profile.title,
        task=profile.task,
        sources=profile.sources,
        order=profile.order,
        require=decoded,
        cost=parts.get("cost"),
        workload=parts.get("workload"),
    )


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


def _distinct(requirements: tuple[Requirement, ...], where: str) -> None:
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.id in seen:
            raise DataError(f"{where}: two requirements have the id '{requirement.id}'")
        seen.add(requirement.id)
