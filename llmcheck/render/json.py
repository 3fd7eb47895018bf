"""JSON: the value itself, with its schema's name and version."""

from __future__ import annotations

from llmcheck import codec
from llmcheck.render import Options


def render(value: object, _options: Options) -> str:
    """Indented, ending in a newline."""
    return codec.encode_json(value)
