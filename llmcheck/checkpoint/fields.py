"""Values of a file from outside: each is read by its name and must lie within what any real model has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmcheck.errors import DataError

_LONGEST_LIST = 10_001
"""How many entries of a list are read: one more than the layers that a model may have."""
_LONGEST_SHOWN = 40
"""How many characters of a wrong value an error shows."""


class Fields:
    """A mapping whose values are not trusted. Of several names the first that has a value is read; ``null`` is none."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        """``where``: the file and the part of it, for error messages."""
        self._values, self.where = values, where

    def __bool__(self) -> bool:
        return bool(self._values)

    def keys(self) -> Iterator[str]:
        """All names, in the order of the file."""
        return iter(self._values)

    def has(self, name: str) -> bool:
        """Whether there is a value other than ``null``."""
        return self._values.get(name) is not None

    def completed(self, defaults: Mapping[str, Any]) -> tuple[Fields, tuple[str, ...]]:
        """A copy with ``defaults`` for missing keys, and the names of those keys. A ``null`` is not replaced."""
        missing = tuple(key for key in defaults if key not in self._values)
        return Fields({**defaults, **self._values}, self.where), missing

    def required(self, *names: str, most: int) -> int:
        """A whole number from 1 to ``most``. Raises DataError where it is missing or out of bounds."""
        found = self.optional(*names, most=most)
        if found is None:
            raise DataError(f"{self.where}: no '{names[0]}'")
        return found

    def optional(self, *names: str, least: int = 1, most: int) -> int | None:
        """A whole number from ``least`` to ``most``; None where all names are missing, ``false`` or a list.

        Raises DataError for any other value.
        """
        for name in names:
            value = self._values.get(name)
            if value is None or value is False or isinstance(value, list):
                continue
            if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                expected = f"expected a whole number from {least:,} to {most:,}"
                raise DataError(f"{self.where}: '{name}' is {_shown(value)}; {expected}")
            return value
        return None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean; ``default`` where the value is missing or something else."""
        value = self._values.get(name)
        return value if isinstance(value, bool) else default

    def string(self, *names: str) -> str | None:
        """The first string that is not empty, cut at 200 characters; None where there is none."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, str) and value.strip():
                return value.strip()[:200]
        return None

    def strings(self, *names: str) -> list[str] | None:
        """A list of strings; None where there is none."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list):
                return [str(each)[:200] for each in value[:_LONGEST_LIST]]
        return None

    def integers(self, *names: str) -> list[int] | None:
        """The whole numbers in a list; None where there is no list."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list):
                return [each for each in value[:_LONGEST_LIST] if isinstance(each, int)]
        return None

    def number(self, name: str, *, most: float) -> float:
        """A positive number. Raises DataError where it is missing or above ``most``."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            raise DataError(f"{self.where}: '{name}' is {_shown(value)}; expected a number up to {most:,}")
        return float(value)

    def rate(self, name: str, *, most: float) -> float | None:
        """A positive number up to ``most``; None where there is none."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            return None
        return float(value)

    def keys_of_modules(self) -> list[str]:
        """The names with a dot whose value is ``false``."""
        found = (name for name, value in self._values.items() if value is False and isinstance(name, str))
        return [name[:200] for name in found if "." in name][:_LONGEST_LIST]

    def mappings(self, name: str) -> list[Fields] | None:
        """A list of mappings; None where there is none, or where an entry is something else."""
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            return None
        return [Fields(each, f"{self.where}, {name} {at}") for at, each in enumerate(value[:_LONGEST_LIST])]

    def widest(self, name: str) -> int | None:
        """The largest number of a list with one width for each layer; None where there is no such list."""
        found = [each for each in self.integers(name) or () if 0 < each <= 2**26]
        return max(found, default=None)

    def inner(self, name: str) -> Fields:
        """The mapping with this name; an empty one where there is none."""
        value = self._values.get(name)
        return Fields(value if isinstance(value, Mapping) else {}, f"{self.where}, {name}")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "an object"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
