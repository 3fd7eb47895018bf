"""Memory computed by hand for one small model: optimizers, adapters, a pipeline, a tied embedding in RAM."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.fit.memory import states
from llmcheck.fit.memory.terms import summed
from llmcheck.fit.memory.total import offloaded_bytes, per_gpu, with_ram
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Memory
from llmcheck.schema.workload import Workload
from tests.unit.fit.test_memory import dense

MODEL = dense(layers=8, hidden=1024, heads=8, kv_heads=2, head_dim=128, inner=4096, vocab=32_000)
WEIGHTS = MODEL.parameters.total


def train(**options: Any) -> Workload:
    return Workload(**{"method": "full", "precision": "bf16", "context": 1024, **options})


def estimate(model: Architecture, work: Workload) -> Memory:
    use = ModelUse(model, work)
    return summed(per_gpu(use))


# bytes of the optimizer's states per weight; of 8 and 4 bits with a 32-bit constant for 256 and 128 values
@pytest.mark.parametrize(
    ("optimizer", "precision", "each"),
    [
        ("adamw", "bf16", 4),
        ("adamw-fused", "bf16", 4),
        ("adamw", "fp32", 8),
        ("adamw", "mixed", 8 + 4),
        ("adamw-8bit", "bf16", 2 + 8 / 256),
        ("adamw-4bit", "bf16", 1 + 8 / 128),
        ("lion", "bf16", 2),
        ("lion", "mixed", 4 + 4),
        ("adafactor", "bf16", 0.02),
        ("sgd", "bf16", 0),
        ("paged-adamw", "bf16", 0),
        ("paged-adamw-8bit", "bf16", 0),
    ],
)
def test_bytes_of_an_optimizer_for_each_weight(optimizer: str, precision: str, each: float) -> None:
    work = train(optimizer=optimizer, precision=precision, runtime="torchtitan")
    assert estimate(MODEL, work).optimizer == round(each * WEIGHTS)


# matrices of a layer: q 1024 -> 1024, k and v 1024 -> 256, o 1024 -> 1024, gate and up 1024 -> 4096, down 4096 -> 1024
@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"lora_targets": "qv"}, 8 * 4 * (2048 + 1280)),
        ({"lora_targets": "attention"}, 8 * 4 * (2 * 2048 + 2 * 1280)),
        ({"lora_targets": "mlp"}, 8 * 4 * 3 * 5120),
        ({"lora_targets": "all-linear"}, 8 * 4 * (2 * 2048 + 2 * 1280 + 3 * 5120)),
        ({"lora_targets": "qv", "adapter": "dora"}, 8 * (4 * (2048 + 1280) + 1024 + 256)),
        ({"lora_targets": "qv", "adapter": "scale"}, 8 * 2 * (1024 + 256)),
        ({"adapter": "prefix"}, 8 * (10 * 1024 + 1)),
    ],
)
def test_weights_of_adapters(options: dict[str, Any], count: int) -> None:
    assert states.adapter_weights(ModelUse(MODEL, train(method="lora", lora_rank=4, **options))) == count


def test_a_pipeline_stage_keeps_the_micro_batches_in_flight() -> None:
    """The first of 4 stages keeps 4 of them, the last 1; a recomputed block keeps its input in 16 bits."""
    first, second, third, _last = per_gpu(ModelUse(MODEL, train(pipeline_parallel=4)), 4)
    inputs = 2 * 1024 * 1024 * (8 // 4)
    assert second.activations - third.activations == inputs
    assert first.activations - second.activations == inputs


def test_an_embedding_that_llama_cpp_keeps_in_ram_is_counted_once_where_it_is_tied() -> None:
    work = Workload(method="inference", runtime="llama.cpp", weights="q8_0", context=1024)
    apart = MODEL
    head = MODEL.parameters.head
    tied = replace(
        MODEL, tied=True, parameters=replace(MODEL.parameters, head=0, active=MODEL.parameters.active - head)
    )
    for model, on_top in ((apart, True), (tied, False)):
        use = ModelUse(model, work)
        parts = per_gpu(use)
        in_ram = offloaded_bytes(use)
        assert in_ram > 0
        more = with_ram(use, parts).weights - parts[0].weights
        assert more == (in_ram if on_top else 0)
    assert estimate(apart, work).weights == pytest.approx(estimate(tied, work).weights, abs=2)
