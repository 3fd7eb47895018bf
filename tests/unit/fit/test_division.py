"""Layers on several GPUs: whole ones, as many as fit, and told to the runtime in its own terms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog, runtimes
from llmcheck.api.model_source import known_model
from llmcheck.fit import capacity as capacities
from llmcheck.fit.budget import budget
from llmcheck.fit.division import contiguous, experts_kept
from llmcheck.fit.plans import Candidate, Wishes, plan_of, plans
from llmcheck.fit.plans.downloads import Names
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Plan
from llmcheck.schema.machine import Gpu, Machine
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB
from llmcheck.whatif import parse

UNEVEN = "RTX 4090 + RTX 3060 12GB, 64 GB RAM"
NAMES = Names(gguf=("some/model-GGUF",))


def machine(words: str) -> Machine:
    return parse.machine(words, catalog.gpu_specs()).machine


def shapes(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def best(name: str, where: Machine | str, **work: Any) -> Candidate:
    use = ModelUse(shapes(name), Workload(**{"method": "inference", **work}))
    return plans(use, machine(where) if isinstance(where, str) else where, Wishes(names=NAMES))[0]


def planned(name: str, where: Machine | str, **work: Any) -> tuple[Candidate, Plan, dict[str, str]]:
    """With the plan, and the options of its launch line by name."""
    found = best(name, where, **work)
    plan = plan_of(found, (name,))
    assert plan.launch is not None
    return found, plan, dict(zip(plan.launch, plan.launch[1:], strict=False))


# --- whole layers ---


@given(
    st.lists(st.floats(0.1, 100), min_size=1, max_size=200), st.lists(st.integers(1, 10**11), min_size=1, max_size=8)
)
def test_every_layer_is_on_one_device(costs: list[float], capacities: list[int]) -> None:
    counts = contiguous(costs, capacities)
    assert len(counts) == len(capacities)
    assert sum(counts) == len(costs)
    assert min(counts) >= 0


@given(st.integers(1, 200), st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_equal_layers_are_within_one_of_the_share_of_each_device(layers: int, capacities: list[int]) -> None:
    for count, capacity in zip(contiguous([1.0] * layers, capacities), capacities, strict=True):
        assert abs(count - layers * capacity / sum(capacities)) <= 1


def test_the_first_of_costly_last_layers_go_to_the_next_device() -> None:
    assert contiguous([1, 1, 1, 1, 4, 4], [1, 1]) == (5, 1)
    assert contiguous([1.0] * 6, [2, 1]) == (4, 2)


# --- llama.cpp ---


def test_llama_cpp_is_told_how_to_divide_layers_over_uneven_cards() -> None:
    found, plan, options = planned("Qwen/Qwen3-32B", UNEVEN, runtime="llama.cpp", weights="q8_0")
    placement = found.placed.placement
    assert placement is not None
    assert placement.layers_per_gpu is not None
    first, second = placement.layers_per_gpu
    assert (plan.verdict, first + second) == ("fits", found.use.architecture.layers)
    assert first > second > 0
    assert options["-ts"] == f"{first},{second + 1}"
    assert (options["-sm"], options["-ngl"]) == ("layer", str(first + second + 1))
    assert plan.launch_environment == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"}


@pytest.mark.parametrize("weights", ["q8_0", "q4_k_m"])
def test_llama_cpp_divides_layers_over_equal_cards_by_itself(weights: str) -> None:
    _, plan, options = planned("Qwen/Qwen3-32B", "2x RTX 4090, 64 GB RAM", runtime="llama.cpp", weights=weights)
    assert not {"-ts", "-sm", "-ngl"} & set(options)
    assert plan.launch_environment == {}


@pytest.mark.parametrize("where", [UNEVEN, "2x RTX 4090, 128 GB RAM", "2x RTX 4090 + RTX 3060 12GB, 128 GB RAM"])
@pytest.mark.parametrize("name", ["Qwen/Qwen3-235B-A22B", "zai-org/GLM-4.5-Air", "Qwen/Qwen3-30B-A3B"])
@pytest.mark.parametrize("weights", ["q2_k", "q4_k_m", "bf16"])
def test_what_llama_cpp_puts_on_each_card_fits_there(name: str, where: str, weights: str) -> None:
    """By llama.cpp's own rule: a layer is on the first device whose part of the running sum is beyond its number."""
    use = ModelUse(shapes(name), Workload(method="inference", runtime="llama.cpp", weights=weights))
    for found in plans(use, machine(where), Wishes(names=NAMES)):
        plan = plan_of(found, (name,))
        assert plan.launch is not None
        options = dict(zip(plan.launch, plan.launch[1:], strict=False))
        several = len(found.placed.devices) > 1
        uneven = len({each.total for each in found.placed.devices}) > 1
        assert ("-ts" in options) == (several and ("--n-cpu-moe" in options or uneven))
        if "-ts" not in options or int(options["-ngl"]) <= found.use.architecture.layers:
            continue
        model, stored = found.use.architecture, found.use.stored
        split = [float(each) for each in options["-ts"].split(",")]
        whole, devices = sum(split), found.placed.devices
        assert whole == int(options["-ngl"]) == model.layers + 1
        in_ram, dense = int(options.get("--n-cpu-moe", "0")), model.leading_dense
        sizes = [0.0] * len(split)
        for layer in range(model.layers):
            at = next(each for each in range(len(split)) if layer / whole < sum(split[: each + 1]) / whole)
            sizes[at] += (stored.layers - stored.experts) / model.layers
            if layer >= max(in_ram, dense):
                sizes[at] += stored.experts / (model.layers - dense)
        sizes[-1] += stored.head or stored.embedding
        for size, part, device in zip(sizes, found.placed.parts, devices, strict=True):
            assert size == pytest.approx(part.weights, rel=0.02, abs=0.05 * GIB)
            assert part.total <= budget(found.use, device, part)


