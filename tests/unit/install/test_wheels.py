"""A build of PyTorch is a row of a table: what plans say of releases comes from there, and from nowhere else."""

from __future__ import annotations

import ast
import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import llmcheck
from llmcheck import catalog
from llmcheck.install.installed_packages import installed_packages
from llmcheck.install.plan import plan_installation
from llmcheck.install.torch import torch_build
from llmcheck.install.wheels import companion, preferred_pythons, row_of
from llmcheck.render import Options, dockerfile
from llmcheck.schema.advice import Plan
from llmcheck.schema.machine import Driver, Machine, Torch
from llmcheck.tables.torch_wheel import CudaDriver, CudaImage, TorchCompanions, TorchWheel
from tests.machines_builder import card, machine, packages, python

TABLES = catalog.tables()
DAY = datetime.date(2027, 3, 1)
NEXT = TorchWheel(
    torch="2.16",
    release="2.16.0",
    tag="cu140",
    systems=("linux",),
    architecture="x86_64",
    requirement="torch>=2.16",
    on_pypi=("linux",),
    gpu_archs=("8.0", "9.0", "10.0", "12.0", "13.0"),
    python_min="3.12",
    python_below="3.17",
    glibc_min="2.34",
    torchaudio_torch="2.15.0",
    torchaudio_tag="cu132",
    source="a release to come",
    as_of=DAY,
)
LATER = replace(
    TABLES,
    wheels=(NEXT, *TABLES.wheels),
    drivers=(*TABLES.drivers, CudaDriver(cuda="14.0", linux="650.10", windows="650.12", source="x", as_of=DAY)),
)
HOST = machine(card("H100"), driver="655.20")


def plan(*names: str, where: Machine = HOST, tables: Any = LATER) -> Plan:
    return plan_installation("x", names, where, tables)


def requirements(made: Plan) -> list[str]:
    return [text for each in made.environments for step in each.steps for text in step.requirements]


def test_a_row_for_a_new_release_changes_the_plan() -> None:
    assert "torch>=2.14" in requirements(plan("torch", tables=TABLES))
    made = plan("torch")
    assert made.torch is not None
    assert (made.torch.tag, made.torch.index_url) == ("cu140", None)
    assert requirements(made) == ["torch>=2.16"]


def test_the_driver_of_a_new_release_comes_from_its_cuda() -> None:
    older = torch_build(machine(card("H100"), driver="600.10"), LATER.wheels, LATER.drivers)
    assert older.tag == "cu132"
    assert (older.driver, "2.16 (cu140)" in (older.remedy or "")) == ("650.10", True)


def test_the_note_on_a_broken_driver_names_the_minimum_of_the_newest_build() -> None:
    silent = machine(gpus=None, drivers={"nvidia": Driver(fault="driver-mismatch")})
    assert "driver 580 or newer" in torch_build(silent, TABLES.wheels, TABLES.drivers).reason
    assert "driver 650.10 or newer" in torch_build(silent, LATER.wheels, LATER.drivers).reason


def test_a_card_that_only_the_new_release_supports_gets_it() -> None:
    newest = machine(card("B200", compute_capability="13.0"), driver="655.20")
    assert torch_build(newest, TABLES.wheels, TABLES.drivers).tag == "cpu"
    assert torch_build(newest, LATER.wheels, LATER.drivers).tag == "cu140"


def test_torchaudio_gets_the_release_that_the_row_names() -> None:
    made = plan("torch", "torchaudio")
    assert requirements(made)[0] == "torch==2.15.0"
    assert "torchaudio imports with torch 2.15.0" in made.environments[0].steps[0].reason


def test_torchaudio_keeps_a_build_with_which_it_imports() -> None:
    """macOS 13 has no torch after 2.11, and torchaudio 2.11 can be imported with that."""
    where = machine(system="darwin", architecture="arm64", os_version="13.7")
    assert requirements(plan("torch", "torchaudio", where=where, tables=TABLES))[0] == "torch==2.11.0"


def test_companions_of_a_new_release_come_from_their_row() -> None:
    row = TorchCompanions(torch="2.16", torchvision="0.31", torchaudio="2.16", source="x", as_of=DAY)
    later = replace(LATER, companions=(row, *TABLES.companions), wheels=(replace(NEXT, torchaudio_torch=None),))
    assert requirements(plan("torch", "torchvision", tables=later))[1] == "torchvision>=0.31"
    assert requirements(plan("torch", "torchvision"))[1] == "torchvision>=0.29"  # else that of the newest row


# Sources: PyPI's metadata of torchvision 0.17 to 0.29; PyTorch's wiki for the older ones.
@pytest.mark.parametrize(
    ("torch", "vision", "audio"),
    [
        ("2.15.0", "0.29", "2.11"),
        ("2.99.0", "0.29", "2.11"),
        ("2.14.1", "0.29", "2.11"),
        ("2.13.0+cu130", "0.28", "2.11"),
        ("2.10.0", "0.25", "2.10"),
        ("2.3.1", "0.18", "2.3"),
        ("2.0.1", "0.15", "2.0"),
        ("1.13.1", "0.14", "0.13"),
    ],
)
def test_an_installed_torch_keeps_its_companions(torch: str, vision: str, audio: str) -> None:
    assert companion("torchvision", torch, TABLES.companions, exact=True) == f"torchvision=={vision}.*"
    assert companion("torchaudio", torch, TABLES.companions, exact=True) == f"torchaudio=={audio}.*"


