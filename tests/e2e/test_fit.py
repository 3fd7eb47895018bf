"""``llmcheck fit``: verdict and exit code, the names that scripts read, models from everywhere, and bad input."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.checkpoint import gguf_writer
from tests.unit.checkpoint.test_hub import Handler, Hub

from .command import Command, complaint

CONFIG = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "torch_dtype": "bfloat16",
}  # fmt: skip
FITS = ("--machine", "2x RTX 4090, 64 GB RAM")
PARTS = ("weights", "kv_cache", "activations", "gradients", "optimizer", "overhead")


def answer(command: Command, *words: str | Path, code: int = 0) -> Any:
    done = command("fit", *words, "--format", "json")
    assert done.code == code, done.err
    return done.document


def test_document_has_the_names_that_scripts_read(command: Command) -> None:
    found = answer(command, "llama-3.1-8b", *FITS)
    assert found["schema"] == "llmcheck.fit/1"
    assert found["verdict"] == "fits"
    assert found["reason"]
    memory = found["memory"]
    assert {*PARTS, "total", "low", "high"} <= set(memory)
    assert sum(memory[part] for part in PARTS) == memory["total"]
    assert memory["low"] <= memory["total"] <= memory["high"]
    assert memory["kv_cache"] == 2 * 32 * 8 * 128 * 2 * 8192
    assert all(term["source"] for term in memory["terms"])
    assert found["per_gpu"][0]["memory"]["total"] <= found["per_gpu"][0]["free"]
    assert found["placement"]["gpus"] == 1
    assert {"decode", "prefill"} <= set(found["speed"])
    assert found["assumptions"]
    assert found["not_modelled"]


@pytest.mark.parametrize(
    ("words", "verdict", "code"),
    [
        (("8B", "--weights", "q4_k_m"), "fits", 0),
        (("llama-3.1-70b", "--weights", "q6_k"), "fits-with-offload", 0),
        (("llama-3.1-405b",), "does-not-fit", 1),
        (("7B", "--method", "full"), "does-not-fit", 1),
        (("7B", "--method", "qlora"), "fits", 0),
    ],
)
def test_exit_code_is_the_verdicts(command: Command, words: tuple[str, ...], verdict: str, code: int) -> None:
    assert answer(command, *words, *FITS, code=code)["verdict"] == verdict
    for format_ in ("text", "markdown"):
        done = command("fit", *words, *FITS, "--format", format_)
        assert done.code == code
        assert not done.err


def test_this_machine_is_asked_what_is_free(driver: Callable[..., Command]) -> None:
    busy = driver("in-use")
    plain = ("llama-3.1-8b", "--runtime", "vllm", "--weights", "bf16", "--context", "8192", "--kv-cache", "bf16")
    found = answer(busy, *plain, code=1)
    assert found["verdict"] == "does-not-fit"
    assert "used by other processes" in found["reason"]
    assert answer(busy, *plain, "--assume-idle")["verdict"] == "fits"
    broken = driver("lost-of-8")
    assert answer(broken, "llama-3.1-8b", "--runtime", "vllm")["verdict"] == "fits"


def test_a_driver_that_does_not_answer_cannot_be_told(driver: Callable[..., Command]) -> None:
    stuck = driver("hang-init")
    done = stuck("fit", "llama-3.1-8b", "--runtime", "vllm", "--probe-timeout", "1", "--format", "json")
    assert done.code == 3
    assert done.document["verdict"] == "unknown"


def test_a_saved_machine_is_judged(driver: Callable[..., Command]) -> None:
    here = driver("2x4090")
    assert here("machine", "--format", "json", "--output", "m.json").code == 0
    found = answer(here, "llama-3.1-8b", "--machine", "m.json")
    assert found["per_gpu"][0]["name"] == "NVIDIA GeForce RTX 4090"
    assert found["speed"]["decode"]["expected"] > 0


# --- models from everywhere ---


def test_files_and_folders_are_read(command: Command) -> None:
    folder = command.cwd / "Llama"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    weights = {answer(command, *words, *FITS)["memory"]["weights"] for words in (
        ("Llama",), (folder,), ("--config", "Llama/config.json"), ("./Llama/config.json",), ("llama-3.1-8b",),
    )}  # fmt: skip
    assert weights == {2 * 8_030_261_248}


def test_a_gguf_file_is_read_to_the_byte(command: Command) -> None:
    values, tensors = gguf_writer.llama(layers=32, hidden=4096, heads=32, kv_heads=8, inner=14336, vocab=128_256)
    gguf_writer.write(command.cwd / "model.gguf", values, tensors)
    found = answer(command, "model.gguf", *FITS)
    assert found["memory"]["weights"] == sum(tensor.size for tensor in tensors)
    assert found["workload"]["runtime"] == "llama.cpp"
    assert found["placement"]["gpu_layers"] == 33


def test_the_local_cache_is_searched(command: Command) -> None:
    snapshot = command.home / ".cache/huggingface/hub/models--acme--tiny/snapshots/0123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(CONFIG))
    assert answer(command, "acme/tiny", *FITS)["architecture"]["name"] == "acme/tiny"
    elsewhere = command.under({"HF_HUB_CACHE": str(command.cwd)})
    assert "acme/tiny" in complaint(elsewhere("fit", "acme/tiny", *FITS))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A server that speaks the hub's interface, with one repository."""
    folder = tmp_path / "repository"
    folder.mkdir()
    with Hub(("127.0.0.1", 0), Handler) as serving:
        serving.root, serving.sent, serving.asked, serving.status, serving.ranges = folder, 0, [], 200, True
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield serving
        serving.shutdown()


