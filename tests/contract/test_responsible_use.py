"""The tables of responsible use: the document's six areas, grids, PUE."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from typing import get_args

import pytest

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.tables.duty import Area, Task
from llmcheck.tables.footprint import GridIntensity
from tests.contract.test_datasets import KEBAB

AREAS = catalog.duties()
GRIDS = catalog.grid_intensities()
TODAY = datetime.datetime.now(datetime.UTC).date()

# The document's chapter, copied: area, and how many measures it lists for it.
CHAPTER = [
    ("Bias and fairness", 4),
    ("Privacy", 4),
    ("Misinformation and hallucinations", 4),
    ("Dual use and misuse", 4),
    ("Environmental impact", 4),
    ("Transparency and documentation", 2),
]


def test_the_six_areas_with_every_measure_of_the_document() -> None:
    assert [(each.title, sum(bool(duty.documented) for duty in each.duties)) for each in AREAS] == CHAPTER
    assert AREAS[0].libraries == ("fairness-indicators", "aif360", "perspective-api")


def test_every_item_has_a_mark_of_its_own() -> None:
    ids = [duty.id for area in AREAS for duty in area.duties]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(KEBAB, each) for each in ids)
    assert all(duty.id.startswith(f"{area.id}-") for area in AREAS for duty in area.duties)
    assert all(duty.text.endswith(".") for area in AREAS for duty in area.duties)


@pytest.mark.parametrize("area", [pytest.param(each, id=each.id) for each in AREAS])
def test_every_task_has_something_to_do_in_every_area(area: Area) -> None:
    assert area.issues
    assert area.source.startswith("Ethical Guidelines and Responsible AI: ")
    assert area.as_of <= TODAY
    for task in get_args(Task):
        assert [duty for duty in area.duties if not duty.tasks or task in duty.tasks]
    assert {each.task for each in profiles.shipped()} <= set(get_args(Task))


def test_tools_are_libraries_with_a_state() -> None:
    libraries = catalog.libraries()
    named = [name for area in AREAS for name in area.libraries]
    assert {libraries[name].area for name in named} == {"responsible-ai"}
    assert libraries["perspective-api"].status == "closing"


def test_places_are_named_once() -> None:
    assert len(GRIDS) == 203
    assert Counter(each.provider for each in GRIDS)[None] == 71
    places = [each.place.lower() for each in GRIDS]
    assert len(places) == len(set(places))
    countries = {each.country for each in GRIDS if each.provider is None}
    assert {each.country for each in GRIDS} <= countries | {"HKG", "SGP", "TWN", "QAT"}


@pytest.mark.parametrize("grid", [pytest.param(each, id=each.place) for each in GRIDS])
def test_a_grid(grid: GridIntensity) -> None:
    assert 0 < grid.g_per_kwh < 1000
    assert 2022 <= grid.year <= grid.as_of.year <= TODAY.year
    assert grid.source.startswith(("Our World in Data", "GoogleCloudPlatform/region-carbon-info"))
    assert re.fullmatch(r"[A-Z]{3}", grid.country)
    if grid.basis == "of the whole country":
        (country,) = [each for each in GRIDS if each.place == grid.country]
        assert (grid.g_per_kwh, grid.year) == (country.g_per_kwh, country.year)


@pytest.mark.parametrize(
    ("place", "grams"), [("USA", 369.473), ("europe-west4", 208.81), ("northamerica-northeast1", 5.48)]
)
def test_figures_of_their_publishers(place: str, grams: float) -> None:
    assert [each.g_per_kwh for each in GRIDS if each.place == place] == [grams]


def test_pue() -> None:
    rows = catalog.pues()
    assert len({each.provider for each in rows}) == len(rows)
    assert all(1 <= each.pue < 3 and each.source and each.note and each.as_of <= TODAY for each in rows)
    assert {each.provider: each.pue for each in rows}["industry"] == 1.67


def test_the_documents_figure_is_that_of_its_source() -> None:
    """1,287 MWh at 429 g/kWh (Patterson et al. 2021), and 120 cars of 4.6 t a year."""
    from llmcheck.fit.footprint import GPT3_TONNES

    assert round(1287 * 0.429) == GPT3_TONNES
    assert round(GPT3_TONNES / 4.6) == 120
