"""A model on disk: a folder, a single file, or the Hugging Face cache. Weights are never read."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture, TensorGroup
from llmcheck.system.outside import open_file

if TYPE_CHECKING:
    from llmcheck.checkpoint.safetensors import SafetensorsHeader

_ONE_ELEMENT_PER_WEIGHT = frozenset({"F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
_LARGEST_DIFFERENCE = 0.3
"""By how much of a model's weights the tensors may differ from config.json: an encoder that config.json does not
describe, or a matrix that is stored twice, makes less than this."""
_CONFIG_LIMIT = 16 * 2**20
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_REVISION = re.compile(r"[\w.-]{1,100}")
_UNREAD = {
    ".bin": "a pickle file, which could run code and is never opened",
    ".pt": "a pickle file, which could run code and is never opened",
    ".pth": "a pickle file, which could run code and is never opened",
    ".onnx": "an ONNX graph",
}
_SINGLE = "model.safetensors"
_INDEX = ".safetensors.index.json"
_FIRST = re.compile(r"-00001-of-\d{5}\.(?:safetensors|gguf)$", re.IGNORECASE)


def read(path: str) -> Architecture:
    """The model at ``path``: a folder with ``config.json``, GGUF or safetensors files, or one such file.

    Raises DataError.
    """
    try:
        if os.path.isdir(path):
            return _folder(path)
        if not os.path.exists(path):
            raise DataError(f"{path}: there is no such file or folder")
        if not os.path.isfile(path):
            raise DataError(f"{path}: not a file or folder")
        return _file(path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _file(path: str) -> Architecture:
    from llmcheck.checkpoint import gguf_header

    name = os.path.basename(path).lower()
    if gguf_header.is_gguf(path):
        from llmcheck.checkpoint import gguf

        return gguf.read(path)
    if name.endswith(".gguf"):
        raise DataError(f"{path}: not a GGUF file: it does not begin with 'GGUF'")
    if name.endswith((".safetensors", _INDEX)):
        from llmcheck.checkpoint import safetensors

        config_path = os.path.join(os.path.dirname(path), "config.json")
        header = safetensors.read_tensors(path)
        if os.path.isfile(config_path):
            return _with_tensors(_config(config_path), header)
        return safetensors.shape_of(header)
    ending = os.path.splitext(name)[1]
    if ending in _UNREAD:
        raise DataError(f"{path}: {_UNREAD[ending]}; give the folder with its config.json")
    return _config(path)


def _folder(path: str) -> Architecture:
    from llmcheck.checkpoint import gguf, safetensors

    described = os.path.join(path, "config.json")
    entries = sorted(os.listdir(path))
    index = next((each for each in entries if each.lower().endswith(_INDEX)), None)
    if os.path.isfile(described):
        weights = index or (_SINGLE if _SINGLE in entries else None)
        if weights is None:
            return _config(described)
        return _with_tensors(_config(described), safetensors.read_tensors(os.path.join(path, weights)))
    files = [each for each in entries if each.lower().endswith(".gguf")]
    first = [each for each in files if not re.search(r"-\d{5}-of-\d{5}\.gguf$", each) or _FIRST.search(each)]
    first = [each for each in first if not each.lower().startswith("mmproj")]
    if len(first) == 1:
        return gguf.read(os.path.join(path, first[0]))
    if first:
        raise DataError(f"{path}: {len(first)} models in one folder; name the file, such as {first[0]}")
    if "adapter_config.json" in entries:
        raise DataError(f"{path}: only an adapter; give the folder of its base model")
    shards = [each for each in entries if each.lower().endswith(".safetensors")]
    whole = index or next((each for each in shards if len(shards) == 1 or _FIRST.search(each)), None)
    if whole is not None:
        return _file(os.path.join(path, whole))
    if shards:
        raise DataError(f"{path}: {len(shards)} safetensors files and neither config.json nor an index; name the file")
    raise DataError(f"{path}: no config.json, GGUF or safetensors file in this folder")


def _config(path: str) -> Architecture:
    with open_file(path) as file:
        data = file.read(_CONFIG_LIMIT + 1)
    if len(data) > _CONFIG_LIMIT:
        raise DataError(f"{path}: larger than 16 MiB, which no config.json is")
    from llmcheck.checkpoint import config  # a GGUF file needs none of it

    name = os.path.basename(os.path.dirname(os.path.abspath(path))) if path.endswith("config.json") else path
    return config.architecture(config.decoded(data, path), path, name, path)


def _with_tensors(found: Architecture, header: SafetensorsHeader) -> Architecture:
    """The architecture of ``config.json`` with, where no weight file is missing, the exact bytes of the tensors."""
    from llmcheck.checkpoint import safetensors

    notes = (*found.notes, *header.notes)
    if not header.tensors:
        return replace(found, notes=notes)
    if _contradicts(found, header):
        stored = sum(group.elements for group in header.tensors)
        counts = f"config.json describes {found.parameters.total:,} weights, but the tensors beside it have {stored:,}"
        try:
            shape = safetensors.shape_of(header)
        except DataError:
            raise DataError(f"{header.where}: {counts}; one of them belongs to another model") from None
        return replace(shape, notes=(f"{counts}: the tensors are used", *shape.notes))
    return replace(found, tensors=_without_predictors(found, header), file_size=header.file_size, notes=notes)


def _without_predictors(found: Architecture, header: SafetensorsHeader) -> tuple[TensorGroup, ...]:
    """The tensors, those of layers beyond the model's own marked: they predict further tokens (DeepSeek, GLM)."""
    beyond = found.layers if found.predictor else None
    return tuple(
        replace(each, part="predictor")
        if beyond is not None and each.layer is not None and each.layer >= beyond
        else each
        for each in header.tensors
    )


