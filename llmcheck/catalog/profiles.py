"""Profiles by id or path, with errors that name the file, the key and what is accepted."""

from __future__ import annotations

import os
from typing import Any

from llmcheck import catalog, codec
from llmcheck.catalog import places
from llmcheck.errors import DataError
from llmcheck.judge.requirements import decode
from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.workload import Cost, Workload

_TABLES: dict[str, type[Any]] = {"cost": Cost, "workload": Workload}


def ids() -> tuple[str, ...]:
    """The shipped profiles, by file name, sorted."""
    folder = places.profile_folder()
    return tuple(sorted(name.removesuffix(".toml") for name in os.listdir(folder) if name.endswith(".toml")))


def shipped() -> tuple[Profile, ...]:
    """All shipped profiles, in the document's order."""
    return tuple(sorted(map(_shipped, ids()), key=lambda profile: (profile.order, profile.id)))


def path_of(name: str) -> str:
    """The file of a profile given by id or path. Raises DataError that names the nearest ids."""
    if name in ids():
        return os.path.join(places.profile_folder(), f"{name}.toml")
    if os.path.exists(name) or name.endswith(".toml") or os.sep in name:
        return name
    raise DataError(
        f"there is no profile '{name}'{codec.did_you_mean(name, ids())}; "
        f"profiles: {', '.join(ids())}, or the path of a .toml file"
    )


def load(name: str) -> Profile:
    """One profile. Raises DataError."""
    if name in ids():
        return _shipped(name)
    path = path_of(name)
    return decode_profile(catalog.read_toml(path), path)


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


def _distinct(requirements: tuple[Requirement, ...], where: str) -> None:
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.id in seen:
            raise DataError(f"{where}: two requirements have the id '{requirement.id}'")
        seen.add(requirement.id)
