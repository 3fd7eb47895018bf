"""The table of cards: every figure has a source, and no card reports less than its advertised size allows."""

from __future__ import annotations

import csv
import datetime
import re
from pathlib import Path

import pytest

import llmcheck
from llmcheck import catalog
from llmcheck.gpus.identify import GpuRecord, normalized

TABLE = catalog.gpu_specs()
TODAY = datetime.datetime.now(datetime.UTC).date()
COLUMNS = (
    "vendor,name,aliases,search_words,other_sizes_gb,host_architecture,capability,memory_gb,memory_reported_mib,"
    "bandwidth_gb_s,bf16_tflops,fp16_tflops,fp8_tflops,nvlink_gb_s,tdp_w,mig_profiles,release_year,source,as_of"
)
PROFILE = re.compile(r"[1-7]g\.\d+gb(:\d+)?")
each = pytest.mark.parametrize("known", TABLE, ids=lambda known: known.spec.name)


def text() -> list[dict[str, str]]:
    path = Path(llmcheck.__file__).parent / "data" / "gpus.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns() -> None:
    assert ",".join(text()[0]) == COLUMNS


@each
def test_source_and_date(known: GpuRecord) -> None:
    assert known.spec.source
    assert "unsourced" not in known.spec.source.lower()
    assert datetime.date(2026, 1, 1) <= datetime.date.fromisoformat(known.as_of) <= TODAY + datetime.timedelta(days=400)


@each
def test_a_card_reports_the_size_it_is_sold_with(known: GpuRecord) -> None:
    """Measured: the least is the B300 with 0.9326 of its number in GiB, and each reaches it in GB."""
    if known.memory_reported is None or known.spec.memory_gb is None:
        return
    if known.spec.name.startswith(("AMD Instinct MI250", "Tesla K80")):
        assert known.memory_reported >= 0.93 * known.spec.memory_gb / 2 * 2**30  # two devices a card
        return
    assert known.memory_reported >= 0.93 * known.spec.memory_gb * 2**30
    assert known.memory_reported >= known.spec.memory_gb * 10**9 * 0.9999


def test_names_and_spellings_are_each_of_one_card() -> None:
    owners: dict[tuple[str, str], str] = {}
    for known in TABLE:
        for spelling in {normalized(name) for name in (known.spec.name, *known.aliases)}:
            assert owners.setdefault((known.vendor, spelling), known.spec.name) == known.spec.name
    assert len({known.spec.name for known in TABLE}) == len(TABLE)


@each
def test_figures_are_plausible(known: GpuRecord) -> None:
    spec = known.spec
    ranges: list[tuple[float | None, float, float]] = [
        (spec.memory_gb, 4, 600),
        (spec.bandwidth_gb_s, 60, 10000),
        (spec.bf16_tflops, 10, 3000),
        (spec.fp16_tflops, 10, 3000),
        (spec.fp8_tflops, 50, 6000),
        (spec.nvlink_gb_s, 50, 2000),
        (spec.tdp_w, 30, 1500),
        (spec.release_year, 2014, TODAY.year),
    ]
    for value, least, most in ranges:
        assert value is None or least <= value <= most
    if spec.bf16_tflops and spec.fp8_tflops:
        assert spec.bf16_tflops <= spec.fp8_tflops <= 2.1 * spec.bf16_tflops


@each
def test_capability_is_of_its_vendor(known: GpuRecord) -> None:
    pattern = {"nvidia": r"\d+\.\d", "amd": r"gfx[0-9a-f]+", "intel": "xpu", "habana": "hpu", "apple": "mps"}[
        known.vendor
    ]
    assert re.fullmatch(pattern, known.capability or "")


def test_mig_profiles_are_names() -> None:
    for row in text():
        profiles = row["mig_profiles"]
        assert profiles in ("", "none") or all(PROFILE.fullmatch(each) for each in profiles.split(";"))
    assert next(known for known in TABLE if known.spec.name == "NVIDIA A100-SXM4-40GB").spec.mig_profiles[0] == "1g.5gb"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("NVIDIA H100 80GB HBM3", "bandwidth_gb_s", 3350),
        ("NVIDIA H100 80GB HBM3", "bf16_tflops", 989),
        ("NVIDIA H100 80GB HBM3", "nvlink_gb_s", 900),
        ("NVIDIA GeForce RTX 4090", "bandwidth_gb_s", 1008),
        ("AMD Instinct MI300X", "bandwidth_gb_s", 5300),
        ("AMD Instinct MI100", "bf16_tflops", 92.3),
        ("Apple M2 Max", "bandwidth_gb_s", 400),
        ("NVIDIA A30", "nvlink_gb_s", None),
        ("NVIDIA H100 PCIe", "nvlink_gb_s", None),
        ("Intel(R) Arc(TM) A770 Graphics", "bandwidth_gb_s", None),
        ("AMD Radeon AI PRO R9700", "bf16_tflops", None),
    ],
)
def test_known_figures_and_left_out_ones(name: str, field: str, value: float | None) -> None:
    assert getattr(next(known for known in TABLE if known.spec.name == name).spec, field) == value
