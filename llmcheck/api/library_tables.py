"""The shipped datasets and reading."""

from __future__ import annotations

from llmcheck import catalog, codec
from llmcheck.api.project import named_datasets
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import UsageError
from llmcheck.judge.datasets import tokenised
from llmcheck.schema.library import DatasetList, ResourceList, ShownDataset


def datasets(area: str | None = None, state: str | None = None) -> DatasetList:
    """All datasets, or those of one area or state. Raises UsageError for an unknown one."""
    every = tuple(catalog.datasets().values())
    _require("area", area, [each.area for each in every])
    _require("state", state, [each.state for each in every])
    return DatasetList(
        datasets=tuple(each for each in every if area in (None, each.area) and state in (None, each.state))
    )


def dataset(name: str) -> ShownDataset:
    """One dataset by id, name or hub repository. Raises UsageError with the nearest id."""
    (found,) = named_datasets([name])
    known = catalog.datasets()
    return ShownDataset(
        dataset=found,
        tokenised_bytes=tokenised(found),
        successors=tuple(known[each] for each in found.successors),
    )


def resources(
    profile: str | None = None, topic: str | None = None, kind: str | None = None, *, must_read: bool = False
) -> ResourceList:
    """What the document gives to read, or a part of it. ``profile``: only what prepares for it.

    Raises UsageError for an unknown profile, topic or kind.
    """
    every = catalog.resources()
    _require("profile", profile, profile_catalog.ids())
    _require("topic", topic, [each.topic for each in every])
    _require("kind", kind, [each.kind for each in every])
    return ResourceList(
        resources=tuple(
            each
            for each in every
            if (profile is None or profile in each.tiers)
            and topic in (None, each.topic)
            and kind in (None, each.kind)
            and (each.must_read or not must_read)
        ),
        papers_listed=sum(each.number is not None for each in every),
    )


def _require(what: str, name: str | None, known: list[str] | tuple[str, ...]) -> None:
    names = tuple(dict.fromkeys(known))
    if name is not None and name not in names:
        plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
        raise UsageError(f"there is no {what} '{name}'{codec.did_you_mean(name, names)}; {plural}: {', '.join(names)}")
