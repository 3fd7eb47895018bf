"""Corrections of documented figures."""

from __future__ import annotations

from collections.abc import Iterable

from llmcheck.render.views.blocks import Block, Bullets, Cell, Heading
from llmcheck.tables.correction import Correction


def correction_text(correction: Correction) -> str:
    """Both figures, with source and date."""
    return f"documented: {correction.documented}; in fact: {correction.fact} ({correction.source}, {correction.as_of})"


def corrections(found: Iterable[Correction]) -> list[Block]:
    """A heading and each correction once; no blocks if there are none."""
    texts = dict.fromkeys(map(correction_text, found))
    return [Heading("Corrections"), Bullets([Cell(text, "warn") for text in texts])] if texts else []
