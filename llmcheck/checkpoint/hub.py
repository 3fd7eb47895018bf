"""A model on the Hugging Face hub, by the headers of its files; used only for a model that the user names.

The list of files, ``config.json``, a safetensors index and the headers of weight files are fetched, a few megabytes;
weights never. The headers are laid into a temporary folder, in files that have the size of the real ones and take no
room on the disk, and are read by the code that reads a folder on disk. Nothing personal is sent; a repository that asks
for a login is read through huggingface_hub, which knows the user's, where that is installed.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import codec
from llmcheck.checkpoint import find
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture
from llmcheck.system.fetched import Piece

ENDPOINT = "https://huggingface.co"
_SECONDS = 20.0
"""Of one request."""
_ALL_SECONDS = 90.0
"""Of all of them."""
_AT_ONCE = 8
_LIST_LIMIT = 32 * 2**20
_SMALL = 16 * 2**20
"""Most bytes of a file that is fetched whole: config.json, an index."""
_FIRST = 128 * 2**10
"""Bytes of a safetensors file that are fetched first: the header of a shard is mostly shorter."""
_LONGEST_HEADER = 100_000_000
_GGUF_FIRST, _GGUF_MOST = 12 * 2**20, 96 * 2**20
"""Bytes of a GGUF file that are fetched first, and at most: its header has the vocabulary."""
_MOST_SHARDS = 400
_SAFE = re.compile(r"[\w][\w.-]{0,199}")
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.(?:gguf|safetensors)$", re.IGNORECASE)

Get = Callable[[str, float, int, int], Piece]
"""Fetches a part of an address: seconds, the first byte, and how many."""


class HubError(DataError):
    """The files could not be fetched; the message says why."""


class _LoginError(HubError):
    """The hub asks for a login."""


class _Entry(Struct):
    path: str
    size: int = 0
    type: str = "file"


def read(name: str, environ: Mapping[str, str] | None = None) -> Architecture:
    """The model of a repository such as ``Qwen/Qwen3-8B``, or of one GGUF file of it: ``ORG/NAME:Q4_K_M``.

    Raises HubError where the hub does not answer, asks for a login that is not known, or does not have the files.
    """
    environ = os.environ if environ is None else environ
    if environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        raise HubError("HF_HUB_OFFLINE is set: nothing is fetched")
    from llmcheck.system.http import fetch_piece

    def get(url: str, seconds: float, first: int, most: int) -> Piece:
        return fetch_piece(url, environ, seconds, first, most)

    repository, _, tag = name.partition(":")
    try:
        return _Repository(repository, environ.get("HF_ENDPOINT") or ENDPOINT, get).read(tag)
    except _LoginError as refused:
        return _with_login(repository, str(refused))


class _Repository:
    """Fetches the headers of one repository within a deadline."""

    def __init__(self, name: str, endpoint: str, get: Get) -> None:
        self._name, self._get = name, get
        self._endpoint = endpoint.rstrip("/")
        self._end = time.monotonic() + _ALL_SECONDS

    def read(self, tag: str) -> Architecture:
        files = self._files()
        with tempfile.TemporaryDirectory(prefix="llmcheck-") as folder:
            try:
                note = self._lay(Path(folder), files, tag)
                found = find.read(folder)
            except HubError:
                raise
            except DataError as error:
                raise HubError(str(error).replace(folder, self._name)) from None
        source = f"{self._name} on the hub: {note}"
        notes = tuple(each.replace(folder, self._name) for each in found.notes)
        return replace(found, name=self._name, source=source, notes=notes)

    def _files(self) -> dict[str, int]:
        """Files at the top of the repository, with their sizes."""
        data = self._whole(f"api/models/{quote(self._name)}/tree/main", _LIST_LIMIT)
        entries = codec.decode_json(data, list[_Entry], f"list of files of {self._name}")
        return {each.path: each.size for each in entries if each.type == "file" and _SAFE.fullmatch(each.path)}

    def _lay(self, folder: Path, files: Mapping[str, int], tag: str) -> str:
        """Lays the headers into ``folder``; returns what was read."""
        weights = sorted(each for each in files if each.endswith(".safetensors") and not each.startswith("adapter"))
        if "config.json" in files and not tag and (weights or not _ggufs(files)):
            (folder / "config.json").write_bytes(self._file("config.json", _SMALL))
            index = next((each for each in sorted(files) if each.endswith(".safetensors.index.json")), None)
            if index is not None:
                data = self._file(index, _LONGEST_HEADER)
                (folder / index).write_bytes(data)
                named = set(codec.decode_json(data, dict[str, Any], index).get("weight_map", {}).values())
                weights = [each for each in weights if each in named]
            else:
                weights = [each for each in weights if each == "model.safetensors"]
            if not weights or len(weights) > _MOST_SHARDS:
                return "config.json"
            self._each(lambda each: self._safetensors(folder / each, each, files[each]), weights)
            return f"config.json and the headers of {len(weights)} weight file{'s' if len(weights) > 1 else ''}"
        chosen = _gguf(self._name, files, tag)
        self._each(lambda each: self._gguf(folder / each, each, files[each]), chosen)
        return f"the header of {chosen[0]}"

    def _each(self, work: Callable[[str], None], names: list[str]) -> None:
        from concurrent.futures import ThreadPoolExecutor  # 10 ms, and only here

        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            for _ in pool.map(work, names):
                pass

    def _safetensors(self, path: Path, name: str, size: int) -> None:
        data = self._part(name, 0, min(_FIRST, max(size, 8)))
        length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else _LONGEST_HEADER + 1
        if length > min(_LONGEST_HEADER, max(size - 8, 0)):
            raise HubError(f"{name} of {self._name} is not a safetensors file")
        if length + 8 > len(data):
            data += self._part(name, len(data), length + 8 - len(data))
        _sparse(path, data[: length + 8], size)

    def _gguf(self, path: Path, name: str, size: int) -> None:
        from llmcheck.checkpoint import gguf_header

        data = b""
        wanted = min(_GGUF_FIRST, size)
        while True:
            data += self._part(name, len(data), wanted - len(data))
            _sparse(path, data, size)
            try:
                gguf_header.header(str(path))
            except DataError as error:
                if wanted >= min(_GGUF_MOST, size):
                    raise HubError(str(error).replace(str(path), name)) from None
                wanted = min(2 * wanted, _GGUF_MOST, size)
            else:
                return

    def _file(self, name: str, most: int) -> bytes:
        return self._whole(f"{quote(self._name)}/resolve/main/{quote(name)}", most)

    def _part(self, name: str, first: int, count: int) -> bytes:
        return self._fetched(f"{quote(self._name)}/resolve/main/{quote(name)}", first, count).data

    def _whole(self, path: str, most: int) -> bytes:
        found = self._fetched(path, 0, most)
        if len(found.data) >= most or (found.total or 0) > most:
            raise HubError(f"{path} is larger than {most:,} bytes")
        return found.data

    def _fetched(self, path: str, first: int, most: int) -> Piece:
        left = self._end - time.monotonic()
        if left <= 0:
            raise HubError(f"the hub did not answer within {_ALL_SECONDS:g} s")
        found = self._get(f"{self._endpoint}/{path}", min(_SECONDS, left), first, most)
        if found.error is not None:
            raise HubError(f"the hub could not be reached: {found.error}")
        if found.status in (401, 403):
            raise _LoginError(
                f"the hub has no public repository {self._name}: it asks for a login, or has none of that name"
            )
        if found.status == 404:
            raise HubError(f"the hub has no {path.rpartition('/')[2]} of {self._name}")
        if found.status not in (200, 206):
            raise HubError(f"the hub answers with HTTP {found.status}")
        return found


def _ggufs(files: Mapping[str, int]) -> list[str]:
    """Files of models in GGUF; not those of image encoders or importance matrices."""
    found = (each for each in sorted(files) if each.lower().endswith(".gguf"))
    return [each for each in found if not re.search(r"mmproj|imatrix", each, re.IGNORECASE)]


def _gguf(name: str, files: Mapping[str, int], tag: str) -> list[str]:
    """The parts of the file that is meant: the one of this format, else the usual one, else the only one."""
    every = _ggufs(files)
    whole = [each for each in every if (match := _SHARD.search(each)) is None or match[1] == "00001"]
    if not whole:
        raise HubError(f"{name} has no config.json, safetensors or GGUF file at its top")
    wanted = [tag.lower()] if tag else ["q4_k_m", "mxfp4", "q4_k_xl", "q4_0"]
    fitting = [each for word in wanted for each in whole if word in each.lower()]
    if not fitting and tag:
        raise HubError(f"{name} has no GGUF file of {tag[:40]}; it has {', '.join(whole[:8])}")
    chosen = (fitting or whole)[0]
    match = _SHARD.search(chosen)
    if match is None:
        return [chosen]
    return [each for each in every if each.startswith(chosen[: match.start()]) and _SHARD.search(each)]


def _sparse(path: Path, data: bytes, size: int) -> None:
    """A file that begins with ``data`` and is ``size`` bytes long, of which the rest takes no room."""
    with path.open("wb") as file:
        file.write(data)
        file.truncate(max(size, len(data)))


def _with_login(name: str, refused: str) -> Architecture:
    """``config.json`` through huggingface_hub, with the login that the user gave it."""
    try:
        import huggingface_hub  # an optional extra, heavy, and it uses the network
    except ImportError:
        raise HubError(f"{refused}; with 'llmcheck[hub]' the login of huggingface_hub is used") from None
    try:
        path = huggingface_hub.hf_hub_download(name, "config.json")
    except Exception as error:  # its errors come from several libraries
        first = " ".join(str(error).split())[:300]
        raise HubError(f"config.json of {name} could not be downloaded: {type(error).__name__}: {first}") from None
    found = find.read(os.fspath(path))
    return replace(found, name=name, source=f"config.json of {name} on the hub", tensors=None, file_size=None)
