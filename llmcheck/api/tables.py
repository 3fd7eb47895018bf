"""The shipped profiles and libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from llmcheck import catalog, codec, runtimes
from llmcheck.catalog import described_schema
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import DataError, UsageError
from llmcheck.install.choose import named
from llmcheck.judge import listing, requirements
from llmcheck.judge.evaluate import corrections_of
from llmcheck.schema.profile import COMBINATORS, GROUP, Profile
from llmcheck.schema.report import Level
from llmcheck.schema.responses import CheckList, LibraryList, ProfileList, ShownLibrary, ShownProfile

if TYPE_CHECKING:
    from llmcheck.catalog.variables import Given


def profiles() -> ProfileList:
    """All shipped profiles, in the document's order."""
    return ProfileList(profiles=profile_catalog.shipped())


def profile(name: str, given: Given | None = None) -> ShownProfile:
    """One profile with the corrections of its figures. ``given``: values for its variables. Raises DataError."""
    found = profile_catalog.load(name, given)
    if given is not None:
        given.require_names([found.vars])
    return ShownProfile(profile=found, corrections=corrections_of(catalog.corrections(), found.id))


def load_profile(name: str, given: Given | None = None) -> Profile:
    """One profile: a shipped one by its id, or one of your own by the path of its .toml file.

    ``given``: values for its variables; None: their defaults. Raises DataError.
    """
    return profile_catalog.load(name, given)


_PARTS = {"type": "array", "items": {"type": "object"}}


def profile_schema() -> dict[str, object]:
    """The JSON Schema of profile files, with one alternative for each requirement kind."""
    kinds = {kind: codec.json_schema(requirements.module(kind).Requirement) for kind in requirements.kinds()}
    definitions: dict[str, object] = {}
    for kind, schema in kinds.items():
        own = schema["$defs"][schema["$ref"].rpartition("/")[2]]
        own["properties"]["kind"] = {"const": kind}
        own["properties"] |= dict.fromkeys(COMBINATORS, _PARTS)
        definitions[kind] = own
    document = codec.json_schema(Profile)
    group = document["$defs"]["Requirement"]
    group["properties"] |= {"kind": {"enum": [GROUP, *kinds]}, **dict.fromkeys(COMBINATORS, _PARTS)}
    group["required"], group["anyOf"] = ["id"], [{"required": [name]} for name in COMBINATORS]
    definitions[GROUP] = group
    shape = document["$defs"][document["$ref"].rpartition("/")[2]]
    shape["properties"]["require"] = {
        "type": "array",
        "items": {"anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in definitions]},
    }
    names = shape["properties"]["extends"]
    shape["properties"]["extends"] = {"anyOf": [{"type": "string"}, names]}
    document["$defs"]["When"]["properties"]["facts"] = _PARTS
    shape["anyOf"] = [{"required": ["extends"]}, {"required": shape["required"]}]
    shape["required"] = ["id"]
    shape["additionalProperties"] = False
    document["$defs"]["Workload"]["properties"]["runtime"] = {"enum": [*runtimes.ids(), None], "default": None}
    others = {name: schema for name, schema in document["$defs"].items() if name not in ("Profile", "Requirement")}
    return described_schema.completed(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "llmcheck profile",
            **shape,
            "$defs": {**others, **definitions},
        }
    )


def checks(names: Sequence[str], severity: Mapping[str, Level] | None = None) -> CheckList:
    """What ``check`` judges of profiles (ids or paths; () for all that are shipped), without a look at any machine.

    ``severity``: the level of a requirement, by its id, in place of the profile's. Raises DataError and UsageError.
    """
    from llmcheck.api.judgement import check_names

    levels = severity or {}
    loaded = [profile_catalog.load(name) for name in names] or list(profile_catalog.shipped())
    check_names(loaded, (), levels)
    return CheckList(
        checks=tuple(
            replace(each, level=levels.get(each.id, each.level))
            for profile in loaded
            for each in listing.checks_of(profile)
        )
    )


def libraries(area: str | None = None) -> LibraryList:
    """All libraries, or those of one area. Raises UsageError for an unknown area."""
    every = tuple(catalog.libraries().values())
    areas = tuple(dict.fromkeys(library.area for library in every))
    if area is not None and area not in areas:
        raise UsageError(f"there is no area '{area}'{codec.did_you_mean(area, areas)}; areas: {', '.join(areas)}")
    return LibraryList(libraries=tuple(library for library in every if area is None or library.area == area))


def library(name: str) -> ShownLibrary:
    """One library by id, name or alias. Raises DataError with the nearest id."""
    tables = catalog.tables()
    found = named(name, tables)
    if found is None:
        near = codec.did_you_mean(name, tables.libraries)
        raise DataError(f"there is no library '{name}'{near}; libraries: {', '.join(tables.libraries)}")
    concerning = tuple(each for each in catalog.corrections() if f"library:{found[0].id}" in each.applies_to)
    return ShownLibrary(library=found[0], alias=found[1], corrections=concerning)
