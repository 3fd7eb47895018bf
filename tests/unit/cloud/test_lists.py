"""Lists of offers from elsewhere: a company's own, a catalogue of SkyPilot; bad rows are said and left out."""

from __future__ import annotations

import contextlib
import csv
import io
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck import api, catalog
from llmcheck.cloud import read
from llmcheck.errors import DataError
from llmcheck.render import Options
from llmcheck.render import csv as csv_format
from llmcheck.tables.offer import Offer
from tests.unit.cloud.test_offers import PLAIN, TODAY

RECORDS = catalog.gpu_specs()
HEADER = "instance_type,accelerator,gpu_count,price_hour,ram_gib\n"


def listed(text: str) -> read.Read:
    return read.offers(text, "own.csv", RECORDS, TODAY)


def test_a_short_list_of_ones_own_is_enough() -> None:
    found = listed(HEADER + "rack-1,H100 SXM,8,12.5,2048\nrack-2,RTXA6000,1,0.3,\n")
    first, second = found.offers
    assert (first.gpu, first.gpu_count, first.price_hour, first.ram_gib) == ("NVIDIA H100 80GB HBM3", 8, 12.5, 2048)
    assert (first.provider, first.price_date, first.tier) == ("own", TODAY, "on-demand")
    assert (second.accelerator, second.ram_gib) == ("RTX A6000 48GB", None)
    assert found.problems == ()


