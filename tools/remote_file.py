"""Reads parts of a file over HTTP, with range requests."""

from __future__ import annotations

import io
import os
import urllib.request

_TAIL = 1 << 16


class RemoteFile(io.RawIOBase):
    """A file at a URL. The first request reads its end, where a wheel has its directory."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.position = 0
        with urllib.request.urlopen(self._range_request(f"-{_TAIL}"), timeout=60) as answer:
            if answer.status != 206:
                raise OSError(f"{url}: the server does not support range requests")
            self.tail: bytes = answer.read()
            self.size = int(answer.headers["Content-Range"].rpartition("/")[2])

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        return self.position

    def read(self, count: int = -1) -> bytes:
        end = self.size if count < 0 else min(self.position + count, self.size)
        start, self.position = self.position, end
        if start >= end:
            return b""
        known = self.size - len(self.tail)
        if start >= known:
            return self.tail[start - known : end - known]
        with urllib.request.urlopen(self._range_request(f"{start}-{end - 1}"), timeout=60) as answer:
            read: bytes = answer.read()
        return read

    def _range_request(self, span: str) -> urllib.request.Request:
        return urllib.request.Request(self.url, headers={"Range": f"bytes={span}"})
