"""Unusual machines, from files to the answers of ``fit`` and ``check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmcheck import api
from llmcheck.api.model_source import ModelSource
from llmcheck.fit import capacity
from llmcheck.schema.estimate import Fit
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Workload
from tests.probe.odd_machines import BUS, GB, GIB, KIB, MIB, apu, machine, meminfo, pci

STRIX_HALO, HX_370, PHOENIX = (0x1586, 110501), (0x150E, 110500), (0x15BF, 110003)


def fit(found: Machine, model: str, **work: Any) -> Fit:
    return api.fit(ModelSource(model=model), Workload(**{"method": "inference", **work}), lambda: found)


def status(found: Machine, profile: str, requirement: str) -> str:
    report = api.check([profile], lambda: found)
    return next(each.status for each in report.profiles[0].findings if each.id == requirement)


class TestCarveOut:
    """Memory that the firmware set aside for the GPU is not part of the RAM."""

    @pytest.mark.parametrize(("carved", "ram"), [(96, 31), (64, 62), (48, 15)])
    def test_it_is_the_gpus_alone(self, tmp_path: Path, carved: int, ram: int) -> None:
        files = apu(*STRIX_HALO, vram=carved * GIB, gtt=ram * GIB // 2, used=GIB // 2)
        found = machine(tmp_path, files, meminfo(ram * GIB, (ram - 6) * GIB))
        (share,) = fit(found, "8B", runtime="llama.cpp", weights="q8_0").per_gpu
        assert share.free == carved * GIB - GIB // 2
        assert capacity.of(found).ram == (ram - 6) * GIB

    def test_a_large_model_fits_in_it(self, tmp_path: Path) -> None:
        files = apu(*STRIX_HALO, vram=103079215104, gtt=15860 * MIB, used=620 * MIB)
        found = machine(tmp_path, files, meminfo(32482000 * KIB, 26774000 * KIB))
        assert fit(found, "70B", runtime="llama.cpp", weights="q8_0").verdict == "fits"
        assert status(found, "inference-70b-4bit", "gpu") == "pass"


class TestMappedRam:
    def test_no_more_than_the_kernel_maps(self, tmp_path: Path) -> None:
        """amdgpu.gttsize promises more than the memory manager maps."""
        limit = {"/sys/module/ttm/parameters/pages_limit": f"{40 * GIB // 4096}\n"}
        files = apu(*STRIX_HALO, vram=512 * MIB, gtt=110 * GIB)
        found = machine(tmp_path, files, limit, meminfo(124 * GIB, 119 * GIB))
        (gpu,) = found.gpus or ()
        assert (gpu.memory_total, gpu.memory_pool) == (40 * GIB, "gtt")

    def test_no_more_than_the_ram_has_left(self, tmp_path: Path) -> None:
        files = apu(*STRIX_HALO, vram=512 * MIB, gtt=110 * GIB)
        found = machine(tmp_path, files, meminfo(124 * GIB, 21 * GIB))
        (share,) = fit(found, "8B", runtime="llama.cpp", weights="q4_k_m").per_gpu
        assert share.free == 21 * GIB


WSL = {"/proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n", "/dev/dxg": ""}
EMPTY_BUS = pci("0000:00:01.0", 0x8086, 0x7113, None, kind="0x068000")


class TestUnlistable:
    """A bus that cannot be listed has no GPU that is known of; it does not have none."""

    @pytest.mark.parametrize(
        ("files", "words"),
        [
            (WSL, "/dev/dxg"),
            (WSL | pci("5582:00:00.0", 0x1414, 0x008E, "dxgkrnl", kind="0x030200"), "/dev/dxg"),
            # Hyper-V's shared GPU in a Linux machine, with a kernel of its own
            (EMPTY_BUS | {"/dev/dxg": "", "/proc/sys/kernel/osrelease": "6.8.0-60-generic"}, "/dev/dxg"),
            ({"/proc/sys/kernel/osrelease": "4.4.0-22621-Microsoft"}, "/sys/bus/pci/devices"),
            # a container without sysfs, or with the kernel's console as its one display
            ({"/run/.containerenv": ""}, "/sys/bus/pci/devices"),
            ({"/sys/class/drm/card0/device/uevent": "DRIVER=simple-framebuffer\n"}, "/sys/bus/pci/devices"),
            ({"/.platform": "windows"}, "on Windows only those of NVIDIA"),
            ({"/.platform": "darwin", "/.architecture": "x86_64"}, "on macOS those of Apple silicon"),
        ],
    )
    def test_gpus_are_unknown_and_the_reason_is_told_once(
        self, tmp_path: Path, files: dict[str, str], words: str
    ) -> None:
        found = machine(tmp_path, files, meminfo(32 * GIB, 30 * GIB))
        assert found.gpus is None
        (problem,) = [each for each in found.problems if each.probe.startswith("gpu")]
        assert words in problem.message
        report = api.check(["inference-7b"], lambda: found, only=["gpu"])
        assert (report.verdict, report.exit_code) == ("undetermined", 3)

    @pytest.mark.parametrize(
        "files", [EMPTY_BUS, EMPTY_BUS | {"/proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n"}]
    )
    def test_a_bus_without_one_has_none(self, tmp_path: Path, files: dict[str, str]) -> None:
        found = machine(tmp_path, files, meminfo(32 * GIB, 30 * GIB))
        assert found.gpus == ()
        assert api.check(["inference-7b"], lambda: found, only=["gpu"]).exit_code == 1

    def test_one_that_a_driver_lists_is_enough(self, tmp_path: Path) -> None:
        files = {name: text for name, text in apu(*STRIX_HALO, vram=GIB, gtt=60 * GIB).items() if BUS not in name}
        found = machine(tmp_path, files, meminfo(120 * GIB, 110 * GIB))
        assert len(found.gpus or ()) == 1
        assert [each for each in found.problems if each.probe == "gpu"] == []


USER = "user.slice/user-1000.slice"


def groups(**limits: int) -> dict[str, str]:
    """A login session under cgroup v2; ``limits``: bytes by file, of the user's slice."""
    mounted = "/sys/fs/cgroup"
    return {
        "/proc/self/cgroup": f"0::/{USER}/session-4.scope\n",
        "/proc/self/mountinfo": f"30 1 0:26 / {mounted} rw - cgroup2 cgroup2 rw,nsdelegate\n",
        f"{mounted}/{USER}/memory.current": f"{GIB}\n",
        f"{mounted}/{USER}/session-4.scope/memory.max": "max\n",
        **{f"{mounted}/{USER}/{name.replace('_', '.')}": f"{size}\n" for name, size in limits.items()},
    }


