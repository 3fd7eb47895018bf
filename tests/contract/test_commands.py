"""Every command module keeps to ``CommandModule``, and each option reaches a typed parameter of its function."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from llmcheck import registry
from llmcheck.cli import commands, options
from llmcheck.cli.commands import fit, recommend
from llmcheck.cli.gate import GateOptions
from llmcheck.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
MODULES = registry.names(commands.__name__)


def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command that can be run, with the words that run it."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*words, name))


EVERY = dict(leaves(main, ()))


def test_the_list_of_commands() -> None:
    assert set(EVERY) == {
        (),
        ("check",),
        ("checklist",),
        ("cloud",),
        ("datasets", "list"),
        ("datasets", "show"),
        ("diff",),
        ("explain",),
        ("fit",),
        ("install",),
        ("libraries", "check"),
        ("libraries", "list"),
        ("libraries", "show"),
        ("machine",),
        ("mcp",),
        ("models", "list"),
        ("profiles", "diff"),
        ("profiles", "docs"),
        ("profiles", "lint"),
        ("profiles", "list"),
        ("profiles", "new"),
        ("profiles", "schema"),
        ("profiles", "show"),
        ("profiles", "test"),
        ("prove",),
        ("recommend",),
        ("resources",),
        ("tables",),
        ("schema",),
        ("tiers",),
        ("torch-index",),
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_command_module_has_its_command_and_its_help(name: str) -> None:
    module = registry.load(commands.__name__, name)
    assert isinstance(module.command, click.Command)
    assert module.__doc__
    assert module.command.help == module.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_the_short_help_is_the_first_line_of_the_docstring(name: str) -> None:
    summary = (registry.load(commands.__name__, name).__doc__ or "").partition("\n")[0]
    shown = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert f" {name.replace('_', '-')} {summary}" in shown


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_works(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*words, "--help"], prog_name="llmcheck")
    assert done.exit_code == 0
    assert done.output.startswith(" ".join(("Usage: llmcheck", *words)))


def group_fields(function: Callable[..., object], parameter: inspect.Parameter) -> dict[str, object]:
    """Of a parameter that is a group of options; empty for a plain one."""
    group = inspect.unwrap(function).__globals__.get(parameter.annotation)
    return dict(group.__annotations__) if hasattr(group, "_fields") else {}


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_option_reaches_a_typed_parameter(words: tuple[str, ...]) -> None:
    command = EVERY[words]
    assert command.callback is not None
    function = inspect.unwrap(command.callback)
    parameters = inspect.signature(function).parameters
    given = {each.name for each in command.params if each.expose_value}
    taken = set()
    for name, parameter in parameters.items():
        assert parameter.kind is not inspect.Parameter.VAR_KEYWORD
        assert parameter.annotation not in (inspect.Parameter.empty, "Any")
        if parameter.annotation != "click.Context":
            taken |= set(fields) if (fields := group_fields(function, parameter)) else {name}
    assert taken == given


@pytest.mark.parametrize(
    "group", [options.MachineOptions, options.OutputOptions, GateOptions, fit.FitOptions, recommend.RecommendOptions]
)
def test_a_group_of_options_is_typed_and_cannot_change(group: type[Any]) -> None:
    assert "Any" not in map(str, group.__annotations__.values())
    value = group(*(None for _ in group.__annotations__))
    with pytest.raises(AttributeError):
        setattr(value, next(iter(group.__annotations__)), 1)


NEW_COMMAND = '''\
"""Say hello."""

import click


@click.command(help=__doc__)
def command() -> None:
    click.echo("hello")
'''


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the package with one more command file."""
    skipped = shutil.ignore_patterns("__pycache__", "data")
    shutil.copytree(ROOT / "llmcheck", tmp_path / "llmcheck", ignore=skipped)
    (tmp_path / "llmcheck" / "cli" / "commands" / "say_hello.py").write_text(NEW_COMMAND, encoding="utf-8")
    return tmp_path


def output(folder: Path, *arguments: str, **env: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **env}
    argv = [sys.executable, "-m", "llmcheck", *arguments]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_new_file_is_a_command(extended: Path) -> None:
    assert "say-hello    Say hello." in output(extended, "--help")
    assert output(extended, "say-hello") == "hello\n"
    completed = output(extended, _LLMCHECK_COMPLETE="bash_complete", COMP_WORDS="llmcheck say", COMP_CWORD="1")
    assert completed.split() == ["plain,say-hello"]


IMPORTED = """
import sys
from llmcheck.cli.main import run
code = run(sys.argv[1:])
loaded = [name for name in sys.modules if name.startswith("llmcheck.cli.commands.") or name == "llmcheck.api"]
print(code, *sorted(loaded), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], "0"),
        (["check", "--help"], "0 llmcheck.cli.commands.check"),
        (["profiles", "list"], "0 llmcheck.api llmcheck.cli.commands.profiles"),
    ],
)
def test_only_the_command_that_runs_is_imported(arguments: list[str], loaded: str) -> None:
    argv = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == loaded
