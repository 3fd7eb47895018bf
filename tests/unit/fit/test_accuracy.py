"""The benchmark of the memory model: how it reads and scores rows, on a few published figures."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]

LLAMA_3_8B = {
    "model": "Llama-3.1-8B", "params_total": "8030261248", "params_resident": "8030261248", "layers": "32",
    "hidden": "4096", "heads": "32", "kv_heads": "8", "head_dim": "128", "intermediate": "14336", "vocab": "128256",
    "tied_embeddings": "no",
}  # fmt: skip
ROWS = [
    # tools/quantize/README.md of ggml-org/llama.cpp: 4.58 GiB
    {**LLAMA_3_8B, "id": "q4_k_m", "source_key": "llama.cpp", "kind": "inference", "weight_dtype": "gguf",
     "quant_format": "Q4_K_M", "method": "file", "runtime": "llama.cpp", "figure_bytes": str(round(4.58 * 2**30)),
     "figure_scope": "file", "figure_kind": "file_size", "tier": "A", "usable_for": "weights"},
    # the log of llama.cpp: KV self size = 1024.00 MiB
    {**LLAMA_3_8B, "id": "kv", "source_key": "log", "kind": "inference", "seq_len": "8192", "runtime": "llama.cpp",
     "kv_dtype": "f16", "figure_bytes": str(2**30), "figure_scope": "component", "figure_kind": "kv_cache",
     "tier": "A", "usable_for": "kv"},
    # the ZeRO paper: 7.5 billion weights take 120 GB
    {"id": "zero", "source_key": "paper", "kind": "training", "model": "7.5B", "params_total": "7500000000",
     "method": "full mixed fp16 Adam (16 B/param)", "optimizer": "Adam", "n_gpus": "1", "runtime": "theory",
     "figure_bytes": "120000000000", "figure_scope": "per_gpu", "figure_kind": "model_state_theory", "tier": "C",
     "usable_for": "states_theory"},
    # LitGPT's table: 13B with LoRA at a micro-batch of 2 runs out of 40 GB
    {"id": "oom", "source_key": "litgpt", "kind": "training", "model": "Llama-2-13B", "params_total": "13015864320",
     "layers": "40", "hidden": "5120", "heads": "40", "kv_heads": "40", "head_dim": "128", "intermediate": "13824",
     "vocab": "32000", "weight_dtype": "bf16", "method": "LoRA", "lora_r": "8", "lora_targets": "q,v",
     "optimizer": "AdamW", "seq_len": "1304", "micro_batch": "2", "grad_ckpt": "no", "n_gpus": "1",
     "runtime": "litgpt", "bound": "lower (needs more than)", "bound_bytes": str(40 * 2**30),
     "figure_scope": "per_gpu", "figure_kind": "oom", "tier": "C", "usable_for": "fit_boundary"},
    {"id": "rule", "usable_for": "rule_of_thumb", "figure_bytes": "1", "tier": "C"},
    {"id": "no-shapes", "figure_bytes": "1000000000", "figure_kind": "peak_allocated", "weight_dtype": "bf16",
     "tier": "A", "usable_for": "weights"},
]  # fmt: skip


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accuracy_benchmark", ROOT / "benchmarks" / "accuracy.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


accuracy = load()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "figures.csv"
    columns = list(dict.fromkeys(name for row in ROWS for name in row))
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns, restval="")
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def test_groups(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main([str(file), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 6
    assert set(found["by_usable_for"]) == {"weights", "kv", "states_theory"}
    assert set(found["by_source"]) == {"llama.cpp", "log", "paper"}
    for each in [*found["by_usable_for"].values(), *found["by_source"].values()]:
        assert {"rows", "median", "p90", "bias", "inside"} <= set(each)
        assert each["median"] <= 0.01
        assert each["inside"] == 1
    assert found["boundaries"]["rows"] == found["boundaries"]["right"] == 1
    assert found["never_scored"] == {"rule_of_thumb": 1}
    assert [(row["id"], row["reason"]) for row in found["unexpressed"]] == [
        ("no-shapes", "the architecture is not given")
    ]


def test_tiers_and_text(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main([str(file), "--tier", "A"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("3 rows, 2 scored")
    assert "not expressed: 1" in printed
    assert "no-shapes (A): the architecture is not given" in printed
    assert "never scored, by what they are: none" in printed


def test_any_cell_may_be_empty_or_wrong() -> None:
    columns = list(dict.fromkeys(name for row in ROWS for name in row))
    wrong = ("", "?", "-1", "0", "1e400", "nan", "9" * 15)
    names = [column for column in columns if column not in {"id", "usable_for"}]
    spoiled = [{**row, name: value} for row in ROWS for name in names for value in wrong]
    found = accuracy.evaluate(spoiled)
    judged = len(found.scored) + len(found.boundaries) + len(found.unexpressed) + sum(found.never_scored.values())
    assert judged >= len(spoiled) == found.rows
    json.dumps(accuracy.document(found))


def test_an_empty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("id,figure_bytes\n")
    assert accuracy.main([str(path)]) == 0
    assert capsys.readouterr().out.startswith("0 rows, 0 scored")
