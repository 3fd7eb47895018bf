"""Energy and CO2 of a run."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.fit.footprint import footprint
from llmcheck.schema.library import Footprint
from llmcheck.schema.machine import Gpu, GpuSpec
from llmcheck.tables.footprint import GridIntensity, Pue

GRID = GridIntensity(
    place="DEU",
    name="Germany",
    country="DEU",
    g_per_kwh=400.0,
    year=2023,
    basis="a test",
    source="a test",
    as_of=datetime.date(2024, 11, 15),
)
PUE = Pue(provider="gcp", pue=1.1, year=2024, note="a test", source="a test", as_of=datetime.date(2024, 12, 1))
CARD = Gpu(index=0, vendor="nvidia", name="A100", spec=GpuSpec(name="A100", tdp_w=400.0, source="a test"))


def run(
    *gpus: Gpu, hours: float | None = 100.0, grid: GridIntensity | None = GRID, count: int | None = None
) -> Footprint:
    return footprint(
        gpus,
        count=len(gpus) if count is None else count,
        hours=hours,
        hours_from="given",
        utilisation=0.5,
        pue=PUE,
        grid=grid,
    )


def test_by_hand() -> None:
    """Two cards of 400 W, half busy, for 100 hours: 40 kWh, 44 with the data centre, 17.6 kg at 400 g."""
    found = run(CARD, CARD)
    assert found.kwh == pytest.approx(44)
    assert found.co2_kg == pytest.approx(17.6)
    assert found.gpt3_share == pytest.approx(0.0176 / 552)
    assert found.missing == ()
    assert (found.watts_from, found.pue_from[:10]) == ("table", "gcp, 2024:")
    assert found.grid_from is not None
    assert "2023" in found.grid_from


def test_a_run_over_further_machines_like_this_one() -> None:
    assert run(CARD, CARD, count=64).kwh == pytest.approx(44 * 32)


def test_the_limit_that_the_driver_reports_comes_first() -> None:
    limited = Gpu(index=0, vendor="nvidia", name="A100", power_limit_w=200.0, spec=CARD.spec)
    assert (run(limited).watts, run(limited).watts_from) == (200.0, "power limit")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (run(), "no GPU"),
        (run(Gpu(index=0, vendor="nvidia", name="odd")), "power"),
        (run(CARD, hours=None), "--hours"),
        (run(CARD, grid=None), "--grid"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_invented(found: Footprint, words: str) -> None:
    assert any(words in each for each in found.missing)
    assert found.co2_kg is None
    assert found.gpt3_share is None


@given(st.floats(0.1, 1e5), st.integers(1, 64))
def test_energy_grows_with_hours_and_cards(hours: float, cards: int) -> None:
    once, twice = run(*[CARD] * cards, hours=hours), run(*[CARD] * cards, hours=2 * hours)
    assert once.kwh is not None
    assert twice.kwh == pytest.approx(2 * once.kwh)
    assert run(CARD, hours=hours).kwh == pytest.approx(once.kwh / cards)
