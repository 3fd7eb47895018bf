"""What a project brings besides the machine: its datasets, its checklist, and what to read for it."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class TokenTarget(Struct, frozen=True, kw_only=True):
    """The tokens of a dataset against those that are compute-optimal for a model of the profile."""

    profile: str
    """Id of the profile."""
    parameters: str
    """The model as the profile names it."""
    optimal: int
    """20 for each parameter: what training it from scratch asks for; fine-tuning asks for far fewer."""
    ratio: float | None = None
    """Tokens of the dataset by ``optimal``; None where its tokens are not known."""


class DatasetUse(Struct, frozen=True, kw_only=True):
    """One dataset of a check: how it can be had, what it takes and what it gives. Sizes in bytes."""

    id: str
    """Id in the table of datasets."""
    name: str
    """Its name."""
    version: str | None = None
    """The version or part that the sizes are of; None: all of it."""
    state: str
    """How it can be had: ``open``, ``click-gate``, ``withdrawn``, ..."""
    reason: str
    """What to know or do to get it."""
    licence: str
    """In words."""
    commercial: str
    """``yes``, ``no``, ``per-item`` or ``unknown``: whether a product may be trained on it."""
    documented: str | None = None
    """What the document says of its size; None where it says nothing."""
    content: str = "data"
    """``links`` or ``ids``: the sizes are of a list, not of the data."""
    fetch_bytes: int | None = None
    """To fetch; None where nobody says."""
    unpacked_bytes: int | None = None
    """Once unpacked; None where nobody says."""
    tokens: int | None = None
    """None where nobody says."""
    tokenised_bytes: int | None = None
    """At 4 bytes a token; a vocabulary of up to 65,536 words takes half. None where ``tokens`` is."""
    unknown: str | None = None
    """Why a size or the tokens are not known."""
    added_bytes: int | None = None
    """What was added to the space that is required of its file system; None where that is not known."""
    path: str | None = None
    """Where that file system is mounted; None where that is not known."""
    bytes_per_second: float | None = None
    """The rate that ``fetch_seconds`` is computed with; None where none was given or measured."""
    rate_from: str | None = None
    """``given`` (``--bandwidth``) or ``measured`` (``--probe-net``, from the hub); None without a rate."""
    fetch_seconds: float | None = None
    """How long fetching takes; None where size or rate is not known."""
    targets: tuple[TokenTarget, ...] = ()
    """For each model of each profile."""
    successors: tuple[str, ...] = ()
    """Ids of datasets to use instead."""
    source: str
    """Where the facts were read."""
    as_of: datetime.date
    """Day on which they were read."""


class ChecklistState(Struct, frozen=True, kw_only=True):
    """What is done and what is open in a checklist file."""

    path: str
    """The file, as it was named."""
    done: int
    """Items that are ticked."""
    open: tuple[str, ...]
    """Items that are not, in their words."""
    removed: tuple[str, ...] = ()
    """Items of ``llmcheck checklist`` for these profiles that the file no longer has, in their words."""


class Reading(Struct, frozen=True, kw_only=True):
    """One of the two resources that matter most for a profile."""

    profile: str
    """Id of the profile."""
    title: str
    """Its title."""
    authors: str
    """Who wrote it."""
    year: int | None = None
    """None for what goes on."""
    url: str
    """Where it is."""
    why: str
    """What it is good for."""
