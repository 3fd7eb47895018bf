"""Exact bytes of tensors from the header of a safetensors file, or of all the files that an index names.

The layout: a 64-bit length, a JSON header with type, shape and place of each tensor, then the data, which is not read.
"""

from __future__ import annotations

import os
import re
import struct
from collections import defaultdict
from typing import Literal

from msgspec import Raw, Struct

from llmcheck import codec
from llmcheck.architecture import Architecture, Attention, Parameters, TensorGroup
from llmcheck.errors import DataError

_LARGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
_MOST_ELEMENTS = 2**50
_MOST_SHARDS = 4096
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_NAME = re.compile(r"[^/\\\x00]{1,200}\.safetensors")
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d{1,6})\.")
_EMBEDDING = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|embeddings)\.")
_HEAD = re.compile(r"(?:^|\.)(?:lm_head|embed_out)\.|^output\.weight$")
_VISION = re.compile(r"vision|visual|audio|multi_modal|mm_projector")
_PROJECTION = re.compile(r"\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)\.weight$")

Part = Literal["embedding", "head", "layer", "experts", "vision", "other"]


class _Entry(Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class _Metadata(Struct):
    total_size: int | None = None


class _Index(Struct):
    weight_map: dict[str, str]
    metadata: _Metadata | None = None


class Header(Struct, frozen=True):
    tensors: tuple[TensorGroup, ...]
    """Empty where a shard does not lie here."""
    shapes: dict[str, tuple[int, ...]]
    """Of every tensor."""
    file_size: int | None
    where: str
    notes: tuple[str, ...] = ()


def read_tensors(path: str) -> Header:
    """Of one file, or of the shards of an index. Raises DataError and OSError."""
    if path.lower().endswith(".index.json"):
        return _of_index(path)
    sums: dict[tuple[Part, int | None, str], list[int]] = defaultdict(lambda: [0, 0])
    shapes: dict[str, tuple[int, ...]] = {}
    size = _add(path, sums, shapes)
    return Header(_groups(sums), shapes, size, path)


def _of_index(path: str) -> Header:
    with open(path, "rb") as file:
        data = file.read(_LARGEST_HEADER + 1)
    if len(data) > _LARGEST_HEADER:
        raise DataError(f"{path}: larger than 100 MB, which no index is")
    index = codec.decode_json(data, _Index, path)
    names = sorted(set(index.weight_map.values()))
    if not names or len(names) > _MOST_SHARDS:
        raise DataError(f"{path}: names {len(names):,} files")
    for name in names:
        if not _NAME.fullmatch(name) or name.startswith(".."):
            raise DataError(f"{path}: {name[:60]!r} is not the name of a safetensors file beside it")
    folder = os.path.dirname(path)
    missing = [name for name in names if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        note = f"{len(missing)} of {len(names)} weight files are not here; counted by their shapes"
        return Header((), {}, index.metadata.total_size if index.metadata else None, path, (note,))
    sums: dict[tuple[Part, int | None, str], list[int]] = defaultdict(lambda: [0, 0])
    shapes: dict[str, tuple[int, ...]] = {}
    size = sum(_add(os.path.join(folder, name), sums, shapes) for name in names)
    return Header(_groups(sums), shapes, size, path)


def _add(path: str, sums: dict[tuple[Part, int | None, str], list[int]], shapes: dict[str, tuple[int, ...]]) -> int:
    """Adds one file's tensors; its size in bytes."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        first = file.read(8)
        if len(first) < 8:
            raise DataError(f"{path}: not whole: {size} bytes are no safetensors file")
        length = struct.unpack("<Q", first)[0]
        if length > _LARGEST_HEADER:
            raise DataError(f"{path}: not a safetensors file: its header is said to be {length:,} bytes long")
        if length > size - 8:
            raise DataError(f"{path}: not whole: {length - (size - 8):,} bytes of its header are missing")
        data = file.read(length)
    entries = codec.decode_json(data, dict[str, Raw], path) if data else {}
    room, end = size - 8 - length, 0
    for name, text in entries.items():
        if name == "__metadata__":
            continue
        entry = codec.decode_json(bytes(text), _Entry, f"{path}, tensor {name[:60]!r}")
        if name in shapes:
            raise DataError(f"{path}: tensor {name[:60]!r} is in two files")
        elements, taken = _measured(path, name, entry)
        end = max(end, entry.data_offsets[1])
        shapes[name] = tuple(entry.shape)
        total = sums[*_place(name), entry.dtype]
        total[0] += elements
        total[1] += taken
    if end > room:
        raise DataError(f"{path}: not whole: {end - room:,} bytes of its tensors are missing; fetch it anew")
    return size


def _measured(path: str, name: str, entry: _Entry) -> tuple[int, int]:
    """Elements and bytes, where shape, type and place agree."""
    shown = repr(name[:60])
    bits = _BITS.get(entry.dtype)
    if bits is None:
        raise DataError(f"{path}: tensor {shown} has the unknown type {entry.dtype[:20]!r}")
    elements = 1
    for each in entry.shape:
        elements *= each
        if each < 0 or elements > _MOST_ELEMENTS:
            raise DataError(f"{path}: tensor {shown} is said to have a shape of {str(entry.shape)[:60]}")
    start, end = entry.data_offsets
    if not 0 <= start <= end or (end - start) * 8 != elements * bits:
        raise DataError(f"{path}: tensor {shown}: its place of {end - start:,} bytes does not hold its shape")
    return elements, end - start


def _groups(sums: dict[tuple[Part, int | None, str], list[int]]) -> tuple[TensorGroup, ...]:
    return tuple(
        TensorGroup(part=part, layer=layer, type=kind, elements=elements, bytes=size)
        for (part, layer, kind), (elements, size) in sums.items()
    )


def _place(name: str) -> tuple[Part, int | None]:
    """The part of the model that a tensor belongs to, by its name, and its block."""
    if _VISION.search(name):
        return "vision", None
    layer = _LAYER.search(name)
    if layer is not None:
        return ("experts" if ".experts." in name else "layer"), int(layer[1])
    if _HEAD.search(name):
        return "head", None
    return ("embedding" if _EMBEDDING.search(name) else "other"), None


def shape_of(header: Header) -> Architecture:
    """Shapes told from the tensors alone, where no ``config.json`` lies beside them. Raises DataError where the names
    are not those of Llama's family, or shards are missing."""
    where, shapes = header.where, header.shapes
    table = next((shape for name, shape in shapes.items() if _EMBEDDING.search(name) and len(shape) == 2), None)
    if table is None or not any(_PROJECTION.search(name) for name in shapes):
        raise DataError(f"{where}: no config.json beside it, and its tensors do not tell the shapes of the model")
    vocab, hidden = table
    rows = _projections(shapes)
    layers = max((int(match[1]) + 1 for name in shapes if (match := _LAYER.search(name))), default=0)
    if not (layers and hidden and all(name in rows for name in ("q_proj", "k_proj", "up_proj"))):
        raise DataError(f"{where}: no config.json beside it, and its layers are not all here")
    dim = 128 if hidden >= 2048 else 64
    heads, kv_heads = max(rows["q_proj"] // dim, 1), max(rows["k_proj"] // dim, 1)
    head = sum(_product(shape) for name, shape in shapes.items() if _HEAD.search(name))
    parts = {"attention": 0, "mlp": 0, "experts": 0, "vision": 0, "other": 0}
    for name, shape in shapes.items():
        if not (_EMBEDDING.search(name) or _HEAD.search(name)):
            parts[_counted(name, shape)] += _product(shape)
    embedding = vocab * hidden
    note = f"no config.json: heads of {dim} elements are assumed, and no window or experts' choice is known"
    return Architecture(
        name=os.path.basename(where), model_type="unknown", source=where, estimated=True, hidden=hidden, layers=layers,
        intermediate=rows["up_proj"], gated="gate_proj" in rows, vocab=vocab, tied=not head,
        attention=(Attention(kind="attention", layers=layers, heads=heads, kv_heads=kv_heads, head_dim=dim),),
        parameters=Parameters(embedding=embedding, head=head, active=embedding + head + sum(parts.values()), **parts),
        tensors=header.tensors, file_size=header.file_size, notes=(*header.notes, note),
    )  # fmt: skip


def _projections(shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """Outputs of each kind of matrix, of the first layer that has it."""
    found: dict[str, int] = {}
    for name, shape in shapes.items():
        match = _PROJECTION.search(name)
        if match and len(shape) == 2:
            found.setdefault(match[1], shape[0])
    return found


def _counted(name: str, shape: tuple[int, ...]) -> str:
    if _VISION.search(name):
        return "vision"
    if ".experts." in name:
        return "experts"
    match = _PROJECTION.search(name)
    if match is None or len(shape) < 2:
        return "other"
    return "attention" if match[1][0] in "qkvo" else "mlp"


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for each in shape:
        total *= each
    return total
