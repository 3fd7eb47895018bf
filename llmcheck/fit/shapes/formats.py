"""Formats of weights and KV cache: bits per element, and which weights stay unquantised."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from llmcheck.errors import UsageError
from llmcheck.fit.shapes import format_names
from llmcheck.fit.shapes.format_names import ALIASES as ALIASES
from llmcheck.fit.shapes.format_names import DYNAMIC as DYNAMIC
from llmcheck.fit.shapes.format_names import GGUF_BASE as GGUF_BASE
from llmcheck.fit.shapes.format_names import LARGE as LARGE
from llmcheck.fit.shapes.format_names import NAMES as NAMES
from llmcheck.tables import gguf_types

_UNQUANTISED = "embeddings, head and norms in 16 bits"
_QLORA = "QLoRA (arXiv 2305.14314)"
GGML_SOURCE = "block layouts of ggml (ggml-common.h): bytes per block over elements per block"

Family = Literal["plain", "fp8", "int8", "bnb-4bit", "group", "mlx", "mxfp4", "nvfp4", "gguf", "exl3"]
"""``plain``: not quantised; ``bnb-4bit``: bitsandbytes; ``group``: GPTQ, AWQ and others with scales per group of
weights; ``exl3``: ExLlama's of both generations."""


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
    dense_bits: float | None = None
    """Bits per weight of matrices that are not routed experts, where they differ; None: as ``bits``."""
    spread: float = 0.005
    """By what part of its size the file may differ from what is computed."""
    note: str | None = None
    """What was assumed of the format, in a sentence; None where nothing was."""
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
    """Formats with scales for each group of weights, which exist with several widths and sizes of the group."""
    match = re.fullmatch(r"(gptq|awq|autoround|int|hqq|w)(?:-?(\d)(?:bit|a(?:16|8|4|fp8))?)?(?:-g(\d{1,5}))?", text)
    if match is None or text in _FIXED:
        return None
    scheme, bits, group = match[1], int(match[2] or 4), int(match[3] or _GROUPS.get(match[1], 128))
    if bits not in (2, 3, 4, 5, 6, 8) or not group or (scheme in {"int", "w"} and not match[2]):
        return None
    if scheme == "w" and "a" not in text:
        return None
    zero = {"gptq": bits, "awq": bits, "autoround": bits, "hqq": 16, "int": 16 if bits == 4 else 0}.get(scheme, 0)
    source = (
        f"{bits} bits, one 16-bit scale and {zero} bits for the zero point per {group} weights ({_SCHEMES[scheme]})"
    )
    named = f"{text}+head" if head else text
    return Format(name=named, family="group", bits=bits + (16 + zero) / group, head=head, source=source)


_GROUPS = {"hqq": 64}
_SCHEMES = {
    "gptq": "GPTQ checkpoints", "awq": "AWQ checkpoints", "autoround": "AutoRound's packing, as GPTQ's",
    "int": "torchao's weight-only integers", "hqq": "HQQ", "w": "compressed-tensors, symmetric",
}  # fmt: skip


def _of_one_runtime(text: str) -> Format | None:
    if text in GGUF_BASE:
        return _gguf(text)
    if match := re.fullmatch(r"mlx-?q?([234568])(?:[- ]?bit)?(?:-g(\d{1,5}))?", text):
        bits, group = int(match[1]), int(match[2] or 64)
        if not group:
            return None
        named = f"mlx-{bits}bit" + (f"-g{match[2]}" if match[2] else "")
        source = f"MLX: a 16-bit scale and a 16-bit bias per {group} weights, of the embedding too (mlx.nn.quantize)"
        return Format(name=named, family="mlx", bits=bits + 32 / group, head=True, table=True, source=source)
    if match := re.fullmatch(r"mlx-(mxfp4|nvfp4|mxfp8)", text):
        width = {"mxfp4": 4.25, "nvfp4": 4.5, "mxfp8": 8.25}[match[1]]
        source = (
            f"MLX's {match[1]}: an 8-bit scale per {16 if match[1] == 'nvfp4' else 32} weights, of the embedding too"
        )
        return Format(name=text, family="mlx", bits=width, head=True, table=True, source=source)
    if match := re.fullmatch(r"exl([23])[-_ ]?(\d{1,2}(?:\.\d{1,4})?)(?:[-_ ]?bpw)?(?:[-_ ]?h\d)?", text):
        return _exl(match[1], float(match[2]))
    if match := re.fullmatch(r"(\d{1,2}(?:\.\d{1,4})?)[-_ ]?bpw(?:[-_ ]?h\d)?(?:[-_ ]exl([23]))?", text):
        return _exl(match[2] or "3", float(match[1]))
    return None


