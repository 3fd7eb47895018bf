"""Which file the dynamic loader would take for the name of a shared library. Nothing is loaded."""

from __future__ import annotations

import os
import re
import struct

from msgspec import Struct

from llmcheck.system.files import READ_LIMIT, Files

CACHE = "/etc/ld.so.cache"
DEFAULT_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_MAGIC = b"glibc-ld.so.cache1.1"
# struct cache_file_new and struct file_entry_new of glibc's sysdeps/generic/dl-cache.h (2.39).
_HEADER, _COUNT_AT = 48, 20
_ENTRY = "=iIIIQ"
# The second byte of an entry's flags, for a process of 64 bits; FLAG_* in the same header. Others are not compared.
_ARCHITECTURES = {"x86_64": 0x03, "aarch64": 0x0A}


class Found(Struct, frozen=True):
    """The answer for one name."""

    path: str | None
    """None where no place has it."""
    where: str
    """Where it was found: ``LD_LIBRARY_PATH``, the cache or the default folders; or where it was looked for."""
    known: bool = True
    """False: the loader's cache could not be read, so that a missing library may be there."""


def find(files: Files, name: str, architecture: str | None) -> Found:
    """The library that a process started now would load: LD_LIBRARY_PATH, the loader's cache, its default folders.

    A relative folder in LD_LIBRARY_PATH is left out, as ``llmcheck`` loads nothing from one.
    """
    for folder in (files.environ.get("LD_LIBRARY_PATH") or "").split(":"):
        if os.path.isabs(folder) and files.error_at(f"{folder.rstrip('/')}/{name}") is None:
            return Found(f"{folder.rstrip('/')}/{name}", "LD_LIBRARY_PATH")
    data = files.read_bytes(CACHE, READ_LIMIT)
    cached = None if data is None else _in_cache(data, name, architecture)
    if cached is not None and files.error_at(cached) is None:
        return Found(cached, CACHE)
    for folder in DEFAULT_FOLDERS:
        if files.error_at(f"{folder}/{name}") is None:
            return Found(f"{folder}/{name}", "the loader's default folders")
    return Found(None, f"LD_LIBRARY_PATH, {CACHE} and the default folders", known=data is not None)


def _in_cache(data: bytes, name: str, architecture: str | None) -> str | None:
    """The path of the first entry of a name, which is the best match. Strings of the cache may share their ends."""
    start = data.find(_MAGIC)
    if start < 0 or len(data) < start + _HEADER:
        return None
    keys = {match.start() - start for match in re.finditer(re.escape(name.encode()) + b"\0", data)}
    if not keys:
        return None
    (count,) = struct.unpack_from("=I", data, start + _COUNT_AT)
    size, first = struct.calcsize(_ENTRY), start + _HEADER
    count = min(count, (len(data) - first) // size)
    wanted = _ARCHITECTURES.get(architecture or "")
    for flags, key, value, _, _ in struct.iter_unpack(_ENTRY, data[first : first + count * size]):
        if key in keys and (wanted is None or flags >> 8 & 0xFF == wanted):
            at = start + value
            return data[at : max(at, data.find(b"\0", at))].decode("utf-8", "replace")
    return None
