"""Each row of the tables of PyTorch builds and CUDA drivers is whole and agrees with the others."""

from __future__ import annotations

import datetime
import re

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from llmcheck import catalog
from llmcheck.tables.torch_wheel import TorchWheel

WHEELS, DRIVERS = catalog.torch_wheels(), catalog.cuda_drivers()
TAG = re.compile(r"cpu|mps|xpu|jetson|cu\d{3}|rocm\d+\.\d+")


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda each: f"{each.torch}-{each.tag}-{each.architecture}")
def test_a_build_of_torch_is_complete(wheel: TorchWheel) -> None:
    assert TAG.fullmatch(wheel.tag)
    assert Version(wheel.release).release[:2] == Version(wheel.torch).release
    assert wheel.systems
    assert set(wheel.on_pypi) <= set(wheel.systems) <= {"linux", "windows", "darwin"}
    assert wheel.architecture in ("x86_64", "aarch64", "arm64")
    requirement = Requirement(wheel.requirement)
    assert requirement.name == "torch"
    assert requirement.specifier.contains(wheel.release)
    assert wheel.python_below is None or Version(wheel.python_min) < Version(wheel.python_below)
    assert wheel.verified or not wheel.advised
    assert wheel.source
    assert wheel.as_of <= datetime.datetime.now(datetime.UTC).date()


@pytest.mark.parametrize("tag", sorted({each.tag for each in WHEELS if each.tag.startswith("cu")}))
def test_the_cuda_of_a_torch_wheel_has_its_driver(tag: str) -> None:
    cuda = f"{tag[2:4]}.{tag[4:]}"
    assert cuda in {driver.cuda for driver in DRIVERS}


def test_no_torch_wheel_is_listed_twice() -> None:
    ours = [each for each in WHEELS if each.tag != "jetson"]
    keys = [(each.torch, each.tag, each.architecture, system) for each in ours for system in each.systems]
    assert sorted(keys) == sorted(set(keys))
