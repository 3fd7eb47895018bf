"""A file behind a URL that is read by ranges."""

from __future__ import annotations

import io
import os
import urllib.request

_TAIL = 1 << 16


class RemoteFile(io.RawIOBase):
    """A file behind a URL, read by ranges; its end, where a wheel has its directory, comes with the first request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.place = 0
        with urllib.request.urlopen(self._asking(f"-{_TAIL}"), timeout=60) as answer:
            if answer.status != 206:
                raise OSError(f"{url}: no ranges")
            self.tail: bytes = answer.read()
            self.size = int(answer.headers["Content-Range"].rpartition("/")[2])

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        return self.place

    def read(self, count: int = -1) -> bytes:
        end = self.size if count < 0 else min(self.place + count, self.size)
        start, self.place = self.place, end
        if start >= end:
            return b""
        known = self.size - len(self.tail)
        if start >= known:
            return self.tail[start - known : end - known]
        with urllib.request.urlopen(self._asking(f"{start}-{end - 1}"), timeout=60) as answer:
            read: bytes = answer.read()
        return read

    def _asking(self, span: str) -> urllib.request.Request:
        return urllib.request.Request(self.url, headers={"Range": f"bytes={span}"})
