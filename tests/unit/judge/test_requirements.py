"""The findings of all kinds of requirement except the GPU."""

from __future__ import annotations

import pytest

from llmcheck.schema.machine import (
    Disk,
    Driver,
    Fabric,
    Gpu,
    Machine,
    Package,
    Problem,
    Ram,
    Software,
)
from llmcheck.schema.report import verdict_of
from llmcheck.units import parse_size
from tests.machines_builder import GB, card, cards, infiniband, judge, machine, packages, python


class TestDriver:
    def test_without_a_gpu_no_driver_is_required(self) -> None:
        assert judge("driver", machine()).status == "skipped"

    def test_integrated_graphics_need_no_driver(self) -> None:
        where = machine(Gpu(vendor="intel", index=0, integrated=True))
        assert judge("driver", where).status == "skipped"

    def test_a_card_that_is_not_counted_needs_no_driver(self) -> None:
        for gpu in (Gpu(vendor="intel", integrated=True), Gpu(vendor="intel", integrated=True, usable=False)):
            assert judge("driver", machine(gpu)).status == "skipped"
        assert judge("driver", machine(Gpu(vendor="nvidia", usable=None))).shortfall is None
        undriven = judge("driver", machine(Gpu(vendor="nvidia", usable=False)))
        assert (undriven.status, undriven.shortfall) == ("fail", "driver")

    def test_a_machine_in_words_with_a_card_is_assumed_to_have_a_driver(self) -> None:
        gpus = (card("H100"), Gpu(vendor="apple", index=1))
        for order in (gpus, gpus[::-1]):
            assert "assumed" in judge("driver", Machine(hypothetical=True, gpus=order)).message
        alone = judge("driver", Machine(hypothetical=True, gpus=gpus[1:]))
        assert "no GPU" in alone.message

    def test_a_working_driver_passes_and_is_named(self) -> None:
        found = judge("driver", machine(card("H100"), driver="550.54.15"))
        assert (found.status, found.found) == ("pass", "NVIDIA 550.54.15")

    @pytest.mark.parametrize("fault", ["driver-not-loaded", "driver-mismatch", "gpu-lost", "gpu-reset-required"])
    def test_a_broken_driver_fails_with_a_remedy(self, fault: str) -> None:
        problem = Problem(probe="gpu.nvidia", code=fault, message="it is broken", remedy="reboot")
        where = machine(card("H100", usable=False), driver=Driver(fault=fault), problems=(problem,))
        found = judge("driver", where)
        assert (found.status, found.message, found.remedy, found.found) == ("fail", "it is broken", "reboot", fault)

    @pytest.mark.parametrize("fault", ["no-permission", "deadline", "crashed", "nvml-unknown-error"])
    def test_a_driver_in_unknown_state_is_unknown(self, fault: str) -> None:
        where = machine(card("H100", usable=None, memory_total=None), driver=Driver(fault=fault))
        found = judge("driver", where)
        assert found.status == "unknown"
        assert fault in found.message

    def test_a_card_on_the_bus_without_any_driver_fails_with_how_to_install_it(self) -> None:
        problem = Problem(probe="gpu.nvidia", code="driver-missing", message="no library", remedy="install it")
        waiting = Gpu(vendor="nvidia", usable=False, fault="driver-missing", pci_bus_id="0000:01:00.0")
        found = judge("driver", machine(waiting, driver=None, problems=(problem,)))
        assert (found.status, found.message, found.remedy) == ("fail", "no library", "install it")

    @pytest.mark.parametrize(
        ("version", "least", "status"),
        [("580.65.06", "580", "pass"), ("580", "580", "pass"), ("575.99", "580", "fail"), ("1000.1", "580", "pass")],
    )
    def test_versions_are_compared_as_numbers(self, version: str, least: str, status: str) -> None:
        found = judge("driver", machine(card("H100"), driver=version), version=least)
        assert found.status == status
        assert least in found.needed

    def test_an_unread_version_is_unknown_only_where_one_is_required(self) -> None:
        where = machine(card("H100"), driver=Driver())
        assert judge("driver", where).status == "pass"
        assert judge("driver", where, version="580").status == "unknown"

    def test_a_version_that_cannot_be_compared_is_unknown(self) -> None:
        where = machine(card("H100"), driver="580.65 (open kernel)")
        assert judge("driver", where, version="570").status == "unknown"

    def test_another_vendors_driver_does_not_count(self) -> None:
        found = judge("driver", machine(card("H100")), vendor="amd")
        assert found.status == "skipped"
        assert "AMD" in found.needed


