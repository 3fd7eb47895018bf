"""Reads a file from outside in bounded pieces; a length in the file may not exceed the rest of the file."""

from __future__ import annotations

import contextlib
import os
import struct
from typing import BinaryIO

from llmcheck.errors import DataError

_CHUNK = 2**20
_LONGEST = 1024
"""Most bytes of a name: ggml allows 64 for a tensor."""
_KEPT = 4096
_U64 = struct.Struct("<Q")


class Stream:
    """Little-endian values, one after the other. Raises DataError, with the offset, where the file ends too early."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file, self.where = file, where
        self.size = os.fstat(file.fileno()).st_size
        self._data, self._at, self._base = b"", 0, 0

    @property
    def offset(self) -> int:
        return self._base + self._at

    @property
    def left(self) -> int:
        return self.size - self.offset

    def fail(self, message: str) -> DataError:
        return DataError(f"{self.where}: {message} (at byte {self.offset:,})")

    def need(self, count: int, what: str) -> None:
        if count > self.left:
            raise self.fail(f"incomplete: {what} takes {count:,} bytes and {self.left:,} are left")

    def _fill(self, count: int) -> None:
        """Reads until the buffer has at least ``count`` bytes."""
        if len(self._data) - self._at >= count:
            return
        self._base += self._at
        rest = self._data[self._at :]
        self._data = rest + self._file.read(max(_CHUNK, count) - len(rest))
        self._at = 0
        if len(self._data) < count:
            raise self.fail("incomplete: it ends here")

    def take(self, form: struct.Struct) -> tuple[int | float, ...]:
        self._fill(form.size)
        values = form.unpack_from(self._data, self._at)
        self._at += form.size
        return values

    def u64(self) -> int:
        self._fill(8)
        value: int = _U64.unpack_from(self._data, self._at)[0]
        self._at += 8
        return value

    def string(self, what: str) -> str:
        """A string that is stored after its length; bytes that are not UTF-8 are replaced."""
        length = self.u64()
        if length > _LONGEST:
            raise self.fail(f"{what} claims to be {length:,} bytes long")
        return self._string(length, what)

    def short_string(self, what: str) -> str | None:
        """The same; None for a long string, such as a chat template, which is skipped."""
        length = self.u64()
        if length > _KEPT:
            self.skip(length, what)
            return None
        return self._string(length, what)

    def _string(self, length: int, what: str) -> str:
        self.need(length, what)
        self._fill(length)
        value = self._data[self._at : self._at + length]
        self._at += length
        return value.decode("utf-8", "replace")

    def skip(self, count: int, what: str) -> None:
        self.need(count, what)
        if self._at + count <= len(self._data):
            self._at += count
            return
        self._base, self._data, self._at = self.offset + count, b"", 0
        self._file.seek(self._base)

    def skip_strings(self, count: int, what: str) -> None:
        """Skips ``count`` strings: the vocabulary, which is the largest part of a header."""
        self.need(8 * count, what)
        unpack = _U64.unpack_from
        while count:
            self._fill(8)
            data, at, passed = self._data, self._at, 0
            # checking for each whether it is still in memory would double the time
            with contextlib.suppress(struct.error, OverflowError):
                for passed in range(1, count + 1):  # noqa: B007 - used after the loop
                    at += 8 + unpack(data, at)[0]
                passed += 1
            count -= passed - 1
            beyond = at - len(data)
            self._at = min(at, len(data))
            if beyond > 0:
                self.skip(beyond, what)