class TestRam:
    @pytest.mark.parametrize(("size", "model"), [(8, "70B"), (3, "13B")])
    def test_a_soft_limit_of_a_slice_above_counts(self, tmp_path: Path, size: int, model: str) -> None:
        limits = groups(memory_high=size * GIB)
        found = machine(tmp_path, limits, EMPTY_BUS, meminfo(125 * GIB, 118 * GIB))
        ram = found.ram
        assert (ram.usable, ram.available, ram.limit_soft) == (size * GIB, (size - 1) * GIB, True)
        answer = fit(found, model, runtime="llama.cpp", weights="q4_k_m")
        assert answer.verdict == "does-not-fit"
        assert any("soft limit" in note and "MemoryHigh" in note for note in answer.assumptions)

    def test_the_lower_of_soft_and_hard_applies(self, tmp_path: Path) -> None:
        limits = groups(memory_high=9 * GIB, memory_max=6 * GIB)
        ram = machine(tmp_path, limits, EMPTY_BUS, meminfo(125 * GIB, 118 * GIB)).ram
        assert (ram.usable, ram.limit_soft, (ram.limit_file or "").rpartition("/")[2]) == (6 * GIB, False, "memory.max")

    def test_what_limits_wsl_is_named(self, tmp_path: Path) -> None:
        found = machine(tmp_path, WSL, meminfo(7 * GIB, 6 * GIB))
        report = api.check(["inference-7b"], lambda: found, only=["ram"])
        (finding,) = [each for each in report.profiles[0].findings if each.id == "ram"]
        assert (finding.status, ".wslconfig" in (finding.remedy or "")) == ("fail", True)

    @pytest.mark.parametrize(("arc", "least", "counted"), [(96, 8, 88), (11, 4, 7), (4, 4, 0), (3, 4, 0)])
    def test_the_cache_of_zfs_gives_way(self, tmp_path: Path, arc: int, least: int, counted: int) -> None:
        stats = f"9 1 0x01 147 39984 1\nname type data\nc_min 4 {least * GIB}\nsize 4 {arc * GIB}\narc_meta 4 7\n"
        found = machine(tmp_path, EMPTY_BUS, meminfo(125 * GIB, 20 * GIB), {"/proc/spl/kstat/zfs/arcstats": stats})
        assert (found.ram.available, found.ram.zfs_cache) == ((20 + counted) * GIB, counted * GIB)

    def test_a_model_fits_in_what_it_gives_and_the_answer_says_so(self, tmp_path: Path) -> None:
        stats = f"c_min 4 {4 * GIB}\nsize 4 {96 * GIB}\n"
        found = machine(tmp_path, EMPTY_BUS, meminfo(125 * GIB, 20 * GIB), {"/proc/spl/kstat/zfs/arcstats": stats})
        answer = fit(found, "70B", runtime="llama.cpp", weights="q4_k_m")
        assert answer.verdict == "fits-with-offload"
        assert any("ARC" in note for note in answer.assumptions)

    def test_zfs_gives_nothing_beyond_a_limit(self, tmp_path: Path) -> None:
        stats = {"/proc/spl/kstat/zfs/arcstats": f"c_min 4 {4 * GIB}\nsize 4 {96 * GIB}\n"}
        found = machine(tmp_path, groups(memory_max=9 * GIB), EMPTY_BUS, stats, meminfo(125 * GIB, 20 * GIB))
        assert found.ram.available == 8 * GIB

    def test_huge_pages_hold_no_model(self, tmp_path: Path) -> None:
        reserved = {"HugePages_Total": 0, "Hugetlb": 100 * GIB}
        found = machine(tmp_path, EMPTY_BUS, meminfo(125 * GIB, 20 * GIB, **reserved))
        assert found.ram.usable == 25 * GIB
        report = api.check(["inference-70b"], lambda: found, only=["ram"])
        (finding,) = [each for each in report.profiles[0].findings if each.id == "ram"]
        assert (finding.status, "nr_hugepages" in (finding.remedy or "")) == ("fail", True)


class TestIntegrated:
    """A tier counts cards; models run on the graphics of processors too, as people run them."""

    @pytest.mark.parametrize("chip", [HX_370, PHOENIX])
    def test_it_runs_models_and_counts_for_no_tier(self, tmp_path: Path, chip: tuple[int, int]) -> None:
        files = apu(*chip, vram=512 * MIB, gtt=90 * GB)
        found = machine(tmp_path, files, meminfo(94 * GIB, 88 * GIB))
        answer = fit(found, "8B")
        assert (answer.verdict, answer.workload.runtime, len(answer.per_gpu)) == ("fits", "llama.cpp", 1)
        assert status(found, "inference-7b", "gpu") == "fail"

    def test_what_is_installed_for_it_uses_vulkan(self, tmp_path: Path) -> None:
        found = machine(tmp_path, apu(*HX_370, vram=512 * MIB, gtt=40 * GB), meminfo(94 * GIB, 88 * GIB))
        plan = api.install_plan(["llama-cpp"], lambda: found)
        reasons = [step.reason for each in plan.environments for step in each.steps]
        assert any("Vulkan" in reason for reason in reasons), reasons
