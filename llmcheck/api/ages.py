"""How old the tables are that ship, and which of them an answer rests on."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from llmcheck import catalog

if TYPE_CHECKING:
    from llmcheck.schema.table_date import TableDate, TableList

OLD_AFTER_DAYS = 180

_RESTS_ON: dict[str, tuple[str, ...]] = {
    "Checklist": ("duties", "grid_intensities", "libraries", "pues"),
    "DatasetList": ("datasets",),
    "Fit": ("gpus", "models", "quantisation_losses"),
    "LibraryCheck": ("libraries",),
    "LibraryList": ("libraries",),
    "Machines": ("gpus", "models"),
    "Methods": ("gpus", "models", "quantisation_losses"),
    "Offers": ("gpus", "offers"),
    "Plan": ("libraries", "resolutions", "torch_wheels"),
    "Recommendations": ("evaluations", "listed_models", "models"),
    "Report": ("corrections", "gpus"),
    "ResourceList": ("resources",),
    "ShownDataset": ("datasets",),
    "ShownLibrary": ("libraries",),
    "TorchBuild": ("cuda_drivers", "torch_wheels"),
}
"""By the name of an answer's type: the tables whose age decides what it is worth."""


def table_ages(today: datetime.date | None = None) -> TableList:
    """The tables with their dates. ``today``: what ages are counted to; None: the day in UTC."""
    from llmcheck.schema.table_date import TableList  # every answer asks for old tables, and few for this

    return TableList(today=today or _today(), old_after_days=OLD_AFTER_DAYS, tables=catalog.table_dates())


def old_tables(value: object, today: datetime.date | None = None) -> tuple[TableDate, ...]:
    """The tables that an answer rests on and whose newest row is older than 180 days."""
    names = _RESTS_ON.get(type(value).__name__, ())
    if not names:
        return ()
    latest = (today or _today()) - datetime.timedelta(days=OLD_AFTER_DAYS)
    return tuple(each for each in catalog.table_dates(names) if each.newest < latest)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
