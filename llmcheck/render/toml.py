"""TOML: a profile that was drafted, as a file to be changed by a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmcheck.printable import is_printable
from llmcheck.render import Options
from llmcheck.schema.profile_tools import DraftProfile

FILE_NAMES = ("*.toml",)

_BARE = r"[A-Za-z0-9_-]+"


def render(value: object, _options: Options) -> str:
    """The profile as TOML. Raises TypeError for anything else."""
    if not isinstance(value, DraftProfile):
        raise TypeError(f"no TOML shows a {type(value).__name__}")
    head = {name: getattr(value, name) for name in ("schema", "id", "title", "task", "sources")}
    comment = [
        "# A draft: each 'why' says what was found, so that you can see which lines matter and how near they are.",
        "# 'llmcheck profiles lint' says what is missing, 'llmcheck explain KIND' what a kind of requirement can.",
    ]
    tables = [["[[require]]", *_lines(each)] for each in value.require]
    return "\n\n".join("\n".join(part) for part in ([*comment, *_lines(head)], *tables)) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if re.fullmatch(_BARE, key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_lines(value)) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else _text(str(value))


def _text(text: str) -> str:
    r"""Quoted; what could steer a terminal is written as an escape of TOML."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(one: str) -> str:
    if one in ('"', "\\"):
        return f"\\{one}"
    return one if is_printable(one) else "?" if "\ud800" <= one <= "\udfff" else f"\\U{ord(one):08x}"