class TestRam:
    @pytest.mark.parametrize(
        ("usable", "total", "status"),
        [
            (16 * GB, "16 GB", "pass"),
            (16 * GB - 1, "16 GB", "fail"),
            (16 * 2**30, "16 GB", "pass"),
            (16 * 2**30 - 300 * 2**20, "16 GB", "pass"),
            (8 * 2**30, "16 GB", "fail"),
        ],
    )
    def test_the_documented_figure_is_decimal_and_exact(self, usable: int, total: str, status: str) -> None:
        assert judge("ram", machine(ram=usable), total=total).status == status

    def test_memory_in_use_does_not_matter(self) -> None:
        where = machine(ram=32 * GB)
        busy = machine(ram=32 * GB).ram
        assert judge("ram", where, total="32 GB").status == "pass"
        assert busy.available == 32 * GB
        used = Machine(ram=Ram(total=32 * GB, available=1 * GB, usable=32 * GB))
        assert judge("ram", used, total="32 GB").status == "pass"

    def test_a_limit_below_the_total_decides_and_is_named(self) -> None:
        ram = Ram(total=64 * GB, limit=8 * GB, limit_source="cgroup v2 /sys/fs/cgroup/memory.max", usable=8 * GB)
        found = judge("ram", Machine(ram=ram), total="16 GB")
        assert found.status == "fail"
        assert "cgroup v2 /sys/fs/cgroup/memory.max" in found.message
        assert "64 GB" in found.message
        assert "raise the limit" in (found.remedy or "")
        assert found.short_by == "8 GB"

    def test_raising_a_limit_is_not_advised_where_the_machine_has_no_more(self) -> None:
        ram = Ram(total=12 * GB, limit=8 * GB, limit_source="cgroup", usable=8 * GB)
        assert judge("ram", Machine(ram=ram), total="16 GB").remedy == "add RAM"

    def test_unknown_ram_is_unknown(self) -> None:
        assert judge("ram", Machine(), total="16 GB").status == "unknown"

    def test_a_cluster_is_counted_in_nodes(self) -> None:
        found = judge("ram", machine(ram=300 * GB), total="2 TB", scope="cluster")
        assert (found.status, found.cluster) == ("skipped", True)
        assert "7 such nodes" in found.message

    def test_a_cluster_is_undetermined_where_the_ram_is_unknown(self) -> None:
        assert judge("ram", Machine(), total="2 TB", scope="cluster").status == "skipped"


def with_disks(*disks: Disk) -> Machine:
    return Machine(disks=disks)


class TestDisk:
    @pytest.mark.parametrize(
        ("free", "status"), [(50 * GB, "pass"), (50 * GB - 1, "fail"), (10**15, "pass"), (None, "unknown")]
    )
    def test_free_space_is_compared_with_the_figure(self, free: int | None, status: str) -> None:
        assert judge("disk", machine(free=free), free="50 GB").status == status

    def test_the_remedy_for_a_machine_in_words_names_no_folder(self) -> None:
        """``--path`` cannot be used with ``--machine``."""
        found = judge("disk", Machine(hypothetical=True), free="50 GB")
        assert (found.status, found.message) == ("unknown", "no disk is stated")
        assert found.remedy == "add it to the words of the machine: ', 50 GB disk'"
        assert "--path" in (judge("disk", Machine(), free="50 GB").remedy or "")

    def test_the_shortfall_names_the_folder(self) -> None:
        found = judge("disk", machine(free=20 * GB), free="50 GB")
        assert found.short_by == "30 GB"
        assert "/srv" in found.message
        assert "HF_HOME" in (found.remedy or "")

    def test_a_read_only_disk_fails_however_large_it_is(self) -> None:
        disk = Disk(role="models", path="/ro", size=10**15, free=10**14, read_only=True)
        found = judge("disk", with_disks(disk), free="50 GB")
        assert (found.status, found.found) == ("fail", "read-only")

    def test_the_disk_named_with_path_is_the_one_that_counts(self) -> None:
        small = Disk(role="models", path="/small", free=1 * GB)
        large = Disk(role="path", path="/large", free=900 * GB)
        assert judge("disk", with_disks(small, large), free="50 GB").status == "pass"
        assert judge("disk", with_disks(small), free="50 GB").status == "fail"

    def test_the_disk_of_the_working_directory_may_be_required(self) -> None:
        disks = (Disk(role="models", path="/m", free=900 * GB), Disk(role="work", path="/w", free=1 * GB))
        assert judge("disk", with_disks(*disks), free="50 GB", role="work").status == "fail"

    @pytest.mark.parametrize("disks", [None, ()])
    def test_no_disk_at_all_is_unknown(self, disks: tuple[Disk, ...] | None) -> None:
        assert judge("disk", Machine(disks=disks), free="50 GB").status == "unknown"
        assert judge("disk", Machine(disks=disks), type="ssd").status == "unknown"

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("nvme", "pass"),
            ("ssd", "pass"),
            ("hdd", "fail"),
            ("network", "fail"),
            ("memory", "fail"),
            ("unknown", "unknown"),
        ],
    )
    def test_solid_state_is_nvme_or_sata(self, kind: str, status: str) -> None:
        assert judge("disk", machine(disk=kind), type="ssd").status == status

    def test_the_reason_for_an_unknown_kind_is_shown(self) -> None:
        disk = Disk(role="models", path="/", kind="unknown", kind_source="an overlay does not show the disk below it")
        assert "an overlay does not show" in judge("disk", with_disks(disk), type="ssd").message

    @pytest.mark.parametrize(("kind", "status"), [("hdd", "warn"), ("unknown", "unknown")])
    def test_a_recommended_ssd_never_decides_the_verdict(self, kind: str, status: str) -> None:
        found = judge("disk", machine(disk=kind), type="ssd", level="recommended")
        assert found.status == status
        assert verdict_of([found, judge("ram", machine(), total="1 GB")]) == "ready"

    def test_the_message_for_a_disk_in_ram_says_that_files_are_lost(self) -> None:
        assert "lost at shutdown" in judge("disk", machine(disk="memory"), type="ssd").message

    def test_the_storage_of_a_cluster_is_undetermined(self) -> None:
        found = judge("disk", machine(), free="10 PB", scope="cluster")
        assert (found.status, found.cluster) == ("skipped", True)


