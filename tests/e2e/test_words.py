"""Words that people type: options anywhere, near misses, Ollama's names, counts with k, names of output files."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command, complaint

MACHINE = ("--machine", "RTX 4090, 64 GB RAM, 1 TB disk")


# --- options before the command


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("--format", "json", "check", "minimum"), ("check", "minimum", "--format", "json")),
        (("--only", "gpu", "check", "minimum"), ("check", "minimum", "--only", "gpu")),
        (("--format=json", "profiles", "list"), ("profiles", "list", "--format", "json")),
        (("profiles", "--format", "json", "list"), ("profiles", "list", "--format", "json")),
        (("--format", "markdown", "fit", "7B"), ("fit", "7B", "--format", "markdown")),
        (("--area", "inference", "libraries", "list"), ("libraries", "list", "--area", "inference")),
        (("--area", "profiles", "libraries", "list"), ("libraries", "list", "--area", "profiles")),
        (("--format", "text", "check", "minimum", "--format", "json"), ("check", "minimum", "--format", "json")),
    ],
    ids=lambda words: " ".join(words),
)
def test_options_may_stand_before_the_command(
    command: Command, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    machine = MACHINE if "check" in before or "fit" in before else ()
    first, second = command(*machine, *before), command(*after, *machine)
    assert (first.code, first.err) == (second.code, second.err)
    assert _without_times(first.out) == _without_times(second.out)


def _without_times(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "created_at" not in line)


def test_help_before_the_command_is_that_of_the_command(command: Command) -> None:
    assert command("--help", "check").out == command("check", "--help").out


# --- what was meant


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "minimum", "--json"), "'--format json'"),
        (("--json",), "'--format json'"),
        (("check", "minimum", "--yaml"), "'--format json'"),
        (("machine", "--md"), "'--format markdown'"),
        (("install", "torch", "--sh"), "'--format sh'"),
        (("instal", "torch"), "'install'"),
        (("profiles", "lst"), "'list'"),
        (("inference-7b",), "'llmcheck check inference-7b'"),
        (("llama3.1:8b",), "'llmcheck fit llama3.1:8b'"),
        (("7b",), "'llmcheck fit 7b'"),
        (("check", "7b"), "'finetune-7b' or 'inference-7b', or 'llmcheck fit 7b'"),
        (("fit", "inference-7b"), "'llmcheck check inference-7b'"),
        (("fit", "llama3"), "newest of that name: llama-3.3-70b"),
        (("fit", "llama"), "newest of that name: llama-4-"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_what_was_meant_is_said(command: Command, words: tuple[str, ...], said: str) -> None:
    done = command(*words)
    assert done.code == 2
    assert said in complaint(done)


# --- names of models, and counts


@pytest.mark.parametrize(
    ("tag", "name", "weights"),
    [
        ("llama3.1:8b", "Llama-3.1-8B", None),
        ("llama3.3:70b-instruct-q8_0", "Llama-3.3-70B", "q8_0"),
        ("qwen2.5:7b-instruct-q4_K_M", "Qwen2.5-7B", "q4_k_m"),
        ("qwen3:30b-a3b", "Qwen3-30B-A3B", None),
        ("gpt-oss:20b", "gpt-oss-20b", None),
        ("mistral:7b", "Mistral-7B", None),
        ("mixtral:8x7b-instruct-v0.1-fp16", "Mixtral-8x7B", "fp16"),
        ("hf.co/bartowski/Llama-3.1-8B-GGUF:Q4_K_M", "Llama-3.1-8B", "q4_k_m"),
    ],
)
def test_names_of_ollama(command: Command, tag: str, name: str, weights: str | None) -> None:
    done = command("fit", tag, "--machine", "8x H100 SXM, 1 TB RAM", "--format", "json")
    assert done.code == 0, done.err
    assert name.lower() in done.document["architecture"]["name"].lower().replace(":", "-")
    if weights is not None:
        assert done.document["workload"]["weights"] == weights


def test_a_format_that_is_named_wins_over_that_of_a_tag(command: Command) -> None:
    done = command("fit", "llama3.1:8b-q4_K_M", "--weights", "q8_0", *MACHINE, "--format", "json")
    assert done.document["workload"]["weights"] == "q8_0"


@pytest.mark.parametrize(
    ("written", "tokens"), [("32k", 32768), ("32K", 32768), ("1.5k", 1536), ("8,192", None), ("1M", 2**20)]
)
def test_counts_with_a_suffix(command: Command, written: str, tokens: int | None) -> None:
    done = command("fit", "7B", "--context", written, "--machine", "8x H100 SXM, 1 TB RAM", "--format", "json")
    if tokens is None:
        assert done.code == 2
    else:
        assert done.document["workload"]["context"] == tokens


@pytest.mark.parametrize("written", ["0k", "k", "3G", "99999999M", "-1k", "1e3k"])
def test_counts_that_are_none(command: Command, written: str) -> None:
    done = command("fit", "7B", "--context", written, *MACHINE)
    assert done.code == 2
    assert "--context" in complaint(done)


@pytest.mark.parametrize("words", [("check", "minimum"), ("cloud", "inference-7b"), ()])
def test_a_second_machine_is_refused_and_does_not_win(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words, "--machine", "RTX 4090", "--machine", "H100")
    assert done.code == 2
    assert "--machine is given 2 times" in complaint(done)


# --- where the output goes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.yaml", "no format has the ending .yaml"),
        ("report.jsn", "no format has the ending .jsn"),
        ("fix.sh", "writes no sh"),
        ("requirements.in", "no format has the ending .in"),
    ],
)
def test_an_ending_that_no_format_has_is_refused(command: Command, name: str, said: str) -> None:
    done = command("check", "minimum", *MACHINE, "--output", name)
    assert done.code == 2
    line = complaint(done)
    assert said in line
    assert "--format" in line
    assert list(command.cwd.iterdir()) == []
    assert command("check", "minimum", *MACHINE, "--output", name, "--format", "json").code == 0


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.json", "json"), ("a.JSON", "json"), ("a.md", "markdown"), ("a.txt", "text"), ("report", "text")],
)
def test_what_was_written_is_said_in_one_line(command: Command, name: str, format_: str) -> None:
    done = command("check", "minimum", *MACHINE, "--output", name)
    assert (done.code, done.raw, done.err) == (0, b"", f"llmcheck: wrote {name} ({format_})\n")
    same = command("check", "minimum", *MACHINE, "--format", format_)
    assert _without_times((command.cwd / name).read_text("utf-8")) == _without_times(same.out)


def test_a_dash_and_devices_are_standard_output(command: Command) -> None:
    expected = command("profiles", "list").raw
    for name in ("-", "/dev/stdout"):
        done = command("profiles", "list", "--output", name)
        assert (done.code, done.raw, done.err) == (0, expected, "")
    assert list(command.cwd.iterdir()) == []
    done = command("profiles", "list", "--output", "/dev/null")
    assert (done.code, done.raw, done.err) == (0, b"", "")


def test_a_snapshot_is_not_saved_as_a_file_named_dash(command: Command) -> None:
    done = command("machine", *MACHINE, "--save", "-")
    assert (done.code, done.raw) == (2, b"")
    assert "for standard output: llmcheck machine --format json" in done.err
    assert list(command.cwd.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="FIFOs")
def test_a_pipe_of_any_name_is_written_to(command: Command) -> None:
    script = 'mkfifo answer.pipe; cat answer.pipe & "$@" --output answer.pipe; wait'
    done = command.shell(script, "profiles", "list", "--format", "json")
    assert (done.code, done.err) == (0, "")
    assert "profiles" in json.loads(done.out)
    script = script.replace("--output", "profiles list --output")
    assert command.shell("rm answer.pipe; " + script).out == command("profiles", "list").out


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_file_keeps_its_mode_and_a_link_its_target(command: Command) -> None:
    target, link = command.cwd / "target.json", command.cwd / "link.json"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to("target.json")
    assert command("profiles", "list", "--output", "link.json").code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "profiles" in json.loads(target.read_text("utf-8"))


# --- colour


@pytest.mark.parametrize(
    ("words", "env", "colored"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "0"}, False),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--no-color",), {"FORCE_COLOR": "1"}, False),
        (("--color", "auto"), {"FORCE_COLOR": "1"}, True),
        (("--color", "always", "--no-color"), {}, False),
        (("--no-color", "--color", "always"), {}, True),
    ],
)
def test_colour_in_a_pipe(command: Command, words: tuple[str, ...], env: dict[str, str], colored: bool) -> None:
    done = command("profiles", "list", *words, env=env)
    assert (done.code, "\x1b[" in done.out) == (0, colored)


def test_a_file_gets_colour_only_where_it_is_asked_for(command: Command, profile: Callable[[str], Path]) -> None:
    for words, colored in (((), False), (("--color", "always"), True)):
        command("check", profile("ready"), *words, "--output", "out.txt", env={"FORCE_COLOR": "1"})
        assert ("\x1b[" in (command.cwd / "out.txt").read_text("utf-8")) is colored


# --- the help of fit


def test_the_options_of_fit_are_in_sections(command: Command) -> None:
    text = command("fit", "--help", env={"COLUMNS": "80"}).out
    titles = [line.rstrip(":") for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Model", "Use", "Inference", "Servers", "Training", "Machine", "Output"]
    training, machine = text.index("Training:"), text.index("Machine:")
    assert training < text.index("--optimizer") < machine < text.index("--probe-timeout")
    for option in ("--color", "--no-color", "--help"):
        assert text.index("Output:") < text.index(option)


@pytest.mark.parametrize("command_name", [("fit", "7B"), ("recommend",)])
@pytest.mark.parametrize("written", ["9" * 400 + "k", "9" * 5000, "0", "1e9k", "k"])
def test_a_context_that_is_no_number_of_tokens_is_one_line(
    command: Command, command_name: tuple[str, ...], written: str
) -> None:
    done = command(*command_name, "--context", written, "--machine", "24GB RAM")
    assert done.code == 2
    assert "--context" in done.err
    assert "Traceback" not in done.err
