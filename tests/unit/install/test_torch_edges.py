"""Rare cases of choosing PyTorch: Pythons, C libraries, Jetson, gfx names, a stated uv backend, better builds.

Expectations: PyPI's metadata of torch 2.11 to 2.15 (Python and platform tags), the gfx lists of uv's backend.rs, the
binary compatibility rule of the CUDA C++ Programming Guide, NVIDIA's minor version compatibility; read 2026-11-22.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version
from llmcheck.gpus.torch_support import runs_on
from llmcheck.install.torch import torch_build
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Gpu, Machine, Os, version_numbers
from llmcheck.tables.torch_wheel import TorchWheel
from tests.machines_builder import CARDS, amd, card, machine, python, with_backend

TABLES = (catalog.torch_wheels(), catalog.cuda_drivers())
INDEX = "https://download.pytorch.org/whl/"


def build(where: Machine, backend: str | None = None) -> TorchBuild:
    return torch_build(with_backend(where, backend), *TABLES)


def takes(where: Machine, version: str) -> bool:
    return Requirement(build(where).requirement).specifier.contains(version)


def linux(libc: str | None, *gpus: Gpu, architecture: str = "x86_64", **changes: Any) -> Machine:
    return machine(*gpus, os=Os(system="linux", architecture=architecture, libc=libc), **changes)


@pytest.mark.parametrize(
    ("version", "accepted", "refused"),
    [("3.10.14", "2.14.1", "2.15.0"), ("3.11.9", "2.15.0", None), ("3.15.0", "2.15.0", "2.13.0")],
)
def test_the_python_limits_the_release(version: str, accepted: str, refused: str | None) -> None:
    where = machine(card("H100"), interpreter=python(version=version))
    assert takes(where, accepted)
    assert refused is None or not takes(where, refused)


@pytest.mark.parametrize("version", ["3.8.19", "3.9.18", "3.16.0"])
def test_a_python_without_wheels_is_noted(version: str) -> None:
    found = build(machine(interpreter=python(version=version)))
    assert "needs Python" in found.reason
    assert version in found.reason


@pytest.mark.parametrize(
    ("libc", "expected"), [("musl 1.2.4", "musl"), ("glibc 2.17", "glibc 2.28"), ("glibc 2.28", None), (None, None)]
)
def test_the_c_library_limits_the_release(libc: str | None, expected: str | None) -> None:
    for where in (linux(libc), linux(libc, card("H100"))):
        reason = build(where).reason
        assert expected is None or expected in reason
        assert expected is not None or "can be installed here" not in reason


def orin(version: str) -> Machine:
    gpu = card("H100", compute_capability="8.7", name="Orin", unified=True, integrated=False)
    return linux("glibc 2.35", gpu, architecture="aarch64", interpreter=python(version=version))


def test_orin_gets_the_wheels_for_jetson() -> None:
    found = build(orin("3.10.12"))
    assert (found.tag, found.index_url) == ("jetson", "https://pypi.jetson-ai-lab.io/jp6/cu126")


def test_a_build_for_one_architecture_is_not_a_range() -> None:
    gpu = card("H100", compute_capability="7.2", name="Xavier", unified=True, integrated=False)
    found = build(linux("glibc 2.35", gpu, architecture="aarch64", interpreter=python(version="3.10.12")))
    assert "no: it has kernels for 8.7 only" in {each.answer for each in found.decisions}


def test_a_card_in_a_jetson_changes_nothing_about_its_wheels() -> None:
    """An IGX Orin with an RTX A5000: JetPack's driver cannot load the CUDA wheels for servers."""
    alone = orin("3.10.12")
    discrete = card("A5000", index=1)
    for gpus in ((*(alone.gpus or ()), discrete), (discrete, *(alone.gpus or ()))):
        assert build(replace(alone, gpus=gpus)).tag == "jetson"
    # the same compute capability on another processor is not a Jetson
    elsewhere = linux("glibc 2.35", *(alone.gpus or ()), interpreter=python(version="3.10.12"))
    assert build(elsewhere).tag != "jetson"
    server = linux("glibc 2.35", discrete, architecture="aarch64", interpreter=python(version="3.12.4"))
    assert build(server).tag.startswith("cu")


def test_the_note_for_orin_names_the_python_that_it_needs() -> None:
    found = build(orin("3.12.4"))
    assert found.tag == "cpu"
    assert "Python 3.10" in found.reason


@pytest.mark.parametrize("capability", ["7.2", "6.2", "5.3"])
def test_the_note_for_older_jetsons_names_jetpack(capability: str) -> None:
    where = linux("glibc 2.31", card("H100", compute_capability=capability, name="Xavier"), architecture="aarch64")
    found = build(where)
    assert found.tag == "cpu"
    assert "JetPack" in found.reason


@pytest.mark.parametrize("gfx", ["gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1151", "gfx1201"])
def test_the_gfx_targets_that_rocm_builds_have(gfx: str) -> None:
    found = build(machine(amd(gfx=gfx)))
    assert (found.tag, found.index_url) == ("rocm7.2", f"{INDEX}rocm7.2")
    assert gfx in found.reason


