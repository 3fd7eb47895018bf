"""Exact bytes of tensors from the header of a safetensors file, or of all files that an index names.

The layout: a 64-bit length, a JSON header with type, shape and byte range of each tensor, then the data, which is
not read.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import struct
from collections import defaultdict
from typing import Literal

from msgspec import Raw, Struct

from llmcheck import codec
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture, Attention, Parameters, TensorGroup
from llmcheck.system.outside import open_file

_LARGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
_MOST_ELEMENTS = 2**50
_MOST_SHARDS = 4096
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors", re.DOTALL)
_NAME = re.compile(r"[^/\\\x00]{1,200}\.safetensors")
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d{1,6})\.")
_EMBEDDING = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|embeddings)\.")
_HEAD = re.compile(r"(?:^|\.)(?:lm_head|embed_out)\.|^output\.weight$")
_VISION = re.compile(r"vision|visual|audio|multi_modal|mm_projector")
_PREDICTOR = re.compile(r"(?:^|\.)(?:mtp|nextn|mtp_layers)\.|(?:^|\.)mtp_")
"""Layers that predict further tokens, where they have names of their own."""
_PROJECTION = re.compile(r"\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)\.weight$")

Part = Literal["embedding", "head", "layer", "experts", "vision", "predictor", "other"]
_Sums = dict[tuple[Part, int | None, str], list[int]]
"""Elements and bytes, by part, layer and type."""


class _Entry(Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class _Metadata(Struct):
    total_size: int | float | None = None


class _Index(Struct):
    weight_map: dict[str, str]
    metadata: _Metadata | None = None


class SafetensorsHeader(Struct, frozen=True):
    tensors: tuple[TensorGroup, ...]
    """Summed by part, layer and type; empty where a shard is missing."""
    shapes: dict[str, tuple[int, ...]]
    """The shape of every tensor, by name."""
    file_size: int | None
    where: str
    notes: tuple[str, ...] = ()


def read_tensors(path: str) -> SafetensorsHeader:
    """The header of one file, or of all shards of a model. Raises DataError and OSError."""
    if path.lower().endswith(".index.json"):
        return _of_index(path)
    match = _SPLIT.fullmatch(os.path.basename(path))
    if match is not None and int(match[3]) > 1:
        return _of_shards(path, match[1], match[3])
    sums: _Sums = defaultdict(lambda: [0, 0])
    shapes: dict[str, tuple[int, ...]] = {}
    size = _add_file(path, sums, shapes)
    return SafetensorsHeader(_groups(sums), shapes, size, path)


def _of_shards(path: str, stem: str, count: str) -> SafetensorsHeader:
    """The header of all shards, given one: those that the index names, else those that the file name implies."""
    index = os.path.join(os.path.dirname(path), f"{stem}.safetensors.index.json")
    if os.path.isfile(index):
        return _of_index(index)
    if int(count) > _MOST_SHARDS:
        raise DataError(f"{path}: {int(count):,} shards are more than any model has")
    return _of_all(path, [f"{stem}-{number:05}-of-{count}.safetensors" for number in range(1, int(count) + 1)], None)


def _of_index(path: str) -> SafetensorsHeader:
    with open_file(path) as file:
        data = file.read(_LARGEST_HEADER + 1)
    if len(data) > _LARGEST_HEADER:
        raise DataError(f"{path}: larger than 100 MB, which no index is")
    index = codec.decode_json(data, _Index, path)
    names = sorted(set(index.weight_map.values()))
    if not names or len(names) > _MOST_SHARDS:
        raise DataError(f"{path}: names {len(names):,} files")
    for name in names:
        if not _NAME.fullmatch(name) or name.startswith(".."):
            raise DataError(f"{path}: {name[:60]!r} is not the name of a safetensors file in the same folder")
    total = index.metadata.total_size if index.metadata else None
    if total is not None and not 0 < total <= _MOST_ELEMENTS:
        raise DataError(f"{path}: 'total_size' is not a number of bytes that a model can have")
    return _of_all(path, names, None if total is None else int(total))


def _of_all(path: str, names: list[str], total: int | None) -> SafetensorsHeader:
    """The header of all these files in the folder of ``path``; where a file is missing, a note and no tensors.

    ``total``: bytes of all tensors as the index states them, None where it does not.
    """
    folder = os.path.dirname(path)
    missing = [name for name in names if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        note = f"{len(missing)} of {len(names)} weight files are missing; sizes are computed from config.json"
        return SafetensorsHeader((), {}, total, path, (note,))
    sums: _Sums = defaultdict(lambda: [0, 0])
    shapes: dict[str, tuple[int, ...]] = {}
    size = sum(_add_file(os.path.join(folder, name), sums, shapes) for name in names)
    return SafetensorsHeader(_groups(sums), shapes, size, path)


def _add_file(path: str, sums: _Sums, shapes: dict[str, tuple[int, ...]]) -> int:
    """Adds the tensors of a file to ``sums`` and ``shapes``; returns its size in bytes."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        first = file.read(8)
        if len(first) < 8:
            raise DataError(f"{path}: incomplete: {size} bytes are too few for a safetensors file")
        length = struct.unpack("<Q", first)[0]
        if length > _LARGEST_HEADER:
            raise DataError(f"{path}: not a safetensors file: its header claims to be {length:,} bytes long")
        if length > size - 8:
            raise DataError(f"{path}: incomplete: {length - (size - 8):,} bytes of its header are missing")
        data = file.read(length)
    entries = codec.decode_json(data, dict[str, Raw], path) if data else {}
    available, end = size - 8 - length, 0
    if data.count(b'"data_offsets"') > len(entries):
        _refuse_duplicates(path, data)
    ranges: list[tuple[int, int]] = []
    for name, text in entries.items():
        if name == "__metadata__":
            continue
        entry = codec.decode_json(bytes(text), _Entry, f"{path}, tensor {name[:60]!r}")
        if name in shapes:
            raise DataError(f"{path}: tensor {name[:60]!r} is in two files")
        elements, taken = _elements_and_bytes(path, name, entry)
        end = max(end, entry.data_offsets[1])
        ranges.append(entry.data_offsets)
        shapes[name] = tuple(entry.shape)
        total = sums[*_part_and_layer(name), entry.dtype]
        total[0] += elements
        total[1] += taken
    if end > available:
        raise DataError(f"{path}: incomplete: {end - available:,} bytes of its tensors are missing; download it again")
    ranges.sort()
    if any(after[0] < before[1] for before, after in itertools.pairwise(ranges)):
        raise DataError(f"{path}: two of its tensors have the same bytes")
    return size