def _contradicts(found: Architecture, header: SafetensorsHeader) -> bool:
    """Whether the tensors belong to another model. Quantised formats store several weights in one element, so they are
    not compared."""
    groups = [each for each in _without_predictors(found, header) if each.part != "predictor"]
    if found.estimated or any(group.type not in _ONE_ELEMENT_PER_WEIGHT for group in groups):
        return False
    stored = sum(group.elements for group in groups)
    return not 1 - _LARGEST_DIFFERENCE < stored / found.parameters.total < 1 + _LARGEST_DIFFERENCE


def is_repository(name: str) -> bool:
    """Whether ``name`` is written like a repository of the hub: ``name`` or ``org/name``."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name


def cached(name: str, cache: str) -> Architecture | None:
    """The model of a repository in the Hugging Face cache, at the revision of ``main`` if that is there, else None.

    Raises DataError where it is there but cannot be read.
    """
    if not is_repository(name):
        return None
    folder = os.path.join(cache, "models--" + name.replace("/", "--"))
    snapshots = os.path.join(folder, "snapshots")
    try:
        revisions = sorted(os.listdir(snapshots))
    except OSError:
        return None
    wanted = [*_referenced(folder), *revisions]
    for revision in wanted:
        path = os.path.join(snapshots, revision)
        if revision in revisions and _has_model(path):
            return replace(read(path), name=name, source=f"{name} in the Hugging Face cache, revision {revision[:12]}")
    return None


def _has_model(folder: str) -> bool:
    """Whether a folder has a file that describes a model; repositories of GGUF files have no config.json."""
    try:
        entries = [each.lower() for each in os.listdir(folder)]
    except OSError:
        return False
    return "config.json" in entries or any(each.endswith((".gguf", ".safetensors")) for each in entries)


def _referenced(folder: str) -> list[str]:
    try:
        with open_file(os.path.join(folder, "refs", "main")) as file:
            revision = file.read(200).decode("utf-8", "replace").strip()
    except (OSError, DataError):
        return []
    return [revision] if _REVISION.fullmatch(revision) else []
