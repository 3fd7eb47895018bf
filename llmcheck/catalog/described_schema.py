"""What makes an editor complete a profile: the schema with descriptions, the facts by name, and the keys of parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llmcheck.catalog import described, described_facts
from llmcheck.judge import requirements
from llmcheck.schema.profile import COMBINATORS, GROUP, Profile, Requirement, Source, Variable, When
from llmcheck.schema.workload import Cost, Workload

_VARIABLE = {"type": "string", "pattern": r"^\$\{[a-z][a-z0-9_-]*\}$"}
"""``count = "${cards}"``: where a number or a flag is expected, a variable may stand."""
_WITHOUT_TEXT = ("integer", "number", "boolean")


def completed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of profiles with all that a person sees in an editor. The given one is changed."""
    definitions: dict[str, Any] = schema["$defs"]
    _describe(schema["properties"], Profile)
    for struct in (Cost, Source, Variable, When, Workload):
        if struct.__name__ in definitions:
            _describe(definitions[struct.__name__]["properties"], struct)
    properties: dict[str, list[Any]] = {}
    for kind in requirements.kinds():
        own = definitions[kind]["properties"]
        _describe(own, requirements.module(kind).Requirement)
        for name, each in own.items():
            if each not in properties.setdefault(name, []):
                properties[name].append(each)
    _describe(definitions[GROUP]["properties"], Requirement)
    facts = definitions["fact"]["properties"]["fact"]
    facts |= {"anyOf": [{"enum": list(described_facts.all_paths())}, {"type": "string"}]}
    facts.pop("type", None)
    definitions["part"] = _part(properties)
    for name in (*requirements.kinds(), GROUP, "part"):
        for key in COMBINATORS:
            definitions[name]["properties"][key]["items"] = {"$ref": "#/$defs/part"}
    return schema


def _describe(properties: dict[str, Any], struct: type[Any]) -> None:
    """Adds the docstring of each field to its property, and the variables that may stand in its place."""
    texts = described.fields(struct)
    names = {field.encode_name: field.name for field in msgspec.structs.fields(struct)}
    for name, each in properties.items():
        allowed = dict(each)
        if allowed.get("type") in _WITHOUT_TEXT:
            default = {"default": allowed.pop("default")} if "default" in allowed else {}
            allowed = {"anyOf": [allowed, _VARIABLE], **default}
        text = texts.get(names.get(name, name), "")
        properties[name] = {**allowed, "description": text} if text else allowed


def _part(properties: Mapping[str, list[Any]]) -> dict[str, Any]:
    """A requirement in another: it inherits what it does not say, so that no key is needed, of any kind."""
    merged = {name: dict(each[0]) if len(each) == 1 else {"anyOf": each} for name, each in properties.items()}
    merged["kind"] = {"enum": list(requirements.kinds())}
    kept = {name: each for name, each in merged.items() if name not in _OF_THE_WHOLE}
    return {"type": "object", "title": "part", "properties": kept, "additionalProperties": False}


_OF_THE_WHOLE = ("id", "level", "scope", "requires", "on_unknown", "tags")
