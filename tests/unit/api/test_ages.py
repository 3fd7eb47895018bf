"""How old the tables are, and which answers say so."""

from __future__ import annotations

import datetime

import pytest

from llmcheck import api, catalog
from llmcheck.catalog import places, sources
from llmcheck.render import Options
from llmcheck.schema.table_date import TableDate

FAR = datetime.date(2030, 1, 1)
TABLES = api.table_ages().tables


def test_every_table_with_dates_is_listed_once() -> None:
    names = [each.name for each in TABLES]
    assert names == sorted(set(names))
    assert {"offers", "models", "evaluations", "torch_wheels", "datasets", "resources", "gpus"} <= set(names)
    undated = set(sources.TABLES) - set(names)
    assert {"cards", "cheapest_offers", "starters", "table_dates"} <= undated
    for name in undated - {"cards", "cheapest_offers", "starters", "table_dates"}:
        for each in sources.TABLES[name][0]:
            with open(places.path_of(each), encoding="utf-8") as file:
                assert "as_of" not in file.read()


@pytest.mark.parametrize("table", TABLES, ids=lambda each: each.name)
def test_dates_and_rows(table: TableDate) -> None:
    assert table.oldest <= table.newest <= datetime.datetime.now(datetime.UTC).date()
    assert table.rows > 0


@pytest.mark.parametrize("name", ["datasets", "resources", "grid_intensities", "listed_models", "models"])
def test_dates_are_those_of_the_rows(name: str) -> None:
    rows = getattr(catalog, name)()
    dates = [each.as_of for each in (rows.values() if isinstance(rows, dict) else rows)]
    (found,) = catalog.table_dates([name])
    assert (found.rows, found.oldest, found.newest) == (len(dates), min(dates), max(dates))


def test_no_row_without_a_date_hides() -> None:
    for name in ("data/gpus.csv", "data/grid_intensity.csv", "data/pue.csv"):
        with open(places.path_of(name), encoding="utf-8") as file:
            dates = [line.rstrip("\n").rpartition(",")[2] for line in file][1:]
        assert all(datetime.date.fromisoformat(each) for each in dates)


def test_an_answer_names_the_old_tables_that_it_rests_on() -> None:
    listed = api.datasets()
    assert [each.name for each in api.old_tables(listed, FAR)] == ["datasets"]
    (dated,) = catalog.table_dates(["datasets"])
    assert api.old_tables(listed, dated.newest + datetime.timedelta(days=180)) == ()
    assert api.old_tables(listed, dated.newest + datetime.timedelta(days=181)) != ()
    assert api.old_tables(api.profiles(), FAR) == ()


def test_the_note_stands_below_the_answer() -> None:
    listed = api.datasets(state="withdrawn")
    old = api.old_tables(listed, FAR)
    for format_ in ("text", "markdown"):
        shown = api.render(listed, format_, Options(old_tables=old, today=FAR, width=200))
        assert "the table of datasets is of 2026-11-28, 1130 days ago" in shown
    assert '"old_tables"' in api.render(listed, "json", Options(old_tables=old, today=FAR))
    assert "old_tables" not in api.render(listed, "json", Options())
