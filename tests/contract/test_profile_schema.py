"""An editor that has the schema accepts every profile that llmcheck accepts, and says what each key means."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from llmcheck import api
from llmcheck.catalog import described_facts, profiles
from llmcheck.judge import requirements
from llmcheck.render import Options, toml

SCHEMA: Any = api.profile_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ROOT = Path(__file__).resolve().parents[2]
HEAD = {"id": "x", "title": "X", "task": "general", "sources": ["us"]}


def errors(table: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(table)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", profiles.ids())
def test_it_accepts_the_shipped_profiles(name: str) -> None:
    table = tomllib.loads(Path(profiles.path_of(name)).read_text(encoding="utf-8"))
    assert errors(json.loads(json.dumps(table, default=str))) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "machines").glob("*.json")), ids=lambda path: path.stem)
def test_it_accepts_a_draft(path: Path) -> None:
    draft = api.drafted_profile(lambda: api.load_machine(str(path)), "x", "X")
    assert errors(tomllib.loads(toml.render(draft, Options()))) == []


@pytest.mark.parametrize(
    "requirement",
    [
        {"id": "a", "kind": "gpu", "memory": "${size}", "count": "${cards}"},
        {"id": "a", "kind": "fact", "fact": "gpus[0].ecc.mode", "eq": True},
        {"id": "a", "any_of": [{"kind": "ram", "total": "1 GB"}, {"all_of": [{"kind": "python", "version": ">=3"}]}]},
        {"id": "a", "kind": "package", "any_of": [{"name": "vllm"}, {"name": "sglang", "version": ">=0.4"}]},
    ],
)
def test_it_accepts_the_language(requirement: dict[str, Any]) -> None:
    assert errors({**HEAD, "require": [requirement]}) == []


@pytest.mark.parametrize(
    "requirement",
    [
        {"id": "a", "kind": "gpu", "memory": "24 GB", "cuont": 2},
        {"id": "a", "kind": "gpu", "memory": "24 GB", "count": "two"},
        {"id": "a", "kind": "gpus", "memory": "24 GB"},
        {"id": "a", "any_of": [{"kind": "ram", "totl": "1 GB"}]},
        {"kind": "ram", "total": "1 GB"},
    ],
)
def test_it_refuses_what_is_misspelt(requirement: dict[str, Any]) -> None:
    assert errors({**HEAD, "require": [requirement]}) != []


@pytest.mark.parametrize("kind", requirements.kinds())
def test_every_key_of_a_kind_is_described(kind: str) -> None:
    properties = SCHEMA["$defs"][kind]["properties"]
    without = {name for name, each in properties.items() if "description" not in each}
    assert without <= {"type"}


def test_the_facts_are_listed_for_completion() -> None:
    assert SCHEMA["$defs"]["fact"]["properties"]["fact"]["anyOf"][0]["enum"] == list(described_facts.all_paths())
