"""Formats of weights and KV cache: bits per element, and which weights stay unquantised."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from llmcheck.errors import UsageError
from llmcheck.tables import gguf_types

_UNQUANTISED = "embeddings, head and norms in 16 bits"
_QLORA = "QLoRA (arXiv 2305.14314)"
GGML_SOURCE = "block layouts of ggml (ggml-common.h): bytes per block over elements per block"

GGUF_BASE: dict[str, str] = {
    "q4_0": "Q4_0", "q4_1": "Q4_1", "q5_0": "Q5_0", "q5_1": "Q5_1", "q8_0": "Q8_0",
    "q2_k": "Q2_K", "q2_k_s": "Q2_K", "q3_k_s": "Q3_K", "q3_k_m": "Q3_K", "q3_k_l": "Q3_K",
    "q4_k_s": "Q4_K", "q4_k_m": "Q4_K", "q5_k_s": "Q5_K", "q5_k_m": "Q5_K", "q6_k": "Q6_K",
    "iq1_s": "IQ1_S", "iq1_m": "IQ1_M", "iq2_xxs": "IQ2_XXS", "iq2_xs": "IQ2_XS", "iq2_s": "IQ2_XS",
    "iq2_m": "IQ2_S", "iq3_xxs": "IQ3_XXS", "iq3_xs": "IQ3_S", "iq3_s": "IQ3_S", "iq3_m": "IQ3_S",
    "iq4_nl": "IQ4_NL", "iq4_xs": "IQ4_XS", "tq1_0": "TQ1_0", "tq2_0": "TQ2_0",
}  # fmt: skip
"""llama.cpp's file types, and the ggml type of most of their tensors."""
LARGE = {"q2_k_l": "q2_k", "q3_k_xl": "q3_k_l", "q4_k_l": "q4_k_m", "q5_k_l": "q5_k_m", "q6_k_l": "q6_k"}
"""File types of Hugging Face repositories with embedding and output projection in Q8_0, and the type of the rest."""
GGUF_BASE |= {name: GGUF_BASE[rest] for name, rest in LARGE.items()}

ALIASES = {
    "float32": "fp32", "f32": "fp32", "float16": "fp16", "half": "fp16", "f16": "fp16", "bfloat16": "bf16",
    "f8_e4m3": "fp8", "fp8_e4m3": "fp8", "float8": "fp8", "fp8-block": "fp8", "fp8_e5m2": "fp8", "llm.int8": "int8",
    "8bit": "int8", "4bit": "nf4", "fp4": "nf4", "fp4-dq": "nf4-dq", "gptq": "gptq-4bit", "gptq-int4": "gptq-4bit",
    "gptq-int8": "gptq-8bit", "gptq-int3": "gptq-3bit", "gptq-int2": "gptq-2bit", "awq-4bit": "awq",
    "awq-int4": "awq", "int4": "awq", "q4_k": "q4_k_m", "q5_k": "q5_k_m", "q3_k": "q3_k_m", "q3": "q3_k_m",
    "mlx": "mlx-4bit", "mlx-4": "mlx-4bit", "q4": "q4_k_m", "q5": "q5_k_m", "q6": "q6_k", "q8": "q8_0",
    "q4_0_4_4": "q4_0", "q4_0_4_8": "q4_0", "q4_0_8_8": "q4_0", "q3_k - small": "q3_k_s", "q3_k - medium": "q3_k_m",
    "q3_k - large": "q3_k_l", "q4_k - small": "q4_k_s", "q4_k - medium": "q4_k_m", "q5_k - small": "q5_k_s",
    "q5_k - medium": "q5_k_m", "q2_k - medium": "q2_k",
}  # fmt: skip
"""Other spellings, including those that llama.cpp prints."""

Family = Literal["plain", "fp8", "int8", "bnb-4bit", "group", "mlx", "mxfp4", "gguf", "exl3"]
"""``plain``: not quantised; ``bnb-4bit``: bitsandbytes; ``group``: GPTQ and AWQ, scales per group of weights."""

NAMES = (
    "fp32", "bf16", "fp16", "fp8", "int8", "nf4", "nf4-dq", "gptq-4bit-g128", "gptq-8bit-g128", "awq", "mxfp4",
    "mlx-4bit", "mlx-8bit", "exl3-4.0", "exl3-6.0",
    *GGUF_BASE,
)  # fmt: skip
"""Names to suggest; GPTQ and AWQ also exist with other bits and group sizes."""


