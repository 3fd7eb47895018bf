"""Values of a configuration from outside: each is asked for by name and held to bounds that any real model keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmcheck.errors import DataError


class Fields:
    """A mapping whose values are not trusted. Names are tried in order; ``null`` counts as not there."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values, self.where = values, where

    def __bool__(self) -> bool:
        return bool(self._values)

    def keys(self) -> Iterator[str]:
        return iter(self._values)

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def completed(self, defaults: Mapping[str, Any]) -> tuple[Fields, tuple[str, ...]]:
        """With these where it has no such key (a ``null`` stays), and the keys that it had not."""
        missing = tuple(key for key in defaults if key not in self._values)
        return Fields({**defaults, **self._values}, self.where), missing

    def whole(self, *names: str, most: int) -> int:
        """A whole number from 1 to ``most``. Raises DataError where it is missing or out of bounds."""
        found = self.optional(*names, most=most)
        if found is None:
            raise DataError(f"{self.where}: no '{names[0]}'")
        return found

    def optional(self, *names: str, least: int = 1, most: int) -> int | None:
        """A whole number from ``least`` to ``most``; None for none, ``false`` or a list. Raises DataError."""
        for name in names:
            value = self._values.get(name)
            if value is None or value is False or isinstance(value, list):
                continue
            if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                shown = repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}..."
                raise DataError(
                    f"{self.where}: '{name}' is {shown}; expected a whole number from {least:,} to {most:,}"
                )
            return value
        return None

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._values.get(name)
        return value if isinstance(value, bool) else default

    def text(self, *names: str) -> str | None:
        for name in names:
            value = self._values.get(name)
            if isinstance(value, str) and value.strip():
                return value.strip()[:200]
        return None

    def names(self, *names: str) -> list[str] | None:
        """A list of words; None where there is none."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list):
                return [str(each)[:60] for each in value[:10_001]]
        return None

    def numbers(self, *names: str) -> list[int] | None:
        """A list of whole numbers; None where there is none."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list):
                return [each for each in value[:10_001] if isinstance(each, int)]
        return None

    def widest(self, name: str) -> int | None:
        """The largest of a list with one width per layer; None where it is no such list."""
        found = [each for each in self.numbers(name) or () if 0 < each <= 2**26]
        return max(found, default=None)

    def inner(self, name: str) -> Fields:
        value = self._values.get(name)
        return Fields(value if isinstance(value, Mapping) else {}, f"{self.where}, {name}")
