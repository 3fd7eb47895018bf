"""Options that exclude each other are refused in one line that says what is possible; each format has one name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck import api, catalog, runtimes
from llmcheck.api.model_source import ModelSource, known_model
from llmcheck.checkpoint import config
from llmcheck.errors import UsageError
from llmcheck.fit import validation
from llmcheck.fit.shapes import formats, weights
from llmcheck.runtimes import Runtime
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse


def validated(**options: Any) -> Workload:
    return validation.validated(Workload(**{"method": "inference", **options}))


def refusal(**options: Any) -> str:
    with pytest.raises(UsageError) as raised:
        validated(**options)
    line = str(raised.value)
    assert "\n" not in line
    return line


def model(name: str, **changes: Any) -> Architecture:
    row = catalog.models()[name]
    return config.architecture({**row.config, **changes}, name)


# --- names of formats ---


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("FP32", "fp32"), ("Float8", "fp8"), ("Q4_K", "q4_k_m"), ("INT4", "awq"), (" nf4 ", "nf4"), ("Q4_0.gguf", "q4_0"),
     ("GPTQ-4bit+HEAD", "gptq-4bit+head"), ("FP4", "nf4"), ("MLX", "mlx-4bit")],
)  # fmt: skip
def test_a_format_has_one_name(written: str, canonical: str) -> None:
    assert validated(weights=written).weights == canonical
    assert formats.weights(canonical) == formats.weights(written)


@pytest.mark.parametrize(
    ("written", "canonical"), [("FP8", "fp8"), ("F16", "fp16"), ("Q8_0", "q8_0"), ("bfloat16", "bf16")]
)
def test_a_format_of_the_cache_has_one_name(written: str, canonical: str) -> None:
    assert validated(kv_cache=written).kv_cache == canonical


@given(st.sampled_from((*formats.NAMES, *formats.ALIASES)), st.booleans())
def test_the_canonical_name_finds_the_same_format(name: str, upper: bool) -> None:
    form = formats.weights(name.upper() if upper else name)
    assert formats.weights(form.name) == form


def test_mlx_quantises_the_embedding_too() -> None:
    shape = model("llama-3.1-8b")
    form = formats.weights("mlx-4bit-g64")
    matrices = shape.parameters.total - shape.parameters.other
    assert weights.stored(shape, form).total == pytest.approx(matrices * 4.5 / 8 + shape.parameters.other * 2, rel=1e-6)


# --- options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "q3_k_x"}, ["--weights q3_k_x", "nearest"]),
        ({"kv_cache": "fp7"}, ["--kv-cache fp7", "nearest"]),
        ({"precision": "bf16"}, ["--precision is for training"]),
        ({"lora_targets": "qv"}, ["--lora-targets is for training"]),
        ({"chunked_loss": True}, ["--chunked-loss is for training"]),
        ({"memory_fraction": 0.5}, ["--memory-fraction is for servers", "vllm"]),
        ({"max_sequences": 8, "runtime": "llama.cpp"}, ["--max-sequences is for servers"]),
        ({"method": "lora", "kv_cache": "fp8"}, ["--kv-cache is for inference", "lora"]),
        ({"method": "full", "memory_fraction": 0.5}, ["--memory-fraction is for inference"]),
        ({"method": "qlora", "max_sequences": 8}, ["--max-sequences is for inference"]),
        ({"method": "lora", "prompt": 8}, ["--prompt is for inference"]),
        ({"method": "full", "lora_rank": 8}, ["--lora-rank is for adapters", "full"]),
        ({"method": "pretrain", "lora_targets": "qv"}, ["--lora-targets is for adapters"]),
        ({"method": "lora", "runtime": "vllm"}, ["vllm does not train"]),
        ({"method": "qlora", "weights": "bf16"}, ["quantised", "--method lora"]),
        ({"method": "full", "weights": "nf4"}, ["nf4", "--method qlora"]),
        ({"method": "lora", "weights": "q4_k_m"}, ["q4_k_m", "inference only"]),
        ({"runtime": "llama.cpp", "weights": "awq"}, ["llama.cpp does not read weights in awq", "q4_k_m"]),
        ({"runtime": "llama.cpp", "weights": "gptq-4bit"}, ["does not read weights in gptq-4bit"]),
        ({"runtime": "vllm", "weights": "q4_k_m"}, ["vllm does not read", "--runtime llama.cpp does"]),
        ({"runtime": "transformers", "weights": "mlx-4bit"}, ["transformers does not read", "--runtime mlx does"]),
        ({"runtime": "mlx", "weights": "nf4"}, ["mlx does not read weights in nf4", "mlx-4bit"]),
        ({"runtime": "mlx", "weights": "awq"}, ["mlx does not read weights in awq"]),
        ({"prompt": 9, "context": 8}, ["--prompt"]),
        ({"runtime": "vllm", "kv_cache": "q8_0"}, ["--runtime vllm has no KV cache in q8_0", "bf16", "fp8"]),
        ({"runtime": "llama.cpp", "kv_cache": "fp8"}, ["llama.cpp has no KV cache in fp8", "q8_0"]),
        ({"runtime": "ollama", "kv_cache": "q5_1"}, ["ollama has no KV cache in q5_1", "--runtime llama.cpp has"]),
        ({"runtime": "tensorrt-llm", "kv_cache": "fp8_e5m2"}, ["tensorrt-llm has no KV cache in fp8_e5m2"]),
    ],
)  # fmt: skip
def test_options_that_exclude_each_other_are_refused(options: dict[str, Any], words: list[str]) -> None:
    line = refusal(**options)
    for word in words:
        assert word in line


def test_carbon_intensity_is_for_training_only() -> None:
    with pytest.raises(UsageError, match="--grid is for training"):
        validation.validated(Workload(method="inference"), carbon_intensity_g_per_kwh=300)
    validation.validated(Workload(method="lora"), carbon_intensity_g_per_kwh=300)


@pytest.mark.parametrize(
    "options",
    [
        {"runtime": "llama.cpp", "weights": "mxfp4"}, {"runtime": "llama.cpp", "weights": "bf16"},
        {"runtime": "vllm", "weights": "awq", "memory_fraction": 0.8, "max_sequences": 8},
        {"runtime": "mlx", "weights": "mlx-8bit"}, {"method": "qlora", "weights": "nf4"},
        {"method": "lora", "weights": "int8", "lora_rank": 8}, {"method": "full", "weights": "fp32"},
    ],
)  # fmt: skip
def test_a_valid_workload_is_unchanged(options: dict[str, Any]) -> None:
    workload = Workload(**{"method": "inference", **options})
    assert validation.validated(workload) == workload


@pytest.mark.parametrize("runtime", runtimes.every(), ids=lambda each: each.id)
@pytest.mark.parametrize("name", formats.CACHE_NAMES)
def test_a_cache_format_is_accepted_where_the_runtime_has_it(runtime: Runtime, name: str) -> None:
    workload = Workload(method="inference", runtime=runtime.id, kv_cache=name)
    if name in runtime.cache_formats:
        assert validation.validated(workload) == workload
    else:
        assert f"has no KV cache in {name}" in refusal(runtime=runtime.id, kv_cache=name)


def test_a_cache_format_chooses_the_runtime() -> None:
    """With no runtime stated it is one that has the format; where none runs there, the default one is refused."""
    model, workload = ModelSource(model="llama-3-8b"), Workload(method="inference", kv_cache="q8_0")
    card = parse.machine("RTX 4090", catalog.gpu_specs()).machine
    found = api.fit(model, workload, lambda: card)
    assert {each.runtime for each in found.plans} == {"llama.cpp"}
    int8 = Workload(method="inference", kv_cache="int8")
    assert api.fit(model, int8, lambda: card).plans[0].runtime == "vllm"
    no_card = parse.machine("cpu, 64 GB RAM", catalog.gpu_specs()).machine
    with pytest.raises(UsageError, match=r"llama\.cpp has no KV cache in int8.*--runtime .*vllm have"):
        api.fit(model, int8, lambda: no_card)


# --- with the model ---


def test_mxfp4_needs_experts() -> None:
    with pytest.raises(UsageError, match="experts alone"):
        validation.with_matching_runtime(Workload(method="inference", weights="mxfp4"), model("llama-3-8b"))
    validation.with_matching_runtime(Workload(method="inference", weights="mxfp4"), model("gpt-oss-20b"))


def test_weights_that_only_one_runtime_reads_select_it() -> None:
    quantised = model("llama-3-8b", quantization={"bits": 4, "group_size": 64})
    assert validation.with_matching_runtime(Workload(method="inference"), quantised).runtime == "mlx"
    assert validation.with_matching_runtime(Workload(method="inference", weights="bf16"), quantised).runtime is None
    with pytest.raises(UsageError, match="mlx-4bit-g64, as llama is published; --runtime mlx does"):
        validation.with_matching_runtime(Workload(method="inference", runtime="vllm"), quantised)
    with pytest.raises(UsageError, match="does not read weights in fp8, as"):
        validation.with_matching_runtime(Workload(method="inference", runtime="llama.cpp"), model("deepseek-v3"))


def test_a_gguf_file_needs_a_runtime_that_reads_it() -> None:
    known = known_model("llama-3-8b")
    assert known is not None
    gguf = Architecture(**{name: getattr(known, name) for name in known.__struct_fields__} | {"dtype": "q4_k_m"})
    for runtime in ("llama.cpp", "vllm"):
        validation.with_matching_runtime(Workload(method="inference", runtime=runtime), gguf)
    with pytest.raises(UsageError, match=r"as 16-bit weights \(--weights bf16\); --runtime llama.cpp does"):
        validation.with_matching_runtime(Workload(method="inference", runtime="transformers"), gguf)
    validation.with_matching_runtime(Workload(method="inference", runtime="transformers", weights="bf16"), gguf)


# --- with the machine ---


def refusal_on(machine: Machine, runtime: Any) -> str | None:
    """The reason why this machine cannot run it; None where it can."""
    try:
        validation.check_machine(Workload(method="inference", runtime=runtime), machine)
    except UsageError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("runtime", "words", "message"),
    [
        ("tensorrt-llm", "MI300X", "needs GPUs of NVIDIA, and this machine has GPUs of AMD"),
        ("tensorrt-llm", "cpu, 64 GB RAM", "this machine has no GPU"),
        ("mlx", "RX 7900 XTX", "needs GPUs of Apple, NVIDIA, and this machine has GPUs of AMD"),
        ("vllm", "M3 Max 64GB", "runs on Linux, and this machine has macOS; --runtime mlx and llama.cpp do"),
        ("vllm", "Tesla P40", "needs compute capability 7.5, and this machine has 6.1; --runtime transformers and"),
        ("vllm", "RX 6800 XT", "runs on gfx90a, .*gfx1201, and this machine has gfx1030"),
        ("exllama", "RTX 2080 Ti", "needs compute capability 8.0"),
        ("exllama", "MI300X", "needs GPUs of NVIDIA"),
        ("sglang", "M3 Max 64GB", "runs on Linux, and this machine has macOS; --runtime mlx and llama.cpp do"),
    ],
)
def test_a_runtime_that_has_no_build_for_the_machine_is_refused(runtime: Any, words: str, message: str) -> None:
    machine = parse.machine(words, catalog.gpu_specs()).machine
    with pytest.raises(UsageError, match=message):
        validation.check_machine(Workload(method="inference", runtime=runtime), machine)


@pytest.mark.parametrize(
    ("runtime", "words"),
    [("tensorrt-llm", "H100"), ("mlx", "M3 Max 64GB"), ("mlx", "RTX 4090"), ("vllm", "MI300X"),
     ("vllm", "cpu, 64 GB RAM"), (None, "MI300X"), ("llama.cpp", "M3 Max 64GB")],
)  # fmt: skip
def test_a_runtime_with_a_build_for_the_machine_is_accepted(runtime: Any, words: str) -> None:
    machine = parse.machine(words, catalog.gpu_specs()).machine
    assert refusal_on(machine, runtime) is None


def test_unknown_facts_of_a_machine_refuse_no_runtime() -> None:
    for runtime in ("tensorrt-llm", "mlx", "vllm"):
        assert refusal_on(Machine(), runtime) is None
