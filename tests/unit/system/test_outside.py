"""What a path leads to is read whole, refused, or given up; nothing waits."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.errors import DataError
from llmcheck.printable import is_printable, json_printable
from llmcheck.system import outside
from llmcheck.system.files import Files

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 2**20)
    assert outside.read_file(str(path), 2**20, "a thing") == b"x" * 2**20
    path.write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(DataError, match="larger than 1 MiB, the limit for a thing"):
        outside.read_file(str(path), 2**20, "a thing")


def test_what_is_no_file_is_refused_by_its_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("/dev/null", str(tmp_path / "fifo")):
            with pytest.raises(DataError, match="only a file is read"):
                outside.open_file(name)
        with pytest.raises(OSError, match="No such device"):
            outside.open_file(str(tmp_path / "socket"))
    with pytest.raises(IsADirectoryError):
        outside.open_file(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        outside.open_file(str(tmp_path / "gone"))


def test_all_pipes_together_have_one_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    outside.wait_at_most(0.2)
    try:
        with pytest.raises(DataError, match=r"nothing within 0\.2 s"):
            outside.read_file(str(tmp_path / "fifo"), 10, "a thing")
        reader, writer = os.pipe()
        os.write(writer, b"late")
        with pytest.raises(DataError, match="did not end"):
            outside.read_stream(reader, 10, "a thing", "a pipe")
        os.close(writer)
        assert outside.read_stream(reader, 10, "a thing", "a pipe") == b""
        os.close(reader)
    finally:
        outside.wait_at_most(outside.SECONDS)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for name in ("/dev/null", str(tmp_path / "fifo"), str(tmp_path)):
        with pytest.raises((DataError, OSError)):
            outside.open_file(name)
        assert Files().read(name) is None
    assert not before or len(os.listdir("/proc/self/fd")) == before


def test_a_probe_reads_no_fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_bytes(b"a\xff")
    assert Files(str(tmp_path)).read("/fifo") is None
    assert Files(str(tmp_path)).read("/file") == "a\N{REPLACEMENT CHARACTER}"
    assert Files(str(tmp_path)).read("/\0") is None


@given(st.dictionaries(st.text(), st.text()))
def test_escaped_json_is_the_same_document_without_what_steers_a_terminal(document: dict[str, str]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    escaped = json_printable(text)
    assert json.loads(escaped) == document
    assert is_printable(escaped.replace("\n", ""))
