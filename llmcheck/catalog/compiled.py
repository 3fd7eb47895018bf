"""The compiled tables of an installed wheel: the TOML and CSV files as one file that is quick to decode.

``hatch_build.py`` writes the file when a wheel is built; llmcheck itself never does, so a checkout has none and reads
its TOML and CSV files. Each table is a value of its own in the file, and only those in use are decoded.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
import os
import zlib
from typing import Any, TypeVar

import msgspec

from llmcheck import __version__
from llmcheck.catalog import places
from llmcheck.errors import DataError

NAME = "data/tables.msgpack"
T = TypeVar("T")


class CompiledTable(msgspec.Struct, frozen=True, kw_only=True):
    sources: dict[str, int]
    """The files that the table was compiled from (their names in an installed package) and the CRC-32 of each."""
    value: bytes
    """MessagePack, as msgspec encodes the table's rows."""


class CompiledTables(msgspec.Struct, frozen=True, kw_only=True):
    llmcheck: str
    """The version that wrote the file; only that version reads it."""
    tables: dict[str, CompiledTable]


def table(name: str, kind: type[T]) -> T | None:
    """One table; None if it has to be read from its sources.

    That is so if there is no compiled file, or if a source file has changed since. A missing source file is fine: a
    wheel leaves it out. Raises DataError for a compiled file that is damaged or has another version.
    """
    found = _file().get(name)
    if found is None or not all(_unchanged(each, checksum) for each, checksum in found.sources.items()):
        return None
    try:
        return msgspec.msgpack.decode(found.value, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(f"{name}: {error}") from None


def compiled(tables: dict[str, tuple[tuple[str, ...], object]]) -> bytes:
    """The compiled file of these tables: for each name, the sources and the value."""
    return msgspec.msgpack.encode(
        CompiledTables(
            llmcheck=__version__,
            tables={
                name: CompiledTable(
                    sources={each: _checksum(places.path_of(each)) for each in files},
                    value=msgspec.msgpack.encode(value),
                )
                for name, (files, value) in tables.items()
            },
        )
    )


@functools.cache
def _file() -> dict[str, CompiledTable]:
    try:
        with open(places.path_of(NAME), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _damaged(error.strerror or str(error)) from None
    try:
        file_content = msgspec.msgpack.decode(data, type=CompiledTables)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from None
    if file_content.llmcheck != __version__:
        raise _damaged(f"it is of llmcheck {file_content.llmcheck[:40]!r}, this is {__version__}")
    return file_content.tables


def _unchanged(name: str, checksum: int) -> bool:
    try:
        return _checksum(places.path_of(name)) == checksum
    except FileNotFoundError:
        return True
    except OSError:
        return False  # reading the source reports the error


def _checksum(path: str) -> int:
    """CRC-32, because it has to detect an edit, not an attack; hashlib takes 2 ms to import."""
    with open(path, "rb") as file:
        return zlib.crc32(file.read())


def _damaged(reason: str) -> DataError:
    return DataError(f"{os.path.normpath(places.path_of(NAME))}: not usable, install llmcheck again ({reason})")


def sources_of(data: bytes) -> dict[str, int]:
    """The source files of a compiled file, with their checksums."""
    file_content: Any = msgspec.msgpack.decode(data, type=CompiledTables)
    return {name: checksum for each in file_content.tables.values() for name, checksum in each.sources.items()}
