"""What lies below layered and remote file systems, mounts that are dead, and the speed that is measured on request."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmcheck.probe import Reading, Request, _room, disk
from llmcheck.schema.machine import Disk
from llmcheck.system.host import Host
from tests.probe.host_trees import ask
from tests.probe.trees import dump, plant

ROOT = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
PCI = "sys/devices/pci0000:00"


def block(name: str, number: str, where: str, **files: str) -> dict[str, str]:
    """A disk with its link by number and by name; ``__`` stands for / in the names of its files."""
    folder = f"{where}/{name}"
    up = "../" * 3
    entries = {f"{folder}/{file.replace('__', '/')}": content for file, content in files.items()}
    entries |= {f"{folder}/size": "1\n"}
    entries |= {f"sys/dev/block/{number}": f"->{up}{folder}", f"sys/class/block/{name}": f"->{up}{folder}"}
    return entries


def partition(name: str, number: str, of: str) -> dict[str, str]:
    return block(name, number, of, partition="1\n")


SDA = block("sda", "8:0", f"{PCI}/ata1", queue__rotational="1\n", device__vendor="ATA\n", device__model="ST4000\n")
SSD = block("sdb", "8:16", f"{PCI}/ata2", queue__rotational="0\n", device__vendor="ATA\n", device__model="Samsung\n")
NVME = block("nvme0n1", "259:0", f"{PCI}/nvme/nvme0", queue__rotational="0\n")
BASE = SDA | partition("sda1", "8:1", f"{PCI}/ata1/sda") | SSD | NVME


def tree(root: Path, mounts: str, *files: dict[str, str], **environ: str) -> Host:
    for each in (BASE, *files):
        plant(root, each)
    plant(root, {"proc/self/mountinfo": ROOT + mounts, "data/models/": ""})
    return Host(str(root), environ=environ, cwd="/")


def at(where: Host, path: str = "/data/models", measure: tuple[str, ...] = ()) -> tuple[Disk, Reading]:
    reading = ask(disk, where, Request(path=path, measure=measure))
    assert reading.disks is not None
    return reading.disks[-1], reading


def on(number: str, filesystem: str, source: str, options: str = "rw", point: str = "/data") -> str:
    return f"40 20 {number} / {point} rw - {filesystem} {source} {options}\n"


class TestDevices:
    @pytest.mark.parametrize(
        ("device", "kind", "word"),
        [
            (block("sdx", "65:0", f"{PCI}/usb1/1-1", queue__rotational="1\n"), "unknown", "USB"),
            (block("sdx", "65:0", f"{PCI}/usb1/1-1", queue__rotational="0\n"), "ssd", "rotational"),
            (
                block("mmcblk0", "65:0", f"{PCI}/mmc", queue__rotational="0\n", device__type="SD\n"),
                "unknown",
                "SD card",
            ),
            (
                block(
                    "sdx", "65:0", PCI, queue__rotational="1\n", device__vendor="DELL\n", device__model="PERC H740P\n"
                ),
                "unknown",
                "RAID controller",
            ),
            (
                block(
                    "sdx", "65:0", PCI, queue__rotational="1\n", device__vendor="HP\n", device__model="EG0600JEMCV\n"
                ),
                "hdd",
                "rotational",
            ),
            (
                block("sdx", "65:0", PCI, queue__rotational="1\n", device__vendor="ATA\n", device__model="QEMU DISK\n"),
                "unknown",
                "virtual",
            ),
            (
                block("sdx", "65:0", PCI, queue__rotational="0\n", device__vendor="Google\n")
                | {f"{PCI}/sdx/device/model": "PersistentDisk\n"},
                "network",
                "Persistent Disk",
            ),
            (block("sdx", "65:0", "sys/devices/platform/host3/session1/target3"), "network", "iSCSI"),
            (block("nvme1n1", "65:0", f"{PCI}/nvme/nvme1", queue__rotational="0\n"), "nvme", "nvme1n1"),
            (
                block("nvme1n1", "65:0", f"{PCI}/nvme/nvme1") | {f"{PCI}/nvme/nvme1/model": "Samsung PM9A3\n"},
                "nvme",
                "PM9A3",
            ),
            (
                block("nvme1n1", "65:0", f"{PCI}/nvme/nvme1")
                | {f"{PCI}/nvme/nvme1/model": "Amazon Elastic Block Store   \n"},
                "network",
                "Elastic Block Store",
            ),
            (
                block("nvme1n1", "65:0", f"{PCI}/nvme/nvme1") | {f"{PCI}/nvme/nvme1/transport": "tcp\n"},
                "network",
                "NVMe-TCP",
            ),
            (
                block("nvme1n1", "65:0", "sys/devices/virtual/nvme-subsystem/nvme-subsys1")
                | {"sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1/transport": "rdma\n"},
                "network",
                "NVMe-RDMA",
            ),
            (block("vdb", "65:0", f"{PCI}/virtio1", queue__rotational="0\n"), "unknown", "virtual"),
            (block("xvdf", "65:0", "sys/devices/vbd-51792", queue__rotational="0\n"), "unknown", "virtual"),
            (
                block(
                    "sdx",
                    "65:0",
                    PCI,
                    queue__rotational="0\n",
                    device__vendor="VMware\n",
                    device__model="Virtual disk\n",
                ),
                "unknown",
                "virtual",
            ),
            (
                block(
                    "sdx", "65:0", PCI, queue__rotational="0\n", device__vendor="Msft\n", device__model="Virtual Disk\n"
                ),
                "unknown",
                "virtual",
            ),
            (block("zd16", "65:0", "sys/devices/virtual/block", queue__rotational="0\n"), "unknown", "volume"),
            (block("drbd0", "65:0", "sys/devices/virtual/block", queue__rotational="0\n"), "unknown", "volume"),
            (block("zram0", "65:0", "sys/devices/virtual/block", queue__rotational="0\n"), "memory", "zram0"),
            (block("rbd0", "65:0", "sys/devices/virtual/block", queue__rotational="0\n"), "network", "rbd0"),
        ],
    )
    def test_kind(self, tmp_path: Path, device: dict[str, str], kind: str, word: str) -> None:
        found, _ = at(tree(tmp_path, on("65:0", "ext4", "/dev/x"), device))
        assert found.kind == kind
        assert word in (found.kind_source or "")

    def test_lvm_over_encryption_over_raid(self, tmp_path: Path) -> None:
        virtual = "sys/devices/virtual/block"
        stack = block("md0", "9:0", virtual, slaves__sdb=f"->../../../../../../{PCI}/ata2/sdb")
        stack |= block("dm-0", "253:0", virtual, slaves__md0="->../../md0")
        stack |= block("dm-1", "253:1", virtual, slaves__dm_0="->../../dm-0")
        assert at(tree(tmp_path, on("253:1", "xfs", "/dev/mapper/vg-data"), stack))[0].kind == "ssd"

    def test_arrays_of_like_disks_name_them_in_order(self, tmp_path: Path) -> None:
        array = block("md0", "9:0", "sys/devices/virtual/block")
        for name in ("nvme0n1", "nvme2n1"):
            array |= block(name, f"259:{name[4]}", f"{PCI}/nvme/{name[:5]}") if name != "nvme0n1" else {}
            array[f"sys/devices/virtual/block/md0/slaves/{name}"] = f"->../../../../../../{PCI}/nvme/{name[:5]}/{name}"
        found, _ = at(tree(tmp_path, on("9:0", "ext4", "/dev/md0"), array))
        assert (found.kind, found.kind_source) == ("nvme", "md0 on device nvme0n1; device nvme2n1")

    def test_volumes_in_a_circle_end(self, tmp_path: Path) -> None:
        loop = block("dm-0", "253:0", "sys/devices/virtual/block", slaves__self="->../../dm-0")
        assert at(tree(tmp_path, on("253:0", "ext4", "/dev/mapper/a"), loop))[0].kind == "unknown"

    def test_loop_device_is_what_its_file_lies_on(self, tmp_path: Path) -> None:
        file = block("loop0", "7:0", "sys/devices/virtual/block", queue__rotational="1\n")
        file["sys/devices/virtual/block/loop0/loop/backing_file"] = "/fast/image\n"
        mounts = on("259:0", "ext4", "/dev/nvme0n1", point="/fast") + on("7:0", "ext4", "/dev/loop0")
        found, _ = at(tree(tmp_path, mounts, file, {"fast/image": ""}))
        assert found.kind == "nvme"
        assert "/fast/image" in (found.kind_source or "")

    def test_loop_device_of_a_hidden_file_by_its_flag(self, tmp_path: Path) -> None:
        file = block("loop0", "7:0", "sys/devices/virtual/block", queue__rotational="0\n")
        file["sys/devices/virtual/block/loop0/loop/backing_file"] = "/elsewhere/image\n"
        assert at(tree(tmp_path, on("7:0", "ext4", "/dev/loop0"), file))[0].kind == "ssd"


class TestFileSystems:
    @pytest.mark.parametrize(
        ("filesystem", "source", "options", "kind", "word"),
        [
            *(
                (each, "x", "rw", "network", each)
                for each in ("nfs4", "lustre", "smb3", "gpfs", "beegfs", "ceph", "wekafs")
            ),
            ("fuse.gcsfuse", "bucket", "rw", "network", "gcsfuse"),
            ("fuse.juicefs", "JuiceFS:x", "rw", "network", "juicefs"),
            ("fuse", "mountpoint-s3", "rw", "network", "mountpoint-s3"),
            ("fuse.mergerfs", "a:b", "rw", "unknown", "mergerfs"),
            ("9p", "share", "rw,trans=virtio", "unknown", "hypervisor"),
            ("9p", "server", "rw,trans=tcp", "network", "tcp"),
            ("virtiofs", "share", "rw", "unknown", "hypervisor"),
            ("tmpfs", "tmpfs", "rw", "memory", "tmpfs"),
        ],
    )
    def test_by_name(self, tmp_path: Path, filesystem: str, source: str, options: str, kind: str, word: str) -> None:
        found, _ = at(tree(tmp_path, on("0:60", filesystem, source, options)))
        assert found.kind == kind
        assert word in (found.kind_source or "")

    def test_ntfs_by_its_device(self, tmp_path: Path) -> None:
        assert at(tree(tmp_path, on("8:16", "fuseblk", "/dev/sdb")))[0].kind == "ssd"

    def test_overlay_by_its_upper_folder(self, tmp_path: Path) -> None:
        mounts = on("259:0", "ext4", "/dev/nvme0n1", point="/fast")
        mounts += on("0:70", "overlay", "overlay", "rw,lowerdir=/l,upperdir=/fast/up,workdir=/w")
        found, _ = at(tree(tmp_path, mounts, {"fast/up/": ""}))
        assert found.kind == "nvme"
        assert "/fast/up" in (found.kind_source or "")

    def test_overlay_whose_upper_folder_is_another_machines(self, tmp_path: Path) -> None:
        overlay = "rw,lowerdir=/l,upperdir=/outside/up,workdir=/w"
        assert at(tree(tmp_path, on("0:70", "overlay", "overlay", overlay)))[0].kind == "unknown"

    def test_overlay_does_not_take_itself_for_the_disk_below(self, tmp_path: Path) -> None:
        mounts = on("0:70", "overlay", "overlay", "rw,upperdir=/data/models,workdir=/w")
        found, _ = at(tree(tmp_path, mounts))
        assert (found.kind, found.kind_source) == ("unknown", "the overlay does not show the disk below it")

    def test_docker_container_by_the_files_mounted_from_beside_its_overlay(self, tmp_path: Path) -> None:
        upper = "upperdir=/var/lib/docker/overlay2/ab/diff"
        hosts = "41 20 259:0 /lib/docker/containers/cd/hosts /etc/hosts rw - ext4 /dev/nvme0n1 rw\n"
        found, _ = at(tree(tmp_path, on("0:70", "overlay", "overlay", f"rw,{upper}") + hosts))
        assert found.kind == "nvme"
        assert "/etc/hosts" in (found.kind_source or "")
        other = hosts.replace("/lib/docker", "/lib/else")
        assert at(tree(tmp_path / "b", on("0:70", "overlay", "overlay", f"rw,{upper}") + other))[0].kind == "unknown"

    @pytest.mark.parametrize(
        ("devices", "kind"),
        [
            ("/dev/sda1:/dev/nvme0n1", "unknown"),
            ("/dev/sdb:/dev/nvme0n1", "ssd"),
            ("/dev/sda1:/dev/sda", "hdd"),
            ("/dev/nvme0n1:/dev/sdz", "unknown"),
            ("/dev/nvme0n1", "nvme"),
        ],
    )
    def test_bcachefs_on_several_devices(self, tmp_path: Path, devices: str, kind: str) -> None:
        found, _ = at(tree(tmp_path, on("0:45", "bcachefs", devices)))
        assert (found.kind, found.filesystem) == (kind, "bcachefs")

    @pytest.mark.parametrize("name", ["md0", "dm-0"])
    @pytest.mark.parametrize(
        ("below", "kind"), [(("sda", "sdb"), "unknown"), (("sdb", "nvme0n1"), "ssd"), (("vdb",), "unknown")]
    )
    def test_a_volume_of_several_disks(self, tmp_path: Path, name: str, below: tuple[str, ...], kind: str) -> None:
        places = {"sda": "ata1/sda", "sdb": "ata2/sdb", "nvme0n1": "nvme/nvme0/nvme0n1", "vdb": "virtio1/vdb"}
        virtual = block("vdb", "65:0", f"{PCI}/virtio1", queue__rotational="0\n")
        volume = block(name, "9:0", "sys/devices/virtual/block")
        for each in below:
            volume[f"sys/devices/virtual/block/{name}/slaves/{each}"] = f"->../../../../../../{PCI}/{places[each]}"
        found, _ = at(tree(tmp_path, on("9:0", "ext4", f"/dev/{name}"), volume, virtual))
        assert found.kind == kind
        assert found.kind_source

    def test_btrfs_on_several_devices(self, tmp_path: Path) -> None:
        folder = "sys/fs/btrfs/0123-uuid/devices"
        files = {f"{folder}/sda": "->../../../../class/block/sda", f"{folder}/sdb": "->../../../../class/block/sdb"}
        found, _ = at(tree(tmp_path, on("0:45", "btrfs", "/dev/sdb"), files))
        assert (found.kind, found.kind_source) == (
            "unknown",
            "btrfs is a volume on devices of different kinds: hdd, ssd",
        )

    def test_zfs_by_what_udev_noted_and_unknown_without(self, tmp_path: Path) -> None:
        found, _ = at(tree(tmp_path, on("0:46", "zfs", "tank/data")))
        assert found.kind == "unknown"
        assert "tank" in (found.kind_source or "")
        note = "S:disk/x\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL={}\n"
        files = {"run/udev/data/b8:16": note.format("tank"), "run/udev/data/b8:0": note.format("other")}
        assert at(tree(tmp_path / "b", on("0:46", "zfs", "tank/data"), files))[0].kind == "ssd"

    def test_bind_mount_is_the_disk_it_comes_from(self, tmp_path: Path) -> None:
        bind = "41 20 259:0 /srv/models /data rw - ext4 /dev/nvme0n1 rw\n"
        found, _ = at(tree(tmp_path, bind))
        assert (found.kind, found.mount_point) == ("nvme", "/data")

    @pytest.mark.parametrize(
        "line", ["40 20 8:16 / /data ro - ext4 /dev/sdb rw\n", on("8:16", "ext4", "/dev/sdb", "ro")]
    )
    def test_read_only_by_the_mount_or_by_the_file_system(self, tmp_path: Path, line: str) -> None:
        assert at(tree(tmp_path, line))[0].read_only is True

    def test_the_disk_is_found_among_five_hundred_mounts(self, tmp_path: Path) -> None:
        many = "".join(on(f"0:{number}", "tmpfs", "tmpfs", point=f"/mnt/{number}") for number in range(500))
        where = tree(tmp_path, many + on("259:0", "ext4", "/dev/nvme0n1"))
        found, _ = at(where)
        assert found.kind == "nvme"


class TestModelCache:
    def test_legacy_variable_stands_between(self, tmp_path: Path) -> None:
        environ = {"TRANSFORMERS_CACHE": "/data/old", "HF_HOME": "/hf"}
        assert _room.model_cache(Host(str(tmp_path), environ=environ)) == "/data/old"
        assert _room.model_cache(Host(str(tmp_path), environ=environ | {"HF_HUB_CACHE": "/new"})) == "/new"

    def test_variables_in_it_are_replaced(self, tmp_path: Path) -> None:
        environ = {"HF_HOME": "${SCRATCH}/$USER/$UNSET", "SCRATCH": "/s", "USER": "me"}
        assert _room.model_cache(Host(str(tmp_path), environ=environ)) == "/s/me/$UNSET/hub"

    def test_link_to_a_folder_that_is_still_to_be_made(self, tmp_path: Path) -> None:
        where = tree(tmp_path, on("259:0", "ext4", "/dev/nvme0n1"), {"cache": "->data/not-yet"}, HF_HUB_CACHE="/cache")
        reading = ask(disk, where)
        assert reading.disks is not None
        assert (reading.disks[0].path, reading.disks[0].mount_point) == ("/cache", "/data")
        assert "/cache is /data/not-yet" in reading.sources["disks.0.mount_point"]


class TestRealMachines:
    def test_disk_of_a_dump(self, tmp_path: Path) -> None:
        sys = dump("linux_sys_procfs_fixtures/fixtures/sys")
        shutil.copytree(sys / "block", tmp_path / "sys" / "block")
        mounts = (sys.parent / "proc/26231/mountinfo").read_text().replace("/dev/sda1", "/dev/sda")
        plant(tmp_path, {"proc/self/mountinfo": mounts, "mnt/nfs/test/": "", "var/lib/containers/storage/overlay/": ""})
        where = Host(str(tmp_path), cwd="/")
        assert at(where, "/mnt/nfs/test/models")[0].filesystem == "nfs"
        assert at(where, "/mnt/nfs/test/models")[0].kind == "network"
        assert at(where, "/var/lib/containers/storage/overlay")[0].device == "/dev/mapper/rhel-root"
        assert at(where, "/home")[0].kind == "hdd"

    def test_mapped_device_is_found_by_the_name_that_sysfs_has(self, tmp_path: Path) -> None:
        fixtures = dump("linux_sys_node_exporter_fixtures/sys/block")
        number, name = "dm-5", (fixtures / "dm-5/dm/name").read_text().strip()
        virtual = "sys/devices/virtual/block"
        files = block(
            number, "253:5", virtual, dm__name=f"{name}\n", slaves__x=f"->../../../../../../{PCI}/nvme/nvme0/nvme0n1"
        )
        del files["sys/dev/block/253:5"]
        found, _ = at(tree(tmp_path, on("253:5", "ext4", f"/dev/mapper/{name}"), files))
        assert found.kind == "nvme"

    @pytest.mark.parametrize("name", ["gpud__lsblk.withlv.censored.json", "gpud__lsblk.1.json"])
    def test_trees_of_lsblk(self, tmp_path: Path, name: str) -> None:
        """Each volume of a real GPU host, laid out as sysfs has it, is what lsblk says of it: solid state here."""
        listed = json.loads(dump(f"disk/lsblk/{name}").read_text())["blockdevices"]
        files: dict[str, str] = {}
        points: dict[str, str] = {}
        self._lay_out(listed, None, files, points)
        assert points
        mounts = "".join(
            f"{index} 1 9:{index} / {point} rw - ext4 /dev/{device} rw\n"
            for index, (point, device) in enumerate(points.items(), 50)
        )
        for index, device in enumerate(points.values(), 50):
            files.setdefault(f"sys/dev/block/9:{index}", f"->../../../sys/blocks/{device}")
        plant(tmp_path, files | {"proc/self/mountinfo": mounts} | {f"{point}/": "" for point in points})
        for point in points:
            assert at(Host(str(tmp_path), cwd="/"), point)[0].kind in ("nvme", "ssd"), point

    def _lay_out(
        self, devices: list[dict[str, object]], parent: str | None, files: dict[str, str], points: dict[str, str]
    ) -> None:
        for device in devices:
            name = str(device["name"]).rpartition("/")[2]
            files[f"sys/blocks/{name}/queue/rotational"] = f"{int(device.get('rota') not in (False, '0', None))}\n"
            if parent:
                files[f"sys/blocks/{name}/slaves/{parent}"] = f"->../../{parent}"
            point = device.get("mountpoint")
            if isinstance(point, str) and point.startswith("/"):
                points.setdefault(point, name)
            below = device.get("children")
            if isinstance(below, list):
                self._lay_out(below, name, files, points)
