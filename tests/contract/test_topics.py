"""``llmcheck explain`` knows every word that an answer may have: each code in the sources, each value of a schema."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from llmcheck import api, catalog, codec
from llmcheck.catalog import described, described_facts, profiles
from llmcheck.errors import DataError
from llmcheck.judge import requirements
from llmcheck.judge.facts.quantifiers import Quantifier
from llmcheck.packages.conflict import Kind
from llmcheck.packages.problems import PREFIX
from llmcheck.schema import age, gpu, report
from llmcheck.schema.machine import Machine
from llmcheck.system import interpreter

ROOT = Path(__file__).resolve().parents[2]
TOPICS = {(topic.of, topic.id) for topic in catalog.topics()}
CODES = {topic.id for topic in catalog.topics() if topic.of == "problem"}


def codes_in(path: Path) -> set[str]:
    """The codes that a module writes as text: of a Problem by its keyword, or first of a table's row."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
            found.add(str(node.value.value))
        match node:
            case ast.Call(func=ast.Name(id="_problem"), args=[ast.Constant(value=code), *_]):
                found.add(str(code))
    return {each for each in found if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each)}


@pytest.mark.parametrize("path", sorted((ROOT / "llmcheck" / "probe").rglob("*.py")), ids=lambda path: path.stem)
def test_every_code_of_a_probe_is_explained(path: Path) -> None:
    assert codes_in(path) - CODES == set()


def test_the_codes_of_the_schemas_are_explained() -> None:
    named = {gpu.NOT_LISTABLE, gpu.NOT_LISTED, gpu.HIDDEN, gpu.HIDDEN_BY_MISTAKE, gpu.PARTLY_HIDDEN, age.OUTDATED}
    assert {*gpu.BROKEN_FAULTS, *gpu.DOUBTFUL, *named, interpreter.LEFT_OUT} - CODES == set()


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("package-problem", [f"{PREFIX}{kind}" for kind in get_args(Kind)]),
        ("status", get_args(report.Status)),
        ("skipped because", get_args(report.SkipReason)),
        ("verdict", get_args(report.Verdict)),
        ("level", get_args(report.Level)),
        ("exit code", ["0", "1", "2", "3", "4", "70", "130"]),
    ],
)
def test_every_value_of_the_schemas_is_explained(of: str, words: list[str]) -> None:
    assert {word for each, word in TOPICS if each == of} == set(words)


@pytest.mark.parametrize("kind", requirements.kinds())
def test_every_shortfall_code_of_a_kind_is_explained(kind: str) -> None:
    text = (requirements.module(kind).__doc__ or "").partition("Shortfall code")[2]
    for code in re.findall(r"``([a-z0-9-]+)``", text):
        assert "shortfall" in {meaning.of for meaning in api.explain(code).meanings}


def test_a_word_stands_once_in_a_sense() -> None:
    assert len(TOPICS) == len(catalog.topics())


@pytest.mark.parametrize("kind", requirements.kinds())
def test_a_kind_is_explained_with_all_its_keys(kind: str) -> None:
    meaning = api.explain(kind).meanings[0]
    keys = {each.encode_name for each in msgspec.structs.fields(requirements.module(kind).Requirement)}
    assert meaning.of == "kind of requirement"
    assert {key.name for key in meaning.keys} == keys - {"id", "kind"}
    assert meaning.example is not None


def test_every_requirement_of_a_shipped_profile_is_explained() -> None:
    for profile in profiles.shipped():
        for each in profile.require:
            assert profile.id in {meaning.profile for meaning in api.explain(each.id).meanings}


def test_fields_are_described_by_their_docstrings() -> None:
    assert described.fields(Machine)["disks"] == "None where they could not be read."
    assert set(described.fields(Machine)) == set(Machine.__struct_fields__)


@pytest.mark.parametrize(("word", "meant"), [("undetermind", "undetermined"), ("ecc-error", "ecc-errors")])
def test_an_unknown_word_gets_the_nearest(word: str, meant: str) -> None:
    with pytest.raises(DataError, match=f"nothing is known of '{word}'; did you mean '{meant}'"):
        api.explain(word)


@pytest.mark.parametrize("word", ["", " ", "x" * 10_000, "\x1b[31m", "../etc/passwd", "a" * 199])
def test_nonsense_is_refused_in_one_line(word: str) -> None:
    with pytest.raises(DataError) as refused:
        api.explain(word)
    assert len(str(refused.value)) < 700


def test_the_words_of_completion_are_all_explained() -> None:
    for word in api.explained_words():
        assert api.explain(word).meanings
    assert codec.encode_json(api.explain("pass"))


@pytest.mark.parametrize("text", described_facts.all_paths())
def test_every_fact_is_explained_with_a_requirement_that_asks_for_it(text: str) -> None:
    (meaning,) = described_facts.meanings(text)
    assert meaning.id == text
    assert meaning.means
    assert meaning.example is not None
    table = tomllib.loads("\n".join(re.split(r", (?=[a-z-]+ = )", meaning.example)))
    assert requirements.decode({"id": "x", **table}, "x").kind == "fact"


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("gpus.ecc", "gpus[*].ecc"),
        ("gpus[0].ecc", "gpus[*].ecc"),
        ("remapped_rows", "gpus[*].ecc.remapped_rows"),
        ("drivers.nvidia.version", "drivers[*].version"),
        ("stated", "stated"),
    ],
)
def test_a_fact_is_found_without_its_brackets_by_an_entry_and_by_its_last_name(word: str, path: str) -> None:
    assert path in {meaning.id for meaning in api.explain(word).meanings}


def test_every_quantifier_is_explained() -> None:
    assert {word for of, word in TOPICS if of == "quantifier"} == set(get_args(Quantifier))
