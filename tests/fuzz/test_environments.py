"""The files of a virtual environment: pyvenv.cfg, METADATA, names of folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck import codec
from llmcheck.printable import is_printable
from llmcheck.probe import Request, assemble, software
from llmcheck.system import environment_files
from llmcheck.system.host import Host
from llmcheck.system.interpreter import BEGIN, END, InterpreterChoice
from tests.fuzz.running import damaged, texts, tried

CFG = b"home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.4.final.0\ninclude-system-site-packages = true\n"
SITE = "/env/lib/python3.12/site-packages"
METADATA = b"Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0+cu128\nInstaller: pip\n\nA long text\n"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    return tmp_path / "env"


@tried(150)
@given(data=damaged(CFG))
def test_a_pyvenv_cfg(prefix: Path, data: bytes) -> None:
    (prefix / "pyvenv.cfg").write_bytes(data)
    facts = environment_files.facts(str(prefix / "bin" / "python"), {})
    assert facts is None or all(isinstance(each, list) for each in facts.values())


_NAMES = st.sampled_from(["torch", "vllm", "~orch", "a.b", "__editable___x"]) | texts


@tried(80)
@given(
    name=_NAMES,
    version=st.sampled_from(["1.0", "2.9.0+cu128"]) | texts,
    data=damaged(METADATA),
    more=st.binary(max_size=40),
)
def test_the_metadata_of_a_package(tmp_path: Path, name: str, version: str, data: bytes, more: bytes) -> None:
    site = tmp_path / SITE[1:]
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    info = site / f"{name}-{version[:60]}.dist-info".replace("/", "_").replace("\0", "")
    try:
        info.mkdir()
    except OSError:  # a name that this file system refuses
        return
    for file in ("METADATA", "RECORD", "INSTALLER", "direct_url.json"):
        (info / file).write_bytes(data if file == "METADATA" else more)
    (site / "torch").mkdir(exist_ok=True)
    (site / "torch" / "version.py").write_bytes(data)
    (site / "x.pth").write_bytes(more)
    fields = (
        ["3.12.4"],
        ["cpython"],
        ["/env"],
        ["/usr"],
        ["/usr/lib/python3.12"],
        ["/env/lib/python3.12/site-packages"],
    )
    answer = BEGIN + b"".join("\0".join(each).encode() + b"\n" for each in fields) + END
    choice = InterpreterChoice("/env/bin/python", "named with --python", explicit=True)
    reading = software.probe(Host(str(tmp_path)), Request(python=choice, python_answer=answer))
    text = codec.encode_json(assemble([reading]))
    assert is_printable(text.replace("\n", ""))
