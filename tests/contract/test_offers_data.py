"""All rows of the offers: prices, GPUs, dates and sources; the document's offers beside what was verified."""

from __future__ import annotations

import csv
import datetime
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator

import pytest

from llmcheck import api, catalog
from llmcheck.catalog import places
from llmcheck.cloud import canonical
from llmcheck.cloud.canonical import Form
from llmcheck.tables.offer import Offer

OFFERS, DOCUMENTED = catalog.offers(), catalog.documented_offers()
OFFER = {offer.id: offer for offer in OFFERS}
TODAY = datetime.datetime.now(datetime.UTC).date()
RECORDS = catalog.gpu_specs()
CARDS = {each.spec.name: each for each in RECORDS}
FOLDER = places.path_of("data/offers")


def rows() -> Iterator[tuple[str, dict[str, str]]]:
    for name in sorted(os.listdir(FOLDER)):
        with open(os.path.join(FOLDER, name), encoding="utf-8", newline="") as file:
            yield from ((name, row) for row in csv.DictReader(file))


def test_every_row_is_read_and_stands_in_the_file_of_its_provider() -> None:
    assert [row["id"] for _, row in rows()] == [offer.id for offer in OFFERS]
    assert {name for name, row in rows() if name != f"{row['provider']}.csv"} == set()


def test_ids_and_what_is_sold_are_unique() -> None:
    assert len(OFFER) == len(OFFERS)
    sold = [(each.provider, each.instance_type, each.gpu, each.gpu_count, each.tier, each.region) for each in OFFERS]
    assert len(sold) == len(set(sold))


def test_every_row_has_a_source_a_licence_and_a_date_that_is_past() -> None:
    for offer in OFFERS:
        assert offer.source, offer.id
        assert offer.licence, offer.id
        assert "none stated" not in offer.licence, offer.id
        assert datetime.date(2022, 1, 1) < offer.price_date <= TODAY, offer.id


def test_prices_and_sizes_are_positive_and_no_placeholder() -> None:
    for offer in OFFERS:
        prices = [each for each in (offer.price_hour, offer.spot_price_hour, offer.price_month) if each is not None]
        assert prices, offer.id
        assert all(0 < each < 500 for each in prices), offer.id
        if offer.price_hour is not None and offer.spot_price_hour is not None:
            assert offer.spot_price_hour < offer.price_hour, offer.id
        assert (offer.kind == "subscription") == (offer.price_month is not None), offer.id
        assert offer.kind != "subscription" or offer.price_hour is None, offer.id
        for size in (offer.gpu_count, offer.gpu_memory_gb, offer.vcpus, offer.ram_gib, offer.local_disk_gb):
            assert size is None or size > 0, offer.id
        assert offer.link is None or offer.gpu_count > 1, offer.id


def test_a_price_is_near_the_median_of_its_gpu() -> None:
    """0.2 to 5 times, over one vote for each provider and tier."""
    votes: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in OFFERS:
        if each.kind != "subscription":
            votes[each.accelerator][each.provider, each.tier].append(per_gpu(each))
    medians = {name: statistics.median(map(min, found.values())) for name, found in votes.items()}
    far = [
        each.id
        for each in OFFERS
        if each.kind != "subscription" and not 0.2 <= per_gpu(each) / medians[each.accelerator] <= 5
    ]
    assert far == []


def per_gpu(offer: Offer) -> float:
    return (offer.price_hour or offer.spot_price_hour or 0.0) / offer.gpu_count


def test_every_gpu_is_in_the_table_with_its_memory_vendor_capability_and_words() -> None:
    for offer in OFFERS:
        if offer.kind == "tpu":
            assert (offer.gpu, offer.vendor) == ("", "google")
            continue
        record = CARDS[offer.gpu]
        assert (record.vendor, record.spec.memory_gb) == (offer.vendor, offer.gpu_memory_gb), offer.id
        assert (record.capability, canonical.words(record)) == (offer.compute_capability, offer.accelerator), offer.id


@pytest.mark.parametrize("name", ["H100", "A100", "V100"])
def test_eight_cards_on_one_board_are_never_read_as_the_pcie_form(name: str) -> None:
    eight = [each for each in OFFERS if each.accelerator.startswith(f"{name} ") and each.gpu_count == 8]
    assert eight
    for each in eight:
        if each.link == "nvlink" and " NVL " not in each.accelerator:
            assert " SXM " in each.accelerator, each.id
        assert (" PCIe " in each.accelerator) <= (each.link in ("pcie", None)), each.id


