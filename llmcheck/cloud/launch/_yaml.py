"""YAML as the launch files have it: plain keys, values of JSON, and blocks of shell."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from llmcheck.printable import printable

Value = str | int | float | bool | Sequence["Value"] | Mapping[str, "Value"]
_PLAIN = r"[A-Za-z_][A-Za-z0-9_./-]*"
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""What YAML reads as another type."""


class Lines(tuple[str, ...]):
    """A block of shell, kept line for line."""


def document(comments: Sequence[str], values: Mapping[str, Value | Lines]) -> str:
    """Keys in order; the comments stand above."""
    parts = [f"# {printable(each)}" for each in comments]
    for key, value in values.items():
        parts += _entry(key, value, 0)
    return "\n".join(parts) + "\n"


def _entry(key: str, value: Value | Lines, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, Lines):
        return [f"{indent}{key}: |", *(f"{indent}  {printable(line)}" if line else "" for line in value)]
    if isinstance(value, Mapping) and depth == 0:
        return [f"{indent}{key}:", *(line for name, each in value.items() for line in _entry(name, each, depth + 1))]
    if _is_list(value) and isinstance(value, Sequence) and any(isinstance(each, Mapping) for each in value):
        return [f"{indent}{key}:", *(f"{indent}  - {_flow(each)}" for each in value)]
    return [f"{indent}{key}: {_flow(value)}"]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _flow(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str):
        plain = re.fullmatch(_PLAIN, value) and value.lower() not in _WORDS
        return value if plain else json.dumps(printable(value), ensure_ascii=False)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return "[" + ", ".join(map(_flow, value)) + "]"
