"""Processor, memory and NUMA nodes: over hand-written trees and over dumps of real machines."""

from __future__ import annotations

import pathlib
import shutil
import tarfile

import pytest

from llmcheck.probe import Reading, Request, cpu, memory
from llmcheck.schema.machine import Cpu, Ram
from llmcheck.system.host import Host
from tests.probe.trees import dump, plant

GIB = 2**30
MEMINFO = "MemTotal: 67108864 kB\nMemFree: 1 kB\nMemAvailable: 33554432 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n"


def read_cpu(root: pathlib.Path, **environ: str) -> tuple[Cpu, Reading]:
    reading = cpu.probe(Host(str(root), environ=environ), Request())
    assert reading.cpu is not None
    return reading.cpu, reading


def read_ram(root: pathlib.Path, **environ: str) -> tuple[Ram, Reading]:
    reading = memory.probe(Host(str(root), environ=environ), Request())
    assert reading.ram is not None
    return reading.ram, reading


def processors(count: int, extra: str = "") -> str:
    return "".join(f"processor\t: {number}\nmodel name\t: Test CPU\n{extra}\n" for number in range(count))


def cgroups(root: pathlib.Path, own: str, mounts: str) -> None:
    plant(root, {"proc/self/cgroup": own, "proc/self/mountinfo": mounts})


V2 = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1 = "30 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"