class UnknownFormatError(UsageError):
    """No format has this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"unknown {kind} format: {name}")


class Format(Struct, frozen=True, kw_only=True):
    """A weight format."""

    name: str
    """Its canonical name."""
    family: Family
    bits: float
    """Bits per weight of a quantised matrix, scales and zero points included."""
    rest_bits: int = 16
    """Bits per weight of the rest: norms and, unless ``head`` or ``table``, output projection and embedding."""
    head: bool = False
    """The output projection is quantised as well."""
    table: bool = False
    """The embedding is quantised as well."""
    source: str


@lru_cache(maxsize=256)
def weights(name: str) -> Format:
    """The format with this name. Raises UnknownFormatError.

    ``name`` ends in ``+head`` where a tool also quantises the output projection.
    """
    text = name.strip().lower()
    head = text.endswith("+head")
    text = text.removesuffix("+head").removesuffix(".gguf")
    text = ALIASES.get(text, text)
    found = _in_groups(text, head) or _of_one_runtime(text) or _fixed(text, head)
    if found is None:
        raise UnknownFormatError("weight", name)
    return found


def _in_groups(text: str, head: bool) -> Format | None:
    match = re.fullmatch(r"(gptq|awq)(?:-(\d)bit)?(?:-g(\d+))?", text)
    if match is None:
        return None
    bits, group = int(match[2] or 4), int(match[3] or 128)
    if bits not in (2, 3, 4, 8) or not group:
        return None
    source = f"one 16-bit scale and one {bits}-bit zero point per {group} weights (GPTQ and AWQ checkpoints)"
    named = f"{text}+head" if head else text
    return Format(name=named, family="group", bits=bits + (16 + bits) / group, head=head, source=source)


def _of_one_runtime(text: str) -> Format | None:
    if text in GGUF_BASE:
        source = f"llama.cpp's rules for {text.upper()}, tensor by tensor, over {GGML_SOURCE}"
        return Format(name=text, family="gguf", bits=ggml_bits(GGUF_BASE[text]), head=True, source=source)
    if match := re.fullmatch(r"mlx-([234568])bit(?:-g(\d+))?", text):
        bits, group = int(match[1]), int(match[2] or 64)
        if not group:
            return None
        source = f"MLX: a 16-bit scale and a 16-bit bias per {group} weights, of the embedding too (mlx.nn.quantize)"
        return Format(name=text, family="mlx", bits=bits + 32 / group, head=True, table=True, source=source)
    if match := re.fullmatch(r"exl3-([1-8](?:\.\d{1,2})?)", text):
        source = "ExLlamaV3: bits per weight on average, assumed for the output projection too"
        return Format(name=text, family="exl3", bits=float(match[1]), head=True, source=source)
    return None


def _fixed(text: str, head: bool) -> Format | None:
    if text not in _FIXED:
        return None
    family, width, rest, source = _FIXED[text]
    if family == "plain":
        return Format(name=text, family=family, bits=width, rest_bits=rest, head=True, source=source)
    named = f"{text}+head" if head else text
    return Format(name=named, family=family, bits=width, rest_bits=rest, head=head, source=source)


_FIXED: dict[str, tuple[Family, float, int, str]] = {
    "fp32": ("plain", 32, 32, "4 bytes per weight"),
    "bf16": ("plain", 16, 16, "2 bytes per weight"),
    "fp16": ("plain", 16, 16, "2 bytes per weight"),
    "fp8": ("fp8", 8, 16, f"1 byte per weight of the layers; {_UNQUANTISED}"),
    "int8": ("int8", 8, 16, f"LLM.int8 (arXiv 2208.07339): 1 byte per weight, one scale per row; {_UNQUANTISED}"),
    "nf4": ("bnb-4bit", 4.5, 16, f"{_QLORA}: 4 bits and one 32-bit constant per 64 weights"),
    "nf4-dq": ("bnb-4bit", 4 + 8 / 64 + 32 / (64 * 256), 16, f"{_QLORA}: 4 bits and 0.127 for its constants"),
    "mxfp4": ("mxfp4", 4.25, 16, "OCP microscaling: 4 bits, one 8-bit scale per 32 weights; experts only"),
}
"""Family, bits per weight, bits of what stays unquantised, and the source."""


def ggml_bits(kind: str) -> float:
    """Bits per weight of a ggml type such as ``Q4_K``."""
    elements, size = gguf_types.BLOCKS[kind]
    return size * 8 / elements


_CACHE_BITS: dict[str, float] = {
    "fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "fp8_e4m3": 8, "fp8_e5m2": 8, "int8": 8,
    "int4": 4, "q8_0": 8.5, "q5_1": 6, "q5_0": 5.5, "q4_1": 5, "q4_0": 4.5, "iq4_nl": 4.5,
}  # fmt: skip
"""Bits per cached element."""


_CACHE_ALIASES = {"f32": "fp32", "float32": "fp32", "f16": "fp16", "float16": "fp16", "bfloat16": "bf16"}
CACHE_NAMES = tuple(_CACHE_BITS)


def cache_bits(name: str | None) -> float:
    """Bits per cached element; 16 for None."""
    return 16 if name is None else _CACHE_BITS[cache(name)]


def cache(name: str) -> str:
    """The canonical name of a KV cache format. Raises UnknownFormatError."""
    text = name.strip().lower()
    text = _CACHE_ALIASES.get(text, text)
    if text not in _CACHE_BITS:
        raise UnknownFormatError("KV cache", name)
    return text
