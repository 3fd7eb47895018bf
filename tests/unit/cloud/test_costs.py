"""Costs against calculations by hand: totals, tokens, break-even, subscriptions; and the age of prices."""

from __future__ import annotations

import datetime
import json

import pytest
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.cloud import costs
from llmcheck.cloud.costs import Job, Purchase
from llmcheck.cloud.selection import Selection
from llmcheck.render import Options
from llmcheck.render.views import prices
from llmcheck.schema.renting import Offers, RankedOffer
from llmcheck.schema.workload import Cost, Workload
from llmcheck.tables.offer import Offer
from tests.unit.cloud.test_for_model import SMALL, ranked
from tests.unit.cloud.test_launch import ranked as as_ranked
from tests.unit.cloud.test_offers import PLAIN, TODAY, ranked_offers

RECORDS = catalog.gpu_specs()
PURCHASE = Cost(documented="~$500", per="purchase", low=500, high=500)


def rented(price: float) -> RankedOffer:
    return as_ranked(replace(PLAIN, price_hour=price))


@pytest.mark.parametrize(
    ("purchase", "example", "rent", "hours"),
    [
        # 500 / (0.22 - 0.170 kW x 0.15) = 2,571
        ((500, 500), "RTX 3060 12GB", 0.22, (2571, 2571)),
        # 1,500 and 2,000 / (0.69 - 0.450 x 0.15)
        ((1500, 2000), "RTX 4090 24GB", 0.69, (2410, 3213)),
        # 10,000 / (1.79 - 0.300 x 0.15), the A100 with 80 GB on PCIe
        ((10000, 10000), "A100 80GB", 1.79, (5731, 5731)),
    ],
)
def test_break_even_by_hand(
    purchase: tuple[float, float], example: str, rent: float, hours: tuple[float, float]
) -> None:
    cost = Cost(documented="", per="purchase", low=purchase[0], high=purchase[1])
    found = costs.break_even(Purchase(), cost, (example,), rented(rent), RECORDS)
    assert found is not None
    assert found.hours_low is not None
    assert found.months_high is not None
    assert (found.hours_low, found.hours_high) == pytest.approx(hours, abs=1)
    assert found.months_high == pytest.approx(hours[1] / (8 * 30.4), abs=0.01)


def test_where_renting_costs_no_more_than_the_power_buying_never_pays() -> None:
    found = costs.break_even(Purchase(usd_per_kwh=0.40), PURCHASE, ("RTX 3060 12GB",), rented(0.05), RECORDS)
    assert found is not None
    assert (found.hours_low, found.months_high) == (None, None)
    assert "no more than the power" in prices.break_even(found).text


def test_a_purchase_price_of_ones_own_replaces_the_documented_one() -> None:
    found = costs.break_even(Purchase(price=800, hours_per_day=24), PURCHASE, (), rented(2.0), RECORDS)
    assert found is not None
    watts = next(each.spec.tdp_w for each in RECORDS if each.spec.name == PLAIN.gpu)
    assert (found.purchase_low, found.card, found.watts) == (800, PLAIN.gpu, watts)
    assert found.hours_low == pytest.approx(800 / (2.0 - (watts or 0) / 1000 * 0.15))


def test_without_a_purchase_price_there_is_no_break_even() -> None:
    hourly = Cost(documented="~$2-3/hour", per="hour", low=2, high=3)
    assert costs.break_even(Purchase(), hourly, (), rented(2.0), RECORDS) is None
    assert costs.break_even(Purchase(), None, (), rented(2.0), RECORDS) is None


def test_a_total_is_price_times_hours_with_set_up_and_download() -> None:
    # 45 GB at 125 MB/s are 0.1 hours, with 0.25 to start: 2 $/h x 2 nodes x 10.35 h = 41.40 $
    found = costs.with_total(as_ranked(PLAIN, nodes=2, price_hour=4.0), Job(hours=10), 45_000_000_000)
    assert (found.hours, found.setup_hours, found.total) == pytest.approx((10, 0.35, 41.4))


def test_tokens_are_hours_at_the_planner_s_speed() -> None:
    # 3.6 M tokens at 100 a second are 10 hours
    found = costs.with_total(as_ranked(PLAIN, tokens_per_second=100.0), Job(tokens=3.6e6), 0)
    assert (found.hours, found.total) == pytest.approx((10, 2.0 * 10.25))
    assert costs.with_total(as_ranked(PLAIN), Job(tokens=3.6e6), 0).total is None


def test_dollars_for_a_million_tokens_by_hand() -> None:
    found = ranked("llama-3.1-8b", SMALL).offers[0]
    # 0.50 $/h, 3,600 x speed tokens an hour
    assert found.tokens_per_second is not None
    assert found.usd_per_million_tokens == pytest.approx(0.50 / (3600 * found.tokens_per_second) * 1e6)


