"""What a GPU without memory of its own may use: one rule for every answer."""

from __future__ import annotations

import pytest

from llmcheck.gpus.unified_memory import APPLE, GB10, STRIX_HALO, Share, share_of
from llmcheck.schema.machine import Gpu, Ram
from llmcheck.units import GB, GIB


def unified(total: int | None = None, free: int | None = None) -> Gpu:
    return Gpu(vendor="apple", unified=True, memory_total=total, memory_free=free)


@pytest.mark.parametrize(
    ("gpu", "ram", "share"),
    [
        (unified(48), Ram(total=64, usable=64, available=60), Share(total=48, free=48)),
        (unified(48), Ram(total=64, usable=64, available=20), Share(total=48, free=20)),
        (unified(48, 30), Ram(total=64, usable=64, available=60), Share(total=48, free=30)),
        # a container's limit holds for what shares the RAM
        (unified(), Ram(total=64, usable=4, available=50), Share(total=4, free=4)),
        (unified(), Ram(total=64), Share(total=64, free=None)),
        (unified(), Ram(), Share(total=None, free=None)),
        # an APU may have memory set aside that the system does not count as RAM
        (unified(96), Ram(total=32, usable=32, available=30), Share(total=96, free=30)),
        (Gpu(vendor="nvidia", memory_total=24, memory_free=20), Ram(total=8, available=1), Share(total=24, free=20)),
        (Gpu(vendor="nvidia"), Ram(total=8, available=1), Share(total=None, free=None)),
    ],
)
def test_a_share_is_the_gpus_own_limit_or_what_the_process_may_use(gpu: Gpu, ram: Ram, share: Share) -> None:
    assert share_of(gpu, ram) == share


def test_what_processors_grant() -> None:
    assert APPLE.of_gpu(APPLE.reported(64 * GB), 1) == 48 * GIB
    assert APPLE.of_gpu(24 * GIB, 1) == 16 * GIB
    assert GB10.of_gpu(GB10.reported(128 * GB), 1) == 125_508_468 * 1024
    assert STRIX_HALO.of_gpu(128 * GIB, 1) == 96 * GIB
