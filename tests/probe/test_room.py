"""Where models, builds and downloads go, which variable wins, and whether this user may write there."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.probe import Reading, disk
from llmcheck.schema.machine import Disk, Machine
from llmcheck.system.host import Host
from llmcheck.system.storage import Stat
from tests.probe.host_trees import ask, tree

MOUNTS = (
    "23 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
    "24 23 0:40 / /tmp rw - tmpfs tmpfs rw,size=1048576k\n"
    "25 23 8:3 / /data rw - ext4 /dev/sda3 rw\n"
)
GB = 10**9
LARGE = Stat(900 * GB, 800 * GB, False, 10**7)


class Sized(Host):
    """A tree whose file systems have sizes."""

    sizes: dict[str, Stat]

    def statvfs(self, path: str) -> Stat | None:
        return next((size for prefix, size in self.sizes.items() if path.startswith(prefix)), LARGE)


def read(root: Path, environ: dict[str, str], sizes: dict[str, Stat] | None = None, *closed: str) -> Reading:
    """What is read of a machine with a disk at /data and a /tmp in RAM; ``closed``: folders of somebody else."""
    tree(root, {"/proc/self/mountinfo": MOUNTS, "/home/me/x": "", "/data/x": "", "/tmp/x": "", "/project/x": ""})
    for folder in closed:
        (root / folder.lstrip("/")).chmod(0o555)
    host = Sized(str(root), {"HOME": "/home/me", **environ}, "/project")
    host.sizes = sizes or {}
    return ask(disk, host)


def by_role(reading: Reading) -> dict[str, Disk]:
    return {each.role: each for each in reading.disks or ()}


def problems(reading: Reading) -> dict[str, str]:
    return {each.code: f"{each.message} | {each.remedy}" for each in reading.problems}


@pytest.mark.parametrize(
    ("environ", "path", "variable"),
    [
        ({}, "/home/me/.cache/huggingface/hub", None),
        ({"XDG_CACHE_HOME": "/data/xdg"}, "/data/xdg/huggingface/hub", "XDG_CACHE_HOME"),
        ({"XDG_CACHE_HOME": "/data/xdg", "HF_HOME": "/data/hf"}, "/data/hf/hub", "HF_HOME"),
        ({"HF_HOME": "/data/hf", "HUGGINGFACE_HUB_CACHE": "/data/old"}, "/data/old", "HUGGINGFACE_HUB_CACHE"),
        ({"HUGGINGFACE_HUB_CACHE": "/data/old", "HF_HUB_CACHE": "/data/hub"}, "/data/hub", "HF_HUB_CACHE"),
    ],
)
def test_the_variable_that_wins_is_told(
    tmp_path: Path, environ: dict[str, str], path: str, variable: str | None
) -> None:
    found = by_role(read(tmp_path, environ))["models"]
    assert (found.path, found.chosen_by) == (path, variable)


def test_a_variable_that_transformers_no_longer_reads_is_said_so(tmp_path: Path) -> None:
    found = problems(read(tmp_path, {"TRANSFORMERS_CACHE": "/data/t", "HF_HOME": "/data/hf"}))
    assert "HF_HUB_CACHE" in found["cache-variable-old"]


def test_a_folder_in_ram_is_too_small_to_unpack_torch(tmp_path: Path) -> None:
    reading = read(tmp_path, {}, {"/tmp": Stat(GB, GB, False, 10**6)})
    assert by_role(reading)["temporary"].kind == "memory"
    assert "only 1.0 GB free at /tmp, a file system in RAM" in problems(reading)["temporary-small"]
    assert "export TMPDIR=" in problems(reading)["temporary-small"]


def test_tmpdir_names_the_folder(tmp_path: Path) -> None:
    reading = read(tmp_path, {"TMPDIR": "/data/builds"}, {"/tmp": Stat(GB, GB, False)})
    assert (by_role(reading)["temporary"].path, by_role(reading)["temporary"].chosen_by) == ("/data/builds", "TMPDIR")
    assert problems(reading) == {}


def test_a_temporary_folder_on_the_same_disk_is_not_listed_twice(tmp_path: Path) -> None:
    tree(tmp_path, {"/proc/self/mountinfo": MOUNTS.splitlines()[0] + "\n", "/home/me/x": ""})
    roles = {each.role for each in ask(disk, Host(str(tmp_path), {"HOME": "/home/me"}, "/")).disks or ()}
    assert roles == {"models", "work"}


@pytest.mark.parametrize(
    ("environ", "closed", "role", "mend"),
    [
        ({"HF_HOME": "/data/hf"}, "/data", "models", "HF_HOME"),
        ({}, "/home/me", "models", "HF_HOME"),
        ({"TMPDIR": "/data"}, "/data", "temporary", "TMPDIR"),
        ({"HF_XET_CACHE": "/data/xet"}, "/data", "xet", "HF_XET_CACHE"),
    ],
)
def test_a_folder_of_somebody_else_is_told_with_its_variable(
    tmp_path: Path, environ: dict[str, str], closed: str, role: str, mend: str
) -> None:
    reading = read(tmp_path, environ, None, closed)
    assert by_role(reading)[role].writable is False
    assert mend in problems(reading)["not-writable"]


def test_what_may_be_written_raises_no_alarm(tmp_path: Path) -> None:
    reading = read(tmp_path, {"HF_HOME": "/data/hf", "HF_XET_CACHE": "/data/xet", "TMPDIR": "/data/tmp"})
    assert problems(reading) == {}
    assert {each.writable for each in reading.disks or ()} == {True}


@pytest.mark.parametrize(
    "tier", [each.id for each in profiles.shipped() if any(n.id == "storage" for n in each.require)]
)
@pytest.mark.parametrize(
    ("changes", "shortfall"),
    [
        ({"writable": False}, "disk-not-writable"),
        ({"inodes_free": 3}, "disk-inodes"),
        ({"writable": None, "inodes_free": None}, None),
        ({"writable": True, "inodes_free": 10**6}, None),
    ],
)
def test_no_tier_is_ready_where_no_model_can_be_stored(
    tier: str, changes: dict[str, bool | int | None], shortfall: str | None
) -> None:
    place = replace(Disk(role="models", path="/data/hf/hub", size=10**14, free=10**14), **changes)
    finding = next(
        each for each in evaluate(profiles.load(tier), Machine(disks=(place,))).findings if each.id == "storage"
    )
    assert (finding.status, finding.shortfall) == ("fail" if shortfall else "pass", shortfall)


def test_few_inodes_are_told_although_there_is_space(tmp_path: Path) -> None:
    reading = read(tmp_path, {"HF_HOME": "/data/hf"}, {"/data": Stat(900 * GB, 800 * GB, False, 12)})
    assert by_role(reading)["models"].inodes_free == 12
    assert "only 12 more files can be made" in problems(reading)["inodes-low"]
