"""The command of a plan loads a file that is there, and has the options of the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmcheck import api, catalog
from llmcheck.api.model_source import ModelSource
from llmcheck.render import Options
from llmcheck.schema.estimate import Plan
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse
from tests.unit.checkpoint import gguf_writer


def plan(model: str, words: str, **values: Any) -> Plan:
    workload = Workload(**{"method": "inference", **values})
    return api.fit(ModelSource(model=model), workload, lambda: parse.machine(words, catalog.gpu_specs()).machine).plans[
        0
    ]


@pytest.mark.parametrize(
    ("model", "words", "values", "said"),
    [
        # a GGUF repository of the tables, and the file of this format in it
        ("qwen3-8b", "RTX 3060, 32 GB RAM", {}, "-hf Qwen/Qwen3-8B-GGUF:Q8_0"),
        ("gpt-oss-20b", "RX 7900 XTX", {"runtime": "llama.cpp"}, "-hf ggml-org/gpt-oss-20b-GGUF:MXFP4"),
        ("qwen3-8b", "RTX 4090", {"runtime": "llama.cpp", "weights": "fp16"}, "-hf Qwen/Qwen3-8B-GGUF:F16"),
        ("qwen3-8b", "RTX 3060, 32 GB RAM", {"runtime": "ollama"}, "hf.co/Qwen/Qwen3-8B-GGUF:Q8_0"),
        # the shapes' id means the release that follows instructions; the base is named by its repository
        ("llama-3.1-8b", "RTX 3060, 32 GB RAM", {}, "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q8_0"),
        ("meta-llama/Llama-3.1-8B", "RTX 3060, 32 GB RAM", {}, "no-file"),
        # the published weights, as they are or quantised while they are loaded
        ("llama-3.1-8b", "RTX 4090", {"runtime": "vllm"}, "vllm serve meta-llama/Llama-3.1-8B --max"),
        (
            "llama-3.1-8b",
            "RTX 4090",
            {"runtime": "vllm", "weights": "fp8"},
            "--quantization fp8",
        ),
        ("llama-3.1-8b", "RTX 4090", {"runtime": "vllm", "weights": "awq"}, "no-file"),
        ("deepseek-v3", "8x H200, 2 TB RAM", {"runtime": "vllm"}, "deepseek-ai/DeepSeek-V3 --tensor"),
        ("llama-3.1-8b", "m3-max 64GB", {"runtime": "mlx", "weights": "mlx-4bit"}, "no-file"),
        ("llama-3.1-8b", "RTX 3060, 32 GB RAM", {"runtime": "transformers", "weights": "bf16"}, "--device auto"),
        ("7B", "RTX 3060, 32 GB RAM", {}, "no-model"),
        ("llama-3.1-8b", "RTX 4090", {"method": "qlora"}, "trl sft --model_name_or_path meta-llama/Llama-3.1-8B"),
    ],
)
def test_a_launch_line_loads_a_file_that_is_there(model: str, words: str, values: dict[str, Any], said: str) -> None:
    found = plan(model, words, **values)
    assert (found.launch is None) is (found.no_launch is not None)
    assert said in (" ".join(found.launch) if found.launch is not None else str(found.no_launch))


def test_a_file_of_this_machine_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    gguf_writer.write(path, *gguf_writer.llama())
    found = plan(str(path), "RTX 4090, 64 GB RAM")
    assert found.launch is not None
    assert found.launch[:3] == ("llama-server", "-m", str(path))


def test_the_screen_shows_what_has_to_run_first_and_its_variables() -> None:
    workload = Workload(method="inference", runtime="ollama", context=8192)
    where = parse.machine("RTX 3060, 32 GB RAM", catalog.gpu_specs()).machine
    found = api.fit(ModelSource(model="qwen3-8b"), workload, lambda: where)
    for name in ("text", "markdown"):
        shown = api.render(found, name, Options(width=80))
        service, line = (shown.index(each) for each in ("OLLAMA_CONTEXT_LENGTH=8192 ollama serve", "ollama run hf.co/"))
        assert service < line


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_other_ways_are_one_table_of_at_most_eight(width: int) -> None:
    where = parse.machine("cpu, 64 GB RAM", catalog.gpu_specs()).machine
    found = api.fit(ModelSource(model="llama-3.1-8b"), Workload(method="inference"), lambda: where)
    assert len(found.plans) > 9
    few = " ".join(api.render(found, "text", Options(width=width)).split())
    every = " ".join(api.render(found, "text", Options(width=width, verbose=1)).split())
    assert f"{len(found.plans) - 9} more with -v" in few
    assert few.count("--runtime llama.cpp") + few.count("--runtime transformers") == 8
    assert every.count("--runtime llama.cpp") + every.count("--runtime transformers") == len(found.plans) - 1
    assert few.count("Other ways") == 1
