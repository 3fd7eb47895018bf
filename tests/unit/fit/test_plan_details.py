"""What a plan states and how it is started: parallelism, offloading, the least context, and what breaks a tie."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.fit import capacity
from llmcheck.fit.plans import Wishes, least_memory, plan_of, plans
from llmcheck.schema.estimate import Plan
from llmcheck.units import GIB
from tests.unit.fit.test_plans import best, machine, use


def plan(name: str, words: str, **values: Any) -> Plan:
    return plan_of(best(name, words, **values), (name,), ("some/model-GGUF",))


@pytest.mark.parametrize(
    ("words", "values", "expected"),
    [
        ("RTX 4090", {"runtime": "vllm"}, (1, 1, 1)),
        ("RTX 4090", {"runtime": "vllm", "pipeline_parallel": 0}, (1, 1, 1)),
        ("2x RTX 4090", {"runtime": "vllm", "tensor_parallel": 2}, (2, 2, 1)),
        ("2x RTX 3060", {"runtime": "vllm"}, (2, 2, 1)),
        ("2x RTX 3060", {"runtime": "vllm", "pipeline_parallel": 2}, (2, 1, 2)),
        # llama.cpp puts whole layers on each GPU
        ("2x RTX 3060", {"runtime": "llama.cpp", "weights": "fp16"}, (2, 1, 1)),
    ],
)
def test_a_plan_states_how_its_gpus_share_the_model(
    words: str, values: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    found = plan("llama-3.1-8b", words, **values)
    assert (found.gpus, found.tensor_parallel, found.pipeline_parallel) == expected


def test_a_launch_line_moves_only_what_the_plan_has_in_ram() -> None:
    whole = plan("llama-3.1-8b", "RTX 4090", runtime="vllm")
    assert whole.launch is not None
    assert not any("offload" in each for each in whole.launch)
    part = plan("llama-3.1-70b", "RTX 4090, 64 GB RAM", runtime="llama.cpp", weights="q4_k_m")
    assert part.launch is not None
    assert part.launch[part.launch.index("-ngl") + 1] == str(part.gpu_layers)
    fits = plan("llama-3.1-8b", "RTX 4090, 64 GB RAM", runtime="llama.cpp", weights="q4_k_m")
    assert fits.launch is not None
    assert "-ngl" not in fits.launch


def test_a_plan_without_a_gpu_is_started_without_one() -> None:
    found = plan("llama-3.1-8b", "cpu, 64 GB RAM", runtime="llama.cpp")
    assert found.gpus == 0
    assert found.launch is not None
    assert found.launch[found.launch.index("-dev") + 1] == "none"


def test_a_context_is_shortened_to_a_quarter_at_most() -> None:
    small = machine("RTX 3060")
    (gpu,) = small.gpus or ()
    contexts = set()
    for hundredths in range(430, 560, 5):
        where = replace(small, gpus=(replace(gpu, memory_free=round(hundredths / 100 * GIB)),))
        found = plans(use("7B", runtime="llama.cpp", weights="q4_k_m"), where, Wishes(least_context=256))
        contexts |= {each.use.context for each in found}
    assert contexts == {8192, 4096, 2048}


def test_the_usual_runtime_of_a_vendor_comes_first_where_formats_are_alike() -> None:
    found = [each for each in plans(use("gemma-3-27b"), machine("m3-max 64GB")) if each.placed.verdict == "fits"]
    assert [each.use.runtime.id for each in found] == ["mlx", "llama.cpp", "transformers"]


def test_a_server_has_no_least_memory_on_a_machine_without_a_gpu() -> None:
    server = use("llama-3.1-8b", runtime="vllm")
    assert least_memory(server, capacity.of(machine("RTX 4090"))) is not None
    assert least_memory(server, capacity.of(machine("cpu, 64 GB RAM"))) is None
