"""AMD GPUs: the compute topology joined with amdgpu's files, partitions, APUs, and what keeps ROCm out."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from llmcheck.probe import Reading
from llmcheck.probe.gpu import amd
from llmcheck.schema.machine import Gpu, Machine, counted_gpus
from llmcheck.system.host import Host
from tests.probe.host_trees import DUMPS, ask, tree

BUS = "/sys/bus/pci/devices"
NODES = "/sys/class/kfd/kfd/topology/nodes"
GIB = 2**30
MI300X = 0x74A1
VRAM = 206141652992


def card(bus_id: str = "0000:05:00.0", device: int = MI300X, bound: bool = True, **facts: Any) -> dict[str, str]:
    """A card on the bus, held by amdgpu."""
    files = {"vendor": "0x1002", "device": f"0x{device:04x}", "class": "0x120000", "numa_node": "-1"}
    if bound:
        files["uevent"] = f"DRIVER=amdgpu\nPCI_SLOT_NAME={bus_id}"
    return {f"{BUS}/{bus_id}/{name}": f"{text}\n" for name, text in {**files, **facts}.items()}


def node(number: int, location: int = 0x500, target: int = 90402, device: int = MI300X, **facts: int) -> dict[str, str]:
    """A compute node with shader units."""
    known = {
        "cpu_cores_count": 0,
        "simd_count": 1216,
        "mem_banks_count": 1,
        "gfx_target_version": target,
        "vendor_id": 0x1002,
        "device_id": device,
        "location_id": location,
        "domain": 0,
        "local_mem_size": 0,
        "unique_id": 0x1000 + location,
        **facts,
    }
    text = "".join(f"{name} {value}\n" for name, value in known.items())
    return {f"{NODES}/{number}/properties": text}


def bank(number: int, size: int, heap: int = 1, used: int | None = None) -> dict[str, str]:
    folder = f"{NODES}/{number}/mem_banks/0"
    files = {f"{folder}/properties": f"heap_type {heap}\nsize_in_bytes {size}\nflags 0\nwidth 8192\n"}
    return files if used is None else {**files, f"{folder}/used_memory": f"{used}\n"}


OTHER = {f"{BUS}/0000:00:00.0/vendor": "0x1022\n"}
"""A bus without a GPU."""
CPU = {f"{NODES}/0/properties": "cpu_cores_count 96\nsimd_count 0\nvendor_id 0\nlocation_id 0\n"}
KFD = {"/dev/kfd": "", **CPU}


def read(root: Path, *files: dict[str, str], environ: dict[str, str] | None = None) -> Reading:
    merged = {path: text for group in files for path, text in group.items()}
    return ask(amd, tree(root, merged, environ=environ))


def only(reading: Reading) -> Gpu:
    (gpu,) = reading.gpus or ()
    return gpu


@pytest.mark.parametrize(
    ("version", "target"),
    [
        (90010, "gfx90a"),
        (90402, "gfx942"),
        (90500, "gfx950"),
        (90012, "gfx90c"),
        (90006, "gfx906"),
        (100300, "gfx1030"),
        (110000, "gfx1100"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
        (0, None),
    ],
)
def test_targets(version: int, target: str | None) -> None:
    assert amd.gfx(version) == target


class TestCard:
    def test_node_and_driver_files_make_one_card(self, tmp_path: Path) -> None:
        facts: dict[str, Any] = {
            "mem_info_vram_total": VRAM,
            "mem_info_vram_used": 1000,
            "current_compute_partition": "SPX",
            "current_memory_partition": "NPS1",
            "numa_node": 1,
        }
        gpu = only(read(tmp_path, KFD, card(**facts), node(1)))
        assert (gpu.index, gpu.name, gpu.gfx) == (0, "AMD Instinct MI300X", "gfx942")
        assert (gpu.memory_total, gpu.memory_used, gpu.memory_free) == (VRAM, 1000, VRAM - 1000)
        assert (gpu.partition, gpu.parent, gpu.numa_node) == ("SPX/NPS1", None, 1)
        assert (gpu.usable, gpu.fault, gpu.unified, gpu.integrated) == (True, None, False, False)

    def test_its_uuid_is_written_as_rocm_writes_it(self, tmp_path: Path) -> None:
        reading = read(tmp_path, KFD, card(), node(1, unique_id=0x0D1457E2C20F59D2))
        assert reading.gpu_uuids == ("GPU-0d1457e2c20f59d2",)

    def test_a_size_that_the_node_leaves_at_nothing_is_in_its_banks(self, tmp_path: Path) -> None:
        gpu = only(read(tmp_path, KFD, card(), node(1), bank(1, 51539607552, used=7)))
        assert (gpu.memory_total, gpu.memory_used) == (51539607552, 7)

    def test_a_bank_of_the_machines_ram_is_not_the_cards(self, tmp_path: Path) -> None:
        assert only(read(tmp_path, KFD, card(), node(1), bank(1, 64 * GIB, heap=0))).memory_total is None

    def test_nothing_said_of_memory_is_unknown_and_not_zero(self, tmp_path: Path) -> None:
        gpu = only(read(tmp_path, KFD, card(), node(1)))
        assert (gpu.memory_total, gpu.memory_used, gpu.memory_free) == (None, None, None)

    @pytest.mark.parametrize(
        ("revision", "name"),
        [("0xc8", "AMD Radeon RX 7900 XTX"), ("0xcc", "AMD Radeon RX 7900 XT"), ("0x01", "AMD GPU [1002:744c]")],
    )
    def test_one_id_is_several_cards_by_revision(self, tmp_path: Path, revision: str, name: str) -> None:
        files = card(device=0x744C, revision=revision)
        assert only(read(tmp_path, KFD, files, node(1, target=110000, device=0x744C))).name == name

    def test_the_cards_own_name_comes_first_and_the_kernels_code_name_last(self, tmp_path: Path) -> None:
        own = card(product_name="AMD INSTINCT MI250 (MCM) OAM AC MBA", device=0x740C)
        gpu = only(read(tmp_path / "a", KFD, own, node(1, device=0x740C)))
        assert gpu.name == "AMD INSTINCT MI250 (MCM) OAM AC MBA"
        told = {f"{NODES}/1/name": "vega10\n"}
        assert only(read(tmp_path / "b", KFD, card(device=1), node(1, device=1), told)).name == "AMD GPU (vega10)"
        vague = {f"{NODES}/1/name": "ip discovery\n"}
        assert only(read(tmp_path / "c", KFD, card(device=1), node(1, device=1), vague)).name == "AMD GPU [1002:0001]"

    def test_order_is_the_nodes_and_not_the_bus(self, tmp_path: Path) -> None:
        cards = {**card("0000:05:00.0"), **card("0000:63:00.0")}
        gpus = read(tmp_path, KFD, cards, node(2, location=0x6300), node(10, location=0x500)).gpus or ()
        assert [(gpu.index, gpu.pci_bus_id) for gpu in gpus] == [(0, "0000:63:00.0"), (1, "0000:05:00.0")]

    def test_hidden_ones_are_told_as_installed(self, tmp_path: Path) -> None:
        cards = {**card("0000:05:00.0"), **card("0000:63:00.0")}
        environ = {"ROCR_VISIBLE_DEVICES": "1"}
        reading = read(tmp_path, KFD, cards, node(1, location=0x500), node(2, location=0x6300), environ=environ)
        assert [gpu.visible for gpu in reading.gpus or ()] == [False, True]


CPX: dict[str, Any] = {
    "current_compute_partition": "CPX",
    "current_memory_partition": "NPS4",
    "mem_info_vram_total": VRAM,
}


class TestPartitions:
    def cpx(self, root: Path, *more: dict[str, str]) -> tuple[Gpu, ...]:
        cards = {**card("0000:05:00.0", **CPX), **card("0000:26:00.0", **CPX)}
        nodes = [node(1 + part, location=0x500 + part) for part in range(8)]
        nodes += [node(9 + part, location=0x2600 + part) for part in range(8)]
        return read(root, KFD, cards, *nodes, *more).gpus or ()

    def test_each_is_a_device_with_its_share_that_knows_its_card(self, tmp_path: Path) -> None:
        gpus = self.cpx(tmp_path)
        assert [gpu.index for gpu in gpus] == list(range(16))
        assert [gpu.parent for gpu in gpus] == [0] * 8 + [8] * 8
        assert {gpu.memory_total for gpu in gpus} == {VRAM // 8}
        assert {gpu.partition for gpu in gpus} == {"CPX/NPS4"}
        assert {gpu.pci_bus_id for gpu in gpus} == {"0000:05:00.0", "0000:26:00.0"}

    def test_all_are_counted_none_as_a_card(self, tmp_path: Path) -> None:
        counted = counted_gpus(Machine(gpus=self.cpx(tmp_path)))
        assert len(counted) == 16
        assert all(gpu.parent is not None for gpu in counted)

    def test_what_the_node_says_of_its_share_comes_first(self, tmp_path: Path) -> None:
        gpus = self.cpx(tmp_path, bank(1, 24 * GIB, used=5))
        assert (gpus[0].memory_total, gpus[0].memory_used, gpus[0].memory_free) == (24 * GIB, 5, 24 * GIB - 5)
        assert gpus[1].memory_used is None

    def test_the_source_says_so(self, tmp_path: Path) -> None:
        files = [node(1 + part, location=0x500 + part) for part in range(8)]
        assert "partitions of a card share its memory" in read(tmp_path, KFD, card(**CPX), *files).sources["gpus"]

    def test_a_lone_partition_in_a_container_is_not_the_card(self, tmp_path: Path) -> None:
        withheld = {f"{NODES}/2/properties": ""}
        gpu = only(read(tmp_path / "a", KFD, card(**CPX), node(1, location=0x503), withheld))
        assert (gpu.memory_total, gpu.parent, gpu.pci_bus_id) == (None, 0, "0000:05:00.0")
        gpu = only(read(tmp_path / "b", KFD, card(**CPX), node(1, location=0x503), bank(1, 24 * GIB), withheld))
        assert gpu.memory_total == 24 * GIB

    def test_functions_that_are_devices_on_the_bus_are_cards_of_their_own_place(self, tmp_path: Path) -> None:
        gpu = only(read(tmp_path, KFD, card("0000:05:00.1"), node(1, location=0x501)))
        assert (gpu.pci_bus_id, gpu.parent) == ("0000:05:00.1", None)


class TestApu:
    def strix(self, root: Path, vram: int, gtt: int, **more: dict[str, str]) -> Gpu:
        facts: dict[str, Any] = {
            "class": "0x038000",
            "revision": "0xc1",
            "mem_info_vram_total": vram,
            "mem_info_vram_used": 1,
            "mem_info_gtt_total": gtt,
            "mem_info_gtt_used": 2,
        }
        files = card("0000:c6:00.0", device=0x1586, **facts)
        return only(read(root, KFD, files, node(1, location=0xC600, target=110501, device=0x1586)))

    def test_strix_halo_allocates_from_the_larger_pool(self, tmp_path: Path) -> None:
        mapped = self.strix(tmp_path / "a", vram=4 * GIB, gtt=96 * GIB)
        assert (mapped.name, mapped.gfx, mapped.unified) == ("AMD Radeon 8060S Graphics", "gfx1151", True)
        assert (mapped.memory_total, mapped.memory_used, mapped.integrated) == (96 * GIB, 2, False)
        carved = self.strix(tmp_path / "b", vram=96 * GIB, gtt=16 * GIB)
        assert (carved.memory_total, carved.memory_used) == (96 * GIB, 1)

    def test_an_untold_share_is_left_to_the_machines_ram(self, tmp_path: Path) -> None:
        files = card(device=0x1586, bound=True)
        gpu = only(read(tmp_path, KFD, files, node(1, target=110501, device=0x1586)))
        assert (gpu.unified, gpu.memory_total) == (True, None)

    def test_mi300a_is_told_from_mi300x_by_its_id(self, tmp_path: Path) -> None:
        files = card(device=0x74A0, mem_info_vram_total=128 * GIB)
        gpu = only(read(tmp_path, KFD, files, node(1, device=0x74A0)))
        assert (gpu.name, gpu.unified, gpu.integrated) == ("AMD Instinct MI300A", True, False)

    @pytest.mark.parametrize(
        ("target", "device"), [(90012, 0x1638), (110003, 0x15BF), (110500, 0x150E), (100306, 0x164E)]
    )
    def test_smaller_ones_are_listed_only(self, tmp_path: Path, target: int, device: int) -> None:
        files = card(device=device, mem_info_vram_total=512 * 2**20, mem_info_gtt_total=15 * GIB)
        reading = read(tmp_path, CPU, files, node(1, target=target, device=device))
        assert only(reading).integrated
        assert counted_gpus(Machine(gpus=reading.gpus)) == ()
        assert reading.problems == ()

    def test_a_node_with_processors_and_shaders_is_an_apu_of_old_kernels(self, tmp_path: Path) -> None:
        gpu = only(read(tmp_path, KFD, card(device=1), node(1, target=0, device=1, cpu_cores_count=8)))
        assert (gpu.unified, gpu.integrated) == (True, True)

    def test_a_small_card_with_a_known_target_is_a_card(self, tmp_path: Path) -> None:
        files = card(device=0x743F, mem_info_vram_total=4 * GIB)
        assert not only(read(tmp_path, KFD, files, node(1, target=100304, device=0x743F))).integrated


class TestAccess:
    def test_a_card_without_its_driver_is_broken(self, tmp_path: Path) -> None:
        reading = read(tmp_path, card(bound=False))
        gpu = only(reading)
        assert (gpu.index, gpu.usable, gpu.fault, gpu.memory_total) == (None, False, "driver-not-loaded", None)
        assert [problem.code for problem in reading.problems] == ["driver-not-loaded"]
        assert reading.drivers == {}

    def test_a_card_held_for_a_virtual_machine_says_by_whom(self, tmp_path: Path) -> None:
        reading = read(tmp_path, {**card(bound=False), f"{BUS}/0000:05:00.0/uevent": "DRIVER=vfio-pci\n"})
        assert "vfio-pci" in reading.problems[0].message

    def test_without_the_compute_device_it_is_not_known_to_work(self, tmp_path: Path) -> None:
        reading = read(tmp_path, CPU, card(mem_info_vram_total=VRAM), node(1))
        gpu = only(reading)
        assert (gpu.usable, gpu.fault, gpu.memory_total) == (None, "kfd-missing", VRAM)
        assert [problem.code for problem in reading.problems] == ["kfd-missing"]
        assert reading.drivers["amd"].fault == "kfd-missing"
        assert "--device /dev/kfd" in (reading.problems[0].remedy or "")

    def test_a_card_that_the_topology_does_not_list(self, tmp_path: Path) -> None:
        reading = read(tmp_path, KFD, card(mem_info_vram_total=VRAM))
        assert (only(reading).usable, only(reading).fault, only(reading).index) == (None, "kfd-missing", None)
        assert "does not list" in reading.problems[0].message

    def test_without_the_right_to_open_it(self, tmp_path: Path) -> None:
        host = tree(tmp_path, {**KFD, **card(), **node(1)})
        (tmp_path / "dev/kfd").chmod(0o000)
        reading = ask(amd, host)
        assert (only(reading).usable, only(reading).fault) == (None, "no-permission")
        assert "render,video" in (reading.problems[0].remedy or "")

    def test_a_card_granted_to_another_container_is_not_visible(self, tmp_path: Path) -> None:
        cards = {**card("0000:05:00.0"), **card("0000:26:00.0")}
        withheld = {f"{NODES}/2/properties": ""}
        gpus = read(tmp_path, KFD, cards, node(1), withheld).gpus or ()
        assert [(gpu.pci_bus_id, gpu.visible) for gpu in gpus] == [("0000:05:00.0", True), ("0000:26:00.0", False)]

    def test_no_amd_device_is_no_gpu_and_no_problem(self, tmp_path: Path) -> None:
        reading = read(tmp_path, CPU, OTHER)
        assert (reading.gpus, reading.problems, reading.drivers) == ((), (), {})


class TestVersions:
    def test_the_module_comes_first_and_rocm_is_told_beside_it(self, tmp_path: Path) -> None:
        versions = {"/sys/module/amdgpu/version": "6.10.5\n", "/opt/rocm/.info/version": "6.4.1-83\n"}
        reading = read(tmp_path, KFD, card(), node(1), versions)
        assert reading.drivers["amd"].version == "6.10.5"
        assert "ROCm 6.4.1" in reading.sources["drivers.amd"]

    def test_the_newest_folder_counts(self, tmp_path: Path) -> None:
        host = tree(tmp_path, {"/opt/rocm-6.4.0/x": "", "/opt/rocm-6.10.1/x": "", "/opt/rocm-old/x": ""})
        assert amd.rocm_version(host) == "6.10.1"
        assert amd.rocm_version(Host(str(tmp_path / "opt"), {})) is None


@pytest.mark.parametrize("text", ["", "\n", "simd_count\n", "simd_count x\n", "simd_count -4\n", "\x00\ufffd 1 2 3\n"])
def test_damaged_properties_are_no_node(tmp_path: Path, text: str) -> None:
    files = {f"{NODES}/1/properties": text, f"{NODES}/x/properties": "simd_count 4"}
    assert read(tmp_path, files, OTHER).gpus == ()


@pytest.mark.skipif(not (DUMPS / "amd" / "kfd").exists(), reason="no hardware dumps beside the project")
class TestDumps:
    def replay(self, root: Path, nodes: Path) -> tuple[Gpu, ...]:
        place = root / NODES.lstrip("/")
        place.parent.mkdir(parents=True)
        shutil.copytree(nodes, place)
        return read(root, {"/dev/kfd": ""}).gpus or ()

    def test_vega10_and_its_copied_node_are_one_card(self, tmp_path: Path) -> None:
        (gpu,) = self.replay(tmp_path, DUMPS / "amd/kfd/vega10_1gpu/topology/nodes")
        assert (gpu.memory_total, gpu.memory_used, gpu.pci_bus_id) == (17163091968, 14102528, "0000:19:00.0")
        assert (gpu.gfx, gpu.name, gpu.usable) == (None, "AMD GPU [1002:6860]", True)

    def test_eight_mi210(self, tmp_path: Path) -> None:
        gpus = self.replay(tmp_path, DUMPS / "amd/kfd/mi210_8gpu/nodes")
        assert [gpu.index for gpu in gpus] == list(range(8))
        assert {(gpu.name, gpu.gfx, gpu.parent, gpu.memory_total) for gpu in gpus} == {
            ("AMD Instinct MI210", "gfx90a", None, None)
        }
        assert (gpus[0].pci_bus_id, gpus[2].pci_bus_id) == ("0000:63:00.0", "0000:03:00.0")

    def test_mi300_in_cpx(self, tmp_path: Path) -> None:
        with tarfile.open(DUMPS / "amd/kfd/topo-mi300-cpx.tar.gz") as archive:
            archive.extractall(tmp_path / "dump", filter="data")
        gpus = self.replay(tmp_path / "host", tmp_path / "dump/topo-mi300-cpx/topology/nodes")
        assert len(gpus) == 63
        assert len({gpu.parent for gpu in gpus}) == 8
        assert {gpu.gfx for gpu in gpus} == {"gfx942"}
        assert all(gpus[gpu.parent or 0].pci_bus_id == gpu.pci_bus_id for gpu in gpus)

    def test_a_tree_with_nothing_but_its_cards(self, tmp_path: Path) -> None:
        fixture = DUMPS / "linux_sys_procfs_fixtures/fixtures/sys/class/drm"
        (tmp_path / "sys/class").mkdir(parents=True)
        (tmp_path / "sys/class/drm").symlink_to(fixture)
        gpu = only(ask(amd, Host(str(tmp_path), {})))
        assert (gpu.name, gpu.memory_total, gpu.memory_used) == ("AMD Radeon RX Vega", 8573157376, 1490378752)
        assert (gpu.pci_bus_id, gpu.usable, gpu.fault) == ("0000:09:00.0", None, "kfd-missing")
