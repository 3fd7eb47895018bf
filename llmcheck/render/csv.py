"""CSV of offers, for spreadsheets: one row for each, with what was computed of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.schema.renting import ListedOffer, OfferCatalogue, Offers, RankedOffer, Verified
from llmcheck.tables.offer import Offer

FILE_NAMES = ("*.csv",)

_OFFER = (
    "provider", "instance_type", "kind", "tier", "accelerator", "gpu_count", "gpu_memory_gb", "vcpus", "ram_gib",
    "local_disk_gb", "link", "fabric", "region", "price_date", "source", "licence",
)  # fmt: skip
_RANKED = (
    "fits", "why_not", "nodes", "price_hour", "is_spot", "hours", "total", "usd_per_million_tokens",
    "tokens_per_second", "age_days", "machine",
)  # fmt: skip
_LISTED = ("price_hour", "price_gpu_hour", "price_gib_hour", "age_days")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


def render(value: object, options: Options) -> str:  # noqa: ARG001 - every format has the same parameters
    """A header and a row for each offer. Raises TypeError for anything but offers."""
    match value:
        case Offers():
            return _table(_RANKED, value.offers or value.nearest)
        case OfferCatalogue(verified=()):
            return _table(_LISTED, value.offers)
        case OfferCatalogue():
            return _verified(value.verified)
    raise TypeError("only offers are written as CSV")


def _table(names: tuple[str, ...], rows: Iterable[RankedOffer | ListedOffer]) -> str:
    return _text((*_OFFER, *names), ([*_cells(each.offer), *(getattr(each, name) for name in names)] for each in rows))


def _verified(rows: Iterable[Verified]) -> str:
    names = ("documented", "documented_price", "per", "verified_price", *_OFFER)
    return _text(
        names,
        (
            [each.documented.documented, each.documented.price, each.documented.per, each.price, *_cells(each.offer)]
            for each in rows
        ),
    )


def _cells(offer: Offer) -> list[object]:
    return [getattr(offer, name) for name in _OFFER]


def _text(names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(each) for each in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = printable(str(value))
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int) else text
