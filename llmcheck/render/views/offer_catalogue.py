"""The catalogue of offers by filters alone."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views import prices
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Table
from llmcheck.render.views.offers import verified
from llmcheck.schema.renting import ListedOffer, OfferCatalogue
from llmcheck.tables.offer import Offer
from llmcheck.units import two_digits

_ROWS = 100


def offer_catalogue(value: OfferCatalogue, options: Options) -> list[Block]:
    """The rows, the cheapest GPU hour first."""
    if value.verified:
        return verified(value.verified)
    shown = value.offers if options.verbose else value.offers[:_ROWS]
    ages = [each.age_days for each in shown]
    detail = "; ".join(filter(None, ("the cheapest GPU hour first", "US dollars", prices.priced(ages))))
    columns = [
        (True, Column("offer", min_width=14)),
        (True, Column("GPUs", fixed=True, below="{}")),
        (True, Column("RAM", right=True, fixed=True, below="RAM {}")),
        (True, Column("$/h", right=True, fixed=True)),
        (True, Column("per GPU", right=True, fixed=True)),
        (True, Column("per GiB", right=True, fixed=True)),
        (True, Column("region", fixed=True, below="{}")),
        (True, Column("priced on", fixed=True, below="priced {}")),
        (options.verbose > 0, Column("source", below="{}")),
    ]
    places = [place for place, (wanted, _) in enumerate(columns) if wanted]
    rows = [_row(each) for each in shown]
    blocks: list[Block] = [Heading("Offers", f"{len(value.offers):,} of {value.count:,}; {detail}")]
    if rows:
        blocks.append(
            Table([columns[place][1] for place in places], [[row[place] for place in places] for row in rows])
        )
    items = [*prices.about_age(ages), *(Cell(note, "dim") for note in value.notes)]
    if len(shown) < len(value.offers):
        items.append(Cell(f"{len(value.offers) - len(shown):,} more: -v, or --format csv", "dim"))
    return [*blocks, Bullets(items)]


def _row(listed: ListedOffer) -> list[Cell]:
    offer, gib = listed.offer, listed.price_gib_hour
    return [
        Cell(_name(offer), "strong"),
        Cell(f"{offer.gpu_count} × {offer.accelerator}"),
        Cell("not stated", "unknown") if offer.ram_gib is None else Cell(f"{offer.ram_gib:g} GiB"),
        prices.price(listed.price_hour, listed.age_days) if offer.price_month is None else _monthly(offer),
        prices.price(listed.price_gpu_hour, listed.age_days),
        Cell("" if gib is None else two_digits(gib)),
        Cell(offer.region or "any region", "dim"),
        prices.date(listed.price_date, listed.age_days),
        Cell("; ".join(filter(None, (offer.source, offer.note))), "dim"),
    ]


def _name(offer: Offer) -> str:
    kind = offer.tier if offer.kind == "vm" else offer.kind
    words = "" if kind in ("on-demand", "secure") else f" ({kind})"
    return f"{offer.provider} {offer.instance_type}{words}"


def _monthly(offer: Offer) -> Cell:
    return Cell(f"{offer.price_month:,.2f} a month", "accent")
