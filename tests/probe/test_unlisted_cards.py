"""Cards that are on the PCI bus and that a working driver does not list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from llmcheck.probe import _pci
from llmcheck.probe.gpu import nvidia
from llmcheck.schema.machine import Problem
from tests.probe.host_trees import ask, tree
from tests.probe.odd_machines import pci

SEVEN = [f"0000:{0x3B + number:02x}:00.0" for number in range(7)]
NVML = [f"0000{bus_id.upper()}" for bus_id in SEVEN]
"""The same as NVML writes them."""
T4 = 0x1EB8


def cards(*drivers: str | None) -> dict[str, str]:
    pairs = zip(SEVEN, drivers, strict=False)
    return {name: text for bus_id, driver in pairs for name, text in pci(bus_id, 0x10DE, T4, driver).items()}


def nodes(*numbers: int) -> dict[str, str]:
    return {"/dev/nvidiactl": "", "/dev/nvidia-uvm": "", **{f"/dev/nvidia{number}": "" for number in numbers}}


def said(
    root: Path, files: dict[str, str], listed: Sequence[str | None], environ: dict[str, str] | None = None
) -> list[Problem]:
    host = tree(root, files, environ=environ)
    seen = _pci.devices(host, 0x10DE) or ()
    return _pci.not_listed(host, "gpu.nvidia", "NVIDIA", "nvidia", seen, listed)


def test_each_card_that_the_driver_has_and_does_not_list_is_named(tmp_path: Path) -> None:
    (problem,) = said(tmp_path, cards(*["nvidia"] * 7), NVML[:2])
    assert problem.code == "not-listed-by-driver"
    assert problem.message.startswith("5 of the 7 NVIDIA GPUs")
    assert all(bus_id in problem.message for bus_id in SEVEN[2:])
    assert not any(bus_id in problem.message for bus_id in SEVEN[:2])


@pytest.mark.parametrize(
    ("drivers", "words"),
    [
        (["nvidia", "vfio-pci"], "reserved for virtual machines (bound to vfio-pci)"),
        (["nvidia", "nouveau"], "bound to nouveau"),
        (["nvidia", None], "not bound to the driver nvidia: 0000:3c:00.0 [10de:1eb8]"),
    ],
)
def test_so_is_one_that_another_driver_has(tmp_path: Path, drivers: list[str | None], words: str) -> None:
    (problem,) = said(tmp_path, {**cards(*drivers), **nodes(0)}, NVML[:1])
    assert words in problem.message
    assert SEVEN[1] in problem.message


def test_each_driver_is_a_problem_of_its_own(tmp_path: Path) -> None:
    found = said(tmp_path, cards("nvidia", "nvidia", "vfio-pci", "vfio-pci", "nouveau"), NVML[:1])
    assert [problem.message.partition(" ")[0] for problem in found] == ["1", "2", "1"]


V1 = {
    "/proc/self/cgroup": "3:devices:/docker/7a\n",
    "/proc/self/mountinfo": "40 1 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n",
}


@pytest.mark.parametrize(
    ("files", "environ"),
    [
        (nodes(3, 5), {}),  # a container has the nodes of its cards
        ({**nodes(*range(7)), **V1, "/sys/fs/cgroup/devices/docker/7a/devices.list": "c 195:0 rw\nc 195:1 rw\n"}, {}),
        (nodes(*range(7)), {"SLURM_JOB_ID": "7", "SLURM_GPUS_ON_NODE": "2"}),
        (nodes(*range(7)), {"SLURM_JOB_ID": "7"}),
    ],
)
def test_a_process_that_was_given_two_of_seven_hears_nothing(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str]
) -> None:
    assert said(tmp_path, {**cards(*["nvidia"] * 7), **files}, NVML[:2], environ) == []


@pytest.mark.parametrize(
    ("files", "environ"),
    [
        (nodes(*range(7)), {}),
        ({**nodes(*range(7)), **V1, "/sys/fs/cgroup/devices/docker/7a/devices.list": "a *:* rwm\n"}, {}),
        ({**nodes(*range(7)), **V1, "/sys/fs/cgroup/devices/docker/7a/devices.list": "c 195:* rwm\n"}, {}),
        (nodes(*range(7)), {"SLURM_JOB_ID": "7", "SLURM_GPUS_ON_NODE": "7"}),
    ],
)
def test_one_that_was_given_all_hears_of_the_others(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str]
) -> None:
    assert len(said(tmp_path, {**cards(*["nvidia"] * 7), **files}, NVML[:2], environ)) == 1


def test_a_lost_card_that_is_listed_without_its_address_is_not_missing(tmp_path: Path) -> None:
    assert said(tmp_path, cards(*["nvidia"] * 3), [*NVML[:2], None]) == []


def test_virtual_functions_are_no_cards(tmp_path: Path) -> None:
    part = {**pci("0000:3b:00.4", 0x10DE, T4, "nvidia"), "/sys/bus/pci/devices/0000:3b:00.4/physfn/vendor": "0x10de"}
    assert said(tmp_path, {**cards("nvidia"), **part}, NVML[:1]) == []


def test_without_the_drivers_library_a_card_of_a_virtual_machine_is_called_so(tmp_path: Path) -> None:
    reading = ask(nvidia, tree(tmp_path, cards("vfio-pci", "vfio-pci")))
    (problem,) = reading.problems
    assert (problem.code, "vfio-pci" in problem.message) == ("not-listed-by-driver", True)
    assert [gpu.usable for gpu in reading.gpus or ()] == [False, False]
