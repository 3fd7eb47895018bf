"""Names of quantised copies: the model that is meant, and the format that the name implies."""

from __future__ import annotations

import pytest

from llmcheck.api import model_source
from llmcheck.api.model_source import ModelSource
from llmcheck.checkpoint import repositories
from llmcheck.errors import DataError
from llmcheck.fit.shapes import formats
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload


def read(name: str) -> Architecture:
    return model_source.architecture(ModelSource(model=name), "/nonexistent")


GGUF = [
    ("Qwen3-8B-Q4_K_M.gguf", "Qwen/Qwen3-8B", "q4_k_m"),
    ("Meta-Llama-3.1-8B-Instruct-Q5_K_M.gguf", "meta-llama/Meta-Llama-3.1-8B-Instruct", "q5_k_m"),
    ("Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL.gguf", "Qwen/Qwen3-30B-A3B-Instruct-2507", "ud-q4_k_xl"),
    ("Qwen3-235B-A22B-Q4_K_M-00001-of-00003.gguf", "Qwen/Qwen3-235B-A22B", "q4_k_m"),
    ("mistral-7b-instruct-v0.3.Q8_0.gguf", "mistralai/Mistral-7B-Instruct-v0.3", "q8_0"),
    ("Llama-3.3-70B-Instruct.i1-IQ3_XXS.gguf", "meta-llama/Llama-3.3-70B-Instruct", "iq3_xxs"),
    ("google_gemma-4-26B-A4B-it-IQ4_XS.gguf", "google/gemma-4-26B-A4B-it", "iq4_xs"),
    ("gpt-oss-120b-F16.gguf", "openai/gpt-oss-120b", "f16"),
    ("unsloth/Qwen3-8B-GGUF", "Qwen/Qwen3-8B", "q4_k_m"),
    ("bartowski/Qwen_Qwen3-8B-GGUF", "Qwen/Qwen3-8B", "q4_k_m"),
    ("unsloth/gpt-oss-20b-GGUF", "openai/gpt-oss-20b", None),
    ("mradermacher/Qwen3-8B-i1-GGUF", "Qwen/Qwen3-8B", "q4_k_m"),
    ("google/gemma-3-27b-it-qat-q4_0-gguf", "google/gemma-3-27b-it", "q4_0"),
    ("hf.co/unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL", "Qwen/Qwen3-8B", "ud-q4_k_xl"),
    ("https://huggingface.co/unsloth/Qwen3-8B-GGUF", "Qwen/Qwen3-8B", "q4_k_m"),
    ("qwen3:8b-q8_0", "Qwen/Qwen3-8B", "q8_0"),
]


@pytest.mark.parametrize(("name", "model", "form"), GGUF)
def test_gguf_names_mean_a_model_in_a_format(name: str, model: str, form: str | None) -> None:
    found = read(name)
    assert found.name == model
    assert model_source.weights(name) == form
    assert any("is read as" in note for note in found.notes)
    used = model_source.use_of(ModelSource(model=name), Workload(method="inference"), "/nonexistent")
    assert used.weight_format.name == formats.weights(form or "mxfp4").name


