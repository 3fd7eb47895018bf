"""What a tier runs: the model's size, its number format and the way it is used."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Workload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    method: Literal["inference", "full", "lora", "qlora", "pretrain"]
    parameters: tuple[str, ...]
    """Model sizes as the field writes them: ``7B``, ``70B``; a tier over a range names both ends."""
    weights: str | None = None
    """``bf16``, ``int8``, ``q4``, ...; None where the document leaves it open."""


class Cost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    documented: str
    """The words of the document."""
    per: Literal["purchase", "hour", "day"]
    low: float
    """US dollars."""
    high: float
