"""Machines to rent: those that would pass, cheapest first."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.cloud.judge import Judge, judge_of
from llmcheck.cloud.offers import cheapest_that_runs, passing, rank_offers
from llmcheck.cloud.rented import as_machine, cards_of, in_words
from llmcheck.cloud.selection import Selection
from llmcheck.render import Options
from llmcheck.schema.machine import Machine
from llmcheck.schema.renting import Offers
from llmcheck.schema.report import ProfileReport
from llmcheck.tables.offer import Offer
from tests.machines_builder import GB

OFFERS, CORRECTIONS = catalog.offers(), catalog.corrections()
TIERS = [name for name in profiles.tier_ids() if name != "toolkit"]
PLAIN = Offer(
    id="acme-a100",
    provider="acme",
    instance_type="a100",
    kind="vm",
    vendor="nvidia",
    accelerator="A100 80GB",
    gpu="NVIDIA A100 80GB PCIe",
    gpu_count=1,
    gpu_memory_gb=80,
    compute_capability="8.0",
    vcpus=16,
    ram_gib=256,
    price_hour=2.0,
    tier="on-demand",
    status="available",
    source="price list",
    licence="MIT",
    price_date=datetime.date(2026, 11, 1),
)
TODAY = datetime.date(2026, 11, 28)
USUAL, EVERYTHING = Selection(), Selection(everything=True)


CARDS = cards_of(catalog.gpu_specs())


def ranked_offers(tier: str, offers: Sequence[Offer] = OFFERS, *, everything: bool = False) -> Offers:
    selection = EVERYTHING if everything else USUAL
    return rank_offers(profiles.load(tier), offers, CORRECTIONS, CARDS, today=TODAY, selection=selection)


def judge(tier: str, selection: Selection = USUAL) -> Judge:
    return judge_of(profiles.load(tier), CORRECTIONS, CARDS, {}, selection=selection, today=TODAY)


def offered(*offers: Offer, tier: str = "inference-70b", everything: bool = False) -> list[str]:
    return [each.offer.id for each in ranked_offers(tier, offers, everything=everything).offers]


def judged(tier: str, machine: Machine) -> ProfileReport:
    return api.check([tier], lambda: machine, skip=["software"]).profiles[0]


@pytest.mark.parametrize("tier", TIERS)
def test_offers_are_one_of_each_provider_and_stand_in_order_of_price(tier: str) -> None:
    ranked = ranked_offers(tier).offers
    prices = [each.total if tier == "pretrain" else each.price_hour for each in ranked]
    providers = [each.offer.provider for each in ranked]
    assert ranked
    assert None not in prices
    assert prices == sorted(prices, key=lambda price: price or 0)
    assert len(providers) == len(set(providers))


@pytest.mark.parametrize("tier", TIERS)
def test_no_cheaper_offer_of_a_provider_is_worth_renting(tier: str) -> None:
    shown = {each.offer.provider: each for each in ranked_offers(tier).offers}
    for each in ranked_offers(tier, everything=True).offers:
        best = shown.get(each.offer.provider)
        if each.passes and USUAL.keeps(each.offer) and best is not None:
            cost, least = (shown.total or shown.price_hour or 0 for shown in (each, best))
            assert cost >= least or not best.passes


@pytest.mark.parametrize("tier", TIERS)
def test_no_offer_is_shown_that_check_calls_not_ready(tier: str) -> None:
    for each in ranked_offers(tier).offers:
        report = judged(tier, as_machine(each.offer, CARDS, judge(tier).disk(each.offer)))
        assert (each.offer.id, report.hardware) == (each.offer.id, each.verdict)
        assert report.hardware != "not-ready"
        assert each.fits
        assert each.fits_by_arithmetic
        if each.passes:
            documented = [finding for finding in report.findings if finding.kind in ("gpu", "ram")]
            corrections = {correction.id for correction in CORRECTIONS}
            assert not [f for f in documented if f.status in ("fail", "warn") and f.id not in corrections]


@pytest.mark.parametrize("tier", TIERS)
def test_withdrawn_offers_tpus_and_subscriptions_are_never_advised(tier: str) -> None:
    ranked = ranked_offers(tier, everything=True).offers
    assert ranked
    for each in ranked:
        assert each.offer.status == "available"
        assert each.offer.kind == "vm"
        assert each.offer.vendor != "google"


@pytest.mark.parametrize("tier", TIERS)
def test_all_is_every_machine_and_what_does_not_fit_comes_last_with_its_reason(tier: str) -> None:
    steady, every = ranked_offers(tier), ranked_offers(tier, everything=True)
    assert not {each.offer.tier for each in steady.offers} & {"community", "marketplace", "spot", "legacy"}
    assert {each.offer.id for each in every.offers} == {each.id for each in OFFERS if EVERYTHING.keeps(each)}
    fits = [each.fits for each in every.offers]
    assert fits == sorted(fits, reverse=True)
    assert [each.why_not is None for each in every.offers] == fits
    for each in every.offers:
        assert bool(each.gaps) == (each.why_not in ("not-documented", "nothing-fits")) or each.why_not == "no-cluster"


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"ram_gib": None}, True),
        ({"compute_capability": None, "vcpus": None}, True),
        ({"gpu": "", "gpu_memory_gb": 24}, False),
        ({"gpu": "NVIDIA GeForce RTX 4090", "gpu_memory_gb": 24}, False),
        ({"gpu": "NVIDIA GeForce RTX 4090", "gpu_memory_gb": 24, "gpu_count": 4}, True),
        ({"ram_gib": 16}, False),
        ({"status": "withdrawn"}, False),
        ({"kind": "tpu", "vendor": "google"}, False),
        ({"kind": "subscription"}, False),
        ({"price_hour": None}, False),
        ({"tier": "marketplace"}, False),
        ({"vendor": "amd", "gpu": "AMD Instinct MI300X"}, True),
    ],
)
def test_what_an_offer_does_not_state_never_disqualifies_it_but_what_it_states_may(
    changes: dict[str, object], kept: bool
) -> None:
    assert offered(replace(PLAIN, **changes)) == (["acme-a100"] if kept else [])


def test_what_an_offer_does_not_state_is_told() -> None:
    assert "ram" in ranked_offers("inference-70b", [replace(PLAIN, ram_gib=None)]).offers[0].unknown
    assert "ram" not in ranked_offers("inference-70b", [PLAIN]).offers[0].unknown


def test_the_cheaper_of_one_provider_is_kept_and_providers_stand_in_order_of_price() -> None:
    dear = replace(PLAIN, id="acme-dear", price_hour=9.0)
    other = replace(PLAIN, id="other", provider="other", price_hour=1.0)
    for order in ([PLAIN, dear, other], [dear, other, PLAIN]):
        assert offered(*order) == ["other", "acme-a100"]


def test_a_slow_machine_gives_way_to_a_dearer_one_that_is_fast_enough_to_read_along() -> None:
    slow = replace(PLAIN, id="slow", gpu="NVIDIA GeForce RTX 4090", gpu_memory_gb=24, price_hour=0.5)
    assert offered(slow, PLAIN, tier="inference-70b-4bit") == ["acme-a100"]
    alone = ranked_offers("inference-70b-4bit", [slow]).offers
    assert [(each.fits, each.passes) for each in alone] == [(True, False)]


def test_nothing_is_shown_that_costs_a_hundred_times_what_does_the_same() -> None:
    dear = replace(PLAIN, id="dear", provider="other", price_hour=201.0)
    assert offered(PLAIN, dear) == ["acme-a100"]
    assert offered(PLAIN, replace(dear, price_hour=199.0)) == ["acme-a100", "dear"]
    assert "dear" in offered(PLAIN, dear, everything=True)


@pytest.mark.parametrize("accelerator", ["RTX A6000 48GB", "RTX 4090 24GB", "RTX 5090 32GB", "A100 SXM 40GB"])
def test_check_and_cloud_give_one_answer_for_the_cards_of_the_case(accelerator: str) -> None:
    offer = next(each for each in OFFERS if each.accelerator == accelerator and USUAL.keeps(each))
    (ranked,) = ranked_offers("inference-13b-30b", [offer]).offers
    words = ranked.machine
    assert words is not None
    report = judged("inference-13b-30b", api.hypothetical_machine(words).machine)
    assert (ranked.verdict, ranked.computed) == (report.hardware, status(report, "computed"))
    assert ranked.fits
    assert ranked.fits_by_arithmetic
    assert [each.verdict for each in ranked.runs] == ["fits", "fits"]
    assert ranked.plan is not None


def status(report: ProfileReport, name: str) -> str | None:
    return next((each.status for each in report.findings if each.id == name), None)


DISTINCT = list({in_words(each): each for each in OFFERS if each.gpu}.values())


@pytest.mark.parametrize("offer", DISTINCT, ids=lambda each: each.id)
def test_the_words_of_an_offer_are_the_machine_that_is_judged(offer: Offer) -> None:
    """But for the links between its GPUs, which words do not have."""
    for disk in (None, 2000 * GB):
        words = in_words(offer, disk)
        assert words is not None
        stated, rented = api.hypothetical_machine(words).machine, as_machine(offer, CARDS, disk)
        gpus = tuple(replace(each, nvlinks=None) for each in rented.gpus or ())
        assert (stated.gpus, stated.ram, stated.os, stated.disks) == (gpus, rented.ram, rented.os, rented.disks)


def test_every_gpu_of_the_offers_is_in_the_table_with_the_memory_and_capability_that_are_offered() -> None:
    for offer in OFFERS:
        if offer.kind == "tpu":
            assert offer.gpu == ""
            continue
        record = CARDS[offer.gpu]
        assert record.vendor == offer.vendor, offer.id
        assert record.spec.memory_gb == pytest.approx(offer.gpu_memory_gb, rel=0.03), offer.id
        if offer.compute_capability is not None:
            assert record.capability == offer.compute_capability, offer.id


@pytest.mark.parametrize("tier", TIERS)
def test_a_cluster_is_priced_for_all_its_nodes(tier: str) -> None:
    ranked = ranked_offers(tier).offers
    assert ranked
    for each in ranked:
        assert each.offer.price_hour is not None
        assert each.price_hour == pytest.approx(each.nodes * each.offer.price_hour, abs=0.01)
        if tier == "pretrain":
            assert each.nodes * each.offer.gpu_count >= 512
            assert (each.nodes - 1) * each.offer.gpu_count < 512
            assert each.offer.fabric in ("infiniband", "efa", "roce", "gpudirect")
            assert (each.offer.fabric_gbit or 400) >= 400
            assert each.offer.link in ("nvlink", "xgmi")
        else:
            assert each.nodes == 1


def test_no_fitting_offer_is_said_to_be_none() -> None:
    ranked = ranked_offers("inference-70b", [replace(PLAIN, gpu="", gpu_memory_gb=8)])
    assert ranked.offers == ()
    assert ranked.exit_code == 1
    assert any("no offer" in note for note in ranked.notes)


def test_the_offers_that_the_document_names_are_shown_whether_or_not_they_pass() -> None:
    found = api.offers("inference-70b", api.Rent(documented=True, today=TODAY)).verified
    shown = {each.offer.id: each for each in found}
    assert {"aws-p4d-24xlarge-us-east-1", "aws-p3-16xlarge", "gcp-tpu-v4-8", "colab-pro-plus-a100"} <= set(shown)
    tpu = shown["gcp-tpu-v4-8"].ranked
    assert tpu is not None
    assert (tpu.passes, tpu.why_not) == (False, "no-gpu")
    assert [each.id for each in shown["aws-p4d-24xlarge-us-east-1"].corrections] == ["aws-p4d"]
    assert api.offers("inference-70b").documented == ()


def test_an_offer_whose_gpu_is_in_no_table_is_a_machine_of_idle_cards_in_decimal_gigabytes() -> None:
    rented = as_machine(replace(PLAIN, gpu="", gpu_count=2, ram_gib=None), CARDS)
    assert [gpu.memory_total for gpu in rented.gpus or ()] == [80 * GB, 80 * GB]
    assert [gpu.memory_free for gpu in rented.gpus or ()] == [80 * GB, 80 * GB]
    assert rented.ram.usable is None
    assert rented.software.packages is None
    assert in_words(replace(PLAIN, gpu="")) is None


@pytest.mark.parametrize("tier", [*TIERS, "toolkit"])
def test_the_cheapest_that_runs_is_the_first_that_passes(tier: str) -> None:
    profile = profiles.load(tier)
    found = cheapest_that_runs(profile, OFFERS, CORRECTIONS, CARDS, today=TODAY)
    assert found is not None
    assert found.passes
    on_gpus = [each for each in passing(judge(tier), OFFERS) if each.plan is None or each.plan.verdict == "fits"]
    assert (found.price_hour or 0) <= (on_gpus[0].price_hour or 0)
    assert (found.price_hour or 0) >= (next(passing(judge(tier), OFFERS)).price_hour or 0)


def test_where_nothing_runs_there_is_no_cheapest() -> None:
    small = replace(PLAIN, gpu="", gpu_memory_gb=8)
    assert cheapest_that_runs(profiles.load("inference-70b"), [small], CORRECTIONS, CARDS, today=TODAY) is None


def test_offers_with_the_same_hardware_are_judged_once() -> None:
    once = judge("inference-7b")
    for price in (1.0, 2.0, 3.0):
        once.rank(replace(PLAIN, id=f"at-{price}", price_hour=price))
    once.rank(replace(PLAIN, ram_gib=64))
    assert len(once.reports) == 2


def test_a_profile_of_ones_own_may_name_a_known_model(tmp_path: Path) -> None:
    own = tmp_path / "my node.toml"
    own.write_text(
        'id = "mine"\ntitle = "Mine"\ntask = "inference"\nsources = ["this test"]\n'
        '[workload]\nmethod = "inference"\nmodel = "gpt-oss-20b"\n'
        '[[require]]\nid = "gpu"\nkind = "gpu"\nmemory = "24 GB"\n'
    )
    found = api.offers(str(own))
    assert (found.profile, found.path) == ("mine", str(own))
    assert found.offers
    for each in found.offers:
        assert [method.parameters for method in each.runs] == ["gpt-oss-20b"]
        assert each.argv[:3] == ("llmcheck", "fit", "gpt-oss-20b")
    text = api.render(found, "text", Options(width=100))
    assert f"llmcheck check '{own}' --machine" in text


def test_unstated_ram_is_said() -> None:
    bare = replace(PLAIN, ram_gib=None)
    assert [any("RAM" in note for note in ranked_offers("inference-70b", [each]).notes) for each in (bare, PLAIN)] == [
        True,
        False,
    ]
