"""Machines to rent: those that would pass, cheapest first."""

from __future__ import annotations

import datetime

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.cloud.offers import as_machine, rank_offers
from llmcheck.judge.evaluate import evaluate
from llmcheck.tables.offer import Offer
from tests.machines_builder import GB

OFFERS, CORRECTIONS = catalog.offers(), catalog.corrections()
TIERS = [name for name in profiles.ids() if name != "toolkit"]
PLAIN = Offer(
    id="acme-a100",
    provider="acme",
    instance_type="a100",
    kind="vm",
    vendor="nvidia",
    accelerator="A100 80GB",
    gpu_count=1,
    gpu_memory_gb=80,
    compute_capability="8.0",
    vcpus=16,
    ram_gib=256,
    price_hour=2.0,
    tier="on-demand",
    status="available",
    source="price list",
    as_of=datetime.date(2026, 11, 1),
)


def offered(*offers: Offer, tier: str = "inference-70b", all_tiers: bool = False) -> list[str]:
    ranked = rank_offers(profiles.load(tier), offers, CORRECTIONS, all_tiers)
    return [each.offer.id for each in ranked.offers]


@pytest.mark.parametrize("all_tiers", [False, True])
@pytest.mark.parametrize("tier", TIERS)
def test_offers_are_the_cheapest_of_each_provider_in_order(tier: str, all_tiers: bool) -> None:
    ranked = rank_offers(profiles.load(tier), OFFERS, CORRECTIONS, all_tiers).offers
    prices = [each.price_hour for each in ranked]
    providers = [each.offer.provider for each in ranked]
    assert ranked
    assert None not in prices
    assert prices == sorted(prices, key=lambda price: price or 0)
    assert len(providers) == len(set(providers))


@pytest.mark.parametrize("all_tiers", [False, True])
@pytest.mark.parametrize("tier", TIERS)
def test_every_advised_offer_passes_the_documented_hardware(tier: str, all_tiers: bool) -> None:
    profile = profiles.load(tier)
    ranked = rank_offers(profile, OFFERS, CORRECTIONS, all_tiers).offers
    assert ranked
    for each in ranked:
        judged = evaluate(profile, as_machine(each.offer), skip=frozenset({"software"}))
        refused = [finding.id for finding in judged.findings if finding.status in ("fail", "warn")]
        assert (each.offer.id, refused) == (each.offer.id, [])
        assert each.passes


@pytest.mark.parametrize("tier", TIERS)
def test_withdrawn_offers_tpus_and_subscriptions_are_never_advised(tier: str) -> None:
    ranked = rank_offers(profiles.load(tier), OFFERS, CORRECTIONS, all_tiers=True).offers
    assert ranked
    for each in ranked:
        assert each.offer.status == "available"
        assert each.offer.kind == "vm"
        assert each.offer.vendor != "google"


@pytest.mark.parametrize("tier", TIERS)
def test_machines_of_other_people_come_only_when_asked_for(tier: str) -> None:
    steady = rank_offers(profiles.load(tier), OFFERS, CORRECTIONS)
    every = rank_offers(profiles.load(tier), OFFERS, CORRECTIONS, all_tiers=True)
    assert not {each.offer.tier for each in steady.offers} & {"community", "marketplace", "spot", "legacy"}
    assert {each.offer.provider for each in steady.offers} <= {each.offer.provider for each in every.offers}
    assert (every.offers[0].price_hour or 0) <= (steady.offers[0].price_hour or 0)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"ram_gib": None}, True),
        ({"compute_capability": None, "vcpus": None}, True),
        ({"gpu_memory_gb": 24}, False),
        ({"gpu_memory_gb": 24, "gpu_count": 4}, False),
        ({"ram_gib": 16}, False),
        ({"status": "withdrawn"}, False),
        ({"kind": "tpu", "vendor": "google"}, False),
        ({"kind": "subscription"}, False),
        ({"price_hour": None}, False),
        ({"tier": "marketplace"}, False),
        ({"vendor": "amd"}, True),
    ],
)
def test_what_an_offer_does_not_state_never_disqualifies_it_but_what_it_states_may(
    changes: dict[str, object], kept: bool
) -> None:
    assert offered(replace(PLAIN, **changes)) == (["acme-a100"] if kept else [])


def test_what_an_offer_does_not_state_is_told() -> None:
    ranked = rank_offers(profiles.load("inference-70b"), [replace(PLAIN, ram_gib=None)], CORRECTIONS)
    assert "ram" in ranked.offers[0].unknown
    assert "ram" not in rank_offers(profiles.load("inference-70b"), [PLAIN], CORRECTIONS).offers[0].unknown


def test_the_cheaper_of_one_provider_is_kept_and_providers_stand_in_order_of_price() -> None:
    dear = replace(PLAIN, id="acme-dear", price_hour=9.0)
    other = replace(PLAIN, id="other", provider="other", price_hour=1.0)
    for order in ([PLAIN, dear, other], [dear, other, PLAIN]):
        assert offered(*order) == ["other", "acme-a100"]


def test_a_machine_that_fits_the_corrected_figure_is_told_apart() -> None:
    pair = replace(PLAIN, id="pair", provider="other", gpu_count=2, price_hour=4.0)
    ranked = rank_offers(profiles.load("inference-70b"), [PLAIN, pair], CORRECTIONS)
    assert [each.fits_by_arithmetic for each in ranked.offers] == [False, True]
    assert any("other" in note and "4.00" in note for note in ranked.notes)


@pytest.mark.parametrize("tier", TIERS)
def test_a_cluster_is_priced_for_all_its_nodes(tier: str) -> None:
    ranked = rank_offers(profiles.load(tier), OFFERS, CORRECTIONS).offers
    assert ranked
    for each in ranked:
        assert each.offer.price_hour is not None
        assert each.price_hour == pytest.approx(each.nodes * each.offer.price_hour, abs=0.01)
        if tier == "pretrain":
            assert each.nodes * each.offer.gpu_count >= 512
            assert (each.nodes - 1) * each.offer.gpu_count < 512
            assert each.offer.fabric in ("infiniband", "efa")
        else:
            assert each.nodes == 1


def test_no_fitting_offer_is_said_to_be_none() -> None:
    ranked = rank_offers(profiles.load("inference-70b"), [replace(PLAIN, gpu_memory_gb=8)], CORRECTIONS)
    assert ranked.offers == ()
    assert any("no offer" in note for note in ranked.notes)


def test_the_offers_that_the_document_names_are_shown_whether_or_not_they_pass() -> None:
    ranked = rank_offers(profiles.load("inference-70b"), OFFERS, CORRECTIONS)
    shown = {each.offer.id: each for each in ranked.documented}
    assert {"aws-p4d-24xlarge", "aws-p3-16xlarge", "gcp-tpu-v4", "colab-pro-plus"} <= set(shown)
    assert not shown["gcp-tpu-v4"].passes
    assert [each.id for each in shown["aws-p4d-24xlarge"].corrections] == ["aws-p4d"]


def test_an_offer_is_a_machine_of_idle_cards_in_decimal_gigabytes() -> None:
    rented = as_machine(replace(PLAIN, gpu_count=2, ram_gib=None))
    assert [gpu.memory_total for gpu in rented.gpus or ()] == [80 * GB, 80 * GB]
    assert [gpu.memory_free for gpu in rented.gpus or ()] == [80 * GB, 80 * GB]
    assert rented.ram.usable is None
    assert rented.software.packages is None
