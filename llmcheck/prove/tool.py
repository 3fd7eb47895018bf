"""What the checks share that read the output of a program of others."""

from __future__ import annotations

from typing import Any

from llmcheck.prove import child
from llmcheck.schema.measurement import Measurement, Unit


def measured(check: str, quantity: str, subject: str, unit: Unit, rate: float, **more: Any) -> Measurement:
    """One rate that a program printed; what it printed is shortened and cleaned."""
    clean: dict[str, Any] = {
        name: child.shown(value) if isinstance(value, str) else value for name, value in more.items()
    }
    found = Measurement(check=check, quantity=quantity, subject=child.shown(subject), unit=unit, rate=rate, **clean)
    return child.plausible(found)


def none(check: str, quantity: str, unit: Unit, reason: str) -> Measurement:
    """The program says itself why it measured nothing."""
    return Measurement(check=check, quantity=quantity, subject="its program", unit=unit, reason=child.shown(reason))
