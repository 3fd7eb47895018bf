"""The header of one GGUF file: its metadata and where its tensors lie; no weight is read.

The layout is that of ggml's docs/gguf.md, versions 2 and 3: metadata, then one record for each tensor.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from msgspec import Struct

from llmcheck.checkpoint.stream import Stream
from llmcheck.errors import DataError
from llmcheck.system.outside import open_file
from llmcheck.tables.gguf_types import BLOCKS

_MAGIC = b"GGUF"
_U32 = struct.Struct("<I")
_NUMBERS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"), 3: struct.Struct("<h"),
    4: struct.Struct("<I"), 5: struct.Struct("<i"), 6: struct.Struct("<f"), 7: struct.Struct("<?"),
    10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip
"""The layout of a value, by the number of its type in the file."""
_STRING, _ARRAY = 8, 9
_MOST_KEYS, _MOST_TENSORS, _MOST_STRINGS = 8_192, 1_048_576, 4_194_304
_MOST_NUMBERS = 65_536
"""Numbers that are kept of all lists together: a sparse file takes no disk space, but its numbers take memory."""
_MOST_ELEMENTS = 2**50

_TYPES: dict[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
}  # fmt: skip
"""ggml's types by number (ggml.h)."""

Value = int | float | str | bool | list[int] | None


class Tensor(Struct, frozen=True):
    name: str
    shape: tuple[int, ...]
    type: str
    elements: int
    size: int
    offset: int


class GgufHeader(Struct, frozen=True):
    values: dict[str, Value]
    """None for a long string and for a list of strings or of many numbers; ``KEY.count`` is the length of a list."""
    tensors: list[Tensor]
    file_size: int


def is_gguf(path: str) -> bool:
    """Whether the file begins like a GGUF file. Raises OSError."""
    with open_file(path) as file:
        return file.read(4) == _MAGIC


def header(path: str) -> GgufHeader:
    """Raises DataError and OSError."""
    with open_file(path) as file:
        stream = Stream(file, path)
        if stream.left < 24:
            raise DataError(f"{path}: incomplete: {stream.left} bytes are no GGUF header")
        magic = stream.take(_U32)[0]
        if magic != int.from_bytes(_MAGIC, "little"):
            raise DataError(f"{path}: not a GGUF file: it does not begin with 'GGUF'")
        version = int(stream.take(_U32)[0])
        if version not in (2, 3):
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in (2, 3)
            kind = "big-endian" if swapped else f"version {version}"
            raise DataError(f"{path}: {kind} GGUF is not read; convert it again with llama.cpp")
        count, keys = stream.u64(), stream.u64()
        if keys > _MOST_KEYS or count > _MOST_TENSORS:
            raise stream.fail(f"{count:,} tensors and {keys:,} keys are more than any model has")
        stream.need(13 * keys + 24 * count, f"{keys:,} keys and {count:,} tensors")
        values = _values(stream, keys)
        tensors = _tensors(stream, count)
        _check_whole(stream, values, tensors)
        return GgufHeader(values, tensors, stream.size)


def _values(stream: Stream, keys: int) -> dict[str, Value]:
    values: dict[str, Value] = {}
    strings = numbers = 0
    for _ in range(keys):
        key = stream.string("the name of a key")
        if key in values:
            raise stream.fail(f"key '{shown(key)}' occurs twice")
        kind = int(stream.take(_U32)[0])
        if kind == _STRING:
            values[key] = stream.short_string(f"'{shown(key)}'")
        elif kind == _ARRAY:
            kept, length, are_strings = _array(stream, key, _MOST_STRINGS - strings, _MOST_NUMBERS - numbers)
            values[key] = kept
            numbers += len(kept or ())
            values[f"{key}.count"] = length
            strings += length if are_strings else 0
        elif kind in _NUMBERS:
            values[key] = stream.take(_NUMBERS[kind])[0]
        else:
            raise stream.fail(f"key '{shown(key)}' has a value of unknown type {kind}")
    return values


def _array(stream: Stream, key: str, most_strings: int, most_numbers: int) -> tuple[list[int] | None, int, bool]:
    """The whole numbers of a list (None for strings, fractions or too many), its length, and whether it has strings."""
    what = f"the list '{shown(key)}'"
    kind = int(stream.take(_U32)[0])
    length = stream.u64()
    if kind == _STRING:
        if length > most_strings:
            raise stream.fail(f"{what} claims to have {length:,} strings")
        stream.skip_strings(length, what)
        return None, length, True
    form = _NUMBERS.get(kind)
    if form is None:
        nested = "lists" if kind == _ARRAY else f"unknown type {kind}"
        raise stream.fail(f"{what} has {nested}, which no model needs")
    stream.need(length * form.size, what)
    if length > most_numbers or kind in (6, 12):
        stream.skip(length * form.size, what)
        return None, length, False
    return [int(stream.take(form)[0]) for _ in range(length)], length, False


def _tensors(stream: Stream, count: int) -> list[Tensor]:
    """Raises DataError at the first name that occurs twice: in a sparse file all names are empty."""
    found: dict[str, Tensor] = {}
    for _ in range(count):
        tensor = _tensor(stream)
        if found.setdefault(tensor.name, tensor) is not tensor:
            raise stream.fail(f"tensor '{shown(tensor.name)}' occurs twice")
    return list(found.values())


def _tensor(stream: Stream) -> Tensor:
    name = stream.string("the name of a tensor")
    dimensions = int(stream.take(_U32)[0])
    if dimensions > 4:
        raise stream.fail(f"tensor '{shown(name)}' has {dimensions:,} dimensions; at most 4 are known")
    shape = tuple(stream.u64() for _ in range(dimensions))
    kind = int(stream.take(_U32)[0])
    offset = stream.u64()
    elements = 1
    for size in shape:
        elements *= size
        if not 0 < size <= _MOST_ELEMENTS or elements > _MOST_ELEMENTS:
            raise stream.fail(f"tensor '{shown(name)}' claims to have {' x '.join(map(str, shape))} elements")
    if kind not in _TYPES:
        raise stream.fail(f"tensor '{shown(name)}' has the unknown type {kind}; a newer llmcheck may know it")
    type_name = _TYPES[kind]
    block, size = BLOCKS[type_name]
    if shape and shape[0] % block:
        raise stream.fail(f"tensor '{shown(name)}': rows of {shape[0]:,} cannot be cut into blocks of {type_name}")
    return Tensor(name, shape, type_name, elements, elements // block * size, offset)


def _check_whole(stream: Stream, values: Mapping[str, Value], tensors: list[Tensor]) -> None:
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 2**20:
        raise stream.fail("'general.alignment' is not a whole number from 1 to 1,048,576")
    start = -(-stream.offset // alignment) * alignment
    end = max((start + tensor.offset + tensor.size for tensor in tensors), default=0)
    if end > stream.size:
        raise DataError(
            f"{stream.where}: incomplete: {end - stream.size:,} bytes of its tensors are missing; download it again"
        )


def shown(text: str) -> str:
    """A name from the file in one line, with its control characters escaped."""
    return repr(text[:60])[1:-1] + ("..." if len(text) > 60 else "")
