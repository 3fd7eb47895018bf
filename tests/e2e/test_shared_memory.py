"""GPUs that are part of a processor: what NVML says of their memory is not what CUDA allocates from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .command import Command


@pytest.mark.parametrize(
    ("scenario", "more", "share"),
    [
        ("n1x", (), 0.8),
        # drivers that report the RAM, or a carve-out, for a chip that has no memory of its own
        ("rtx3060", ("[gpu 0]", "name=NVIDIA GB10", "cc=12.1", "memory_mib=24000"), 1.0),
        ("rtx3060", ("[gpu 0]", "name=NVIDIA Thor", "cc=11.0", "memory_mib=512"), 1.0),
    ],
)
def test_its_memory_is_the_machines_ram(
    driver: Callable[..., Command], scenario: str, more: tuple[str, ...], share: float
) -> None:
    machine = driver(scenario, *more)("machine", "--format", "json").document
    (gpu,) = machine["gpus"]
    assert gpu["unified"]
    assert gpu["memory_total"] == pytest.approx(share * machine["ram"]["total"], rel=0.01)
    assert gpu["memory_free"] <= machine["ram"]["available"] * 1.05
    assert gpu["memory_reserved"] is None
