"""The published schemas, as a program that reads our documents uses them: only ever added to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from llmcheck import api, codec
from llmcheck.cli.commands.schema import _NAMES
from llmcheck.cli.main import main
from llmcheck.render import Options
from llmcheck.schema.advice import Plan
from llmcheck.schema.estimate import Fit
from llmcheck.schema.machine import Machine
from llmcheck.schema.renting import Offers
from llmcheck.schema.report import Report

TESTS = Path(__file__).parents[1]
OLD_SCHEMAS = TESTS / "data" / "schemas_0_1"
"""What msgspec made of the structs in version 0.1, without descriptions."""
WRITTEN = sorted((TESTS / "data" / "written_by_0_1").glob("*.json"))
"""Documents of version 0.1."""
MACHINES = sorted((TESTS / "machines").glob("*.json"))
KINDS: dict[str, type[Any]] = {"machine": Machine, "report": Report, "plan": Plan, "fit": Fit, "offers": Offers}


def of(name: str) -> dict[str, Any]:
    return api.schema(name)


def name_of(document: Any) -> str:
    found: str = document["schema"].partition("/")[0].removeprefix("llmcheck.")
    return found


def validate(document: Any) -> None:
    schema = of(name_of(document))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def test_the_command_prints_the_schema_of_every_document() -> None:
    assert set(_NAMES) == set(api.schema_names())
    for name in _NAMES:
        done = CliRunner().invoke(main, ["schema", name])
        assert json.loads(done.output) == json.loads(json.dumps(of(name)))
    assert of("profile") == api.profile_schema()


def test_a_document_without_a_schema_is_refused() -> None:
    done = CliRunner().invoke(main, ["schema", "nothing"])
    assert done.exit_code == 2
    assert "machine" in done.output


@pytest.mark.parametrize("name", [each for each in _NAMES if each != "profile"])
def test_a_schema_says_its_version(name: str) -> None:
    assert of(name)["title"] == of(name)["properties"]["schema"]["const"]
    assert of(name)["$id"] == f"urn:llmcheck:{of(name)['title']}"


@pytest.mark.parametrize("path", [*WRITTEN, *MACHINES], ids=lambda path: path.stem)
def test_every_recorded_document_is_valid(path: Path) -> None:
    validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("name", ["2x4090", "driver-not-loaded", "gb10", "cpu-laptop"])
def test_what_is_written_today_is_valid(name: str, tmp_path: Path) -> None:
    path = str(TESTS / "machines" / f"{name}.json")
    where = api.load_machine(path)
    ages = (api.saved_age(where, path),)
    report = api.check(["inference-7b", "finetune-13b-30b", "pretrain"], lambda: where)
    (tmp_path / "old.json").write_text(codec.encode_json(report), encoding="utf-8")
    saved = api.load_report(str(tmp_path / "old.json"))
    values = [
        where,
        report,
        api.overview(lambda: where),
        api.check(["minimum"], lambda: where, severity={"gpu": "info"}, baseline=("old.json", saved)),
        api.compare(str(tmp_path / "old.json"), path),
    ]
    for value in values:
        validate(json.loads(api.render(value, "json", Options(ages=ages))))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_a_document_of_0_1_still_loads(path: Path) -> None:
    data = path.read_bytes()
    document = json.loads(data)
    found = codec.decode_json(data, KINDS[name_of(document)], path.name)
    assert codec.decode_json(codec.encode_json(found).encode(), KINDS[name_of(document)], path.name) == found
    written = json.loads(codec.encode_json(found))
    assert {key: written[key] for key in ("schema",)} == {"schema": document["schema"]}
    assert set(document) - {"saved_machines"} <= set(written)


def test_a_report_of_0_1_is_a_baseline_and_a_machine() -> None:
    path = str(TESTS / "data" / "written_by_0_1" / "report.json")
    saved = api.load_report(path)
    where = api.load_machine(path)
    report = api.check(["inference-7b", "finetune-13b-30b", "pretrain"], lambda: where, baseline=(path, saved))
    assert report.verdict == saved.verdict == "not-ready"
    assert report.gate.baseline is not None
    assert (report.gate.baseline.worse, report.exit_code) == ((), 0)


# --- only added to ---


def objects(schema: Any) -> dict[str, dict[str, Any]]:
    """The objects of a schema by name; the document itself is ``document``."""
    found = {name: each for name, each in schema.get("$defs", {}).items() if "properties" in each}
    if "properties" in schema:
        return {**found, "document": schema}
    return {**found, "document": found[schema["$ref"].rpartition("/")[2]]}


WORDS = {
    "Offer.tier": {"community", "legacy", "marketplace", "on-demand", "production", "secure"},
    "Offer.fabric": {"efa", "infiniband"},
}
"""What version 0.1 wrote where its schema said no more than a string, and now all words are named."""


def choices(schema: Any) -> Iterator[str]:
    """What a value may be: names of types, references, and words of an enumeration."""
    for each in schema.get("anyOf", [schema]):
        if "enum" in each:
            yield from (json.dumps(word) for word in each["enum"])
        elif "$ref" in each:
            yield each["$ref"].rpartition("/")[2]
        elif "const" in each:
            yield json.dumps(each["const"])
        elif "type" in each:
            yield from ([each["type"]] if isinstance(each["type"], str) else each["type"])


@pytest.mark.parametrize("name", [path.stem for path in sorted(OLD_SCHEMAS.glob("*.json"))])
def test_a_schema_is_only_added_to(name: str) -> None:
    old, new = objects(json.loads((OLD_SCHEMAS / f"{name}.json").read_bytes())), objects(of(name))
    for owner, was in old.items():
        now = new.get(owner, new["document"])
        gone = set(was["properties"]) - set(now["properties"])
        assert not gone, f"{owner}: {gone}"
        wanted = set(now.get("required", ())) - set(was.get("required", ()))
        assert not wanted - {"schema"}, f"{owner} requires {wanted}"
        for key, value in was["properties"].items():
            if key != "schema":
                today = set(choices(now["properties"][key]))
                lost = set(choices(value)) - today - ({"integer"} if "number" in today else set())
                if f"{owner}.{key}" in WORDS:
                    lost = lost - {"string"} | {json.dumps(each) for each in WORDS[f"{owner}.{key}"]} - today
                assert not lost, f"{owner}.{key}: {lost}"


def test_a_change_that_takes_something_away_is_seen() -> None:
    assert set(choices({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]})) == {'"a"', '"b"', "null"}
    assert set(choices({"type": "array", "items": {}})) == {"array"}
