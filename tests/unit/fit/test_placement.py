"""Where a workload is placed: verdicts on hand-made machines, advice, and properties that hold for any machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.api.model_source import known_model
from llmcheck.fit import capacity as capacities
from llmcheck.fit import placement
from llmcheck.fit.answer import answer, with_defaults
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.memory import total
from llmcheck.fit.memory.total import resolved
from llmcheck.fit.memory.training_choices import sharding_of
from llmcheck.fit.placement import PlacementResult
from llmcheck.fit.shapes import typical
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Fit
from llmcheck.schema.machine import Gpu, Machine, Ram
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB
from llmcheck.whatif import parse

SPECS = catalog.gpu_specs()
CARDS = tuple(each.spec for each in SPECS if each.vendor == "nvidia" and each.memory_reported)


def machine(words: str) -> Machine:
    return parse.machine(words, SPECS).machine


def model(name: str) -> Architecture:
    found = known_model(name) or typical.architecture(name)
    assert found is not None
    return found


def fitted(name: str, words: str | Machine, **values: Any) -> Fit:
    """A use that leaves the planner no choice, so it is placed as stated."""
    found = machine(words) if isinstance(words, str) else words
    use = with_defaults(ModelUse(model(name), Workload(**{"method": "inference", **values})), found)
    work = resolved(use) if use.is_inference else use.workload
    plain = {"weights": work.weights, "kv_cache": work.kv_cache, "context": work.context, "runtime": work.runtime}
    if not use.is_inference:
        plain = {"chunked_loss": False, "sharding": sharding_of(work), "offload": "none", "optimizer": "adamw"}
    return answer(model(name), Workload(**{"method": "inference", **plain, **values}), found, specs=CARDS)


def place(architecture: Architecture, workload: Workload, capacity: Capacity) -> PlacementResult:
    return placement.place(ModelUse(architecture, workload), capacity)


def devices(sizes: list[int], ram: int | None) -> Machine:
    gpus = tuple(
        Gpu(vendor="nvidia", index=i, name="NVIDIA X", memory_total=size, memory_free=size)
        for i, size in enumerate(sizes)
    )
    return Machine(hypothetical=True, gpus=gpus, ram=Ram(total=ram, available=ram, usable=ram))


def with_free(words: str, *free: int | None) -> Machine:
    found = machine(words)
    gpus = tuple(replace(gpu, memory_free=each) for gpu, each in zip(found.gpus or (), free, strict=True))
    return replace(found, gpus=gpus)


@pytest.mark.parametrize(
    ("name", "words", "values", "verdict"),
    [
        ("llama-3.1-8b", "RTX 4090", {}, "fits"),
        ("llama-3.1-8b", "RTX 4070", {}, "does-not-fit"),  # 15 GiB of weights, and no RAM is stated
        ("llama-3.1-8b", "RTX 4070, 64 GB RAM", {}, "fits-with-offload"),
        ("llama-3.1-8b", "RTX 4070", {"weights": "q4_k_m"}, "fits"),
        ("llama-3.1-8b", "RTX 4070, 64 GB RAM", {"runtime": "vllm"}, "does-not-fit"),
        ("llama-2-70b", "RTX 4090", {"weights": "q4_k_m"}, "does-not-fit"),
        ("llama-2-70b", "RTX 4090, 64 GB RAM", {"weights": "q4_k_m"}, "fits-with-offload"),
        ("llama-2-70b", "2x RTX 4090", {"weights": "q4_k_m"}, "fits"),
        ("llama-3.1-70b", "A100-SXM4-80GB", {}, "does-not-fit"),
        ("llama-3.1-70b", "2x A100-SXM4-80GB", {"runtime": "vllm"}, "fits"),
        ("llama-3.1-405b", "8x H100 SXM", {"runtime": "vllm"}, "does-not-fit"),
        ("llama-3.1-405b", "8x H100 SXM", {"runtime": "vllm", "weights": "fp8"}, "fits"),
        ("deepseek-v3", "8x H200", {"runtime": "vllm"}, "fits"),
        ("deepseek-v3", "8x H100 SXM", {"runtime": "vllm"}, "does-not-fit"),
        ("gpt-oss-120b", "H100 SXM", {"runtime": "vllm"}, "fits"),
        ("gpt-oss-20b", "RTX 4080", {}, "fits"),
        ("7B", "cpu, 16 GB RAM", {"weights": "q4_k_m"}, "fits-with-offload"),
        ("7B", "cpu, 8 GB RAM", {}, "does-not-fit"),
        ("7B", "cpu, 64 GB RAM", {"runtime": "vllm"}, "does-not-fit"),
        ("70B", "m3-max 64GB", {"weights": "q4_k_m"}, "fits"),
        ("70B", "m3-max 48GB", {"weights": "q8_0"}, "does-not-fit"),
        # full fine-tuning of 7B with AdamW in mixed precision takes 16 bytes for each weight
        ("7B", "A100-SXM4-80GB", {"method": "full"}, "does-not-fit"),
        ("7B", "A100-SXM4-80GB", {"method": "full", "precision": "bf16"}, "fits"),
        ("7B", "2x A100-SXM4-80GB", {"method": "full"}, "fits"),
        ("7B", "RTX 4090", {"method": "lora"}, "fits"),
        ("7B", "RTX 3060 12GB", {"method": "qlora", "context": 1024}, "fits"),
        ("7B", "RTX 2060", {"method": "qlora"}, "does-not-fit"),
        ("70B", "A100-SXM4-80GB", {"method": "qlora"}, "fits"),
        ("70B", "RTX 4090, 256 GB RAM", {"method": "qlora"}, "does-not-fit"),
        ("7B", "RTX 4090, 256 GB RAM", {"method": "full", "offload": "all"}, "fits-with-offload"),
        ("7B", "RTX 4090, 64 GB RAM", {"method": "full", "offload": "all"}, "does-not-fit"),
        ("7B", "cpu, 512 GB RAM", {"method": "lora"}, "does-not-fit"),
    ],
)
def test_verdicts_of_common_setups(name: str, words: str, values: dict[str, Any], verdict: str) -> None:
    assert fitted(name, words, **values).verdict == verdict


def test_memory_used_by_other_processes_is_not_available() -> None:
    busy = with_free("RTX 4090", 6 * GIB)
    found = fitted("llama-3.1-8b", busy)
    assert found.verdict == "does-not-fit"
    assert found.per_gpu[0].free == 6 * GIB
    assert "used by other processes" in found.reason
    assert ("end-processes", "free") in [(way.kind, way.cost) for way in found.ways]
    idle = answer(model("llama-3.1-8b"), Workload(method="inference"), busy, assume_idle=True)
    assert idle.verdict == "fits"
    assert any("as if no other process ran" in note for note in idle.assumptions)


def test_a_gpu_without_a_memory_size_gives_unknown() -> None:
    silent = replace(machine("RTX 4090"), gpus=(Gpu(vendor="nvidia", index=0, name="NVIDIA X"),))
    assert fitted("7B", silent).verdict == "unknown"
    assert fitted("7B", silent).exit_code == 3
    assert fitted("7B", Machine()).verdict == "unknown"


def test_unknown_free_memory_counts_as_idle_with_an_assumption() -> None:
    found = fitted("llama-3.1-8b", with_free("RTX 4090", None))
    assert found.verdict == "fits"
    assert any("counted as idle" in note for note in found.assumptions)


def test_unread_ram_of_a_live_machine_is_unknown() -> None:
    live = replace(machine("RTX 4070"), hypothetical=False, ram=Ram())
    assert fitted("llama-3.1-8b", live).verdict == "unknown"


def test_mig_instances_never_add_up() -> None:
    part = Gpu(vendor="nvidia", name="NVIDIA A100 MIG 3g.40gb", memory_total=40 * GIB, memory_free=39 * GIB, parent=0)
    cut = Machine(hypothetical=True, gpus=(replace(part, index=0), replace(part, index=1)))
    assert fitted("llama-3.1-8b", cut, runtime="vllm").verdict == "fits"
    assert fitted("34B", cut, runtime="vllm").verdict == "does-not-fit"
    whole = machine("2x A100-PCIE-40GB")
    assert fitted("34B", whole, runtime="vllm").verdict == "fits"


def test_cards_of_two_vendors_add_up_for_a_runtime_that_uses_both() -> None:
    mixed = Machine(hypothetical=True, gpus=((machine("RTX 4090").gpus or ()) + (machine("RX 7900 XTX").gpus or ())))
    assert fitted("34B", mixed, weights="q8_0").verdict == "fits"
    assert fitted("34B", mixed, weights="int8", runtime="transformers").verdict == "does-not-fit"
    assert fitted("34B", machine("2x RTX 4090"), weights="q8_0").verdict == "fits"


def test_unequal_gpus_share_layers_by_free_memory() -> None:
    found = fitted("34B", "RTX 4090 + RTX 3060", weights="q6_k")
    assert found.verdict == "fits"
    large, small = found.per_gpu
    assert (large.name, small.name) == ("NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 3060")
    assert large.memory.total > 1.5 * small.memory.total


def test_vllm_reports_the_tokens_that_fit_in_its_cache() -> None:
    found = fitted("llama-3.1-8b", "A100-SXM4-80GB", runtime="vllm", context=8192)
    placed = found.placement
    assert placed is not None
    assert placed.kv_tokens is not None
    # 0.9 x 80 GiB, less 15 GiB of weights and about 3 GiB beside them, over 128 KiB a token
    assert placed.kv_tokens == pytest.approx((72 - 15 - 3) * GIB / 131_072, rel=0.06)
    assert placed.concurrent == placed.kv_tokens // 8192
    half = fitted("llama-3.1-8b", "A100-SXM4-80GB", runtime="vllm", context=8192, memory_fraction=0.45).placement
    assert half is not None
    assert half.kv_tokens is not None
    assert half.kv_tokens < placed.kv_tokens / 2


def test_llama_cpp_reports_the_layers_on_the_gpu() -> None:
    found = fitted("llama-2-70b", "RTX 4090, 64 GB RAM", weights="q4_k_m", context=4096)
    placed = found.placement
    assert placed is not None
    assert placed.gpu_layers is not None
    # 38.6 GiB of weights and 1.25 of cache over 80 layers: about 0.49 GiB each, in 24 less 1 GiB
    assert placed.gpu_layers == pytest.approx(45, abs=3)
    assert placed.ram == pytest.approx((80 - placed.gpu_layers) * 0.49 * GIB, rel=0.1)
    whole = fitted("llama-2-70b", "2x RTX 4090", weights="q4_k_m", context=4096).placement
    assert whole is not None
    assert whole.gpu_layers == 81
    on_cpu = fitted("7B", "cpu, 32 GB RAM", weights="q4_k_m").placement
    assert on_cpu is not None
    assert (on_cpu.gpus, on_cpu.gpu_layers) == (0, 0)


def test_the_fewest_gpus_that_fit_are_used() -> None:
    found = fitted("llama-3.1-8b", "8x H100 SXM", runtime="vllm")
    assert len(found.per_gpu) == 1
    assert len(fitted("llama-3.1-70b", "8x H100 SXM", runtime="vllm").per_gpu) == 2
    # 64 heads cannot be divided by three: three cards become three stages
    three = fitted("llama-3.1-70b", "3x H100 SXM", runtime="vllm", context=65_536)
    assert (len(three.per_gpu), three.workload.pipeline_parallel, three.workload.tensor_parallel) == (3, 3, 1)
    cut = fitted("llama-3.1-70b", "3x H100 SXM", runtime="vllm", context=65_536, tensor_parallel=3)
    assert cut.verdict == "does-not-fit"
    assert len(fitted("llama-3.1-70b", "4x H100 SXM", runtime="vllm", context=65_536).per_gpu) == 4
    assert len(fitted("llama-3.1-8b", "8x H100 SXM", runtime="vllm", gpus=4).per_gpu) == 4


@pytest.mark.parametrize("count", [1, 2, 4])
def test_gpus_with_exactly_the_needed_memory_are_enough(count: int) -> None:
    work = Workload(method="inference", runtime="vllm", memory_fraction=1.0, gpus=count)
    needed = max(part.total for part in total.per_gpu(ModelUse(model("llama-3.1-8b"), work), count))
    for sizes, verdict in (([needed] * count, "fits"), ([needed] * (count - 1) + [needed - 1], "does-not-fit")):
        placed = place(model("llama-3.1-8b"), work, capacities.of(devices(sizes, None)))
        assert placed.verdict == verdict


@pytest.mark.parametrize(
    ("words", "values", "expected"),
    [
        ("2x RTX 4090", {"gpus": 4}, "4 GPUs are required, and this machine has 2"),
        ("2x RTX 4090", {"tensor_parallel": 2, "pipeline_parallel": 2}, "4 GPUs are required"),
        ("cpu, 64 GB RAM", {"gpus": 2}, "has none"),
        ("8x H100 SXM", {"tensor_parallel": 3, "runtime": "vllm"}, "32 attention heads cannot be divided over 3"),
    ],
)
def test_the_reason_names_obstacles_other_than_memory(words: str, values: dict[str, Any], expected: str) -> None:
    found = fitted("llama-3.1-8b", words, **values)
    assert found.verdict == "does-not-fit"
    assert expected in found.reason


def test_a_context_beyond_the_models_own_is_noted() -> None:
    found = fitted("llama-3-8b", "H100 SXM", context=16_384)
    assert any("at most 8,192 tokens" in note for note in found.assumptions)


def test_total_weights_and_cache_are_exact() -> None:
    found = fitted("llama-3.1-8b", "2x RTX 4090, 64 GB RAM", weights="q4_k_m", context=10_000)
    assert found.memory.kv_cache == 2 * 32 * 8 * 128 * 2 * 10_000
    memory = found.memory
    parts = (memory.weights, memory.kv_cache, memory.activations, memory.gradients, memory.optimizer, memory.overhead)
    assert sum(parts) == memory.total == sum(term.expected for term in memory.terms)
    assert memory.low <= memory.total <= memory.high


def test_the_largest_context_and_batch_fit() -> None:
    found = fitted("llama-3.1-8b", "RTX 4090")
    capacity = capacities.of(machine("RTX 4090"))
    work = replace(found.workload, gpus=None)
    assert found.largest_context is not None
    assert found.largest_batch is not None
    assert (
        place(found.architecture, replace(work, context=found.largest_context, prompt=None), capacity).verdict == "fits"
    )
    longer = replace(work, context=round(found.largest_context * 1.03), prompt=None)
    assert place(found.architecture, longer, capacity).verdict != "fits"
    assert place(found.architecture, replace(work, batch=found.largest_batch + 1), capacity).verdict != "fits"
    assert found.best_weights == "bf16"
    assert fitted("gpt-oss-20b", "RTX 4080").best_weights == "mxfp4"
    assert fitted("llama-2-13b", "RTX 4090", weights="q4_k_m").best_weights == "q8_0"


WANTING = [
    ("llama-3.1-8b", "RTX 4070", {}),
    ("llama-3.1-70b", "A100-SXM4-80GB, 256 GB RAM", {"runtime": "vllm"}),
    ("70B", "RTX 4090, 64 GB RAM", {"weights": "q4_k_m"}),
    ("7B", "A100-SXM4-80GB", {"method": "full"}),
    ("13B", "RTX 4090", {"method": "lora", "batch": 8}),
    ("llama-3.1-8b", "RTX 4090", {"context": 131_072, "runtime": "vllm", "weights": "bf16"}),
    ("deepseek-v3", "8x H100 SXM", {"runtime": "vllm"}),
    ("7B", "cpu, 8 GB RAM", {}),
    ("70B", "RTX 4090, 64 GB RAM", {"method": "qlora"}),
]


@pytest.mark.parametrize(("name", "words", "values"), WANTING)
def test_each_alternative_fits_and_the_cheapest_come_first(name: str, words: str, values: dict[str, Any]) -> None:
    found = fitted(name, words, **values)
    assert found.verdict in ("does-not-fit", "fits-with-offload")
    assert 0 < len(found.ways) <= 3
    ranks = ["free", "quality", "speed", "hardware"]
    assert [ranks.index(way.cost) for way in found.ways] == sorted(ranks.index(way.cost) for way in found.ways)
    capacity = capacities.of(machine(words))
    for way in found.ways:
        if way.cost == "hardware" or way.kind == "end-processes":
            continue
        placed = place(found.architecture, way.workload, capacity)
        assert placed.verdict in ("fits", "fits-with-offload")
        assert placed.memory.total == way.total


@pytest.mark.parametrize("words", ["RTX 4090", "2x RTX 4090, 64 GB RAM", "64x RTX 3060"])
@pytest.mark.parametrize("name", ["deepseek-v3", "1T", "kimi-k2"])
def test_a_model_is_never_spread_over_more_cards_than_it_has_layers(name: str, words: str) -> None:
    found = fitted(name, words)
    assert found.verdict == "does-not-fit"
    assert 0 < len(found.per_gpu) <= found.architecture.layers


@pytest.mark.parametrize("runtime", ["llama.cpp", "vllm"])
def test_total_weights_are_those_on_the_gpus_and_in_ram(runtime: Any) -> None:
    found = fitted("llama-2-7b", "8x RTX 4090", runtime=runtime, weights="fp16", gpus=8, tensor_parallel=2)
    assert len(found.per_gpu) == 8
    on_cards = sum(each.memory.weights for each in found.per_gpu)
    in_ram = found.placement.ram if found.placement and runtime == "llama.cpp" else 0
    assert on_cards + in_ram == pytest.approx(found.memory.weights, rel=1e-6)


def test_offloaded_training_states_count_in_the_total() -> None:
    found = fitted("llama-2-7b", "RTX 4090, 256 GB RAM", method="full", offload="all")
    assert found.verdict == "fits-with-offload"
    # 16 bytes for each weight, by FSDP or by DeepSpeed
    states = found.memory.weights + found.memory.gradients + found.memory.optimizer
    assert states == pytest.approx(16 * 6.738e9, rel=0.01)
    assert found.placement is not None
    assert found.memory.total == found.placement.ram + sum(each.memory.total for each in found.per_gpu)
    # two blocks and the embedding are on the card at a time
    assert found.per_gpu[0].memory.overhead > 2 * 2 * 6.738e9 / 34


def test_more_gpus_shard_a_frozen_model() -> None:
    found = fitted("70B", "A100-SXM4-40GB", method="qlora")
    assert [way.cost for way in found.ways] == ["hardware", "hardware"]
    assert [way.kind for way in found.ways] == ["more-gpus", "larger-gpu"]
    assert "FSDP" in found.ways[0].change
    assert found.ways[0].workload.sharding == "fsdp"
    assert found.ways[1].change == "a larger GPU, for example H100 80GB HBM3"


@pytest.mark.parametrize(
    ("name", "words", "values", "changed"),
    [
        ("70B", "2x RTX 4090, 128 GB RAM", {"method": "qlora", "context": 4096}, {"offload"}),
        ("70B", "2x RTX 4090, 128 GB RAM", {"method": "qlora", "context": 65_536}, {"offload", "context"}),
        ("8B", "RTX 4090, 128 GB RAM", {"method": "qlora", "context": 65_536}, {"context"}),
        ("8B", "RTX 4090, 256 GB RAM", {"method": "full", "context": 2048, "batch": 8}, {"method", "context", "batch"}),
        ("8B", "RTX 4090, 64 GB RAM", {"runtime": "vllm", "context": 131_072}, {"context"}),
    ],
)
def test_an_alternative_names_everything_that_it_changes(
    name: str, words: str, values: dict[str, Any], changed: set[str]
) -> None:
    shown: dict[str, Callable[[Workload], str | None]] = {
        "context": lambda work: f"{work.context:,} tokens",
        "offload": lambda work: "RAM" if work.offload == "all" else "offload",
        "method": lambda work: {"qlora": "QLoRA", "lora": "LoRA"}[work.method],
        "batch": lambda work: f"micro-batch of {work.batch}",
        "runtime": lambda work: work.runtime,
        "weights": lambda work: work.weights,
    }
    found = set()
    fit = fitted(name, words, **values)
    for way in (each for each in fit.ways if each.cost != "hardware"):
        for field, word in shown.items():
            if (
                getattr(way.workload, field) != getattr(fit.workload, field)
                and getattr(way.workload, field) is not None
            ):
                found.add(field)
                assert (word(way.workload) or "nothing") in way.change
    assert found == changed


def test_the_share_that_a_server_reserves_is_reported() -> None:
    found = fitted("llama-3.1-8b", "A100-SXM4-80GB", runtime="vllm", context=8192).per_gpu[0]
    # CUDA gives what the driver does not keep; vLLM measures its share from behind the context
    given = 80 * GIB - 600 * MIB
    assert found.budget == round(0.9 * given) + GIB // 2
    assert fitted("llama-3.1-8b", "A100-SXM4-80GB").per_gpu[0].budget == given


def test_other_processes_are_reported_even_where_it_fits_in_ram() -> None:
    full = fitted("llama-3.1-8b", with_free("RTX 4090, 64 GB RAM", 0), weights="q4_k_m")
    assert full.verdict == "fits-with-offload"
    assert "23.5 GiB are used by other processes" in full.reason


def test_the_reason_is_understandable_alone() -> None:
    assert "RAM" in fitted("70B", "RTX 4090, 16 GB RAM", weights="q4_k_m").reason
    assert "no GPU" in fitted("7B", "cpu, 64 GB RAM", method="full").reason
    short = fitted("7B", "A100-SXM4-80GB", method="full").reason
    assert "are needed" in short
    assert "short" in short
