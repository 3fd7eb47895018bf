"""Properties of a placement that hold for any machine and model."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck.fit import capacity as capacities
from llmcheck.fit.budget import budget
from llmcheck.fit.shapes import typical
from llmcheck.fit.use import ModelUse
from llmcheck.schema.workload import Workload
from llmcheck.units import GB, GIB
from tests.unit.fit.test_placement import devices, model, place

NAMES = st.sampled_from(["0.5B", "7B", "llama-3.1-8b", "gemma-3-27b", "mixtral-8x7b", "deepseek-v2-lite", "jamba-v0.1"])
RUNTIMES = st.sampled_from(["transformers", "vllm", "llama.cpp", "sglang", "mlx", None])
ORDER = {"does-not-fit": 0, "fits-with-offload": 1, "fits": 2}


SIZES = st.lists(st.integers(2 * GIB, 200 * GIB), max_size=8)
RAMS = st.one_of(st.none(), st.integers(GB, 1000 * GB))


@settings(deadline=None, max_examples=150)
@given(NAMES, RUNTIMES, SIZES, RAMS, st.integers(128, 200_000), st.sampled_from([None, "q4_k_m", "fp8", "nf4-dq"]))
def test_what_fits_is_within_the_budget_of_each_gpu(
    name: str, runtime: Any, sizes: list[int], ram: int | None, context: int, weights: str | None
) -> None:
    work = Workload(method="inference", runtime=runtime, context=context, weights=weights)
    placed = place(model(name), work, capacities.of(devices(sizes, ram)))
    assert placed.verdict in ORDER
    assert placed.memory.low <= placed.memory.total <= placed.memory.high
    if placed.verdict == "fits":
        for device, part in zip(placed.devices, placed.parts, strict=True):
            assert part.total <= budget(ModelUse(model(name), work), device, part)
    if placed.verdict == "fits-with-offload":
        assert ram is not None
        assert 0 < placed.offloaded_bytes <= ram
    if ram is None:
        assert placed.verdict != "fits-with-offload"


@settings(deadline=None, max_examples=100)
@given(NAMES, RUNTIMES, SIZES, RAMS, st.integers(128, 100_000), st.integers(0, 100 * GIB), st.integers(0, 500 * GB))
def test_more_free_memory_is_never_worse(
    name: str, runtime: Any, sizes: list[int], ram: int | None, context: int, more: int, more_ram: int
) -> None:
    work = Workload(method="inference", runtime=runtime, context=context)
    before = place(model(name), work, capacities.of(devices(sizes, ram)))
    larger = devices([size + more for size in sizes], None if ram is None else ram + more_ram)
    after = place(model(name), work, capacities.of(larger))
    assert ORDER[after.verdict] >= ORDER[before.verdict]


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(["0.5B", "7B", "mixtral-8x7b"]), st.sampled_from(["full", "lora", "qlora", "pretrain"]),
    st.integers(1, 8), st.integers(4 * GIB, 200 * GIB),
    st.sampled_from([None, "zero1", "zero2", "zero3", "fsdp", "ddp"]),
    st.integers(64, 8192), st.integers(1, 8),
)  # fmt: skip
def test_training_that_fits_is_within_free_memory(
    name: str, method: Any, count: int, size: int, sharding: Any, context: int, batch: int
) -> None:
    work = Workload(method=method, sharding=sharding, context=context, batch=batch)
    placed = place(model(name), work, capacities.of(devices([size] * count, 64 * GB)))
    assert placed.verdict in ORDER
    if placed.verdict == "fits":
        assert all(part.total <= size for part in placed.parts)
    longer = place(model(name), replace(work, context=2 * context), capacities.of(devices([size] * count, 64 * GB)))
    assert ORDER[longer.verdict] <= ORDER[placed.verdict]


@settings(deadline=None, max_examples=200)
@given(st.floats(5e7, 5e12))
def test_a_typical_model_has_the_requested_size(count: float) -> None:
    found = typical.architecture(str(round(count)))
    assert found.parameters.total == pytest.approx(count, rel=0.01)
    assert found.estimated


def test_larger_typical_models_take_more() -> None:
    sizes = [round(5e7 * 1.1**step) for step in range(120)]
    found = [typical.architecture(str(size)) for size in sizes]
    assert all(a.layers <= b.layers and a.hidden <= b.hidden for a, b in itertools.pairwise(found))
    assert all(a.parameters.total < b.parameters.total for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("size", ["", "7", "7X", "B", "-7B", "7 billion", "1K", "9999T", "7B7B", "nanB", "1e9B"])
def test_text_that_is_not_a_size_is_refused(size: str) -> None:
    from llmcheck.errors import UsageError

    with pytest.raises(UsageError):
        typical.architecture(size)
