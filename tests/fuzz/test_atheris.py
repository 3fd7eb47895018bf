"""The readers of files from outside under atheris, which looks for inputs by the code that they reach.

``pip install atheris`` where there is a wheel of it; ``LLMCHECK_FUZZ=20`` tries twenty times as many.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = 2_000 * int(os.environ.get("LLMCHECK_FUZZ", "1"))
HARNESS = """\
import sys, atheris
with atheris.instrument_imports(include=["llmcheck"]):
    from llmcheck.api.saved_machine import read_machine
    from llmcheck.catalog.profiles import decode_profile
    from llmcheck.catalog.sources import parse_toml
    from llmcheck.checkpoint import config, find
    from llmcheck.errors import LlmcheckError

def machine(data): read_machine(data, "m")
def profile(data): decode_profile(parse_toml(data, "p"), "p")
def architecture(data): config.architecture(config.decoded(data, "c"), "c")
def model(data):
    path = sys.argv[3] + "/model.gguf"
    with open(path, "wb") as file:
        file.write(data)
    find.read(path)

read = {"machine": machine, "profile": profile, "config": architecture, "model": model}[sys.argv[1]]

def one(data):
    try:
        read(data)
    except LlmcheckError:
        pass

atheris.Setup([sys.argv[0], "-runs=" + sys.argv[2], "-seed=1", "-max_len=4096", sys.argv[3] + "/seeds"], one)
atheris.Fuzz()
"""
SEEDS = {
    "machine": "tests/machines/cpu-laptop.json",
    "profile": "profiles/minimum.toml",
    "config": None,
    "model": None,
}


@pytest.mark.parametrize("reader", SEEDS)
def test_a_reader_ends_in_an_answer_or_a_refusal(reader: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: it has wheels for Linux and few Pythons")
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    seed = SEEDS[reader]
    (seeds / "seed").write_bytes((ROOT / seed).read_bytes()[:4096] if seed else b'GGUF{"model_type": "llama"}')
    harness = tmp_path / "harness.py"
    harness.write_text(HARNESS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(harness), reader, str(RUNS), str(tmp_path)],
        capture_output=True,
        cwd=tmp_path,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