def _refuse_duplicates(path: str, data: bytes) -> None:
    """Raise DataError for a name that occurs twice: the decoder would keep only the last tensor."""
    import json  # needed only for a damaged header

    def unique(pairs: list[tuple[str, object]]) -> None:
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise DataError(f"{path}: {name[:60]!r} occurs twice in its header")
            names.add(name)

    with contextlib.suppress(ValueError, RecursionError):
        json.loads(data, object_pairs_hook=unique)


def _elements_and_bytes(path: str, name: str, entry: _Entry) -> tuple[int, int]:
    """The number of elements and of bytes. Raises DataError where shape, type and byte range do not agree."""
    shown = repr(name[:60])
    bits = _BITS.get(entry.dtype)
    if bits is None:
        raise DataError(f"{path}: tensor {shown} has the unknown type {entry.dtype[:20]!r}")
    elements = 1
    for each in entry.shape:
        elements *= each
        if each < 0 or elements > _MOST_ELEMENTS:
            raise DataError(f"{path}: tensor {shown} claims to have a shape of {str(entry.shape)[:60]}")
    start, end = entry.data_offsets
    if not 0 <= start <= end <= 2**62 or (end - start) * 8 != elements * bits:
        raise DataError(f"{path}: tensor {shown}: its byte range does not match its shape")
    return elements, end - start


def _groups(sums: _Sums) -> tuple[TensorGroup, ...]:
    return tuple(
        TensorGroup(part=part, layer=layer, type=kind, elements=elements, bytes=size)
        for (part, layer, kind), (elements, size) in sums.items()
    )