def test_experts_of_leading_dense_layers_are_not_counted_as_offloaded() -> None:
    use = ModelUse(shapes("deepseek-ai/DeepSeek-V3"), Workload(method="inference"))
    assert (use.architecture.leading_dense, use.architecture.layers) == (3, 61)
    assert experts_kept(use, 3) == experts_kept(use, 0) == 1
    assert experts_kept(use, 61) == 0
    assert experts_kept(use, 32) == pytest.approx(29 / 58)


def test_the_number_of_layers_whose_experts_are_in_ram_includes_the_dense_ones_before_them() -> None:
    found, plan, options = planned("zai-org/GLM-4.5-Air", "RTX 4090, 128 GB RAM", runtime="llama.cpp", weights="q4_k_m")
    model, placed = found.use.architecture, found.placed
    assert model.leading_dense == 1
    count = int(options["--n-cpu-moe"])
    assert plan.expert_layers_in_ram == count
    assert model.leading_dense < count <= model.layers
    in_ram = (count - 1) / (model.layers - 1) * found.use.stored.experts
    assert placed.expert_bytes_in_ram == pytest.approx(in_ram, rel=1e-6)


# --- which cards ---


def busy(where: Machine, *free: int) -> Machine:
    """The same cards with so much memory free."""
    gpus: list[Gpu] = [
        replace(gpu, memory_free=left, memory_used=(gpu.memory_total or 0) - left)
        for gpu, left in zip(where.gpus or (), free, strict=True)
    ]
    return replace(where, gpus=tuple(gpus))


def test_a_card_that_is_not_the_first_is_named() -> None:
    where = busy(machine("2x RTX 4090, 64 GB RAM"), 3 * GIB, 23 * GIB)
    found, plan, _ = planned("Qwen/Qwen3-8B", where, runtime="vllm")
    assert [each.gpu.index for each in found.placed.devices] == [1]
    assert plan.launch_environment == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}
    free = planned("Qwen/Qwen3-8B", "2x RTX 4090, 64 GB RAM", runtime="vllm")[1]
    assert free.launch_environment == {}


