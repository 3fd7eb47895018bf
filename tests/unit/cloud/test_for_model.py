"""Offers for a model: the plan of each is what ``fit`` says of the same machine."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.api.model_source import known_model
from llmcheck.cli.main import main
from llmcheck.cloud.costs import Job
from llmcheck.cloud.for_model import rank_for_model
from llmcheck.cloud.rented import cards_of
from llmcheck.fit.use import ModelUse
from llmcheck.render import Options
from llmcheck.schema.renting import Offers
from llmcheck.schema.workload import Workload
from tests.unit.cloud.test_offers import EVERYTHING, PLAIN, TODAY, USUAL

CARDS = cards_of(catalog.gpu_specs())
SMALL = replace(
    PLAIN, id="small", provider="small", gpu="Tesla T4", accelerator="T4 16GB", gpu_memory_gb=16, price_hour=0.5
)


def ranked(
    model: str, *offers: Any, everything: bool = False, target: float | None = None, job: Job | None = None, **work: Any
) -> Offers:
    shapes = known_model(model)
    assert shapes is not None
    use = ModelUse(shapes, Workload(**{"method": "inference", **work}))
    selection = EVERYTHING if everything else USUAL
    every = offers or catalog.offers()
    return rank_for_model(
        use, (model,), every, CARDS, today=TODAY, selection=selection, target=target, job=job or Job()
    )


@pytest.mark.parametrize(
    ("model", "work"),
    [
        ("llama-3.1-8b", {}),
        ("llama-3.1-8b", {"context": 32768, "weights": "q4_k_m"}),
        ("gpt-oss-120b", {}),
        ("qwen2.5-7b", {"method": "qlora"}),
        ("llama-3.1-70b", {"method": "lora"}),
    ],
)
def test_fit_with_the_printed_words_gives_the_same_plan(model: str, work: dict[str, Any]) -> None:
    found = ranked(model, **work)
    assert found.offers
    costs = [each.usd_per_million_tokens or 0 for each in found.offers]
    assert costs == sorted(costs)
    assert len({each.offer.provider for each in found.offers}) == len(found.offers)
    for each in found.offers[::5]:
        plan = each.plan
        assert plan is not None
        done = CliRunner().invoke(main, [*each.argv[1:], "--format", "json"], standalone_mode=False)
        fit = api_json(done.stdout)
        assert fit["verdict"] == plan.verdict
        assert fit["memory"]["total"] == plan.memory.total
        rate = fit["speed"]["decode" if plan.method == "inference" else "train"]
        assert plan.tokens_per_second is not None
        assert rate["expected"] == pytest.approx(plan.tokens_per_second.expected)
        tokens_an_hour = rate["expected"] * 3600
        assert each.usd_per_million_tokens == pytest.approx((each.price_hour or 0) / tokens_an_hour * 1e6)


def api_json(text: str) -> Any:
    import json

    return json.loads(text)


def test_what_does_not_fit_or_is_slow_is_shown_with_all_alone() -> None:
    slow = replace(SMALL, id="slow", ram_gib=256)
    none = replace(SMALL, id="none", provider="none", ram_gib=None)
    good = replace(PLAIN, id="good", gpu_count=2)
    assert [each.offer.id for each in ranked("llama-3.1-70b", slow, none, good).offers] == ["good"]
    every = ranked("llama-3.1-70b", slow, none, good, everything=True)
    assert [(each.offer.id, each.why_not) for each in every.offers] == [
        ("good", None),
        ("slow", "too-slow"),
        ("none", "nothing-fits"),
    ]
    assert [each.fits for each in every.offers] == [True, True, False]


def test_all_shows_every_machine_of_the_table() -> None:
    every = ranked("llama-3.1-8b", everything=True)
    assert {each.offer.id for each in every.offers} == {each.id for each in catalog.offers() if EVERYTHING.keeps(each)}


def test_where_it_fits_nowhere_the_exit_code_is_1() -> None:
    assert ranked("llama-3.1-70b", replace(SMALL, ram_gib=None)).exit_code == 1
    assert ranked("llama-3.1-8b").exit_code == 0


def test_the_api_finds_a_model_by_any_of_its_names_and_judges_a_machine_beside() -> None:
    work = Workload(method="inference")
    own = api.hypothetical_machine("RTX 3060").machine
    found = api.offers(model="meta-llama/Llama-3.1-8B", workload=work, machine=own)
    assert found.model == "meta-llama/Llama-3.1-8B"
    assert found.notes[0] == "it fits on the given machine too"
    assert api.offers(model="70B", workload=work, machine=own).notes[0].startswith("it does not fit")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 160])
@pytest.mark.parametrize("verbose", [0, 1])
def test_no_width_drops_a_price_a_gpu_or_a_plan(width: int, verbose: int) -> None:
    found = ranked("llama-3.1-8b")
    text = " ".join(api.render(found, "text", Options(width=width, verbose=verbose)).split())
    for each in found.offers if verbose else found.offers[:12]:
        assert f"{each.offer.gpu_count} × {each.offer.accelerator}" in text
        assert str(each.offer.price_date) in text
        price = each.price_hour or 0
        assert (f"{price:,.2f}" if price >= 0.1 else f"{price:.3f}") in text
        assert each.plan is not None
        assert each.plan.runtime in text
        if verbose and each.offer.region:
            assert each.offer.region in text
