"""The benchmark of the memory model: how it reads and scores rows, on a few published figures."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

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
    {"id": "no-shapes", "source_key": "log", "kind": "inference", "figure_bytes": "1000000000",
     "figure_kind": "peak_allocated", "figure_scope": "per_gpu", "weight_dtype": "bf16", "tier": "A",
     "usable_for": "weights"},
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
        assert set(each) == {"rows", "expressed", "median", "p90", "bias", "inside", "band"}
        assert each["median"] <= 0.01
        assert each["inside"] == 1
    # the row that is not expressed counts among the rows of its group
    assert (found["by_source"]["log"]["rows"], found["by_source"]["log"]["expressed"]) == (2, 1)
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


FULL_8B = {
    **LLAMA_3_8B, "id": "full", "source_key": "log", "kind": "training", "weight_dtype": "bf16",
    "method": "full pure-bf16", "optimizer": "AdamW", "seq_len": "2048", "micro_batch": "1", "grad_ckpt": "yes",
    "n_gpus": "1", "runtime": "torchtitan", "figure_bytes": "80000000000", "figure_scope": "per_gpu",
    "figure_kind": "peak_allocated", "tier": "A", "usable_for": "train_full",
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ("kind", "serving"), ("figure_scope", "per_node"), ("figure_kind", "peak_virtual"), ("grad_ckpt", "partly"),
        ("parallelism", "TP=2,XP=4"), ("parallelism", "sometimes"), ("sharding", "ZeRO-9"), ("method", "full-ish"),
        ("optimizer", "Muon"), ("cpu_offload", "half"), ("attention_impl", "magic"), ("runtime", "my own trainer"),
        ("lora_targets", "somewhere"), ("weight_dtype", "int5"),
    ],
)  # fmt: skip
def test_an_unknown_word_is_refused_with_its_column(column: str, word: str) -> None:
    adapters = {"method": "LoRA", "lora_r": "8"} if column in ("lora_targets", "weight_dtype") else {}
    found = accuracy.evaluate([{**FULL_8B, **adapters, column: word}])
    assert not found.scored
    (refused,) = found.unexpressed
    named = {"figure_kind": "kind of figure", "weight_dtype": "weight format"}.get(column, column)
    assert refused.reason.startswith(named)
    assert word.split(",")[-1].lower() in refused.reason


def test_a_peak_without_a_word_on_recomputation_is_not_guessed() -> None:
    found = accuracy.evaluate([{**FULL_8B, "grad_ckpt": ""}])
    assert [each.reason for each in found.unexpressed] == ["grad_ckpt is not given"]


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ({"grad_ckpt": "selective (op)"}, "checkpointing", "selective-op"),
        ({"grad_ckpt": "yes (Block)"}, "checkpointing", True),
        ({"grad_ckpt": "no (inferred)"}, "checkpointing", False),
        ({"parallelism": "TP=8,CP=2"}, "context_parallel", 2),
        ({"parallelism": "TP=8,PP=4"}, "pipeline_parallel", 4),
        ({"parallelism": "naive layer split (device_map)"}, "layer_split", True),
        ({"parallelism": "sequential over 4"}, "layer_split", True),
        ({"sharding": "FSDP2 64"}, "sharding_gpus", 64),
        ({"sharding": "FSDP (SHARD_GRAD_OP)"}, "sharding", "shard-grad-op"),
        ({"sharding": "ZeRO-1 (Pos)"}, "sharding", "zero1"),
        ({"sharding": "DDP (no shard)"}, "sharding", "ddp"),
        ({"method": "full mixed (FSDP2: fp32 shards, bf16 compute)"}, "precision", "mixed"),
        ({"method": "full mixed (FSDP2: fp32 shards, bf16 compute)"}, "sharding", "fsdp"),
        ({"notes": "compile, expandable segments"}, "expandable_segments", True),
        ({"notes": "compile, expandable segments"}, "compiled", True),
        ({"notes": "chunked cross entropy"}, "chunked_loss", True),
        ({"notes": "optimizer step in backward"}, "optimizer_in_backward", True),
        ({"method": "LoRA", "notes": "LoRA dropout 0.05"}, "lora_dropout", True),
        ({"method": "LoRA", "notes": "LoRA dropout 0"}, "lora_dropout", False),
        ({"cpu_offload": "activations"}, "activation_offload", True),
        ({"method": "QLoRA", "weight_dtype": "nf4", "runtime": "axolotl 0.21"}, "base_in_fp32", False),
    ],
)
def test_words_of_the_collection(words: dict[str, str], field: str, value: object) -> None:
    work = accuracy.workload_of({**FULL_8B, **words})
    assert getattr(work, field) == value


def test_a_word_that_contains_another_is_read_whole() -> None:
    """The bf16 in the brackets is what FSDP computes in: the shards are 32-bit."""
    fsdp = {"method": "full mixed (FSDP: fp32 shards, bf16 compute)", "sharding": "FSDP (full shard)", "n_gpus": "8"}
    work = accuracy.workload_of({**FULL_8B, **fsdp})
    assert (work.precision, work.sharding) == ("mixed", "fsdp1")


def test_several_files_are_scored_together(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main([str(file), str(file), "--format", "json", "--leave-one-source-out"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 12
    # each group here has one source, so none is left to fit on
    assert found["leave_one_source_out"] == {}


def test_a_factor_is_fitted_on_the_other_sources() -> None:
    def row(source: str, figure: float) -> Any:
        labels = accuracy.Labels(f"{source}{figure}", source, "peak", "train", "A")
        return accuracy.Scored(labels, figure, 100.0, 90.0, 110.0, inside=True)

    rows = [row("a", 200.0), row("b", 200.0), row("c", 400.0)]
    found = accuracy.leave_one_source_out(rows, lambda each: each.usable_for)["train"]
    # as it is: half of each of a and b, a quarter of c; with the factor of the others a and b get 2.83, c gets 2
    assert found["median"] == 0.5
    assert found["fitted_median"] == pytest.approx(0.4142, abs=1e-4)


def test_the_tensors_of_a_kernel_are_counted() -> None:
    """Published by Liger: 8,192.3 and 40,960.1 MiB for 16,384 tokens and 131,072 entries in 32 bits."""
    cross = {"id": "ce", "source_key": "liger", "kind": "kernel", "vocab": "131072", "weight_dtype": "fp32",
             "seq_len": "2048", "micro_batch": "8", "figure_scope": "per_gpu", "figure_kind": "peak_allocated",
             "tier": "A", "usable_for": "kernel_loss"}  # fmt: skip
    fused = {**cross, "method": "cross_entropy: Liger", "figure_bytes": str(round(8192.3 * 2**20))}
    plain = {**cross, "method": "cross_entropy: HF (torch, eager)", "figure_bytes": str(round(40960.1 * 2**20))}
    found = accuracy.evaluate([fused, plain, {**cross, "method": "cross_entropy: magic", "figure_bytes": "1"}])
    assert [round(each.error, 3) for each in found.scored] == [0, 0]
    assert [each.reason for each in found.unexpressed] == ["method: the word 'cross_entropy: magic' is not known"]
