"""Machines on which no build of PyTorch is chosen until something else is mended or used."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.install.plan import plan_installation
from llmcheck.install.torch import torch_build
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Driver, Gpu, Machine, Os, Problem
from tests.machines_builder import amd, card, machine, python

TABLES = catalog.tables()
UNLISTED = Problem(probe="gpu.nvidia", code="no-devices", message="the driver lists no GPU", remedy="look at 'dmesg'")
LOST = Problem(probe="gpu.nvidia", code="gpu-lost", message="GPU 0: it has fallen off the bus", remedy="power it off")


def build(where: Machine) -> TorchBuild:
    return torch_build(where, TABLES.wheels, TABLES.drivers)


@pytest.mark.parametrize(
    "where",
    [
        machine(problems=(UNLISTED,)),
        machine(card("RTX 5090", usable=False, fault="no-devices"), problems=(UNLISTED,)),
        machine(drivers={"nvidia": Driver(version="580.65.06", fault="no-devices")}),
        machine(Gpu(vendor="nvidia", name="NVIDIA GPU [10de:2b85]", usable=False, fault="gpu-lost"), problems=(LOST,)),
        machine(card("H100", usable=False, fault="gpu-reset-required")),
    ],
    ids=["not listed", "not listed, an entry", "a fault of the driver", "lost", "needs a reset"],
)
def test_a_card_that_is_there_and_unusable_gets_no_cpu_build(where: Machine) -> None:
    found = build(where)
    assert found.none is not None
    assert found.none.startswith("mend the GPU first")
    made = plan_installation("x", ["torch"], where, TABLES)
    assert [each.library for each in made.left_out] == ["torch"]
    assert not [step for each in made.environments for step in each.steps]


@pytest.mark.parametrize("fault", ["driver-missing", "nouveau", "driver-not-loaded", "no-gpu-access"])
def test_a_driver_that_is_missing_is_repaired_first(fault: str) -> None:
    gpu = Gpu(vendor="nvidia", name="NVIDIA GPU [10de:2684]", usable=False, fault=fault)
    found = build(machine(gpu, driver=None))
    assert found.tag != "cpu"
    assert f"does not work ({fault})" in found.reason


@pytest.mark.parametrize(
    ("where", "tag"),
    [
        (machine(card("RTX 4090"), card("RTX 4090", 1, usable=False, fault="gpu-lost"), problems=(LOST,)), "cu132"),
        (machine(amd(gfx="gfx942"), problems=(UNLISTED,)), "rocm7.2"),
        (machine(), "cpu"),
        (machine(card("RTX 4090", visible=False)), "cpu"),
    ],
    ids=["another works", "AMD works", "none", "hidden"],
)
def test_others_are_served(where: Machine, tag: str) -> None:
    found = build(where)
    assert (found.tag, found.none) == (tag, None)


def jetson(release: str, version: str, capability: str = "8.7") -> Machine:
    gpu = Gpu(vendor="nvidia", index=0, name="NVIDIA Orin (nvgpu)", compute_capability=capability, unified=True)
    where = machine(gpu, driver=None, interpreter=python(version=version), architecture="aarch64")
    system = Os(
        system="linux", architecture="aarch64", libc="glibc 2.35", distribution=f"Ubuntu (Jetson Linux {release})"
    )
    return replace(where, os=system)


def test_jetpack_6_has_wheels_and_jetpack_5_does_not() -> None:
    assert build(jetson("36.4.3", "3.10.12")).tag == "jetson"
    older = build(jetson("35.4.1", "3.10.12"))
    assert older.tag == "cpu"
    assert "JetPack 5" in older.reason
    assert "container" in older.reason
    assert "JetPack 4" in build(jetson("32.7.1", "3.10.12")).reason
