"""A picture of the text in colour, as one SVG file that loads nothing: for a page, a slide or an issue.

It is ASCII, with references for all other characters, so that no encoding on its way can change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from llmcheck.render import Options

FILE_NAMES = ("*.svg",)

_CELL, _LINE, _FONT_SIZE, _MARGIN = 8.4, 19, 14, 16
"""Pixels. A monospace font is about 0.6 as wide as high; ``textLength`` makes every font keep to the cells."""
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_BACKGROUND, _BORDER, _PLAIN, _DIM = "#0d1117", "#30363d", "#e6edf3", "#9198a1"
_COLORS = {"31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff", "36": "#56d4dd"}
"""By the SGR codes of standard colours. All have a contrast of at least 6 to 1 to the background."""
_STYLE = r"\x1b\[([0-9;]*)m"
_WORDS = r"[^ ]+(?: [^ ]+)*"
"""Text between wider gaps: a gap is a distance, because SVG folds blanks."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\ufffe": "\ufffd", "\uffff": "\ufffd"})
"""Markup, and the two characters that XML has no way to write."""


def render(value: object, options: Options) -> str:
    """The value as an SVG document, as wide as ``options.width`` columns; only a longer command makes it wider."""
    # Imported here: the name of an output file asks this module for its patterns, and rich takes longer than that.
    from rich.cells import cell_len

    from llmcheck.render.views.terminal import blocks
    from llmcheck.render.views.views import document

    drawn = msgspec.structs.replace(options, color=True, ascii=False)
    lines = blocks(document(value, drawn), drawn).splitlines()
    columns = max([options.width, *(cell_len(re.sub(_STYLE, "", line)) for line in lines)])
    width, height = round(columns * _CELL + 2 * _MARGIN), len(lines) * _LINE + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img">',
        "<title>llmcheck</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"'
        f' fill="{_BACKGROUND}" stroke="{_BORDER}"/>',
        f'<g font-family="{_FONTS}" font-size="{_FONT_SIZE}" fill="{_PLAIN}">',
    ]
    for number, line in enumerate(lines):
        baseline, at = _MARGIN + number * _LINE + _FONT_SIZE, 0
        for text, attributes in _runs(line):
            for words in re.finditer(_WORDS, text):
                x = _MARGIN + _CELL * (at + cell_len(text[: words.start()]))
                parts.append(
                    f'<text x="{x:.1f}" y="{baseline}" textLength="{_CELL * cell_len(words[0]):.1f}"'
                    f' lengthAdjust="spacingAndGlyphs"{attributes}>{words[0].translate(_ESCAPES)}</text>'
                )
            at += cell_len(text)
    return "\n".join([*parts, "</g>", "</svg>", ""]).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _runs(line: str) -> Iterator[tuple[str, str]]:
    """The texts of a line and the SVG attributes of their styles."""
    start, codes = 0, ""
    for style in re.finditer(_STYLE, line):
        yield line[start : style.start()], _attributes(codes.split(";"))
        start, codes = style.end(), style[1]
    yield line[start:], _attributes(codes.split(";"))


def _attributes(codes: list[str]) -> str:
    color = next((_COLORS[code] for code in codes if code in _COLORS), _DIM if "2" in codes else None)
    return (f' fill="{color}"' if color else "") + (' font-weight="bold"' if "1" in codes else "")