def test_the_shipped_tables_are_lists_too() -> None:
    for name in ("aws", "azure", "colab", "gcp", "runpod", "vast-ai"):
        path = Path(catalog.__file__).parents[1] / "data" / "offers" / f"{name}.csv"
        own = api.offers_of_file(str(path), TODAY)
        assert own.messages == ()
        assert list(own.offers) == [each for each in catalog.offers() if each.provider == name]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,H100 SXM,8,0,64", "price_hour 0 is no price"),
        ("a,H100 SXM,8,nan,64", "price_hour 'nan' is not a number"),
        ("a,H100 SXM,8,-3,64", "price_hour -3 is no price"),
        ("a,H100 SXM,8,inf,64", "price_hour 'inf' is not a number"),
        ("a,H100 SXM,8,700,64", "price_hour 700 is no price"),
        ("a,H100 SXM,8,cheap,64", "price_hour 'cheap' is not a number"),
        ("a,H100 SXM,8,,64", "it has no price"),
        ("a,H100 SXM,0,5,64", "gpu_count '0' is not a whole number"),
        ("a,H100 SXM,2.5,5,64", "gpu_count '2.5' is not a whole number"),
        ("a,Hopper 9000,8,5,64", "unknown GPU 'Hopper 9000'"),
        (",H100 SXM,8,5,64", "instance_type is empty"),
        ("a,H100 SXM", "not have as many cells"),
        ("a\x1b[2J,H100 SXM,8,5,64", "contains characters that no name has"),
        ("a,H100 SXM,8,5,64,more", "not have as many cells"),
    ],
)
def test_a_bad_row_is_left_out_with_its_line_and_the_rest_works(row: str, words: str) -> None:
    found = listed(f"{HEADER}good,L4,1,0.5,16\n{row}\nalso,L4,2,1,32\n")
    assert [each.instance_type for each in found.offers] == ["good", "also"]
    (problem,) = found.problems
    assert problem.startswith("own.csv, line 3: ")
    assert words in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column"),
        ("<html><body>Log in</body></html>\n", "no column instance_type"),
        ("a,b,c\n1,2,3\n", "no column instance_type, accelerator, gpu_count"),
        (HEADER, "it has no row"),
        (HEADER + "a,Hopper 9000,8,5,64\n", "no other can be used"),
        ("instance_type,accelerator,gpu_count,cost\na,L4,1,2\n", "unknown column 'cost'"),
        (HEADER + 'a,"L4,1,2\n', "not a list of offers in CSV"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        listed(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_of_many_bad_rows_ten_are_named() -> None:
    found = listed(HEADER + "good,L4,1,0.5,16\n" + "bad,L4,1,0,16\n" * 50)
    assert len(found.problems) == 11
    assert "40 further rows" in found.problems[-1]


SKY = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Price,SpotPrice,Region\n"
ROWS = (
    "p4d.24xlarge,96,1152,A100,8,,32.77,9.83,us-east-1\n"
    "p5.48xlarge,192,2048,H100,8,\"{'Gpus': [{'MemoryInfo': {'SizeInMiB': 81920}}]}\",55.04,,us-east-1\n"
    "1x_A100-80GB_SECURE,8,80,A100-80GB,1,\"{'MemoryInfo': {'SizeInMiB': 80}}\",1.64,1.64,CA\n"
    "v6e,,,tpu-v6e-8,1,,700.0,,us-east1\n"
    "c5.large,2,4,,,,0.08,,us-east-1\n"
    "no-price,8,64,L4,1,,,0.00,us-east-1\n"
    "4x_L4,32,128,L4,4,\"{'MemoryInfo': {'SizeInMiB': 22528}}\",2.0,0.7,eu\n"
)


def test_a_catalogue_of_skypilot_is_normalised() -> None:
    found = read.offers(SKY + ROWS, "catalogs/v8/aws/vms.csv", RECORDS, TODAY)
    by_type = {each.instance_type: each for each in found.offers}
    assert set(by_type) == {"p4d.24xlarge", "p5.48xlarge", "1x_A100-80GB_SECURE", "4x_L4"}
    assert {each.provider for each in found.offers} == {"aws"}
    p4d, p5, runpod, four = by_type.values()
    assert (p4d.gpu, p4d.spot_price_hour) == ("NVIDIA A100-SXM4-40GB", 9.83)
    assert (p5.gpu, p5.ram_gib) == ("NVIDIA H100 80GB HBM3", 2048)
    # the RAM is the memory of the GPU, and the spot price the price on demand
    assert (runpod.ram_gib, runpod.spot_price_hour, runpod.gpu_memory_gb) == (None, None, 80)
    assert (four.gpu_memory_gb, four.gpu_count) == (24, 4)
    assert len(found.problems) == 3


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_refused_in_one_line(data: bytes) -> None:
    text = HEADER + "good,L4,1,0.5,16\n" + data.decode("utf-8", "replace")
    with contextlib.suppress(DataError):  # an open quote reaches to the end
        found = listed(text)
        assert all(each.gpu and (each.price_hour or 0) > 0 for each in found.offers)
        assert not [each for each in found.problems if "\n" in each]


def test_a_file_is_read_with_its_byte_order_mark_and_refused_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(b"\xef\xbb\xbf" + (HEADER + "a,L4,1,0.5,16\n").encode())
    assert [each.gpu for each in api.offers_of_file(str(file)).offers] == ["NVIDIA L4"]
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="not text in UTF-8"):
        api.offers_of_file(str(file))
    with pytest.raises(DataError, match="No such file"):
        api.offers_of_file(str(tmp_path / "missing.csv"))


# --- CSV that is written ---


def test_what_is_written_as_csv_has_a_row_for_each_offer() -> None:
    found = api.offers("inference-70b", api.Rent(today=TODAY))
    rows = list(csv.DictReader(io.StringIO(api.render(found, "csv", Options()))))
    assert [row["provider"] for row in rows] == [each.offer.provider for each in found.offers]
    assert [float(row["price_hour"]) for row in rows] == pytest.approx(
        [each.price_hour for each in found.offers], rel=1e-5
    )
    catalogue = api.offer_catalogue(api.Rent(today=TODAY), gpu="h100")
    assert len(api.render(catalogue, "csv", Options()).splitlines()) == 1 + len(catalogue.offers)
    documented = api.offer_catalogue(api.Rent(today=TODAY, documented=True))
    assert len(api.render(documented, "csv", Options()).splitlines()) == 11


def test_a_cell_that_a_spreadsheet_would_run_is_text() -> None:
    evil = api.offer_catalogue(api.Rent(offers=(offer_named("=cmd|' /C calc'!A0\x1b[2J"),), today=TODAY))
    text = csv_format.render(evil, Options())
    assert "'=cmd" in text
    assert "\x1b" not in text


def offer_named(name: str) -> Offer:
    from msgspec.structs import replace

    return replace(PLAIN, instance_type=name)


# --- the catalogue ---


def test_the_catalogue_is_filtered_and_ordered_by_the_price_of_one_gpu() -> None:
    rent = api.Rent(today=TODAY)
    found = api.offer_catalogue(rent, gpu="a100 80gb", min_memory_bytes=300 * 10**9)
    assert found.offers
    costs = [each.price_gpu_hour or 0 for each in found.offers]
    assert costs == sorted(costs)
    for each in found.offers:
        assert each.offer.accelerator.startswith("A100")
        assert each.offer.gpu_count * each.offer.gpu_memory_gb >= 300
        assert each.price_gpu_hour == pytest.approx((each.offer.price_hour or 0) / each.offer.gpu_count)
        gib = each.offer.gpu_count * each.offer.gpu_memory_gb * 10**9 / 2**30
        assert each.price_gib_hour == pytest.approx((each.offer.price_hour or 0) / gib)


def test_without_filters_each_gpu_is_there_once_for_each_number() -> None:
    found = api.offer_catalogue(api.Rent(today=TODAY))
    kinds = [(each.offer.accelerator, each.offer.gpu_count) for each in found.offers]
    assert len(kinds) == len(set(kinds))
    assert {each.offer.kind for each in found.offers} == {"vm"}
    assert found.exit_code == 0
    assert api.offer_catalogue(api.Rent(today=TODAY), gpu="no such gpu").exit_code == 1


def test_a_list_of_ten_thousand_offers_is_read_and_judged_once_for_each_machine() -> None:
    """``benchmarks/offers.py`` measures how long."""
    order = random.Random(1)
    lines = [
        f"m{n},{order.choice(('L4', 'H100 SXM', 'RTX 4090', 'A100-80GB'))},{order.choice((1, 2, 8))},{n % 97 + 0.5},64"
        for n in range(10_000)
    ]
    found = listed(HEADER + "\n".join(lines) + "\n")
    assert len(found.offers) == 10_000
    ranked = api.offers("inference-70b", api.Rent(offers=found.offers, today=TODAY))
    assert [each.offer.provider for each in ranked.offers] == ["own"]
