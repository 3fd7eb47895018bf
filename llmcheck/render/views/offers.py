"""Cloud offers."""

from __future__ import annotations

from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Table
from llmcheck.render.views.corrections import corrections
from llmcheck.schema.advice import Offers, RankedOffer


def offers(value: Offers) -> list[Block]:
    blocks: list[Block] = [
        Heading(f"Offers for {value.profile}", "cheapest first, one per provider; US dollars", level=2)
    ]
    columns = [
        Column("offer"),
        Column("GPUs", fixed=True),
        Column("RAM GiB", right=True, fixed=True, not_narrow=True),
        Column("region", wide_only=True),
        Column("$/h", right=True, fixed=True),
        Column("fits", fixed=True, not_narrow=True),
        Column("priced on", fixed=True),
        Column("source", wide_only=True),
    ]
    if value.offers:
        blocks.append(Table(columns, [_row(each) for each in value.offers]))
    sources = "; ".join(dict.fromkeys(each.offer.source for each in value.offers))
    notes = [*value.notes, *([f"prices from: {sources}"] if sources else [])]
    blocks.append(Bullets([Cell(note, "dim") for note in notes]))
    if value.documented:
        columns = [
            Column("documented"),
            Column("verified"),
            Column("date", fixed=True),
            Column("passes", fixed=True),
        ]
        blocks += [Heading("Offers in the document")]
        blocks.append(Table(columns, [_documented(each) for each in value.documented]))
        blocks += corrections(fix for each in value.documented for fix in each.corrections)
    return blocks


def _row(ranked: RankedOffer) -> list[Cell]:
    offer = ranked.offer
    return [
        Cell(describe_instance(ranked), "strong"),
        Cell(f"{offer.gpu_count} × {offer.accelerator}"),
        Cell("unknown", "unknown") if offer.ram_gib is None else Cell(f"{offer.ram_gib:g}"),
        Cell(offer.region or "any"),
        Cell(f"{ranked.price_hour:,.2f}" if ranked.price_hour is not None else "", "accent"),
        Cell("yes", "good") if ranked.fits_by_arithmetic else Cell("no", "warn"),
        Cell(str(offer.as_of), "dim"),
        Cell(offer.source, "dim"),
    ]


def describe_instance(ranked: RankedOffer) -> str:
    """``aws p5.48xlarge``; the name without provider and tier."""
    offer = ranked.offer
    name = offer.instance_type.removeprefix(f"{offer.provider}-").removesuffix(f"-{offer.tier}")
    return f"{offer.provider} {ranked.nodes} × {name}" if ranked.nodes > 1 else f"{offer.provider} {name}"


def _documented(ranked: RankedOffer) -> list[Cell]:
    offer = ranked.offer
    price = "" if offer.price_hour is None else f", {offer.price_hour:.2f} $/h"
    withdrawn = ", withdrawn" if offer.status == "withdrawn" else ""
    name = offer.instance_type.removeprefix(f"{offer.provider}-")
    verified = f"{name}: {offer.gpu_count} × {offer.accelerator}{price}{withdrawn}"
    passes = Cell("yes", "good") if ranked.passes else Cell("no", "bad")
    return [Cell(f"{offer.provider}: {offer.documented}"), Cell(verified), Cell(str(offer.as_of), "dim"), passes]


def describe_offer(ranked: RankedOffer) -> str:
    """One line: provider and instance, GPUs, price, date."""
    offer = ranked.offer
    price = "price unknown" if ranked.price_hour is None else f"{ranked.price_hour:.2f} $/h"
    unknown = ", RAM not stated" if offer.ram_gib is None else f", {offer.ram_gib:g} GiB RAM"
    return (
        f"{describe_instance(ranked)}, {offer.gpu_count} × {offer.accelerator}{unknown}, {price} "
        f"(list price of {offer.as_of})"
    )
