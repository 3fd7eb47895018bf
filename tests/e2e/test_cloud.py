"""``llmcheck cloud`` as a user runs it: no network, bad lists, a pipe, formats, what starts a machine."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import pytest

from .command import Command

NOWHERE = {"GPUHUNT_CATALOG_URL": "http://127.0.0.1:9/nothing"}


def test_live_without_a_network_is_one_line_and_the_shipped_prices(command: Command) -> None:
    begun = time.monotonic()
    done = command("cloud", "inference-70b", "--live", "--format", "json", env=NOWHERE)
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert done.err.startswith("llmcheck: --live: ")
    assert "the shipped prices are used" in done.err
    assert done.document["offers"]
    assert [path for path in command.home.rglob("*") if path.is_file()] == []
    assert time.monotonic() - begun < 45, "its own deadline is 20 seconds"


def test_a_list_with_a_bad_row_is_used_without_it(command: Command, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(
        "instance_type,accelerator,gpu_count,price_hour,ram_gib\n"
        "rack-1,H100 SXM,1,1.5,512\nrack-2,Hopper 9000,1,1,512\nrack-3,L4,1,nan,64\n"
    )
    done = command("cloud", "inference-70b", "--offers", own, "--format", "json")
    assert done.code == 0
    assert [each["offer"]["instance_type"] for each in done.document["offers"]] == ["rack-1"]
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert "line 3: unknown GPU 'Hopper 9000'" in lines[0]
    assert "line 4: price_hour 'nan' is not a number" in lines[1]


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"\x00\xff\xfe", b"a,b\n1,2\n"])
def test_what_is_no_list_is_one_line_and_exit_code_2(command: Command, tmp_path: Path, content: bytes) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(content)
    done = command("cloud", "inference-70b", "--offers", own)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert "own.csv" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--provider", "amazon"), "it has no offer"),
        (("--min-memory", "much"), "expected a size"),
        (("inference-7b", "--hours", "nan"), "--hours"),
        (("inference-7b", "--tokens", "many"), "--tokens many: expected a count"),
        (("inference-7b", "--max-price", "0"), "--max-price"),
        (("inference-7b", "--launch", "native", "--provider", "lambda"), "ends the machine by itself"),
        (("inference-7b", "--launch", "sky", "--format", "csv"), "--launch"),
        (("inference-7b", "--launch", "helm"), "--launch"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(command: Command, words: tuple[str, ...], said: str) -> None:
    done = command("cloud", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_the_catalogue_and_the_document_in_every_format(command: Command, tmp_path: Path) -> None:
    for words in ((), ("--gpu", "h100"), ("--documented",), ("inference-7b",)):
        for name in ("a.csv", "a.md", "a.json", "a.svg", "a.txt"):
            done = command("cloud", *words, "--output", tmp_path / name)
            assert done.code == 0, (words, name, done.err)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert rows
    assert {row["fits"] for row in rows} == {"yes"}


def test_what_starts_a_machine_is_the_whole_output(command: Command) -> None:
    done = command("cloud", "inference-70b", "--launch", "sky")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# start: sky launch")
    assert done.out.endswith("\n")


def test_what_cannot_be_rented_at_that_price_ends_with_1_and_names_the_nearest(command: Command) -> None:
    done = command("cloud", "inference-70b", "--max-price", "0.05", "--format", "json")
    assert done.code == 1
    assert done.document["offers"] == []
    assert [each["id"] for each in done.document["nearest"][0]["gaps"]] == ["max-price"]


def test_check_names_the_cheapest_machine_only_where_this_one_falls_short(command: Command) -> None:
    small = command("check", "inference-70b", "--machine", "RTX 3060, 32 GB RAM", "--skip", "software")
    assert small.code == 1
    assert "to rent from" in small.out
    large = command("check", "inference-70b", "--machine", "8x H100 SXM, 512 GB RAM, 2 TB disk", "--skip", "software")
    assert "to rent" not in large.out
