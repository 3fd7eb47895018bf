"""How old each table is: the dates of its rows, without reading the rows themselves."""

from __future__ import annotations

import csv
import datetime
import io
import re

from llmcheck.catalog import places
from llmcheck.schema.table_date import TableDate

_DATE = r"\d{4}-\d\d-\d\d"
_IN_TOML = rf"(?m)^as_of = ({_DATE})"
_IN_JSON = rf'"as_of":\s*"({_DATE})"'
_COLUMNS = ("as_of", "price_date", "source_date")
_TABLE = r"(?m)^\[\["


def of_files(name: str, files: tuple[str, ...]) -> TableDate | None:
    """A table by its files; None where none of its rows has a date."""
    dates: list[str] = []
    rows = 0
    for each in files:
        with open(places.path_of(each), encoding="utf-8") as file:
            text = file.read()
        if each.endswith(".csv"):
            found, count = _in_csv(text)
            dates += found
            rows += count
        elif each.endswith(".toml"):
            dates += re.findall(_IN_TOML, text)
            rows += len(re.findall(_TABLE, text))
        else:
            dates += re.findall(_IN_JSON, text)
            rows += 1
    if not dates:
        return None
    newest, oldest = (datetime.date.fromisoformat(each) for each in (max(dates), min(dates)))
    return TableDate(name=name, rows=rows, newest=newest, oldest=oldest)


def _in_csv(text: str) -> tuple[list[str], int]:
    """The dates of its rows: of the column ``as_of``, or of a price or a source."""
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    column = next((head.index(each) for each in _COLUMNS if each in head), None)
    return [] if column is None else [row[column] for row in rows if row[column]], len(rows)
