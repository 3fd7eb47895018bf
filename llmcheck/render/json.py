"""JSON: all fields of the value, with the name and version of its schema."""

from __future__ import annotations

from llmcheck import codec
from llmcheck.render import Options

FILE_NAMES = ("*.json",)


def render(value: object, _options: Options) -> str:
    """Indented, ending in a newline."""
    return codec.encode_json(value)
