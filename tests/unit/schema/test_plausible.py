"""Facts that cannot be true are unknown, with the reason; what can be true stays as it is."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import codec
from llmcheck.fit import capacity
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.gpu import Ecc, GpuProcess, GpuSpec, NvLink, Pcie
from llmcheck.schema.machine import (
    Accelerator,
    CachedModel,
    Cpu,
    Disk,
    Fabric,
    FabricPort,
    Gpu,
    Identity,
    Limits,
    Machine,
    ModelCache,
    Nic,
    NumaNode,
    Ram,
    Rlimit,
)
from llmcheck.schema.plausible import plausible
from tests.machines_builder import GB, card, cards
from tests.unit.strategies import CORRECTIONS, SHIPPED, machines, wild_machines

NOW = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)
SAVED = sorted((Path(__file__).parents[2] / "machines").glob("*.json"))
GIB = 2**30

Read = Callable[[Machine], Any]


def ram(**facts: Any) -> Machine:
    return Machine(ram=Ram(**facts))


def gpu(**facts: Any) -> Machine:
    return Machine(gpus=(replace(card("H100"), **facts),))


def disk(**facts: Any) -> Machine:
    return Machine(disks=(Disk(role="models", path="/srv", **facts),))


def first(name: str) -> Read:
    return lambda machine: getattr((machine.gpus or ())[0], name)


def of_ram(name: str) -> Read:
    return lambda machine: getattr(machine.ram, name)


def of_disk(name: str) -> Read:
    return lambda machine: getattr((machine.disks or ())[0], name)


IMPOSSIBLE: dict[str, tuple[Machine, Read]] = {
    "GPU of 2^62 bytes": (gpu(memory_total=2**62), first("memory_total")),
    "GPU of 2^64-1 bytes": (gpu(memory_total=2**64 - 1), first("memory_total")),
    "GPU of 4 PB": (gpu(memory_total=4 * 10**15), first("memory_total")),
    "GPU of 0 bytes": (gpu(memory_total=0), first("memory_total")),
    "GPU of less than nothing": (gpu(memory_total=-1), first("memory_total")),
    "negative free memory": (gpu(memory_free=-1), first("memory_total")),
    "more free than there is": (gpu(memory_free=90 * GIB), first("memory_total")),
    "more reserved than there is": (gpu(memory_reserved=90 * GIB), first("memory_total")),
    "used and free of a larger card": (gpu(memory_used=60 * GIB, memory_free=60 * GIB), first("memory_free")),
    "used and free of a smaller card": (gpu(memory_used=0, memory_free=24 * GIB), first("memory_total")),
    "10^9 NVLinks": (gpu(nvlinks=10**9), first("nvlinks")),
    "negative NVLinks": (gpu(nvlinks=-1), first("nvlinks")),
    "index of 10^9": (gpu(index=10**9), first("index")),
    "hotter than silicon": (gpu(temperature_c=900), first("temperature_c")),
    "colder than air": (gpu(temperature_c=-273), first("temperature_c")),
    "10 MW": (gpu(power_limit_w=1e7), first("power_limit_w")),
    "not a number of watts": (gpu(power_limit_w=float("nan")), first("power_limit_w")),
    "endless watts": (gpu(power_limit_w=float("inf")), first("power_limit_w")),
    "node -5": (gpu(numa_node=-5), first("numa_node")),
    "compute capability of next century": (gpu(compute_capability="900.0"), first("compute_capability")),
    "PCIe 99": (gpu(pcie=Pcie(generation=99)), lambda machine: (machine.gpus or ())[0].pcie.generation),  # type: ignore[union-attr]
    "negative errors": (
        gpu(ecc=Ecc(uncorrected_errors=-4)),
        lambda machine: (machine.gpus or ())[0].ecc.uncorrected_errors,  # type: ignore[union-attr]
    ),
    "process of 2^62 bytes": (
        gpu(processes=(GpuProcess(pid=1, memory=2**62),)),
        lambda machine: (machine.gpus or ())[0].processes[0].memory,  # type: ignore[index]
    ),
    "published bandwidth of 10^30": (
        gpu(spec=GpuSpec(name="H100", bandwidth_gb_s=1e30, source="a file")),
        first("spec"),
    ),
    "RAM of 0": (ram(total=0, usable=0), of_ram("usable")),
    "RAM of 2^62": (ram(total=2**62, usable=2**62), of_ram("usable")),
    "negative RAM": (ram(total=-(2**40), usable=64 * GB), of_ram("usable")),
    "more usable than there is": (ram(total=8 * GB, usable=64 * GB), of_ram("total")),
    "more usable than the limit": (ram(total=64 * GB, limit=4 * GB, usable=64 * GB), of_ram("usable")),
    "more available than there is": (ram(total=8 * GB, usable=8 * GB, available=64 * GB), of_ram("usable")),
    "negative available RAM": (ram(total=8 * GB, usable=8 * GB, available=-1), of_ram("available")),
    "more free swap than swap": (ram(swap_total=GB, swap_free=9 * GB), of_ram("swap_free")),
    "huge pages of 2^62": (ram(huge_pages=2**62), of_ram("huge_pages")),
    "NUMA node of 2^62": (
        ram(numa=(NumaNode(node=0, memory_total=2**62),)),
        lambda machine: machine.ram.numa[0].memory_total,
    ),
    "disk of 2^62": (disk(kind="nvme", size=2**62, free=2**62), of_disk("free")),
    "disk of 0, as FUSE has it": (disk(size=0, free=0), of_disk("free")),
    "negative free space": (disk(size=GB, free=-GB), of_disk("free")),
    "more free than the disk has": (disk(size=100 * GB, free=900 * GB), of_disk("size")),
    "network disk above 8 EiB": (disk(kind="network", size=2**64 - 1, free=2**64 - 1), of_disk("free")),
    "disk of 10^30 bytes a second": (
        disk(read_bytes_per_second=1e30),
        of_disk("read_bytes_per_second"),
    ),
    "10^9 threads": (Machine(cpu=Cpu(threads=10**9)), lambda machine: machine.cpu.threads),
    "no core": (Machine(cpu=Cpu(cores=0)), lambda machine: machine.cpu.cores),
    "more usable threads than threads": (
        Machine(cpu=Cpu(threads=8, threads_usable=64)),
        lambda machine: machine.cpu.threads_usable,
    ),
    "negative quota": (Machine(cpu=Cpu(quota=-1.0)), lambda machine: machine.cpu.quota),
    "10^9 EFA adapters": (Machine(fabric=Fabric(efa=10**9)), lambda machine: machine.fabric.efa),
    "port of 10^9 Gb/s": (
        Machine(fabric=Fabric(ports=(FabricPort(device="mlx5_0", port=1, rate_gbps=1e9),))),
        lambda machine: (machine.fabric.ports or ())[0].rate_gbps,
    ),
    "network card of -1 Mb/s": (
        Machine(fabric=Fabric(nics=(Nic(name="eth0", speed_mbps=-1),))),
        lambda machine: (machine.fabric.nics or ())[0].speed_mbps,
    ),
    "matrix of 10^9 links": (
        Machine(fabric=Fabric(nvlink_matrix=((0, 10**9), (10**9, 0)))),
        lambda machine: machine.fabric.nvlink_matrix,
    ),
    "negative ulimit": (Machine(limits=Limits(memlock=Rlimit(soft=-1))), lambda machine: machine.limits.memlock),
    "more free shared memory than there is": (
        Machine(limits=Limits(shm_size=GB, shm_free=9 * GB)),
        lambda machine: machine.limits.shm_size,
    ),
    "10^9 TPUs": (
        Machine(accelerators=(Accelerator(kind="tpu", name="TPU", count=10**9),)),
        lambda machine: machine.accelerators or None,
    ),
    "downloaded model of less than nothing": (
        Machine(
            model_caches=(ModelCache(program="ollama", path="~", models=(CachedModel(repository="x", bytes=-1),)),)
        ),
        lambda machine: (machine.model_caches or ())[0].models or None,
    ),
    "collected in 1999": (Machine(collected_at="1999-12-31T00:00:00+00:00"), lambda machine: machine.collected_at),
    "collected in the future": (Machine(collected_at="2031-01-01T00:00:00Z"), lambda machine: machine.collected_at),
    "collected at no date": (Machine(collected_at="yesterday"), lambda machine: machine.collected_at),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_is_unknown_with_the_reason(name: str) -> None:
    machine, read = IMPOSSIBLE[name]
    found = plausible(machine, NOW)
    assert read(found) is None
    codes = {problem.code for problem in found.problems}
    assert codes
    assert codes <= {"implausible", "contradictory"}
    assert all(problem.message for problem in found.problems)


LIKELY = {
    "MI355X": gpu(memory_total=288 * GIB, memory_used=0, memory_free=288 * GIB),
    "ECC in the memory of a T4": gpu(memory_total=16 * GIB, memory_used=0, memory_free=15 * GIB),
    "reserved by the driver": gpu(memory_used=GIB, memory_free=78 * GIB, memory_reserved=655 * 2**20),
    "free memory rounded up": gpu(memory_free=(card("H100").memory_total or 0) + 2**20),
    "shared memory that two count differently": gpu(
        unified=True, memory_total=96 * GIB, memory_used=60 * GIB, memory_free=60 * GIB
    ),
    "limit above the RAM, as docker run -m allows": ram(total=32 * GB, limit=64 * GB, usable=32 * GB),
    "available RAM that is not limited": ram(total=64 * GB, limit=4 * GB, usable=4 * GB, available=60 * GB),
    "server with 48 TB": ram(total=48 * 10**12, usable=48 * 10**12, swap_total=0, swap_free=0),
    "Amazon EFS": disk(kind="network", size=2**63 - 2**20, free=2**63 - 2**20),
    "full disk": disk(size=GB, free=0),
    "cold card": gpu(temperature_c=-5, nvlinks=0, numa_node=0),
    "day of a redacted file": Machine(collected_at="2026-11-27"),
    "clock that is an hour ahead": Machine(collected_at="2026-11-27T13:00:00+00:00"),
    "unlimited": Machine(limits=Limits(memlock=Rlimit(), nofile=Rlimit(soft=1024, hard=2**63))),
    "cards without an address": Machine(gpus=cards("H100", 8)),
    "cards without a number": Machine(
        gpus=tuple(Gpu(vendor="amd", index=index, pci_bus_id=f"0000:0{index}:00.0") for index in range(2)),
        identity=Identity(gpu_uuids=("GPU-XX", "GPU-XX")),
    ),
    "two tiles of one Intel card": Machine(
        gpus=tuple(
            Gpu(vendor="intel", index=index, memory_total=64 * GIB, pci_bus_id="0000:9a:00.0") for index in range(2)
        )
    ),
    "MIG instances at the address of their card": Machine(
        gpus=(
            card("H100", pci_bus_id="0000:01:00.0", mig_mode=True),
            *(
                Gpu(vendor="nvidia", index=index, parent=0, memory_total=10 * GIB, pci_bus_id="0000:01:00.0")
                for index in range(7)
            ),
        )
    ),
}


@pytest.mark.parametrize("name", LIKELY)
def test_what_real_machines_say_stays(name: str) -> None:
    assert plausible(LIKELY[name], NOW) is LIKELY[name]


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_recorded_machines_stay(path: Path) -> None:
    machine = codec.decode_json(path.read_bytes(), Machine, path.name)
    assert plausible(machine, NOW) is machine


@settings(max_examples=100)
@given(machines())
def test_what_probes_say_stays(machine: Machine) -> None:
    assert plausible(machine, NOW) is machine


def test_nothing_is_placed_on_a_gpu_whose_memory_cannot_be() -> None:
    """Its free memory would count as all of it, if only that were unknown; a shared one would get all RAM."""
    for facts in ({"memory_free": -1}, {"memory_total": 2**62}, {"unified": True, "memory_total": 2**50}):
        machine = replace(gpu(**facts), ram=Ram(total=512 * GB, usable=512 * GB, available=500 * GB))
        found = plausible(machine, NOW)
        (group,) = capacity.of(found).groups
        assert (group[0].total, group[0].free) == (None, None)


def test_a_gpu_that_shares_unknown_ram_is_unknown() -> None:
    shared = gpu(unified=True, memory_total=96 * GB, memory_used=None, memory_free=None)
    found = plausible(replace(shared, ram=Ram(total=-1, available=2 * GB)), NOW)
    (group,) = capacity.of(found).groups
    assert group[0].free is None
    assert group[0].total is None


# --- a card that is listed more than once ---


def listed(*gpus: Gpu, uuids: tuple[str, ...] = (), **facts: Any) -> Machine:
    return plausible(Machine(gpus=gpus, identity=Identity(gpu_uuids=uuids), **facts), NOW)


def test_eight_copies_of_one_address_count_once() -> None:
    found = listed(*(card("H100", index, pci_bus_id="0000:01:00.0") for index in range(8)))
    assert [each.index for each in found.gpus or ()] == [0]
    (problem,) = found.problems
    assert (problem.probe, problem.code) == ("gpu.nvidia", "duplicate")
    assert "8 times" in problem.message


def test_an_address_counts_once_however_it_is_written() -> None:
    spelt = ("0000:0A:00.0", "00000000:0a:00.0", "0:0a:00.0")
    assert len(listed(*(card("H100", index, pci_bus_id=bus) for index, bus in enumerate(spelt))).gpus or ()) == 1


def test_one_uuid_counts_once_and_the_uuids_stay_beside_their_cards() -> None:
    one, other = "GPU-5a1c0f4e-0000-1111-2222-333344445555", "GPU-6b1c0f4e-0000-1111-2222-333344445555"
    found = listed(*cards("H100", 3), uuids=(one, one.upper().replace("GPU", "GPU"), other))
    assert [each.index for each in found.gpus or ()] == [0, 2]
    assert found.identity.gpu_uuids == (one, other)


def test_the_matrix_keeps_the_cards_that_are_left() -> None:
    buses = ("0000:01:00.0", "0000:01:00.0", "0000:02:00.0")
    matrix = ((0, 4, 6), (4, 0, 6), (6, 6, 0))
    found = listed(
        *(card("H100", index, pci_bus_id=bus) for index, bus in enumerate(buses)), fabric=Fabric(nvlink_matrix=matrix)
    )
    assert found.fabric.nvlink_matrix == ((0, 6), (6, 0))


def test_copies_that_differ_leave_a_card_of_which_nothing_is_known() -> None:
    one = card("H100", pci_bus_id="0000:01:00.0", nvlinks=18, links=(NvLink(link=0, active=True),))
    found = listed(one, replace(one, memory_total=24 * GIB, nvlinks=0))
    (left,) = found.gpus or ()
    assert (left.memory_total, left.nvlinks, left.compute_capability) == (None, None, None)
    assert (left.usable, left.fault) == (None, "contradictory")
    assert [problem.code for problem in found.problems] == ["contradictory"]


def test_a_broken_copy_is_not_forgotten() -> None:
    one = card("H100", pci_bus_id="0000:01:00.0")
    (left,) = listed(one, replace(one, index=None, usable=False, fault="driver-not-loaded")).gpus or ()
    assert (left.usable, left.fault, left.index) == (False, "driver-not-loaded", None)


def test_more_devices_than_a_card_of_intel_has_count_once() -> None:
    found = listed(*(Gpu(vendor="intel", index=index, pci_bus_id="0000:9a:00.0") for index in range(40)))
    assert len(found.gpus or ()) == 4


def test_one_problem_for_a_hundred_thousand_devices() -> None:
    found = listed(*(card("H100", index, memory_free=-1) for index in range(100_000)))
    (problem,) = found.problems
    assert problem.message.startswith("GPU 0, GPU 1, GPU 2 and 99,997 more: ")


# --- of any machine ---

_numbers = [-(2**63), -1, 0, 1, 2**40, 2**44, 2**50, 2**62, 2**63, 2**64 - 1, 10**9]
_wild = st.sampled_from(_numbers)
_wilder = st.sampled_from([*_numbers, 10**4000, -(10**4000)])
_wild_rate = st.sampled_from([float("nan"), float("inf"), -float("inf"), -1.0, 1e30])
_GPU_FACTS = (
    "index", "memory_total", "memory_used", "memory_free", "memory_reserved", "nvlinks", "numa_node", "temperature_c",
)  # fmt: skip
_RAM_FACTS = ("total", "available", "limit", "usable", "swap_total", "swap_free", "huge_pages")


@st.composite
def disturbed(draw: st.DrawFn, sound: st.SearchStrategy[Machine], numbers: st.SearchStrategy[int] = _wild) -> Machine:
    """A machine of which some facts are wild, and some cards are listed again."""
    machine = draw(sound)
    gpus = []
    for each in machine.gpus or ():
        wrong = draw(st.dictionaries(st.sampled_from(_GPU_FACTS), numbers, max_size=2))
        each = replace(each, **wrong, power_limit_w=draw(st.none() | _wild_rate), unified=draw(st.booleans()))
        bus = draw(st.sampled_from([None, "0000:01:00.0", "00000000:01:00.0", "0000:02:00.0", "nonsense"]))
        capability = draw(st.sampled_from([each.compute_capability, "900.0", "-1.0", "x"]))
        gpus.append(replace(each, pci_bus_id=bus, compute_capability=capability))
    gpus += draw(st.lists(st.sampled_from(gpus), max_size=3)) if gpus else []
    ram_ = replace(machine.ram, **draw(st.dictionaries(st.sampled_from(_RAM_FACTS), numbers, max_size=3)))
    disks = tuple(
        replace(each, **draw(st.dictionaries(st.sampled_from(("size", "free")), numbers, max_size=2)))
        for each in machine.disks or ()
    )
    cpu = replace(
        machine.cpu,
        **draw(st.dictionaries(st.sampled_from(("cores", "threads", "threads_usable")), numbers, max_size=2)),
    )
    ports = tuple(replace(each, rate_gbps=draw(_wild_rate)) for each in machine.fabric.ports or ())
    return replace(
        machine,
        collected_at=draw(st.sampled_from([None, "", "0001-01-01", "9999-12-31T23:59:59-23:59", "2026-11-27", "\x1b"])),
        gpus=None if machine.gpus is None else tuple(gpus),
        ram=ram_,
        disks=None if machine.disks is None else disks,
        cpu=cpu,
        fabric=replace(machine.fabric, ports=None if machine.fabric.ports is None else ports),
    )


@settings(max_examples=300, deadline=None)
@given(disturbed(machines() | wild_machines, _wilder))
def test_it_never_fails_and_a_second_time_changes_nothing(machine: Machine) -> None:
    once = plausible(machine, NOW)
    assert plausible(once, NOW) is once
    assert len(once.gpus or ()) <= len(machine.gpus or ())


@settings(max_examples=150, deadline=None)
@given(disturbed(machines()))
def test_no_wild_number_makes_a_verdict_ready(machine: Machine) -> None:
    """What the judge says of the machine as it is written is never less than what it says of its plausible facts."""
    found = plausible(machine, NOW)
    for profile in SHIPPED:
        if evaluate(profile, found, CORRECTIONS).verdict == "ready":
            assert evaluate(profile, machine, CORRECTIONS).verdict == "ready"


_IMPOSSIBLE_SIZES = st.sampled_from([-(2**63), -1, 2**50, 2**62, 2**64 - 1])


@settings(max_examples=150, deadline=None)
@given(machines(), st.data())
def test_a_fact_that_cannot_be_is_no_better_than_the_true_one(machine: Machine, data: st.DataObject) -> None:
    wrong = replace(
        machine,
        gpus=tuple(
            replace(each, **data.draw(st.dictionaries(st.sampled_from(_GPU_FACTS[1:5]), _IMPOSSIBLE_SIZES, max_size=2)))
            for each in machine.gpus or ()
        ),
        ram=replace(
            machine.ram, **data.draw(st.dictionaries(st.sampled_from(_RAM_FACTS), _IMPOSSIBLE_SIZES, max_size=2))
        ),
    )
    for profile in SHIPPED:
        if evaluate(profile, plausible(wrong, NOW), CORRECTIONS).verdict == "ready":
            assert evaluate(profile, machine, CORRECTIONS).verdict == "ready"
