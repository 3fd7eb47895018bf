"""Gaudi accelerators: found on the bus, numbered by their driver, their memory unknown and said to be so."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import Reading
from llmcheck.probe.gpu import habana
from tests.probe.host_trees import ask, tree

BUS = "/sys/bus/pci/devices"


def card(bus_id: str, device: int, driver: str | None = "habanalabs", **facts: object) -> dict[str, str]:
    files = {"vendor": "0x1da3", "device": f"0x{device:04x}", "class": "0x120000", "numa_node": "1", **facts}
    if driver:
        files["uevent"] = f"DRIVER={driver}"
    return {f"{BUS}/{bus_id}/{name}": f"{text}\n" for name, text in files.items()}


def read(root: Path, *files: dict[str, str]) -> Reading:
    return ask(habana, tree(root, {path: text for group in files for path, text in group.items()}))


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (0x1000, "HL-205 (Gaudi)"),
        (0x1020, "HL-225 (Gaudi2)"),
        (0x1060, "HL-325L (Gaudi3)"),
        (0x1099, "Gaudi [1da3:1099]"),
    ],
)
def test_names(tmp_path: Path, device: int, name: str) -> None:
    (gpu,) = read(tmp_path, card("0000:19:00.0", device)).gpus or ()
    assert (gpu.vendor, gpu.name, gpu.usable, gpu.numa_node) == ("habana", name, True, 1)


def test_memory_is_unknown_with_the_reason(tmp_path: Path) -> None:
    reading = read(tmp_path, card("0000:19:00.0", 0x1020), {"/sys/module/habanalabs/version": "1.21.0-ca59b5a\n"})
    assert [gpu.memory_total for gpu in reading.gpus or ()] == [None]
    assert [problem.code for problem in reading.problems] == ["memory-unknown"]
    assert reading.drivers["habana"].version == "1.21.0-ca59b5a"


def test_the_number_is_the_drivers(tmp_path: Path) -> None:
    files = [
        card("0000:19:00.0", 0x1020, **{"accel/accel3/dev": "261:3"}),
        card("0000:1a:00.0", 0x1020, **{"habanalabs/hl7/dev": "510:0"}),
        card("0000:1b:00.0", 0x1020),
    ]
    assert [gpu.index for gpu in read(tmp_path, *files).gpus or ()] == [3, 7, 2]


def test_without_its_driver_it_is_broken(tmp_path: Path) -> None:
    reading = read(tmp_path, card("0000:19:00.0", 0x1020, driver=None))
    assert [(gpu.usable, gpu.fault) for gpu in reading.gpus or ()] == [(False, "driver-not-loaded")]
    assert [problem.code for problem in reading.problems] == ["driver-not-loaded"]
    assert reading.drivers == {}


def test_goya_and_empty_buses_are_none(tmp_path: Path) -> None:
    assert read(tmp_path / "a", card("0000:19:00.0", 0x0001)).gpus == ()
    assert read(tmp_path / "b", {"/sys/bus/pci/devices/0000:00:00.0/vendor": "0x8086\n"}).gpus == ()
    assert read(tmp_path / "c", {}).gpus is None  # no bus that could be listed
