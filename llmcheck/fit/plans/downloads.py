"""What a plan has to download, to where, and what of it lies on the machine already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from llmcheck.fit.shapes import formats, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import DownloadUnknown
from llmcheck.schema.machine import CachedModel, Machine, ModelCache

_TAGS = {"fp16": "F16", "fp32": "F32"}
"""Of GGUF files whose names are not those of the formats in capitals."""
_NAMED_AFTER = {
    "awq": "-awq", "gptq-4bit-g128": "-gptq-int4", "gptq-8bit-g128": "-gptq-int8", "mlx-4bit": "-4bit",
    "mlx-8bit": "-8bit",
}  # fmt: skip
"""What the name of a repository in such a format usually has after the model's."""
_ENOUGH = 0.9
"""Of the computed bytes: a repository that has less is another model, or a part of it."""


class Names(Struct, frozen=True, kw_only=True):
    """Where a model is published beside its own repository."""

    gguf: tuple[str, ...] = ()
    """Repositories with GGUF files of it, the preferred one first."""
    ollama: str | None = None
    """Its tag in Ollama's library."""


class Storage(Struct, frozen=True, kw_only=True):
    """What was downloaded to a machine, and the free space for more."""

    caches: Mapping[str, ModelCache] = {}
    """By program; nothing where it was not looked for."""
    looked_for: bool = False
    """False: what was downloaded before is not known."""
    free: int | None = None
    """Bytes of the file system of the hub's cache; None where it is not known."""
    by_name: Mapping[str, tuple[tuple[str, CachedModel], ...]] = {}
    """Program and model, by the name without owner."""


class Download(Struct, frozen=True, kw_only=True):
    """What one plan loads, and how much of it is still to be downloaded."""

    repository: str | None
    """What the runtime is given: a repository, a path or a tag; None where none is known to have the file."""
    tag: str | None = None
    """Of one file in a repository: ``Q4_K_M``."""
    size: int
    """Bytes of the files that are loaded, wherever they are."""
    bytes: int | None = None
    """Still to be downloaded: 0 where all of it is there; None: not known, and ``unknown`` says why."""
    unknown: DownloadUnknown | None = None
    cached: str | None = None
    """Program in whose cache it lies, or ``file``; None where it does not."""
    folder: str | None = None
    """Where it lies or is put; None where that is not known."""
    is_path: bool = False
    """``repository`` is a file of this machine."""
    free: int | None = None
    """Bytes that may be written there; None where it is not known."""

    @property
    def short(self) -> int | None:
        """Bytes by which the free space is too small; None where it is not known."""
        return None if self.bytes is None or self.free is None else max(self.bytes - self.free, 0)


def storage(machine: Machine) -> Storage:
    """Nothing was downloaded to a machine that is only described."""
    caches = {each.program: each for each in machine.model_caches or ()}
    free = next((disk.free for disk in machine.disks or () if disk.role == "models"), None)
    by_name: dict[str, tuple[tuple[str, CachedModel], ...]] = {}
    for cache in caches.values():
        for model in cache.models or ():
            for name in _names(model.repository):
                by_name[name] = (*by_name.get(name, ()), (cache.program, model))
    return Storage(
        caches=caches, looked_for=machine.hypothetical or machine.model_caches is not None, free=free, by_name=by_name
    )


def of(use: ModelUse, names: Names | None, stored: Storage) -> Download:
    """The download of one use, whose runtime and weights are chosen."""
    names = names or Names()
    repository, tag, size = _wanted(use, names)
    if _is_file(use):
        is_path = use.architecture.source.endswith(".gguf")
        return Download(repository=repository, tag=tag, size=size, bytes=0, cached="file", is_path=is_path)
    programs = use.runtime.caches
    own = stored.caches.get(programs[0]) if programs else None
    found = _found(use, names, stored, size)
    if found is not None:
        program, model = found
        repository, tag = _given(model)
        place = stored.caches[program].path
        return Download(repository=repository, tag=tag, size=model.bytes, bytes=0, cached=program, folder=place)
    unread = any(each in stored.caches and not _is_read(stored.caches[each]) for each in programs)
    known = not programs or (stored.looked_for and not unread)
    return Download(
        repository=repository,
        tag=tag,
        size=size,
        bytes=size if known else None,
        unknown=None if known else "cache-not-read",
        folder=None if own is None else own.path,
        free=_free(own, stored, programs),
    )


def _is_read(cache: ModelCache) -> bool:
    """Whether what is not listed is not there."""
    return cache.models is not None and not cache.truncated


def _free(own: ModelCache | None, stored: Storage, programs: tuple[str, ...]) -> int | None:
    """The one disk of a machine that is only described takes the downloads of every program."""
    if own is not None and own.free is not None:
        return own.free
    return stored.free if programs and (programs[0] == "huggingface" or not stored.caches) else None


def _is_file(use: ModelUse) -> bool:
    """Whether the model is a file or folder whose tensors were read, used as it is."""
    return bool(use.architecture.tensors) and use.workload.weights is None


