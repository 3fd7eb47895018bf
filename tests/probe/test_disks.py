"""Which disk lies under a path, and of what kind it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import Request, disk
from llmcheck.schema.machine import Disk
from llmcheck.system.host import Host
from tests.probe.host_trees import ask, tree

NVME = {
    "/sys/devices/pci0/nvme/nvme0n1/queue/rotational": "0\n",
    "/sys/devices/pci0/nvme/nvme0n1/nvme0n1p1/partition": "1\n",
    "/sys/devices/pci0/nvme/nvme1n1/queue/rotational": "0\n",
}
BLOCKS = {
    **NVME,
    "/sys/devices/ata1/sda/queue/rotational": "0\n",
    "/sys/devices/ata1/sda/sda2/partition": "2\n",
    "/sys/devices/ata2/sdb/queue/rotational": "1\n",
    "/sys/devices/ata2/sdb/device/vendor": "ATA     \n",
    "/sys/devices/ata3/sdc/queue/rotational": "1\n",
    "/sys/devices/ata3/sdc/device/vendor": "QEMU    \n",
    "/sys/devices/virtio0/vda/queue/rotational": "1\n",
    "/sys/devices/virtual/block/dm-0/queue/rotational": "0\n",
    "/sys/devices/virtual/block/md0/queue/rotational": "1\n",
    "/sys/devices/virtual/block/md1/queue/rotational": "0\n",
    "/sys/devices/broken/sdz/size": "1\n",
}
LINKS = {
    "/sys/dev/block/259:0": "/sys/devices/pci0/nvme/nvme0n1",
    "/sys/dev/block/259:1": "/sys/devices/pci0/nvme/nvme0n1/nvme0n1p1",
    "/sys/dev/block/8:2": "/sys/devices/ata1/sda/sda2",
    "/sys/dev/block/8:16": "/sys/devices/ata2/sdb",
    "/sys/dev/block/8:32": "/sys/devices/ata3/sdc",
    "/sys/dev/block/254:0": "/sys/devices/virtio0/vda",
    "/sys/dev/block/253:0": "/sys/devices/virtual/block/dm-0",
    "/sys/dev/block/9:0": "/sys/devices/virtual/block/md0",
    "/sys/dev/block/9:1": "/sys/devices/virtual/block/md1",
    "/sys/dev/block/66:0": "/sys/devices/broken/sdz",
    "/sys/devices/virtual/block/dm-0/slaves/nvme0n1p1": "/sys/devices/pci0/nvme/nvme0n1/nvme0n1p1",
    "/sys/devices/virtual/block/dm-0/slaves/nvme1n1": "/sys/devices/pci0/nvme/nvme1n1",
    "/sys/devices/virtual/block/md0/slaves/sda": "/sys/devices/ata1/sda",
    "/sys/devices/virtual/block/md0/slaves/sdb": "/sys/devices/ata2/sdb",
    "/sys/devices/virtual/block/md1/slaves/dm-0": "/sys/devices/virtual/block/dm-0",
    "/sys/class/block/nvme0n1p1": "/sys/devices/pci0/nvme/nvme0n1/nvme0n1p1",
}
ROOT = "23 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"


def host(root: Path, mounts: str, *files: str, environ: dict[str, str] | None = None) -> Host:
    """A machine with these mounts, and with these files, which are empty."""
    extra = dict.fromkeys(files, "")
    return tree(root, {**BLOCKS, "/proc/self/mountinfo": mounts, **extra}, LINKS, environ, cwd="/project")


def found(where: Host, role: str = "models", path: str | None = None) -> Disk:
    disks = {each.role: each for each in ask(disk, where, Request(path=path)).disks or ()}
    return disks[role]


@pytest.mark.parametrize(
    ("mount", "kind"),
    [
        ("36 23 259:0 / /data rw - ext4 /dev/nvme0n1 rw", "nvme"),
        ("36 23 259:1 / /data rw - xfs /dev/nvme0n1p1 rw", "nvme"),
        ("36 23 8:2 / /data rw - ext4 /dev/sda2 rw", "ssd"),
        ("36 23 8:16 / /data rw - ext4 /dev/sdb rw", "hdd"),
        ("36 23 8:32 / /data rw - ext4 /dev/sdc rw", "unknown"),
        ("36 23 254:0 / /data rw - ext4 /dev/vda rw", "unknown"),
        ("36 23 253:0 / /data rw - ext4 /dev/mapper/vg-data rw", "nvme"),
        ("36 23 9:0 / /data rw - ext4 /dev/md0 rw", "unknown"),
        ("36 23 9:1 / /data rw - ext4 /dev/md1 rw", "nvme"),
        ("36 23 66:0 / /data rw - ext4 /dev/sdz rw", "unknown"),
        ("36 23 0:45 / /data rw - btrfs /dev/nvme0n1p1 rw", "nvme"),
        ("36 23 0:50 / /data rw - nfs4 server:/export rw", "network"),
        ("36 23 0:50 / /data rw - nfs server:/export rw", "network"),
        ("36 23 0:51 / /data rw - lustre mgs@tcp:/fs rw", "network"),
        ("36 23 0:52 / /data rw - cifs //server/share rw", "network"),
        ("36 23 0:53 / /data rw - fuse.sshfs me@there:/x rw", "network"),
        ("36 23 0:54 / /data rw - tmpfs tmpfs rw,size=1g", "memory"),
        ("36 23 0:55 / /data rw - overlay overlay rw,lowerdir=/l", "unknown"),
        ("36 23 0:56 / /data rw - zfs tank/data rw", "unknown"),
        ("36 23 99:99 / /data rw - ext4 /dev/gone rw", "unknown"),
    ],
)
def test_the_kind_of_a_disk_is_read_through_whatever_lies_over_it(tmp_path: Path, mount: str, kind: str) -> None:
    where = host(tmp_path, ROOT + mount + "\n", "/data/models/x")
    seen = found(where, "path", "/data/models")
    assert (seen.kind, seen.mount_point) == (kind, "/data")
    assert seen.kind_source


def test_a_volume_over_unlike_disks_says_over_which(tmp_path: Path) -> None:
    where = host(tmp_path, ROOT + "36 23 9:0 / /data rw - ext4 /dev/md0 rw\n", "/data/a")
    assert "hdd, ssd" in (found(where, "path", "/data").kind_source or "")


def test_blanks_in_mount_points_are_read(tmp_path: Path) -> None:
    mounts = ROOT + "36 23 259:0 / /mnt/my\\040disk\\011x\\134y rw - ext4 /dev/nvme0n1 rw\n"
    where = host(tmp_path, mounts, "/mnt/my disk\tx\\y/models/a")
    seen = found(where, "path", "/mnt/my disk\tx\\y/models")
    assert (seen.mount_point, seen.kind) == ("/mnt/my disk\tx\\y", "nvme")


def test_the_longest_mount_above_a_path_wins_and_a_name_like_it_does_not(tmp_path: Path) -> None:
    mounts = ROOT + "36 23 8:16 / /data rw - ext4 /dev/sdb rw\n37 36 259:0 / /data/fast rw - ext4 /dev/nvme0n1 rw\n"
    where = host(tmp_path, mounts, "/data/fast/a", "/data/faster/a", "/database/a")
    for path, kind in (("/data/fast", "nvme"), ("/data/faster", "hdd"), ("/data", "hdd"), ("/database", "ssd")):
        assert found(where, "path", path).kind == kind


def test_a_later_mount_lies_over_an_earlier_one(tmp_path: Path) -> None:
    mounts = ROOT + "36 23 8:16 / /data rw - ext4 /dev/sdb rw\n37 36 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n"
    assert found(host(tmp_path, mounts, "/data/a"), "path", "/data").kind == "nvme"


def test_a_symbolic_link_is_followed_to_the_disk_that_is_really_used(tmp_path: Path) -> None:
    where = host(tmp_path, ROOT + "36 23 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n", "/data/a")
    (tmp_path / "models").symlink_to("data")
    assert found(where, "path", "/models").kind == "nvme"


def test_a_folder_that_is_still_to_be_made_lies_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    where = host(tmp_path, ROOT + "36 23 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n", "/data/a")
    assert found(where, "path", "/data/new/deep/folder").kind == "nvme"


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HOME": "/home/me"}, "/home/me/.cache/huggingface/hub"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/xdg"}, "/xdg/huggingface/hub"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/xdg", "HF_HOME": "/hf"}, "/hf/hub"),
        ({"HF_HOME": "/hf", "HF_HUB_CACHE": "/cache"}, "/cache"),
        ({"HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old"}, "/old"),
        ({"HF_HOME": ""}, "/project"),
        ({"HF_HOME": "relative"}, "/project/relative/hub"),
        ({"HOME": "/home/me", "HF_HOME": "~/hf"}, "/home/me/hf/hub"),
    ],
)
def test_models_go_where_the_hub_client_puts_them(tmp_path: Path, environ: dict[str, str], path: str) -> None:
    assert found(host(tmp_path, ROOT, environ=environ)).path == path


def test_free_space_of_a_captured_tree_is_unknown_never_that_of_the_live_machine(tmp_path: Path) -> None:
    seen = found(host(tmp_path, ROOT))
    assert (seen.size, seen.free, seen.read_only) == (None, None, None)


def test_the_free_space_of_this_machine_is_known(tmp_path: Path) -> None:
    where = Host(environ={"HF_HOME": str(tmp_path / "not" / "yet")}, cwd=str(tmp_path))
    seen = found(where)
    assert seen.size is not None
    assert seen.free is not None
    assert 0 <= seen.free <= seen.size
    assert seen.mount_point


def test_without_a_list_of_mounts_the_disk_is_unknown(tmp_path: Path) -> None:
    seen = found(tree(tmp_path, {}, cwd="/project"), "work")
    assert (seen.kind, seen.mount_point, seen.path) == ("unknown", None, "/project")
