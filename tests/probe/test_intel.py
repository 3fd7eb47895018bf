"""Intel GPUs: cards told from the graphics of CPUs, tiles, drivers, and memory where sysfs has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmcheck.probe import Reading
from llmcheck.probe.gpu import intel
from llmcheck.schema.machine import Gpu, Machine, counted_gpus
from llmcheck.system.host import Host
from tests.probe.host_trees import DUMPS, ask, tree

BUS = "/sys/bus/pci/devices"
GIB = 2**30
B580, MAX_1550, UHD = 0xE20B, 0x0BD5, 0x9BC4


def card(bus_id: str, device: int, driver: str | None = "xe", **facts: Any) -> dict[str, str]:
    files = {"vendor": "0x8086", "device": f"0x{device:04x}", "class": "0x030000", **facts}
    if driver:
        files["uevent"] = f"DRIVER={driver}"
    return {f"{BUS}/{bus_id}/{name}": f"{text}\n" for name, text in files.items()}


def read(root: Path, *files: dict[str, str], **environ: str) -> Reading:
    return ask(intel, tree(root, {path: text for group in files for path, text in group.items()}, environ=environ))


def only(reading: Reading) -> Gpu:
    (gpu,) = reading.gpus or ()
    return gpu


@pytest.mark.parametrize(
    ("bus_id", "device", "integrated"),
    [
        ("0000:00:02.0", UHD, True),
        ("0000:00:02.0", 0x64A0, True),
        ("0000:03:00.0", B580, False),
        ("0000:00:05.0", B580, False),
        ("0000:03:00.0", 0x56A0, False),
        ("0000:03:00.0", 0x56C0, False),
        ("0000:29:00.0", 0x0BDA, False),
        ("0000:04:00.0", 0xFFF0, False),
    ],
)
def test_a_card_is_known_by_its_id_and_unknown_ids_by_their_bus(
    tmp_path: Path, bus_id: str, device: int, integrated: bool
) -> None:
    gpu = only(read(tmp_path, card(bus_id, device)))
    assert (gpu.integrated, gpu.unified) == (integrated, integrated)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (0x56A0, "Intel(R) Arc(TM) A770 Graphics"),
        (0x0BDA, "Intel(R) Data Center GPU Max 1100"),
        (0xE222, "Intel(R) Arc(TM) Graphics [8086:e222]"),
        (0x0BD9, "Intel(R) Data Center GPU Max [8086:0bd9]"),
        (UHD, "Intel GPU [8086:9bc4]"),
    ],
)
def test_names(tmp_path: Path, device: int, name: str) -> None:
    assert only(read(tmp_path, card("0000:00:02.0", device))).name == name


class TestMemory:
    def test_xe_tells_it_by_tile(self, tmp_path: Path) -> None:
        files = card("0000:03:00.0", B580, "xe", **{"tile0/physical_vram_size_bytes": 12 * GIB})
        reading = read(tmp_path, files)
        assert (only(reading).memory_total, reading.problems) == (12 * GIB, ())

    def test_intels_own_i915_tells_it_beside_the_card(self, tmp_path: Path) -> None:
        files = card("0000:03:00.0", 0x56A0, driver="i915", **{"drm/card1/lmem_total_bytes": 16 * GIB})
        assert only(read(tmp_path, files)).memory_total == 16 * GIB

    def test_untold_is_unknown_with_a_way_to_know(self, tmp_path: Path) -> None:
        reading = read(tmp_path, card("0000:03:00.0", 0x56A0, driver="i915"))
        assert only(reading).memory_total is None
        assert [problem.code for problem in reading.problems] == ["memory-unknown"]

    def test_of_the_graphics_of_a_cpu_nobody_asks(self, tmp_path: Path) -> None:
        assert read(tmp_path, card("0000:00:02.0", UHD, driver="i915")).problems == ()


class TestTiles:
    FILES = card(
        "0000:29:00.0",
        MAX_1550,
        "xe",
        **{"tile0/physical_vram_size_bytes": 64 * GIB, "tile1/physical_vram_size_bytes": 64 * GIB},
    )

    def test_each_is_a_device(self, tmp_path: Path) -> None:
        gpus = read(tmp_path, self.FILES).gpus or ()
        assert [(gpu.index, gpu.memory_total) for gpu in gpus] == [(0, 64 * GIB), (1, 64 * GIB)]

    def test_unless_the_hierarchy_is_asked_for(self, tmp_path: Path) -> None:
        gpu = only(read(tmp_path, self.FILES, ZE_FLAT_DEVICE_HIERARCHY="COMPOSITE"))
        assert gpu.memory_total == 128 * GIB

    def test_the_mask_counts_what_is_listed(self, tmp_path: Path) -> None:
        gpus = read(tmp_path / "a", self.FILES, ZE_AFFINITY_MASK="1").gpus or ()
        assert [gpu.visible for gpu in gpus] == [False, True]
        whole = only(read(tmp_path / "b", self.FILES, ZE_AFFINITY_MASK="0.1", ZE_FLAT_DEVICE_HIERARCHY="COMPOSITE"))
        assert whole.visible


class TestDriver:
    def test_a_card_without_one_is_broken(self, tmp_path: Path) -> None:
        reading = read(tmp_path, card("0000:03:00.0", B580, driver=None))
        gpu = only(reading)
        assert (gpu.index, gpu.usable, gpu.fault) == (None, False, "driver-not-loaded")
        assert [problem.code for problem in reading.problems] == ["driver-not-loaded"]
        assert counted_gpus(Machine(gpus=reading.gpus)) == ()

    def test_a_card_given_to_a_virtual_machine_says_so(self, tmp_path: Path) -> None:
        reading = read(tmp_path, card("0000:03:00.0", B580, driver="vfio-pci"))
        assert "vfio-pci" in reading.problems[0].message

    def test_cards_are_numbered_before_the_graphics_of_the_cpu(self, tmp_path: Path) -> None:
        gpus = read(tmp_path, card("0000:00:02.0", UHD, driver="i915"), card("0000:03:00.0", B580)).gpus or ()
        assert [(gpu.index, gpu.integrated) for gpu in gpus] == [(0, False), (1, True)]

    def test_only_a_card_has_a_driver_worth_telling(self, tmp_path: Path) -> None:
        assert read(tmp_path / "a", card("0000:00:02.0", UHD, driver="i915")).drivers == {}
        assert "intel" in read(tmp_path / "b", card("0000:03:00.0", B580)).drivers


def test_no_device_is_no_gpu(tmp_path: Path) -> None:
    assert (
        read(tmp_path, {f"{BUS}/0000:00:1f.0/vendor": "0x8086\n", f"{BUS}/0000:00:1f.0/class": "0x060100\n"}).gpus == ()
    )


@pytest.mark.skipif(not (DUMPS / "linux_sys_procfs_fixtures").exists(), reason="no hardware dumps beside the project")
def test_the_dump_of_a_laptop(tmp_path: Path) -> None:
    (tmp_path / "sys/class").mkdir(parents=True)
    (tmp_path / "sys/class/drm").symlink_to(DUMPS / "linux_sys_procfs_fixtures/fixtures/sys/class/drm")
    gpu = only(ask(intel, Host(str(tmp_path), {})))
    assert (gpu.name, gpu.pci_bus_id, gpu.integrated) == ("Intel GPU [8086:5917]", "0000:00:02.0", True)
