"""README.md and the pages of ``docs`` show what the program prints now.

``LLMCHECK_UPDATE_GOLDEN=1 pytest tests/golden`` writes the screens, the blocks that show them and the picture anew.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.command import Command
from tests.golden.documents import COLUMNS, DOCUMENTS, ROOT, excerpt, shown_in, written_anew
from tests.golden.test_golden import SCREENS, screen

PICTURE = ROOT / "docs" / "first-screen.svg"
COMMANDS = {
    each.screen: each.command
    for path in DOCUMENTS
    for each in shown_in(path.read_text(encoding="utf-8"))
    if each.command is not None
}


def inspected_today(folder: Path) -> Path:
    """The folder with the recorded machines as in the clone, without the line that says how old they are today."""
    machines = folder / "tests" / "machines"
    machines.mkdir(parents=True)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for path in (ROOT / "tests" / "machines").glob("*.json"):
        recorded = json.loads(path.read_bytes())
        (machines / path.name).write_text(json.dumps({**recorded, "collected_at": now}), encoding="utf-8")
    return folder


def printed(arguments: list[str], tmp_path: Path) -> str:
    """What a command prints in the clone, on the day on which its machine was inspected."""
    command = Command(home=tmp_path, cwd=inspected_today(tmp_path / "clone"))
    done = command(*arguments, env={"COLUMNS": str(COLUMNS)})
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_in_the_documents_prints_the_screen_below_it(name: str, tmp_path: Path) -> None:
    screen(name, printed(shlex.split(COMMANDS[name])[1:], tmp_path))


def test_the_picture_is_the_first_screen(tmp_path: Path) -> None:
    command = Command(home=tmp_path, cwd=inspected_today(tmp_path / "clone"))
    picture = command("--machine", "tests/machines/2x4090.json", "--format", "svg")
    assert (picture.code, picture.err) == (0, "")
    if os.environ.get("LLMCHECK_UPDATE_GOLDEN"):
        PICTURE.write_text(picture.out, encoding="utf-8", newline="\n")
    assert picture.out.splitlines() == PICTURE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_block_shows_the_screen_that_it_names(path: Path) -> None:
    document = path.read_text(encoding="utf-8")
    if os.environ.get("LLMCHECK_UPDATE_GOLDEN"):
        document = written_anew(document, SCREENS)
        path.write_text(document, encoding="utf-8", newline="\n")
    shown = shown_in(document)
    assert len(shown) == document.count("<!-- screen:")
    for each in shown:
        stored = (SCREENS / each.screen).read_text(encoding="utf-8")
        assert each.text == excerpt(stored, each.lines), f"{each.screen}: LLMCHECK_UPDATE_GOLDEN=1 writes it anew"
    assert all(each.text.strip() for each in shown)


def test_every_text_block_of_the_readme_is_the_output_of_a_command() -> None:
    readme = DOCUMENTS[0].read_text(encoding="utf-8")
    shown = shown_in(readme)
    assert len(shown) == len(re.findall(r"^```text$", readme, re.MULTILINE)) == 3
    assert all(each.command for each in shown)


def test_a_part_of_a_screen_is_its_lines() -> None:
    document = (
        "# A\n\n```sh\nllmcheck tiers\n```\n\n<!-- screen: a.txt, lines 2 to 3 -->\n\n```text\nold\n```\n\n"
        "<!-- screen: a.txt -->\n\n```text\n```\n"
    )
    part, whole = shown_in(document)
    assert (part.screen, part.lines, part.text, part.command) == ("a.txt", (2, 3), "old\n", "llmcheck tiers")
    assert (whole.lines, whole.command) == (None, None)
    assert excerpt("1\n2\n3\n4\n", (2, 3)) == "2\n3\n"
    assert excerpt("1\n2\n", None) == "1\n2\n"


def test_documents_are_written_anew_block_by_block(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1\n2\\1\n3\n", encoding="utf-8")
    document = "before\n\n<!-- screen: a.txt, lines 2 to 3 -->\n\n```text\nold\n```\n\nafter\n"
    assert written_anew(document, tmp_path) == document.replace("old\n", "2\\1\n3\n")
