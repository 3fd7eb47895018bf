"""Where programs keep the models that they downloaded, and a bounded look into such a folder."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from llmcheck.probe._distributions import shown
from llmcheck.probe._room import model_cache
from llmcheck.system.host import Host

MOST_ENTRIES = 20_000
"""Names looked at in one cache: some hundreds of models, of which the largest have two hundred files."""
_DEEPEST = 1
"""Folders below a snapshot: repositories keep each size of a GGUF model in one."""
_ABSENT = ("ENOENT", "ENOTDIR")
# The installer for Linux runs Ollama as a user of its own.
_OLLAMA_SERVICE = "/usr/share/ollama/.ollama/models"


def folders_of(host: Host) -> Iterator[tuple[str, str]]:
    """Program and folder. The variables and defaults are those that the programs read; 2026-11-27.

    llama.cpp shares the hub's cache since March 2026, unless LLAMA_CACHE is set.
    """
    yield "huggingface", model_cache(host)
    home = host.home()
    named = host.environ.get("OLLAMA_MODELS")
    if named:
        yield "ollama", host.absolute(named)
    elif host.error_at(_OLLAMA_SERVICE) not in _ABSENT:
        yield "ollama", _OLLAMA_SERVICE
    elif home:
        yield "ollama", f"{home}/.ollama/models"
    own = _llama_cpp(host, home)
    if own is not None:
        yield "llama.cpp", own


def _llama_cpp(host: Host, home: str | None) -> str | None:
    named = host.environ.get("LLAMA_CACHE")
    if named:
        return host.absolute(named)
    if host.platform == "darwin":
        return f"{home}/Library/Caches/llama.cpp" if home else None
    base = host.environ.get("LOCALAPPDATA") if host.platform == "windows" else host.environ.get("XDG_CACHE_HOME")
    if base:
        return host.absolute(f"{base}/llama.cpp")
    return f"{home}/.cache/llama.cpp" if home else None


_WORDS = {"EACCES": "permission denied", "EPERM": "permission denied"}


class Cache:
    """One folder. Every path below is relative to it."""

    def __init__(self, host: Host, path: str) -> None:
        self._host, self.path = host, path
        self._root = self._resolved(path)
        self._real: dict[str, str] = {}
        """Folders without links, by path: to resolve each file costs ten times as much."""
        self.left = MOST_ENTRIES
        error = host.error_at(path)
        self.error = None if error is None or error in _ABSENT else _WORDS.get(error, error)
        """Why it cannot be listed; None for a folder that is not there yet."""
        if error is None and host.entries(path, 0) is None:
            self.error = "it is no folder that may be read"

    @property
    def shown(self) -> str:
        """The path as valid UTF-8."""
        return shown(self.path)

    def entries(self, below: str) -> list[tuple[str, bool]]:
        """Names in a folder, sorted, and whether each is a folder itself; a link is none."""
        real = self._resolved(f"{self._root}/{below}")
        if self.left <= 0 or not self._is_inside(real):
            return []
        found = self._host.entries(real, self.left) or []
        self.left -= len(found)
        return sorted(found)

    def files(self, below: str, depth: int = 0) -> dict[str, int]:
        """Bytes of the regular files in a folder, by their path in it; links count where they stay in this cache."""
        sizes: dict[str, int] = {}
        for name, is_folder in self.entries(below):
            path = f"{below}/{name}"
            if is_folder:
                inner = self.files(path, depth + 1) if depth < _DEEPEST else {}
                sizes.update({f"{name}/{each}": size for each, size in inner.items()})
                continue
            size = self.size(path) if name.lower().endswith((".safetensors", ".gguf")) else None
            if size:
                sizes[name] = size
        return sizes

    def walk(self, below: str, depth: int) -> Iterator[str]:
        """Paths of what lies exactly so deep, relative to ``below``."""
        for name, is_folder in self.entries(below):
            if depth == 1 and not is_folder:
                yield name
            elif depth > 1 and is_folder:
                for each in self.walk(f"{below}/{name}", depth - 1):
                    yield f"{name}/{each}"

    def size(self, below: str) -> int | None:
        """Bytes of a regular file of this cache; None for anything else."""
        path = f"{self._root}/{below}"
        target = self._host.link(path)
        if target is not None:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), self._with_slashes(target)))
        folder, _, name = path.rpartition("/")
        if folder not in self._real:
            self._real[folder] = self._resolved(folder)
        real = f"{self._real[folder]}/{name}"
        return self._host.own_size(real) if self._is_inside(real) else None

    def _resolved(self, path: str) -> str:
        return self._with_slashes(self._host.resolve(path))

    def _with_slashes(self, path: str) -> str:
        """As paths are joined here, on Windows too."""
        if self._host.platform != "windows":
            return path
        return path.replace("\\", "/").removeprefix("//?/")

    def _is_inside(self, real: str) -> bool:
        return f"{real.rstrip('/')}/".startswith(f"{self._root.rstrip('/')}/")

    def read(self, below: str, most: int) -> bytes | None:
        """A small regular file of this cache; None for anything else, and for a larger one."""
        size = self.size(below)
        if size is None or size > most:
            return None
        text = self._host.read(f"{self._root}/{below}")
        return None if text is None else text.encode()

    def free(self) -> int | None:
        """Bytes that may be written to its file system; None where that could not be read."""
        path = self._root
        while self._host.error_at(path) in _ABSENT and path != "/":
            path = path.rpartition("/")[0] or "/"
        found = self._host.statvfs(path)
        return found.free if found is not None and 0 < found.size >= found.free >= 0 else None
