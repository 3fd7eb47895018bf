"""JSON: all fields of the value, with the name and version of its schema."""

from __future__ import annotations

from llmcheck import codec
from llmcheck.render import Options
from llmcheck.schema.machine import Machine

FILE_NAMES = ("*.json",)


def render(value: object, options: Options) -> str:
    """Indented, ending in a newline. An answer about saved machines says their age in ``saved_machines``, and one that
    rests on tables of more than 180 days names them in ``old_tables``.

    A machine itself has ``collected_at``, and a snapshot without paths does not name the file that it was read from.
    """
    more: dict[str, object] = {}
    if options.ages and not isinstance(value, Machine):
        more["saved_machines"] = options.ages
    if options.old_tables:
        more["old_tables"] = options.old_tables
    return codec.encode_json_with(value, **more) if more else codec.encode_json(value)
