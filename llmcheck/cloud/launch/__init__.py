"""The file or command that starts an offer: one module for each tool, ``text(request) -> LaunchFile``.

Every one ends by itself, for a machine that was forgotten is the dearest. Nothing is ever started by llmcheck.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from llmcheck import registry
from llmcheck.schema.renting import LaunchFile, RankedOffer
from llmcheck.tables.offer import Offer
from llmcheck.tables.provider import GpuNames, Provider

IDLE_MINUTES = 10
"""After which an idle machine ends."""
HOURS = 12.0
"""After which a machine ends, where no hours are named."""
_MARGIN = 1.2
"""Times the dearest list price: above it nothing is started, for prices move by some percent within weeks."""


class Request(Struct, frozen=True, kw_only=True):
    """What is to be started, as the tools' files need it."""

    name: str
    """Of the task: letters, digits and hyphens."""
    offers: tuple[RankedOffer, ...]
    """Those that fit, the cheapest first."""
    providers: Mapping[str, Provider]
    gpu_names: Mapping[str, GpuNames]
    setup: tuple[str, ...]
    """Lines of shell: the first checks the machine, the others install."""
    run: tuple[str, ...]
    """Lines of shell."""
    ram_gib: int | None
    """Least RAM; None where none is required."""
    disk_gb: int
    hours: float = HOURS
    """After which it ends."""
    now: datetime.datetime
    """From which a time of day is counted."""

    @property
    def nodes(self) -> int:
        return self.offers[0].nodes

    @property
    def is_spot(self) -> bool:
        return self.offers[0].is_spot

    def highest_price(self, offers: Sequence[RankedOffer]) -> float:
        """US dollars an hour of one node."""
        return round(_MARGIN * max((each.price_hour or 0) / each.nodes for each in offers), 2)


def able(request: Request, can: Callable[[Offer], bool], most: int) -> tuple[RankedOffer, ...]:
    """The first offers that a tool can start: as many nodes as the first of them, the same way of paying."""
    found = [each for each in request.offers if can(each.offer)]
    return tuple(each for each in found if (each.nodes, each.is_spot) == (found[0].nodes, found[0].is_spot))[:most]


def tools() -> tuple[str, ...]:
    return tuple(registry.names(__name__))


def made_by(tool: str, request: Request) -> LaunchFile:
    """Raises CannotStartError where the tool can start none of the offers."""
    made: LaunchFile = registry.load(__name__, tool).text(request)
    return made