def test_a_torch_older_than_the_table_gets_no_newer_companion() -> None:
    assert companion("torchvision", "1.4.0", TABLES.companions, exact=True) == "torchvision<0.11"


def test_the_preferred_pythons_have_the_most_builds() -> None:
    assert preferred_pythons(TABLES.wheels) == ("3.12", "3.11", "3.13", "3.10")
    only = [replace(NEXT, python_min="3.14", python_below="3.16")]
    assert preferred_pythons(only) == ("3.15", "3.14")


def test_another_python_is_used_where_the_machines_has_no_build() -> None:
    where = machine(card("H100"), driver="655.20", interpreter=python(version="3.11.9"))
    only = replace(LATER, wheels=(NEXT,))
    (made,) = plan("torch", where=where, tables=only).environments
    assert made.python_version == "3.16"


# PyTorch's wheels for macOS 14 and newer are tagged macosx_14_0; PyPI, 2026-11-22.
@pytest.mark.parametrize(("version", "release"), [("14", "2.15.0"), ("14.0", "2.15.0"), ("13.9", "2.11.0")])
def test_macos_exactly_at_the_minimum_is_new_enough(version: str, release: str) -> None:
    where = machine(system="darwin", architecture="arm64", os_version=version)
    build = torch_build(where, TABLES.wheels, TABLES.drivers)
    row = row_of(build, where, TABLES.wheels)
    assert row is not None
    assert row.release == release


def test_a_library_runs_on_macos_exactly_at_its_minimum() -> None:
    (name,) = [each.id for each in TABLES.libraries.values() if each.macos_min][:1]
    minimum = TABLES.libraries[name].macos_min
    assert minimum is not None
    for version, works in ((f"{minimum}", True), (f"{minimum}.0", True), (f"{minimum - 1}.9", False)):
        made = plan(name, where=machine(system="darwin", architecture="arm64", os_version=version), tables=TABLES)
        assert bool([each for each in made.left_out if "needs macOS" in each.reason]) != works


@pytest.mark.parametrize(
    ("specifier", "requirement"),
    [
        (">=2.17", "torch>=2.17"),  # newer than the table: the newest index may have it
        ("==2.16.3", "torch==2.16.3"),
        ("<2.16", "torch>=2.14,<2.16"),
    ],
)
def test_a_release_newer_than_the_table_comes_from_the_newest_build(specifier: str, requirement: str) -> None:
    build = torch_build(machine(card("H100")), TABLES.wheels, TABLES.drivers, None, specifier)
    assert (build.tag, build.requirement, build.none) == ("cu132", requirement, None)


def test_a_release_without_a_build_for_the_cards_is_not_promised() -> None:
    build = torch_build(machine(card("V100")), TABLES.wheels, TABLES.drivers, None, ">=2.17")
    assert build.none is not None
    assert ">=2.17" in build.none


def test_an_installed_build_is_restored_from_the_index_of_its_row() -> None:
    jetson = next(each for each in TABLES.wheels if each.index_url)
    torch = Torch(version=jetson.release, build=jetson.tag)
    where = machine(architecture="aarch64", software=packages(torch=jetson.release), torch=torch)
    found = installed_packages(where, TABLES)
    assert found.rollback_requirements(["torch"]) == [f"torch=={jetson.release}", "--index-url", jetson.index_url]


def test_the_image_with_a_compiler_is_of_the_cuda_of_torch() -> None:
    image = CudaImage(cuda="14", image="nvidia/cuda:14.0.0-devel", python="3.14", source="x", as_of=DAY)
    tables = replace(LATER, cuda_images=(image, *TABLES.cuda_images))
    where = machine(card("H100"), driver="655.20", present=["nvcc", "cc"])
    made = plan("llama-cpp", "torch", where=where, tables=tables)
    assert made.image is not None
    assert (made.image.name, made.image.python) == ("nvidia/cuda:14.0.0-devel", "3.14")
    assert "FROM nvidia/cuda:14.0.0-devel" in dockerfile.render(made, Options())
    assert plan("torch", where=where, tables=tables).image is None


def test_no_release_of_pytorch_stands_in_code() -> None:
    """Releases of torch, tags of its CUDA and ROCm builds, and images: they are rows."""
    root = Path(llmcheck.__file__).parent
    release = re.compile(r"(?<![\d.])2\.\d+|\bcu1\d\d\b|rocm\d|nvidia/cuda:")
    found = []
    files = [*root.glob("install/**/*.py"), *root.glob("render/**/*.py"), *root.glob("advise/**/*.py")]
    assert len(files) > 40
    for path in files:
        if path.name == "sarif.py":  # the version of that format looks like a release of torch
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and node not in documented else None
            if isinstance(text, str) and release.search(text):
                found.append(f"{path.name}: {text}")
    assert found == []
