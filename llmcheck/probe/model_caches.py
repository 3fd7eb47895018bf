"""Models that were downloaded before: in the caches of the Hugging Face hub, of Ollama and of llama.cpp.

Names and sizes are read, and small files that name a revision or list layers. No link is followed out of its cache,
nothing but a regular file is opened, and the search ends after so many entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct

from llmcheck.probe import Reading, Request
from llmcheck.probe._caches import MOST_ENTRIES, Cache, folders_of
from llmcheck.schema.machine import CachedModel, ModelCache, Problem
from llmcheck.system.host import Host

T = TypeVar("T")

_REPOSITORY = r"models--([\w.-]+)"
_SHARD = r"(.+)-(\d{5})-of-(\d{5})"
# The type at the end of a file's name: Qwen3-8B-Q4_K_M.gguf, Qwen3-8B-UD-Q4_K_XL.gguf, gpt-oss-20b-mxfp4.gguf.
_GGUF_TYPE = r".*[-._]((?:i?q\d\w*|tq\d_\d|bf16|f16|f32|mxfp4\w*))"
_WORD = r"[A-Za-z0-9][\w.-]{0,199}"
# llama.cpp's own cache until 2026: manifest=ORG=REPOSITORY=TAG.json beside ORG_REPOSITORY_FILE.gguf.
_MANIFEST = r"manifest=([^=]+)=([^=]+)=([^=]*)\.json"
_OLLAMA_LIBRARY = ("registry.ollama.ai", "library")
_DIGEST = r"sha256:([0-9a-f]{64})"


def probe(host: Host, _request: Request) -> Iterator[Reading]:
    """Yields a reading after each cache, so that one that hangs does not hide the others."""
    found: list[ModelCache] = []
    problems: list[Problem] = []
    for program, path in folders_of(host):
        cache = Cache(host, path)
        models = tuple(sorted(_READERS[program](cache), key=lambda each: (each.repository, each.format or "")))
        readable = cache.error is None
        found.append(
            ModelCache(
                program=program,
                path=cache.shown,
                free=cache.free(),
                models=models if readable else None,
                truncated=cache.left <= 0,
            )
        )
        problems += _problems(cache)
        yield Reading(model_caches=tuple(found), problems=tuple(problems))


def _problems(cache: Cache) -> Iterator[Problem]:
    if cache.error is not None:
        yield Problem(
            probe="model_caches",
            code="unreadable-path",
            message=f"downloaded models in {cache.shown} could not be listed: {cache.error}",
        )
    if cache.left <= 0:
        yield Problem(
            probe="model_caches",
            code="truncated",
            message=f"{cache.shown} has more than {MOST_ENTRIES:,} entries: models beyond those are not listed",
        )


# --- the hub ---


def _hub(cache: Cache) -> Iterator[CachedModel]:
    """``models--ORG--NAME/snapshots/REVISION``: links to ``blobs``, each made when its file is complete."""
    for name, is_folder in cache.entries(""):
        match = re.fullmatch(_REPOSITORY, name, re.ASCII)
        if match is None or not is_folder:
            continue
        yield from _newest(cache, name, match[1].replace("--", "/", 1))


def _newest(cache: Cache, folder: str, repository: str) -> Iterator[CachedModel]:
    """Of the revision that ``refs/main`` names, else of the first that has a model."""
    revisions = sorted(name for name, is_folder in cache.entries(f"{folder}/snapshots") if is_folder)
    main = (cache.read(f"{folder}/refs/main", 200) or b"").decode("ascii", "replace").strip()
    for revision in sorted(revisions, key=lambda each: each != main):
        models = list(_formats(repository, cache.files(f"{folder}/snapshots/{revision}")))
        if models:
            yield from models
            return


def _formats(repository: str, files: dict[str, int]) -> Iterator[CachedModel]:
    """``files``: sizes by path. Of a model in several files all have to be there."""
    sizes: dict[str | None, int] = {}
    for name, size in _complete(files).items():
        folder, _, file = name.lower().rpartition("/")
        stem, _, ending = file.rpartition(".")
        if ending == "safetensors" and not folder and not stem.startswith("adapter"):
            sizes["safetensors"] = sizes.get("safetensors", 0) + size
        elif ending == "gguf" and "mmproj" not in stem:
            kind = _gguf_type(stem)
            sizes[kind] = sizes.get(kind, 0) + size
    for kind, size in sizes.items():
        yield CachedModel(repository=repository, format=kind, bytes=size)


def _complete(files: dict[str, int]) -> dict[str, int]:
    """Without the parts of a file of which some are missing."""
    parts: dict[tuple[str, str, str], int] = {}
    keys: dict[str, tuple[str, str, str]] = {}
    for name in files:
        stem, _, ending = name.rpartition(".")
        match = re.fullmatch(_SHARD, stem)
        if match is not None:
            keys[name] = match[1], match[3], ending
            parts[keys[name]] = parts.get(keys[name], 0) + 1
    return {name: size for name, size in files.items() if name not in keys or parts[keys[name]] == int(keys[name][1])}


def _gguf_type(stem: str) -> str | None:
    """``q4_k_m`` of ``qwen3-8b-q4_k_m``; None where the name has none."""
    shard = re.fullmatch(_SHARD, stem)
    match = re.fullmatch(_GGUF_TYPE, shard[1] if shard else stem, re.ASCII)
    return match[1] if match else None


# --- llama.cpp ---


def _llama_cpp(cache: Cache) -> Iterator[CachedModel]:
    """Folders like those of the hub, and the plain files of versions before 2026."""
    yield from _hub(cache)
    names = [name for name, is_folder in cache.entries("") if not is_folder]
    for name in names:
        match = re.fullmatch(_MANIFEST, name)
        if match is None or not all(re.fullmatch(_WORD, each, re.ASCII) for each in match.groups()[:2]):
            continue
        prefix = f"{match[1]}_{match[2]}_"
        own = {each: cache.size(each) or 0 for each in names if each.startswith(prefix) and each.endswith(".gguf")}
        yield from _formats(f"{match[1]}/{match[2]}", {each: size for each, size in own.items() if size})


# --- Ollama ---


class _Layer(Struct, frozen=True):
    media_type: str = msgspec.field(default="", name="mediaType")
    digest: str = ""
    size: int = 0


class _Manifest(Struct, frozen=True):
    config: _Layer = _Layer()
    layers: tuple[_Layer, ...] = ()


class _Config(Struct, frozen=True):
    file_type: str = ""


def _ollama(cache: Cache) -> Iterator[CachedModel]:
    """``manifests/HOST/OWNER/NAME/TAG``, each a list of blobs."""
    for path in cache.walk("manifests", 4):
        host, owner, name, tag = path.split("/")
        if not all(re.fullmatch(_WORD, each, re.ASCII) for each in (host, owner, name, tag)):
            continue
        manifest = _decoded(cache.read(f"manifests/{path}", 2**16), _Manifest)
        size = _downloaded(cache, manifest) if manifest else None
        if manifest is None or not size:
            continue
        before = "" if (host, owner) == _OLLAMA_LIBRARY else f"{owner}/" if host == _OLLAMA_LIBRARY[0] else None
        given = f"{host}/{owner}/{name}:{tag}" if before is None else f"{before}{name}:{tag}"
        config = _decoded(cache.read(_blob(manifest.config), 2**16), _Config)
        kind = config.file_type.lower() if config and re.fullmatch(r"\w{1,20}", config.file_type, re.ASCII) else None
        yield CachedModel(repository=given, format=kind, bytes=size)


def _downloaded(cache: Cache, manifest: _Manifest) -> int | None:
    """Bytes of the model's layers; None where one of them is missing or has another size."""
    layers = [each for each in manifest.layers if each.media_type.endswith((".model", ".projector"))]
    if not layers or any(each.size <= 0 or cache.size(_blob(each)) != each.size for each in layers):
        return None
    return sum(each.size for each in layers)


def _blob(layer: _Layer) -> str:
    """Its path; a name that no blob has where the digest is none."""
    match = re.fullmatch(_DIGEST, layer.digest)
    return f"blobs/sha256-{match[1]}" if match else "blobs/none"


def _decoded(data: bytes | None, kind: type[T]) -> T | None:
    try:
        return None if data is None else msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError):
        return None


_READERS = {"huggingface": _hub, "ollama": _ollama, "llama.cpp": _llama_cpp}
