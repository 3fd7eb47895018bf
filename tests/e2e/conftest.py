"""What the tests of the command share: the command, profiles with known answers, and a driver that is played."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nvml import build

from .command import Command

ROOT = Path(__file__).resolve().parents[2]

PROFILE = """\
id = "{id}"
title = "A profile of this test"
task = "general"
sources = ["this test"]

[[require]]
id = "{id}-need"
{need}
"""

NEEDS = {
    "ready": 'kind = "ram"\ntotal = "1 MB"',
    "not-ready": 'kind = "ram"\ntotal = "1000 TB"',
    "undetermined": 'kind = "tool"\nname = "no-such-tool-anywhere"',
    "warned": 'kind = "ram"\ntotal = "1000 TB"\nlevel = "recommended"',
}
"""Answered alike by every machine."""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """llmcheck with an empty home and an empty working directory."""
    home, cwd = tmp_path / "home", tmp_path / "cwd"
    home.mkdir()
    cwd.mkdir()
    return Command(home, cwd)


@pytest.fixture
def profile(tmp_path: Path) -> Callable[[str], Path]:
    """The file of a profile whose verdict is known: a key of NEEDS."""

    def write(name: str) -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(PROFILE.format(id=name, need=NEEDS[name]), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def nvml_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the compiled stand-in for NVML."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the stand-in for NVML is a Linux library")
    if build.compiler() is None:
        reason = "the stand-in for NVML takes a C compiler"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("nvml")
    build.build(folder)
    return folder


@pytest.fixture
def driver(command: Command, nvml_folder: Path, tmp_path: Path) -> Callable[..., Command]:
    """The command with the driver of a scenario, and more lines: ``driver("t4", "[fault]", "nvmlInitWithFlags=9")``."""

    def under(scenario: str, *more: str) -> Command:
        text = (build.SCENARIOS / f"{scenario}.ini").read_text(encoding="utf-8")
        path = tmp_path / f"{scenario}.ini"
        path.write_text("\n".join((text, *more, "")), encoding="utf-8")
        return command.under(build.environment(nvml_folder, path))

    return under
