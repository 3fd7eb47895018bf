"""Locked memory, open files and /dev/shm, and when they are worth a word."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from llmcheck.probe import Reading, Request, limits
from llmcheck.schema.machine import Limits, Rlimit
from llmcheck.system.host import Host
from llmcheck.system.storage import Stat
from tests.probe.trees import plant

GIB = 2**30
PROC = (
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max open files            1024                 524288               files     \n"
    "Max locked memory         {}             {}           bytes     \n"
)
PORT = "sys/class/infiniband/mlx5_0/ports/1"


class WithShm(Host):
    """A tree with a /dev/shm of so many bytes."""

    def __init__(self, root: str, size: int) -> None:
        super().__init__(root)
        self.size = size

    def statvfs(self, path: str) -> Stat | None:
        return Stat(self.size, self.size // 2, False) if path == "/dev/shm" else None


def read(host: Host) -> tuple[Limits, Reading]:
    reading = limits.probe(host, Request())
    assert reading.limits is not None
    return reading.limits, reading


def codes(root: Path, soft: str, layer: str | None, status: str | None = None) -> list[str]:
    plant(root, {"proc/self/limits": PROC.format(soft, "unlimited")})
    if layer:
        plant(root, {f"{PORT}/state": "4: ACTIVE\n", f"{PORT}/link_layer": f"{layer}\n"})
    if status:
        plant(root, {"proc/self/status": status})
    return [problem.code for problem in read(Host(str(root)))[1].problems]


def test_limits_of_a_tree_with_their_source(tmp_path: Path) -> None:
    plant(tmp_path, {"proc/self/limits": PROC.format("8388608", "unlimited")})
    found, reading = read(Host(str(tmp_path)))
    assert found.nofile == Rlimit(soft=1024, hard=524288)
    assert found.memlock == Rlimit(soft=8388608, hard=None)
    assert reading.sources["limits.memlock"] == "/proc/self/limits (memlock)"


def test_nothing_is_invented(tmp_path: Path) -> None:
    assert read(Host(str(tmp_path))) == (Limits(), Reading(limits=Limits()))


def test_limits_of_this_process() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found, _ = read(Host())
    assert found.nofile == Rlimit(
        soft=None if soft == resource.RLIM_INFINITY else soft, hard=None if hard == resource.RLIM_INFINITY else hard
    )


@pytest.mark.parametrize(("size", "said"), [(64 * 2**20, True), (64 * 2**20 + 1, False), (8 * GIB, False)])
def test_shared_memory(tmp_path: Path, size: int, said: bool) -> None:
    plant(tmp_path, {"dev/shm/": ""})
    found, reading = read(WithShm(str(tmp_path), size))
    assert (found.shm_size, found.shm_free) == (size, size // 2)
    assert [problem.code for problem in reading.problems] == (["shm-small"] if said else [])
    assert all("--shm-size 8g" in (problem.remedy or "") for problem in reading.problems)


def test_machine_without_shared_memory(tmp_path: Path) -> None:
    found, reading = read(WithShm(str(tmp_path), 0))
    assert (found.shm_size, reading.problems) == (None, ())


@pytest.mark.parametrize(
    ("soft", "layer", "said"),
    [
        ("8388608", "InfiniBand", True),
        ("8388608", None, False),
        ("8388608", "Ethernet", False),
        ("unlimited", "InfiniBand", False),
        (str(64 * GIB), "InfiniBand", False),
        (str(64 * GIB - 1), "InfiniBand", True),
    ],
)
def test_locked_memory_matters_where_there_is_infiniband(
    tmp_path: Path, soft: str, layer: str | None, said: bool
) -> None:
    assert codes(tmp_path, soft, layer) == (["memlock-low"] if said else [])


def test_process_that_may_lock_what_it_likes(tmp_path: Path) -> None:
    assert codes(tmp_path, "65536", "InfiniBand", "Name: x\nCapEff:\t000001ffffffffff\n") == []


def test_process_without_that_capability(tmp_path: Path) -> None:
    assert codes(tmp_path, "65536", "InfiniBand", "Name: x\nCapEff:\t0000000000000000\n") == ["memlock-low"]
