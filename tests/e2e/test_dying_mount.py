"""A mount whose server goes away while it is used: after whichever access it dies, the command ends, and says so."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from .command import Command
from .test_dead_mount import PROGRAM, library

__all__ = ["library"]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the library is preloaded on Linux")

MOMENTS = 4 * int(os.environ.get("LLMCHECK_FUZZ", "1"))
"""How many of the accesses of each case are the last one that is answered."""
LIMIT = ("--probe-timeout", "0.5", "--timeout", "4")
WORDS = ("--machine", "RTX 4090, 64 GB RAM", *LIMIT)
CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 512,
}
PROFILE = """\
id = "node"
title = "A profile of this test"
task = "general"
sources = ["this test"]
[[require]]
id = "memory"
kind = "ram"
total = "1 MB"
"""
UV = """\
#!/bin/sh
[ "$1" = --version ] && echo "uv 0.9.0" && exit 0
exit 1
"""
CASES: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "--path": (("machine", "--path", "{}", *LIMIT), {}),
    "--python": (("machine", "--python", "{}/venv/bin/python", *LIMIT), {}),
    "--output, a new file": (("machine", "--output", "{}/new.json", *WORDS), {}),
    "--output, an old file": (("machine", "--output", "{}/old.json", *WORDS), {}),
    "--save and --output": (("machine", "--save", "{}/s", "--output", "{}/o", *WORDS), {}),
    "--machine": (("check", "minimum", "--machine", "{}/machine.json", *LIMIT), {}),
    "a profile to check": (("check", "{}/node.toml", *WORDS), {}),
    "a profile to install": (("install", "{}/node.toml", *WORDS), {}),
    "a model": (("fit", "{}/model", *WORDS), {}),
    "--config": (("fit", "--config", "{}/model/config.json", *WORDS), {}),
    "HF_HOME": (("fit", "somebody/something", *WORDS), {"HF_HOME": "{}/hf"}),
    "HF_HOME, to list models": (("recommend", *LIMIT), {"HF_HOME": "{}/hf"}),
    "--venv": (("install", "toolkit", "--venv", "{}/venv", *LIMIT), {}),
    "VIRTUAL_ENV": (("check", "inference-7b", *LIMIT), {"VIRTUAL_ENV": "{}/venv"}),
    "PATH": (("machine", *LIMIT), {"PATH": "{}/bin:/usr/bin:/bin"}),
    "HOME": (("machine", *LIMIT), {"HOME": "{}/home"}),
    "the working directory": (("machine", *LIMIT), {}),
    "TMPDIR": (
        ("install", "toolkit", "--verify", "--python", sys.executable, *LIMIT),
        {"TMPDIR": "{}/tmp", "PATH": "{}/../bin:/usr/bin:/bin"},
    ),
}


@pytest.fixture
def mount(command: Command) -> Path:
    folder = command.home / "mount"
    packages = folder / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "venv" / "bin").mkdir()
    (folder / "venv" / "bin" / "python").symlink_to(sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    (folder / "venv" / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\nversion = {version}\n")
    (packages / "torch-2.7.1+cu126.dist-info").mkdir()
    (packages / "torch-2.7.1+cu126.dist-info" / "METADATA").write_text("Name: torch\nVersion: 2.7.1+cu126\n")
    for below in ("model", "hf/hub/models--somebody--something/snapshots/abc"):
        (folder / below).mkdir(parents=True)
        (folder / below / "config.json").write_text(json.dumps(CONFIG))
    for below in ("home", "tmp", "bin"):
        (folder / below).mkdir()
    (folder / "old.json").write_text("old")
    (folder / "node.toml").write_text(PROFILE)
    (command.home / "bin").mkdir()
    (command.home / "bin" / "uv").write_text(UV)
    (command.home / "bin" / "uv").chmod(0o755)
    assert command("machine", *WORDS, "--save", folder / "machine.json").code == 0
    return folder


@pytest.mark.parametrize("case", CASES)
def test_it_dies_later(command: Command, library: Path, mount: Path, tmp_path: Path, case: str) -> None:
    words, variables = CASES[case]
    count = tmp_path / "count"
    env = {"LD_PRELOAD": str(library), "LLMCHECK_DEAD_MOUNT": str(mount), "LLMCHECK_DEAD_COUNT": str(count)}
    env |= {name: value.format(mount) for name, value in variables.items()}
    cwd = mount if case == "the working directory" else None

    def run(after: int) -> tuple[int, str]:
        count.write_bytes(bytes(8))
        given = {**env, "LLMCHECK_DEAD_AFTER": str(after)}
        done = command(*(word.format(mount) for word in words), env=given, cwd=cwd, program=PROGRAM)
        return done.code, done.err

    code, err = run(2**40)
    assert code in (0, 1, 3), err
    (calls,) = struct.unpack("<Q", count.read_bytes())
    assert calls > 2, "it does not look there at all"
    for after in sorted({round(calls * each / MOMENTS) for each in range(MOMENTS)}):
        code, err = run(after)
        assert code in (0, 1, 2, 3), (after, err)
        assert "Traceback" not in err
        assert "this is a bug" not in err
        if code == 2:
            assert "does not answer" in err, after
