"""The ggml type that llama.cpp's ``llama-quantize`` gives each tensor (``src/llama-quant.cpp``), and the bytes."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from llmcheck.fit.shapes import formats
from llmcheck.fit.shapes.matrices import Matrix, Role
from llmcheck.tables import gguf_types


def _gets_more_bits(layer: int, layers: int) -> bool:
    """``use_more_bits`` of llama.cpp: the first and last eighth of the layers, and every third in between."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


_OUTPUT_OF_EIGHT = {
    "q2_k", "iq3_xs", "iq3_xxs", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m", "iq3_s", "iq3_m", "iq4_xs",
}  # fmt: skip
"""File types whose attention output is Q5_K in a model with eight experts."""
_LOW = {"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m"}
"""File types below 3 bits, which have rules of their own."""
_FALLBACK = {
    "Q2_K": "Q4_0", "Q3_K": "Q4_0", "IQ1_S": "IQ4_NL", "IQ1_M": "IQ4_NL", "IQ2_XXS": "IQ4_NL", "IQ2_XS": "IQ4_NL",
    "IQ2_S": "IQ4_NL", "IQ3_XXS": "IQ4_NL", "IQ3_S": "IQ4_NL", "IQ4_XS": "IQ4_NL", "TQ1_0": "Q4_0", "TQ2_0": "Q4_0",
    "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0",
}  # fmt: skip
"""The type to use instead where the row length is not a multiple of 256."""


def output_type(name: str, hidden: int) -> str:
    """ggml type of the output projection. ``name``: the file type, such as ``q4_k_m``."""
    name = formats.DYNAMIC.get(name, name)
    base = formats.GGUF_BASE[name]
    if base == "Q8_0" or hidden % 256 or name in formats.LARGE:
        return "Q8_0"
    return "Q5_K" if name in _LOW or name == "iq3_xxs" else "Q6_K"


def embedding_type(name: str) -> str:
    """ggml type of the token embedding."""
    name = formats.DYNAMIC.get(name, name)
    if name in formats.LARGE:
        return "Q8_0"
    if name in {"iq2_xxs", "iq2_xs", "iq1_s", "iq1_m"}:
        return "Q2_K"
    if name in {"iq2_s", "iq2_m", "iq3_xxs"}:
        return "IQ3_S"
    return "Q4_K" if name in {"tq1_0", "tq2_0"} else formats.GGUF_BASE[name]