def test_the_hub_is_asked_where_a_repository_is_named(command: Command, hub: Hub) -> None:
    (hub.root / "config.json").write_text(json.dumps(CONFIG))
    asking = command.under(hub.environ)
    found = answer(asking, "--model", "acme/tiny", *FITS)
    assert found["architecture"]["name"] == "acme/tiny"
    assert "on the hub" in found["architecture"]["source"]
    assert "the hub has no" in complaint(asking("fit", "--model", "acme/other", *FITS))
    # what the table knows answers where the hub does not
    known = answer(asking, "--model", "meta-llama/Llama-3.1-8B", *FITS)
    assert any("the hub has no" in note for note in known["assumptions"])


def test_a_model_of_the_hub_is_read_by_its_header(command: Command, hub: Hub) -> None:
    values, tensors = gguf_writer.llama(layers=32, hidden=4096, heads=32, kv_heads=8, inner=14336, vocab=128_256)
    gguf_writer.write(hub.root / "tiny-Q4_K_M.gguf", values, tensors)
    found = answer(command.under(hub.environ), "--model", "acme/tiny", *FITS)
    assert found["memory"]["weights"] == sum(tensor.size for tensor in tensors)
    assert hub.sent < 20e6 < found["memory"]["weights"]


def test_a_repository_that_asks_for_a_login_needs_the_extra(command: Command, tmp_path: Path, hub: Hub) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "huggingface_hub.py").write_text("raise ImportError('not here')\n")
    hub.status = 401
    without = command.under({"PYTHONPATH": str(modules), **hub.environ})
    assert "llmcheck[hub]" in complaint(without("fit", "--model", "acme/small", *FITS))
    (modules / "huggingface_hub.py").write_text(LOGIN % CONFIG)
    found = answer(command.under({"PYTHONPATH": str(modules), "PLACE": str(tmp_path), **hub.environ}), "--model",
                   "acme/small", *FITS)  # fmt: skip
    assert found["architecture"]["source"] == "config.json of acme/small on the hub"


LOGIN = """
import json, os
def hf_hub_download(name, file):
    with open(os.path.join(os.environ["PLACE"], "config.json"), "w") as out:
        json.dump(%r, out)
    return os.path.join(os.environ["PLACE"], "config.json")
"""


def test_models_are_listed(command: Command) -> None:
    found = command("models", "list", "--format", "json").document
    ids = {each["id"] for each in found["models"]}
    assert {"llama-3.1-8b", "deepseek-v3", "gemma-3-27b", "gpt-oss-20b"} <= ids
    assert "llama-3.1-8b" in command("models", "list").out


