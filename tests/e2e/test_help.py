"""What the command says of itself: version, help with examples, completion."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

import llmcheck

from .command import Command

COMMANDS = [
    (),
    ("check",),
    ("machine",),
    ("install",),
    ("cloud",),
    ("profiles",),
    ("profiles", "list"),
    ("profiles", "show"),
    ("explain",),
    ("profiles", "schema"),
    ("profiles", "new"),
    ("profiles", "lint"),
    ("profiles", "test"),
    ("profiles", "diff"),
    ("profiles", "docs"),
    ("libraries",),
    ("libraries", "list"),
    ("libraries", "show"),
    ("libraries", "check"),
    ("fit",),
    ("models",),
    ("models", "list"),
    ("torch-index",),
]


def test_version(command: Command) -> None:
    script = shutil.which("llmcheck", path=str(Path(sys.executable).parent))
    assert script, "the tests run where llmcheck is installed"
    as_module, as_script = command("--version"), command("--version", program=(script,))
    assert as_module == as_script
    assert (as_module.code, as_module.out, as_module.err) == (0, f"llmcheck {llmcheck.__version__}\n", "")
    # among other options it takes the long way through the parser, and says the same
    assert command("--version", "--no-color").out == as_module.out


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "bare")
def test_help(command: Command, words: tuple[str, ...], option: str) -> None:
    done = command(*words, option)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(" ".join(("Usage: llmcheck", *words)))
    assert not [line for line in done.out.splitlines() if len(line) > 80]


def test_the_options_of_fit_stay_in_their_columns(command: Command) -> None:
    """A long list of choices as the placeholder would push every description to a line of its own."""
    lines = command("fit", "--help", env={"COLUMNS": "80"}).out.splitlines()
    options = [line for line in lines if line.startswith("  -")]
    alone = [line for line in options if not re.search(r"\S {2,}\S", line.strip())]
    assert len(options) > 30
    # a switch is written with its opposite, which takes a line
    assert all("/ --no-" in line or " / " in line for line in alone), alone
    text = " ".join(" ".join(lines).split())
    for each in ("qlora", "tensorrt-llm", "paged- adamw-8bit", "selective", "all-linear", "zero3"):
        assert each in text


@pytest.mark.parametrize(
    "words", [(), ("check",), ("explain",), ("install",), ("machine",), ("cloud",), ("profiles", "new")]
)
def test_help_shows_examples(command: Command, words: tuple[str, ...]) -> None:
    text = command(*words, "--help").out
    examples = re.findall(r"^ +(llmcheck.*)$", text.partition("Examples:")[2], re.MULTILINE)
    prefix = " ".join(("llmcheck", *words))
    assert examples
    assert any(line.startswith(prefix) for line in examples)


def test_examples_name_what_exists(command: Command) -> None:
    """Every profile and library in an example of the help is one."""
    known = {each["id"] for each in command("profiles", "list", "--format", "json").document["profiles"]}
    known |= {each["id"] for each in command("libraries", "list", "--format", "json").document["libraries"]}
    known_models = {each["id"] for each in command("models", "list", "--format", "json").document["models"]}
    named, models = [], []
    for verb in ("check", "install", "cloud"):
        for line in re.findall(rf"^ +llmcheck {verb} (.*)$", command(verb, "--help").out, re.MULTILINE):
            models += re.findall(r"--model (\S+)", line)
            words = [] if line.startswith("--") else line.split(" --")[0].split(" >")[0].split()
            named += [word for word in words if not word.startswith("./")]
    assert len(named) >= 5
    assert set(named) <= known
    assert models
    assert set(models) <= known_models


@pytest.mark.parametrize("words", [(), ("check",)])
def test_help_tells_the_exit_codes(command: Command, words: tuple[str, ...]) -> None:
    text = " ".join(command(*words, "--help").out.split())
    for words_ in ("0 ready", "1 not ready", "3 undetermined", "4 warnings", "130 interrupted"):
        assert words_ in text


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_script(command: Command, shell: str) -> None:
    done = command(env={"_LLMCHECK_COMPLETE": f"{shell}_source"})
    assert (done.code, done.err) == (0, "")
    assert f"_LLMCHECK_COMPLETE={shell}_complete" in done.out


@pytest.mark.skipif(shutil.which("bash", path="/usr/bin:/bin") is None, reason="no bash")
def test_completion_script_for_bash(command: Command) -> None:
    done = command(env={"_LLMCHECK_COMPLETE": "bash_source"})
    assert (done.code, done.err) == (0, "")
    script = command.cwd / "completion.bash"
    script.write_bytes(done.raw)
    assert "_LLMCHECK_COMPLETE=bash_complete" in done.out
    assert command(script, program=("bash", "-n")).code == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("llmcheck che", ["check", "checklist"]),
        ("llmcheck m", ["machine", "mcp", "models"]),
        ("llmcheck profiles s", ["schema", "show"]),
        ("llmcheck fit llama-3.1-40", ["llama-3.1-405b"]),
        ("llmcheck fit --method q", ["qlora"]),
        ("llmcheck torch-index --exp", ["--explain"]),
        ("llmcheck check inference-70", ["inference-70b", "inference-70b-4bit"]),
        ("llmcheck cloud pre", ["pretrain"]),
        ("llmcheck profiles show min", ["minimum"]),
        ("llmcheck libraries show vl", ["vllm"]),
        ("llmcheck install vl", ["vllm"]),
        ("llmcheck check --fail-on w", ["warn"]),
    ],
)
def test_completion(command: Command, line: str, expected: list[str]) -> None:
    env = {"_LLMCHECK_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    done = command(env=env)
    assert (done.code, done.err) == (0, "")
    assert [each.partition(",")[2] for each in done.out.split()] == expected
