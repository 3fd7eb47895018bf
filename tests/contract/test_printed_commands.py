"""Every command of llmcheck that it prints can be run as it is printed."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.cli.main import main
from tests.golden.test_golden import MACHINES

ROOT = Path(__file__).resolve().parents[2]
_QUOTED = re.compile(r"'(llmcheck(?: [^'\n]+)?)'")
_WHOLE = re.compile(r"(?:^|: )(llmcheck [a-z][^;,]*)$")


OWN_PROFILE = (
    'id = "mine"\ntitle = "Mine"\ntask = "general"\nsources = ["this test"]\n'
    '[[require]]\nid = "gpu"\nkind = "gpu"\nmemory = "9000 GB"\n'
    '[[require]]\nid = "odd"\nkind = "package"\nname = "no-such-package-anywhere"\n'
    '[[require]]\nid = "tool"\nkind = "tool"\nname = "git"\nlibrary = "git"\n'
)


def problem(command: str) -> str | None:
    """Why a command line would be refused by the parser, or names what is not there; None for one that runs."""
    words = shlex.split(command)[1:]
    try:
        with main.make_context("llmcheck", list(words), resilient_parsing=False) as context:
            command_: click.Command = main
            rest = [*context._protected_args, *context.args]
            while isinstance(command_, click.Group) and rest:
                _, found, rest = command_.resolve_command(context, rest)
                assert found is not None
                command_ = found
                with found.make_context(found.name, list(rest), parent=context) as context:
                    rest = [*context._protected_args, *context.args]
                    params = context.params
        if isinstance(command_, click.Group):
            return None if command_.invoke_without_command else "a group alone runs nothing"
    except click.exceptions.Exit:
        return None
    except click.UsageError as error:
        return error.format_message()
    known = {*profiles.ids(), *catalog.libraries(), *(alias.name for alias in catalog.aliases())}
    for name in ("profiles", "profile", "tier", "targets", "library", "names"):
        value = params.get(name) or ()
        for word in (value,) if isinstance(value, str) else value:
            if word not in known and not word.endswith(".toml"):
                return f"{word!r} is neither a profile nor a library"
    return None


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("llmcheck", True),
        ("llmcheck --format svg", True),
        ("llmcheck profiles", False),
        ("llmcheck cloud", False),
        ("llmcheck cloud inference-7b", True),
        ("llmcheck cloud inferense-7b", False),
        ("llmcheck cloud --model 7B --method lora", True),
        ("llmcheck cloud --method lora", False),
        ("llmcheck check TIER", False),
        ("llmcheck install torch", True),
        ("llmcheck install no-such-library", False),
        ("llmcheck profiles show", False),
        ("llmcheck fit 7B --nonsense", False),
    ],
)
def test_the_test_knows_what_runs(command: str, runs: bool) -> None:
    assert (problem(command) is None) is runs


def texts() -> Iterator[tuple[str, str]]:
    """Every text in the sources that is no docstring, with its place."""
    for path in sorted((ROOT / "llmcheck").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        inside = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
        statements = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | statements:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
    for path in sorted((ROOT / "llmcheck" / "data").glob("*.toml")):
        yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def test_commands_in_the_sources_run() -> None:
    wrong = {}
    for place, text in texts():
        for command in _QUOTED.findall(text):
            if "{" not in command and (why := problem(command)):
                wrong[f"{place}: {command}"] = why
    assert wrong == {}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", sorted(path.stem for path in MACHINES.glob("*.json")))
def test_commands_in_answers_run(name: str, tmp_path: Path) -> None:
    machine = api.load_machine(str(MACHINES / f"{name}.json"))
    own = tmp_path / "my node.toml"
    own.write_text(OWN_PROFILE)
    answers = [
        api.overview(lambda: machine),
        api.check([*profiles.ids(), str(own)], lambda: machine),
        api.cloud("inference-70b-4bit", machine=machine),
        api.cloud("inference-70b", everything=True),
        *(api.install_plan([each], lambda: machine) for each in ("inference-7b", "toolkit")),
    ]
    wrong: dict[str, str] = {}
    seen = 0
    for answer in answers:
        for text in strings(msgspec.to_builtins(answer)):
            commands = [*_QUOTED.findall(text), *_WHOLE.findall(text)]
            seen += len(commands)
            wrong |= {command: why for command in commands if (why := problem(command))}
    assert wrong == {}
    assert seen > 5
    screens = "\n".join(api.render(answer, "markdown", api_options()) for answer in answers)
    shown = re.findall(r"llmcheck (?:check|install|cloud) [\w./-]+(?= |$)", screens, re.MULTILINE)
    refused = {command: why for command in shown if (why := problem(command))}
    assert refused == {}


def api_options() -> Any:
    from llmcheck.render import Options

    return Options(width=160)
