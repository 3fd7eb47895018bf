"""Which build of PyTorch is advised, compared with published facts.

The expectations are written from NVIDIA's minor-version compatibility page (CUDA 12 needs driver 525, CUDA 13 needs
580), from the architectures found inside the wheels (no PTX: cu132 holds 7.5 to 12.0, cu126 holds 5.0 to 9.0 and ends
with torch 2.14, cu128 holds 7.0 to 12.0 up to torch 2.10 and 7.5 to 12.0 in 2.11), and from PyPI's own wheels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.install import torch
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Driver, Gpu, Machine
from tests.machines_builder import GB, amd, card, cards, machine, with_backend

WHEELS, DRIVERS = catalog.torch_wheels(), catalog.cuda_drivers()
INDEX = "https://download.pytorch.org/whl/"
NEWEST = "2.15.0"
LAST_WITH_CU126 = "2.14.1"


def torch_build(where: Machine, backend: str | None = None) -> TorchBuild:
    return torch.torch_build(with_backend(where, backend), WHEELS, DRIVERS)


@dataclass
class Case:
    name: str
    where: Machine
    index: str | None
    """The folder of PyTorch's index; None is PyPI."""
    takes: str
    """A version of torch that the requirement must allow ..."""
    refuses: list[str] = field(default_factory=list)
    """... and versions that do not run there, which it must exclude."""


def nvidia(name: str, driver: str, index: str | None, takes: str, *refuses: str, **changes: Any) -> Case:
    models = name.split(" on ")[0].split(" + ")
    gpus = [card(model, position) for position, model in enumerate(models)]
    return Case(name, machine(*gpus, driver=driver, **changes), index, takes, list(refuses))


