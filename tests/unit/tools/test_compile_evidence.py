"""What tools/compile_evidence.py keeps of collected facts, and what it leaves out."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmcheck import catalog

TOOLS = Path(__file__).parents[3] / "tools"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_evidence", TOOLS / "compile_evidence.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL: Any = loaded()
SCALE = TOOL.Kept("x", "reason", "X Index", "X", "terms")


def fact(value: str = "50", **changes: str) -> dict[str, str]:
    row = {
        "repository": "a/b", "released": "2026-01-02", "task": "reason", "benchmark": "X Index (snapshot 2026-08-22)",
        "value": value, "unit": "%", "setting": "", "evaluator": "independent", "source_url": "o/r@0:f",
        "source_date": "2026-08-22", "notes": "",
    }  # fmt: skip
    return {**row, **changes}


def kept(*facts: dict[str, str]) -> list[str]:
    return [each["value"] for each in TOOL.kept_rows(SCALE, facts, {"a/b", "c/d"})]


def test_a_measured_value_of_a_listed_model_is_kept() -> None:
    assert kept(fact("50"), fact("60", repository="c/d")) == ["50", "60"]


@pytest.mark.parametrize(
    "other",
    [
        {"notes": "AA: B. ESTIMATED by AA: not every component was run."},
        {"evaluator": "vendor"},
        {"repository": "merger/of-models"},
        {"benchmark": "Y Index (snapshot 2026-08-22)"},
        {"benchmark": "X Index (snapshot 2026-06-15)", "source_date": "2026-06-15", "source_url": "o/r@0:g"},
    ],
    ids=["estimated", "vendor", "not listed", "another benchmark", "older snapshot"],
)
def test_what_does_not_belong_on_the_scale_is_left_out(other: dict[str, str]) -> None:
    assert kept(fact("50"), fact("60", **{"repository": "c/d", **other})) == ["50"]


def test_two_versions_under_one_name_have_no_value() -> None:
    assert kept(fact("50"), fact("60"), fact("70", repository="c/d")) == ["70"]
    assert kept(fact("50", setting="thinking on"), fact("60", setting="thinking off")) == ["50", "60"]


def test_the_floor_of_an_index_is_no_measurement() -> None:
    index = {"benchmark": "X Intelligence Index"}
    scale = SCALE._replace(benchmark="X Intelligence Index")
    found = TOOL.kept_rows(scale, [fact("1.0", **index), fact("2", **index, repository="c/d")], {"a/b", "c/d"})
    assert [each["value"] for each in found] == ["2"]


@pytest.mark.parametrize("change", [{"source_url": "o/other@0:f"}, {"unit": "Elo"}])
def test_two_sources_of_one_scale_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(TOOL.FactsError):
        kept(fact("50"), fact("60", repository="c/d", **change))


def test_a_scale_that_the_facts_do_not_have_is_refused() -> None:
    with pytest.raises(TOOL.FactsError):
        kept(fact(benchmark="Z"))


@pytest.mark.parametrize(
    ("gguf", "repository", "expected"),
    [
        ("unsloth/Qwen3.5-9B-GGUF", "Qwen/Qwen3.5-9B", True),
        ("bartowski/Qwen_Qwen3.5-4B-GGUF", "Qwen/Qwen3.5-4B", True),
        ("unsloth/Magistral-Small-2509-GGUF", "mistralai/Magistral-Small-2507", False),
        ("LiquidAI/LFM2.5-8B-A1B-GGUF", "LiquidAI/LFM2-8B-A1B", False),
        ("x/Nemotron-3-Nano-30B-A3B-GGUF", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", True),
    ],
)
def test_gguf_files_are_those_of_the_very_model(gguf: str, repository: str, expected: bool) -> None:
    assert TOOL.holds(gguf, repository) is expected


def test_what_is_only_remembered_is_left_out() -> None:
    wanted = {
        "repository": "a/b", "released": "2026-03", "released_source": "month from memory", "licence": "MIT",
        "licence_source": "memory", "ollama_tag": "b:9b (m)", "gguf_repos": "", "config_source": "o/r:config.json",
        "read": "2026-11-27",
    }  # fmt: skip
    licence = {"repository": "a/b", "licence": "", "source": "", "gate": "none", "gate_source": "memory"}
    choice = {
        "repository": "a/b", "model": "", "tasks": "chat", "modalities": "text", "gguf": "", "gguf_source": ""
    }  # fmt: skip
    (row,) = TOOL.listed([choice], [wanted], [licence], [])
    assert {row[key] for key in ("released", "licence", "gated", "ollama", "gguf")} == {""}
    sourced = {**wanted, "released_source": "recipe date_added 2026-03-05", "licence_source": "hub page"}
    sourced["ollama_tag"] = "b:9b"
    (row,) = TOOL.listed([choice], [sourced], [{**licence, "gate_source": "README of o/r"}], [])
    assert [row[key] for key in ("released", "licence", "gated", "ollama")] == ["2026-03", "MIT", "no", "b:9b"]


def test_a_gate_that_was_seen_at_one_repository_is_an_analogy_for_the_others() -> None:
    source = "a document: Llama-9 reports gated true; the other meta repositories: memory"
    gate = {"gate": "accept terms (login)", "gate_source": source}
    assert TOOL._gate("meta/Llama-9", gate) == ("yes", "a document: Llama-9 reports gated true")
    assert TOOL._gate("meta/Llama-8", gate) == ("yes", "by analogy with meta/Llama-9")
    assert TOOL._gate("meta/Llama-8", {"gate": "none", "gate_source": "memory"}) == ("", "")
    assert TOOL._gate("meta/Llama-8", {"gate": "unknown", "gate_source": "a document"}) == ("", "")


def test_the_shipped_list_is_the_one_that_was_chosen() -> None:
    with (TOOLS / "listed_models.csv").open(encoding="utf-8", newline="") as file:
        chosen = [(each["repository"], each["model"] or None, each["tasks"]) for each in csv.DictReader(file)]
    assert [(each.repository, each.model, ";".join(each.tasks)) for each in catalog.listed_models()] == chosen
