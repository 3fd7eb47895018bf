"""How much memory and processor time a process may really use, from control groups of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmcheck.probe import cpu, memory
from llmcheck.schema.machine import Cpu, Ram
from llmcheck.system.host import Host
from tests.probe.host_trees import DUMPS, ask, tree

GIB = 2**30
MEMINFO = "MemTotal:       67108864 kB\nMemFree:  1000 kB\nMemAvailable:   33554432 kB\n"  # 64 GiB
CPUINFO = "".join(
    f"processor\t: {thread}\nmodel name\t: EPYC\nphysical id\t: {thread // 4}\ncore id\t\t: {thread % 4 // 2}\n\n"
    for thread in range(8)
)
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "33 24 0:29 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n"
    "34 24 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n"
)
HYBRID = V1 + "35 24 0:31 / /sys/fs/cgroup/unified rw shared:12 - cgroup2 cgroup2 rw\n"
V1_NONE = "9223372036854771712\n"
OWN_V1 = "9:memory:/job\n8:cpu,cpuacct:/job\n0::/job\n"


def host(root: Path, mounts: str, own: str, files: dict[str, str]) -> Host:
    base = {
        "/proc/meminfo": MEMINFO,
        "/proc/cpuinfo": CPUINFO,
        "/proc/self/mountinfo": f"23 1 8:1 / / rw - ext4 /dev/sda1 rw\n{mounts}",
        "/proc/self/cgroup": own,
    }
    return tree(root, {**base, **files})


def ram(*arguments: Any) -> Ram:
    found = ask(memory, host(*arguments)).ram
    assert found is not None
    return found


def processors(*arguments: Any) -> Cpu:
    found = ask(cpu, host(*arguments)).cpu
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("mounts", "own", "files", "limit", "place"),
    [
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/memory.max": f"{8 * GIB}\n"}, 8 * GIB, "/sys/fs/cgroup/job/memory.max"),
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/memory.max": "max\n"}, None, None),
        (V2, "0::/\n", {"/sys/fs/cgroup/cgroup.procs": ""}, None, None),
        (
            V2,
            "0::/a/b\n",
            {"/sys/fs/cgroup/a/memory.max": f"{4 * GIB}\n", "/sys/fs/cgroup/a/b/memory.max": f"{16 * GIB}\n"},
            4 * GIB,
            "/sys/fs/cgroup/a/memory.max",
        ),
        (
            V2,
            "0::/a/b/c\n",
            {
                "/sys/fs/cgroup/a/memory.max": "max\n",
                "/sys/fs/cgroup/a/b/memory.max": f"{GIB}\n",
                "/sys/fs/cgroup/a/b/c/cgroup.procs": "",
            },
            GIB,
            "/sys/fs/cgroup/a/b/memory.max",
        ),
        (
            V2,
            "0::/docker/0123abc\n",
            {"/sys/fs/cgroup/memory.max": f"{2 * GIB}\n"},
            2 * GIB,
            "/sys/fs/cgroup/memory.max",
        ),
        (V2, "0::/../../other\n", {"/sys/fs/cgroup/memory.max": f"{2 * GIB}\n"}, 2 * GIB, "/sys/fs/cgroup/memory.max"),
        (
            V1,
            OWN_V1,
            {"/sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{8 * GIB}\n"},
            8 * GIB,
            "/sys/fs/cgroup/memory/job/memory.limit_in_bytes",
        ),
        (
            V1,
            OWN_V1,
            {
                "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": V1_NONE,
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": V1_NONE,
            },
            None,
            None,
        ),
        (
            V1,
            "9:memory:/docker/0123abc\n",
            {"/sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GIB}\n"},
            3 * GIB,
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ),
        (
            HYBRID,
            OWN_V1,
            {
                "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{8 * GIB}\n",
                "/sys/fs/cgroup/unified/job/cgroup.procs": "",
            },
            8 * GIB,
            "/sys/fs/cgroup/memory/job/memory.limit_in_bytes",
        ),
        ("", "", {}, None, None),
    ],
    ids=[
        "v2",
        "v2 without limit",
        "v2 at the root",
        "v2 with a lower parent",
        "v2 with a limit in the middle",
        "v2 whose path is missing in the container",
        "v2 outside of our namespace",
        "v1",
        "v1 without limit",
        "v1 whose path is missing in the container",
        "both at once",
        "none",
    ],
)
def test_the_lowest_memory_limit_counts_wherever_it_stands(
    tmp_path: Path, mounts: str, own: str, files: dict[str, str], limit: int | None, place: str | None
) -> None:
    found = ram(tmp_path, mounts, own, files)
    assert (found.total, found.available) == (64 * GIB, 32 * GIB)
    assert found.limit == limit
    assert found.usable == (limit or 64 * GIB)
    assert (found.limit_source or "").endswith(place or "")
    assert (found.limit_source is None) == (limit is None)


def test_a_mount_that_shows_only_our_own_part_is_understood(tmp_path: Path) -> None:
    mounts = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
    files = {"/sys/fs/cgroup/memory.max": f"{2 * GIB}\n"}
    assert ram(tmp_path, mounts, "0::/docker/abc\n", files).limit == 2 * GIB


def test_a_limit_above_the_total_leaves_the_total_usable(tmp_path: Path) -> None:
    found = ram(tmp_path, V2, "0::/job\n", {"/sys/fs/cgroup/job/memory.max": f"{999 * GIB}\n"})
    assert found.usable == 64 * GIB


def test_without_meminfo_nothing_is_known_and_nothing_invented(tmp_path: Path) -> None:
    found = ask(memory, tree(tmp_path, {})).ram
    assert found is not None
    assert (found.total, found.usable, found.limit) == (None, None, None)


@pytest.mark.parametrize(
    ("mounts", "own", "files", "quota", "usable"),
    [
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/cpu.max": "250000 100000\n"}, 2.5, 2),
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/cpu.max": "50000 100000\n"}, 0.5, 1),
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/cpu.max": "max 100000\n"}, None, 8),
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/cpu.max": "6400000 100000\n"}, 64.0, 8),
        (
            V2,
            "0::/a/b\n",
            {"/sys/fs/cgroup/a/cpu.max": "100000 100000\n", "/sys/fs/cgroup/a/b/cpu.max": "400000 100000\n"},
            1.0,
            1,
        ),
        (
            V1,
            OWN_V1,
            {
                "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
                "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            3.0,
            3,
        ),
        (
            V1,
            OWN_V1,
            {
                "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            None,
            8,
        ),
        (V2, "0::/job\n", {"/sys/fs/cgroup/job/cpu.max": "100000 0\n"}, None, 8),
    ],
    ids=[
        "v2",
        "below one",
        "v2 without",
        "more than there is",
        "lower parent",
        "v1",
        "v1 without",
        "nonsense",
    ],
)
def test_the_lowest_processor_quota_counts(
    tmp_path: Path, mounts: str, own: str, files: dict[str, str], quota: float | None, usable: int
) -> None:
    found = processors(tmp_path, mounts, own, files)
    assert (found.quota, found.threads_usable) == (quota, usable)
    assert (found.quota_source is None) == (quota is None)


def test_cores_and_threads_are_counted_over_all_sockets(tmp_path: Path) -> None:
    found = processors(tmp_path, V2, "0::/\n", {})
    assert (found.model, found.cores, found.threads) == ("EPYC", 4, 8)


def test_a_processor_that_states_no_cores_has_threads_all_the_same(tmp_path: Path) -> None:
    arm = "".join(f"processor\t: {thread}\nBogoMIPS\t: 50.00\n\n" for thread in range(4))
    found = ask(cpu, tree(tmp_path, {"/proc/cpuinfo": arm})).cpu
    assert found is not None
    assert (found.cores, found.threads, found.threads_usable) == (None, 4, 4)


@pytest.mark.skipif(
    not (DUMPS / "cgroup" / "v2" / "memory.max").exists(), reason="no hardware dumps beside the project"
)
def test_a_real_container_of_cgroup_v2_is_limited_to_96_gib_and_48_processors(tmp_path: Path) -> None:
    (tmp_path / "sys" / "fs").mkdir(parents=True)
    (tmp_path / "sys" / "fs" / "cgroup").symlink_to(DUMPS / "cgroup" / "v2")
    where = host(tmp_path, V2, "0::/\n", {})
    found_ram, found_cpu = ask(memory, where).ram, ask(cpu, where).cpu
    assert found_ram is not None
    assert found_cpu is not None
    assert found_ram.limit == 96 * GIB
    assert found_cpu.quota == 48.0
