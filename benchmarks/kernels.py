"""Memory of one operation alone, forward and backward, by counting the tensors that are alive at its peak.

Published of Liger's kernels and of plain PyTorch. Their benchmark runs each operation several times and does not
delete the gradients, so that one old gradient of every input and weight is alive beside the new one.
"""

from __future__ import annotations

from collections.abc import Callable

from published_rows import NotModelledError, Row, UnknownWordError, integer, text

from llmcheck.fit.shapes import formats
from llmcheck.units import MIB

_CUBLAS = 16.25 * MIB
"""Workspace of the matrix products: 8 MiB and 128 KiB for each of two handles."""


def _need(row: Row, *names: str) -> tuple[float, ...]:
    found = tuple(integer(row, name) for name in names)
    if None in found or 0 in found:
        raise NotModelledError(f"a kernel's {' and '.join(names)} have to be given")
    return tuple(float(each or 0) for each in found)


def _tokens(row: Row) -> float:
    return (integer(row, "seq_len") or 1) * (integer(row, "micro_batch") or 1)


def _cross_entropy(row: Row, kind: str) -> float:
    """The logits are the input. Plain: softmax, its gradient, that of the logits; the fused kernel overwrites them."""
    (vocab,) = _need(row, "vocab")
    size = formats.weights(text(row, "weight_dtype") or "fp32").bits / 8
    copies = {"liger": 1, "hf": 5, "litgpt unchunked": 4, "litgpt chunked": 3}[kind]
    return _tokens(row) * vocab * size * copies


def _linear_cross_entropy(row: Row, kind: str) -> float:
    """From hidden states: the output projection, its old and its new gradient, and the logits of all tokens or of one
    chunk, which is as many tokens as make logits of the size of the hidden states."""
    hidden, vocab = _need(row, "hidden", "vocab")
    tokens, matrix = _tokens(row), 2.0 * hidden * vocab
    if kind == "liger":
        return 4 * matrix + tokens * hidden * (10.0 + 4.0) + _CUBLAS
    return 3 * matrix + tokens * (6.0 * vocab + 4.0 * hidden) + _CUBLAS


def _gated(row: Row, kind: str) -> float:
    """Gate, up and down with two gradients each; the tensors of inner and of hidden width at the peak."""
    hidden, inner = _need(row, "hidden", "intermediate")
    wide, narrow = (3, 7) if kind == "liger" else (7, 4)
    return 2 * 3 * 2.0 * hidden * inner + _tokens(row) * 2.0 * (wide * inner + narrow * hidden) + _CUBLAS


def _rms_norm(row: Row, kind: str) -> float:
    """Plain: input and products in 32 bits and their gradients. Fused: input, gradients and result in 16 bits."""
    (hidden,) = _need(row, "hidden")
    return _tokens(row) * hidden * (18.0 if kind == "liger" else 40.0)


def _rotary(row: Row, kind: str) -> float:
    """Queries and keys. Plain: halves, products and sums of each, and their gradients; fused: in place."""
    heads, cached, width = _need(row, "heads", "kv_heads", "head_dim")
    elements = (heads + cached) * width
    return _tokens(row) * elements * (4.1 if kind == "liger" else 11.35) + 8 * MIB


_OPERATIONS: dict[str, Callable[[Row, str], float]] = {
    "cross_entropy": _cross_entropy,
    "fused_linear_cross_entropy": _linear_cross_entropy,
    "swiglu": _gated,
    "geglu": _gated,
    "rms_norm": _rms_norm,
    "rope": _rotary,
}
_KINDS = {
    "liger": "liger", "hf (torch, eager)": "hf", "torch": "hf", "hf": "hf", "litgpt unchunked": "litgpt unchunked",
    "litgpt chunked": "litgpt chunked",
}  # fmt: skip


def kernel_bytes(row: Row) -> float:
    """Peak bytes of the operation that a row of kind ``kernel`` names. Raises ``NotModelledError``."""
    operation, _, kind = text(row, "method").partition(": ")
    if operation not in _OPERATIONS or kind not in _KINDS:
        raise UnknownWordError("method", text(row, "method"))
    if operation != "cross_entropy" and _KINDS[kind].startswith("litgpt"):
        raise UnknownWordError("method", text(row, "method"))
    return _OPERATIONS[operation](row, _KINDS[kind])
