"""Shared memory by the number of GPUs: for training, and for models that are split over several GPUs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import Driver, Gpu, Limits, Machine, Os
from llmcheck.schema.report import Finding
from llmcheck.units import GIB, MIB

LINUX = Os(system="linux", architecture="x86_64")


def machine(gpus: int, shm: int | None, **changes: object) -> Machine:
    cards = tuple(Gpu(vendor="nvidia", index=index, memory_total=80 * GIB) for index in range(gpus))
    found = Machine(os=LINUX, gpus=cards, drivers={"nvidia": Driver(version="580.95.05")}, limits=Limits(shm_size=shm))
    return replace(found, **changes)


def shm(tier: str, of: Machine) -> Finding:
    return next(each for each in evaluate(profiles.load(tier), of).findings if each.id == "shm")


@pytest.mark.parametrize(
    ("tier", "gpus", "size", "status"),
    [
        ("finetune-7b", 1, 64 * MIB, "warn"),
        ("finetune-7b", 1, GIB, "pass"),
        ("finetune-13b-30b", 2, GIB, "warn"),
        ("finetune-13b-30b", 2, 2 * GIB, "pass"),
        ("pretrain", 8, 4 * GIB, "warn"),
        ("pretrain", 8, 8 * GIB, "pass"),
        ("inference-70b", 1, 64 * MIB, "skipped"),
        ("inference-70b", 2, 64 * MIB, "warn"),
        ("inference-70b", 4, 4 * GIB, "pass"),
        ("inference-70b-4bit", 2, 64 * MIB, "warn"),
        ("inference-70b-4bit", 2, None, "unknown"),
    ],
)
def test_each_gpu_wants_one_gibibyte(tier: str, gpus: int, size: int | None, status: str) -> None:
    assert shm(tier, machine(gpus, size)).status == status


def test_the_mend_is_that_of_the_place() -> None:
    inside = replace(LINUX, container="docker")
    assert "--shm-size 8g" in (shm("pretrain", machine(8, 64 * MIB, os=inside)).remedy or "")
    assert "remount,size=8g" in (shm("pretrain", machine(8, 64 * MIB)).remedy or "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"os": Os(system="darwin", architecture="arm64")}, "not-applicable"), ({"hypothetical": True}, "not-stated")],
)
def test_it_is_left_out_where_it_says_nothing(changes: dict[str, object], reason: str) -> None:
    assert shm("finetune-7b", machine(2, None, **changes)).skipped == reason
