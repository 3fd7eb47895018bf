"""What comes from outside has an end: of its size, of its numbers, of the time to read it. None of it is a format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command, complaint

HEAD = 'id = "mine"\ntitle = "t"\ntask = "general"\nsources = ["s"]\n'
WORDS = ("--machine", "2x RTX A2000 12GB, 64 GB RAM, 1 TB disk")
MACHINE = {"schema": "llmcheck.machine/1", "ram": {"total": 64 * 10**9, "usable": 64 * 10**9}, "gpus": []}
LONG = "9" * 4000
needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")


def requirement(**keys: str) -> str:
    """One ``[[require]]``; the values are TOML."""
    lines = {"id": '"x"', **keys}
    return HEAD + "[[require]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


def refused(command: Command, text: str | bytes, *arguments: str) -> str:
    """The one line with which a profile is refused."""
    (command.cwd / "mine.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    done = command("check", "mine.toml", *(arguments or WORDS))
    assert done.code == 2, done.err[:300]
    line = complaint(done)
    assert line.startswith("mine.toml")
    assert len(line) < 600
    return line


# --- text is no format ---


@pytest.mark.parametrize(
    "split", ["{nope}", "{count.__class__}", "{count:>400000000}", "{}", "{0}", "{{count}}", "{count!r}", "}", "{"]
)
def test_words_of_a_profile_are_no_format_string(command: Command, split: str) -> None:
    line = refused(command, requirement(kind='"gpu"', memory='"24 GB"', split=f'"{split}"'))
    assert "('x')" in line
    assert "split" in line
    assert "{count}" in line


def test_the_number_of_gpus_is_put_into_the_words(command: Command) -> None:
    text = requirement(kind='"gpu"', memory='"24 GB"', split='"100 % over {count} GPUs, all {count}"')
    (command.cwd / "mine.toml").write_text(text)
    done = command("check", "mine.toml", *WORDS)
    assert "100 % over 2 GPUs, all 2" in " ".join(done.out.split())


# --- numbers have bounds ---


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (requirement(kind='"gpu"', memory='"24 GB"', count=LONG), "count"),
        (requirement(kind='"gpu"', memory='"24 GB"', count=f"-{LONG}"), "count"),
        (requirement(kind='"gpu"', memory='"24 GB"', count=str(2**20 + 1)), "count"),
        (requirement(kind='"gpu"', memory='"24 GB"', count="0"), "count"),
        (requirement(kind='"gpu"', memory='"24 GB"', compute_capability=f'"{LONG}.0"'), "compute_capability"),
        (requirement(kind='"gpu"', memory='"24 GB"', compute_capability='"٨.٠"'), "compute_capability"),
        (requirement(kind='"gpu"', memory=f'"{LONG[9:]} GB"'), "memory"),
        (requirement(kind='"gpu"', memory=f'"{"9" * 300} B"'), "memory"),
        (requirement(kind='"ram"', total=f'"{LONG} kB"'), "total"),
        (requirement(kind='"ram"', total=f'"{"much " * 700}"'), "total"),
        (requirement(kind='"disk"', free='"5000 PB"'), "free"),
        (requirement(kind='"driver"', version=f'"{LONG}"'), "version"),
        (requirement(kind='"driver"', version=f'"{LONG}{LONG}"'), "version"),
        (requirement(kind='"package"', name='"torch"', version=f'">={LONG}"'), "version"),
        (requirement(kind='"package"', name='"torch"', version=f'">={LONG}{LONG}"'), "version"),
        (requirement(kind='"python"', version=f'">={LONG}{LONG}"'), "version"),
        (requirement(kind='"package"', name=f'"{"a" * 4000}"'), "name"),
        (requirement(kind='"package"', name='"torch"', label=f'"{"a" * 100_000}"'), "require[0].label"),
        (requirement(kind='"gpu"', memory='"1 GB"', examples="[" + '"A100",' * 5000 + "]"), "require[0].examples"),
        (requirement(kind='"ram"', total='"1 MB"', why="[" * 20 + "]" * 20), "require[0].why"),
        (requirement(kind='"ram"', **{"total": '"1 MB"', ".".join("a" * 1000): "1"}), "require[0].a.a.a"),
        (requirement(kind='"ram"', total='"1 MB"').replace("title =", f"title = '{'a' * 5000}' #"), "title"),
        (requirement(kind='"ram"', total='"1 MB"').replace("title", f"order = {LONG}\ntitle"), "order"),
        (requirement(kind='"ram"', total='"1 MB"').replace("title", "order = -1\ntitle"), "order"),
        (requirement(kind='"ram"', total='"1 MB"').replace("title", f"order = {LONG}{LONG}\ntitle"), "line 2"),
        (requirement(kind='"ram"', total='"1 MB"').replace("title", f"order = 0x{LONG}{LONG}\ntitle"), "order"),
    ],
)
def test_a_number_out_of_bounds_is_named_with_file_and_key(command: Command, text: str, key: str) -> None:
    assert key in refused(command, text)


RAM = '[[require]]\nid = "ram"\nkind = "ram"\ntotal = "1 MB"\n'


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        *(
            ("workload", key, value)
            for key in ("context", "prompt", "batch", "max_sequences", "lora_rank", "gpus", "tensor_parallel", "tokens")
            for value in (LONG, "0", "-1")
        ),
        *(("workload", "parameters", "[" + '"7B",' * count + "]") for count in (30, 3000)),
        *(("workload", "memory_fraction", value) for value in ("nan", "inf", "1.5", "1e400")),
        *(("cost", "low", value) for value in ("nan", "inf", "-1", "1e13", LONG)),
    ],
)
def test_a_number_of_a_workload_or_a_cost_has_bounds(command: Command, table: str, key: str, value: str) -> None:
    other = {"workload": 'method = "inference"', "cost": 'documented = "x"\nper = "hour"\nhigh = 1'}[table]
    line = refused(command, f"{HEAD}{RAM}[{table}]\n{other}\n{key} = {value}\n")
    assert table in line
    assert key in line


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("ram, total", {"ram": {"total": int(LONG)}}),
        ("gpus[0].memory_total", {"gpus": [{"vendor": "nvidia", "memory_total": 2**64}]}),
        ("gpus[0].index", {"gpus": [{"vendor": "nvidia", "index": -(2**63) - 1}]}),
        ("cpu.threads", {"cpu": {"threads": int(LONG)}}),
    ],
)
def test_a_number_of_a_saved_machine_has_64_bits(command: Command, place: str, part: dict[str, object]) -> None:
    (command.cwd / "m.json").write_text(json.dumps({**MACHINE, **part}))
    done = command("check", "minimum", "--machine", "m.json")
    assert done.code == 2
    line = complaint(done)
    assert line.startswith("machine file m.json")
    for word in place.split(", "):
        assert word in line


def test_long_digits_in_a_name_are_no_number(command: Command) -> None:
    (command.cwd / "m.json").write_text(json.dumps({**MACHINE, "identity": {"hostname": LONG}}))
    assert command("check", "minimum", "--machine", "m.json").code in (1, 3)


@pytest.mark.parametrize(
    "version", [LONG, LONG + LONG, "9" * 300 + ".0", "junk", "1!" + LONG, "", "1.0" + "\u202e", "٣.١٢"]
)
def test_a_version_of_a_saved_machine_that_is_none_is_unknown(command: Command, version: str) -> None:
    software = {
        "python": {"executable": "python", "version": version, "reason": "x"},
        "packages": [{"name": "torch", "version": version}, {"name": "transformers", "version": version}],
        "torch": {"version": version, "build": "cu128"},
    }
    gpu = {"vendor": "nvidia", "index": 0, "memory_total": 24 * 10**9, "compute_capability": version}
    driver = {"nvidia": {"version": version, "cuda_version": version}}
    (command.cwd / "m.json").write_text(json.dumps({**MACHINE, "software": software, "gpus": [gpu], "drivers": driver}))
    text = requirement(kind='"python"', version='">=3.11"')
    text += '[[require]]\nid = "p"\nkind = "package"\nname = "torch"\nversion = ">=2"\n'
    text += '[[require]]\nid = "d"\nkind = "driver"\nversion = "550"\n'
    text += '[[require]]\nid = "g"\nkind = "gpu"\nmemory = "8 GB"\ncompute_capability = "7.0"\n'
    (command.cwd / "mine.toml").write_text(text)
    for words in (("check", "mine.toml"), ("check", "inference-7b"), ("install", "inference-7b"), ("fit", "7B")):
        done = command(*words, "--machine", "m.json")
        assert done.code in (0, 1, 2, 3), (words, done.err)
        assert "Traceback" not in done.err
        assert "bug" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "7B", "--grid", "nan", "--method", "full", "--tokens", "1T"),
        ("fit", "7B", "--memory-fraction", "nan"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--timeout", "1e300"),
        ("--probe-timeout", "nan"),
        ("fit", "7B", "--context", LONG),
        ("fit", "7B", "--gpus", LONG),
        ("fit", LONG + "B"),
        ("fit", "7B", "--tokens", LONG),
        ("fit", "7B", "--machine", f"{LONG}x RTX 4090"),
        ("fit", "7B", "--machine", "RTX 4090, 999999999999 PB RAM"),
        ("fit", "7B", "--machine", f"RTX 4090, {'9' * 400} GB RAM"),
    ],
)
def test_a_number_of_an_option_has_bounds(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.code == 2
    assert len(complaint(done)) < 600


# --- files have bounds ---


def test_a_profile_has_a_largest_size_that_the_message_names(command: Command) -> None:
    line = refused(command, requirement(kind='"ram"', total='"1 MB"') + "#" * (2 * 2**20))
    assert line == "mine.toml: larger than 2 MiB, the limit for a profile"


def test_a_file_of_a_gigabyte_is_no_machine(command: Command) -> None:
    with (command.cwd / "m.json").open("wb") as file:
        file.truncate(2**30)
    done = command("check", "minimum", "--machine", "m.json")
    assert done.code == 2
    assert complaint(done) == "machine file m.json: larger than 128 MiB, the limit for a saved machine"


def test_a_list_of_a_machine_has_a_longest_length(command: Command) -> None:
    path = command.cwd / "m.json"
    software = {"packages": [{"name": "p", "version": "1"}] * 200_001}
    path.write_text(json.dumps({**MACHINE, "software": software}), encoding="utf-8")
    done = command("check", "minimum", "--machine", path)
    assert done.code == 2
    assert complaint(done).endswith("software.packages has 200,001 entries; at most 200,000 are read")


@pytest.mark.parametrize("words", [("check", "minimum"), ("fit", "7B"), ("cloud", "minimum"), ("install", "torch")])
def test_a_device_is_no_machine(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words, "--machine", "/dev/zero")
    assert done.code == 2
    assert complaint(done) == "machine file /dev/zero: a device; only a file or a pipe is read"


@pytest.mark.parametrize("words", [("check",), ("cloud",), ("profiles", "show")])
def test_a_device_is_no_profile(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words, "/dev/zero")
    assert done.code == 2
    assert complaint(done) == "/dev/zero: a device; only a file or a pipe is read"


def test_standard_input_has_a_largest_size(command: Command) -> None:
    done = command.shell('"$@" </dev/zero', "check", "minimum", "--machine", "-")
    assert done.code == 2
    assert complaint(done) == "machine file standard input: larger than 128 MiB, the limit for a saved machine"


def test_a_key_of_very_many_parts_is_refused(command: Command) -> None:
    line = refused(command, HEAD + "x" + ".x" * 100_000 + " = 1\n")
    assert "line 5" in line


# --- pipes have a deadline ---


@needs_fifos
@pytest.mark.parametrize("kind", ["machine", "profile"])
def test_a_pipe_into_which_nobody_writes_is_given_up(command: Command, kind: str) -> None:
    os.mkfifo(command.cwd / "pipe.toml")
    named = ("check", "minimum", "--machine", "pipe.toml") if kind == "machine" else ("check", "pipe.toml")
    done = command(*named, "--timeout", "0.5")
    assert done.code == 2
    assert complaint(done).endswith("pipe.toml: this pipe sent nothing within 0.5 s")


@needs_fifos
def test_a_pipe_that_is_never_closed_is_given_up(command: Command) -> None:
    path = command.cwd / "pipe"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    try:
        os.write(held, b'{"schema":')
        done = command("check", "minimum", "--machine", path, "--timeout", "0.5")
    finally:
        os.close(held)
    assert done.code == 2
    assert complaint(done).endswith("this pipe did not end within 0.5 s")


def test_standard_input_that_nobody_writes_is_given_up(command: Command) -> None:
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "llmcheck", "check", "minimum", "--machine", "-", "--timeout", "0.5"],
            stdin=reader,
            capture_output=True,
            env=command.environment(),
            cwd=command.cwd,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
        os.close(reader)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"llmcheck: machine file standard input: this pipe sent nothing within 0.5 s\n"


@needs_fifos
@pytest.mark.parametrize("size", [0, 2**18])
def test_a_pipe_that_is_written_late_is_a_machine(command: Command, size: int) -> None:
    path = command.cwd / "pipe"
    os.mkfifo(path)
    text = json.dumps({**MACHINE, "identity": {"hostname": "x" * size}})
    writer = threading.Thread(target=lambda: path.write_text(text))
    writer.start()
    done = command("check", "minimum", "--machine", path)
    writer.join()
    assert done.code == 1
    assert done.err == ""


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_process_substitution_is_a_machine_and_a_profile(command: Command) -> None:
    (command.cwd / "m.json").write_text(json.dumps(MACHINE))
    (command.cwd / "p.toml").write_text(requirement(kind='"ram"', total='"1 MB"'))
    script = '"$@" <(cat p.toml) --machine <(sleep 0.2; cat m.json)'
    done = command(sys.executable, "-m", "llmcheck", "check", program=("/bin/bash", "-c", script, "bash"))
    assert (done.code, done.err) == (0, "")


# --- model folders ---


@needs_fifos
@pytest.mark.parametrize(
    "name",
    ["config.json", "model.safetensors", "model.safetensors.index.json", "model.gguf", "model-00001-of-00002.gguf"],
)
def test_a_fifo_in_a_model_folder_is_not_waited_for(command: Command, name: str) -> None:
    folder = command.cwd / "model"
    folder.mkdir()
    os.mkfifo(folder / name)
    if name.startswith("model.safetensors"):
        (folder / "config.json").write_text(
            json.dumps({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                        "intermediate_size": 128, "vocab_size": 1000})
        )  # fmt: skip
    for path in ("./model", f"./model/{name}"):
        done = command("fit", path, *WORDS)
        assert done.code == 2
        assert "model" in complaint(done)


@needs_fifos
def test_fifos_in_the_cache_of_the_hub_are_not_waited_for(command: Command) -> None:
    hub = command.home / ".cache" / "huggingface" / "hub" / "models--org--name"
    snapshot = hub / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (hub / "refs").mkdir()
    for path in (hub / "refs" / "main", snapshot / "config.json", snapshot / "model.gguf", hub.parent / "version.txt"):
        os.mkfifo(path)
    done = command("fit", "org/name", *WORDS)
    assert done.code == 2
    assert "abc" in complaint(done)
    done = command("machine", "--format", "json", "--probe-timeout", "5")
    assert done.code == 0
    assert [each for each in done.document["problems"] if each["probe"] == "model_caches"] == []


# --- what controls a terminal, pip and a shell ---


def test_json_has_no_character_that_steers_a_terminal(command: Command) -> None:
    name = "a\x1b[31m\x7f\x9b31m\u202e\u2066\u200b\u2028\U000e0041é中🎉"
    machine = {**MACHINE, "identity": {"hostname": name}, "os": {"system": name, "architecture": "x86_64"}}
    (command.cwd / "m.json").write_text(json.dumps(machine))
    done = command("machine", "--machine", "m.json", "--redact", "none", "--format", "json")
    assert done.code == 0
    assert done.document["os"]["system"] == name
    assert not set(name) - set("a[31mé中🎉") & set(done.out)
    assert "é中🎉" in done.out


@pytest.mark.parametrize("version", ["===${HOME}", "===a\\\\", "===$(id)", "===`id`", "===a#b", "=== x|y", "===%PATH%"])
def test_a_version_that_pip_or_a_shell_would_expand_is_refused(command: Command, version: str) -> None:
    text = requirement(kind='"package"', name='"torch"', version=f'"{version}"')
    assert "version" in refused(command, text)


@pytest.mark.parametrize("words", [("check", "minimum"), ("fit", "7B"), ("cloud", "minimum"), ("machine",), ()])
def test_an_empty_machine_is_refused(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words, "--machine", "")
    assert done.code == 2
    assert "empty" in complaint(done)


# --- large, and still linear ---


def test_ten_thousand_requirements_are_judged(command: Command, profile: Callable[[str], Path]) -> None:
    lines = "".join(
        f'[[require]]\nid = "p{number}"\nkind = "package"\nname = "pkg-{number}"\nversion = ">=1.{number}"\n'
        for number in range(10_000)
    )
    (command.cwd / "mine.toml").write_text(HEAD + lines)
    packages = [{"name": f"pkg-{number}", "version": "1.9"} for number in range(0, 20_000, 2)]
    software = {"packages": packages, "python": {"executable": "python", "version": "3.12.0", "reason": "x"}}
    (command.cwd / "m.json").write_text(json.dumps({**MACHINE, "software": software}))
    done = command("check", "mine.toml", "--machine", "m.json", "--format", "json")
    assert done.code == 1
    counts = done.document["profiles"][0]["counts"]
    assert counts["pass"] + counts["fail"] == 10_000
    done = command("check", "mine.toml", "--machine", "m.json")
    rows = [line for line in done.out.splitlines() if line.startswith("  ✗ fail")]
    assert (done.code, len(rows)) == (1, 500)
    everything = command("check", "mine.toml", "--machine", "m.json", "-v")
    shown = [line.split() for line in everything.out.splitlines() if line.startswith(("  ✗ fail", "  ✓ pass"))]
    assert [words[2] for words in shown] == [f"p{number}" for number in range(10_000)]
    left_out = f"9,500 more lines ({counts['pass']:,} pass, {counts['fail'] - 500:,} fail)"
    assert left_out in " ".join(done.out.split())
    whole = command("check", "mine.toml", "--machine", "m.json", "-v")
    assert sum(line.startswith(("  ✗ fail", "  ✓ pass")) for line in whole.out.splitlines()) == 10_000
