"""Which published card a GPU is, and that nothing else gets its figures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck import catalog
from llmcheck.gpus.identify import GpuRecord, identify, normalized
from llmcheck.schema.machine import Gpu, GpuSpec, Machine

GIB, MIB = 2**30, 2**20
TABLE = catalog.gpu_specs()


def spec(gpu: Gpu, table: tuple[GpuRecord, ...] = TABLE) -> GpuSpec | None:
    (found,) = identify(Machine(gpus=(gpu,)), table).gpus or ()
    return found.spec


def named(name: str, mib: int | None = None, vendor: str = "nvidia", **more: Any) -> str | None:
    memory = None if mib is None else mib * MIB
    found = spec(Gpu(vendor=vendor, name=name, memory_total=memory, **more))
    return found.name if found else None


def row(name: str, gigabytes: float, reported: int | None = None, *aliases: str) -> GpuRecord:
    return GpuRecord(
        vendor="nvidia",
        spec=GpuSpec(name=name, memory_gb=gigabytes, source="test", bandwidth_gb_s=gigabytes),
        aliases=aliases,
        memory_reported=reported,
        as_of="2026-11-22",
    )


class TestNames:
    @pytest.mark.parametrize(
        ("name", "mib", "found"),
        [
            ("NVIDIA GeForce RTX 4090", 24564, "NVIDIA GeForce RTX 4090"),
            ("GeForce RTX 3090", 24268, "NVIDIA GeForce RTX 3090"),
            ("A100-SXM4-40GB", 40536, "NVIDIA A100-SXM4-40GB"),
            ("NVIDIA A100-SXM4-80GB", 81920, "NVIDIA A100-SXM4-80GB"),
            ("nvidia geforce rtx 4090", 24564, "NVIDIA GeForce RTX 4090"),
            ("NVIDIA B300", 275040, "NVIDIA B300 SXM6 AC"),
            ("Tesla T4", 15360, "Tesla T4"),
            ("NVIDIA RTX A6000", 46068, "NVIDIA RTX A6000"),
            ("NVIDIA GeForce RTX 4090 Laptop GPU", 16376, "NVIDIA GeForce RTX 4090 Laptop GPU"),
            ("NVIDIA GeForce RTX 4050 Laptop GPU", 6141, "NVIDIA GeForce RTX 4050 Laptop GPU"),
            ("NVIDIA GeForce RTX 4090 Ti", 24564, None),
            ("NVIDIA GPU [10de:2330]", None, None),
            ("NVIDIA Thor", None, "NVIDIA Thor"),
        ],
    )
    def test_nvidia(self, name: str, mib: int | None, found: str | None) -> None:
        assert named(name, mib) == found

    @pytest.mark.parametrize(
        ("name", "mib", "found"),
        [
            ("AMD Instinct MI300X", 196592, "AMD Instinct MI300X"),
            ("AMD Instinct MI300X VF", 196592, "AMD Instinct MI300X"),
            ("AMD INSTINCT MI210 AC", 65520, "AMD Instinct MI210"),
            ("AMD Radeon RX 7900 XTX", 24560, "AMD Radeon RX 7900 XTX"),
            ("AMD Radeon Pro W7900", 49136, "AMD Radeon PRO W7900"),
            ("AMD Radeon RX 7900 XT", 24560, None),
            ("AMD GPU [1002:0001]", 24560, None),
        ],
    )
    def test_amd(self, name: str, mib: int, found: str | None) -> None:
        assert named(name, mib, "amd") == found

    @pytest.mark.parametrize(
        ("vendor", "name", "found"),
        [
            ("intel", "Intel(R) Arc(TM) B580 Graphics", "Intel(R) Arc(TM) B580 Graphics"),
            ("intel", "Intel Arc B580", "Intel(R) Arc(TM) B580 Graphics"),
            ("intel", "Intel(R) Arc(TM) Pro B60 Graphics", "Intel Arc Pro B60"),
            ("habana", "HL-225 (Gaudi2)", "HL-225 (Gaudi2)"),
            ("habana", "HL-225", "HL-225 (Gaudi2)"),
            ("nvidia", "HL-225", None),
            ("apple", "Apple M2 Max", "Apple M2 Max"),
            ("apple", "Apple M2", "Apple M2"),
            ("apple", "Apple M99", None),
        ],
    )
    def test_others(self, vendor: str, name: str, found: str | None) -> None:
        assert named(name, None, vendor) == found

    def test_a_card_without_a_name_is_none(self) -> None:
        assert spec(Gpu(vendor="nvidia", memory_total=24 * GIB)) is None


class TestMemory:
    SIZES = (row("NVIDIA X", 8, 8188 * MIB), row("NVIDIA X", 12), row("NVIDIA X", 16, 16380 * MIB))

    @pytest.mark.parametrize(
        ("mib", "gigabytes"),
        [(8188, 8), (7700, 8), (12282, 12), (16379, 16), (15356, 16), (10240, None), (20480, None), (32760, 16)],
    )
    def test_of_one_name_the_nearest_size_is_taken(self, mib: int, gigabytes: int | None) -> None:
        found = spec(Gpu(vendor="nvidia", name="NVIDIA X", memory_total=mib * MIB), self.SIZES)
        assert (found.memory_gb if found else None) == gigabytes

    def test_an_unknown_size_of_several_is_not_guessed(self) -> None:
        assert spec(Gpu(vendor="nvidia", name="NVIDIA X"), self.SIZES) is None

    def test_a_size_that_no_row_has_is_another_card(self) -> None:
        assert named("NVIDIA GeForce RTX 3080", 12288) is None
        assert named("NVIDIA GeForce RTX 3060", 8192) is None
        assert named("AMD Radeon RX 7900 XT", 24560, "amd") is None

    @pytest.mark.parametrize(
        ("name", "mib"),
        [
            ("NVIDIA GeForce RTX 2080 Ti", 22528),
            ("NVIDIA GeForce RTX 4090", 49140),
            ("NVIDIA GeForce RTX 4080 SUPER", 32760),
            ("NVIDIA GeForce RTX 3080", 20480),
            ("NVIDIA GeForce RTX 4090 D", 49140),
            ("NVIDIA GeForce RTX 3070", 16384),
        ],
    )
    def test_a_modified_card_has_the_rates_of_its_name(self, name: str, mib: int) -> None:
        assert named(name, mib) == name

    def test_shared_memory_does_not_tell_the_card(self) -> None:
        assert named("NVIDIA GB10", 122570, unified=True) == "NVIDIA GB10"
        assert named("Apple M2 Max", 24 * 1024, "apple", unified=True) == "Apple M2 Max"


class TestParts:
    @pytest.mark.parametrize(
        "gpu",
        [
            Gpu(vendor="nvidia", name="NVIDIA A100-SXM4-40GB MIG 1g.5gb", memory_total=4864 * MIB, parent=0),
            Gpu(vendor="nvidia", name="NVIDIA A100-SXM4-40GB", memory_total=40448 * MIB, parent=0),
            Gpu(vendor="nvidia", name="GRID A100D-20C", memory_total=20480 * MIB),
            Gpu(vendor="nvidia", name="NVIDIA A40-48Q", memory_total=46068 * MIB),
            Gpu(vendor="nvidia", name="NVIDIA A40", memory_total=46068 * MIB, virtualization="vgpu"),
            Gpu(vendor="amd", name="AMD Instinct MI300X", memory_total=192 * GIB, parent=0),
            Gpu(vendor="amd", name="AMD Instinct MI250X", memory_total=65520 * MIB),
            Gpu(vendor="amd", name="AMD Instinct MI250X"),
            Gpu(vendor="intel", name="Intel(R) Data Center GPU Max 1550", memory_total=65520 * MIB),
        ],
    )
    def test_a_part_of_a_card_has_none_of_its_figures(self, gpu: Gpu) -> None:
        assert spec(gpu) is None

    def test_a_card_cut_into_instances_is_still_the_card(self) -> None:
        assert named("NVIDIA A100-SXM4-40GB", 40960, mig_mode=True) == "NVIDIA A100-SXM4-40GB"

    def test_a_card_passed_through_is_the_card(self) -> None:
        assert named("NVIDIA L4", 23034, virtualization="passthrough") == "NVIDIA L4"


def test_every_row_finds_itself() -> None:
    for known in TABLE:
        if known.spec.name.startswith(("AMD Instinct MI250", "Tesla K80")):
            continue  # shows itself as two devices
        unified = known.vendor == "apple"
        gpu = Gpu(vendor=known.vendor, name=known.spec.name, memory_total=known.memory_reported, unified=unified)
        for name in (known.spec.name, *known.aliases):
            found = spec(Gpu(vendor=gpu.vendor, name=name, memory_total=gpu.memory_total, unified=unified))
            assert found == known.spec, name


def test_nothing_else_of_the_machine_changes() -> None:
    gpu = Gpu(vendor="nvidia", name="NVIDIA L4", memory_total=23034 * MIB, index=3)
    machine = Machine(gpus=(gpu, Gpu(vendor="amd")), collected_at="then")
    found = identify(machine, TABLE)
    assert found.collected_at == "then"
    assert [each.index for each in found.gpus or ()] == [3, None]
    assert identify(Machine(gpus=None), TABLE).gpus is None
    assert identify(Machine(gpus=()), TABLE).gpus == ()


@given(st.text(max_size=40), st.one_of(st.none(), st.integers(0, 2**45)), st.sampled_from(["nvidia", "amd", "x"]))
def test_any_name_is_some_card_or_none(name: str, memory: int | None, vendor: str) -> None:
    spec(Gpu(vendor=vendor, name=name, memory_total=memory))
    assert normalized(normalized(name)) == normalized(name)