def tensor_type(name: str, role: Role, layer: int, layers: int, grouped: int, experts: int, wide: bool) -> str:
    """ggml type of one matrix in one layer. ``name``: the file type.

    ``grouped``: query heads per KV head; ``experts``: routed experts, 0 for a dense model; ``wide``: a dense model of
    80 layers, whose value matrices get at least Q5_K.
    """
    if role == "router":
        return "F32"
    base = formats.GGUF_BASE[name]
    if name in _LOW:
        return _low_type(name, base, role, layer < layers // 8, grouped, experts)
    more, eight = _gets_more_bits(layer, layers), experts == 8
    if role == "v":
        kind = _value_type(name, base, layer, more, grouped)
        if wide and kind in {"Q3_K", "Q4_K"}:
            kind = "Q5_K"
        return "Q8_0" if eight else kind
    if role in {"q", "k"}:
        return "Q8_0" if role == "k" and eight else _QUERY_TYPES.get(name, base)
    if role == "down":
        return _down_type(name, base, layer, layers, more, eight)
    if role == "o":
        if eight:
            return "Q5_K" if name in _OUTPUT_OF_EIGHT else base
        return _OUTPUT_TYPES.get(name, base)
    if role == "qkv":
        return _FUSED_TYPES.get(name, base)
    if role in {"gate", "up"} and name == "iq3_xs" and layers // 8 <= layer < 7 * layers // 8:
        return "IQ3_XXS"
    return base


_QUERY_TYPES = {"iq3_xs": "IQ3_XXS", "iq3_xxs": "IQ2_S"}
_OUTPUT_TYPES = {"q2_k": "Q3_K", "iq3_xxs": "IQ3_S", "q3_k_m": "Q4_K", "q3_k_l": "Q5_K", "iq3_m": "Q4_K"}
_FUSED_TYPES = {"q3_k_m": "Q4_K", "q3_k_l": "Q4_K", "iq3_m": "Q4_K", "q4_k_m": "Q5_K", "q5_k_m": "Q6_K"}


def _low_type(name: str, base: str, role: Role, first: bool, grouped: int, experts: int) -> str:
    """For the file types in ``_LOW``. ``first``: the layer is in the first eighth."""
    better = "IQ3_S" if name in {"iq2_s", "iq2_m"} else "Q2_K"
    if role == "v":
        return "Q4_K" if grouped >= 4 or experts >= 4 else better
    if role == "k" and experts == 8:
        return "Q4_K"
    if role == "down" and first:
        return better
    if role == "o":
        if experts == 8:
            return "Q5_K"
        return {"iq1_s": "IQ2_XXS", "iq1_m": "IQ2_XXS", "iq2_s": "IQ3_S", "iq2_m": "IQ3_S"}.get(name, base)
    return base


def _value_type(name: str, base: str, layer: int, more: bool, grouped: int) -> str:
    many = grouped >= 4
    if name == "q2_k":
        return "Q4_K" if many else "Q3_K"
    if name in {"q2_k_s", "iq3_xs", "iq3_s"}:
        return "Q4_K" if many else base
    if name == "iq3_xxs":
        return "Q4_K" if many else "IQ3_XXS"
    if name in {"iq4_nl", "iq4_xs"}:
        return "Q5_K" if many else base
    if name == "q3_k_m":
        return "Q5_K" if layer < 2 else "Q4_K"
    if name in {"q4_k_m", "q5_k_m"} and more:
        return "Q6_K"
    if name == "q4_k_s" and layer < 4:
        return "Q5_K"
    return {"iq3_m": "Q4_K", "q3_k_l": "Q5_K"}.get(name, base)


def _down_type(name: str, base: str, layer: int, layers: int, more: bool, eight: bool) -> str:
    first = layer < layers // 8
    if name == "q3_k_m":
        return "Q5_K" if layer < layers // 16 else "Q4_K"
    if name in {"q4_k_m", "q5_k_m"}:
        return "Q6_K" if more else base
    if name == "iq3_m" and (first or (eight and more)):
        return "Q4_K"
    if name == "q2_k_s" and first:
        return "Q4_K"
    if name in {"q4_k_s", "iq4_nl", "iq4_xs"} and first:
        return "Q5_K"
    return {"q2_k": "Q3_K", "q3_k_l": "Q5_K"}.get(name, base)


@lru_cache(maxsize=4096)
def matrix_bytes(name: str, matrix: Matrix, grouped: int, experts: int, wide: bool) -> int:
    """Bytes of one matrix in all its layers; parameters as of ``tensor_type``."""
    name = formats.LARGE.get(name, formats.DYNAMIC.get(name, name))
    judged = min(matrix.layers, 2048)  # a damaged file may claim billions of layers
    first, of = matrix.first_layer, matrix.of_layers or judged
    by_layer = matrix.role in {"v", "down"} or (name == "iq3_xs" and matrix.role in {"gate", "up"})
    layers = range(first, first + judged) if by_layer else range(first, first + 1)
    kinds = Counter(tensor_type(name, matrix.role, layer, of, grouped, experts, wide) for layer in layers)
    bits = sum(count * formats.ggml_bits(stored_as(kind, matrix.columns)) for kind, count in kinds.items())
    return round(bits / 8 * matrix.elements * matrix.layers / len(layers))


def stored_as(kind: str, columns: int) -> str:
    """The type itself, or the fallback for rows whose length is not a multiple of its block."""
    if columns % _block(kind):
        kind = _FALLBACK.get(kind, "IQ4_NL" if kind in gguf_types.IK_BLOCKS else "F16")
    return "F16" if columns % _block(kind) else kind


def _block(kind: str) -> int:
    """How many elements a block of this type has."""
    return (gguf_types.BLOCKS.get(kind) or gguf_types.IK_BLOCKS[kind])[0]
