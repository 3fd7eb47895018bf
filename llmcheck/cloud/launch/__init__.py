"""The file or command that starts an offer: one module for each tool.

A tool has ``can(offer, request)``, ``refusal(request)`` in words, ``MOST`` offers that its file may name, and
``text(request) -> LaunchFile``.

Every one ends by itself, for a machine that was forgotten is the dearest. Nothing is ever started by llmcheck.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import registry
from llmcheck.cloud.selection import Selection
from llmcheck.errors import DataError
from llmcheck.schema.renting import LaunchFile, RankedOffer
from llmcheck.tables.offer import Offer
from llmcheck.tables.provider import GpuNames, Provider

IDLE_MINUTES = 10
"""After which an idle machine ends."""
HOURS = 12.0
"""After which a machine ends, where no hours are named."""
_DEAREST = 2.0
"""Times the price of the first: what costs more is no second choice."""
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
    setup: tuple[str, ...] = ()
    """Lines of shell: the first checks the machine, the others install."""
    run: tuple[str, ...] = ()
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

    @property
    def highest_price(self) -> float:
        """US dollars an hour of one node."""
        return round(_MARGIN * max((each.price_hour or 0) / each.nodes for each in self.offers), 2)


def tools() -> tuple[str, ...]:
    return tuple(registry.names(__name__))


def chosen(tool: str, request: Request) -> RankedOffer:
    """The cheapest of the request's offers that the tool can start. Raises DataError where it can start none."""
    module = registry.load(__name__, tool)
    found = next((each for each in request.offers if module.can(each.offer, request)), None)
    if found is None:
        raise DataError(module.refusal(request))
    return found


def same_elsewhere(
    tool: str, request: Request, first: RankedOffer, pool: Iterable[Offer], selection: Selection
) -> tuple[RankedOffer, ...]:
    """``first``, and where other providers have the same GPUs the cheapest of each: what is installed and run is the
    same there. As many as the tool takes.
    """
    module = registry.load(__name__, tool)
    found: dict[str, tuple[float, Offer]] = {}
    for each in pool:
        price = selection.price(each)
        if (each.gpu, each.gpu_count) != (first.offer.gpu, first.offer.gpu_count) or price is None:
            continue
        enough = request.ram_gib is None or each.ram_gib is None or each.ram_gib >= request.ram_gib
        joined = first.nodes == 1 or each.fabric == first.offer.fabric
        if (
            enough
            and joined
            and price * first.nodes <= _DEAREST * (first.price_hour or 0)
            and each.provider != first.offer.provider
            and selection.keeps(each)
            and module.can(each, request)
        ):
            found[each.provider] = min(found.get(each.provider, (price, each)), (price, each), key=lambda pair: pair[0])
    others = [
        replace(first, offer=each, price_hour=round(price * first.nodes, 4), price_date=each.price_date, age_days=None)
        for price, each in sorted(found.values(), key=lambda pair: pair[0])
    ]
    return (first, *others)[: module.MOST]


def made_by(tool: str, request: Request) -> LaunchFile:
    """For the request's offers, all of which the tool can start."""
    made: LaunchFile = registry.load(__name__, tool).text(request)
    return made
