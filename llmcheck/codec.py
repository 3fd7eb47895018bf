"""Encodes, and decodes strictly with the place of an error. Only this module parses msgspec's messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from llmcheck.errors import DataError
from llmcheck.printable import json_printable

T = TypeVar("T")

# Strings, so that re compiles them at first use and not at import.
_UNKNOWN_FIELD = r"Object contains unknown field `(.*?)`"
_LONG_NUMBER = rb"[0-9]{19}"
_BOUND = r"Expected `(int|float)` (<=|>=|<|>) (\S+)"
_LENGTH = r"Expected `array` of length <= (\d+)"
_SIGNS = {"<=": "of at most", ">=": "of at least", "<": "below", ">": "above"}
_PLACE = r"(?s)^(.*?)(?: - at `\$(.*?)`)?$"


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known words most similar to ``word``, best first; may be empty."""
    import difflib  # needed only for error messages

    return difflib.get_close_matches(word, list(known), n=count, cutoff=0.5)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the nearest known word, or nothing."""
    close = nearest(word, known, 1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def convert(data: object, kind: type[T], where: str, *, text: bool = False) -> T:
    """``data`` as a ``kind``. Raises DataError with the place, the problem and the accepted keys.

    ``text``: numbers and dates are written as strings, as CSV has them.
    """
    try:
        return msgspec.convert(data, kind, strict=not text)
    except msgspec.ValidationError as error:
        raise DataError(explain(error, where, _fields(kind))) from None


def explain(error: msgspec.ValidationError, where: str, keys: Iterable[str]) -> str:
    """msgspec's message with the place in front, and with the accepted keys for an unknown one."""
    match = re.match(_PLACE, str(error))
    message, place = (match[1], match[2]) if match else (str(error), None)
    where += f", {place.lstrip('.')}" if place else ""
    unknown = re.search(_UNKNOWN_FIELD, message)
    if unknown:
        known = sorted(keys)
        accepted = f"; accepted: {', '.join(known)}" if known else ""
        return f"{where}: unknown key '{unknown[1]}'{did_you_mean(unknown[1], known)}{accepted}"
    length = re.fullmatch(_LENGTH, message)
    if length:
        return f"{where}: expected at most {int(length[1]):,} entries"
    bound = re.fullmatch(_BOUND, message)
    if bound:
        return f"{where}: {_words_of_bound(*bound.groups())}"
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _words_of_bound(kind: str, sign: str, limit: str) -> str:
    """``expected a whole number of at most 4,096`` for ``Expected `int` <= 4096``."""
    shown = limit if "e" in limit else f"{int(limit):,}" if kind == "int" else f"{float(limit):,.12g}"
    number = "a whole number" if kind == "int" else "a number"
    return f"expected {number} {_SIGNS[sign]} {shown}"


def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(getattr(kind, "__struct_encode_fields__", ()))


def decode_json(text: bytes, kind: type[T], where: str) -> T:
    """A JSON document as a ``kind``. Raises DataError for invalid or unexpected JSON."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise DataError(explain(error, where, ())) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not a complete JSON document ({error})") from None


def refuse_long_numbers(text: bytes, value: object, where: str) -> None:
    """``value``: what was decoded from ``text``. Raises DataError for a whole number of more than 64 bits."""
    if re.search(_LONG_NUMBER, text):  # most documents end here; a name may have as many digits
        place = _place_of_long_number(msgspec.to_builtins(value))
        if place is not None:
            raise DataError(f"{where}, {place.lstrip('.')}: a number of more than 64 bits")


def _place_of_long_number(value: Any) -> str | None:
    """``.gpus[0].index``; None where there is none."""
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**64 else ""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, part in parts:
        place = _place_of_long_number(part)
        if place is not None:
            return f".{key}{place}" if isinstance(value, dict) else f"[{key}]{place}"
    return None


def encode_json(value: object) -> str:
    """A value as indented JSON, ending in a newline. What could steer a terminal is written as an escape of JSON."""
    return json_printable(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n"


def encode_json_with(value: object, **more: object) -> str:
    """The same with more keys at its end."""
    return encode_json({**builtins(value), **more})


def encode_line(value: object) -> str:
    """A value as JSON on one line, which ends it."""
    return json_printable(msgspec.json.encode(value).decode()) + "\n"


def builtins(value: object) -> Any:
    """A value as JSON has it, as dictionaries and lists."""
    return msgspec.to_builtins(value)


def pack(value: object) -> bytes:
    """A value as MessagePack, for a pipe between our own processes."""
    return msgspec.msgpack.encode(value)


def unpack(data: bytes, kind: type[T]) -> T:
    """A packed value. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=kind)


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a struct."""
    return msgspec.json.schema(kind)
