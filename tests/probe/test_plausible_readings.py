"""What a driver answers is data as what a file says is: what cannot be true is unknown after an inspection."""

from __future__ import annotations

import datetime

import pytest

from llmcheck.probe import Reading, assemble
from llmcheck.schema.machine import Cpu, Disk, Gpu, Machine, Ram
from tests.machines_builder import GB, card


@pytest.mark.parametrize("size", [-1, 0, 2**62, 2**64 - 1])
def test_a_driver_that_answers_an_impossible_size(size: int) -> None:
    machine = assemble([Reading(gpus=(card("H100", memory_total=size, memory_free=None),), gpu_uuids=("",))])
    (gpu,) = machine.gpus or ()
    assert (gpu.memory_total, gpu.usable, gpu.fault) == (None, None, "implausible")
    assert [(each.probe, each.code) for each in machine.problems] == [("gpu.nvidia", "implausible")]


def test_a_driver_that_lists_a_card_twice() -> None:
    one = card("H100", pci_bus_id="0000:01:00.0")
    machine = assemble([Reading(gpus=(one, one), gpu_uuids=("GPU-1", "GPU-1"))])
    assert machine.gpus == (one,)
    assert machine.identity.gpu_uuids == ("GPU-1",)
    assert [each.code for each in machine.problems] == ["duplicate"]


def test_a_system_that_reports_no_memory_at_all() -> None:
    machine = assemble([Reading(ram=Ram(total=0, available=0, usable=0)), Reading(cpu=Cpu(threads=0))])
    assert (machine.ram.usable, machine.cpu.threads) == (None, None)
    assert {each.probe for each in machine.problems} == {"memory", "cpu"}


def test_a_gpu_that_shares_a_ram_of_impossible_size() -> None:
    shared = Gpu(vendor="apple", index=0, name="Apple M3 Max", unified=True)
    machine = assemble([Reading(gpus=(shared,)), Reading(ram=Ram(total=2**62, usable=2**62, available=2**61))])
    (gpu,) = machine.gpus or ()
    assert (gpu.memory_total, gpu.usable) == (None, None)


def test_a_file_system_that_does_not_say_its_size() -> None:
    disk = Disk(role="models", path="/mnt/bucket", filesystem="fuse.s3fs", size=0, free=0)
    machine = assemble([Reading(disks=(disk,))])
    assert [(each.size, each.free) for each in machine.disks or ()] == [(None, None)]


def test_a_sound_reading_has_no_problem() -> None:
    machine: Machine = assemble(
        [Reading(gpus=(card("H100"),), gpu_uuids=("",)), Reading(ram=Ram(total=64 * GB, usable=64 * GB))]
    )
    assert machine.problems == ()
    assert datetime.datetime.fromisoformat(machine.collected_at or "").tzinfo is not None
