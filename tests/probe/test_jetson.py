"""Jetson modules: no PCI card and no desktop driver, and still an NVIDIA GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import Request
from llmcheck.probe.gpu.nvidia import probe
from llmcheck.system.host import Host


@pytest.mark.parametrize(
    ("chip", "capability"), [("tegra234", "8.7"), ("tegra264", "11.0"), ("tegra194", "7.2"), ("tegra999", None)]
)
def test_the_gpu_of_a_jetson_shares_the_ram(tmp_path: Path, chip: str, capability: str | None) -> None:
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "compatible").write_bytes(b"nvidia,p3737-0000+p3701-0005\0nvidia," + chip.encode() + b"\0")
    (reading,) = probe(Host(str(tmp_path)), Request())
    assert reading.gpus is not None
    (gpu,) = reading.gpus
    assert (gpu.unified, gpu.compute_capability, gpu.memory_total) == (True, capability, None)


def test_another_board_with_a_device_tree_has_none(tmp_path: Path) -> None:
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "compatible").write_bytes(b"raspberrypi,5-model-b\0brcm,bcm2712\0")
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    (reading,) = probe(Host(str(tmp_path)), Request())
    assert reading.gpus == ()
