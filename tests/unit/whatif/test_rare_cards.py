"""Old, modified, rare and integrated GPUs by the names that people write."""

from __future__ import annotations

import pytest

from llmcheck import catalog
from llmcheck.errors import DataError
from llmcheck.schema.machine import Machine, counted_gpus
from llmcheck.units import GIB
from llmcheck.whatif import parse

TABLE = catalog.gpu_specs()


def machine(words: str) -> Machine:
    return parse.machine(words, TABLE).machine


@pytest.mark.parametrize(
    ("words", "name", "gib"),
    [
        ("RTX 4090 48GB", "NVIDIA GeForce RTX 4090", 48),
        ("RTX 3080 20GB", "NVIDIA GeForce RTX 3080", 20),
        ("RTX 2080 Ti 22GB", "NVIDIA GeForce RTX 2080 Ti", 22),
        ("4080 super 32 gb", "NVIDIA GeForce RTX 4080 SUPER", 32),
        ("RTX 5090 D", "NVIDIA GeForce RTX 5090 D", 32),
        ("rtx5090d", "NVIDIA GeForce RTX 5090 D", 32),
        ("RTX 5090 D V2", "NVIDIA GeForce RTX 5090 D V2", 24),
        ("MI50", "AMD Instinct MI50", 16),
        ("MI50 32GB", "AMD Instinct MI50 32GB", 32),
        ("MI60", "AMD Instinct MI60", 32),
        ("GTX 1050 Ti", "NVIDIA GeForce GTX 1050 Ti", 4),
        ("gtx1070", "NVIDIA GeForce GTX 1070", 8),
        ("GTX 1660 Super", "NVIDIA GeForce GTX 1660 SUPER", 6),
        ("RTX 2070 SUPER", "NVIDIA GeForce RTX 2070 SUPER", 8),
        ("RTX 5880 Ada", "NVIDIA RTX 5880 Ada Generation", 48),
        ("RTX A3000 Laptop", "NVIDIA RTX A3000 Laptop GPU", 6),
        ("RX 6750 XT", "AMD Radeon RX 6750 XT", 12),
        ("Tesla M40", "Tesla M40", 12),
        ("Tesla M40 24GB", "Tesla M40 24GB", 24),
        ("A100 64GB", "NVIDIA A100-SXM-64GB", 64),
        ("RX 6600", "AMD Radeon RX 6600", 8),
        ("Titan Xp", "NVIDIA TITAN Xp", 12),
    ],
)
def test_cards(words: str, name: str, gib: int) -> None:
    (gpu,) = machine(f"{words}, 64 GB RAM").gpus or ()
    assert (gpu.name, gpu.spec is not None) == (name, True)
    assert gpu.memory_total == pytest.approx(gib * GIB, rel=0.05)


def test_more_than_twice_the_memory_is_no_modified_card() -> None:
    with pytest.raises(DataError, match="only with 24 GB"):
        machine("RTX 4090 96GB")


@pytest.mark.parametrize(
    ("words", "share"),
    [
        ("Ryzen AI 9 HX 370, 96 GB RAM", 0.5),
        ("890M 96GB", 0.5),
        ("Radeon 780M, 64 GB RAM", 0.5),
        ("Arc 140V 32GB", 0.75),
        ("Arc 140T, 64 GB RAM", 0.75),
        ("Core Ultra 7 258V, 32 GB RAM", 0.75),
    ],
)
def test_graphics_of_processors_share_the_ram_and_count_for_no_tier(words: str, share: float) -> None:
    found = machine(words)
    (gpu,) = found.gpus or ()
    assert gpu.integrated
    assert gpu.unified
    assert gpu.memory_total == pytest.approx(share * (found.ram.total or 0), rel=0.001)
    assert counted_gpus(found) == ()


def test_two_sparks_are_one_machine_with_a_share_each() -> None:
    found = machine("2x DGX Spark")
    assert len(found.gpus or ()) == 2
    assert sum(gpu.memory_total or 0 for gpu in found.gpus or ()) == found.ram.total
