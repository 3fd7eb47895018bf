"""Text for terminals: aligned, wrapped to the width, with or without colour, in UTF-8 or ASCII."""

from __future__ import annotations

from llmcheck.render import Options

FILE_NAMES = ("*.txt",)


def render(value: object, options: Options) -> str:
    """The value as text. Only commands may be longer than ``options.width``, so that they can be pasted."""
    if options.quiet:
        from llmcheck.render.views.line import line

        return line(value, options)
    from llmcheck.render.views.terminal import blocks  # with rich, which a line does not need
    from llmcheck.render.views.views import document

    return blocks(document(value, options), options)
