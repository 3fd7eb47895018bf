"""Bytes of the weights in a format: every matrix by its role, because no format treats all of them alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import ggml
from llmcheck.architecture import Architecture
from llmcheck.fit import formats
from llmcheck.fit.formats import Format
from llmcheck.workload import Workload

Role = Literal["q", "k", "v", "o", "qkv", "gate", "up", "down", "router"]


class Matrix(Struct, frozen=True, kw_only=True):
    """One weight matrix in each of ``layers`` layers (of all experts together)."""

    role: Role
    layers: int
    elements: int
    """In one layer."""
    columns: int
    """Inputs of the matrix: its rows are what block formats cut into blocks."""
    experts: int = 0
    """How many experts' matrices ``elements`` holds; 0 for a dense one."""


class Stored(Struct, frozen=True, kw_only=True):
    """Bytes of the weights, by where a runtime may put them."""

    embedding: int
    head: int
    """0 where it is tied to the embedding."""
    layers: int
    """All blocks together, experts and norms included."""
    vision: int
    largest: int
    """Elements of the largest matrix that is quantised; 0 where none is."""
    exact: bool = False
    """Read from a file's header, not derived from shapes."""

    @property
    def total(self) -> int:
        return self.embedding + self.head + self.layers + self.vision


def attention_width(architecture: Architecture) -> int:
    """Elements of all query heads of the widest layer."""
    return max((group.heads * group.head_dim for group in architecture.attention), default=architecture.hidden)


def cached_width(architecture: Architecture) -> int:
    """Elements of all key heads of the widest layer."""
    return max((group.kv_heads * group.head_dim for group in architecture.attention), default=architecture.hidden)


def branches(architecture: Architecture) -> int:
    return 3 if architecture.gated else 2


def dense_width(architecture: Architecture) -> int:
    """Width of what every token passes in a layer's dense feed-forward part, shared experts included."""
    layers = max(architecture.layers, 1)
    mean = round(architecture.parameters.mlp / (layers * branches(architecture) * max(architecture.hidden, 1)))
    return architecture.intermediate if not architecture.experts else mean


