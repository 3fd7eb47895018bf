"""README.md and the pages of ``docs``: commands run, links lead somewhere, figures are those of the tables."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from llmcheck import catalog, registry
from llmcheck.catalog import profiles
from llmcheck.cli import commands
from llmcheck.schema.profile import source_in_words
from tests.contract.test_printed_commands import problem
from tests.golden.documents import DOCUMENTS, ROOT

README = DOCUMENTS[0].read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}
SETS_UP = ("python3 -m venv .venv && .venv/bin/python -m pip install ", "eval ")
"""What the lines of sh blocks begin with that do more than to run llmcheck."""


def sh_blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command_in(line: str) -> str | None:
    """The llmcheck command of a line of shell, without what starts it and what follows a pipe."""
    words = shlex.split(line, comments=True)
    for start in (["uvx", "--from", ".", "llmcheck"], ["pipx", "run", "--spec", ".", "llmcheck"]):
        if words[: len(start)] == start:
            words = words[len(start) - 1 :]
    if "|" in words:
        words = words[: words.index("|")]
    return shlex.join(words) if words[:1] == ["llmcheck"] else None


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("llmcheck install inference-7b --format sh | sh   # run it", "llmcheck install inference-7b --format sh"),
        ("uvx --from . llmcheck tiers", "llmcheck tiers"),
        ("pipx run --spec . llmcheck", "llmcheck"),
        ("pip install llmcheck", None),
    ],
)
def test_the_test_finds_the_command_of_a_line(line: str, command: str | None) -> None:
    assert command_in(line) == command


@pytest.mark.parametrize("name", PAGES)
def test_every_line_of_a_sh_block_is_a_command_that_runs(name: str) -> None:
    lines = [line for block in sh_blocks(PAGES[name]) for line in block.splitlines()]
    found = {line: command_in(line) for line in lines if not line.startswith(SETS_UP)}
    wrong = {line: problem(command) if command else "no llmcheck command" for line, command in found.items()}
    assert {line: why for line, why in wrong.items() if why} == {}


def test_the_first_two_blocks_set_up_and_run_and_set_up_and_test() -> None:
    run, test, *_ = sh_blocks(README)
    assert run.splitlines() == [
        "python3 -m venv .venv && .venv/bin/python -m pip install --quiet . && .venv/bin/llmcheck"
    ]
    assert test.splitlines() == [
        "python3 -m venv .venv && .venv/bin/python -m pip install --quiet --editable '.[dev]'"
        " && .venv/bin/python -m pytest"
    ]


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file_and_a_heading_that_exist(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    broken = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert len(README.splitlines()) <= 180
    pages = {f"docs/{path.name}" for path in DOCUMENTS[1:]} | {"docs/first-screen.svg"}
    assert {page for page in pages if f"]({page})" not in README} == set()


def test_the_page_of_commands_has_every_command() -> None:
    rows = set(re.findall(r"^\| `llmcheck ?([\w-]*)", PAGES["commands.md"], re.MULTILINE))
    assert rows == {"", *(name.replace("_", "-") for name in registry.names(commands.__name__))}


FIGURES = {
    r"(\d+) corrections": len(catalog.corrections()),
    r"a correction[^.]*?: (\d+) so far": len(catalog.corrections()),
    r"(\d+) offers": len(catalog.offers()),
    r"(\d+) well-known models": len(catalog.models()),
    r"models that it knows by name \| \| (\d+)": len(catalog.models()),
    r"(\d+) original\s+releases": len(catalog.listed_models()),
}


@pytest.mark.parametrize("pattern", FIGURES)
def test_a_number_of_rows_is_that_of_the_table(pattern: str) -> None:
    said = [int(found) for text in PAGES.values() for found in re.findall(pattern, text, re.DOTALL)]
    assert said
    assert set(said) == {FIGURES[pattern]}


def test_the_tiers_are_nine_and_the_document_that_they_come_from_is_named() -> None:
    assert "nine TOML files" in PAGES["profiles.md"]
    assert len(profiles.tier_ids()) == 9
    named = {source_in_words(source).partition(",")[0] for profile in profiles.tiers() for source in profile.sources}
    assert named == {"Module 11: Resources and Tools"}
    for name in ("README.md", "profiles.md"):
        assert "Module 11: Resources and Tools" in " ".join(PAGES[name].split())


def test_a_source_distribution_has_the_documents() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {"/docs", "/README.md", "/tests"} <= set(included)