def test_amd_cards_are_named_by_the_variable_of_their_own_platform() -> None:
    where = busy(machine("2x RX 7900 XTX, 64 GB RAM"), 3 * GIB, 23 * GIB)
    assert planned("Qwen/Qwen3-8B", where, runtime="vllm")[1].launch_environment == {"HIP_VISIBLE_DEVICES": "1"}


def test_a_part_of_a_card_is_never_named_by_its_number() -> None:
    where = machine("2x RTX 4090, 64 GB RAM")
    parts = tuple(replace(gpu, parent=0, index=7 + at) for at, gpu in enumerate(where.gpus or ()))
    found = best("Qwen/Qwen3-8B", replace(where, gpus=parts), runtime="vllm")
    assert plan_of(found, ("m",)).launch_environment == {}


@pytest.mark.parametrize("runtime", ["ollama", "tgi"])
def test_a_service_or_container_is_not_told_by_variables_of_the_shell(runtime: str) -> None:
    where = busy(machine("2x RTX 4090, 64 GB RAM"), 3 * GIB, 23 * GIB)
    assert "CUDA_VISIBLE_DEVICES" not in planned("Qwen/Qwen3-8B", where, runtime=runtime)[1].launch_environment


# --- pipelines ---


def test_three_cards_over_which_heads_do_not_divide_become_a_pipeline() -> None:
    """Of 32 and 64 heads three cards cannot have equal parts; two cards of these are too few."""
    where = "3x RTX 4000 Ada, 64 GB RAM"
    found, _, options = planned(
        "Qwen/Qwen3-30B-A3B", "3x RTX 3090, 64 GB RAM", runtime="vllm", weights="bf16", max_sequences=8
    )
    assert found.use.query_heads % 3
    assert (found.placed.verdict, len(found.placed.devices)) == ("fits", 3)
    assert options["--pipeline-parallel-size"] == "3"
    assert "--tensor-parallel-size" not in options
    big = best("meta-llama/Llama-3.1-70B", where, runtime="vllm", weights="awq", max_sequences=8, context=4096)
    assert (big.use.workload.pipeline_parallel, len(big.placed.devices)) == (3, 3)


def test_cards_that_can_share_matrices_do() -> None:
    _, plan, options = planned("Qwen/Qwen3-32B", "2x RTX 4090, 64 GB RAM", runtime="vllm", weights="fp8")
    assert options["--tensor-parallel-size"] == "2"
    assert "--pipeline-parallel-size" not in options
    assert (plan.tensor_parallel, plan.pipeline_parallel, plan.layers_per_gpu) == (2, 1, None)