class TestInterconnect:
    @pytest.mark.parametrize(
        ("links", "status"),
        [
            ((18, 18), "pass"),
            ((18, 0), "fail"),
            ((0, 0), "fail"),
            ((18, None), "unknown"),
            ((None, None), "unknown"),
            ((0, None), "fail"),
        ],
    )
    def test_every_counted_card_needs_a_link(self, links: tuple[int | None, ...], status: str) -> None:
        gpus = [card("H100", index, nvlinks=link) for index, link in enumerate(links)]
        assert judge("interconnect", machine(*gpus), type="nvlink").status == status

    def test_no_gpu_fails_and_an_unknown_list_of_gpus_is_unknown(self) -> None:
        assert judge("interconnect", machine(), type="nvlink").status == "fail"
        assert judge("interconnect", machine(gpus=None), type="nvlink").status == "unknown"

    def test_a_hidden_card_without_links_does_not_count(self) -> None:
        where = machine(*cards("H100", 2, nvlinks=18), card("T4", 2, visible=False))
        assert judge("interconnect", where, type="nvlink").status == "pass"


class TestNetwork:
    def test_an_active_port_passes_with_its_rate(self) -> None:
        ports = tuple(infiniband(device=f"mlx5_{number}") for number in range(8))
        found = judge("network", machine(ports=ports), type="infiniband")
        assert found.status == "pass"
        assert "8 active" in (found.found or "")
        assert "400 Gb/s" in (found.found or "")

    def test_an_ethernet_bond_is_not_infiniband(self) -> None:
        bond = infiniband(device="mlx5_bond_0", link_layer="Ethernet", rate_gbps=200.0)
        found = judge("network", machine(ports=(bond,)), type="infiniband")
        assert (found.status, found.found) == ("fail", "none")

    def test_ports_that_are_down_fail_and_are_counted(self) -> None:
        found = judge("network", machine(ports=(infiniband(active=False),)), type="infiniband")
        assert found.status == "fail"
        assert "1 ports, none active" in (found.found or "")

    @pytest.mark.parametrize("changes", [{"active": None}, {"link_layer": None, "active": None}])
    def test_an_unread_state_is_unknown(self, changes: dict[str, object]) -> None:
        assert judge("network", machine(ports=(infiniband(**changes),)), type="infiniband").status == "unknown"

    def test_no_port_fails_and_an_unknown_list_of_ports_is_unknown(self) -> None:
        assert judge("network", machine(ports=()), type="infiniband").status == "fail"
        assert judge("network", Machine(fabric=Fabric(ports=None)), type="infiniband").status == "unknown"


