"""One module per output format: ``render(value, options) -> str``. Pure: a format never counts, times or decides."""

from __future__ import annotations

from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """How to write a value; the caller knows the terminal."""

    width: int = 80
    """Columns."""
    color: bool = False
    ascii: bool = False
    """Only ASCII characters: the terminal's encoding has no others."""
    verbose: int = 0
    guarded: bool = False
    """For a file: a script refuses to run on another machine than the one that was judged."""
