"""The benchmark of the speed: how it reads and scores rows, on a few published figures."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fit.test_accuracy import accuracy

LLAMA_3_8B = {
    "model": "Llama-3-8B", "params_total": "8030261248", "params_active": "8030261248", "layers": "32",
    "hidden": "4096", "heads": "32", "kv_heads": "8", "head_dim": "128", "intermediate": "14336", "vocab": "128256",
}  # fmt: skip
BENCH = {
    **LLAMA_3_8B, "source_key": "xd", "method": "llama-bench", "precision": "f16 compute", "micro_batch": "1",
    "n_gpus": "1", "gpu": "RTX 4090 24GB", "runtime": "llama.cpp (May 2024)", "per": "total", "tier": "A",
}  # fmt: skip
ROWS = [
    # github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference
    {**BENCH, "id": "one", "kind": "decode", "weight_format": "q4_k_m", "seq_len": "1024",
     "tokens_per_second": "127.74", "notes": "tg1024: tokens generated from an empty cache"},
    {**BENCH, "id": "prompt", "kind": "prefill", "weight_format": "f16", "seq_len": "1024",
     "tokens_per_second": "9056.26", "notes": "pp1024: prompt in one go (batches of 512)"},
    # optimum-benchmark's tables
    {**LLAMA_3_8B, "id": "batch", "source_key": "optimum", "kind": "decode", "method": "generate",
     "precision": "fp16", "weight_format": "fp16", "seq_len": "256", "micro_batch": "16", "n_gpus": "1",
     "gpu": "A100-80GB", "runtime": "transformers 4.35.2, torch 2.1.1", "per": "total",
     "tokens_per_second": "600", "notes": "prompt 256, answer 512, all sequences; eager", "tier": "A"},
    # llm-foundry's table
    {"id": "train", "source_key": "llm_foundry", "kind": "train", "model": "MPT-7B", "params_total": "6658859008",
     "layers": "32", "hidden": "4096", "heads": "32", "kv_heads": "32", "head_dim": "128", "intermediate": "16384",
     "vocab": "50368", "method": "full", "optimizer": "AdamW (decoupled)", "precision": "amp_bf16",
     "weight_format": "bf16", "grad_ckpt": "no", "sharding": "FSDP (full shard)", "seq_len": "2048",
     "micro_batch": "6", "global_batch": "96", "n_gpus": "8", "gpu": "A100-80GB",
     "runtime": "llm-foundry (Composer FSDP)", "tokens_per_second": "4641", "per": "gpu", "tier": "A"},
]  # fmt: skip

speed_rows = sys.modules["speed_rows"]
speed_words = sys.modules["speed_words"]


def scored(*rows: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = speed_rows.document(speed_rows.evaluate(list(rows)))
    return found


def expected(**changed: str) -> float:
    rows = {**ROWS[0], **changed}
    return float(speed_rows.predict(rows).expected)


def test_each_kind_is_scored_by_itself() -> None:
    found = scored(*ROWS)
    assert set(found["speed_by_kind"]) == {"decode", "decode-batch", "prefill", "train"}
    for group in found["speed_by_kind"].values():
        assert set(group) == {"rows", "expressed", "median", "p90", "bias", "inside", "band"}
        assert group["rows"] == group["expressed"] == 1
    assert found["speed_by_kind"]["decode"]["median"] < 0.1
    assert found["speed_by_kind"]["decode"]["inside"] == 1
    assert found["speed_by_kind"]["train"]["median"] < 0.1
    assert set(found["speed_by_source"]) == {"xd: decode", "xd: prefill", "optimum: decode-batch", "llm_foundry: train"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "chat"), ("per", "card"), ("gpu", "RTX 9999"), ("runtime", "fastengine 3"), ("weight_format", "zq4"),
        ("precision", "bf13"), ("method", "sampling"), ("parallelism", "XP=2"),
    ],
)  # fmt: skip
def test_an_unknown_word_is_refused_with_row_and_column(column: str, value: str) -> None:
    found = scored(ROWS[1], {**ROWS[0], column: value})
    assert [each["id"] for each in found["unexpressed"]] == ["one"]
    assert found["unexpressed"][0]["reason"].lower() == f"row 3, {column}: the word '{value.lower()}' is not known"
    total = sum(group["rows"] for group in found["speed_by_kind"].values())
    assert total == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("grad_ckpt", "sometimes"), ("sharding", "ZeRO-9"), ("optimizer", "adamx"), ("offload", "disk")],
)
def test_a_word_of_training_is_refused_as_well(column: str, value: str) -> None:
    found = scored({**ROWS[3], column: value})
    assert found["unexpressed"][0]["reason"].startswith(f"row 2, {column}: the word")


def test_tokens_of_one_gpu_of_all_and_of_one_sequence_are_not_mixed() -> None:
    train = speed_rows.predict(ROWS[3]).expected
    assert speed_rows.predict({**ROWS[3], "per": "total"}).expected == pytest.approx(8 * train)
    together = speed_rows.predict(ROWS[2]).expected
    assert speed_rows.predict({**ROWS[2], "per": "sequence"}).expected == pytest.approx(together / 16)
    assert scored({**ROWS[3], "per": "sequence"})["unexpressed"]


def test_gpus_without_a_form_factor_are_sxm_boards() -> None:
    def spec(name: str) -> Any:
        return speed_words.card_of(name).spec

    assert spec("A100-80GB").name == "NVIDIA A100-SXM4-80GB"
    assert spec("A100 PCIe 80GB").name == "NVIDIA A100 80GB PCIe"
    assert spec("A100-40GB").name == "NVIDIA A100-SXM4-40GB"
    assert spec("H100-80GB").name == "NVIDIA H100 80GB HBM3"
    assert spec("H100 PCIe 80GB").name == "NVIDIA H100 PCIe"
    assert (spec("A800-80GB").bf16_tflops, spec("A800-80GB").nvlink_gb_s) == (312, 400)
    assert spec("M2 Ultra 76-Core GPU 192GB").name == "Apple M2 Ultra"
    assert spec("NVIDIA GB10 (DGX Spark, 128 GB unified)").name == "NVIDIA GB10"
    assert spec("RTX 6000 Ada 48GB").name == "NVIDIA RTX 6000 Ada Generation"
    assert spec("A6000").name == "NVIDIA RTX A6000"
    assert speed_words.card_of("Voodoo 2") is None


def test_what_a_row_says_reaches_the_estimate() -> None:
    plain = expected()
    assert expected(gpu="RTX 3090 24GB") < plain
    assert expected(weight_format="f16") < 0.6 * plain
    assert expected(seq_len="8192", notes="tg8192: tokens generated from an empty cache") < plain
    # the same length at the start instead of at the end
    deep = expected(seq_len="8192", notes="tg32 at depth 8160")
    assert deep < expected(seq_len="8192", notes="tg8192: tokens generated from an empty cache")
    newer = expected(runtime="llama.cpp build 6918, flash attention")
    assert newer > plain
    compiled = {**ROWS[2], "micro_batch": "1", "notes": "answer 200 tokens, compile, static cache"}
    eager = {**ROWS[2], "micro_batch": "1", "notes": "answer 200 tokens"}
    assert speed_rows.predict(compiled).expected > 2 * speed_rows.predict(eager).expected
    recomputed = speed_rows.predict({**ROWS[3], "grad_ckpt": "yes"}).expected
    assert recomputed < speed_rows.predict(ROWS[3]).expected


def test_experts_come_from_the_table_of_models() -> None:
    row = {**BENCH, "id": "moe", "kind": "decode", "model": "gpt-oss-20b", "hf_id": "openai/gpt-oss-20b",
           "params_total": "20914757184", "params_active": "3608743488", "weight_format": "mxfp4", "seq_len": "32",
           "gpu": "NVIDIA GB10 (DGX Spark, 128 GB unified)", "runtime": "llama.cpp build 6918, flash attention",
           "notes": "tg32 at depth 0 (tokens already in the cache)"}  # fmt: skip
    assert speed_words.architecture(row).experts == 32
    # github.com/ggml-org/llama.cpp/discussions/16578: 84.1 tokens/s
    assert speed_rows.predict(row).expected == pytest.approx(84.1, rel=0.1)
    assert scored({**row, "model": "no-such-moe", "hf_id": ""})["unexpressed"]


def test_the_command_prints_text_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "speeds.csv"
    columns = sorted({key for row in ROWS for key in row})
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows([*ROWS, {**ROWS[0], "id": "odd", "runtime": "fastengine"}])
    assert accuracy.main(["--speed", str(path), "--format", "json", "--leave-one-source-out"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in found["unexpressed"]] == ["odd"]
    assert found["speed_by_kind"]["decode"]["rows"] == 2
    assert found["speed_by_kind"]["decode"]["expressed"] == 1
    assert "leave_one_source_out" in found
    assert accuracy.main(["--speed", str(path)]) == 0
    text = capsys.readouterr().out
    assert "not expressed: 1" in text
    assert "row 6, runtime: the word 'fastengine' is not known" in text
    with pytest.raises(SystemExit):
        accuracy.main([])
    with pytest.raises(SystemExit):
        accuracy.main([str(path), "--speed", str(path)])