class TestProcessor:
    def test_flags_are_those_that_matter_and_that_every_core_has(self, tmp_path: pathlib.Path) -> None:
        text = processors(1, "flags\t: fpu avx2 avx512f amx_tile sse2\n") + processors(1, "flags\t: avx2 fma avx512f\n")
        plant(tmp_path, {"proc/cpuinfo": text})
        found, reading = read_cpu(tmp_path)
        assert found.flags == ("avx2", "avx512f")
        assert reading.sources["cpu.flags"] == "/proc/cpuinfo"

    def test_flags_that_cannot_be_read_are_unknown_and_none_is_none(self, tmp_path: pathlib.Path) -> None:
        assert read_cpu(tmp_path)[0].flags is None
        plant(tmp_path, {"proc/cpuinfo": processors(1, "flags\t: fpu sse2\n")})
        assert read_cpu(tmp_path)[0].flags == ()

    def test_arm_cores_are_named_by_their_numbers(self, tmp_path: pathlib.Path) -> None:
        core = "processor\t: {}\nFeatures\t: fp asimd sve i8mm\nCPU implementer\t: 0x41\nCPU part\t: {}\n\n"
        plant(tmp_path, {"proc/cpuinfo": core.format(0, "0xd4f") + core.format(1, "0xd4f")})
        found, _ = read_cpu(tmp_path)
        assert (found.model, found.threads, found.flags) == ("Neoverse-V2", 2, ("asimd", "i8mm", "sve"))

    def test_arm_core_without_a_name_keeps_what_the_kernel_says(self, tmp_path: pathlib.Path) -> None:
        text = "processor\t: 0\nmodel name\t: ARMv8 Processor\nCPU implementer\t: 0x99\nCPU part\t: 0x001\n"
        plant(tmp_path, {"proc/cpuinfo": text})
        assert read_cpu(tmp_path)[0].model == "ARMv8 Processor"

    def test_cores_from_topology(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/cpuinfo": "".join(f"processor\t: {number}\n\n" for number in range(4))})
        for number in range(4):
            siblings = f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list"
            plant(tmp_path, {siblings: f"{number % 2},{number % 2 + 2}\n"})
        plant(tmp_path, {"sys/devices/system/cpu/cpufreq/": ""})
        found, _ = read_cpu(tmp_path)
        assert (found.cores, found.threads) == (2, 4)

    @pytest.mark.parametrize(("packages", "expected"), [("0011", 2), ("0000", 1), ("----", None), ("", None)])
    def test_sockets_from_topology(self, tmp_path: pathlib.Path, packages: str, expected: int | None) -> None:
        """Where /proc/cpuinfo has none, as on ARM; the kernel writes -1 for packages that it does not know."""
        plant(tmp_path, {"proc/cpuinfo": "processor\t: 0\n"})
        for number, package in enumerate(packages):
            file = f"sys/devices/system/cpu/cpu{number}/topology/physical_package_id"
            plant(tmp_path, {file: "-1\n" if package == "-" else f"{package}\n"})
        assert read_cpu(tmp_path)[0].sockets == expected


class TestProcessorLimits:
    def test_cpuset_of_v2_counts_like_affinity(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/cpuinfo": processors(16), "sys/fs/cgroup/job/cpuset.cpus.effective": "0-2,8\n"})
        cgroups(tmp_path, "0::/job\n", V2)
        found, reading = read_cpu(tmp_path)
        assert (found.threads_affinity, found.threads_usable) == (4, 4)
        assert reading.sources["cpu.threads_affinity"] == "cgroup v2 /sys/fs/cgroup/job/cpuset.cpus.effective"

    def test_nearest_group_that_has_the_controller_says(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/cpuinfo": processors(16), "sys/fs/cgroup/a/cpuset.cpus.effective": "0-7\n"})
        plant(tmp_path, {"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/cpuset.cpus.effective": "0-15\n"})
        cgroups(tmp_path, "0::/a/b\n", V2)
        assert read_cpu(tmp_path)[0].threads_affinity == 8

    def test_cpuset_of_v1(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/cpuinfo": processors(16), "sys/fs/cgroup/cpuset/job/cpuset.cpus": "3\n"})
        cgroups(tmp_path, "3:cpuset:/job\n", "30 1 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n")
        assert read_cpu(tmp_path)[0].threads_usable == 1

    @pytest.mark.parametrize(
        ("environ", "usable", "source"),
        [
            ({"SLURM_CPUS_ON_NODE": "8"}, 8, "Slurm SLURM_CPUS_ON_NODE"),
            ({"SLURM_CPUS_PER_TASK": "3"}, 3, "Slurm SLURM_CPUS_PER_TASK"),
            # A batch script starts the tasks and has all that the job has.
            ({"SLURM_CPUS_ON_NODE": "8", "SLURM_CPUS_PER_TASK": "2"}, 8, "Slurm SLURM_CPUS_ON_NODE"),
            (
                {"SLURM_CPUS_ON_NODE": "8", "SLURM_CPUS_PER_TASK": "2", "SLURM_STEP_ID": "0"},
                2,
                "Slurm SLURM_CPUS_PER_TASK",
            ),
            ({"SLURM_CPUS_ON_NODE": "64"}, 16, "logical processors"),
            ({"SLURM_CPUS_ON_NODE": "many"}, 16, "logical processors"),
        ],
    )
    def test_slurm(self, tmp_path: pathlib.Path, environ: dict[str, str], usable: int, source: str) -> None:
        plant(tmp_path, {"proc/cpuinfo": processors(16)})
        found, reading = read_cpu(tmp_path, **environ)
        assert found.threads_usable == usable
        assert reading.sources["cpu.threads_usable"] == source

    def test_quota_is_cut_to_whole_threads_and_never_below_one(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/cpuinfo": processors(16), "sys/fs/cgroup/job/cpu.max": "50000 100000\n"})
        cgroups(tmp_path, "0::/job\n", V2)
        found, reading = read_cpu(tmp_path)
        assert (found.quota, found.threads_usable) == (0.5, 1)
        assert reading.sources["cpu.threads_usable"] == "cgroup v2 /sys/fs/cgroup/job/cpu.max"


class TestMemoryLimits:
    def test_lowest_of_the_nested_groups(self, tmp_path: pathlib.Path) -> None:
        group = "sys/fs/cgroup/a"
        plant(tmp_path, {"proc/meminfo": MEMINFO, f"{group}/memory.max": f"{4 * GIB}", f"{group}/b/memory.max": "max"})
        cgroups(tmp_path, "0::/a/b\n", V2)
        found, reading = read_ram(tmp_path)
        assert (found.limit, found.usable, found.total) == (4 * GIB, 4 * GIB, 64 * GIB)
        assert reading.sources["ram.limit"] == found.limit_source == f"cgroup v2 /{group}/memory.max"

    def test_available_is_what_the_group_has_left(self, tmp_path: pathlib.Path) -> None:
        group = "sys/fs/cgroup/a"
        plant(tmp_path, {"proc/meminfo": MEMINFO, f"{group}/memory.max": f"{4 * GIB}"})
        plant(tmp_path, {f"{group}/memory.current": f"{3 * GIB}", f"{group}/memory.stat": f"inactive_file {GIB}\n"})
        cgroups(tmp_path, "0::/a\n", V2)
        found, reading = read_ram(tmp_path)
        assert found.available == 2 * GIB
        assert "memory.max, less what is in use" in reading.sources["ram.available"]

    def test_available_is_the_hosts_where_that_is_less(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": f"{60 * GIB}"})
        plant(tmp_path, {"sys/fs/cgroup/a/memory.current": "0"})
        cgroups(tmp_path, "0::/a\n", V2)
        assert read_ram(tmp_path)[0].available == 32 * GIB

    def test_group_over_its_limit_has_nothing_left_but_not_less(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": "4096"})
        plant(tmp_path, {"sys/fs/cgroup/a/memory.current": "8192"})
        cgroups(tmp_path, "0::/a\n", V2)
        assert read_ram(tmp_path)[0].available == 0

    def test_v1_parent_counts_only_with_use_hierarchy(self, tmp_path: pathlib.Path) -> None:
        parent = "sys/fs/cgroup/memory/a"
        plant(tmp_path, {"proc/meminfo": MEMINFO, f"{parent}/memory.limit_in_bytes": f"{2 * GIB}"})
        plant(tmp_path, {f"{parent}/b/memory.limit_in_bytes": f"{8 * GIB}", f"{parent}/memory.use_hierarchy": "1"})
        cgroups(tmp_path, "4:memory:/a/b\n", V1)
        assert read_ram(tmp_path)[0].limit == 2 * GIB
        plant(tmp_path, {f"{parent}/memory.use_hierarchy": "0"})
        assert read_ram(tmp_path)[0].limit == 8 * GIB

    def test_v1_limit_of_a_parent_that_a_container_does_not_see(self, tmp_path: pathlib.Path) -> None:
        mount = "sys/fs/cgroup/memory"
        plant(tmp_path, {"proc/meminfo": MEMINFO, f"{mount}/memory.limit_in_bytes": "9223372036854771712"})
        plant(tmp_path, {f"{mount}/memory.stat": f"cache 1\nhierarchical_memory_limit {3 * GIB}\n"})
        cgroups(tmp_path, "4:memory:/kubepods/pod1/c1\n", V1.replace(" / /sys", " /kubepods/pod1/c1 /sys"))
        found, _ = read_ram(tmp_path)
        assert found.limit == 3 * GIB
        assert found.limit_source is not None
        assert found.limit_source.endswith("memory.stat hierarchical_memory_limit")

    def test_path_that_a_container_does_not_have(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}"})
        cgroups(tmp_path, "4:memory:/docker/0123\n", V1)
        assert read_ram(tmp_path)[0].limit == GIB

    def test_group_whose_name_begins_like_the_mounts(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}"})
        plant(tmp_path, {"sys/fs/cgroup/memory/b/memory.limit_in_bytes": "1"})
        cgroups(tmp_path, "4:memory:/ab\n", V1.replace(" / /sys", " /a /sys"))
        assert read_ram(tmp_path)[0].limit == GIB

    def test_hybrid_reads_memory_where_its_controller_is(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory/j/memory.limit_in_bytes": f"{5 * GIB}"})
        plant(tmp_path, {"sys/fs/cgroup/unified/cgroup.procs": ""})
        unified = "31 1 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        cgroups(tmp_path, "4:memory:/j\n0::/\n", unified + V1)
        assert read_ram(tmp_path)[0].limit == 5 * GIB

    @pytest.mark.parametrize(
        ("environ", "limit", "source"),
        [
            ({"SLURM_MEM_PER_NODE": "16384"}, 16 * GIB, "Slurm SLURM_MEM_PER_NODE"),
            (
                {"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "8"},
                8 * GIB,
                "Slurm SLURM_MEM_PER_CPU x SLURM_CPUS_ON_NODE",
            ),
            ({"SLURM_MEM_PER_NODE": "0"}, None, None),  # the whole node
            ({"SLURM_MEM_PER_CPU": "1024"}, None, None),  # of how many is not said
        ],
    )
    def test_slurm(
        self, tmp_path: pathlib.Path, environ: dict[str, str], limit: int | None, source: str | None
    ) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO})
        found, reading = read_ram(tmp_path, **environ)
        assert (found.limit, found.limit_source) == (limit, source)
        assert found.available == min(32 * GIB, limit or 32 * GIB)
        assert reading.sources.get("ram.limit") == source

    def test_group_below_the_job_wins(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": f"{4 * GIB}"})
        cgroups(tmp_path, "0::/a\n", V2)
        found, _ = read_ram(tmp_path, SLURM_MEM_PER_NODE="16384")
        assert found.limit == 4 * GIB


class TestSwapAndHugePages:
    def test_sizes_are_bytes(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO + "HugePages_Total: 512\nHugepagesize: 2048 kB\n"})
        found, _ = read_ram(tmp_path)
        assert (found.swap_total, found.swap_free, found.huge_pages) == (2048 * 1024, 1024 * 1024, GIB)

    def test_all_sizes_together_where_the_kernel_sums_them(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": "HugePages_Total: 1\nHugepagesize: 2048 kB\nHugetlb: 1048576 kB\n"})
        assert read_ram(tmp_path)[0].huge_pages == GIB

    def test_unknown_is_none(self, tmp_path: pathlib.Path) -> None:
        found, reading = read_ram(tmp_path)
        assert (found.swap_total, found.huge_pages, found.total, found.usable) == (None, None, None, None)
        assert reading.sources == {}


def node(number: int, total_kib: int, cpus: str, free_kib: int = 0) -> dict[str, str]:
    folder = f"sys/devices/system/node/node{number}"
    text = f"Node {number} MemTotal:  {total_kib} kB\nNode {number} MemFree: {free_kib} kB\n"
    return {f"{folder}/meminfo": text, f"{folder}/cpulist": f"{cpus}\n"}


def gpu(bus_id: str, number: int, vendor: str = "0x10de", kind: str = "0x030200") -> dict[str, str]:
    folder = f"sys/bus/pci/devices/{bus_id}"
    return {f"{folder}/vendor": vendor, f"{folder}/class": kind, f"{folder}/numa_node": f"{number}\n"}


class TestNuma:
    def test_grace_hopper_memory_is_not_ram(self, tmp_path: pathlib.Path) -> None:
        text = "MemTotal: 600000 kB\nMemAvailable: 500000 kB\n"
        plant(tmp_path, {"proc/meminfo": text, "proc/cpuinfo": "processor: 0\nCPU part: 0xd4f\n"})
        plant(tmp_path, node(0, 480000, "0-71") | node(1, 120000, "", 110000) | node(2, 0, ""))
        plant(tmp_path, gpu("0009:01:00.0", 0))
        found, reading = read_ram(tmp_path)
        assert [(each.node, each.accelerator_memory) for each in found.numa] == [(0, False), (1, True)]
        assert found.numa[0].gpus == ("0009:01:00.0",)
        assert (found.total, found.usable, found.available) == (480000 * 1024, 480000 * 1024, 390000 * 1024)
        assert "less NUMA nodes 1, which are GPU memory" in reading.sources["ram.total"]

    def test_expander_on_x86_is_ram(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "proc/cpuinfo": processors(1, "flags\t: avx2\n")})
        plant(tmp_path, node(0, 100, "0") | node(1, 100, "") | gpu("0000:01:00.0", 0))
        found, _ = read_ram(tmp_path)
        assert not any(each.accelerator_memory for each in found.numa)
        assert found.total == 64 * GIB

    def test_memory_without_processors_and_without_a_gpu_is_ram(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO, "sys/bus/pci/devices/": ""})
        plant(tmp_path, node(0, 100, "0") | node(1, 100, ""))
        assert not any(each.accelerator_memory for each in read_ram(tmp_path)[0].numa)

    def test_gpus_by_node_without_screen_adapters_and_unplaced_ones(self, tmp_path: pathlib.Path) -> None:
        plant(tmp_path, {"proc/meminfo": MEMINFO} | node(0, 100, "0-3") | node(1, 100, "4-7"))
        plant(tmp_path, gpu("0000:01:00.0", 0, kind="0x030000") | gpu("0000:81:00.0", 1))
        plant(tmp_path, gpu("0000:82:00.0", 1, vendor="0x1002", kind="0x120000") | gpu("0000:83:00.0", -1))
        plant(tmp_path, gpu("0000:03:00.0", 0, vendor="0x1a03", kind="0x030000"))
        plant(tmp_path, gpu("0000:04:00.0", 0, kind="0x020000"))
        found, _ = read_ram(tmp_path)
        assert [each.gpus for each in found.numa] == [("0000:01:00.0",), ("0000:81:00.0", "0000:82:00.0")]
        assert [each.cpus for each in found.numa] == ["0-3", "4-7"]


def unpacked(name: str, root: pathlib.Path) -> pathlib.Path:
    with tarfile.open(dump(f"hwloc/{name}.tar.bz2")) as archive:
        archive.extractall(root, filter="fully_trusted")  # links of a /sys point out of their folders
    return next(root.iterdir())


class TestRealMachines:
    def test_gb10(self, tmp_path: pathlib.Path) -> None:
        root = unpacked("nvidia-dgx-gb10", tmp_path)
        ram, _ = read_ram(root)
        assert ram.total == 125508468 * 1024
        assert [(each.node, each.cpus, each.accelerator_memory) for each in ram.numa] == [(0, "0-19", False)]
        assert ram.limit is None
        found, _ = read_cpu(root)
        assert found.model == "Cortex-A725 x 10 + Cortex-X925 x 10"
        assert (found.sockets, found.cores, found.threads) == (1, 20, 20)
        assert found.flags == ("asimd", "bf16", "i8mm", "sve", "sve2")

    def test_two_sockets(self, tmp_path: pathlib.Path) -> None:
        root = unpacked("32em64t-2n8c+dax+nvme+mic+dimms", tmp_path)
        assert [each.cpus for each in read_ram(root)[0].numa] == ["0-7", "8-15"]
        found, reading = read_cpu(root)
        assert (found.sockets, found.cores, found.threads) == (2, 16, 16)
        assert "cpu.sockets" in reading.sources

    def test_slurm_job_in_cgroup2(self, tmp_path: pathlib.Path) -> None:
        """The dump has no mountinfo; its /proc/mounts says where the hierarchy is."""
        root = unpacked("32amd64-4s2n4c-cgroup2", tmp_path)
        plant(root, {"proc/self/cgroup": "0::/uid_2008/job_15389/step_0\n"})
        plant(root, {"proc/self/mountinfo": "30 1 0:26 / /cgroup/unified rw - cgroup2 none rw\n"})
        found, reading = read_cpu(root)
        assert (found.threads, found.threads_affinity, found.threads_usable) == (32, 6, 6)
        assert "/uid_2008/job_15389/step_0/cpuset.cpus.effective" in reading.sources["cpu.threads_affinity"]

    def test_laptop(self) -> None:
        root = dump("linux_sys_procfs_fixtures/fixtures")
        found, _ = read_cpu(root)
        assert (found.model, found.cores, found.threads) == ("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", 4, 8)
        assert found.sockets == 1
        assert found.flags == ("avx2", "f16c", "fma")
        ram, _ = read_ram(root)
        assert (ram.total, ram.swap_total, ram.huge_pages, ram.numa) == (15666184 * 1024, 0, 0, ())

    def test_cgroup_v2_files(self, tmp_path: pathlib.Path) -> None:
        shutil.copytree(dump("cgroup/v2"), tmp_path / "sys/fs/cgroup/job")
        plant(tmp_path, {"proc/meminfo": "MemTotal: 263000000 kB\nMemAvailable: 250000000 kB\n"})
        plant(tmp_path, {"proc/cpuinfo": processors(96)})
        cgroups(tmp_path, "0::/job\n", V2)
        ram, _ = read_ram(tmp_path)
        assert ram.limit == ram.usable == 103079215104
        assert ram.available == 103079215104 - (13071106048 - 2935459840)
        found, _ = read_cpu(tmp_path)
        assert (found.quota, found.threads_affinity, found.threads_usable) == (48.0, 96, 48)

    def test_cgroup_v1_files(self, tmp_path: pathlib.Path) -> None:
        """Its use_hierarchy holds "12-781", which is no number: a file that says nothing."""
        shutil.copytree(dump("cgroup/memory"), tmp_path / "sys/fs/cgroup/memory")
        plant(tmp_path, {"proc/meminfo": MEMINFO})
        cgroups(tmp_path, "4:memory:/group_1/group_1_1\n", V1)
        own = tmp_path / "sys/fs/cgroup/memory/group_1/group_1_1/memory.limit_in_bytes"
        own.write_text(f"{GIB}")
        found, _ = read_ram(tmp_path)
        assert found.limit == GIB
        assert found.limit_source == "cgroup v1 /sys/fs/cgroup/memory/group_1/group_1_1/memory.limit_in_bytes"
