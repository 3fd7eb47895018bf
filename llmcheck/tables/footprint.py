"""How much CO2 a kilowatt-hour causes at a place, and what a data centre adds to what its machines take."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class GridIntensity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One country, or one region of a cloud provider."""

    place: str
    """ISO 3166 code of a country (``USA``), or the region as its provider names it (``europe-west4``)."""
    name: str
    """In words."""
    country: str
    """ISO 3166 code."""
    provider: str | None = None
    """None for a country."""
    g_per_kwh: float
    """Grams of CO2 equivalent for a kilowatt-hour of the grid, before purchases of green power."""
    year: int
    """The year that the figure is of."""
    basis: str
    """How it was counted, or that it is of the whole country."""
    source: str
    """Who published it."""
    as_of: datetime.date
    """Day of that publication."""


class Pue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Power usage effectiveness: all power of a data centre by that of its machines."""

    provider: str
    """Id as in the table of offers; ``industry`` for the average of all."""
    pue: float
    """1 or more."""
    year: int
    """The year that the figure is of."""
    note: str
    """What it is an average of."""
    source: str
    """Who published it."""
    as_of: datetime.date
    """Day of that publication; the first of a month or year where only that is known."""
