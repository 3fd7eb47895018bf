"""An invalid profile is refused with the file, the place and what is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmcheck.catalog import profiles
from llmcheck.errors import DataError
from llmcheck.judge.requirements import decode, kinds

HEAD: dict[str, Any] = {"id": "mine", "title": "Mine", "task": "inference", "sources": ["a note"]}
GPU: dict[str, Any] = {"id": "gpu", "kind": "gpu", "memory": "24 GB"}


def refusal(table: object) -> str:
    with pytest.raises(DataError) as caught:
        decode(table, "mine.toml, require[0]")
    message = str(caught.value)
    assert message.startswith("mine.toml, require[0]")
    assert "\n" not in message
    return message


def profile_refusal(table: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        profiles.decode_profile(table, "mine.toml")
    assert str(caught.value).startswith("mine.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "typo", "nearest"),
    [
        ("gpu", "memroy", "memory"),
        ("gpu", "exemples", "examples"),
        ("ram", "totl", "total"),
        ("disk", "fre", "free"),
        ("package", "nmae", "name"),
        ("tool", "lable", "label"),
        ("driver", "vesion", "version"),
        ("python", "versoin", "version"),
        ("network", "tpye", "type"),
        ("interconnect", "soruce", "source"),
    ],
)
def test_a_misspelt_key_is_named_with_its_requirement_and_the_nearest_key(kind: str, typo: str, nearest: str) -> None:
    message = refusal({"id": "mine", "kind": kind, typo: "x"})
    assert "('mine')" in message
    assert f"unknown key '{typo}'" in message
    assert f"did you mean '{nearest}'?" in message
    assert "accepted: " in message
    assert "why" in message


@pytest.mark.parametrize(("kind", "nearest"), [("gpuu", "gpu"), ("packages", "package"), ("drvier", "driver")])
def test_an_unknown_kind_gets_the_nearest_and_all_kinds(kind: str, nearest: str) -> None:
    message = refusal({"id": "mine", "kind": kind})
    assert f"unknown kind '{kind}'" in message
    assert f"did you mean '{nearest}'?" in message
    assert ", ".join(kinds()) in message


@pytest.mark.parametrize("kind", [None, 3, ["gpu"], "", "_registry", "../gpu"])
def test_a_missing_or_unknown_kind_is_refused(kind: object) -> None:
    assert "kind" in refusal({"id": "mine", "kind": kind} if kind is not None else {"id": "mine"})


@pytest.mark.parametrize("size", ["24", "24 gb", "lots", "", "24 G"])
@pytest.mark.parametrize(("kind", "key"), [("gpu", "memory"), ("ram", "total"), ("disk", "free")])
def test_a_size_without_a_plain_unit_is_refused(kind: str, key: str, size: str) -> None:
    message = refusal({"id": "mine", "kind": kind, key: size})
    assert f"'{size}' is not a size" in message
    assert "GiB" in message


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({**GPU, "count": 0}, "count"),
        ({**GPU, "count": "two"}, "count"),
        ({**GPU, "count": True}, "count"),
        ({**GPU, "level": "must"}, "level"),
        ({**GPU, "scope": "planet"}, "scope"),
        ({"id": "gpu", "kind": "gpu"}, "memory"),
        ({"kind": "gpu", "memory": "24 GB"}, "id"),
        ({"id": "ram", "kind": "ram"}, "total"),
        ({"id": "disk", "kind": "disk"}, "either"),
        ({"id": "disk", "kind": "disk", "free": "1 GB", "type": "ssd"}, "either"),
        ({"id": "disk", "kind": "disk", "type": "floppy"}, "type"),
        ({"id": "net", "kind": "network", "type": "token-ring"}, "type"),
        ({"id": "link", "kind": "interconnect", "type": "pcie"}, "type"),
        ({"id": "torch", "kind": "package"}, "name"),
        ({"id": "torch", "kind": "package", "name": "torch; rm -rf"}, "name"),
        ({"id": "torch", "kind": "package", "name": "--index-url"}, "name"),
        ({"id": "torch", "kind": "package", "name": "torch", "version": "two"}, "two"),
        ({"id": "git", "kind": "tool"}, "name"),
        ({"id": "python", "kind": "python", "version": "new"}, "new"),
        ({"id": "driver", "kind": "driver", "version": "newest"}, "newest"),
    ],
)
def test_the_error_for_a_wrong_value_names_it(table: dict[str, Any], word: str) -> None:
    assert word in refusal(table)


@pytest.mark.parametrize("name", ["GPU", "my gpu", "gpu_1", "-gpu", "gpu/2", ""])
def test_an_id_is_lower_case_with_hyphens(name: str) -> None:
    assert "lower case" in refusal({**GPU, "id": name})


@pytest.mark.parametrize(
    ("alternatives", "word"),
    [
        ("vllm", "list of tables"),
        (["vllm"], "any_of[0]"),
        ([{"name": "vllm"}, {"any_of": [{"nam": "tgi"}]}], "any_of[1] ('engine'), any_of[0]"),
        ([{"name": "vllm"}, {"nam": "tgi"}], "any_of[1]"),
        ([{"name": "vllm"}, {"kind": "tol", "name": "tgi"}], "did you mean 'tool'?"),
        ([], "name"),
    ],
)
def test_alternatives_are_a_list_of_plain_tables(alternatives: object, word: str) -> None:
    assert word in refusal({"id": "engine", "kind": "package", "any_of": alternatives})


def test_alternatives_inherit_id_kind_level_and_source() -> None:
    table = {
        "id": "engine",
        "kind": "package",
        "level": "recommended",
        "source": "Table 1",
        "any_of": [{"name": "vllm"}, {"kind": "tool", "name": "git"}],
    }
    first, second = decode(table, "mine.toml").any_of
    assert (first.kind, second.kind) == ("package", "tool")
    assert {(each.id, each.level, each.source) for each in (first, second)} == {("engine", "recommended", "Table 1")}


@pytest.mark.parametrize("table", [None, "gpu", ["gpu"], 3])
def test_a_requirement_that_is_not_a_table_is_refused(table: object) -> None:
    assert "table" in refusal(table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({**HEAD, "titel": "x", "require": [GPU]}, ["unknown key 'titel'", "did you mean 'title'?", "accepted: "]),
        ({**HEAD, "require": []}, ["at least one [[require]]"]),
        ({**HEAD}, ["at least one [[require]]"]),
        ({**HEAD, "require": GPU}, ["at least one [[require]]"]),
        ({**HEAD, "require": [GPU, GPU]}, ["two requirements have the id 'gpu'"]),
        ({**HEAD, "require": [GPU, {**GPU, "id": "second", "memroy": "1 GB"}]}, ["require[1] ('second')", "'memroy'"]),
        ({**HEAD, "task": "cooking", "require": [GPU]}, ["task"]),
        ({**HEAD, "sources": "a note", "require": [GPU]}, ["sources"]),
        (
            {**HEAD, "require": [GPU], "cost": {"documentd": "$5", "per": "hour", "low": 1, "high": 2}},
            ["[cost]", "did you mean 'documented'?"],
        ),
        (
            {**HEAD, "require": [GPU], "cost": {"documented": "$5", "per": "moon", "low": 1, "high": 2}},
            ["[cost]", "per"],
        ),
        ({**HEAD, "require": [GPU], "workload": {"parameters": ["7B"]}}, ["[workload]", "method"]),
    ],
)
def test_the_error_for_a_wrong_profile_says_where(table: dict[str, Any], words: list[str]) -> None:
    message = profile_refusal(table)
    assert [word for word in words if word not in message] == []


def test_a_profile_without_its_title_is_refused_by_name() -> None:
    assert "title" in profile_refusal({"id": "mine", "task": "inference", "sources": [], "require": [GPU]})


def test_a_profile_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(
        'id = "node"\ntitle = "Our node"\ntask = "general"\nsources = ["us"]\n'
        '[[require]]\nid = "gpu"\nkind = "gpu"\nmemory = "40 GB"\ncount = 4\n'
    )
    loaded = profiles.load(str(path))
    assert (loaded.id, [each.id for each in loaded.require]) == ("node", ["gpu"])


@pytest.mark.parametrize("text", ["id = ", "\x00", 'id = "a"\nid = "b"', "[[require]\n"])
def test_broken_toml_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=r"node\.toml: not valid TOML"):
        profiles.load(str(path))


def test_toml_that_is_not_utf8_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(DataError, match=r"node\.toml"):
        profiles.load(str(path))


def test_the_error_for_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        profiles.load(str(tmp_path / "node.toml"))


def test_an_unknown_profile_gets_the_nearest_and_all_of_them() -> None:
    with pytest.raises(DataError, match=r"did you mean 'inference-7b'\?") as caught:
        profiles.load("inference-7")
    assert "pretrain" in str(caught.value)