def _exl(generation: str, bits: float) -> Format | None:
    if not 1 <= bits <= 8:
        return None
    shown = f"{bits:.1f}" if round(bits, 1) == bits else f"{bits:g}"
    source = f"ExLlamaV{generation}: bits per weight on average, assumed for the output projection too"
    note = None if generation == "3" else "EXL2 needs ExLlamaV2, or a tabbyAPI from before July 2026"
    return Format(
        name=f"exl{generation}-{shown}", family="exl3", bits=bits, head=True, spread=0.02, note=note, source=source
    )


def _gguf(text: str) -> Format:
    bits = ggml_bits(GGUF_BASE[text])
    if text in DYNAMIC:
        note = (
            f"Unsloth chooses the type of each tensor by the model: counted as {DYNAMIC[text]}, within 6 %; the header "
            "of the file says it exactly"
        )
        return Format(name=text, family="gguf", bits=bits, head=True, spread=0.06, note=note, source=note)
    if text in format_names.IK:
        note = f"only ik_llama.cpp reads {text}; it is counted in one type, and its files mix several, within 4 %"
        return Format(name=text, family="gguf", bits=bits, head=True, spread=0.04, note=note, source=note)
    source = f"llama.cpp's rules for {text.upper()}, tensor by tensor, over {GGML_SOURCE}"
    return Format(name=text, family="gguf", bits=bits, head=True, spread=0.01, source=source)


def _fixed(text: str, head: bool) -> Format | None:
    if text not in _FIXED:
        return None
    family, width, rest, source = _FIXED[text]
    if family == "plain":
        return Format(name=text, family=family, bits=width, rest_bits=rest, head=True, source=source)
    named = f"{text}+head" if head else text
    return Format(
        name=named, family=family, bits=width, rest_bits=rest, head=head, source=source,
        dense_bits={"mxfp4": 16.0, "mxfp4-fp8": 8.0}.get(text),
    )  # fmt: skip


_FIXED: dict[str, tuple[Family, float, int, str]] = {
    "fp32": ("plain", 32, 32, "4 bytes per weight"),
    "bf16": ("plain", 16, 16, "2 bytes per weight"),
    "fp16": ("plain", 16, 16, "2 bytes per weight"),
    "fp8": ("fp8", 8, 16, f"1 byte per weight of the layers; {_UNQUANTISED}"),
    "int8": ("int8", 8, 16, f"LLM.int8 (arXiv 2208.07339): 1 byte per weight, one scale per row; {_UNQUANTISED}"),
    "nf4": ("bnb-4bit", 4.5, 16, f"{_QLORA}: 4 bits and one 32-bit constant per 64 weights"),
    "nf4-dq": ("bnb-4bit", 4 + 8 / 64 + 32 / (64 * 256), 16, f"{_QLORA}: 4 bits and 0.127 for its constants"),
    "mxfp4": ("mxfp4", 4.25, 16, "OCP microscaling: 4 bits, one 8-bit scale per 32 weights; experts only"),
    "mxfp4-all": ("mxfp4", 4.25, 16, f"OCP microscaling: 4 bits, one 8-bit scale per 32 weights; {_UNQUANTISED}"),
    "mxfp4-fp8": ("mxfp4", 4.25, 16, "experts in 4 bits with one 8-bit scale per 32 weights, other matrices in 8 bits"),
    "nvfp4": ("nvfp4", 4.5, 16, f"NVFP4: 4 bits, one 8-bit scale per 16 weights, one per matrix; {_UNQUANTISED}"),
    "fp6": ("group", 6 + 16 / 128, 16, f"FP6 (torchao, arXiv 2401.14112): 6 bits and a scale per row; {_UNQUANTISED}"),
}
"""Family, bits per weight, bits of what stays unquantised, and the source."""


def ggml_bits(kind: str) -> float:
    """Bits per weight of a ggml type such as ``Q4_K``."""
    elements, size = gguf_types.BLOCKS.get(kind) or gguf_types.IK_BLOCKS[kind]
    return size * 8 / elements


_CACHE_BITS: dict[str, float] = {
    "fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "fp8_e4m3": 8, "fp8_e5m2": 8, "int8": 8,
    "int4": 4, "q8_0": 8.5, "q5_1": 6, "q5_0": 5.5, "q4_1": 5, "q4_0": 4.5, "iq4_nl": 4.5,
    "nvfp4": 4.5, "mxfp8": 8.25,
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
