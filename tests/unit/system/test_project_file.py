"""The project's file is looked for from the working directory up to the root of the repository, and no further."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmcheck.system.project_file import LARGEST, candidates

SOMEBODY = 54321
ANYBODY = 1000


def found(folder: Path, user: int = ANYBODY) -> list[tuple[str, bool]]:
    """The names of the files by their place above the folder, and whether they were read."""
    return [(os.path.relpath(each.path, folder), each.data is not None) for each in candidates(str(folder), user)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "llmcheck.toml").write_text("outside = 1")
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "a" / "b").mkdir(parents=True)
    return root


def test_the_nearest_comes_first_and_nothing_beyond_the_root(repository: Path) -> None:
    (repository / "llmcheck.toml").write_text("")
    (repository / "a" / "pyproject.toml").write_text("[tool.llmcheck]")
    assert found(repository / "a" / "b") == [("../pyproject.toml", True), ("../../llmcheck.toml", True)]
    assert found(repository) == [
        ("llmcheck.toml", True),
    ]


def test_in_one_folder_its_own_file_comes_before_the_shared_one(repository: Path) -> None:
    (repository / "llmcheck.toml").write_text("")
    (repository / "pyproject.toml").write_text("[tool.llmcheck]")
    assert found(repository) == [("llmcheck.toml", True), ("pyproject.toml", True)]


def test_a_shared_file_that_does_not_mention_the_program_says_nothing(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("[tool.ruff]")
    assert found(repository) == []


def test_a_worktree_has_a_file_for_its_git_folder(tmp_path: Path) -> None:
    (tmp_path / "llmcheck.toml").write_text("")
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / ".git").write_text("gitdir: elsewhere")
    assert found(tmp_path / "tree" / "a") == []


def test_outside_of_a_repository_only_the_folder_itself_counts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "llmcheck.toml").write_text("")
    assert found(tmp_path / "a") == []
    assert found(tmp_path) == [("llmcheck.toml", True)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_and_a_huge_file_are_not_read(repository: Path) -> None:
    os.mkfifo(repository / "llmcheck.toml")
    with open(repository / "a" / "llmcheck.toml", "wb") as file:
        file.truncate(LARGEST + 1)
    assert found(repository / "a") == [("llmcheck.toml", False), ("../llmcheck.toml", False)]


def test_a_folder_that_is_gone_has_no_file(tmp_path: Path) -> None:
    assert found(tmp_path / "gone") == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_alone_what_another_user_made(repository: Path) -> None:
    for name in ("llmcheck.toml", "pyproject.toml"):
        (repository / name).write_text("[tool.llmcheck]")
    assert all(read for _, read in found(repository, user=0))
    os.chown(repository / "llmcheck.toml", SOMEBODY, SOMEBODY)
    assert found(repository, user=0) == [("llmcheck.toml", False), ("pyproject.toml", True)]
    assert all(read for _, read in found(repository))
    os.chown(repository, SOMEBODY, SOMEBODY)
    assert not any(read for _, read in found(repository, user=0))
