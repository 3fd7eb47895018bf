"""One module per output format: ``render(value, options) -> str``. Pure: a format never counts, times or decides."""

from __future__ import annotations

from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """How to write; the caller has looked at the terminal."""

    width: int = 80
    """Columns."""
    color: bool = False
    ascii: bool = False
    """Only ASCII signs: the terminal's encoding has no others."""
    verbose: int = 0
    guarded: bool = False
    """It goes into a file: a script refuses another machine than the one that was judged."""
