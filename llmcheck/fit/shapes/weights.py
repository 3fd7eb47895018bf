"""Bytes of the weights in a format, matrix by matrix: formats treat matrices differently by their role."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit.shapes import formats
from llmcheck.fit.shapes.formats import Format
from llmcheck.fit.shapes.llama_quantize import embedding_type, matrix_bytes, output_type, stored_as
from llmcheck.fit.shapes.matrices import Matrix, matrices
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload


class StoredWeights(Struct, frozen=True, kw_only=True):
    """Bytes of the weights, in groups that runtimes place separately."""

    embedding: int
    head: int
    """0 where it is tied to the embedding."""
    layers: int
    """All layers together, experts and norms included."""
    vision: int
    """Encoders of images or sound; 0 without."""
    largest: int
    """Elements of the largest matrix that is quantised; 0 where none is."""
    exact: bool = False
    """Read from a file's header; False: computed from shapes."""
    experts: int = 0
    """Bytes of ``layers`` that are routed experts."""

    @property
    def total(self) -> int:
        return self.embedding + self.head + self.layers + self.vision


def format_of(architecture: Architecture, workload: Workload) -> Format:
    """The format of the workload, else the default of its method and precision, else the model's own."""
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


@lru_cache(maxsize=4096)
def stored(architecture: Architecture, form: Format, padded: bool = False) -> StoredWeights:
    """Bytes computed from shapes. ``padded``: experts' inner width is padded to 256 for MXFP4 kernels."""
    counts = architecture.parameters
    if form.family == "gguf":
        return _gguf(architecture, form.name)
    rest = form.rest_bits / 8
    quantised = form.bits / 8
    dense = (form.bits if form.dense_bits is None else form.dense_bits) / 8
    routed = form.bits / 8
    if form.name == "fp16" and architecture.dtype == "mxfp4":
        routed = formats.weights("mxfp4").bits / 8  # a file of this name has the experts as they are published
    body = float(counts.other) * rest
    largest, experts = 0, 0.0
    for matrix in matrices(architecture):
        if matrix.role == "router":
            body += matrix.layers * matrix.elements * rest
            continue
        elements = float(matrix.elements)
        if padded and form.family == "mxfp4" and matrix.experts:
            inner = architecture.expert_intermediate or architecture.intermediate
            elements *= -(-inner // 256) * 256 / max(inner, 1)
        each = routed if matrix.experts else dense
        kept = _kept(architecture, form, matrix)
        size = matrix.layers * elements * (each * (1 - kept) + rest * kept)
        body += size
        experts += size if matrix.experts else 0.0
        if form.family == "int8":
            body += matrix.layers * elements * (1 - kept) / max(matrix.columns, 1) * 4
        if kept == 1 or (dense == rest and not matrix.experts):
            continue
        largest = max(largest, matrix.elements // max(matrix.experts, 1))
    body += _not_in_matrices(architecture) * rest
    head = counts.head * (quantised if form.head else rest)
    if form.head and counts.head:
        largest = max(largest, counts.head)
    return StoredWeights(
        embedding=round(counts.embedding * (quantised if form.table else rest)),
        head=round(head),
        layers=round(body),
        vision=round(counts.vision * rest),
        largest=0 if form.family == "plain" else largest,
        experts=round(experts),
    )


def _kept(architecture: Architecture, form: Format, matrix: Matrix) -> float:
    """The part of a matrix's layers that the published quantised file keeps in 16 bits."""
    kept = architecture.kept
    if kept is None or form.name != architecture.dtype:
        return 0.0
    if matrix.experts:
        return kept.experts
    return kept.feed_forward if matrix.role in {"gate", "up", "down"} else kept.attention


def from_tensors(architecture: Architecture, largest: int = 0) -> StoredWeights:
    """Bytes from a file's header. ``largest``: see ``StoredWeights``."""
    parts = {"embedding": 0, "head": 0, "vision": 0}
    layers = 0
    for group in architecture.tensors or ():
        if group.part in parts:
            parts[group.part] += group.bytes
        elif group.part != "predictor":  # on disk, and loaded only for speculative decoding
            layers += group.bytes
    return StoredWeights(
        embedding=parts["embedding"],
        head=parts["head"],
        layers=layers,
        vision=parts["vision"],
        largest=largest,
        exact=True,
        # a header's tensors are summed by part of the model, in which experts and the rest have much the same format
        experts=round(layers * architecture.parameters.experts / max(_in_blocks(architecture), 1)),
    )


def _in_blocks(architecture: Architecture) -> int:
    counts = architecture.parameters
    return counts.total - counts.embedding - counts.head - counts.vision


def shapes_of(architecture: Architecture) -> Architecture:
    """The architecture without the tensor list and notes of a file, which are slow to hash."""
    if not architecture.tensors and not architecture.notes:
        return architecture
    return replace(architecture, tensors=None, notes=())


def of(architecture: Architecture, workload: Workload) -> StoredWeights:
    """Bytes of the weights for a workload: from the file's header where its tensors are used as they are."""
    form = format_of(architecture, workload)
    shapes = shapes_of(architecture)
    if architecture.tensors and workload.weights is None and workload.method == "inference":
        quantised = form.family != "plain"
        return from_tensors(architecture, max((m.elements for m in matrices(shapes)), default=0) if quantised else 0)
    runtime = runtimes.named(workload.runtime)
    if form.name == "mxfp4" and runtime.files == "gguf":
        # a GGUF file of this name (llama.cpp's MXFP4_MOE) has everything but the experts in Q8_0
        return stored(replace(shapes, dtype="mxfp4"), formats.weights("q8_0"))
    return stored(shapes, form, padded=runtime.pads_mxfp4)


def _not_in_matrices(architecture: Architecture) -> int:
    """Weights of attention and feed-forward that integer division left out of ``matrices``."""
    counts = architecture.parameters
    listed = sum(each.layers * each.elements for each in matrices(architecture))
    return max(counts.attention + counts.mlp + counts.experts - listed, 0)


def _gguf(architecture: Architecture, name: str) -> StoredWeights:
    """Bytes of a GGUF file of this type, as ``llama-quantize`` writes it."""
    counts, hidden = architecture.parameters, architecture.hidden
    grouped = max((g.heads // max(g.kv_heads, 1) for g in architecture.attention if g.heads), default=1)
    wide = architecture.layers == 80 and not architecture.experts
    layers = counts.other * 4  # vectors stay in 32 bits
    largest = experts = 0
    for matrix in matrices(architecture):
        if matrix.experts and architecture.dtype == "mxfp4":
            # llama-quantize leaves experts that are published in MXFP4 as they are: the name speaks of the rest
            size = round(matrix.layers * matrix.elements * formats.ggml_bits("MXFP4") / 8)
        else:
            size = matrix_bytes(name, matrix, grouped, architecture.experts, wide)
        layers += size
        experts += size if matrix.experts else 0
        largest = max(largest, matrix.elements // max(matrix.experts, 1))
    layers += _not_in_matrices(architecture) * 4
    head = output_type(name, hidden)
    table = stored_as(head if not counts.head else embedding_type(name), hidden)
    return StoredWeights(
        embedding=round(counts.embedding * formats.ggml_bits(table) / 8),
        head=round(counts.head * formats.ggml_bits(head) / 8),
        layers=layers,
        vision=counts.vision * 2,
        largest=largest,
        experts=experts,
    )
