"""What the code outside the probes knows of a vendor, and of one that it does not know."""

from __future__ import annotations

import datetime

import pytest

from llmcheck.gpus import names, vendors
from llmcheck.schema.machine import Driver, Gpu, Machine
from llmcheck.tables.torch_wheel import TorchWheel
from llmcheck.units import format_gib
from tests.machines_builder import card

WHEEL = TorchWheel(
    torch="2.15", release="2.15.0", tag="cu132", systems=("linux",), architecture="x86_64", requirement="torch",
    gpu_archs=("7.5", "8.0", "9.0"), source="here", as_of=datetime.date(2026, 11, 27),
)  # fmt: skip


def test_a_vendor_that_nobody_knows_is_neutral() -> None:
    gpu = Gpu(vendor="mthreads", memory_total=48 * 2**30)
    vendor = vendors.of(gpu)
    assert (vendor.id, vendor.platform, vendor.torch, vendor.advised) == ("mthreads", None, None, False)
    assert vendor.runs(WHEEL, gpu)
    assert vendor.is_at_least(gpu, (9, 0)) is True
    assert vendor.architecture(gpu) is None
    assert vendor.shares_ram("MTT S4000") is None
    assert names.in_words([gpu], format_gib) == "mthreads GPU (48 GiB)"


@pytest.mark.parametrize("vendor", ["", "..", "__init__", "nvidia/../amd"])
def test_a_hostile_vendor_id_imports_nothing(vendor: str) -> None:
    assert vendors.named(vendor).platform is None


@pytest.mark.parametrize(
    ("capability", "expected"), [("7.9", False), ("8.0", True), ("10.0", True), (None, None), ("eight", None)]
)
def test_compute_capability_is_compared_as_numbers(capability: str | None, expected: bool | None) -> None:
    gpu = Gpu(vendor="nvidia", compute_capability=capability)
    assert vendors.of(gpu).is_at_least(gpu, (8, 0)) is expected


@pytest.mark.parametrize(
    ("gpu", "runs"),
    [
        (Gpu(vendor="nvidia", compute_capability="8.9"), True),
        (Gpu(vendor="nvidia", compute_capability="7.0"), False),
        (Gpu(vendor="nvidia", compute_capability="8.7"), True),
        (Gpu(vendor="nvidia", compute_capability="7.2"), False),
        (Gpu(vendor="nvidia"), True),
        (Gpu(vendor="amd", gfx="gfx942"), False),
        (Gpu(vendor="amd"), True),
        (Gpu(vendor="intel"), True),
    ],
)
def test_each_vendor_has_its_rule_for_kernels(gpu: Gpu, runs: bool) -> None:
    assert vendors.of(gpu).runs(WHEEL, gpu) is runs


def test_gpus_and_drivers_are_found_by_platform() -> None:
    gpus = [card("RTX 4090"), Gpu(vendor="amd"), Gpu(vendor="mthreads")]
    assert vendors.on_platform(gpus, "cuda") == gpus[:1]
    machine = Machine(drivers={"amd": Driver(version="6.4"), "nvidia": Driver(version="580.1")})
    driver = vendors.driver_of(machine, "cuda")
    assert driver is not None
    assert driver.version == "580.1"
    assert vendors.driver_of(machine, "xpu") is None


def test_equal_gpus_are_counted_in_words() -> None:
    four = [card("RTX 4090", 0), card("RTX 4090", 1), Gpu(vendor="amd")]
    assert names.in_words(four, format_gib) == "2 x NVIDIA GeForce RTX 4090 (24.0 GiB), AMD GPU (memory unknown)"
    assert names.in_words([], format_gib) == "no GPU"


@pytest.mark.parametrize(
    ("full", "short"),
    [
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("Apple M2 Max", "M2 Max"),
        ("AMD Instinct MI300X", "Instinct MI300X"),
        ("NVIDIA", "NVIDIA"),
        (None, "GPU"),
    ],
)
def test_a_short_name_leaves_out_what_people_leave_out(full: str | None, short: str) -> None:
    assert names.short_name(full) == short
