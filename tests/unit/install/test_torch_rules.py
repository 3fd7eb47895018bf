"""Each rule for choosing a build of PyTorch, exactly at its limit, with a small table of invented releases."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from packaging.requirements import Requirement

from llmcheck.install.torch import torch_build
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Driver, Gpu, Machine, Os
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel
from tests.machines_builder import amd, card, machine, python, with_backend

DAY = datetime.date(2026, 1, 1)
INDEX = "https://download.pytorch.org/whl/"
DRIVERS = (
    CudaDriver(cuda="11.8", linux="450.80.02", windows="452.39", source="floor of 11", as_of=DAY),
    CudaDriver(cuda="12.6", linux="525.60.13", windows="528.33", source="floor of 12", as_of=DAY),
    CudaDriver(cuda="13.0", linux="580", windows="580", source="floor of 13", as_of=DAY),
)


def wheel(tag: str, release: str = "9.1.0", **facts: Any) -> TorchWheel:
    series = ".".join(release.split(".")[:2])
    known: dict[str, Any] = {
        "systems": ("linux", "windows"),
        "architecture": "x86_64",
        "requirement": f"torch=={series}.*",
        "python_below": "3.15",
        "source": "made up",
        "as_of": DAY,
    }
    return TorchWheel(torch=series, release=release, tag=tag, **{**known, **facts})


CPU = wheel("cpu")
CU130 = wheel("cu130", gpu_archs=("7.5", "8.0", "9.0"), on_pypi=("linux",))
CU126 = wheel("cu126", gpu_archs=("5.0", "6.0", "7.0", "8.0"))
OLDER = wheel("cu126", "9.0.1", gpu_archs=("5.0", "6.0", "7.0", "8.0"))
TABLE = (CU130, CU126, CPU, OLDER)


def build(where: Machine, *wheels: TorchWheel, backend: str | None = None, **options: Any) -> TorchBuild:
    return torch_build(with_backend(where, backend), wheels or TABLE, DRIVERS, **options)


def on(*gpus: Gpu, libc: str | None = "glibc 2.39", version: str = "3.12.4", **facts: Any) -> Machine:
    system = facts.pop("system", "linux")
    architecture = facts.pop("architecture", "x86_64")
    where = Os(system=system, architecture=architecture, libc=libc, version=facts.pop("os_version", None))
    return machine(*gpus, os=where, interpreter=python(version=version), **facts)


H100 = card("H100")


# --- the machine's Python, C library and system


@pytest.mark.parametrize(
    ("version", "fits"),
    [("3.9.19", False), ("3.10.0", True), ("3.12", True), ("3.14.9", True), ("3.15.0", False), ("4.0", False)],
)
def test_a_python_from_the_first_with_wheels_to_the_first_without(version: str, fits: bool) -> None:
    found = build(on(H100, version=version))
    assert (found.tag == "cu130") is fits
    assert (found.none is None) is fits


def test_any_newer_python_is_accepted_where_there_is_no_upper_bound() -> None:
    assert build(on(version="3.99.0"), wheel("cpu", python_below=None)).none is None


def test_a_named_python_counts_instead_of_the_machines() -> None:
    assert build(on(version="3.9.19"), python="3.12.1").none is None
    assert build(on(version="3.12.1"), python="3.9.19").none is not None


def test_an_unknown_python_limits_nothing() -> None:
    where = machine(H100, os=Os(system="linux", architecture="x86_64"), interpreter=python(version=None))
    assert build(where).tag == "cu130"


@pytest.mark.parametrize(
    ("libc", "fits"),
    [("glibc 2.27", False), ("glibc 2.28", True), ("glibc 2.100", True), ("musl 1.2.5", False), (None, True)],
)
def test_a_c_library_from_the_first_that_the_wheels_are_built_for(libc: str | None, fits: bool) -> None:
    rows = [wheel("cu130", gpu_archs=("9.0",), glibc_min="2.28"), wheel("cpu", glibc_min="2.28")]
    for where in (on(H100, libc=libc), on(libc=libc)):
        assert (build(where, *rows).none is None) is fits
    assert build(on(H100, libc=libc), *rows).tag == ("cu130" if fits else "cpu")


MACS = (
    wheel("mps", "9.1.0", systems=("darwin",), architecture="arm64", macos_min=14, on_pypi=("darwin",)),
    wheel("mps", "9.0.1", systems=("darwin",), architecture="arm64", macos_min=11, on_pypi=("darwin",)),
)


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("15.6", "9.1"),
        ("14.0", "9.1"),
        ("14", "9.1"),
        ("13.7.8", "9.0"),
        ("11.0", "9.0"),
        (None, "9.1"),
        ("10.15", None),
    ],
)
def test_a_mac_from_the_first_system_that_a_release_is_for(version: str | None, release: str | None) -> None:
    found = build(on(system="darwin", architecture="arm64", os_version=version), *MACS)
    assert (found.tag, found.index_url) == ("mps", None)
    assert (found.none is None) is (release is not None)
    if release is not None:
        assert Requirement(found.requirement).specifier.contains(f"{release}.0")


def test_only_a_mac_that_gets_an_older_release_gets_the_reason() -> None:
    newest = build(on(system="darwin", architecture="arm64", os_version="14.0"), *MACS).reason
    older = build(on(system="darwin", architecture="arm64", os_version="13.0"), *MACS).reason
    assert "13.0" in older
    assert "last release" not in newest


@pytest.mark.parametrize(("architecture", "tag"), [("x86_64", "cu130"), ("AMD64", "cu130"), ("aarch64", "cpu")])
def test_builds_are_those_of_the_processor(architecture: str, tag: str) -> None:
    found = build(on(H100, architecture=architecture), *TABLE, wheel("cpu", architecture="aarch64"))
    assert (found.tag, found.none) == (tag, None)


def test_a_platform_without_builds_is_noted() -> None:
    found = build(on(H100, architecture="riscv64"))
    assert (found.tag, found.none is not None) == ("cpu", True)
    assert "riscv64" in found.reason


# --- cards and drivers


@pytest.mark.parametrize(
    ("capability", "tag"),
    [
        ("9.0", "cu130"),
        ("7.5", "cu130"),
        ("7.0", "cu126"),
        ("5.0", "cu126"),
        ("5.2", "cu126"),
        ("3.7", "cpu"),
        ("10.0", "cpu"),
        (None, "cu130"),
    ],
)
def test_the_newest_build_with_code_for_the_card_is_chosen(capability: str | None, tag: str) -> None:
    assert build(on(card("H100", compute_capability=capability))).tag == tag


def test_a_card_older_than_every_build_and_one_that_is_not() -> None:
    older = build(on(card("H100", compute_capability="3.7"))).reason
    pair = build(on(card("H100", compute_capability="5.0"), card("H100", 1, compute_capability="9.0"))).reason
    assert "3.7" in older
    assert "CUDA_VISIBLE_DEVICES" not in older
    assert "CUDA_VISIBLE_DEVICES" in pair
    assert "5.0 to 9.0" in pair


@pytest.mark.parametrize(
    ("system", "driver", "tag"),
    [
        ("linux", "580", "cu130"),
        ("linux", "579.99", "cu126"),
        ("linux", "525.60.13", "cu126"),
        ("linux", "525.60.12", "cpu"),
        ("windows", "580.1", "cu130"),
        ("windows", "528.33", "cu126"),
        ("windows", "528.32", "cpu"),
        ("linux", "9999.1", "cu130"),
        ("linux", "what", "cu130"),
    ],
)
def test_a_driver_is_enough_exactly_at_the_floor_of_its_system(system: str, driver: str, tag: str) -> None:
    assert build(on(card("A100 80GB"), system=system, driver=driver)).tag == tag


def test_the_build_for_a_newer_driver_is_noted_beside_the_one_that_works() -> None:
    found = build(on(card("A100 80GB"), driver="550.1"))
    assert (found.tag, found.driver) == ("cu126", "580")
    assert "cu130" in (found.remedy or "")
    newest = build(on(card("A100 80GB"), driver="580.1"))
    assert (newest.driver, newest.remedy) == (None, None)


def test_the_driver_for_the_best_build_is_named_where_only_the_driver_is_too_old() -> None:
    found = build(on(card("A100 80GB"), driver="400.1"))
    assert (found.tag, found.driver) == ("cpu", "580")
    assert "400.1" in found.reason
    elsewhere = build(on(card("H100", compute_capability="3.7"), driver="400.1"))
    assert elsewhere.driver is None


def test_one_build_must_support_every_card() -> None:
    a100, v100, h100 = card("A100 80GB"), card("V100", 1), card("H100", 2)
    assert build(on(a100, v100)).tag == "cu126"
    assert build(on(v100, h100)).tag == "cpu"
    assert build(on(a100, h100)).tag == "cu130"


def test_known_cards_decide_where_one_is_unknown_and_that_is_noted() -> None:
    found = build(on(card("V100"), card("V100", 1, compute_capability=None)))
    assert found.tag == "cu126"
    assert "unknown" in found.reason
    assert "unknown" not in build(on(card("V100"), card("V100", 1))).reason


def test_every_check_is_recorded_once_with_its_evidence() -> None:
    found = build(on(card("V100"), driver="550.1"))
    assert len(found.decisions) == len({(each.question, each.answer) for each in found.decisions})
    by_question = {each.question: each for each in found.decisions}
    (cu130,) = [each for question, each in by_question.items() if "cu130" in question]
    (cu126,) = [each for question, each in by_question.items() if "9.1 (cu126)" in question]
    assert cu130.answer.startswith("no")
    assert "7.5 to 9.0" in cu130.answer
    assert (cu126.answer, cu126.source) == ("yes", "made up (2026-01-01)")
    (late,) = [each for each in build(on(H100, driver="550.1")).decisions if "cu130" in each.question]
    assert late.source == "floor of 13 (2026-01-01)"


# --- rows that are not advised


def test_a_card_is_too_old_even_where_the_newest_build_needs_another_python() -> None:
    newer = wheel("cu130", "9.2.0", gpu_archs=("7.5", "8.0"), python_min="3.13")
    assert "older than any" in build(on(card("K80")), newer, CU126, CPU).reason
    assert "needs Python 3.13" in build(on(card("K80")), newer, CPU).reason


def test_only_builds_that_are_known_and_advised_are_chosen() -> None:
    announced = wheel("cu134", "9.2.0", gpu_archs=("9.0",), verified=False)
    beside = wheel("cu132", "9.2.0", gpu_archs=("9.0",), advised=False)
    assert build(on(H100), announced, beside, *TABLE).tag == "cu130"
    assert build(on(H100), announced, beside, *TABLE, backend="cu132").tag == "cu132"
    assert build(on(H100), announced, beside, *TABLE, backend="cu134").tag == "cu130"


@pytest.mark.parametrize(("system", "index"), [("linux", None), ("windows", f"{INDEX}cu130")])
def test_an_index_is_named_unless_pypi_has_that_build(system: str, index: str | None) -> None:
    assert build(on(H100, system=system)).index_url == index


# --- requested releases


@pytest.mark.parametrize(
    ("specifier", "tag", "takes", "refuses"),
    [
        ("<9.1", "cu126", "9.0.1", "9.1.0"),
        ("==9.0.1", "cu126", "9.0.1", "9.0.0"),
        (">=9.1", "cu130", "9.1.0", "9.0.1"),
        (">=9.0", "cu130", "9.1.0", "8.0"),
        ("==9.0.*", "cu126", "9.0.1", "9.1.0"),
    ],
)
def test_the_newest_build_of_the_requested_releases(specifier: str, tag: str, takes: str, refuses: str) -> None:
    found = build(on(card("A100 80GB")), specifier=specifier)
    requested = Requirement(found.requirement).specifier
    assert (found.tag, found.none) == (tag, None)
    assert requested.contains(takes)
    assert not requested.contains(refuses)


@pytest.mark.parametrize(
    ("specifier", "none"), [(">=9.5", False), ("==9.5.2", False), (">=9.1.3", False), ("==9.5.*", True), ("<8", True)]
)
def test_a_release_newer_than_the_table_comes_from_an_index_that_is_still_updated(specifier: str, none: bool) -> None:
    going_on = (wheel("cu130", gpu_archs=("9.0",), requirement="torch>=9.1"), wheel("cpu", requirement="torch>=9.1"))
    found = build(on(H100), *going_on, specifier=specifier)
    assert (found.none is not None) is none
    assert none or Requirement(found.requirement).specifier.contains(specifier.lstrip(">="))


def test_a_release_newer_than_the_table_is_not_expected_in_a_closed_series() -> None:
    assert build(on(H100), specifier=">=9.5").none is not None


def test_no_build_is_chosen_where_no_requested_release_can_use_the_cards() -> None:
    """Another release could use the cards, so the CPU build of the requested one is not what the user wants."""
    rows = (CU130, CPU, wheel("cpu", "8.0.0"))
    found = build(on(H100), *rows, specifier="<9")
    assert found.tag == "cu130"
    assert "<9" in (found.none or "")
    without = build(on(), *rows, specifier="<9")
    assert (without.tag, without.none) == ("cpu", None)
    assert Requirement(without.requirement).specifier.contains("8.0.0")


# --- no card that can be used


@pytest.mark.parametrize(
    ("gpu", "variable"),
    [
        (card("H100", visible=False), "CUDA_VISIBLE_DEVICES"),
        (amd(visible=False), "ROCR_VISIBLE_DEVICES"),
        (Gpu(vendor="intel", index=0, visible=False), "ZE_AFFINITY_MASK or ONEAPI_DEVICE_SELECTOR"),
        (Gpu(vendor="intel", index=0, visible=False, integrated=True), None),
        (None, None),
    ],
)
def test_hidden_cards_are_distinguished_from_no_cards(gpu: Gpu | None, variable: str | None) -> None:
    found = build(on(*([gpu] if gpu else [])))
    assert (found.tag, found.index_url) == ("cpu", f"{INDEX}cpu")
    assert ("hidden" in found.reason) is (variable is not None)
    assert variable is None or variable in found.reason


def test_a_broken_driver_is_repaired_first_and_the_newest_build_named() -> None:
    silent = Gpu(vendor="nvidia", usable=False, fault="driver-mismatch")
    where = on(silent, drivers={"nvidia": Driver(fault="driver-mismatch")})
    found = build(where)
    assert found.tag == "cu130"
    assert "driver-mismatch" in found.reason
    assert build(where, CPU).tag == "cpu"
    old = on(silent, drivers={"nvidia": Driver(fault="driver-mismatch")}, version="3.9.0")
    assert build(old, CU130, wheel("cu126", "8.0.0", python_min="3.8"), CPU).tag == "cu126"
    assert [each.passed for each in found.decisions if "driver answer" in each.question] == [False]