@pytest.mark.parametrize(
    ("runtime", "size", "variable"),
    [
        ("vllm", "--pipeline-parallel-size", "VLLM_PP_LAYER_PARTITION"),
        ("sglang", "--pp-size", "SGLANG_PP_LAYER_PARTITION"),
    ],
)
def test_uneven_stages_are_a_variable_of_the_line(runtime: str, size: str, variable: str) -> None:
    found, plan, options = planned(
        "Qwen/Qwen3-14B", UNEVEN, runtime=runtime, weights="bf16", context=2048, max_sequences=8, memory_fraction=0.9,
        max_batched_tokens=2048,
    )  # fmt: skip
    assert found.placed.verdict == "fits"
    assert options[size] == "2"
    layers = [int(each) for each in plan.launch_environment[variable].split(",")]
    assert sum(layers) == found.use.architecture.layers
    assert layers[0] > layers[1]
    assert (plan.tensor_parallel, plan.pipeline_parallel, plan.layers_per_gpu) == (1, 2, tuple(layers))
    assert plan.launch_environment["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert {"--pipeline-parallel", "2"} <= set(plan.argv)


def test_stages_that_cannot_be_equal_are_told() -> None:
    found, plan, _ = planned(
        "Qwen/Qwen3-30B-A3B", "5x RTX 3060 12GB + RTX 3060 12GB, 64 GB RAM", runtime="vllm", weights="fp8",
        pipeline_parallel=5, max_sequences=8, context=2048,
    )  # fmt: skip
    assert plan.launch_environment == {"VLLM_PP_LAYER_PARTITION": "10,10,10,9,9"}
    assert len(found.placed.devices) == 5


def test_a_pipeline_reads_the_weights_one_stage_after_the_other() -> None:
    words = "2x RTX 4090, 64 GB RAM"
    shared = best("Qwen/Qwen3-14B", words, runtime="vllm", weights="bf16", tensor_parallel=2)
    staged = best("Qwen/Qwen3-14B", words, runtime="vllm", weights="bf16", pipeline_parallel=2)
    assert (staged.tokens_per_second or 0) < (shared.tokens_per_second or 0)
    assert staged.tokens_per_second == pytest.approx(
        best("Qwen/Qwen3-14B", "A6000, 64 GB RAM", runtime="vllm", weights="bf16").tokens_per_second, rel=0.5
    )


def test_a_runtime_without_pipelines_gets_none() -> None:
    assert {each.id for each in runtimes.every() if each.pipeline_parallel} == {"sglang", "tensorrt-llm", "vllm"}
    use = ModelUse(shapes("Qwen/Qwen3-30B-A3B"), Workload(method="inference", runtime="lmdeploy", weights="bf16"))
    assert plans(use, machine("3x RTX 3090, 64 GB RAM")) == ()


# --- others ---


def test_seventy_billion_weights_in_four_bits_on_two_cards_of_24_gb() -> None:
    _, plan, options = planned("meta-llama/Llama-3.1-70B", "2x RTX 4090, 64 GB RAM", runtime="llama.cpp")
    assert (plan.verdict, plan.weights, plan.gpus) == ("fits", "q4_k_m", 2)
    assert options["-hf"] == "some/model-GGUF:Q4_K_M"
    _, plan, options = planned("Qwen/Qwen3-32B", "2x RTX 4090, 64 GB RAM", runtime="ollama")
    assert plan.launch is not None
    assert plan.launch[:2] == ("ollama", "run")
    assert plan.launch_service == ("ollama", "serve")
    assert plan.launch_environment["OLLAMA_SCHED_SPREAD"] == "1"


def test_sharded_training_is_started_on_all_cards() -> None:
    found, plan, options = planned("Qwen/Qwen3-32B", "2x RTX 4090, 128 GB RAM", method="qlora", context=2048)
    assert plan.sharding == "fsdp"
    assert plan.launch is not None
    assert plan.launch[:2] == ("accelerate", "launch")
    assert options["--num_processes"] == str(len(found.placed.devices)) == "2"
    assert {"--use_fsdp", "--fsdp_version"} <= set(plan.launch)


def test_exllama_is_told_the_memory_of_uneven_cards() -> None:
    example = runtimes.named("exllama").example.launch
    line = runtimes.named("exllama").launch(replace(example, gpus=2, gpu_bytes=(23 * GIB, 11 * GIB)))
    assert line is not None
    assert line.argv[-3:] == ("--gpu-split", "23", "11")
    even = runtimes.named("exllama").launch(replace(example, gpus=2))
    assert even is not None
    assert "--gpu-split" not in even.argv


def test_more_free_memory_on_one_of_uneven_cards_is_never_worse() -> None:
    order = ("does-not-fit", "fits-with-offload", "fits")
    use = ModelUse(shapes("Qwen/Qwen3-32B"), Workload(method="inference", runtime="llama.cpp", weights="q8_0"))
    found = []
    for free in range(6, 25):
        where = busy(machine("2x RTX 4090, 64 GB RAM"), 23 * GIB, free * GIB)
        placed = [each.placed.verdict for each in plans(use, where)]
        found.append(order.index(placed[0]) if placed else 0)
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_the_devices_of_a_plan_are_those_of_one_group() -> None:
    found = best("Qwen/Qwen3-32B", UNEVEN, runtime="llama.cpp", weights="q8_0")
    assert capacities.of(machine(UNEVEN)).groups[0][: len(found.placed.devices)] == found.placed.devices
