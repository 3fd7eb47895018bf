"""Control groups at their edges: odd paths and mounts, groups inside groups, what a limit leaves, sets of processors.

Sources: cgroups(7), proc(5), and the kernel's admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import cpu, memory
from llmcheck.schema.machine import Cpu, Ram
from llmcheck.system.host import Host
from tests.probe.host_trees import ask, tree

GIB = 2**30
GROUPS = "/sys/fs/cgroup"
MEMINFO = "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n"  # 64 GiB, 32 GiB
CPUINFO = "".join(f"processor\t: {thread}\n\n" for thread in range(16))
V2 = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
V1 = "33 24 0:29 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n"


def host(root: Path, mounts: str, own: str, files: dict[str, str | int]) -> Host:
    """Files are below /sys/fs/cgroup unless their path is absolute."""
    base = {"/proc/meminfo": MEMINFO, "/proc/cpuinfo": CPUINFO, "/proc/self/cgroup": own}
    more = {path if path.startswith("/") else f"{GROUPS}/{path}": f"{text}\n" for path, text in files.items()}
    return tree(root, {**base, "/proc/self/mountinfo": mounts, **more})


def ram(root: Path, mounts: str, own: str, files: dict[str, str | int]) -> Ram:
    found = ask(memory, host(root, mounts, own, files)).ram
    assert found is not None
    return found


def processors(root: Path, mounts: str, own: str, files: dict[str, str | int]) -> Cpu:
    found = ask(cpu, host(root, mounts, own, files)).cpu
    assert found is not None
    return found


# --- which folder is ours


def test_a_path_outside_of_our_namespace_is_not_followed_out_of_the_mount(tmp_path: Path) -> None:
    files: dict[str, str | int] = {"/sys/fs/other/memory.max": GIB, "memory.max": 2 * GIB}
    found = ram(tmp_path, V2, "0::/../other\n", files)
    assert (found.limit, found.limit_source) == (2 * GIB, f"cgroup v2 {GROUPS}/memory.max")


@pytest.mark.parametrize(
    ("mount_root", "own", "group"),
    [
        ("/docker/abc", "/docker/abc/inner", "inner"),
        ("/docker/abc", "/docker/abc", ""),
        ("/", "/a:b", "a:b"),
        ("/", "/a/", "a"),
        ("/my\\040jobs", "/my jobs/one", "one"),
    ],
)
def test_our_group_is_found_below_what_is_mounted(tmp_path: Path, mount_root: str, own: str, group: str) -> None:
    mounts = f"30 23 0:26 {mount_root} /sys/fs/cgroup ro - cgroup2 none rw\n"
    assert ram(tmp_path, mounts, f"0::{own}\n", {f"{GROUPS}/{group}/memory.max": GIB}).limit == GIB


def test_a_group_whose_name_only_begins_like_the_mounted_one_is_not_inside_it(tmp_path: Path) -> None:
    mounts = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
    files: dict[str, str | int] = {"memory.max": 2 * GIB, "def/memory.max": GIB}
    assert ram(tmp_path, mounts, "0::/docker/abcdef\n", files).limit == 2 * GIB


def test_a_mount_point_with_blanks_is_read(tmp_path: Path) -> None:
    mounts = "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"
    assert ram(tmp_path, mounts, "0::/job\n", {"/my groups/job/memory.max": GIB}).limit == GIB


def test_each_hierarchy_of_v1_has_a_path_of_its_own(tmp_path: Path) -> None:
    own = "8:cpu,cpuacct:/other\n9:memory,hugetlb:/job\n0::/elsewhere\n"
    limits: dict[str, str | int] = {
        "memory/job/memory.limit_in_bytes": 4 * GIB,
        "memory/other/memory.limit_in_bytes": 3 * GIB,
        "memory/elsewhere/memory.limit_in_bytes": 2 * GIB,
    }
    assert ram(tmp_path, V1, own, limits).limit == 4 * GIB


def test_the_mounts_of_other_controllers_are_passed_over(tmp_path: Path) -> None:
    mounts = "34 24 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n" + V1
    files: dict[str, str | int] = {
        "cpu/job/memory.limit_in_bytes": GIB,
        "memory/job/memory.limit_in_bytes": 4 * GIB,
        "memory/job/cpu.cfs_quota_us": 100_000,
        "memory/job/cpu.cfs_period_us": 100_000,
    }
    own = "9:memory:/job\n8:cpu,cpuacct:/job\n"
    assert ram(tmp_path / "a", mounts, own, files).limit == 4 * GIB
    assert processors(tmp_path / "b", mounts, own, files).quota is None


@pytest.mark.parametrize(
    "broken",
    [
        "30 23 0:26 - cgroup2 cgroup2 rw",
        "30 23 0:26 / - cgroup2 cgroup2 rw",
        "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2",
        "30 23 0:26 / /sys/fs/cgroup rw - cgroup2",
        "30 23 0:26 / /sys/fs/cgroup rw",
        "30 23 0:26 / /sys/fs/cgroup rw - tmpfs cgroup2 rw",
        "30 23 0:26 / /sys/fs/cgroup rw - tmpfs cgroup rw,memory",
        "",
    ],
)
def test_a_line_that_mounts_no_group_is_passed_over(tmp_path: Path, broken: str) -> None:
    files: dict[str, str | int] = {"job/memory.max": GIB, "job/memory.limit_in_bytes": GIB}
    assert ram(tmp_path / "a", f"{broken}\n", "0::/job\n9:memory:/job\n", files).limit is None
    assert ram(tmp_path / "b", f"{broken}\n{V2}", "0::/job\n", files).limit == GIB


@pytest.mark.parametrize("own", ["", "0::\n", "junk\n", "0:/job\n", "9:memory:/job\n"])
def test_without_a_path_of_ours_what_is_mounted_is_our_group(tmp_path: Path, own: str) -> None:
    files: dict[str, str | int] = {"memory.max": 2 * GIB, "job/memory.max": GIB}
    assert ram(tmp_path, V2, own, files).limit == 2 * GIB


# --- groups above ours


def test_every_group_above_ours_counts_and_none_beside_it(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "a/b/c/memory.max": 8 * GIB,
        "a/b/memory.max": 7 * GIB,
        "a/memory.max": 6 * GIB,
        "memory.max": 5 * GIB,
        "a/b/other/memory.max": GIB,
    }
    found = ram(tmp_path, V2, "0::/a/b/c\n", files)
    assert (found.limit, found.limit_source) == (5 * GIB, f"cgroup v2 {GROUPS}/memory.max")


@pytest.mark.parametrize(
    ("hierarchy", "limit"), [({"job": 0}, 4), ({"": 0}, 4), ({"a": 0}, 8), ({"a": 1}, 4), ({}, 4), ({"a": 0, "": 1}, 8)]
)
def test_a_group_of_v1_whose_use_is_its_own_is_not_bound_by_those_above(
    tmp_path: Path, hierarchy: dict[str, int], limit: int
) -> None:
    """``memory.use_hierarchy`` of a group says whether the use of those inside it is charged to it as well."""
    files: dict[str, str | int] = {
        "memory/a/job/memory.limit_in_bytes": 8 * GIB,
        "memory/a/memory.limit_in_bytes": 4 * GIB,
        "memory/memory.limit_in_bytes": 6 * GIB,
    }
    names = {"job": "a/job/", "a": "a/", "": ""}
    files |= {f"memory/{names[group]}memory.use_hierarchy": value for group, value in hierarchy.items()}
    assert ram(tmp_path, V1, "9:memory:/a/job\n", files).limit == limit * GIB


def test_a_group_of_v1_says_what_those_allow_that_are_not_shown(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "memory/memory.limit_in_bytes": 8 * GIB,
        "memory/memory.stat": f"cache 1\nhierarchical_memory_limit {3 * GIB}\nhierarchical_memsw_limit {GIB}",
    }
    found = ram(tmp_path, V1, "9:memory:/docker/abc\n", files)
    assert (found.limit, found.limit_source) == (
        3 * GIB,
        f"cgroup v1 {GROUPS}/memory/memory.stat hierarchical_memory_limit",
    )


def test_without_any_limit_v1_writes_a_number_that_is_none(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "memory/job/memory.limit_in_bytes": 9223372036854771712,
        "memory/job/memory.stat": "hierarchical_memory_limit 9223372036854771712",
    }
    found = ram(tmp_path, V1, "9:memory:/job\n", files)
    assert (found.limit, found.limit_source) == (None, None)


# --- what is left


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.current": 6 * GIB}, 2 * GIB),
        ({"memory.current": 6 * GIB, "memory.stat": f"file 9\ninactive_file {GIB}\nactive_file 7"}, 3 * GIB),
        ({"memory.current": 6 * GIB, "memory.stat": "inactive_file many"}, 2 * GIB),
        ({"memory.current": GIB, "memory.stat": f"inactive_file {3 * GIB}"}, 8 * GIB),
        ({"memory.current": 8 * GIB}, 0),
        ({"memory.current": 9 * GIB}, 0),
        ({"memory.current": 0}, 8 * GIB),
        ({}, 32 * GIB),
        ({"memory.current": "junk"}, 32 * GIB),
    ],
)
def test_what_a_limit_leaves_is_less_what_is_in_use_and_cannot_be_given_up(
    tmp_path: Path, files: dict[str, str | int], left: int
) -> None:
    found = ram(
        tmp_path, V2, "0::/job\n", {"job/memory.max": 8 * GIB, **{f"job/{name}": text for name, text in files.items()}}
    )
    assert (found.limit, found.available) == (8 * GIB, left)


def test_v1_counts_the_files_of_the_groups_inside_as_well(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "memory/job/memory.limit_in_bytes": 8 * GIB,
        "memory/job/memory.usage_in_bytes": 6 * GIB,
        "memory/job/memory.stat": f"inactive_file 5\ntotal_inactive_file {2 * GIB}",
    }
    assert ram(tmp_path, V1, "9:memory:/job\n", files).available == 4 * GIB


@pytest.mark.parametrize(("outer", "inner", "least"), [(7, 3, "a"), (3, 7, "a/b")])
def test_the_group_that_has_least_left_decides(tmp_path: Path, outer: int, inner: int, least: str) -> None:
    files: dict[str, str | int] = {
        "a/memory.max": 9 * GIB,
        "a/memory.current": outer * GIB,
        "a/b/memory.max": 9 * GIB,
        "a/b/memory.current": inner * GIB,
    }
    reading = ask(memory, host(tmp_path, V2, "0::/a/b\n", files))
    assert reading.ram is not None
    assert reading.ram.available == 2 * GIB
    assert reading.sources["ram.available"].startswith(f"cgroup v2 {GROUPS}/{least}/memory.max")


# --- processors


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("150000 100000", 1.5),
        ("max 100000", None),
        ("100000", None),
        ("100000 max", None),
        ("-1 100000", None),
        ("1 2 3", None),
        ("100000 0", None),
        ("", None),
    ],
)
def test_a_quota_is_two_numbers(tmp_path: Path, text: str, quota: float | None) -> None:
    assert processors(tmp_path, V2, "0::/job\n", {"job/cpu.max": text}).quota == quota


def test_the_lowest_quota_comes_with_its_place(tmp_path: Path) -> None:
    files: dict[str, str | int] = {"a/cpu.max": "300000 100000", "a/b/cpu.max": "700000 100000"}
    found = processors(tmp_path, V2, "0::/a/b\n", files)
    assert (found.quota, found.quota_source) == (3.0, f"cgroup v2 {GROUPS}/a/cpu.max")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 1),
        ("0-3", 4),
        ("0-3,8", 5),
        ("1-2,4-5,9", 5),
        ("3", 1),
        ("", None),
        ("a", None),
        ("0-b", None),
        ("0-1-2", None),
        ("-3", None),
        ("1,,2", None),
    ],
)
def test_a_set_of_processors_is_counted_as_the_kernel_lists_it(tmp_path: Path, text: str, count: int | None) -> None:
    found = processors(tmp_path, V2, "0::/job\n", {"job/cpuset.cpus.effective": text})
    assert found.threads_affinity == count


def test_the_nearest_group_that_has_a_set_is_right(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "a/b/memory.max": "max",
        "a/cpuset.cpus.effective": "0-3",
        "cpuset.cpus.effective": "0-1",
    }
    assert processors(tmp_path / "a", V2, "0::/a/b\n", files).threads_affinity == 4
    files["a/b/cpuset.cpus.effective"] = "0-7"
    assert processors(tmp_path / "b", V2, "0::/a/b\n", files).threads_affinity == 8


def test_a_set_of_v1_is_read_as_it_is_in_force(tmp_path: Path) -> None:
    mounts = "33 24 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    files: dict[str, str | int] = {"cpuset/job/cpuset.cpus": "0-7"}
    assert processors(tmp_path / "a", mounts, "4:cpuset:/job\n", files).threads_affinity == 8
    files["cpuset/job/cpuset.effective_cpus"] = "0-2"
    reading = ask(cpu, host(tmp_path / "b", mounts, "4:cpuset:/job\n", files))
    assert reading.cpu is not None
    assert reading.cpu.threads_affinity == 3
    assert reading.sources["cpu.threads_affinity"] == f"cgroup v1 {GROUPS}/cpuset/job/cpuset.effective_cpus"


def test_v2_has_a_wish_and_a_set_that_is_in_force(tmp_path: Path) -> None:
    files: dict[str, str | int] = {"job/cpuset.cpus": "0-1", "cpuset.cpus.effective": "0-7"}
    assert processors(tmp_path, V2, "0::/job\n", files).threads_affinity == 8


def test_of_two_hierarchies_the_smaller_set_counts(tmp_path: Path) -> None:
    mounts = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified") + (
        "33 24 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    )
    files: dict[str, str | int] = {"unified/job/cpuset.cpus.effective": "0-7", "cpuset/job/cpuset.cpus": "0-3"}
    assert processors(tmp_path, mounts, "4:cpuset:/job\n0::/job\n", files).threads_affinity == 4