def _published(use: ModelUse) -> str:
    return use.with_shapes_alone().changed(weights=None, method="inference", precision=None).weight_format.name


def makes_it_while_loading(use: ModelUse) -> bool:
    """Whether the published weights are loaded and made smaller by the runtime itself."""
    form = use.weight_format
    return not use.is_inference or (form.name != _published(use) and form.family in use.runtime.made_on_load)


def _wanted(use: ModelUse, names: Names) -> tuple[str | None, str | None, int]:
    """Repository or path, tag and bytes of what is loaded. No repository where none is known to have the file."""
    name, form = use.architecture.name, use.weight_format
    if _is_file(use) and use.architecture.source.endswith(".gguf"):
        return use.architecture.source, None, use.stored.total
    if use.runtime.files == "gguf" or form.family == "gguf":
        own = (name,) if _is_file(use) else ()
        repository = next(iter((*own, *names.gguf)), None) if not use.architecture.estimated else None
        return repository, _tag(form.name) if repository else None, use.stored.total
    published = _published(use)
    own_repository = None if use.architecture.estimated else name
    if makes_it_while_loading(use):
        size = weights.stored(use.with_shapes_alone().architecture, formats.weights(published)).total
        return own_repository, None, size
    is_published = form.name == published or form.family == "plain" or _is_file(use)
    size = use.stored.total + round(use.architecture.predictor * form.bits / 8)
    return own_repository if is_published else None, None, size


def _tag(name: str) -> str:
    """Of a format, as GGUF files have it in their names."""
    return _TAGS.get(name, name.upper())


def _found(use: ModelUse, names: Names, stored: Storage, size: int) -> tuple[str, CachedModel] | None:
    """The cached model that the plan can load, from a cache that its runtime reads."""
    if use.architecture.estimated or not stored.by_name:
        return None
    possible = [
        (program, model) for program, model in _candidates(use, names, stored)
        if program in use.runtime.caches and model.bytes >= _ENOUGH * size
    ]  # fmt: skip
    preferred = [each.lower() for each in names.gguf]

    def rank(pair: tuple[str, CachedModel]) -> tuple[int, str]:
        repository = _repository(pair[1].repository)[0].lower()
        return (preferred.index(repository) if repository in preferred else len(preferred), repository)

    return min(possible, key=rank, default=None)


def _candidates(use: ModelUse, names: Names, stored: Storage) -> Iterator[tuple[str, CachedModel]]:
    name, form = use.architecture.name, use.weight_format
    base = name.rpartition("/")[2].lower()
    if use.runtime.files == "gguf" or form.family == "gguf":
        others = [each for other in names.gguf for each in _names(other)]
        for key in dict.fromkeys((base, *others, (names.ollama or "").lower())):
            for program, model in stored.by_name.get(key, ()):
                if _canonical(model.format) == form.name:
                    yield program, model
        return
    loads_published = makes_it_while_loading(use) or form.name == _published(use)
    after = "" if loads_published else _NAMED_AFTER.get(form.name)
    for program, model in stored.by_name.get(base + after, ()) if after is not None else ():
        if model.format == "safetensors" and (after or model.repository.lower() == name.lower()):
            yield program, model


def anything_of(name: str, names: Names, stored: Storage) -> bool:
    """Whether files of a model were downloaded, in whatever format. ``name``: its own repository."""
    base = name.rpartition("/")[2].lower()
    others = [each for other in names.gguf for each in _names(other)]
    suffixed = [base + after for after in _NAMED_AFTER.values()]
    return any(key in stored.by_name for key in (base, *others, *suffixed, (names.ollama or "").lower()))


def _canonical(kind: str | None) -> str | None:
    """The format's own name; None for one that is not known."""
    try:
        return None if kind is None or kind == "safetensors" else formats.weights(kind).name
    except formats.UnknownFormatError:
        return None


def _repository(given: str) -> tuple[str, str | None]:
    """Repository and tag of ``hf.co/ORG/NAME:TAG``; what is given otherwise stays as it is."""
    if not given.startswith(("hf.co/", "huggingface.co/")):
        return given, None
    repository, _, tag = given.partition("/")[2].partition(":")
    return repository, tag or None


def _given(model: CachedModel) -> tuple[str, str | None]:
    """Repository and tag, as its program is given them; a name with a colon has the tag in it."""
    repository, tag = _repository(model.repository)
    if ":" in model.repository or model.format in (None, "safetensors"):
        return repository, tag
    return repository, _tag(_canonical(model.format) or model.format)


def _names(repository: str) -> Iterator[str]:
    """What a model is called in the name of a repository: ``qwen3-8b`` of ``bartowski/Qwen_Qwen3-8B-GGUF``."""
    name = _repository(repository)[0].rpartition("/")[2].lower().removesuffix("-gguf")
    yield name
    owner, _, rest = name.partition("_")
    if owner and rest:
        yield rest