class TestPackage:
    @pytest.mark.parametrize(
        ("installed", "specifier", "status"),
        [
            ("2.14.1", None, "pass"),
            ("2.14.1", ">=2.4", "pass"),
            ("2.14.1+cu126", ">=2.14", "pass"),
            ("2.15.0.dev20261101", ">=2.14", "pass"),
            ("2.3.0", ">=2.4", "fail"),
            ("2.10.0", ">=2.9", "pass"),
            ("built-here", ">=2.4", "unknown"),
            ("built-here", None, "pass"),
        ],
    )
    def test_the_installed_version_is_compared_with_the_specifier(
        self, installed: str, specifier: str | None, status: str
    ) -> None:
        keys = {"version": specifier} if specifier else {}
        found = judge("package", machine(software=packages(torch=installed)), name="torch", **keys)
        assert found.status == status
        assert found.found == f"torch {installed}"

    @pytest.mark.parametrize("name", ["lm-eval", "lm_eval", "LM.Eval"])
    def test_names_are_compared_as_the_index_does(self, name: str) -> None:
        assert judge("package", machine(software=packages(lm_eval="0.4.9")), name=name).status == "pass"

    def test_a_missing_package_fails_and_names_its_library(self) -> None:
        found = judge("package", machine(), name="megatron-core", library="megatron-lm", label="Megatron-LM")
        assert found.status == "fail"
        assert found.message == "Megatron-LM is not installed"
        assert found.libraries == ("megatron-lm",)
        assert found.libraries == ("megatron-lm",)
        assert found.group == "software"

    def test_an_environment_that_could_not_be_read_is_unknown(self) -> None:
        assert judge("package", Machine(), name="torch").status == "unknown"

    ENGINES = (
        {"name": "vllm", "label": "vLLM"},
        {"kind": "tool", "name": "llama-cli", "library": "llama-cpp", "label": "llama.cpp"},
        {"kind": "tool", "name": "llama-server", "library": "llama-cpp", "label": "llama.cpp"},
    )

    @pytest.mark.parametrize(
        "where",
        [
            machine(software=packages(vllm="0.32.0")),
            machine(present=["llama-server"]),
            machine(software=packages(vllm="0.32.0"), present=["llama-cli"]),
        ],
    )
    def test_one_of_several_alternatives_is_enough(self, where: Machine) -> None:
        found = judge("package", where, any_of=list(self.ENGINES))
        assert found.status == "pass"
        assert found.needed == "vLLM or llama.cpp"

    def test_none_of_several_alternatives_names_them_all_once(self) -> None:
        found = judge("package", machine(), any_of=list(self.ENGINES))
        assert (found.status, found.found) == ("fail", "none of them")
        assert found.message == "needs one of: vLLM or llama.cpp"
        assert found.libraries == ("vllm", "llama-cpp")

    def test_a_recommendation_of_several_names_them_all_too(self) -> None:
        found = judge("package", machine(), any_of=list(self.ENGINES), level="recommended")
        assert found.status == "warn"
        assert "vLLM" in found.message
        assert "llama.cpp" in found.message

    def test_alternatives_are_unknown_where_the_environment_could_not_be_read(self) -> None:
        where = Machine(software=Software(tools=machine().software.tools))
        assert judge("package", where, any_of=list(self.ENGINES)).status == "unknown"

    def test_a_too_old_alternative_does_not_count(self) -> None:
        alternatives = [{"name": "vllm", "version": ">=0.30"}, {"name": "sglang"}]
        where = machine(software=packages(vllm="0.2.0"))
        assert judge("package", where, any_of=alternatives).status == "fail"


class TestTool:
    def test_a_command_on_path_passes_with_its_path(self) -> None:
        found = judge("tool", machine(present=["git"]), name="git")
        assert (found.status, found.found) == ("pass", "/usr/bin/git")

    def test_a_missing_command_fails_and_is_named(self) -> None:
        found = judge("tool", machine(), name="git")
        assert (found.status, found.found, found.remedy) == (
            "fail",
            "not found",
            "install git with this system's package manager",
        )

    def test_a_command_of_a_library_names_the_library(self) -> None:
        found = judge("tool", machine(), name="llama-cli", library="llama-cpp")
        assert found.libraries == ("llama-cpp",)

    def test_a_command_that_is_not_looked_for_is_unknown(self) -> None:
        found = judge("tool", machine(), name="frobnicate")
        assert found.status == "unknown"
        assert found.message == "llmcheck does not look for the command 'frobnicate'"

    def test_unknown_tools_are_unknown(self) -> None:
        found = judge("tool", Machine(), name="git")
        assert (found.status, found.message) == ("unknown", "could not find out whether git is on PATH")


class TestPython:
    @pytest.mark.parametrize(("version", "status"), [("3.11.0", "pass"), ("3.12.4", "pass"), ("3.9.18", "fail")])
    def test_the_version_of_python_is_compared_with_the_specifier(self, version: str, status: str) -> None:
        found = judge("python", machine(interpreter=python(version=version)), version=">=3.11")
        assert (found.status, found.found) == (status, f"Python {version}")

    def test_a_python_that_was_not_found_is_unknown(self) -> None:
        assert judge("python", machine(interpreter=python(version=None)), version=">=3.11").status == "unknown"
        assert judge("python", Machine(), version=">=3.11").status == "unknown"


def test_the_same_package_may_be_listed_in_any_order() -> None:
    listed = (Package(name="zlib", version="1"), Package(name="torch", version="2.14.1"))
    for order in (listed, listed[::-1]):
        assert judge("package", machine(software=order), name="torch").status == "pass"


def test_the_shortfall_of_ram_is_a_size() -> None:
    assert parse_size(judge("ram", machine(ram=10 * GB), total="16 GB").short_by or "") == 6 * GB
