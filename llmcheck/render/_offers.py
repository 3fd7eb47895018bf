"""Cloud offers."""

from __future__ import annotations

from llmcheck.advice import Offers, RankedOffer
from llmcheck.render._blocks import Block, Bullets, Cell, Column, Heading, Table


def offers(value: Offers) -> list[Block]:
    blocks: list[Block] = [
        Heading(f"Offers for {value.profile}", "cheapest first, one per provider; US dollars", level=2)
    ]
    columns = [
        Column("provider", fixed=True),
        Column("instance"),
        Column("GPUs"),
        Column("RAM", right=True, fixed=True),
        Column("region", wide_only=True),
        Column("$/h", right=True, fixed=True),
        Column("arithmetic", fixed=True),
        Column("date", fixed=True),
        Column("source", wide_only=True),
    ]
    if value.offers:
        blocks.append(Table(columns, [_row(each) for each in value.offers]))
    blocks.append(Bullets([Cell(note, "dim") for note in value.notes]))
    if value.documented:
        columns = [
            Column("documented"),
            Column("verified today"),
            Column("date", fixed=True),
            Column("passes", fixed=True),
        ]
        blocks += [Heading("The offers that the document names")]
        blocks.append(Table(columns, [_documented(each) for each in value.documented]))
        corrections = dict.fromkeys(
            f"documented: {fix.documented}; in fact: {fix.fact} ({fix.source}, {fix.as_of})"
            for each in value.documented
            for fix in each.corrections
        )
        if corrections:
            blocks += [Heading("Corrections"), Bullets([Cell(text, "warn") for text in corrections])]
    return blocks


def _row(ranked: RankedOffer) -> list[Cell]:
    offer = ranked.offer
    instance = f"{ranked.nodes} × {offer.instance_type}" if ranked.nodes > 1 else offer.instance_type
    return [
        Cell(offer.provider, "strong"),
        Cell(instance.removeprefix(f"{offer.provider}-")),
        Cell(f"{offer.gpu_count} × {offer.accelerator}"),
        Cell("unknown", "unknown") if offer.ram_gib is None else Cell(f"{offer.ram_gib:g} GiB"),
        Cell(offer.region or "any"),
        Cell(f"{ranked.price_hour:,.2f}" if ranked.price_hour is not None else "", "accent"),
        Cell("fits", "good") if ranked.fits_by_arithmetic else Cell("short", "warn"),
        Cell(str(offer.as_of), "dim"),
        Cell(offer.source, "dim"),
    ]


def _documented(ranked: RankedOffer) -> list[Cell]:
    offer = ranked.offer
    price = "" if offer.price_hour is None else f", {offer.price_hour:.2f} $/h"
    withdrawn = ", withdrawn" if offer.status == "withdrawn" else ""
    verified = f"{offer.provider} {offer.instance_type}: {offer.gpu_count} × {offer.accelerator}{price}{withdrawn}"
    passes = Cell("yes", "good") if ranked.passes else Cell("no", "bad")
    return [Cell(offer.documented or ""), Cell(verified), Cell(str(offer.as_of), "dim"), passes]