@pytest.mark.parametrize("others", [(), ("gfx942",), ("gfx942", "gfx1100")])
def test_one_card_of_unknown_target_gives_an_assumption(others: tuple[str, ...]) -> None:
    known = [amd(index + 1, gfx=gfx) for index, gfx in enumerate(others)]
    assert "assumed" in build(machine(amd(gfx=None), *known)).reason
    assert not known or "assumed" not in build(machine(*known)).reason


def test_the_targets_of_a_build_are_named_where_the_card_is_not_among_them() -> None:
    answers = [each.answer for each in build(machine(amd(gfx="gfx803"))).decisions]
    assert any("kernels for gfx" in answer and "gfx942" in answer for answer in answers)


def test_uvs_own_choice_is_noted_where_it_would_not_run() -> None:
    found = build(machine(card("P100")), "auto")
    assert "would choose a CUDA 13 build" in found.reasons[-1]
    assert found.tag == "cu126"


def test_every_rejected_build_newer_than_the_chosen_one_has_a_reason() -> None:
    """Builds for CUDA 13 have no code for the P100; builds older than the chosen one are not checked."""
    found = build(machine(card("P100"), card("P100", 1)))
    answers = [(each.question, each.answer) for each in found.decisions]
    assert answers[0] == ("which NVIDIA GPUs are visible and usable?", ", ".join([CARDS["P100"][0]] * 2))
    works = [answer for question, answer in answers if question.endswith("work?")]
    assert works[-1] == "yes"
    assert len(works) > 1
    assert all(answer.startswith("no: ") for answer in works[:-1])
    unnamed = build(machine(card("P100", name=None)))
    assert unnamed.decisions[0].answer == "GPU"


def test_unknown_facts_of_a_card_give_assumptions() -> None:
    assert "(assumed to be current)" in build(machine(card("H100", compute_capability=None))).reason
    assert "assumed" not in build(machine(card("H100"))).reason
    some = build(machine(card("H100"), card("H100", 1, compute_capability=None)))
    assert "assumed" not in some.reason.replace(", some unknown (assumed to be current)", "")
    assert "some unknown" in some.reason


def test_several_intel_cards_are_named_by_the_first() -> None:
    cards_of_intel = [Gpu(vendor="intel", index=n, name=name) for n, name in enumerate(("Arc B580", "Arc A770"))]
    assert "Intel GPU (Arc B580)" in build(machine(*cards_of_intel)).reason


def test_required_releases_are_named_and_may_be_release_candidates() -> None:
    where = machine(card("H100"))
    found = torch_build(where, *TABLES, specifier="==2.16.0rc1")
    assert found.requirement == "torch==2.16.0rc1"
    assert "among torch ==2.16.0rc1" in found.reason
    assert "among" not in build(where).reason


def test_uv_chooses_nothing_where_no_cuda_build_is_published() -> None:
    found = build(linux("glibc 2.35", card("H100"), architecture="ppc64le"), "auto")
    assert found.tag == "cpu"
    assert "uv chooses only by the driver" in found.reasons[-1]


@pytest.mark.parametrize("gfx", ["gfx803", "gfx1031", "gfx1036", "gfx1103"])
def test_the_gfx_targets_that_rocm_builds_lack(gfx: str) -> None:
    found = build(machine(amd(gfx=gfx)))
    assert found.tag == "cpu"
    assert "HSA_OVERRIDE_GFX_VERSION" in found.reason
    assert "AMD does not support this" in found.reason


def test_a_card_of_unknown_gfx_target_gives_an_assumption() -> None:
    assert "assumed" in build(machine(amd())).reason


def test_the_note_for_amd_on_windows_names_amds_wheels() -> None:
    found = build(machine(amd(gfx="gfx1100"), system="windows", architecture="AMD64"))
    assert (found.tag, found.index_url) == ("cpu", None)
    assert "repo.amd.com" in found.reason


def test_the_build_for_a_newer_driver_is_noted_beside_the_one_that_works_now() -> None:
    found = build(machine(card("RTX 4090"), driver="550.54.15"))
    assert found.tag == "cu126"
    assert found.remedy is not None
    assert "580" in found.remedy
    assert "2.15" in found.remedy


def test_no_newer_driver_is_advised_for_an_old_card() -> None:
    assert build(machine(card("V100"), driver="550.54.15")).remedy is None


@pytest.mark.parametrize(
    ("capability", "tag"), [("10.3", "cu132"), ("12.1", "cu132"), ("8.9", "cu132"), ("7.0", "cu126"), ("6.1", "cu126")]
)
def test_code_runs_on_the_same_major_and_a_newer_minor(capability: str, tag: str) -> None:
    assert build(machine(card("H100", compute_capability=capability))).tag == tag


