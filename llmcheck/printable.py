"""Characters of foreign text that are safe in a terminal, a script or a command line."""

from __future__ import annotations

import functools
import re

_UNPRINTABLE = (
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: they control the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that reorder the text around them
    "\u200b-\u200d\u2060-\u2065\ufeff"  # characters without width: two names would look alike
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # half of a surrogate pair: no encoding can write it
    "\U000e0000-\U000e007f"  # tags: text that only programs see
    "]"
)


@functools.cache
def _pattern() -> re.Pattern[str]:
    return re.compile(_UNPRINTABLE)


def is_printable(text: str) -> bool:
    """Whether a text can be shown unchanged. Line feeds and tabs count as control characters."""
    return text.isprintable() or not _pattern().search(text)


def printable(text: str) -> str:
    r"""A text with each unprintable character written as its escape: ``\x1b``, ``\u202e``."""
    # isprintable is stricter than the pattern and needs no compilation; it is true for nearly every text.
    if text.isprintable():
        return text
    return _pattern().sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def shortened(text: str, most: int) -> str:
    """At most about ``most`` characters. The middle is left out, because the end of a sentence says what to do."""
    return text if len(text) <= most else f"{text[: most - most // 4]} ... {text[-(most // 4) :]}"


def json_printable(document: str) -> str:
    r"""A JSON document with each unprintable character as JSON's escape: ``\u202e``; its line feeds are its layout.

    The document is the same: such characters stand only in its strings.
    """
    if document.isascii() and "\x7f" not in document:  # an encoder has escaped those below the blank
        return document
    return _pattern().sub(lambda match: match[0] if match[0] == "\n" else _json_escape(match[0]), document)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def without_unprintable(text: str, replacement: str = "") -> str:
    """A text with each unprintable character replaced."""
    return text if text.isprintable() else _pattern().sub(lambda _: replacement, text)
