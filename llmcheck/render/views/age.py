"""How old a saved machine is, in words."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.render.views.blocks import Block, Bullets, Cell, format_time
from llmcheck.schema.age import DAY, SavedAge

_UNITS = (("day", DAY), ("hour", 3600), ("minute", 60))


def ages(values: Sequence[SavedAge], *, doubts: bool) -> list[Block]:
    """A line for each saved machine whose age is a day or more, or not known, and with ``doubts`` one for each of
    which facts cannot be true.
    """
    old = [each for each in values if each.seconds is None or each.seconds >= DAY]
    items = [Cell(f"{each.name}: {age_in_words(each)}", "dim") for each in old]
    items += [Cell(f"{each.name}: {_doubts(each)}", "warn") for each in values if doubts and each.doubts]
    return [Bullets(items)] if items else []


def _doubts(age: SavedAge) -> str:
    facts = "1 fact cannot be true and counts" if age.doubts == 1 else f"{age.doubts} facts cannot be true and count"
    return f"{facts} as unknown; 'llmcheck machine' with this file says why"


def age_in_words(age: SavedAge) -> str:
    """``as of 2026-11-22 12:00 UTC, 5 days ago``."""
    if age.seconds is None:
        return "it is not known when this machine was inspected"
    return f"as of {format_time(age.collected_at)}, {in_words(age.seconds)} ago"


def in_words(seconds: int) -> str:
    """A time span in its largest whole unit: ``5 days``."""
    name, size = next(((name, size) for name, size in _UNITS if seconds >= size), _UNITS[-1])
    count = seconds // size
    return f"1 {name}" if count == 1 else f"{count:,} {name}s"