hidden = {"visible": False}
CASES = [
    Case("no GPU", machine(), "cpu", NEWEST),
    Case("no GPU, ARM", machine(architecture="aarch64"), "cpu", NEWEST),
    Case("GPU without any driver", machine(Gpu(vendor="nvidia", usable=False), driver=None), "cpu", NEWEST),
    nvidia("A100 80GB on 580", "580.95.05", None, NEWEST),
    nvidia("A100 40GB on 615", "615.10", None, NEWEST),
    nvidia("H100 on 580", "580.65.06", None, NEWEST),
    nvidia("T4 on 580", "580.65.06", None, NEWEST),
    nvidia("RTX 4090 on 595", "595.58", None, NEWEST),
    nvidia("RTX 5090 on 580", "580.65.06", None, NEWEST),
    nvidia("B200 on 580", "580.65.06", None, NEWEST),
    nvidia("T4 + B200 on 580", "580.65.06", None, NEWEST),
    nvidia("A100 80GB on 575", "575.57.08", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("RTX 4090 on 570", "570.86.10", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("RTX 3090 on 550", "550.54.15", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("H100 on 535", "535.183.01", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("T4 on 525", "525.60.13", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("V100 on 580", "580.95.05", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("V100 on 535", "535.183.01", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("P100 on 580", "580.95.05", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("GTX 1080 Ti on 535", "535.183.01", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("GTX 980 on 580", "580.95.05", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("V100 + H100 on 580", "580.95.05", "cu126", LAST_WITH_CU126, NEWEST),
    nvidia("RTX 5090 on 575", "575.57.08", "cu128", "2.11.0", NEWEST, LAST_WITH_CU126),
    nvidia("B200 on 570", "570.124.06", "cu128", "2.11.0", NEWEST, LAST_WITH_CU126),
    nvidia("A100 80GB + RTX 5090 on 575", "575.57.08", "cu128", "2.11.0", NEWEST, LAST_WITH_CU126),
    nvidia("RTX 5090 on 550", "550.54.15", "cpu", NEWEST),
    nvidia("V100 + B200 on 570", "570.124.06", None, "2.10.0", "2.11.0", NEWEST),
    nvidia("V100 + B200 on 580", "580.95.05", None, "2.10.0", "2.11.0", NEWEST),
    nvidia("V100 + B200 on 550", "550.54.15", "cpu", NEWEST),
    nvidia("V100 on 470", "470.256.02", "cu118", "2.7.1", "2.8.0", NEWEST),
    nvidia("RTX 3090 on 470", "470.256.02", "cu118", "2.7.1", "2.8.0", NEWEST),
    nvidia("T4 on 450", "450.80.02", "cu118", "2.7.1", "2.8.0", NEWEST),
    nvidia("V100 on 418", "418.87.01", "cpu", NEWEST),
    nvidia("K80 on 470", "470.256.02", "cpu", NEWEST),
    nvidia("GH200 on 580, ARM", "580.65.06", None, NEWEST, architecture="aarch64"),
    Case("GB10", machine(card("B200", compute_capability="12.1", unified=True), architecture="aarch64"), None, NEWEST),
    Case("Thor", machine(card("B200", compute_capability="11.0", unified=True), architecture="aarch64"), None, NEWEST),
    nvidia("RTX 4090 on 580, Windows", "581.57", "cu132", NEWEST, system="windows", architecture="AMD64"),
    nvidia("V100 on 560, Windows", "560.94", "cu126", LAST_WITH_CU126, NEWEST, system="windows", architecture="AMD64"),
    Case("no GPU, Windows", machine(system="windows", architecture="AMD64"), None, NEWEST),
    Case("Mac", machine(system="darwin", architecture="arm64", os_version="15.1"), None, NEWEST),
    Case("Mac with macOS 13", machine(system="darwin", architecture="arm64", os_version="13.7"), None, "2.11.0"),
    Case("AMD", machine(amd()), "rocm7.2", "2.13.0", [NEWEST]),
    Case("AMD on Windows", machine(amd(), system="windows", architecture="AMD64"), None, NEWEST),
    Case("AMD graphics of a CPU", machine(amd(memory=GB, integrated=True)), "cpu", NEWEST),
    Case("Intel card", machine(Gpu(vendor="intel", index=0, name="Arc B580")), "xpu", NEWEST),
    Case("Intel graphics of a CPU", machine(Gpu(vendor="intel", index=0, integrated=True)), "cpu", NEWEST),
    Case("all cards hidden", machine(*cards("H100", 2, visible=False)), "cpu", NEWEST),
    Case("hidden V100 beside H100", machine(card("V100", visible=False), card("H100", index=1)), None, NEWEST),
    Case(
        "hidden H100 beside V100",
        machine(card("H100", visible=False), card("V100", index=1)),
        "cu126",
        LAST_WITH_CU126,
        [NEWEST],
    ),
    Case("lost V100 beside H100", machine(card("V100", usable=False), card("H100", index=1)), None, NEWEST),
    Case("NVIDIA beside AMD", machine(card("H100"), amd(index=1)), None, NEWEST),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_advised_build_supports_every_visible_card_and_the_driver(case: Case) -> None:
    build = torch_build(case.where)
    wanted = Requirement(build.requirement)
    assert build.index_url == (None if case.index is None else INDEX + case.index)
    assert wanted.name == "torch"
    assert wanted.specifier.contains(case.takes)
    assert [version for version in case.refuses if wanted.specifier.contains(version)] == []
    assert build.reason


def test_the_table_has_at_least_twenty_five_machines() -> None:
    assert len(CASES) >= 25
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("fault", ["driver-mismatch", "driver-not-loaded", "deadline"])
def test_a_broken_driver_is_repaired_before_anything_is_installed(fault: str) -> None:
    gpus = (Gpu(vendor="nvidia", usable=False, fault=fault),) if fault != "deadline" else None
    build = torch_build(machine(gpus=gpus, drivers={"nvidia": Driver(fault=fault)}))
    assert fault in build.reason
    assert "repair it first" in build.reason


def test_an_unknown_compute_capability_gives_an_assumption() -> None:
    build = torch_build(machine(card("H100", compute_capability=None)))
    assert build.index_url is None
    assert "unknown" in build.reason


def test_an_unknown_driver_version_gives_an_assumption() -> None:
    assert "unknown" in torch_build(machine(card("H100"), driver=Driver())).reason


def test_an_unknown_card_does_not_make_a_known_old_driver_new() -> None:
    build = torch_build(machine(card("H100", compute_capability=None), driver="535.183.01"))
    assert build.tag != "cu132"


def test_an_unknown_card_does_not_make_a_known_old_card_new() -> None:
    build = torch_build(machine(card("V100"), card("V100", index=1, compute_capability=None)))
    assert build.tag != "cu132"


def test_an_old_driver_gives_the_advice_to_update() -> None:
    reason = torch_build(machine(card("RTX 5090"), driver="550.54.15")).reason
    assert "550.54.15" in reason
    assert "580" in reason


def test_cards_that_no_single_build_supports_are_not_blamed_on_the_driver() -> None:
    build = torch_build(machine(card("GTX 1080 Ti"), card("RTX 5090", index=1), driver="580.95.05"))
    assert build.tag == "cpu"
    assert "too old for" not in build.reason


def test_a_card_older_than_every_build_is_named_as_too_old() -> None:
    build = torch_build(machine(card("K80"), driver="470.256.02"))
    assert "3.7" in build.reason


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_order_of_the_cards_does_not_change_the_build(case: Case) -> None:
    gpus = case.where.gpus or ()
    build = torch_build(case.where)
    turned = torch_build(type(case.where)(gpus=gpus[::-1], drivers=case.where.drivers, os=case.where.os))
    assert (turned.tag, turned.index_url, turned.requirement) == (build.tag, build.index_url, build.requirement)
