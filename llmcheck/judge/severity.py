"""Other levels than a profile states, for a gate that is stricter or milder than its author was."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.report import Level, Severity


def with_levels(profile: Profile, levels: Mapping[str, Level]) -> Profile:
    """The profile with the levels of the requirements that ``levels`` names by id; the same where it names none."""
    if not any(each.id in levels for each in profile.require):
        return profile
    return replace(profile, require=tuple(_at_level(each, levels.get(each.id)) for each in profile.require))


def changed(profile: Profile, levels: Mapping[str, Level], computed: str) -> tuple[Severity, ...]:
    """What other levels than stated are given to the lines of a profile, in its order.

    ``computed``: the id of the computed finding, whose level its workload states.
    """
    stated = {each.id: each.level for each in profile.require}
    if profile.workload is not None:
        stated[computed] = "required" if profile.workload.decides else "recommended"
    return tuple(
        Severity(profile=profile.id, id=name, level=levels[name], stated=level)
        for name, level in stated.items()
        if levels.get(name, level) != level
    )


def _at_level(requirement: Requirement, level: Level | None) -> Requirement:
    if level is None:
        return requirement
    alternatives = tuple(replace(each, level=level) for each in requirement.any_of)
    return replace(requirement, level=level, any_of=alternatives)
