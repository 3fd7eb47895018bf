"""The cheapest offer for a profile, for the screens that are about a machine."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.tables.offer import Offer


class CheapestOffer(Struct, frozen=True, kw_only=True):
    """The cheapest offer that passes a profile."""

    profile: str
    """Id of the profile."""
    offer: Offer
    """The row of the table of offers."""
    nodes: int
    """How many instances are needed."""
    price_hour: float
    """US dollars for all nodes."""