@lru_cache(maxsize=64)
def matrices(architecture: Architecture) -> tuple[Matrix, ...]:
    hidden, layers, counts = architecture.hidden, max(architecture.layers, 1), architecture.parameters
    found: list[Matrix] = []
    left = counts.attention
    for group in architecture.attention:
        if group.kind != "attention" or not group.layers:
            continue
        value = group.value_dim or group.head_dim
        own = group.layers - group.shares_cache
        rows: list[tuple[Role, int, int, int]] = [
            ("q", group.layers, hidden * group.heads * group.head_dim, hidden),
            ("k", own, hidden * group.kv_heads * group.head_dim, hidden),
            ("v", own, hidden * group.kv_heads * value, hidden),
            ("o", group.layers, hidden * group.heads * value, group.heads * value),
        ]
        size = sum(count * elements for _, count, elements, _ in rows)
        if size > left:  # shapes that do not agree with the counts: what is counted wins
            continue
        left -= size
        found += [Matrix(role=role, layers=n, elements=e, columns=c) for role, n, e, c in rows if n and e]
    if left >= layers:
        found.append(Matrix(role="qkv", layers=layers, elements=left // layers, columns=hidden))
    names: tuple[Role, ...] = ("gate", "up", "down") if architecture.gated else ("up", "down")
    dense = counts.mlp // (len(names) * layers)
    width = max(dense // max(hidden, 1), 1)
    if dense:
        found += [
            Matrix(role=name, layers=layers, elements=dense, columns=width if name == "down" else hidden)
            for name in names
        ]
    sparse = architecture.sparse_layers or layers
    routed = counts.experts // (len(names) * sparse)
    if routed:
        inner = architecture.expert_intermediate or architecture.intermediate
        found += [
            Matrix(
                role=name,
                layers=sparse,
                elements=routed,
                experts=max(architecture.experts, 1),
                columns=inner if name == "down" else hidden,
            )
            for name in names
        ]
    return tuple(found)


def chosen(architecture: Architecture, workload: Workload) -> Format:
    """The format that the workload means, or the model's own."""
    if workload.weights is not None:
        return formats.weights(workload.weights)
    if workload.method == "qlora":
        return formats.weights("nf4-dq")
    if workload.precision == "fp32":
        return formats.weights("fp32")
    if workload.method != "inference" or workload.precision is not None:
        return formats.weights("bf16")
    try:
        return formats.weights(architecture.dtype or "bf16")
    except formats.UnknownFormatError:
        return formats.weights("bf16")


@lru_cache(maxsize=256)
def stored(architecture: Architecture, form: Format, padded: bool = False) -> Stored:
    """``padded``: experts' inner width rounded up to 256, as vLLM's kernels for MXFP4 want it."""
    counts = architecture.parameters
    if form.family == "gguf":
        return _gguf(architecture, form.name)
    rest = form.rest_bits / 8
    quantised = form.bits / 8
    experts_only = form.family == "mxfp4"
    body = float(counts.other) * rest
    largest = 0
    for matrix in matrices(architecture):
        if experts_only and not matrix.experts:
            body += matrix.layers * matrix.elements * rest
            continue
        elements = float(matrix.elements)
        if padded and experts_only and matrix.experts:
            inner = architecture.expert_intermediate or architecture.intermediate
            elements *= -(-inner // 256) * 256 / max(inner, 1)
        body += matrix.layers * elements * quantised
        if form.family == "int8":
            body += matrix.layers * elements / max(matrix.columns, 1) * 4
        largest = max(largest, matrix.elements // max(matrix.experts, 1))
    # what integer division of the parts left over
    left = counts.attention + counts.mlp + counts.experts - sum(m.layers * m.elements for m in matrices(architecture))
    body += max(left, 0) * rest
    head = counts.head * (quantised if form.head else rest)
    if form.head and counts.head:
        largest = max(largest, counts.head)
    return Stored(
        embedding=round(counts.embedding * (quantised if form.table else rest)),
        head=round(head),
        layers=round(body),
        vision=round(counts.vision * rest),
        largest=0 if form.family == "plain" else largest,
    )


def from_tensors(architecture: Architecture, largest: int = 0) -> Stored:
    """Exactly what a file's header says."""
    parts = {"embedding": 0, "head": 0, "vision": 0}
    layers = 0
    for group in architecture.tensors or ():
        if group.part in parts:
            parts[group.part] += group.bytes
        else:
            layers += group.bytes
    return Stored(
        embedding=parts["embedding"],
        head=parts["head"],
        layers=layers,
        vision=parts["vision"],
        largest=largest,
        exact=True,
    )


def of(architecture: Architecture, workload: Workload) -> Stored:
    form = chosen(architecture, workload)
    shapes = (
        replace(architecture, tensors=None, notes=()) if architecture.tensors or architecture.notes else architecture
    )
    if architecture.tensors and workload.weights is None and workload.method == "inference":
        quantised = form.family != "plain"
        return from_tensors(architecture, max((m.elements for m in matrices(shapes)), default=0) if quantised else 0)
    return stored(shapes, form, padded=workload.runtime == "vllm")


# --- llama.cpp's quantiser: which tensor gets which type ---


def _more_bits(layer: int, layers: int) -> bool:
    """llama.cpp gives the first and last eighth, and every third layer between, more bits."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


_OUTPUT_OF_EIGHT = {
    "q2_k", "iq3_xs", "iq3_xxs", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m", "iq3_s", "iq3_m", "iq4_xs",
}  # fmt: skip
"""Types whose attention output is Q5_K in a model of eight experts."""
_LOW = {"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m"}
_FALLBACK = {
    "Q2_K": "Q4_0", "Q3_K": "Q4_0", "IQ1_S": "IQ4_NL", "IQ1_M": "IQ4_NL", "IQ2_XXS": "IQ4_NL", "IQ2_XS": "IQ4_NL",
    "IQ2_S": "IQ4_NL", "IQ3_XXS": "IQ4_NL", "IQ3_S": "IQ4_NL", "IQ4_XS": "IQ4_NL", "TQ1_0": "Q4_0", "TQ2_0": "Q4_0",
    "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0",
}  # fmt: skip
"""Where a row is not a multiple of 256."""


def output_type(name: str, hidden: int) -> str:
    base = formats.GGUF_BASE[name]
    if base == "Q8_0" or hidden % 256:
        return "Q8_0"
    return "Q5_K" if name in _LOW or name == "iq3_xxs" else "Q6_K"


def embedding_type(name: str) -> str:
    if name in {"iq2_xxs", "iq2_xs", "iq1_s", "iq1_m"}:
        return "Q2_K"
    if name in {"iq2_s", "iq2_m", "iq3_xxs"}:
        return "IQ3_S"
    return "Q4_K" if name in {"tq1_0", "tq2_0"} else formats.GGUF_BASE[name]


def tensor_type(name: str, role: Role, layer: int, layers: int, grouped: int, experts: int, wide: bool) -> str:
    """The ggml type that llama.cpp's ``llama-quantize NAME`` gives one tensor of one layer.

    ``grouped``: query heads per cached head; ``wide``: a dense model of 80 layers, whose few value heads get more.
    """
    base = formats.GGUF_BASE[name]
    first = layer < layers // 8
    more = _more_bits(layer, layers)
    eight = experts == 8
    if role == "router":
        return "F32"
    if name in _LOW:
        better = "IQ3_S" if name in {"iq2_s", "iq2_m"} else "Q2_K"
        if role == "v":
            return "Q4_K" if grouped >= 4 or experts >= 4 else better
        if role == "k" and eight:
            return "Q4_K"
        if role == "down" and first:
            return better
        if role == "o":
            if eight:
                return "Q5_K"
            return {"iq1_s": "IQ2_XXS", "iq1_m": "IQ2_XXS", "iq2_s": "IQ3_S", "iq2_m": "IQ3_S"}.get(name, base)
        return base
    kind = base
    if role == "v":
        kind = _value_type(name, base, layer, more, grouped)
        if wide and kind in {"Q3_K", "Q4_K"}:
            kind = "Q5_K"
        return "Q8_0" if eight else kind
    if role in {"q", "k"}:
        if role == "k" and eight:
            return "Q8_0"
        return {"iq3_xs": "IQ3_XXS", "iq3_xxs": "IQ2_S"}.get(name, base)
    if role == "down":
        return _down_type(name, base, layer, layers, more, eight)
    if role == "o":
        if eight:
            return "Q5_K" if name in _OUTPUT_OF_EIGHT else base
        return {"q2_k": "Q3_K", "iq3_xxs": "IQ3_S", "q3_k_m": "Q4_K", "q3_k_l": "Q5_K", "iq3_m": "Q4_K"}.get(name, base)
    if role == "qkv":
        return {"q3_k_m": "Q4_K", "q3_k_l": "Q4_K", "iq3_m": "Q4_K", "q4_k_m": "Q5_K", "q5_k_m": "Q6_K"}.get(name, base)
    if role in {"gate", "up"} and name == "iq3_xs" and layers // 8 <= layer < 7 * layers // 8:
        return "IQ3_XXS"
    return kind


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
def _matrix_bytes(name: str, matrix: Matrix, grouped: int, experts: int, wide: bool) -> int:
    total = 0.0
    judged = min(matrix.layers, 2048)  # no model has more; a file that says so shall not keep us
    for layer in range(judged):
        kind = tensor_type(name, matrix.role, layer, judged, grouped, experts, wide)
        if matrix.columns % ggml.BLOCKS[kind][0]:
            kind = _FALLBACK.get(kind, "F16")
            if matrix.columns % ggml.BLOCKS[kind][0]:
                kind = "F16"
        total += matrix.elements * formats.ggml_bits(kind) / 8
    return round(total * matrix.layers / judged)


def _gguf(architecture: Architecture, name: str) -> Stored:
    counts, hidden = architecture.parameters, architecture.hidden
    grouped = max((g.heads // max(g.kv_heads, 1) for g in architecture.attention if g.heads), default=1)
    wide = architecture.layers == 80 and not architecture.experts
    layers = counts.other * 4  # vectors stay in 32 bits
    largest = 0
    for matrix in matrices(architecture):
        layers += _matrix_bytes(name, matrix, grouped, architecture.experts, wide)
        largest = max(largest, matrix.elements // max(matrix.experts, 1))
    left = counts.attention + counts.mlp + counts.experts - sum(m.layers * m.elements for m in matrices(architecture))
    layers += max(left, 0) * 4
    head = output_type(name, hidden)
    table = head if not counts.head else embedding_type(name)
    if hidden % ggml.BLOCKS[table][0]:
        table = _FALLBACK.get(table, "F16")
    return Stored(
        embedding=round(counts.embedding * formats.ggml_bits(table) / 8),
        head=round(counts.head * formats.ggml_bits(head) / 8),
        layers=layers,
        vision=counts.vision * 2,
        largest=largest,
    )
