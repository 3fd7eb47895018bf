"""What sysfs says is plugged in: GPUs of every vendor, InfiniBand, TPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.probe import Inspection, Reading, Request, devices, fabric
from llmcheck.probe.gpu import amd, intel, nvidia
from llmcheck.schema.machine import Machine, counted_gpus
from llmcheck.system.host import Host
from tests.probe.host_trees import DUMPS, ask, tree

BUS = "/sys/bus/pci/devices"


def pci(bus_id: str, vendor: int, device: int, kind: int = 0x030200, **more: str) -> dict[str, str]:
    facts = {"vendor": f"0x{vendor:04x}\n", "device": f"0x{device:04x}\n", "class": f"0x{kind:06x}\n", **more}
    return {f"{BUS}/{bus_id}/{name}": text for name, text in facts.items()}


def driver(bus_id: str, name: str) -> dict[str, str]:
    return {f"{BUS}/{bus_id}/driver": f"/sys/bus/pci/drivers/{name}"}


H100 = pci("0000:17:00.0", 0x10DE, 0x2330)


class TestNvidia:
    def test_a_card_on_the_bus_without_a_driver_is_an_entry_and_never_no_gpu(self, tmp_path: Path) -> None:
        reading = ask(nvidia, tree(tmp_path, H100))
        (gpu,) = reading.gpus or ()
        assert (gpu.vendor, gpu.usable, gpu.memory_total) == ("nvidia", False, None)
        assert gpu.pci_bus_id == "0000:17:00.0"
        assert "10de:2330" in (gpu.name or "")
        (problem,) = reading.problems
        assert problem.code == gpu.fault == "driver-missing"
        assert "install" in (problem.remedy or "")

    def test_such_a_machine_is_told_about_its_driver_not_about_a_missing_card(self, tmp_path: Path) -> None:
        reading = ask(nvidia, tree(tmp_path, H100))
        where = Machine(gpus=reading.gpus, drivers=reading.drivers, problems=reading.problems)
        judged = {finding.id: finding for finding in evaluate(profiles.load("minimum"), where).findings}
        assert judged["driver"].status == "fail"
        assert judged["gpu"].status == "skipped"

    def test_nouveau_is_named_as_what_keeps_the_card_from_computing(self, tmp_path: Path) -> None:
        files = {**H100, "/sys/bus/pci/drivers/nouveau/bind": ""}
        reading = ask(nvidia, tree(tmp_path, files, driver("0000:17:00.0", "nouveau")))
        assert "nouveau" in reading.problems[0].message
        assert (reading.gpus or ())[0].usable is False

    def test_eight_cards_are_eight_entries_and_their_sound_and_bridges_are_none(self, tmp_path: Path) -> None:
        files: dict[str, str] = {}
        for bus in range(8):
            files |= pci(f"0000:{bus + 16:02x}:00.0", 0x10DE, 0x2330)
            files |= pci(f"0000:{bus + 16:02x}:00.1", 0x10DE, 0x228B, kind=0x040300)
        files |= pci("0000:c0:00.0", 0x10DE, 0x22A3, kind=0x068000)
        assert len(ask(nvidia, tree(tmp_path, files)).gpus or ()) == 8

    def test_a_machine_without_nvidia_has_none_and_no_problem(self, tmp_path: Path) -> None:
        reading = ask(nvidia, tree(tmp_path, pci("0000:00:02.0", 0x8086, 0x9BC4, kind=0x030000)))
        assert (reading.gpus, reading.problems, reading.drivers) == ((), (), {})

    def test_a_vga_card_counts_as_a_display_too(self, tmp_path: Path) -> None:
        files = pci("0000:01:00.0", 0x10DE, 0x2684, kind=0x030000)
        assert len(ask(nvidia, tree(tmp_path, files)).gpus or ()) == 1


VRAM: dict[str, Any] = {"mem_info_vram_total": "206141652992\n", "mem_info_vram_used": "1000000\n"}
BOUND = {"/sys/bus/pci/drivers/amdgpu/bind": "", "/sys/module/amdgpu/version": "6.10.5\n"}


class TestAmd:
    def read(self, root: Path, files: dict[str, str], links: dict[str, str] | None = None) -> Reading:
        return ask(amd, tree(root, {**BOUND, **files}, links))

    def test_memory_and_driver_come_from_the_kernel(self, tmp_path: Path) -> None:
        files = pci("0000:05:00.0", 0x1002, 0x74A1, **VRAM, product_name="AMD Instinct MI300X\n")
        files["/sys/class/kfd/kfd/topology/nodes/1/properties"] = (
            "simd_count 304\nvendor_id 4098\ndevice_id 29857\nlocation_id 1280\ndomain 0\ngfx_target_version 90402\n"
        )
        reading = self.read(tmp_path, files, driver("0000:05:00.0", "amdgpu"))
        (gpu,) = reading.gpus or ()
        assert (gpu.vendor, gpu.memory_total, gpu.visible) == ("amd", 206141652992, True)
        assert (gpu.memory_used, gpu.memory_free) == (1000000, 206140652992)
        assert "MI300X" in (gpu.name or "")
        assert reading.drivers["amd"].version == "6.10.5"

    def test_a_card_without_its_driver_is_broken_and_unread(self, tmp_path: Path) -> None:
        reading = self.read(tmp_path, pci("0000:05:00.0", 0x1002, 0x74A1))
        (gpu,) = reading.gpus or ()
        assert (gpu.usable, gpu.memory_total) == (False, None)
        assert [problem.code for problem in reading.problems] == ["driver-not-loaded"]
        assert "amd" not in reading.drivers

    def test_the_graphics_part_of_a_cpu_is_listed_but_not_counted(self, tmp_path: Path) -> None:
        files = pci("0000:06:00.0", 0x1002, 0x1681, kind=0x030000, mem_info_vram_total=f"{512 * 2**20}\n")
        reading = self.read(tmp_path, files, driver("0000:06:00.0", "amdgpu"))
        assert [gpu.integrated for gpu in reading.gpus or ()] == [True]
        assert counted_gpus(Machine(gpus=reading.gpus)) == ()


class TestIntel:
    def test_the_graphics_of_a_cpu_are_integrated_and_a_card_is_not(self, tmp_path: Path) -> None:
        files = {
            **pci("0000:00:02.0", 0x8086, 0x9BC4, kind=0x030000),
            **pci("0000:03:00.0", 0x8086, 0xE20B, kind=0x030000),
        }
        gpus = ask(intel, tree(tmp_path, files)).gpus or ()
        assert {gpu.pci_bus_id: gpu.integrated for gpu in gpus} == {"0000:00:02.0": True, "0000:03:00.0": False}
        assert {gpu.pci_bus_id: gpu.memory_total for gpu in gpus}["0000:03:00.0"] is None


class TestInfiniband:
    def ports(self, root: Path, files: dict[str, str]) -> list[tuple[object, ...]]:
        reading = ask(fabric, tree(root, {"/sys/class/net/lo/mtu": "1", **files}))
        assert reading.fabric is not None
        return [
            (each.device, each.port, each.link_layer, each.active, each.rate_gbps)
            for each in reading.fabric.ports or ()
        ]

    def port(
        self, device: str, state: str, rate: str = "400 Gb/sec (4X NDR)", layer: str = "InfiniBand"
    ) -> dict[str, str]:
        folder = f"/sys/class/infiniband/{device}/ports/1"
        return {f"{folder}/state": f"{state}\n", f"{folder}/rate": f"{rate}\n", f"{folder}/link_layer": f"{layer}\n"}

    @pytest.mark.parametrize(
        ("state", "active"),
        [("4: ACTIVE", True), ("1: DOWN", False), ("2: INIT", False), ("3: ARMED", False), ("5: ACTIVE_DEFER", False)],
    )
    def test_a_port_is_active_only_when_the_kernel_says_so(self, tmp_path: Path, state: str, active: bool) -> None:
        expected = ("mlx5_0", 1, "InfiniBand", active, 400.0)
        assert self.ports(tmp_path, self.port("mlx5_0", state)) == [expected]

    def test_a_slow_rate_with_a_fraction_is_read(self, tmp_path: Path) -> None:
        (found,) = self.ports(tmp_path, self.port("mlx4_0", "4: ACTIVE", rate="2.5 Gb/sec (1X SDR)"))
        assert found[4] == 2.5

    def test_ethernet_is_told_apart(self, tmp_path: Path) -> None:
        (found,) = self.ports(tmp_path, self.port("mlx5_bond_0", "4: ACTIVE", layer="Ethernet"))
        assert found[2] == "Ethernet"

    def test_unread_facts_of_a_port_are_unknown(self, tmp_path: Path) -> None:
        (found,) = self.ports(tmp_path, {"/sys/class/infiniband/mlx5_0/ports/1/phys_state": "x"})
        assert found == ("mlx5_0", 1, None, None, None)

    def test_no_device_is_none_and_no_sysfs_is_unknown(self, tmp_path: Path) -> None:
        assert self.ports(tmp_path / "a", {}) == []
        reading = ask(fabric, tree(tmp_path / "b", {"/etc/hostname": "x"}))
        assert reading.fabric is not None
        assert reading.fabric.ports is None

    @pytest.mark.skipif(not (DUMPS / "infiniband").exists(), reason="no hardware dumps beside the project")
    def test_a_real_h100_node_has_eight_infiniband_ports_and_one_ethernet_bond(self, tmp_path: Path) -> None:
        (tmp_path / "sys" / "class").mkdir(parents=True)
        (tmp_path / "sys/class/infiniband").symlink_to(DUMPS / "infiniband" / "sys-class-infiniband-h100.0")
        reading = ask(fabric, Host(str(tmp_path)))
        assert reading.fabric is not None
        ports = reading.fabric.ports or ()
        infiniband = [port for port in ports if port.link_layer == "InfiniBand"]
        ethernet = [port for port in ports if port.link_layer == "Ethernet"]
        assert [(port.active, port.rate_gbps) for port in infiniband] == [(True, 400.0)] * 8
        assert [(port.device, port.active, port.rate_gbps) for port in ethernet] == [("mlx5_bond_0", True, 200.0)]


@pytest.mark.parametrize(
    ("vendor", "device", "kind"),
    [
        (0x1AE0, 0x005E, "tpu"),
        (0x1AE0, 0x0062, "tpu"),
        (0x1AE0, 0x0063, "tpu"),
        (0x1AE0, 0x006F, "tpu"),
        (0x1D0F, 0x7164, "neuron"),
        (0x1D0F, 0x7264, "neuron"),
    ],
)
def test_other_accelerators_are_counted_and_named_but_are_no_gpus(
    tmp_path: Path, vendor: int, device: int, kind: str
) -> None:
    files: dict[str, str] = {}
    for bus in range(4):
        files |= pci(f"0000:0{bus}:00.0", vendor, device, kind=0x120000)
    where = tree(tmp_path, files)
    (found,) = ask(devices, where).accelerators
    assert (found.kind, found.count) == (kind, 4)
    for module in (nvidia, amd, intel):
        assert ask(module, where).gpus == ()


@pytest.mark.parametrize(("vendor", "device"), [(0x1AE0, 0x0042), (0x1D0F, 0xEC20), (0x8086, 0x005E)])
def test_other_devices_of_the_same_makers_are_no_accelerators(tmp_path: Path, vendor: int, device: int) -> None:
    assert ask(devices, tree(tmp_path, pci("0000:00:05.0", vendor, device, kind=0x020000))).accelerators == ()


def test_gpus_of_two_vendors_stand_side_by_side_in_one_machine(tmp_path: Path) -> None:
    files = {**H100, **pci("0000:05:00.0", 0x1002, 0x74A1, **VRAM), **BOUND}
    files |= {"/proc/meminfo": "MemTotal: 1000000 kB\n"}
    where = tree(tmp_path, files, driver("0000:05:00.0", "amdgpu"))
    found = Inspection(where, Request()).machine()
    assert sorted(gpu.vendor for gpu in found.gpus or ()) == ["amd", "nvidia"]
    assert found.ram.total == 1024000000
