"""Profiles, saved machines, model files and words that are nearly right."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.running import damaged, nearly, run, texts, tried, values
from tests.unit.checkpoint.gguf_writer import F16, Tensor, header

MACHINES = Path(__file__).resolve().parents[1] / "machines"
WORDS = ("--machine", "2x RTX 4090, 128 GB RAM, 2 TB disk")
SAVED = {
    name: json.loads((MACHINES / f"{name}.json").read_bytes()) for name in ("2x4090", "mi300x", "a100-mig", "gb10")
}
PROFILE = {
    "id": "mine",
    "title": "Ours",
    "task": "inference",
    "sources": ["us"],
    "order": 5,
    "require": [
        {"id": "driver", "kind": "driver", "version": "550"},
        {
            "id": "gpu", "kind": "gpu", "memory": "40 GB", "count": 1, "compute_capability": "8.0",
            "examples": ["A100"], "split": "over {count} cards", "why": "it is large", "fix": "rent one",
        },
        {"id": "ram", "kind": "ram", "total": "64 GB", "level": "recommended", "source": "Table 1"},
        {"id": "disk", "kind": "disk", "free": "100 GB", "role": "models"},
        {"id": "ssd", "kind": "disk", "type": "ssd", "level": "info"},
        {"id": "python", "kind": "python", "version": ">=3.11"},
        {"id": "engine", "kind": "package", "any_of": [{"name": "vllm", "version": ">=0.6"}, {"name": "sglang"}]},
        {"id": "own", "kind": "package", "name": "our-own", "version": "===1.2", "label": "ours"},
        {"id": "tool", "kind": "tool", "name": "git"},
        {"id": "net", "kind": "network", "type": "infiniband", "scope": "cluster"},
    ],
    "cost": {"documented": "$5", "per": "hour", "low": 1.0, "high": 2.0},
    "workload": {"method": "inference", "parameters": ["7B"], "context": 4096, "batch": 1, "gpus": 2},
}  # fmt: skip
ASKING = {
    "schema": "llmcheck.profile/1", "id": "asking", "title": "Facts", "task": "general", "sources": [{"title": "us"}],
    "extends": ["minimum"], "remove": ["gpu"], "tags": ["node"], "expires": "2027-01-01",
    "vars": {
        "gpus": {"type": "integer", "default": 8, "min": 1, "max": 16}, "size": {"type": "size", "default": "8 GB"},
    },
    "when": {"os": ["linux"], "container": False, "facts": [{"fact": "gpus", "quantifier": "count", "ge": 1}]},
    "require": [
        {
            "id": "memory", "kind": "fact", "fact": "gpus[*].memory_total", "quantifier": "at-least", "n": 2,
            "where": {"name": {"matches": "(?i)rtx|H[0-9]+"}, "visible": True}, "ge": "${size}", "on_unknown": "fail",
        },
        {"id": "count", "kind": "fact", "fact": "gpus", "quantifier": "count", "eq": "${gpus}", "tags": ["gpu"]},
        {"id": "ports", "kind": "fact", "fact": "fabric.ports[*].rate_gbps", "between": ["1 Gb/s", 800]},
        {"id": "sum", "kind": "fact", "fact": "gpus[*].power_limit_w", "quantifier": "sum", "le": "6 kW"},
        {"id": "kernel", "kind": "kernel", "version": ">=5.15,<9", "requires": ["count"]},
        {"id": "limit", "kind": "ulimit", "name": "memlock", "soft": "unlimited", "hard": "1 GiB"},
        {"id": "cpu", "kind": "cpu", "threads": 4, "flags": ["avx2"], "architecture": ["x86_64"]},
        {"id": "cuda", "kind": "cuda", "driver": "12.8", "toolkit": ">=12"},
        {"id": "home", "kind": "environment-variable", "name": "HF_HOME", "matches": "^/"},
        {"id": "file", "kind": "file", "path": "/etc/hosts", "mode": "0644", "at_least": "1 B", "matches": "local"},
        {"id": "process", "kind": "process", "name": "init", "at_least": 1},
        {"id": "inside", "kind": "container", "runtime": ["docker"], "level": "info"},
        {
            "id": "either",
            "any_of": [{"kind": "ram", "total": "1 TB"}, {"all_of": [{"kind": "tool", "name": "git"}]}],
            "none_of": [{"kind": "fact", "fact": "os.container", "exists": True}],
        },
    ],
}  # fmt: skip
TOML = b'id = "a"\n[[require]]\nid = "ram"\nkind = "ram"\ntotal = "1 MB"\n[cost]\nlow = 0x1F\nhigh = 1e3\n'
CONFIG = {
    "model_type": "mixtral", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 1000, "max_position_embeddings": 4096,
    "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 128, "torch_dtype": "bfloat16",
    "rope_scaling": {"type": "yarn", "factor": 4.0}, "layer_types": ["full_attention", "sliding_attention"],
    "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128},
}  # fmt: skip
GGUF = header(
    {
        "general.architecture": "llama", "general.name": "A model", "llama.embedding_length": 64,
        "llama.block_count": 1, "llama.attention.head_count": 4, "llama.feed_forward_length": 128,
        "llama.context_length": 4096, "tokenizer.ggml.tokens": ["a", "b"], "general.file_type": 1,
    },
    [Tensor("token_embd.weight", (64, 2), F16), Tensor("blk.0.attn_q.weight", (64, 64), F16)],
) + bytes(16384)  # fmt: skip
TENSORS = {
    "__metadata__": {"format": "pt"},
    "model.embed_tokens.weight": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]},
    "model.layers.0.self_attn.q_proj.weight": {"dtype": "BF16", "shape": [8, 8], "data_offsets": [64, 192]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def toml(value: Any) -> str:
    """A value as TOML writes it in one line; ``null`` has no form, and is text here."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {toml(each)}" for key, each in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


