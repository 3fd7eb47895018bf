"""What a profile has judged, without a machine."""

from __future__ import annotations

from llmcheck.fit import computed_layer
from llmcheck.judge.requirements import group_of, needed
from llmcheck.schema.profile import Profile, source_in_words
from llmcheck.schema.report import COMPUTED
from llmcheck.schema.responses import Check


def checks_of(profile: Profile) -> tuple[Check, ...]:
    """The requirements of a profile in its order, and last what is computed for its workload."""
    listed = tuple(
        Check(
            profile=profile.id,
            id=each.id,
            kind=each.kind,
            group=group_of(each),
            level=each.level,
            tags=each.tags,
            cluster=each.scope == "cluster",
            needed=needed(each),
            why=each.why,
            source=None if each.source is None else source_in_words(each.source),
        )
        for each in profile.require
    )
    found = computed_layer.unknown_finding(profile)
    if found is None:
        return listed
    computed = Check(
        profile=profile.id,
        id=found.id,
        kind=COMPUTED,
        group=found.group,
        level=found.level,
        needed=found.needed,
        source=found.source,
    )
    return (*listed, computed)
