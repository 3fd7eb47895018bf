"""Typical shapes of a model of a given size, for "7B" where no model is named."""

from __future__ import annotations

import itertools
import math
import re

from llmcheck.errors import UsageError
from llmcheck.schema.architecture import Architecture, Attention, Parameters

_SHAPES = (
    (0.1e9, 12, 768), (0.5e9, 24, 1024), (1.2e9, 24, 2048), (3e9, 28, 2816), (7e9, 32, 4096), (13e9, 40, 5120),
    (34e9, 56, 7168), (70e9, 80, 8192), (175e9, 100, 12288), (405e9, 126, 16384), (1.2e12, 160, 25600),
)  # fmt: skip
"""(weights, layers, hidden size) of dense decoders, from small Llama-like models to the largest."""
_VOCABULARY = 128_256
_MIN, _MAX = 50_000_000, 5_000_000_000_000
_SIZE = re.compile(r"(\d{1,14}(?:\.\d{1,6})?)\s*([kmbt])?", re.IGNORECASE)
_WITH_EXPERTS = re.compile(r"\d{1,4}x\d{1,4}(?:\.\d)?b|\d{1,5}(?:\.\d)?b-a\d{1,4}(?:\.\d)?b", re.IGNORECASE)
_NOTE = "typical shapes of this size: grouped queries, gated feed-forward, a vocabulary of about 128,000"


def is_size(text: str) -> bool:
    """Whether the text is a size: ``7B``, ``0.5b``, ``6738415616``."""
    return _SIZE.fullmatch(text.strip()) is not None


def has_experts(text: str) -> bool:
    """Whether the text is a size with experts: ``8x7B``, ``30B-A3B``. Models with experts have no typical shapes."""
    return _WITH_EXPERTS.fullmatch(text.strip()) is not None


def parse_size(text: str) -> int:
    """Number of weights: of ``7B``, ``1.5T``, ``350M`` or a plain number. Raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"'{text[:40]}' is not a model size; write a number with M, B or T, for example 7B")
    factor = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}[(match[2] or "").lower()]
    count = round(float(match[1]) * factor)
    if not _MIN <= count <= _MAX:
        raise UsageError(f"a model of {text.strip()[:40]} weights is outside of the computed range, 50M to 5T")
    return count


def architecture(size: str) -> Architecture:
    """Shapes whose number of weights differs from the size by less than 0.1 %. Raises UsageError."""
    total = parse_size(size)
    layers, hidden = _shape(total)
    head_dim = 128 if hidden >= 2048 else 64
    heads = hidden // head_dim
    kv_heads = min(8, heads)
    tied = total < 4_000_000_000
    vocabulary = _VOCABULARY if total >= 1_000_000_000 else 32_000
    tables = vocabulary * hidden * (1 if tied else 2)
    attention = layers * hidden * head_dim * 2 * (heads + kv_heads)
    norms = (2 * layers + 1) * hidden
    step = 256 if hidden % 256 == 0 else 64  # rows of whole blocks in block formats
    inner = max(round((total - tables - attention - norms) / (3 * layers * hidden * step)), 1) * step
    mlp = layers * 3 * hidden * inner
    # the vocabulary makes up for the rounding of the width
    vocabulary = max(round((total - attention - norms - mlp) / (hidden * (1 if tied else 2))), 1000)
    table = vocabulary * hidden
    tables = table if tied else 2 * table
    counts = Parameters(
        embedding=table, head=0 if tied else table, attention=attention, mlp=mlp, other=norms,
        active=tables + attention + mlp + norms,
    )  # fmt: skip
    return Architecture(
        name=f"a typical {size.strip().upper()} model", model_type="typical", source="typical shapes of dense decoders",
        estimated=True, hidden=hidden, layers=layers, intermediate=inner, vocab=vocabulary, tied=tied, context=131_072,
        dtype="bf16", parameters=counts, notes=(_NOTE,),
        attention=(Attention(kind="attention", layers=layers, heads=heads, kv_heads=kv_heads, head_dim=head_dim),),
    )  # fmt: skip


def _shape(total: int) -> tuple[int, int]:
    """Layers and hidden size, interpolated between the nearest ``_SHAPES`` over the logarithm of the size."""
    if total <= _SHAPES[0][0]:
        scale = (total / _SHAPES[0][0]) ** (1 / 3)
        return max(round(_SHAPES[0][1] * scale), 2), max(round(_SHAPES[0][2] * scale / 64), 2) * 64
    for (small, few, narrow), (large, many, wide) in itertools.pairwise(_SHAPES):
        if total <= large:
            part = math.log(total / small) / math.log(large / small)
            layers = round(few * (many / few) ** part)
            return layers, round(narrow * (wide / narrow) ** part / 128) * 128
    scale = (total / _SHAPES[-1][0]) ** (1 / 3)
    return round(_SHAPES[-1][1] * scale), round(_SHAPES[-1][2] * scale / 128) * 128