def test_offers_of_a_model_are_ranked_by_what_the_job_costs_and_not_by_the_hour() -> None:
    fast = replace(PLAIN, id="fast", provider="fast", price_hour=0.6)
    found = ranked("llama-3.1-8b", SMALL, fast)
    assert [each.offer.id for each in found.offers] == ["fast", "small"]
    assert found.ranked_by == "tokens"
    first, second = found.offers
    assert (first.price_hour or 0) > (second.price_hour or 0)
    found = ranked("llama-3.1-8b", SMALL, fast, job=Job(hours=100))
    assert [each.offer.id for each in found.offers] == ["small", "fast"]
    assert found.ranked_by == "total"


@pytest.mark.parametrize("target", [20.0, 500.0, 5_000.0])
def test_a_speed_that_has_to_be_reached_is_reached_by_sequences_and_machines(target: float) -> None:
    found = ranked("llama-3.1-8b", SMALL, PLAIN, target=target)
    assert found.offers
    costs_of = [each.price_hour or 0 for each in found.offers]
    assert costs_of == sorted(costs_of)
    for each in found.offers:
        assert each.plan is not None
        assert each.tokens_per_second is not None
        assert each.tokens_per_second >= target
        one = each.tokens_per_second / each.nodes
        assert one * (each.nodes - 1) < target
        assert each.price_hour == pytest.approx(each.nodes * (each.offer.price_hour or 0))
        assert one / each.plan.batch >= 8 or each.plan.batch == 1, "each sequence can be read along"


def test_training_from_scratch_is_counted_by_the_run_and_the_day() -> None:
    found = api.offers("pretrain", api.Rent(today=TODAY))
    assert found.ranked_by == "total"
    for each in found.offers:
        days = each.runs[0].days
        assert days is not None
        assert each.hours == pytest.approx(days.expected * 24, rel=0.01)
        assert each.total == pytest.approx((each.price_hour or 0) * ((each.hours or 0) + (each.setup_hours or 0)))
    text = api.render(found, "text", Options(width=160))
    day = (found.offers[0].price_hour or 0) * 24
    assert f"documented: $50K-$100K/day; the cheapest here: {day:,.2f} $ a day" in text
    assert "reserved" in text


# --- subscriptions ---


def colab(name: str) -> Offer:
    return next(each for each in catalog.offers() if each.id == f"colab-pro-plus-{name}")


@pytest.mark.parametrize(
    ("name", "hours", "total"),
    [
        ("a100", 38, 49.99),  # 38 x 13.08 = 497 units
        ("a100", 40, 49.99 + 9.99),  # 523 units: one more pack of 100
        ("t4", 467, 49.99),  # 467 x 1.07 = 499.7
        ("t4", 900, 2 * 49.99),  # 963 units, two months
    ],
)
def test_a_subscription_by_hand(name: str, hours: float, total: float) -> None:
    (found,) = costs.subscriptions([colab(name), PLAIN], hours, TODAY)
    assert found.total == pytest.approx(total)


def test_subscriptions_are_apart_and_only_with_hours() -> None:
    plain, timed = (api.offers("inference-7b", api.Rent(today=TODAY, job=job)) for job in (Job(), Job(hours=20)))
    assert plain.subscriptions == ()
    assert timed.subscriptions
    assert "colab" not in {each.offer.provider for each in (*plain.offers, *timed.offers)}
    assert api.offers("pretrain", api.Rent(today=TODAY, job=Job(hours=20))).subscriptions == ()


# --- age ---


@pytest.mark.parametrize(
    ("days", "words", "tone"),
    [(0, [], None), (90, [], None), (91, ["90 days"], "dim"), (180, ["90 days"], "dim"), (181, ["180 days"], "warn")],
)
def test_old_prices_are_noted_and_older_ones_warned_of(days: int, words: list[str], tone: str | None) -> None:
    cells = prices.about_age([days])
    assert [each for each in words if each not in cells[0].text] == []
    assert (cells[0].tone if cells else None) == tone
    assert prices.price(2.0, 366).text == "~2.00"
    assert prices.price(2.0, 365).text == "2.00"


def test_the_age_never_changes_a_verdict() -> None:
    old = replace(PLAIN, price_date=datetime.date(2020, 1, 1))
    (new_one,), (old_one,) = (ranked_offers("inference-70b", [each]).offers for each in (PLAIN, old))
    assert replace(old_one, offer=PLAIN, price_date=new_one.price_date, age_days=new_one.age_days) == new_one
    assert old_one.age_days == (TODAY - datetime.date(2020, 1, 1)).days
    tomorrow = replace(PLAIN, price_date=TODAY + datetime.timedelta(days=1))
    assert ranked_offers("inference-70b", [tomorrow]).offers[0].age_days is None


