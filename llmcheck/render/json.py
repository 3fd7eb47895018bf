"""JSON: all fields of the value, with the name and version of its schema."""

from __future__ import annotations

from llmcheck import codec
from llmcheck.render import Options
from llmcheck.schema.machine import Machine

FILE_NAMES = ("*.json",)


def render(value: object, options: Options) -> str:
    """Indented, ending in a newline. An answer about saved machines says their age in ``saved_machines``.

    A machine itself has ``collected_at``, and a snapshot without paths does not name the file that it was read from.
    """
    if not options.ages or isinstance(value, Machine):
        return codec.encode_json(value)
    return codec.encode_json_with(value, saved_machines=options.ages)