@tried(90)
@given(
    table=nearly(PROFILE) | nearly(ASKING),
    words=st.sampled_from(
        [("check",), ("check", "--format", "json"), ("check", "--format", "markdown"), ("check", "--format", "svg"),
         ("install",), ("install", "--format", "requirements"), ("install", "--format", "sh"),
         ("install", "--format", "conda"), ("cloud",), ("profiles", "show")]
    ),
)  # fmt: skip
def test_a_profile(folder: Path, table: Any, words: tuple[str, ...]) -> None:
    path = folder / "mine.toml"
    lines = table.items() if isinstance(table, dict) else ()
    path.write_text("".join(f"{json.dumps(key, ensure_ascii=False)} = {toml(each)}\n" for key, each in lines))
    run(*words, str(path), *(() if words[0] == "profiles" else WORDS))


@tried(40)
@given(
    data=damaged(b'id = "a"\n[[require]]\nid = "ram"\nkind = "ram"\ntotal = "1 MB"\n[cost]\nlow = 0x1F\nhigh = 1e3\n')
)
def test_bytes_of_a_profile(folder: Path, data: bytes) -> None:
    (folder / "mine.toml").write_bytes(data)
    run("check", str(folder / "mine.toml"), *WORDS)


@tried(120)
@given(
    machine=st.sampled_from(sorted(SAVED)).flatmap(lambda name: nearly(SAVED[name])),
    words=st.sampled_from(
        [("check", "inference-7b"), ("check", "pretrain", "--format", "json"), ("fit", "7B"), ("recommend",),
         ("machine", "--format", "json", "--redact", "none"), ("machine", "-v"), ("install", "inference-7b"),
         ("torch-index",), ("cloud", "inference-7b"), ("libraries", "check")]
    ),
)  # fmt: skip
def test_a_saved_machine(folder: Path, machine: Any, words: tuple[str, ...]) -> None:
    try:
        text = json.dumps(machine)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return
    (folder / "machine.json").write_text(text)
    run(*words, "--machine", str(folder / "machine.json"))


@tried(40)
@given(data=damaged((MACHINES / "rtx3060.json").read_bytes()))
def test_bytes_of_a_saved_machine(folder: Path, data: bytes) -> None:
    (folder / "machine.json").write_bytes(data)
    run("check", "minimum", "--machine", str(folder / "machine.json"))


_PARTS = st.sampled_from(
    ["2x", "RTX 4090", "H100", "24GB", "64 GB RAM", "1 TB disk", ",", "+", "-", "x", "9" * 30, "m3-max", "and", "PB",
     "no gpu", "0x", "4096x", "MI300X", "unified memory", "GB200", "Max+ 395", "."]
)  # fmt: skip


@tried(80)
@given(words=st.lists(_PARTS | texts, max_size=6).map(" ".join))
def test_a_machine_in_words(words: str) -> None:
    run("fit", "7B", "--machine", words.replace("\0", ""))


@tried(70)
@given(config=nearly(CONFIG))
def test_a_config(folder: Path, config: Any) -> None:
    path = folder / "model"
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    run("fit", str(path), *WORDS)


@tried(70)
@given(data=damaged(GGUF))
def test_a_gguf_file(folder: Path, data: bytes) -> None:
    (folder / "model.gguf").write_bytes(data)
    run("fit", str(folder / "model.gguf"), *WORDS)


@tried(70)
@given(tensors=nearly(TENSORS), data=st.binary(max_size=8), size=st.none() | st.integers(0, 2**64 - 1))
def test_a_safetensors_file(folder: Path, tensors: Any, data: bytes, size: int | None) -> None:
    text = json.dumps(tensors).encode()
    length = struct.pack("<Q", len(text) if size is None else size)
    (folder / "model.safetensors").write_bytes(length + text + bytes(192) + data)
    run("fit", str(folder / "model.safetensors"), *WORDS)


@tried(40)
@given(index=nearly({"weight_map": {"a.weight": "model.safetensors"}, "metadata": {"total_size": 64}}))
def test_an_index_of_safetensors_files(folder: Path, index: Any) -> None:
    (folder / "x.safetensors.index.json").write_text(json.dumps(index))
    run("fit", str(folder / "x.safetensors.index.json"), *WORDS)


@tried(60)
@given(
    number=texts | values.map(str),
    option=st.sampled_from(
        ["--context", "--batch", "--gpus", "--tokens", "--grid", "--memory-fraction", "--weights", "--kv-cache",
         "--lora-rank", "--timeout", "--machine"]
    ),
    method=st.sampled_from(["inference", "qlora", "full"]),
)  # fmt: skip
def test_an_option(number: str, option: str, method: str) -> None:
    run("fit", "7B", "--method", method, *WORDS, option, number.replace("\0", ""))