@pytest.mark.parametrize("tier", ["inference-70b", "finetune-7b", "pretrain"])
def test_every_line_has_the_date_of_its_price_and_the_ages_stand_above(tier: str) -> None:
    found = api.offers(tier, api.Rent(today=TODAY))
    for width in (60, 80, 160):
        text = " ".join(api.render(found, "text", Options(width=width, verbose=1)).split())
        assert text.count("priced ") >= 1
        assert all(str(each.price_date) in text for each in found.offers)
        assert "days ago" in text
        assert "available" not in text.replace("availability is not known", "")


# --- choice ---


def ids(found: Offers) -> list[str]:
    return [each.offer.id for each in found.offers]


def asked(offers: tuple[Offer, ...], **fields: object) -> Offers:
    return api.offers("inference-70b", api.Rent(offers=offers, today=TODAY, selection=Selection(**fields)))  # type: ignore[arg-type]  # by name


def test_what_is_asked_for_decides_which_offers_are_shown() -> None:
    spot = replace(PLAIN, id="spot", provider="spot", price_hour=None, spot_price_hour=0.4, tier="spot")
    both = replace(PLAIN, id="both", provider="both", price_hour=3.0, spot_price_hour=0.5, region="us-east-1")
    private = replace(PLAIN, id="private", provider="private", price_hour=1.0, tier="community")
    every = (PLAIN, spot, both, private)
    assert ids(asked(every)) == ["acme-a100", "both"]
    assert ids(asked(every, spot=True)) == ["spot", "both"]
    assert ids(asked(every, community=True)) == ["private", "acme-a100", "both"]
    assert ids(asked(every, providers=("both",))) == ["both"]
    assert ids(asked(every, regions=("us-",))) == ["both"]
    assert ids(asked(every, max_price=2.5)) == ["acme-a100"]
    assert [each.is_spot for each in asked(every, spot=True).offers] == [True, True]


def test_a_limit_that_nothing_keeps_is_named_with_the_nearest() -> None:
    private = replace(PLAIN, id="private", provider="other", tier="community")
    found = asked((PLAIN, private), max_price=1.0, providers=("other",))
    assert found.offers == ()
    assert found.exit_code == 1
    (near,) = found.nearest
    assert [(gap.id, gap.needed, gap.found) for gap in near.gaps] == [
        ("provider", "other", "acme"),
        ("max-price", "1.00 $/h", "2.00 $/h"),
    ]


def test_where_nothing_fits_what_misses_least_is_named_with_what_it_misses() -> None:
    poor = replace(PLAIN, id="poor", ram_gib=32)
    small = replace(SMALL, id="small", ram_gib=16)
    found = asked((poor, small))
    assert found.exit_code == 1
    assert [each.offer.id for each in found.nearest] == ["poor", "small"]
    assert [gap.id for gap in found.nearest[0].gaps] == ["ram"]
    text = api.render(found, "text", Options(width=100))
    assert "RAM: needs 64 GB, has 34.4 GB" in text


def test_a_disk_that_is_enough_counts_and_a_smaller_one_decides_nothing() -> None:
    large, small = (replace(PLAIN, local_disk_gb=size) for size in (500.0, 100.0))
    assert [ranked_offers("inference-70b", [each]).offers[0].verdict for each in (large, small)] == [
        "ready",
        "undetermined",
    ]
    words = ranked_offers("inference-70b", [large]).offers[0].machine
    assert words == "1x A100 80GB, 256 GiB RAM, 500 GB disk"


def test_a_cluster_needs_a_fabric_and_nvlink() -> None:
    node = replace(
        PLAIN, gpu="NVIDIA H100 80GB HBM3", accelerator="H100 SXM 80GB", gpu_count=8, compute_capability="9.0",
        link="nvlink", fabric="efa", fabric_gbit=3200, price_hour=55.0,
    )  # fmt: skip
    made = [
        node,
        replace(node, id="slow", provider="slow", fabric_gbit=100),
        replace(node, id="none", provider="none", fabric="none"),
        replace(node, id="unknown", provider="unknown", fabric=None),
        replace(node, id="pcie", provider="pcie", link="pcie"),
        replace(node, id="four", provider="four", gpu_count=4),
    ]
    found = ranked_offers("pretrain", made)
    assert [(each.offer.provider, each.nodes, each.price_hour) for each in found.offers] == [("acme", 64, 3520.0)]


def test_json_has_the_promised_keys() -> None:
    document = json.loads(api.render(api.offers("inference-7b", api.Rent(today=TODAY)), "json", Options()))
    first = document["offers"][0]
    assert {"offer", "fits", "price_hour", "total", "price_date", "age_days"} <= set(first)
    assert all(each["fits"] for each in document["offers"])
    assert first["age_days"] == (TODAY - datetime.date.fromisoformat(first["price_date"])).days


def test_a_profile_without_a_workload_has_offers_too() -> None:
    assert ranked_offers("toolkit").offers
    assert profiles.load("toolkit").workload is None
    assert Workload(method="inference").batch == 1
