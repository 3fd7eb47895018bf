"""What the pages about profiles show of files that a reader would have, at 100 columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmcheck import catalog
from tests.e2e.command import Command
from tests.golden.documents import COLUMNS, ROOT
from tests.golden.test_golden import screen
from tests.golden.test_shown_in_documents import inspected_today

PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("configuration.md", "profile-tools.md")}
NODE = """\
id = "our-node"
title = "A node of ours"
task = "inference"
sources = ["the platform team's page"]

[[require]]
id = "gpu"
kind = "gpu"
memory = "24 GB"
count = 2
why = "the model is split over two cards"

[[require]]
id = "ram"
kind = "ram"
total = "32 GB"
why = "weights are loaded through it"
"""
WRONG = """\
id = "our-node"
title = "A node of ours"
task = "inference"
sources = ["the platform team's page"]
expires = 2026-01-01

[[require]]
id = "gpu"
why = "the model does not fit otherwise"
any_of = [{ kind = "gpu", memory = "24 GB" }, { kind = "gpu", memory = "48 GB" }]

[[require]]
id = "bad-memory"
kind = "fact"
fact = "gpus[*].ecc.uncorrected_errors"
eq = 0
"""


@pytest.fixture
def run(tmp_path: Path) -> Command:
    clone = inspected_today(tmp_path / "clone")
    (clone / ".git").mkdir()
    (clone / "ci").mkdir()
    (clone / "ci" / "our-node.toml").write_text(NODE, encoding="utf-8")
    return Command(home=tmp_path, cwd=clone, base={"COLUMNS": str(COLUMNS)})


def test_check_alone_with_the_file_that_the_page_shows(run: Command) -> None:
    block = re.search(r"```toml\n(.*?)```", PAGES["configuration.md"], re.DOTALL)
    assert block is not None
    (run.cwd / "llmcheck.toml").write_text(block[1], encoding="utf-8")
    done = run("check", "--machine", "tests/machines/2x4090.json", cwd=run.cwd)
    assert done.code == 0
    said = f"$ llmcheck check\n{done.err}" + "\n".join(line.rstrip() for line in done.out.splitlines()) + "\n"
    screen("configured-check.txt", said)


def test_lint(run: Command) -> None:
    (run.cwd / "our-node.toml").write_text(WRONG, encoding="utf-8")
    done = run("profiles", "lint", "our-node.toml")
    assert (done.code, done.err) == (1, "")
    screen("profiles-lint.txt", done.out)


def test_test(run: Command) -> None:
    tests = run.cwd / "ci" / "our-node.tests"
    tests.mkdir()
    for name, machine in (("passing-two-cards", "2x4090"), ("failing-one-card", "rtx3060")):
        (tests / f"{name}.json").write_bytes((run.cwd / "tests" / "machines" / f"{machine}.json").read_bytes())
    (tests / "expected.toml").write_text('failing-one-card = ["gpu"]\n', encoding="utf-8")
    done = run("profiles", "test", "ci/our-node.toml")
    assert (done.code, done.err) == (0, "")
    screen("profiles-test.txt", done.out)


def test_diff(run: Command) -> None:
    done = run("profiles", "diff", "inference-13b-30b", "inference-70b-4bit")
    assert (done.code, done.err) == (1, "")
    screen("profiles-diff.txt", done.out)


def test_the_page_has_every_code_of_lint_and_no_other() -> None:
    source = (ROOT / "llmcheck" / "judge" / "lint.py").read_text(encoding="utf-8")
    source += (ROOT / "llmcheck" / "api" / "profile_tools.py").read_text(encoding="utf-8")
    codes = {*re.findall(r'code="([a-z-]+)"', source), *re.findall(r'found\("([a-z-]+)"', source)}
    codes |= {*re.findall(r'yield "([a-z-]+)"', source), "invalid"}
    rows = PAGES["profile-tools.md"].partition("| code |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", rows, re.MULTILINE)) == codes
    assert {topic.id for topic in catalog.topics() if topic.of == "finding of profiles lint"} == codes


def test_the_page_has_every_key_of_the_file() -> None:
    from llmcheck.schema.configuration import Configuration

    rows = PAGES["configuration.md"].partition("| key |")[2].partition("\n\n")[0]
    first = "".join(re.findall(r"^\|([^|]*)\|", rows, re.MULTILINE))
    assert set(re.findall(r"`([a-z-]+)`", first)) == set(Configuration.__struct_encode_fields__)
