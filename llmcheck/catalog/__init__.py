"""Shipped and user data: found, loaded and validated. What is read here is only what a command asks for."""

from __future__ import annotations

import csv
import os
import tomllib
from typing import Any

from llmcheck import codec
from llmcheck.correction import Correction
from llmcheck.errors import DataError
from llmcheck.library import Library
from llmcheck.offer import Offer

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_DATA = os.path.join(_HERE, "data")


def profile_folder() -> str:
    """The shipped profiles: inside the wheel, or beside the package in a checkout."""
    inside = os.path.join(_HERE, "profiles")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_HERE), "profiles")


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file. Raises DataError with the file and place for anything that cannot be read."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not valid TOML: {error}") from None


def libraries() -> dict[str, Library]:
    """All libraries of the document, by id, in its order."""
    return {library.id: library for library in _tables("libraries.toml", "library", Library)}


def corrections() -> tuple[Correction, ...]:
    """What is known to be wrong in the document."""
    return tuple(_tables("corrections.toml", "correction", Correction))


def offers() -> tuple[Offer, ...]:
    """All offers, by provider and price."""
    path = os.path.join(_DATA, "offers.csv")
    with open(path, encoding="utf-8", newline="") as file:
        rows = [{key: value for key, value in row.items() if value != ""} for row in csv.DictReader(file)]
    return tuple(codec.convert(rows, list[Offer], path, text=True))


def _tables(name: str, key: str, kind: type[Any]) -> list[Any]:
    path = os.path.join(_DATA, name)
    tables = read_toml(path).get(key, [])
    converted: list[Any] = codec.convert(tables, list[kind], path)  # type: ignore[valid-type]
    return converted
