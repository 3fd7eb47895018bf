"""The machine that is made from words: cards, RAM, disk, and what is unknown."""

from __future__ import annotations

import pytest

from llmcheck.gpus.identify import identify
from llmcheck.units import MIB
from llmcheck.whatif.parse import machine
from tests.unit.whatif.test_parse import H100_PCIE, H100_SXM, TABLE, UNDERSTOOD, cards, stated


def test_the_cards_are_idle_and_known() -> None:
    gpus = stated("2x RTX 4090 + MI300X").gpus or ()
    assert [gpu.index for gpu in gpus] == [0, 1, 2]
    assert [gpu.vendor for gpu in gpus] == ["nvidia", "nvidia", "amd"]
    kept = [gpu.memory_reserved or 0 for gpu in gpus]
    assert all(gpu.memory_used == 0 for gpu in gpus)
    assert [gpu.memory_free for gpu in gpus] == [
        (gpu.memory_total or 0) - own for gpu, own in zip(gpus, kept, strict=True)
    ]
    # of 24,564 MiB of an RTX 4090 CUDA gives 24,080
    assert gpus[0].memory_free == pytest.approx(24_080 * 2**20, rel=0.001)
    assert kept[2] == 0
    assert all(gpu.usable and gpu.visible and not gpu.unified and not gpu.integrated for gpu in gpus)
    assert (gpus[0].compute_capability, gpus[0].gfx) == ("8.9", None)
    assert (gpus[2].compute_capability, gpus[2].gfx) == (None, "gfx942")
    assert gpus[0].spec is not None
    assert gpus[0].spec.bandwidth_gb_s == 1008


@pytest.mark.parametrize("text", [each[0] for each in UNDERSTOOD])
def test_cards_are_described_as_if_they_had_been_found(text: str) -> None:
    found = stated(text)
    assert identify(found, TABLE) == found
    assert all(gpu.spec is not None and gpu.spec.name == gpu.name for gpu in found.gpus or ())


@pytest.mark.parametrize(
    ("text", "system", "architecture"),
    [
        ("RTX 4090", "linux", "x86_64"),
        ("cpu, 16 GB RAM", "linux", "x86_64"),
        ("MI300X", "linux", "x86_64"),
        ("GH200 144GB", "linux", "aarch64"),
        ("4x GB200", "linux", "aarch64"),
        ("DGX Spark", "linux", "aarch64"),
        ("Jetson AGX Orin 64GB", "linux", "aarch64"),
        ("M4 Max 128GB", "darwin", "arm64"),
    ],
)
def test_the_system_follows_from_the_card(text: str, system: str, architecture: str) -> None:
    os = stated(text).os
    assert os is not None
    assert (os.system, os.architecture) == (system, architecture)


@pytest.mark.parametrize("text", ["M4 Max 128GB", "Jetson AGX Orin 64GB", "Strix Halo 128GB", "4x MI300A"])
def test_shared_memory_is_part_of_the_ram(text: str) -> None:
    found = stated(text)
    gpus = found.gpus or ()
    assert all(gpu.unified for gpu in gpus)
    assert sum(gpu.memory_total or 0 for gpu in gpus) <= (found.ram.total or 0)


def test_a_card_of_two_dies_is_two_gpus_without_the_figures_of_the_card() -> None:
    found = machine("4x MI250X", TABLE)
    assert cards(found.machine) == [(8, "AMD Instinct MI250X", 65520)]
    assert {gpu.spec for gpu in found.machine.gpus or ()} == {None}
    assert any("MI250X" in each and "2 GPUs" in each for each in found.assumptions)


def test_what_was_not_said_is_unknown() -> None:
    found = stated("RTX 4090")
    assert (found.ram.total, found.disks, found.software.packages, found.drivers) == (None, None, None, {})
    assert found.identity.hostname is None
    assert found.problems == ()


def test_no_gpu_is_none_and_not_unknown() -> None:
    assert stated("16 GB RAM").gpus == ()


@pytest.mark.parametrize(
    ("text", "chosen", "other"),
    [
        ("H100", H100_PCIE, H100_SXM),
        ("A100 80GB", "NVIDIA A100 80GB PCIe", "NVIDIA A100-SXM4-80GB"),
        ("V100 16GB", "Tesla V100-PCIE-16GB", "Tesla V100-SXM2-16GB"),
        ("RTX PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "Workstation Edition"),
    ],
)
def test_a_choice_falls_on_the_slowest_and_is_told(text: str, chosen: str, other: str) -> None:
    found = machine(text, TABLE)
    assert [gpu.name for gpu in found.machine.gpus or ()] == [chosen]
    (told,) = found.assumptions
    assert f"'{text}'" in told
    assert chosen in told
    assert other in told


@pytest.mark.parametrize(
    ("name", "usual", "other", "mib"),
    [
        ("RTX 4060 Ti", 16, 8, 8190),
        ("RTX 5060 Ti", 16, 8, 8155.5),
        ("RTX 3060", 12, 8, 8192),
        ("RTX 3080", 10, 12, 12288),
        ("RX 9060 XT", 16, 8, 8152),
    ],
)
def test_a_name_that_was_sold_with_several_memories_has_each(name: str, usual: int, other: int, mib: float) -> None:
    told = machine(name, TABLE)
    assert any(f"the card with {usual} GB" in each and f"{other} GB" in each for each in told.assumptions)
    assert machine(f"{name} {usual}GB", TABLE).assumptions == ()
    found = machine(f"2x {name} {other} GB, 64 GB RAM", TABLE)
    assert [gpu.memory_total for gpu in found.machine.gpus or ()] == [mib * MIB] * 2
    assert {gpu.spec for gpu in found.machine.gpus or ()} == {None}
    assert any("has no rates of" in each for each in found.assumptions)


@pytest.mark.parametrize(
    "text", ["RTX 4090", "8x H100 SXM", "8xH200", "8x H200 141GB", "A100 SXM4 80GB", "L40", "7900 XT"]
)
def test_where_nothing_was_chosen_nothing_is_told(text: str) -> None:
    assert machine(text, TABLE).assumptions == ()


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("M1 16GB", "two thirds"),
        ("M4 Max 64GB", "three quarters"),
        ("M3 Max 36GB", "three quarters"),
        ("DGX Spark", "119.7"),
    ],
)
def test_the_share_of_shared_memory_is_told(text: str, share: str) -> None:
    (told,) = machine(text, TABLE).assumptions
    assert share in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2x 4090, 64gb ram", "2 x NVIDIA GeForce RTX 4090 (24.0 GiB), 59.6 GiB RAM"),
        ("RTX 4090, 2TB", "NVIDIA GeForce RTX 4090 (24.0 GiB), 2 TB disk"),
        ("16 GB RAM", "no GPU, 14.9 GiB RAM"),
        ("M3 Max 64GB", "Apple M3 Max (48 GiB), 64 GiB RAM"),
    ],
)
def test_in_words(text: str, words: str) -> None:
    assert machine(text, TABLE).words == words
