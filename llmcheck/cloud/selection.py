"""Which offers are looked at, and what they cost: tiers, spot, providers, regions, the highest price."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Hashable, Iterable, Iterator

from msgspec import Struct

from llmcheck.cloud.rented import alike
from llmcheck.schema.renting import Gap
from llmcheck.tables.offer import Offer, Tier

_STEADY: frozenset[Tier] = frozenset({"on-demand", "secure"})
_PRIVATE: frozenset[Tier] = frozenset({"community", "marketplace"})


class Selection(Struct, frozen=True, kw_only=True):
    """What was asked for. By default machines of providers' own, on demand."""

    spot: bool = False
    """Machines that may be taken away, at that price."""
    community: bool = False
    """Also machines of private persons."""
    providers: tuple[str, ...] = ()
    """(): all."""
    regions: tuple[str, ...] = ()
    """Parts of names of regions, in lower case; (): all. An offer that states no region passes only without."""
    max_price: float | None = None
    """US dollars an hour of all instances together; None: any."""
    everything: bool = False
    """All tiers, and also what does not fit."""

    def price(self, offer: Offer) -> float | None:
        """US dollars an hour in the way that was asked for; None where it is not sold so."""
        if self.spot or (self.everything and offer.price_hour is None):
            return offer.spot_price_hour
        return offer.price_hour

    def is_spot(self, offer: Offer) -> bool:
        return self.price(offer) is not None and (self.spot or offer.price_hour is None)

    def keeps(self, offer: Offer) -> bool:
        """Whether it is an available virtual machine with a price, of a tier, provider and region that is wanted."""
        return (
            self.price(offer) is not None
            and offer.kind == "vm"
            and offer.status == "available"
            and self._has_tier(offer)
            and (not self.providers or offer.provider in self.providers)
            and (not self.regions or any(each in (offer.region or "").lower() for each in self.regions))
        )

    def affords(self, price_hour: float | None) -> bool:
        """``price_hour``: of all instances together."""
        return self.max_price is None or (price_hour is not None and price_hour <= self.max_price)

    def _has_tier(self, offer: Offer) -> bool:
        return (
            self.everything
            or offer.tier in _STEADY
            or (self.community and offer.tier in _PRIVATE)
            or (self.spot and offer.tier == "spot")
        )

    @property
    def is_limited(self) -> bool:
        """Whether providers, regions or a price are named."""
        return bool(self.providers or self.regions) or self.max_price is not None

    def without_limits(self) -> Selection:
        return Selection(spot=self.spot, community=self.community, everything=self.everything)

    def broken(self, offer: Offer, price_hour: float | None) -> Iterator[Gap]:
        """The limits that an offer breaks. ``price_hour``: of all its instances together."""
        if self.providers and offer.provider not in self.providers:
            yield _gap("provider", ", ".join(self.providers), offer.provider)
        if self.regions and not any(each in (offer.region or "").lower() for each in self.regions):
            yield _gap("region", ", ".join(self.regions), offer.region)
        if not self.affords(price_hour):
            yield _gap("max-price", f"{self.max_price:.2f} $/h", f"{price_hour or 0:,.2f} $/h")


def _gap(name: str, needed: str, found: str | None) -> Gap:
    return Gap(id=name, needed=needed, found=found, shortfall=None, missing_bytes=None)


def cheapest_of_each_machine(
    offers: Iterable[Offer], selection: Selection, key: Callable[[Offer], Hashable] = alike
) -> list[Offer]:
    """Of each provider's offers of one machine the cheapest, which may stand in for the others."""
    found: dict[tuple[str, Hashable], Offer] = {}
    for offer in offers:
        place = (offer.provider, key(offer))
        other = found.get(place)
        if other is None or _order(offer, selection) < _order(other, selection):
            found[place] = offer
    return list(found.values())


def _order(offer: Offer, selection: Selection) -> tuple[float, str]:
    return selection.price(offer) or 0.0, offer.id


def age_days(offer: Offer, today: datetime.date) -> int | None:
    """None for a date in the future."""
    days = (today - offer.price_date).days
    return days if days >= 0 else None
