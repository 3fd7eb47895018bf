"""What PyTorch's allocator adds to weights that are loaded tensor by tensor.

A large tensor gets a segment of its own, rounded up to 2 MiB; a rest of 1 MiB or less stays in its block. Of 16-bit
matrices of 135 MiB that is 1 MiB each: 120 MiB in a model of 13B.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from llmcheck.fit.memory.allocator import Allocator
from llmcheck.fit.shapes.formats import Format
from llmcheck.fit.shapes.matrices import Matrix, matrices
from llmcheck.schema.architecture import Architecture

_SIMULATED = 8
"""Layers that are loaded in the simulation; each of the others adds as much as the later half of them."""


@lru_cache(maxsize=256)
def added_by_allocator(architecture: Architecture, form: Format) -> float:
    """Bytes of a whole model on one GPU; 0 for formats that PyTorch does not load."""
    if form.family in {"gguf", "mlx", "exl3"}:
        return 0.0
    layers = max(architecture.layers, 1)
    ends = (min(_SIMULATED // 2, layers), min(_SIMULATED, layers))
    allocator, total, found = Allocator(), 0, [0, 0]
    for size in _edges(architecture, form):
        total += size
        allocator.allocate(size)
    for layer in range(ends[1]):
        for matrix in matrices(architecture):
            for size in _tensors(matrix, layer, form):
                total += size
                allocator.allocate(size)
        for at, end in enumerate(ends):
            if layer + 1 == end:
                found[at] = allocator.allocated - total
    each = (found[1] - found[0]) / max(ends[1] - ends[0], 1)
    return found[1] + each * (layers - ends[1])


def tensors_of(architecture: Architecture, form: Format, layers: int) -> Iterator[int]:
    """Bytes of each tensor of the first ``layers`` layers, of the embedding and the output projection."""
    yield from _edges(architecture, form)
    for layer in range(layers):
        for matrix in matrices(architecture):
            yield from _tensors(matrix, layer, form)


def _edges(architecture: Architecture, form: Format) -> Iterator[int]:
    for elements in (architecture.parameters.embedding, architecture.parameters.head):
        if elements:
            yield round(elements * form.rest_bits / 8)


def _tensors(matrix: Matrix, layer: int, form: Format) -> Iterator[int]:
    """Bytes of each tensor that this matrix is stored as in one layer."""
    first = matrix.first_layer if matrix.of_layers else 0
    if not first <= layer < first + matrix.layers:
        return
    copies = max(matrix.experts, 1)
    elements = matrix.elements // copies
    for _ in range(copies):
        yield from (size for size in _of_one(elements, matrix, form) if size > 0)


def _of_one(elements: int, matrix: Matrix, form: Format) -> Iterator[int]:
    if matrix.role == "router" or form.family in {"plain", "mxfp4"}:
        yield round(elements * form.rest_bits / 8)
    elif form.family == "group":
        bits = int(form.bits)
        group = round((16 + bits) / (form.bits - bits))
        yield elements * bits // 8
        yield elements // group * bits // 8
        yield elements // group * 2
    elif form.family == "bnb-4bit":
        yield elements // 2
        yield elements // 64 * (4 if form.bits == 4.5 else 1)
    else:
        yield round(elements * form.bits / 8)
