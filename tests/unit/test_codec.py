"""Errors in data say where they are, what is wrong and what would be accepted."""

from __future__ import annotations

import pytest
from msgspec import Struct

from llmcheck import codec
from llmcheck.errors import DataError
from llmcheck.schema.machine import Machine


class Inner(Struct, forbid_unknown_fields=True):
    memory: str = ""


class Outer(Struct, forbid_unknown_fields=True):
    title: str
    count: int = 1
    parts: tuple[Inner, ...] = ()


def refusal(data: object, kind: type = Outer) -> str:
    with pytest.raises(DataError) as caught:
        codec.convert(data, kind, "mine.toml")
    return str(caught.value)


def test_an_unknown_key_is_named_with_its_file_the_nearest_key_and_all_accepted_ones() -> None:
    message = refusal({"title": "x", "cuont": 2})
    assert message.startswith("mine.toml")
    assert "unknown key 'cuont'" in message
    assert "did you mean 'count'?" in message
    assert "accepted: count, parts, title" in message


def test_a_key_like_no_other_gets_no_guess_but_the_accepted_ones() -> None:
    message = refusal({"title": "x", "zzzz": 2})
    assert "did you mean" not in message
    assert "accepted: count, parts, title" in message


def test_a_wrong_type_is_told_with_its_place() -> None:
    message = refusal({"title": "x", "parts": [{}, {"memory": 24}]})
    assert message.startswith("mine.toml, parts[1].memory: ")
    assert "str" in message


def test_a_missing_key_is_named() -> None:
    assert "title" in refusal({"count": 2})


def test_numbers_are_not_read_from_words_in_toml_but_are_in_csv() -> None:
    assert "int" in refusal({"title": "x", "count": "2"})
    assert codec.convert({"title": "x", "count": "2"}, Outer, "mine.csv", text=True).count == 2


@pytest.mark.parametrize(
    ("word", "nearest"), [("memroy", "memory"), ("memory_", "memory"), ("examples", "example"), ("qqqq", None)]
)
def test_the_nearest_word_is_offered_only_where_one_is_near(word: str, nearest: str | None) -> None:
    said = codec.did_you_mean(word, ["memory", "count", "example"])
    assert said == (f" (did you mean '{nearest}'?)" if nearest else "")


@pytest.mark.parametrize("text", [b"", b"{", b"{} {}", b"\xff\xfe", b"[" * 100_000, b"nonsense"])
def test_damaged_json_is_one_line_that_names_the_file(text: bytes) -> None:
    with pytest.raises(DataError, match=r"^box\.json: ") as caught:
        codec.decode_json(text, Machine, "box.json")
    assert "\n" not in str(caught.value)


def test_json_of_the_wrong_shape_is_told_with_its_place() -> None:
    with pytest.raises(DataError, match=r"^box\.json, gpus\[0\]\.memory_total: "):
        codec.decode_json(b'{"gpus": [{"vendor": "nvidia", "memory_total": "much"}]}', Machine, "box.json")


def test_a_machine_file_of_a_newer_version_may_say_more() -> None:
    assert codec.decode_json(b'{"gpus": [], "news": 1}', Machine, "box.json").gpus == ()


def test_an_absent_fact_and_an_empty_list_stay_different_in_json() -> None:
    for gpus in (None, ()):
        text = codec.encode_json(Machine(gpus=gpus))
        assert codec.decode_json(text.encode(), Machine, "box.json").gpus == gpus
    assert text.endswith("}\n")