# --- what is refused ---


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weights", "q4_k_m"), ["name a model", "--parameters"]),
        (("7B", "--parameters", "8B"), ["name the model once"]),
        (("lama-3.1-8b",), ["lama-3.1-8b", "nearest", "llama-3.1-8b", "models list"]),
        (("acme/unknown",), ["acme/unknown", "--model acme/unknown fetches it from the hub"]),
        (("./missing.gguf",), ["missing.gguf", "no such file"]),
        (("--config", "nowhere.json"), ["nowhere.json"]),
        (("--parameters", "7X"), ["7X", "7B"]),
        (("--model", "not a name"), ["not a name"]),
        (("7B", "--weights", "q9_z"), ["q9_z", "nearest"]),
        (("7B", "--kv-cache", "q99"), ["q99"]),
        (("7B", "--context", "0"), ["--context"]),
        (("7B", "--batch", "-1"), ["--batch"]),
        (("7B", "--optimizer", "adamw"), ["--optimizer", "--method"]),
        (("7B", "--tokens", "many", "--method", "full"), ["many", "2T"]),
        (("7B", "--method", "full", "--runtime", "vllm"), ["vllm", "does not train"]),
        (("7B", "--prompt", "9000", "--context", "100"), ["--prompt", "--context"]),
        (("7B", "--machine", "RTX 4900"), ["RTX 4900", "nearest", "RTX 4090"]),
        (("7B", "--machine", "A100"), ["40 GB", "80 GB"]),
        (("7B", "--machine", "nowhere.json"), ["nowhere.json"]),
        (("7B", "--runtime", "magic"), ["magic"]),
        (("8x7B",), ["8x7B has experts", "mixtral-8x7b"]),
        (("--parameters", "30B-A3B"), ["30B-A3B has experts", "qwen3-30b-a3b"]),
        (("7B", "--grid", "300"), ["--grid is for training"]),
        (("7B", "--method", "lora", "--kv-cache", "fp8"), ["--kv-cache is for inference"]),
        (("llama-3-8b", "--weights", "mxfp4"), ["experts alone"]),
        (("7B", "--runtime", "tensorrt-llm", "--machine", "MI300X"), ["NVIDIA", "AMD"]),
        (("7B", "--machine", ""), ["the description is empty"]),
        (("7B", "--machine", "-5 GB RAM"), ["negative"]),
    ],
)
def test_what_cannot_be_asked_is_one_line(command: Command, words: tuple[str, ...], said: list[str]) -> None:
    with_machine = words if "--machine" in words else (*words, *FITS)
    done = command("fit", *with_machine)
    assert done.code == 2
    line = complaint(done)
    for each in said:
        assert each in line


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.gguf", b"GGUF", "incomplete"),
        ("b.gguf", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64, "more than any model has"),
        ("c.safetensors", b"\xff" * 32, "safetensors"),
        ("d.bin", b"\x80\x04", "pickle"),
        ("config.json", b'{"a":' * 50_000, "not a complete JSON document"),
        ("config.json", b"\x1b[31m", "not a complete JSON document"),
        ("config.json", b'{"model_type": "\\u001b[31mbert"}', "hidden_size"),
    ],
)
def test_a_file_that_lies_is_one_line(command: Command, name: str, data: bytes, said: str) -> None:
    (command.cwd / name).write_bytes(data)
    done = command("fit", f"./{name}", *FITS)
    assert done.code == 2
    line = complaint(done)
    assert said in line
    assert "\x1b" not in line


def test_a_name_from_a_file_cannot_steer_the_terminal(command: Command) -> None:
    values, tensors = gguf_writer.llama()
    gguf_writer.write(command.cwd / "evil.gguf", values | {"general.name": "\x1b[31mred\n[bold]x"}, tensors)
    done = command("fit", "evil.gguf", *FITS)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\\x1b[31mred" in done.out
    written = command("fit", "evil.gguf", *FITS, "--format", "markdown").out
    assert "\x1b" not in written


# --- in words, everywhere ---


def test_a_machine_in_words_is_accepted_wherever_one_is(command: Command) -> None:
    words = "8x H100 SXM, 2 TB RAM, 30 TB"
    report = command("check", "inference-70b", "--skip", "software", "--machine", words, "--format", "json")
    assert report.document["verdict"] == "ready"
    assert command("--machine", words, "--format", "json").code == 0
    assert command("machine", "--machine", words, "--format", "json").document["ram"]["total"] == 2 * 10**12
    assert command("torch-index", "--machine", words, "--format", "json").code == 0
    assert command("install", "vllm", "--machine", words, "--format", "json").code in (0, 1)
    assert "is" in command("cloud", "inference-7b", "--machine", words).out


def test_what_was_chosen_for_open_words_is_told_aside(command: Command) -> None:
    done = command("fit", "7B", "--machine", "A100 80GB", "--format", "json")
    assert done.code == 0
    assert "A100-SXM4-80GB" in done.err
    assert done.document["per_gpu"][0]["name"] == "NVIDIA A100 80GB PCIe"


@pytest.mark.parametrize("columns", ["40", "60", "80", "120", "200"])
def test_no_line_is_longer_than_the_terminal(command: Command, columns: str) -> None:
    for words in (("llama-3.1-405b",), ("7B", "--method", "full"), ("llama-3.1-8b", "-v")):
        done = command("fit", *words, *FITS, env={"COLUMNS": columns})
        lines = [each for each in done.out.splitlines() if not each.startswith("  vllm serve ")]  # it can be pasted
        assert max(map(len, lines)) <= max(int(columns), 40)


@pytest.mark.parametrize("columns", ["40", "55", "80"])
def test_a_narrow_terminal_is_told_as_much(command: Command, columns: str) -> None:
    done = command("fit", "llama-3.1-70b", "--weights", "bf16", *FITS, env={"COLUMNS": columns})
    said = " ".join(done.out.split())
    for words in ("low to high", "131 GiB to 132 GiB", "keys and values", "costs hardware", "without --weights"):
        assert words in said
    listed = command("models", "list", env={"COLUMNS": columns}).out.split()
    assert {"llama-3.1-8b", "131,072", "8.03B"} <= set(listed)


def test_it_is_plain_ascii_where_the_locale_knows_no_more(command: Command) -> None:
    done = command("fit", "llama-3.1-8b", *FITS, env={"LC_ALL": "C"})
    assert done.raw.isascii()
    assert "W" * 10 in done.out
