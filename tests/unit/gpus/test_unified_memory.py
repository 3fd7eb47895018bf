"""What a GPU without memory of its own may use: one rule for every answer."""

from __future__ import annotations

import datetime

import pytest

from llmcheck.gpus.unified_memory import APPLE, GB10, STRIX_HALO, UsableMemory, usable_memory
from llmcheck.schema.machine import Gpu, Machine, Ram
from llmcheck.schema.plausible import plausible
from llmcheck.units import GB, GIB


def unified(total: int | None = None, free: int | None = None, pool: str | None = None, name: str | None = None) -> Gpu:
    return Gpu(vendor="any", name=name, unified=True, memory_total=total, memory_free=free, memory_pool=pool)


@pytest.mark.parametrize(
    ("gpu", "ram", "share"),
    [
        (unified(48), Ram(total=64, usable=64, available=60), UsableMemory(total=48, free=48)),
        (unified(48), Ram(total=64, usable=64, available=20), UsableMemory(total=48, free=20)),
        (unified(48, 30), Ram(total=64, usable=64, available=60), UsableMemory(total=48, free=30)),
        # a container's limit holds for what shares the RAM
        (unified(), Ram(total=64, usable=4, available=50), UsableMemory(total=4, free=4)),
        (unified(), Ram(total=64), UsableMemory(total=64, free=None)),
        (unified(), Ram(), UsableMemory(total=None, free=None)),
        # memory that the firmware set aside is not part of the RAM, and not the RAM's to give
        (unified(96, 95, "carve-out"), Ram(total=32, usable=32, available=26), UsableMemory(total=96, free=95)),
        (unified(16, 15, "carve-out"), Ram(total=112, usable=112, available=9), UsableMemory(total=16, free=15)),
        # a file of an older version has no kind: more than the RAM can only be outside of it
        (unified(96, 95), Ram(total=32, usable=32, available=26), UsableMemory(total=96, free=95)),
        # what may be mapped can be set higher than the RAM, and is still RAM
        (unified(48, 47, "gtt"), Ram(total=32, usable=32, available=26), UsableMemory(total=32, free=26)),
        (unified(24, 20, "gtt"), Ram(total=32, usable=32, available=26), UsableMemory(total=24, free=20)),
        (unified(24, 20, "gtt"), Ram(total=32, limit=8, usable=8, available=7), UsableMemory(total=8, free=7)),
        # CUDA offers a part of the RAM on an N1X
        (unified(name="NVIDIA RTX Spark N1X"), Ram(total=50, usable=50, available=45), UsableMemory(total=40, free=40)),
        (
            Gpu(vendor="nvidia", memory_total=24, memory_free=20),
            Ram(total=8, available=1),
            UsableMemory(total=24, free=20),
        ),
        (Gpu(vendor="nvidia"), Ram(total=8, available=1), UsableMemory(total=None, free=None)),
    ],
)
def test_a_share_is_the_gpus_own_limit_or_what_the_process_may_use(gpu: Gpu, ram: Ram, share: UsableMemory) -> None:
    assert usable_memory(gpu, ram) == share


def test_what_processors_grant() -> None:
    assert APPLE.per_gpu(APPLE.reported(64 * GB), 1) == 48 * GIB
    assert APPLE.per_gpu(24 * GIB, 1) == 16 * GIB
    assert GB10.per_gpu(GB10.reported(128 * GB), 1) == 125_508_468 * 1024
    assert STRIX_HALO.per_gpu(128 * GIB, 1) == 96 * GIB


def test_a_carve_out_stays_known_where_the_ram_cannot_be_true() -> None:
    """It is no part of the RAM, as what the driver maps of it is."""
    pools = {"carve-out": 96 * GIB, "gtt": None}
    for pool, total in pools.items():
        gpu = Gpu(vendor="amd", index=0, unified=True, memory_pool=pool, memory_total=96 * GIB, memory_free=90 * GIB)
        found = plausible(Machine(gpus=(gpu,), ram=Ram(total=2**62, usable=2**62)), datetime.datetime.now(datetime.UTC))
        assert [each.memory_total for each in found.gpus or ()] == [total]