@pytest.mark.parametrize(
    ("provider", "instance", "gpu"),
    [
        ("aws", "p5.48xlarge", "NVIDIA H100 80GB HBM3"),
        ("aws", "p5.4xlarge", "NVIDIA H100 80GB HBM3"),
        ("aws", "p4d.24xlarge", "NVIDIA A100-SXM4-40GB"),
        ("azure", "Standard_ND96isr_H100_v5", "NVIDIA H100 80GB HBM3"),
        ("azure", "Standard_NC24ads_A100_v4", "NVIDIA A100 80GB PCIe"),
        ("gcp", "a2-highgpu-1g", "NVIDIA A100-SXM4-40GB"),
        ("gcp", "a3-highgpu-8g", "NVIDIA H100 80GB HBM3"),
        ("lambda", "gpu_1x_h100_pcie_80gb", "NVIDIA H100 PCIe"),
        ("oci", "BM.GPU.H100.8", "NVIDIA H100 80GB HBM3"),
        ("nebius", "hgx-h100", "NVIDIA H100 80GB HBM3"),
    ],
)
def test_the_form_of_well_known_machines(provider: str, instance: str, gpu: str) -> None:
    found = {each.gpu for each in OFFERS if (each.provider, each.instance_type) == (provider, instance)}
    assert found == {gpu}


@pytest.mark.parametrize("record", [each for each in RECORDS if each.memory_reported], ids=lambda each: each.spec.name)
def test_the_words_of_a_gpu_are_that_gpu(record: object) -> None:
    words = canonical.words(record)  # type: ignore[arg-type]  # a row of the table
    gpus = api.hypothetical_machine(f"{words}, 64 GB RAM").machine.gpus or ()
    assert {each.name for each in gpus} == {record.spec.name}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "memory", "form", "gpu"),
    [
        ("A100-80GB", None, Form(), "NVIDIA A100 80GB PCIe"),
        ("A100-80GB", 80, Form(link="nvlink", count=8), "NVIDIA A100-SXM4-80GB"),
        ("A100", 40, Form(), "NVIDIA A100-PCIE-40GB"),
        ("H100-SXM", 80, Form(), "NVIDIA H100 80GB HBM3"),
        ("H100NVL", 94, Form(), "NVIDIA H100 NVL"),
        ("H100-MEGA", 80, Form(instance_type="a3-megagpu-8g", count=8), "NVIDIA H100 80GB HBM3"),
        ("L4", 22.35, Form(), "NVIDIA L4"),
        ("B300", 270, Form(), "NVIDIA B300 SXM6 AC"),
        ("RTXA6000", 48, Form(), "NVIDIA RTX A6000"),
        ("A6000", 48, Form(), "NVIDIA RTX A6000"),
        ("RTX6000Ada", 48, Form(), "NVIDIA RTX 6000 Ada Generation"),
        ("RTXPRO6000", 96, Form(), "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
        ("MI300X", 192, Form(), "AMD Instinct MI300X"),
        ("RTX4090", 48, Form(), None),  # modified
        ("RTX3070Ti", 8, Form(), None),  # only the laptop's is in the table
        ("L4 (1/8)", 2.8, Form(), None),
        ("inferentia2", 32, Form(), None),
        ("", 80, Form(), None),
    ],
)
def test_names_of_price_lists(name: str, memory: float | None, form: Form, gpu: str | None) -> None:
    found = canonical.find(name, memory, form, RECORDS)
    assert (None if found is None else found.spec.name) == gpu


def test_the_document_s_p4d_has_cards_of_40_gb_at_todays_price() -> None:
    p4d = OFFER["aws-p4d-24xlarge-us-east-1"]
    assert (p4d.gpu_count, p4d.gpu_memory_gb, p4d.price_hour) == (8, 40, 21.9576)


def test_the_document_s_p3_has_cards_of_16_gb_and_is_withdrawn() -> None:
    p3 = OFFER["aws-p3-16xlarge"]
    assert (p3.gpu_count, p3.gpu_memory_gb, p3.status) == (8, 16, "withdrawn")


# Provider, price and verified price of the document's list of clouds.
PRICES = [
    ("gcp", 3.67, 3.67338),
    ("gcp", 2.48, 2.95),
    ("gcp", 1.35, 3.22),
    ("aws", 32.77, 21.9576),
    ("aws", 24.48, 24.48),
    ("azure", 27, 27.197),
    ("azure", 3.68, 3.673),
    ("lambda", 1.29, 1.99),
    ("runpod", 1.60, 1.79),
    ("colab", 50, 49.99),
]


def test_every_documented_price_stands_beside_the_verified_one() -> None:
    found = api.offer_catalogue(api.Rent(documented=True)).verified
    assert [(each.offer.provider, each.documented.price) for each in found] == [row[:2] for row in PRICES]
    assert [each.price for each in found] == pytest.approx([row[2] for row in PRICES], rel=1e-5)
    for each in found:
        assert f"{each.documented.price:g}" in each.documented.documented
        assert (
            each.documented.documented in {fix.documented for fix in each.corrections}
            or each.price == pytest.approx(each.documented.price, rel=0.01)
            or each.offer.provider == "colab"
        )


def test_providers_and_names_are_about_offers_and_gpus_that_exist() -> None:
    named = {each.provider for each in OFFERS}
    for each in catalog.providers().values():
        assert each.id in named
        assert set(each.sky_names) <= set(CARDS)
        assert bool(each.start) == (each.ends is not None), "a command without an end is not shown"
    assert set(catalog.gpu_names()) <= set(CARDS)
