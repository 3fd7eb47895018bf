"""Text for terminals: aligned, wrapped to the width, with or without colour, in UTF-8 or ASCII."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.terminal import blocks
from llmcheck.render.views.views import document
from llmcheck.schema.renting import LaunchFile

FILE_NAMES = ("*.txt",)


def render(value: object, options: Options) -> str:
    """The value as text. Only commands may be longer than ``options.width``, so that they can be pasted."""
    if isinstance(value, LaunchFile):  # to be read by another program
        return value.text
    return blocks(document(value, options), options)