COPIES = [
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen2.5-7b", "awq"),
    ("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4", "qwen2.5-72b", "gptq-4bit"),
    ("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int8", "qwen2.5-72b", "gptq-8bit"),
    ("TheBloke/Mistral-7B-Instruct-v0.1-GPTQ", "mistral-7b", "gptq-4bit"),
    ("Qwen/Qwen3-8B-FP8", "qwen3-8b", "fp8"),
    ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama-3.3-70b", "fp8"),
    ("neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "llama-3.1-8b", "w4a16"),
    ("RedHatAI/Meta-Llama-3.1-70B-Instruct-quantized.w8a8", "llama-3.1-70b", "int8"),
    ("nvidia/Qwen3-30B-A3B-NVFP4", "qwen3-30b-a3b", "nvfp4"),
    ("unsloth/Llama-3.2-3B-Instruct-bnb-4bit", "llama-3.2-3b", "nf4"),
    ("unsloth/Qwen3-8B-unsloth-bnb-4bit", "qwen3-8b", "nf4"),
    ("mlx-community/Qwen3-8B-4bit", "qwen3-8b", "mlx-4bit"),
    ("mlx-community/Qwen3.5-35B-A3B-6bit", "qwen3.5-35b-a3b", "mlx-6bit"),
    ("mlx-community/gpt-oss-20b-MXFP4-Q8", "gpt-oss-20b", "mlx-mxfp4"),
    ("lmstudio-community/Qwen3-8B-MLX-8bit", "qwen3-8b", "mlx-8bit"),
    ("turboderp/Qwen3-8B-exl3-4.25bpw", "qwen3-8b", "exl3-4.25"),
    ("turboderp/Llama-3.1-8B-Instruct-exl3", "llama-3.1-8b", "exl3-4.0"),
    ("LoneStriker/Mixtral-8x7B-Instruct-v0.1-3.5bpw-h6-exl2", "mixtral-8x7b", "exl2-3.5"),
    ("Intel/Qwen3-8B-int4-AutoRound", "qwen3-8b", "autoround-4bit"),
    ("cyankiwi/Qwen3.5-35B-A3B-AWQ-4bit", "qwen3.5-35b-a3b", "awq"),
    ("hugging-quants/Meta-Llama-3.1-405B-Instruct-AWQ-INT4", "llama-3.1-405b", "awq"),
    ("QuantTrio/GLM-4.7-AWQ", "glm-4.7", "awq"),
]


@pytest.mark.parametrize(("name", "model", "form"), COPIES)
def test_a_copy_is_the_model_published_in_its_format(name: str, model: str, form: str) -> None:
    found, own = read(name), read(model)
    assert (found.name, found.dtype) == (name, form)
    assert found.parameters == own.parameters
    assert any(f"is read as {own.name.rpartition('/')[0]}/" in note and form in note for note in found.notes)
    used = model_source.use_of(ModelSource(model=name), Workload(method="inference"), "/nonexistent")
    assert used.workload.weights == used.weight_format.name == form


@pytest.mark.parametrize(
    ("tag", "model"),
    [
        ("llama3.1:8b", "llama-3.1-8b"), ("qwen3.6:35b-a3b", "qwen3.6-35b-a3b"), ("gemma4:26b", "gemma-4-26b-a4b"),
        ("gemma3n:e4b", "gemma-3n-e4b"), ("deepseek-r1:32b", "qwen2.5-32b"), ("qwen3-coder:30b", "qwen3-30b-a3b"),
        ("llama3.2-vision:11b", "llama-3.2-11b-vision"), ("phi4-mini:3.8b", "phi-4-mini"),
        ("mistral-small3.2:24b", "mistral-small-3.2-24b"), ("library/llama3.1:8b", "llama-3.1-8b"),
        ("qwen2.5vl:7b", "qwen2.5-vl-7b"), ("granite4:tiny-h", "granite-4.0-h-tiny"),
        ("llama3.1:latest", "llama-3.1-8b"),
    ],
)  # fmt: skip
def test_a_tag_of_ollama_is_a_model_of_the_table(tag: str, model: str) -> None:
    found = read(tag)
    assert found.parameters == read(model).parameters
    assert "/" in found.name


def test_a_mirror_is_the_model_itself() -> None:
    found = read("unsloth/Meta-Llama-3.1-8B-Instruct")
    assert (found.name, found.dtype) == ("meta-llama/Meta-Llama-3.1-8B-Instruct", "bf16")


@pytest.mark.parametrize(
    "name",
    ["./Qwen3-8B-Q4_K_M.gguf", "/models/Qwen3-8B-Q4_K_M.gguf", "Unheard-9B-Q4_K_M.gguf", "org/unheard-AWQ", "-AWQ"],
)  # fmt: skip
def test_a_path_and_an_unknown_model_are_refused(name: str) -> None:
    with pytest.raises(DataError):
        read(name)


@pytest.mark.parametrize("text", ["", "a", "a b", "x" * 300, "../../etc", "a/b/c", "-gguf", ":q4", "....", "\x1b[31m"])
def test_any_text_is_parsed_or_refused(text: str) -> None:
    found = repositories.parse(text)
    assert found is None or found.names


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen3.5-0.8B", "Qwen/Qwen3.5-4B", "Qwen/Qwen3.5-9B", "Qwen/Qwen3.5-35B-A3B", "Qwen/Qwen3.5-122B-A10B",
        "Qwen/Qwen3.5-397B-A17B", "Qwen/Qwen3.6-27B", "Qwen/Qwen3.6-35B-A3B", "Qwen/Qwen3.8-27B",
        "Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen/Qwen3-Coder-Next", "Qwen/Qwen3-VL-8B-Instruct",
        "Qwen/Qwen2.5-VL-72B-Instruct", "Qwen/Qwen3-Embedding-8B", "google/gemma-3n-E4B-it", "google/gemma-4-E2B-it",
        "google/gemma-4-26B-A4B-it", "zai-org/GLM-4.7", "zai-org/GLM-4.7-Flash", "zai-org/GLM-5",
        "deepseek-ai/DeepSeek-V3.2", "deepseek-ai/DeepSeek-V4-Flash", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
        "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
        "moonshotai/Kimi-K2-Thinking", "moonshotai/Kimi-K2.5", "moonshotai/Kimi-Linear-48B-A3B-Instruct",
        "MiniMaxAI/MiniMax-M2.5", "mistralai/Ministral-3-8B-Instruct-2512", "mistralai/Ministral-8B-Instruct-2410",
        "mistralai/Devstral-Small-2-24B-Instruct-2512", "mistralai/Devstral-2-123B-Instruct-2512",
        "mistralai/Magistral-Small-2507", "mistralai/Mistral-Small-4-119B-2603",
        "mistralai/Mistral-Large-3-675B-Instruct-2512", "microsoft/Phi-4-mini-instruct",
        "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "ibm-granite/granite-4.0-h-small", "HuggingFaceTB/SmolLM3-3B",
        "LiquidAI/LFM2-1.2B", "LiquidAI/LFM2-8B-A1B", "ByteDance-Seed/Seed-OSS-36B-Instruct",
        "allenai/Olmo-3-7B-Instruct",
    ],
)  # fmt: skip
def test_models_that_people_run_are_known_by_name(name: str) -> None:
    found = read(name)
    assert found.name == name
    assert not found.estimated