def _part_and_layer(name: str) -> tuple[Part, int | None]:
    """The part of the model that a tensor belongs to, by its name, and its layer."""
    if _PREDICTOR.search(name):
        return "predictor", None
    if _VISION.search(name):
        return "vision", None
    layer = _LAYER.search(name)
    if layer is not None:
        return ("experts" if ".experts." in name else "layer"), int(layer[1])
    if _HEAD.search(name):
        return "head", None
    return ("embedding" if _EMBEDDING.search(name) else "other"), None


def shape_of(header: SafetensorsHeader) -> Architecture:
    """The architecture from the tensors alone, for a folder without ``config.json``.

    Raises DataError where the tensors are not named like Llama's, or shards are missing.
    """
    where, shapes = header.where, header.shapes
    table = next((shape for name, shape in shapes.items() if _EMBEDDING.search(name) and len(shape) == 2), None)
    if table is None or not any(_PROJECTION.search(name) for name in shapes):
        raise DataError(
            f"{where}: no config.json in the same folder, and its tensors do not show the shapes of the model"
        )
    vocab, hidden = table
    rows = _projections(shapes)
    numbers = {int(match[1]) for name in shapes if not _VISION.search(name) and (match := _LAYER.search(name))}
    layers = len(numbers) if numbers == set(range(len(numbers))) else 0
    if not (layers and hidden and all(name in rows for name in ("q_proj", "k_proj", "up_proj"))):
        raise DataError(f"{where}: no config.json in the same folder, and not all of its layers are here")
    dim, how = _head_dim(where, shapes, hidden, rows["q_proj"], rows["k_proj"])
    heads, kv_heads = rows["q_proj"] // dim, rows["k_proj"] // dim
    head = sum(math.prod(shape) for name, shape in shapes.items() if _HEAD.search(name))
    parts = {"attention": 0, "mlp": 0, "experts": 0, "vision": 0, "other": 0}
    for name, shape in shapes.items():
        if not (_EMBEDDING.search(name) or _HEAD.search(name)):
            parts[_parameter_field(name, shape)] += math.prod(shape)
    embedding = vocab * hidden
    note = f"read from the tensors alone: heads of {dim} elements are {how}; windows and active experts are not known"
    return Architecture(
        name=os.path.basename(where), model_type="unknown", source=where, estimated=True, assumed=(note,),
        hidden=hidden, layers=layers,
        intermediate=rows["up_proj"], gated="gate_proj" in rows, vocab=vocab, tied=not head,
        attention=(Attention(kind="attention", layers=layers, heads=heads, kv_heads=kv_heads, head_dim=dim),),
        parameters=Parameters(embedding=embedding, head=head, active=embedding + head + sum(parts.values()), **parts),
        tensors=header.tensors, file_size=header.file_size, notes=(*header.notes, note),
    )  # fmt: skip


def _head_dim(where: str, shapes: dict[str, tuple[int, ...]], hidden: int, queries: int, keys: int) -> tuple[int, str]:
    """Elements of one head, and how they are known. Raises DataError where the matrices divide into no usual size."""
    norm = next((shape for name, shape in shapes.items() if name.endswith("self_attn.q_norm.weight")), ())
    likely = (128, 64) if hidden >= 2048 else (64, 128)
    for dim in (*norm[:1], *likely):
        if dim > 0 and queries and keys and not (queries % dim or keys % dim or queries % keys):
            return dim, "known from their norm" if norm and dim == norm[0] else "assumed"
    raise DataError(f"{where}: no config.json in the same folder, and its heads are of no usual size")


def _projections(shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """The number of outputs of each kind of matrix, in the first layer that has it."""
    found: dict[str, int] = {}
    for name, shape in shapes.items():
        match = _PROJECTION.search(name)
        if match and len(shape) == 2:
            found.setdefault(match[1], shape[0])
    return found


def _parameter_field(name: str, shape: tuple[int, ...]) -> str:
    """The field of ``Parameters`` that counts a tensor."""
    if _VISION.search(name):
        return "vision"
    if ".experts." in name:
        return "experts"
    match = _PROJECTION.search(name)
    if match is None or len(shape) < 2:
        return "other"
    return "attention" if match[1][0] in "qkvo" else "mlp"
