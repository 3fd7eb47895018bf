"""NVMe drives from sysfs, mounted or not."""

from __future__ import annotations

from pathlib import Path

from llmcheck.probe import Request, drives
from llmcheck.schema.machine import NvmeDrive
from llmcheck.system.host import Host
from tests.probe.trees import plant

TIB = 2**40


def read(root: Path) -> tuple[NvmeDrive, ...] | None:
    return drives.probe(Host(str(root)), Request()).nvme_drives


def namespace(root: Path, name: str, model: str, sectors: int | None, transport: str = "pcie") -> None:
    folder = f"sys/devices/pci0000:00/{name.split('n', 2)[1]}/{name}"
    plant(root, {f"{folder}/device/model": f"{model}  \n", f"{folder}/device/transport": f"{transport}\n"})
    plant(root, {f"sys/class/block/{name}": f"->../../../{folder}"})
    if sectors is not None:
        plant(root, {f"{folder}/size": f"{sectors}\n"})


def test_a_node_with_local_drives_and_the_volume_that_it_starts_from(tmp_path: Path) -> None:
    """As on p5.48xlarge, where the network disk is an NVMe device too."""
    namespace(tmp_path, "nvme0n1", "Amazon Elastic Block Store", 2**21)
    namespace(tmp_path, "nvme1n1", "Amazon EC2 NVMe Instance Storage", 2**31)
    plant(tmp_path, {"sys/class/block/nvme1n1p1/partition": "1\n", "sys/class/block/sda/size": "8\n"})
    assert read(tmp_path) == (
        NvmeDrive(name="nvme0n1", kind="network", model="Amazon Elastic Block Store", size=2**30),
        NvmeDrive(name="nvme1n1", kind="nvme", model="Amazon EC2 NVMe Instance Storage", size=TIB),
    )


def test_the_paths_of_a_multipath_device_are_no_drives_of_their_own(tmp_path: Path) -> None:
    namespace(tmp_path, "nvme0n1", "Micron_7450", 2**31)
    plant(tmp_path, {"sys/class/block/nvme0c0n1/size": "2147483648\n", "sys/class/block/nvme0c1n1/size": "1\n"})
    assert [drive.name for drive in read(tmp_path) or ()] == ["nvme0n1"]


def test_a_drive_whose_files_cannot_be_read_is_still_one(tmp_path: Path) -> None:
    plant(tmp_path, {"sys/class/block/nvme3n1/": ""})
    assert read(tmp_path) == (NvmeDrive(name="nvme3n1", kind="nvme"),)


def test_none_is_not_unknown(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    plant(tmp_path, {"sys/class/block/sda/size": "8\n"})
    assert read(tmp_path) == ()
