"""Whether the installed torch can use the cards. Expectations from NVIDIA's and PyTorch's published tables."""

from __future__ import annotations

import msgspec
import pytest
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.gpus import torch_support
from llmcheck.install.torch import torch_build
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.requirements import decode
from llmcheck.schema.machine import Driver, Gpu, Machine, Os, Package, Software, Torch, version_numbers
from llmcheck.schema.profile import Profile

TABLES = (catalog.torch_wheels(), catalog.cuda_drivers())


def machine(
    version: str, build: str | None, driver: str | None, *capabilities: str | None, libc: str = "glibc 2.36"
) -> Machine:
    gpus = tuple(
        Gpu(vendor="nvidia", index=index, memory_total=24 * 10**9, compute_capability=capability)
        for index, capability in enumerate(capabilities)
    )
    return Machine(
        os=Os(system="linux", architecture="x86_64", libc=libc),
        gpus=gpus,
        drivers={"nvidia": Driver(version=driver)} if gpus else {},
        software=Software(
            packages=(Package(name="torch", version=version),), torch=Torch(version=version, build=build)
        ),
    )


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (machine("2.15.0+cu132", "cu132", "580.95.05", "8.9"), None),
        (machine("2.15.0+cu132", "cu132", "575.57.08", "8.9"), "torch-newer-than-driver"),
        (machine("2.14.1+cu126", "cu126", "535.183.01", "8.9"), None),
        (machine("2.14.1+cu126", "cu126", "470.256.02", "8.0"), "torch-newer-than-driver"),
        (machine("2.7.1+cu118", "cu118", "470.256.02", "8.0"), None),
        (machine("2.15.0+cu132", "cu132", "580.95.05", "7.0"), "torch-without-kernels"),
        (machine("2.14.1+cu126", "cu126", "580.95.05", "7.0"), None),
        (machine("2.14.1+cu126", "cu126", "580.95.05", "12.0"), "torch-without-kernels"),
        (machine("2.10.0+cu128", "cu128", "580.95.05", "7.0", "12.0"), None),
        (machine("2.11.0+cu128", "cu128", "580.95.05", "7.0"), "torch-without-kernels"),
        (machine("2.15.0+cpu", "cpu", "580.95.05", "8.6"), "torch-cpu-build"),
        (machine("2.15.0+cpu", "cpu", None), None),
        (machine("2.15.0+cu132", "cu132", None, "8.6"), None),
        (machine("2.15.0+cu132", "cu132", "580.95.05", None), None),
        (machine("2.15.0", None, "470.256.02", "3.7"), None),
    ],
)
def test_the_installed_torch_against_driver_and_cards(where: Machine, code: str | None) -> None:
    problem = torch_support.torch_problem(where, *TABLES)
    assert (problem.code if problem else None) == code


def test_a_torch_that_cannot_use_the_gpus_is_as_good_as_missing() -> None:
    requirement = decode({"id": "torch", "kind": "package", "name": "torch"}, "test")
    profile = Profile(id="p", title="p", task="general", sources=(), require=(requirement,))
    good = machine("2.15.0+cu132", "cu132", "580.95.05", "8.6")
    assert evaluate(profile, good).verdict == "ready"
    bad = msgspec.structs.replace(good, software=machine("2.15.0+cpu", "cpu", None).software)
    finding = evaluate(profile, torch_support.with_problems(bad, *TABLES)).findings[0]
    assert (finding.status, finding.found) == ("fail", "torch 2.15.0+cpu")
    assert "CPU build" in finding.message


@pytest.mark.parametrize(("libc", "codes"), [("glibc 2.17", ["glibc-old"]), ("glibc 2.28", []), ("musl", [])])
def test_an_old_c_library_is_told(libc: str, codes: list[str]) -> None:
    where = machine("2.15.0+cpu", "cpu", None, libc=libc)
    assert [problem.code for problem in torch_support.problems(where, *TABLES)] == codes


@pytest.mark.parametrize(
    "driver", ["450.80.02", "470.256.02", "525.60.13", "570.26", "575.57.08", "580.95.05", "595.58.03"]
)
@pytest.mark.parametrize(
    "capabilities", [("5.2",), ("6.1",), ("7.0",), ("7.5",), ("8.9",), ("9.0",), ("7.0", "12.0"), ("12.1",)]
)
def test_the_build_that_is_advised_is_one_that_works(driver: str, capabilities: tuple[str, ...]) -> None:
    advised = torch_build(machine("0", None, driver, *capabilities), *TABLES)
    # Blackwell needs CUDA 12.8, which came with driver 570; all others have a build for every driver here
    none_runs = "12." in "".join(capabilities) and version_numbers(driver) < (570,)
    assert (advised.tag == "cpu") == none_runs
    if none_runs:
        return
    (specifier,) = (each for each in Requirement(advised.requirement).specifier if each.operator in ("==", ">="))
    version = specifier.version.removesuffix(".*")
    installed = machine(f"{version}+{advised.tag}", advised.tag, driver, *capabilities)
    assert torch_support.torch_problem(installed, *TABLES) is None


@pytest.mark.parametrize(
    ("oldest", "reason"), [("5.0", "no build has kernels"), ("4.9", "older than any published build")]
)
def test_the_oldest_capability_that_builds_hold_is_not_too_old(oldest: str, reason: str) -> None:
    found = torch_build(machine("", None, "580.95.05", oldest, "12.0"), *TABLES)
    assert found.tag == "cpu"
    assert reason in found.reasons[0]


def test_a_mac_exactly_at_the_minimum_gets_the_newest_release() -> None:
    newest = next(wheel for wheel in catalog.torch_wheels() if wheel.tag == "mps")
    assert newest.macos_min is not None
    found = {
        version: torch_build(Machine(os=Os(system="darwin", architecture="arm64", version=f"{version}.0")), *TABLES)
        for version in (newest.macos_min, newest.macos_min - 1)
    }
    assert found[newest.macos_min].requirement == newest.requirement
    assert found[newest.macos_min - 1].requirement != newest.requirement