@pytest.mark.parametrize(
    ("backend", "model", "driver", "tag", "expected"),
    [
        ("cu126", "H100", "580.95.05", "cu126", "works here"),
        ("cu128", "V100", "580.95.05", "cu128", "works here"),
        ("cu132", "V100", "580.95.05", "cu126", "has kernels for"),
        ("cu132", "H100", "550.54.15", "cu126", "needs driver 580"),
        ("cpu", "H100", "580.95.05", "cpu", "works here"),
        ("rocm7.2", "H100", "580.95.05", "cu132", "no AMD GPU"),
        ("cu999", "H100", "580.95.05", "cu132", "no such build"),
        ("cu132", "H100", "580.95.05", "cu132", "selects the same build"),
        ("auto", "H100", "580.95.05", "cu132", "only by the driver"),
        ("auto", "V100", "580.95.05", "cu126", "no kernels for these GPUs"),
    ],
)
def test_the_backend_stated_to_uv_is_compared_with_the_machine(
    backend: str, model: str, driver: str, tag: str, expected: str
) -> None:
    found = build(machine(card(model), driver=driver), backend)
    assert (found.tag, found.backend) == (tag, backend)
    assert expected in found.reason


DRIVERS = st.sampled_from(
    ["418.87", "450.80.02", "470.256.02", "525.60.13", "550.54.15", "570.86.10", "580.65", "615.10"]
)


@given(
    models=st.lists(st.sampled_from(sorted(CARDS)), min_size=1, max_size=3),
    driver=DRIVERS,
    windows=st.booleans(),
    backend=st.sampled_from([None, "auto", "cu118", "cu126", "cu128", "cu130", "cu132", "cu134", "rocm7.14", "cpu"]),
)
def test_whatever_is_advised_runs_on_every_card_under_that_driver(
    models: list[str], driver: str, windows: bool, backend: str | None
) -> None:
    gpus = [card(model, index) for index, model in enumerate(models)]
    system, architecture = ("windows", "AMD64") if windows else ("linux", "x86_64")
    found = build(machine(*gpus, driver=driver, system=system, architecture=architecture), backend)
    assert found.reasons
    assert found.decisions

    def runs(wheel: TorchWheel) -> bool:
        cuda = cuda_of(wheel.tag)
        floor = min_driver(cuda, gpus, TABLES[1]) if cuda else None
        return floor is not None and version_numbers(driver) >= version_numbers(min_driver_version(floor, system))

    if found.tag == "cpu":
        others = [each for each in TABLES[0] if each.advised and each.verified and system in each.systems]
        usable = [each.tag for each in others if runs(each) and all(runs_on(each, gpu) for gpu in gpus)]
        assert backend is not None or usable == []
        return
    requested = Requirement(found.requirement).specifier
    rows = [
        each
        for each in TABLES[0]
        if each.tag == found.tag and system in each.systems and requested.contains(each.release)
    ]
    assert rows
    assert all(each.verified for each in rows[:1])
    assert all(runs_on(rows[0], gpu) for gpu in gpus)
    assert runs(rows[0])


def test_every_row_of_both_tables_is_valid() -> None:
    for wheel in TABLES[0]:
        assert Requirement(wheel.requirement).name == "torch"
        assert Requirement(wheel.requirement).specifier.contains(wheel.release)
        assert wheel.source
        assert set(wheel.on_pypi) <= set(wheel.systems)
        assert not (wheel.advised and not wheel.verified)
        assert version_numbers(wheel.release)[:2] == version_numbers(wheel.torch)
    assert [version_numbers(each.torch) for each in TABLES[0] if each.advised] == sorted(
        (version_numbers(each.torch) for each in TABLES[0] if each.advised), reverse=True
    )
    assert len({each.cuda for each in TABLES[1]}) == len(TABLES[1])


OLD = python(version="3.9.18")
WITH_PYTHONS = [each for each in catalog.torch_wheels() if each.tag != "jetson"]


# Source: what uv resolves of PyPI's wheels for each Python, 2026-11-25.
@pytest.mark.parametrize(
    ("where", "tag", "release"),
    [
        (machine(card("RTX 4090"), interpreter=OLD), "cu128", "2.8.0"),
        (machine(card("RTX 5090"), interpreter=OLD), "cu128", "2.8.0"),
        (machine(card("P100"), interpreter=OLD), "cu126", "2.8.0"),
        (
            machine(system="darwin", architecture="arm64", os_version="15.1", interpreter=python(version="3.9.18")),
            "mps",
            "2.8.0",
        ),
        (machine(card("V100"), interpreter=python(version="3.15.0")), "cpu", "2.15.0"),
        (machine(amd(gfx="gfx942"), interpreter=python(version="3.15.0")), "cpu", "2.15.0"),
    ],
)
def test_a_python_gets_a_release_that_has_wheels_for_it(where: Machine, tag: str, release: str) -> None:
    assert build(where).tag == tag
    assert takes(where, release)


@pytest.mark.parametrize(
    "wheel",
    [each for each in catalog.torch_wheels() if each.tag != "jetson"],
    ids=lambda each: f"{each.release}-{each.tag}-{each.architecture}",
)
def test_every_release_has_a_newest_python(wheel: TorchWheel) -> None:
    assert wheel.python_below is not None
    assert version_numbers(wheel.python_min) < version_numbers(wheel.python_below) <= (3, 16)
