"""One dataset: what the document says of it, what was verified, and whether it can be had today."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct

Area = Literal[
    "general", "books", "code", "science", "dialogue", "multilingual", "mathematics", "legal", "medical", "multimodal"
]  # fmt: skip
State = Literal[
    "open", "requester-pays", "click-gate", "mirror-only", "partly-withdrawn", "manual-gate", "credentialed",
    "api-key", "agreement", "no-source", "withdrawn",
]  # fmt: skip
"""``requester-pays``: whoever fetches it pays the transfer. ``click-gate``: terms to accept with an account.
``mirror-only``: the owner's copy is gone. ``partly-withdrawn``: a named part is gone. ``manual-gate``: somebody answers
each request. ``credentialed``: a course and a signed agreement. ``api-key``: only by a service that gives out keys.
``agreement``: a contract for a bulk copy. ``no-source``: nobody publishes it officially. ``withdrawn``: the owner took
it down."""
Commercial = Literal["yes", "no", "per-item", "unknown"]


class Dataset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table of datasets. Sizes in bytes; None where nobody says, and ``unknown`` has the reason."""

    id: str
    """Its name in ``--dataset``."""
    name: str
    """What people call it."""
    area: Area
    """What it is for."""
    summary: str
    """What is in it."""
    documented: str | None = None
    """What the document says of its size or count; None where it names the dataset without a figure."""
    listed: bool = True
    """Whether the document names it; False: a modern alternative."""
    url: str
    """Where it is described or had."""
    documented_url: str | None = None
    """The document's address where it is no longer the right one."""
    repository: str | None = None
    """Id on the Hugging Face hub; None where it is not had there."""
    version: str | None = None
    """The version or part that the sizes are of; None: all of it."""
    items: str | None = None
    """What was verified of the number of its entries, in words."""
    fetch_bytes: int | None = None
    """To fetch, as it is published (mostly compressed)."""
    unpacked_bytes: int | None = None
    """Once unpacked."""
    tokens: int | None = None
    """Tokens of all of it."""
    tokenizer: str | None = None
    """The tokenizer that ``tokens`` was counted with; None: the source does not say."""
    size_quality: Literal["verified", "secondary"] | None = None
    """``verified``: read in the owner's card, paper or listing; ``secondary``: in pages or threads of others; None
    where no size is known."""
    unknown: str | None = None
    """Why a size or the count of tokens is not known; None where all are."""
    content: Literal["data", "links", "ids"] = "data"
    """``links``, ``ids``: the sizes are of a list, and the data itself has to be fetched from elsewhere."""
    licence: str
    """In words; the texts inside may have others."""
    commercial: Commercial
    """Whether a product may be trained on it: by its licence, ``per-item`` where each entry has its own."""
    state: State
    """How it can be had on ``as_of``."""
    reason: str
    """What to know or do to get it; for a withdrawn one, when and why it went."""
    successors: tuple[str, ...] = ()
    """Ids of datasets to use instead, the nearest first."""
    source: str
    """Where all this was read."""
    as_of: datetime.date
    """Day on which it was read."""
