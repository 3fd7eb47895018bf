"""Encodes, and decodes strictly with the place of an error. Only this module parses msgspec's messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from llmcheck.errors import DataError

T = TypeVar("T")

# Strings, so that re compiles them at first use and not at import.
_UNKNOWN_FIELD = r"Object contains unknown field `(.*?)`"
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
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(getattr(kind, "__struct_fields__", ()))


def decode_json(text: bytes, kind: type[T], where: str) -> T:
    """A JSON document as a ``kind``. Raises DataError for invalid or unexpected JSON."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise DataError(explain(error, where, ())) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not a complete JSON document ({error})") from None


def encode_json(value: object) -> str:
    """A value as indented JSON, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def encode_json_with(value: object, **more: object) -> str:
    """The same with more keys at its end."""
    return encode_json({**msgspec.to_builtins(value), **more})


def pack(value: object) -> bytes:
    """A value as MessagePack, for a pipe between our own processes."""
    return msgspec.msgpack.encode(value)


def unpack(data: bytes, kind: type[T]) -> T:
    """A packed value. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=kind)


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a struct."""
    return msgspec.json.schema(kind)
