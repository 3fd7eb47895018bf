"""An architecture and the exact bytes of its tensors from the header of a GGUF file; no weight is read.

The layout is that of ggml's docs/gguf.md, versions 2 and 3: metadata, then one record for each tensor.
"""

from __future__ import annotations

import os
import re
import struct
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from llmcheck.architecture import Architecture, Attention, Parameters, TensorGroup
from llmcheck.checkpoint.stream import Stream
from llmcheck.errors import DataError
from llmcheck.ggml import BLOCKS

_MAGIC = b"GGUF"
_U32 = struct.Struct("<I")
_NUMBERS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"), 3: struct.Struct("<h"),
    4: struct.Struct("<I"), 5: struct.Struct("<i"), 6: struct.Struct("<f"), 7: struct.Struct("<?"),
    10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip
"""By the number of the value's type."""
_STRING, _ARRAY = 8, 9
_MOST_KEYS, _MOST_TENSORS, _MOST_TEXTS, _MOST_PARTS = 8_192, 1_048_576, 4_194_304, 1_000
_MOST_NUMBERS = 65_536
"""That are kept of all lists together: a hole in a file costs no disk, its numbers would cost memory."""
_MOST_ELEMENTS = 2**50

_TYPES: dict[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
"""ggml's types by number (ggml.h)."""
_FILE_TYPES = {
    0: "fp32", 1: "fp16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s",
    12: "q3_k_m", 13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs",
    20: "iq2_xs", 21: "q2_k_s", 22: "iq3_xs", 23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m",
    28: "iq2_s", 29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16", 36: "tq1_0", 37: "tq2_0", 38: "mxfp4",
}  # fmt: skip
"""``general.file_type``: what ``llama-quantize`` was asked for."""
_PERIODS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4, "olmo2": 4,
    "smallthinker": 4,
}  # fmt: skip
"""Every so many layers one sees the whole context; the others a window. As llama.cpp has it for these families."""
_EVERY_LAYER = {"llama", "mistral3", "phi3", "starcoder2"}
"""Families whose window is that of all layers, where they have one."""
_SPLIT = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_BLOCK = re.compile(r"blk\.(\d{1,6})\.(.+)")
_EXPERTS = re.compile(r"ffn_(?:gate|up|down|gate_up)_(?:exps|\d+)\b")
_RECURRENT = ("ssm_", "shortconv", "time_mix", "wkv")
_MIXERS = ("attn_", "ssm_", "shortconv", "time_mix", "wkv")

Part = Literal["embedding", "head", "layer", "experts", "vision", "other"]
Value = int | float | str | bool | list[int] | None


class _Tensor(Struct, frozen=True):
    name: str
    shape: tuple[int, ...]
    type: str
    elements: int
    size: int
    offset: int


class _Header(Struct, frozen=True):
    values: dict[str, Value]
    """None for long texts and for lists of strings or many numbers; ``KEY.count`` is the length of a list."""
    tensors: list[_Tensor]
    file_size: int


