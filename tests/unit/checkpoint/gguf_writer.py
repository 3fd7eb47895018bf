"""Writes GGUF files for tests and benchmarks: a real header, and sparse data that takes no disk space."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCKS = {0: (1, 4), 1: (1, 2), 8: (32, 34), 12: (256, 144), 14: (256, 210), 30: (1, 2), 39: (32, 17)}
"""Elements and bytes of a block, by the number of ggml's type: F32, F16, Q8_0, Q4_K, Q6_K, BF16, MXFP4."""
F32, F16, Q8_0, Q4_K, Q6_K, BF16, MXFP4 = BLOCKS


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    kind: int = F32

    @property
    def size(self) -> int:
        elements = 1
        for each in self.shape:
            elements *= each
        block, size = BLOCKS[self.kind]
        return elements // block * size


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(item: Any) -> bytes:
    """The value after the number of its type."""
    if isinstance(item, bool):
        return struct.pack("<I?", 7, item)
    if isinstance(item, int):
        return struct.pack("<IQ", 10, item) if item >= 2**32 else struct.pack("<II", 4, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, str):
        return struct.pack("<I", 8) + text(item)
    if item and isinstance(item[0], str):
        return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(text, item))
    if item and isinstance(item[0], bool):
        return struct.pack("<IIQ", 9, 7, len(item)) + bytes(item)
    return struct.pack("<IIQ", 9, 5, len(item)) + struct.pack(f"<{len(item)}i", *item)


def header(values: Mapping[str, Any], tensors: Sequence[Tensor], version: int = 3) -> bytes:
    parts = [b"GGUF", struct.pack("<IQQ", version, len(tensors), len(values))]
    parts += [text(key) + value(item) for key, item in values.items()]
    offset = 0
    for tensor in tensors:
        parts.append(text(tensor.name) + struct.pack("<I", len(tensor.shape)))
        parts.append(struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape) + struct.pack("<IQ", tensor.kind, offset))
        offset += -(-tensor.size // 32) * 32
    return b"".join(parts)


def write(path: Path, values: Mapping[str, Any], tensors: Sequence[Tensor]) -> Path:
    """The file as llama.cpp would write it, with sparse data in place of the weights."""
    head = header(values, tensors)
    size = -(-len(head) // 32) * 32 + sum(-(-tensor.size // 32) * 32 for tensor in tensors)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


def llama(
    *, layers: int = 4, hidden: int = 512, heads: int = 8, kv_heads: int = 2, inner: int = 1024, vocab: int = 1000,
    tied: bool = False, kind: int = Q4_K, tokens: bool = False,
) -> tuple[dict[str, Any], list[Tensor]]:  # fmt: skip
    """A dense model's metadata and tensors."""
    values: dict[str, Any] = {
        "general.architecture": "llama", "general.name": "Tiny", "general.file_type": 15, "llama.block_count": layers,
        "llama.context_length": 4096, "llama.embedding_length": hidden, "llama.feed_forward_length": inner,
        "llama.attention.head_count": heads, "llama.attention.head_count_kv": kv_heads,
    }  # fmt: skip
    if tokens:
        values["tokenizer.ggml.tokens"] = [f"token{number}" for number in range(vocab)]
        values["tokenizer.ggml.merges"] = [f"a{number} b" for number in range(vocab)]
        values["tokenizer.ggml.token_type"] = [1] * vocab
    dim = hidden // heads
    tensors = [Tensor("token_embd.weight", (hidden, vocab), kind), Tensor("output_norm.weight", (hidden,))]
    tensors += [] if tied else [Tensor("output.weight", (hidden, vocab), Q6_K)]
    for layer in range(layers):
        prefix = f"blk.{layer}."
        tensors += [
            Tensor(prefix + "attn_norm.weight", (hidden,)),
            Tensor(prefix + "attn_q.weight", (hidden, hidden), kind),
            Tensor(prefix + "attn_k.weight", (hidden, dim * kv_heads), kind),
            Tensor(prefix + "attn_v.weight", (hidden, dim * kv_heads), Q6_K),
            Tensor(prefix + "attn_output.weight", (hidden, hidden), kind),
            Tensor(prefix + "ffn_norm.weight", (hidden,)),
            Tensor(prefix + "ffn_gate.weight", (hidden, inner), kind),
            Tensor(prefix + "ffn_up.weight", (hidden, inner), kind),
            Tensor(prefix + "ffn_down.weight", (inner, hidden), Q6_K),
        ]
    return values, tensors
