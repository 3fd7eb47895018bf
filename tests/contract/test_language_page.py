"""The page of the profile language has every word of it, and its examples are read and judged."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from llmcheck import api, codec
from llmcheck.catalog import profiles
from llmcheck.judge import requirements
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.facts.operators import OPERATORS
from llmcheck.judge.facts.quantifiers import Quantifier
from llmcheck.judge.facts.quantities import DIMENSIONS
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import COMBINATORS, Profile, Requirement, Variable, When
from tests.machines_builder import card, machine

PAGE = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HEAD: dict[str, Any] = {"id": "mine", "title": "Mine", "task": "general", "sources": ["us"]}


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_of_the_page_is_a_profile(block: str) -> None:
    one = profiles.decode_profile({**HEAD, **tomllib.loads(block)}, "the page")
    for where in (Machine(), machine(card("RTX 4090"))):
        report = evaluate(one, where)
        assert [each.id for each in report.findings] == [each.id for each in one.require]


def test_there_are_examples_of_every_new_kind_and_key() -> None:
    assert len(BLOCKS) >= 6
    kinds = {each.get("kind") for block in BLOCKS for each in tomllib.loads(block).get("require", [])}
    assert {
        "fact",
        "cpu",
        "cuda",
        "environment-variable",
        "ulimit",
        "kernel",
        "container",
        "file",
        "process",
        "command",
    } <= kinds
    keys = {key for block in BLOCKS for key in tomllib.loads(block)}
    assert {"vars", "when", "extends", "remove", "schema"} <= keys


WORDS = {
    "operators": OPERATORS,
    "quantifiers": get_args(Quantifier),
    "kinds": requirements.kinds(),
    "keys of a profile": Profile.__struct_encode_fields__,
    "keys of a requirement": Requirement.__struct_encode_fields__,
    "keys of when": When.__struct_encode_fields__,
    "parts": COMBINATORS,
}


@pytest.mark.parametrize("what", WORDS)
def test_the_page_has_every_word(what: str) -> None:
    missing = [word for word in WORDS[what] if not re.search(rf"[`\"\n,{{ ]{re.escape(word)}[`\" =]", PAGE)]
    assert missing == []


def test_the_page_has_every_type_of_variable_and_every_dimension() -> None:
    types = get_args(next(kind for name, kind in Variable.__annotations__.items() if name == "type"))
    assert [each for each in types if f"`{each}`" not in PAGE] == []
    assert [units for units in DIMENSIONS.values() if not any(f"`{unit}`" in PAGE for unit in units)] == []


def test_no_shipped_profile_starts_a_program() -> None:
    asks = [ask for one in profiles.shipped() for each in one.require for ask in requirements.asks_of(each)]
    assert [ask.argv for ask in asks if ask.argv] == []


def test_the_schema_knows_every_kind_and_says_what_a_profile_needs() -> None:
    schema: Any = api.profile_schema()
    alternatives = {each["$ref"].rpartition("/")[2] for each in schema["properties"]["require"]["items"]["anyOf"]}
    assert alternatives == {*requirements.kinds(), "group"}
    assert schema["required"] == ["id"]
    assert {"title", "task", "sources", "require"} <= set(schema["anyOf"][1]["required"])
    named = set(re.findall(r'"#/\$defs/([^"]+)"', codec.encode_json(schema)))
    assert named <= set(schema["$defs"])