def is_gguf(path: str) -> bool:
    """Whether it begins as one. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(4) == _MAGIC


def read(path: str) -> Architecture:
    """Of a split file any part may be given; all are read. Raises DataError and OSError."""
    headers = [_header(part) for part in _parts(path)]
    values: dict[str, Value] = headers[0].values
    tensors = [tensor for header in headers for tensor in header.tensors]
    declared = values.get("split.count")
    if isinstance(declared, int) and declared > 1 and declared != len(headers):
        raise DataError(f"{path}: one of {declared:,} parts; name them NAME-00001-of-{declared:05}.gguf and so on")
    if not tensors:
        raise DataError(f"{path}: has no tensors: a vocabulary alone, or the first part of a model")
    return _Model(values, tensors, path, sum(header.file_size for header in headers)).architecture()


def _parts(path: str) -> list[str]:
    match = _SPLIT.fullmatch(os.path.basename(path))
    if match is None:
        return [path]
    count = int(match[3])
    if not 1 <= count <= _MOST_PARTS:
        raise DataError(f"{path}: {count:,} parts")
    folder = os.path.dirname(path)
    names = [f"{match[1]}-{number:05}-of-{match[3]}.gguf" for number in range(1, count + 1)]
    found = [os.path.join(folder, name) for name in names]
    missing = [part for part in found if not os.path.isfile(part)]
    if missing:
        more = f" and {len(missing) - 1} more parts are" if len(missing) > 1 else " is"
        raise DataError(f"{path}: {os.path.basename(missing[0])}{more} missing beside it")
    return found


# --- the header ---


def _header(path: str) -> _Header:
    with open(path, "rb") as file:
        stream = Stream(file, path)
        if stream.left < 24:
            raise DataError(f"{path}: not whole: {stream.left} bytes are no GGUF header")
        magic = stream.take(_U32)[0]
        if magic != int.from_bytes(_MAGIC, "little"):
            raise DataError(f"{path}: not a GGUF file: it does not begin with 'GGUF'")
        version = int(stream.take(_U32)[0])
        if version not in (2, 3):
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in (2, 3)
            kind = "big-endian" if swapped else f"version {version}"
            raise DataError(f"{path}: {kind} GGUF is not read; convert it anew with llama.cpp")
        count, keys = stream.u64(), stream.u64()
        if keys > _MOST_KEYS or count > _MOST_TENSORS:
            raise stream.fail(f"{count:,} tensors and {keys:,} keys are more than any model has")
        stream.need(13 * keys + 24 * count, f"{keys:,} keys and {count:,} tensors")
        values = _values(stream, keys)
        tensors = _tensors(stream, count)
        _check_whole(stream, values, tensors)
        return _Header(values, tensors, stream.size)


def _values(stream: Stream, keys: int) -> dict[str, Value]:
    values: dict[str, Value] = {}
    texts = numbers = 0
    for _ in range(keys):
        key = stream.text("the name of a key")
        if key in values:
            raise stream.fail(f"key '{_shown(key)}' comes twice")
        kind = int(stream.take(_U32)[0])
        if kind == _STRING:
            values[key] = stream.short_text(f"'{_shown(key)}'")
        elif kind == _ARRAY:
            kept, length, are_texts = _array(stream, key, _MOST_TEXTS - texts, _MOST_NUMBERS - numbers)
            values[key] = kept
            numbers += len(kept or ())
            values[f"{key}.count"] = length
            texts += length if are_texts else 0
        elif kind in _NUMBERS:
            values[key] = stream.take(_NUMBERS[kind])[0]
        else:
            raise stream.fail(f"key '{_shown(key)}' has a value of unknown type {kind}")
    return values


def _array(stream: Stream, key: str, most_texts: int, most_numbers: int) -> tuple[list[int] | None, int, bool]:
    """Its whole numbers, where they are few; its length; whether it holds strings."""
    what = f"the list '{_shown(key)}'"
    kind = int(stream.take(_U32)[0])
    length = stream.u64()
    if kind == _STRING:
        if length > most_texts:
            raise stream.fail(f"{what} is said to have {length:,} strings")
        stream.skip_texts(length, what)
        return None, length, True
    form = _NUMBERS.get(kind)
    if form is None:
        nested = "lists" if kind == _ARRAY else f"unknown type {kind}"
        raise stream.fail(f"{what} holds {nested}, which no model needs")
    stream.need(length * form.size, what)
    if length > most_numbers or kind in (6, 12):
        stream.skip(length * form.size, what)
        return None, length, False
    return [int(stream.take(form)[0]) for _ in range(length)], length, False


def _tensors(stream: Stream, count: int) -> list[_Tensor]:
    """Refused at the first name that comes twice: a hole in the file reads as tensors without a name."""
    found: dict[str, _Tensor] = {}
    for _ in range(count):
        tensor = _tensor(stream)
        if found.setdefault(tensor.name, tensor) is not tensor:
            raise stream.fail(f"tensor '{_shown(tensor.name)}' comes twice")
    return list(found.values())


def _tensor(stream: Stream) -> _Tensor:
    name = stream.text("the name of a tensor")
    dimensions = int(stream.take(_U32)[0])
    if dimensions > 4:
        raise stream.fail(f"tensor '{_shown(name)}' has {dimensions:,} dimensions; at most 4 are known")
    shape = tuple(stream.u64() for _ in range(dimensions))
    kind = int(stream.take(_U32)[0])
    offset = stream.u64()
    elements = 1
    for size in shape:
        elements *= size
        if not 0 < size <= _MOST_ELEMENTS or elements > _MOST_ELEMENTS:
            raise stream.fail(f"tensor '{_shown(name)}' is said to have {' x '.join(map(str, shape))} elements")
    if kind not in _TYPES:
        raise stream.fail(f"tensor '{_shown(name)}' has the unknown type {kind}; a newer llmcheck may know it")
    type_name = _TYPES[kind]
    block, size = BLOCKS[type_name]
    if shape and shape[0] % block:
        raise stream.fail(f"tensor '{_shown(name)}': rows of {shape[0]:,} cannot be cut into blocks of {type_name}")
    return _Tensor(name, shape, type_name, elements, elements // block * size, offset)


def _check_whole(stream: Stream, values: Mapping[str, Value], tensors: list[_Tensor]) -> None:
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 2**20:
        raise stream.fail("'general.alignment' is no alignment")
    start = -(-stream.offset // alignment) * alignment
    end = max((start + tensor.offset + tensor.size for tensor in tensors), default=0)
    if end > stream.size:
        raise DataError(
            f"{stream.where}: not whole: {end - stream.size:,} bytes of its tensors are missing; fetch it anew"
        )


def _shown(text: str) -> str:
    """A name from the file in one line, its control characters made visible."""
    return repr(text[:60])[1:-1] + ("..." if len(text) > 60 else "")


# --- what it means ---


class _Model:
    """One file's metadata and tensors while they are read."""

    def __init__(self, values: Mapping[str, Value], tensors: list[_Tensor], path: str, file_size: int) -> None:
        self.values, self.tensors, self.path, self.file_size = values, tensors, path, file_size
        said = values.get("general.architecture")
        self.family = said if isinstance(said, str) and said else "unknown"
        if self.family in {"clip", "mmproj"}:
            raise DataError(f"{path}: a vision projector (mmproj); give the file of the language model beside it")
        self.by_name: dict[str, _Tensor] = {}
        for tensor in tensors:
            if self.by_name.setdefault(tensor.name, tensor) is not tensor:
                raise DataError(f"{path}: tensor '{_shown(tensor.name)}' is in two parts")
        blocks = (match for name in self.by_name if (match := _BLOCK.match(name)))
        self.recurrent = {int(match[1]) for match in blocks if match[2].startswith(_RECURRENT)}
        self.notes: list[str] = []

    def whole(self, key: str, most: int, *fallback: int | None) -> int:
        """Raises DataError where neither the file nor its tensors say it."""
        found = self.optional(key, most)
        for each in (found, *fallback):
            if each:
                return each
        raise DataError(f"{self.path}: no '{self.family}.{key}', and its tensors do not tell")

    def optional(self, key: str, most: int) -> int | None:
        value = self.values.get(f"{self.family}.{key}")
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        if not 0 <= value <= most:
            raise DataError(f"{self.path}: '{self.family}.{key}' is {value:,}; expected at most {most:,}")
        return value

    def per_layer(self, key: str, layers: int, most: int) -> list[int] | None:
        """One number for each layer, whether the file has one for all or a list."""
        value = self.values.get(f"{self.family}.{key}")
        if isinstance(value, list):
            if len(value) < layers or not all(0 <= each <= most for each in value):
                raise DataError(
                    f"{self.path}: '{self.family}.{key}' does not have a number for each of {layers:,} layers"
                )
            return [int(each) for each in value[:layers]]
        single = self.optional(key, most)
        return None if single is None else [single] * layers

    def shape(self, *names: str) -> tuple[int, ...]:
        return next((self.by_name[name].shape for name in names if name in self.by_name), (0, 0))

    def architecture(self) -> Architecture:
        embedding = self.shape("token_embd.weight")
        hidden = self.whole("embedding_length", 2**20, embedding[0])
        numbers = [int(match[1]) for name in self.by_name if (match := _BLOCK.match(name))]
        layers = self.whole("block_count", 10_000, max(numbers, default=-1) + 1)
        vocab = embedding[1] if len(embedding) > 1 and embedding[1] else self._vocabulary()
        attention = self._attention(hidden, layers)
        widths = self.per_layer("feed_forward_length", layers, 2**26) or [0]
        inner = max(widths) or self.shape("blk.0.ffn_up.weight")[-1]
        experts = self.optional("expert_count", 2**16) or 0
        used = min(self.optional("expert_used_count", 2**16) or 0, experts)
        expert_width = self.optional("expert_feed_forward_length", 2**26) or (inner if experts else 0)
        groups, counts = self._tensors(experts, used)
        sparse = len({group.layer for group in groups if group.part == "experts"})
        return Architecture(
            name=self._name(), model_type=self.family, source=self.path, estimated=self.family == "unknown",
            hidden=hidden, layers=layers, intermediate=inner or expert_width or 1, gated=self._gated(), vocab=vocab,
            attention=attention, experts=experts, experts_active=used, expert_intermediate=expert_width,
            sparse_layers=sparse, tied="output.weight" not in self.by_name,
            context=self.optional("context_length", 2**40) or None, dtype=self._dtype(), parameters=counts,
            tensors=groups, file_size=self.file_size, notes=tuple(self.notes),
        )  # fmt: skip

    def _vocabulary(self) -> int:
        tokens = self.values.get("tokenizer.ggml.tokens.count")
        return self.whole("vocab_size", 2**26, tokens if isinstance(tokens, int) else None)

    def _name(self) -> str:
        said = self.values.get("general.name")
        return said[:200] if isinstance(said, str) and said.strip() else os.path.basename(self.path)

    def _gated(self) -> bool:
        names = ("blk.0.ffn_gate.weight", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_gate_up_exps.weight")
        fused = self.family in {"phi3", "chatglm", "glm4"}  # gate and up in one matrix
        return fused or any(name in self.by_name for name in names) or any("ffn_gate." in name for name in self.by_name)

    def _dtype(self) -> str | None:
        said = self.values.get("general.file_type")
        if isinstance(said, int) and said in _FILE_TYPES:
            return _FILE_TYPES[said]
        sizes: dict[str, int] = defaultdict(int)
        for tensor in self.tensors:
            sizes[tensor.type] += tensor.size
        return max(sizes, key=lambda kind: sizes[kind]).lower()

    # --- layers ---

    def _attention(self, hidden: int, layers: int) -> tuple[Attention, ...]:
        heads = self.per_layer("attention.head_count", layers, 2**16)
        if heads is None and not any(name in self.family for name in ("mamba", "rwkv")):
            raise DataError(f"{self.path}: no '{self.family}.attention.head_count'")
        heads = heads or [0] * layers
        cached = self.per_layer("attention.head_count_kv", layers, 2**16) or heads
        most = max(heads, default=0)
        if most and max(cached) > most:
            raise DataError(f"{self.path}: {max(cached):,} key-value heads for {most:,} attention heads")
        width = self.optional("attention.key_length", 2**16) or (hidden // most if most else 0)
        value = self.optional("attention.value_length", 2**16) or width
        latent = self.optional("attention.kv_lora_rank", 2**20)
        own = layers - self._sharing(layers)
        found: dict[Attention, list[int]] = defaultdict(lambda: [0, 0])
        for layer in range(layers):
            count = found[self._layer(layer, heads[layer], cached[layer], width, value, latent)]
            count[0] += 1
            count[1] += layer >= own
        return tuple(
            Attention(
                kind=each.kind, layers=count, heads=each.heads, kv_heads=each.kv_heads, head_dim=each.head_dim,
                value_dim=each.value_dim, window=each.window, latent=each.latent, state=each.state,
                shares_cache=0 if each.kind == "state" else shared,
            )
            for each, (count, shared) in found.items()
        )  # fmt: skip

    def _sharing(self, layers: int) -> int:
        """How many of the last layers keep no cache of their own."""
        said = self.optional("attention.shared_kv_layers", 10_000)
        if said is None and self.family == "gemma3n":
            return max(layers - 20, 0)  # as llama.cpp has it
        return min(said or 0, layers)

    def _layer(self, layer: int, heads: int, cached: int, width: int, value: int, latent: int | None) -> Attention:
        """With ``layers`` 0, to be counted."""
        prefix = f"blk.{layer}."
        recurrent = f"{prefix}ssm_conv1d.weight" in self.by_name or f"{prefix}shortconv.conv.weight" in self.by_name
        attends = cached > 0 and not (recurrent and f"{prefix}attn_q.weight" not in self.by_name)
        if recurrent and attends and f"{prefix}attn_k.weight" in self.by_name:
            note = "layers with attention and a recurrent part side by side: the state is not counted"
            if note not in self.notes:
                self.notes.append(note)
        if not attends:
            nothing = self.recurrent and layer not in self.recurrent  # a feed-forward layer alone
            return Attention(kind="state", layers=0, state=0 if nothing else self._state(prefix))
        if latent:
            rope = self.optional("rope.dimension_count", 2**16) or 0
            key = self.optional("attention.key_length_mla", 2**16) or width
            wide = self.optional("attention.value_length_mla", 2**16) or value
            return Attention(kind="mla", layers=0, heads=heads, kv_heads=heads, head_dim=key, value_dim=wide,
                             latent=latent + rope)  # fmt: skip
        window = self._window(layer)
        if window is not None:
            width = self.optional("attention.key_length_swa", 2**16) or width
            value = self.optional("attention.value_length_swa", 2**16) or value
        return Attention(kind="attention", layers=0, heads=heads, kv_heads=cached, head_dim=width, value_dim=value,
                         window=window)  # fmt: skip

    def _window(self, layer: int) -> int | None:
        window = self.optional("attention.sliding_window", 2**40)
        if not window and self.family == "llama4":
            window = self.optional("attention.chunk_size", 2**40) or 8192
        if not window:
            return None
        pattern = self.values.get(f"{self.family}.attention.sliding_window_pattern")
        if isinstance(pattern, list) and layer < len(pattern):
            return window if pattern[layer] else None
        period = pattern if isinstance(pattern, int) and pattern > 0 else _PERIODS.get(self.family)
        if period:
            return None if layer % period == period - 1 else window
        note = f"a window of {window:,} tokens is taken for all layers: the file does not say which have it"
        if self.family not in _EVERY_LAYER and note not in self.notes:
            self.notes.append(note)
        return window

    def _state(self, prefix: str) -> int:
        """Elements of a recurrent layer's state: the inputs of its convolution, and what it remembers."""
        kernel = self.optional("ssm.conv_kernel", 1024) or 0
        inner = self.optional("ssm.inner_size", 2**26) or 0
        state = self.optional("ssm.state_size", 2**16) or 0
        groups = self.optional("ssm.group_count", 2**16) or 0
        mixed = self.shape(f"{prefix}ssm_conv1d.weight", f"{prefix}shortconv.conv.weight")
        channels = mixed[1] if len(mixed) > 1 and mixed[1] else inner + 2 * groups * state
        kernel = kernel or mixed[0]
        if size := self.optional("wkv.head_size", 2**16):  # RWKV: one square for each head, and two tokens to mix in
            width = self.optional("embedding_length", 2**20) or 0
            return width * size + 2 * width
        return channels * max(kernel - 1, 0) + inner * state

    # --- tensors ---

    def _tensors(self, experts: int, used: int) -> tuple[tuple[TensorGroup, ...], Parameters]:
        sums: dict[tuple[Part, int | None, str], list[int]] = defaultdict(lambda: [0, 0])
        counts = dict.fromkeys(("embedding", "head", "attention", "mlp", "experts", "other", "vision"), 0)
        for tensor in self.tensors:
            part, layer, kind = _role(tensor)
            total = sums[part, layer, tensor.type]
            total[0] += tensor.elements
            total[1] += tensor.size
            counts[kind] += tensor.elements
        groups = tuple(
            TensorGroup(part=part, layer=layer, type=kind, elements=elements, bytes=size)
            for (part, layer, kind), (elements, size) in sums.items()
        )
        idle = counts["experts"] * (experts - used) // experts if experts else 0
        active = sum(counts.values()) - counts["vision"] - idle
        return groups, Parameters(**counts, active=active)


def _role(tensor: _Tensor) -> tuple[Part, int | None, str]:
    """Where a tensor belongs by its name: the part of the file, its block, and what its weights count as."""
    name = tensor.name
    match = _BLOCK.match(name)
    if match is None:
        if name.startswith(("token_embd.", "per_layer_token_embd.")):
            return "embedding", None, "embedding"
        if name == "output.weight":
            return "head", None, "head"
        if name.startswith(("v.", "mm.", "a.")):
            return "vision", None, "vision"
        return "other", None, "other"
    layer, rest = int(match[1]), match[2]
    if _EXPERTS.match(rest) and not rest.endswith(".bias"):
        return "experts", layer, "experts"
    if len([size for size in tensor.shape if size > 1]) < 2:
        return "layer", layer, "other"
    return "layer", layer, "attention" if rest.startswith(_MIXERS) else "mlp" if rest.startswith("ffn_") else "other"
