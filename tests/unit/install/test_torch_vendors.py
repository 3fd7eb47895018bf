"""Which build of PyTorch AMD and Intel GPUs get, and a build that was named to uv; the table is invented."""

from __future__ import annotations

import pytest

from llmcheck.schema.machine import Gpu
from tests.machines_builder import amd, card
from tests.unit.install.test_torch_rules import CPU, TABLE, build, on, wheel

ROCM = wheel("rocm7.2", systems=("linux",), gpu_archs=("gfx90a", "gfx942"))
XPU = wheel("xpu")


@pytest.mark.parametrize(
    ("gfx", "tag"), [("gfx942", "rocm7.2"), ("gfx90a", "rocm7.2"), ("gfx1036", "cpu"), (None, "rocm7.2")]
)
def test_an_amd_card_that_the_build_supports(gfx: str | None, tag: str) -> None:
    found = build(on(amd(gfx=gfx)), ROCM, CPU)
    assert found.tag == tag
    assert ("assumed" in found.reason) is (gfx is None)
    assert (gfx or "unknown") in found.reason


def test_amd_cards_of_two_kinds_are_all_named_and_all_needed() -> None:
    assert build(on(amd(gfx="gfx942"), amd(1, gfx="gfx1036")), ROCM, CPU).tag == "cpu"
    both = build(on(amd(gfx="gfx942"), amd(1, gfx="gfx90a")), ROCM, CPU)
    assert both.tag == "rocm7.2"
    assert "gfx90a" in both.reason
    assert "gfx942" in both.reason


def test_the_integrated_graphics_of_an_amd_processor_are_not_used() -> None:
    assert build(on(amd(gfx="gfx942", integrated=True)), ROCM, CPU).tag == "cpu"
    assert build(on(amd(gfx="gfx1036", integrated=True), amd(1, gfx="gfx942")), ROCM, CPU).tag == "rocm7.2"


def test_amd_on_windows_has_wheels_elsewhere() -> None:
    found = build(on(amd(gfx="gfx942"), system="windows"), wheel("rocm7.2", gpu_archs=("gfx942",)), CPU)
    assert found.tag == "cpu"


def test_an_intel_card_is_named_before_integrated_graphics() -> None:
    graphics = Gpu(vendor="intel", index=0, name="UHD 770", integrated=True)
    arc = Gpu(vendor="intel", index=1, name="Arc B580")
    found = build(on(graphics, arc), XPU, CPU)
    assert found.tag == "xpu"
    assert "Arc B580" in found.reason
    assert "UHD" not in found.reason
    assert build(on(arc), CPU).tag == "cpu"


def test_an_nvidia_card_comes_before_the_others() -> None:
    assert build(on(amd(gfx="gfx942"), card("H100", 1)), ROCM, *TABLE).tag == "cu130"


# --- the backend stated to uv


@pytest.mark.parametrize(
    ("backend", "gpu", "tag"),
    [
        ("cu126", card("A100 80GB"), "cu126"),
        ("cu126", card("H100"), "cu130"),
        ("cu130", card("V100"), "cu126"),
        ("cpu", card("H100"), "cpu"),
        ("rocm7.2", card("H100"), "cu130"),
        ("cu130", None, "cpu"),
        ("xpu", None, "cpu"),
        ("cu130", amd(gfx="gfx942"), "rocm7.2"),
    ],
)
def test_a_requested_build_is_used_where_it_works(backend: str, gpu: Gpu | None, tag: str) -> None:
    found = build(on(*([gpu] if gpu else [])), *TABLE, ROCM, XPU, backend=backend)
    assert (found.tag, found.backend) == (tag, backend)
    assert backend in found.reason


def test_a_better_build_is_noted_beside_a_requested_one() -> None:
    assert "cu130" in build(on(card("A100 80GB")), backend="cu126").reason
    assert "cu" not in build(on(), *TABLE, backend="cpu").reason


@pytest.mark.parametrize(
    ("gpus", "driver", "warned"),
    [
        ((card("V100"),), "580.1", True),
        ((card("V100"),), "580", True),
        ((card("V100"),), "579.9", False),
        ((card("H100"),), "580.1", False),
        ((card("H100"), card("V100", 1)), "580.1", True),
        ((), None, False),
    ],
)
def test_uv_alone_would_choose_a_build_without_code_for_the_card(
    gpus: tuple[Gpu, ...], driver: str | None, warned: bool
) -> None:
    found = build(on(*gpus, driver=driver), backend="auto")
    assert ("no kernels" in found.reason) is warned
    assert found.backend == "auto"
