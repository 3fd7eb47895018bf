"""The JSON Schemas of what llmcheck writes, for programs that read it.

Within one version of a document names are only added: what is written today is valid under the schema of every later
release of that version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmcheck import codec
from llmcheck.api import tables
from llmcheck.schema import advice, difference, estimate, machine, report
from llmcheck.schema.age import SavedAge

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DOCUMENTS: Mapping[str, type[Any]] = {
    "machine": machine.Machine,
    "report": report.Report,
    "plan": advice.Plan,
    "fit": estimate.Fit,
    "offers": advice.Offers,
    "diff": difference.Difference,
}
_FILES: Mapping[str, Callable[[], dict[str, object]]] = {"profile": tables.profile_schema}
"""What people write and llmcheck reads."""


def schema_names() -> tuple[str, ...]:
    """The documents that have a published schema."""
    return (*_DOCUMENTS, *_FILES)


def schema(name: str) -> dict[str, object]:
    """The JSON Schema of a document, by one of ``schema_names``. Raises KeyError for another name."""
    if name in _FILES:
        return _FILES[name]()
    kind = _DOCUMENTS[name]
    found = codec.json_schema(kind)
    own = found["$defs"].pop(kind.__name__)
    version = own["properties"]["schema"]["default"]
    own["properties"]["schema"] = {"const": version}
    definitions = found["$defs"]
    if name != "machine":
        own["properties"]["saved_machines"], definitions["SavedAge"] = _ages()
    return {
        "$schema": _DIALECT,
        "$id": f"urn:llmcheck:{version}",
        **own,
        "title": version,
        "required": sorted({"schema", *own.get("required", ())}),
        "$defs": definitions,
    }


def _ages() -> tuple[dict[str, object], dict[str, object]]:
    """What the format json adds where the answer is about saved machines: the key, and the struct of its entries."""
    found = codec.json_schema(tuple[SavedAge, ...])
    key = {each: value for each, value in found.items() if each != "$defs"}
    return key, found["$defs"]["SavedAge"]
