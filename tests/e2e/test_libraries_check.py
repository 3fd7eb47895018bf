"""``libraries check``: what is installed, outdated, broken, missing."""

from __future__ import annotations

import venv
from pathlib import Path

from .command import Command

PEFT = ("peft-0.1.0.dist-info/METADATA", "peft-0.1.0.dist-info/RECORD", "peft/__init__.py")


def environment(folder: Path, *entries: str) -> Path:
    """The interpreter of an environment with these files in it."""
    venv.create(folder / "env", symlinks=True)
    (site,) = (folder / "env").glob("lib/python3*/site-packages")
    for entry in entries:
        (site / entry).parent.mkdir(exist_ok=True)
        (site / entry).write_text("")
    return folder / "env" / "bin" / "python"


def test_states_are_told_apart(command: Command, tmp_path: Path) -> None:
    python = environment(tmp_path, *PEFT, "transformers-99.0.dist-info/METADATA")
    done = command("libraries", "check", "peft", "transformers", "sglang", "--python", python, "--format", "json")
    assert done.code == 1
    assert {each["id"]: each["state"] for each in done.document["libraries"]} == {
        "peft": "outdated",
        "transformers": "broken",
        "sglang": "missing",
    }


def test_without_names_it_informs(command: Command) -> None:
    done = command("libraries", "check")
    assert (done.code, done.err) == (0, "")
    assert "missing:" in done.out


def test_an_unknown_name_is_one_clear_line(command: Command) -> None:
    done = command("libraries", "check", "transformer")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'transformers'" in done.err
