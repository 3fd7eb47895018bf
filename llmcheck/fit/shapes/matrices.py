"""The matrices of a model by their role: what formats, adapters and activations count by."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.architecture import Architecture, Attention

Role = Literal["q", "k", "v", "o", "qkv", "mla", "gate", "up", "down", "router"]


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
    first: int = 0
    """The first of its layers, and of how many; 0: they are taken as if they were all."""
    of: int = 0


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
    """Every matrix of the blocks; what shapes do not explain of the counts is one of the attention, or none."""
    return (*_attention(architecture), *_feed_forward(architecture))


def _attention(architecture: Architecture) -> list[Matrix]:
    hidden, layers, left = architecture.hidden, max(architecture.layers, 1), architecture.parameters.attention
    found: list[Matrix] = []
    for group in _alike(architecture.attention):
        if group.kind != "attention" or not group.layers:
            continue
        value = group.value_dim or group.head_dim
        own = group.layers - group.shares_cache
        sizes = (
            hidden * group.heads * group.head_dim,
            hidden * group.kv_heads * group.head_dim,
            hidden * group.kv_heads * value,
        )
        rows: list[tuple[Role, int, int, int]] = [
            ("o", group.layers, hidden * group.heads * value, group.heads * value)
        ]
        if architecture.fused:
            rows.insert(0, ("qkv", group.layers, sum(sizes), hidden))
        else:
            kinds: tuple[tuple[Role, int], ...] = (("q", group.layers), ("k", own), ("v", own))
            rows[:0] = [(role, count, size, hidden) for (role, count), size in zip(kinds, sizes, strict=True)]
        total = sum(count * elements for _, count, elements, _ in rows)
        if total > left:  # shapes that do not agree with the counts: what is counted wins
            continue
        left -= total
        found += [Matrix(role=role, layers=n, elements=e, columns=c) for role, n, e, c in rows if n and e]
    if left >= layers:
        compressed = any(group.kind == "mla" for group in architecture.attention)
        found.append(
            Matrix(role="mla" if compressed else "qkv", layers=layers, elements=left // layers, columns=hidden)
        )
    return found


def _alike(groups: tuple[Attention, ...]) -> list[Attention]:
    """Groups that differ in what they cache only have the same matrices."""
    found: dict[Attention, Attention] = {}
    for group in groups:
        shape = replace(group, layers=0, shares_cache=0, window=None)
        old = found.get(shape, shape)
        found[shape] = replace(
            old, layers=old.layers + group.layers, shares_cache=old.shares_cache + group.shares_cache
        )
    return list(found.values())


def _feed_forward(architecture: Architecture) -> list[Matrix]:
    hidden, layers, counts = max(architecture.hidden, 1), max(architecture.layers, 1), architecture.parameters
    names: tuple[Role, ...] = ("gate", "up", "down") if architecture.gated else ("up", "down")
    many = len(names)
    sparse = min(architecture.sparse_layers or layers, layers)
    routed = counts.experts // (many * sparse)
    if not routed:
        return _branches(names, layers, counts.mlp // (many * layers), hidden, 0, 0)
    inner = architecture.expert_intermediate or architecture.intermediate
    left = counts.mlp
    found: list[Matrix] = []
    before = layers - sparse
    dense = many * hidden * architecture.intermediate * before
    if before and dense <= left:
        left -= dense
        found += _branches(names, before, hidden * architecture.intermediate, hidden, 0, layers)
    router = hidden * architecture.experts
    if sparse * router <= left:
        left -= sparse * router
        found.append(Matrix(role="router", layers=sparse, elements=router, columns=hidden))
    found += _branches(names, sparse, left // (many * sparse), hidden, before, layers)
    return found + [
        Matrix(
            role=name,
            layers=sparse,
            elements=routed,
            experts=max(architecture.experts, 1),
            columns=inner if name == "down" else hidden,
            first=before,
            of=layers,
        )
        for name in names
    ]


def _branches(names: tuple[Role, ...], layers: int, elements: int, hidden: int, first: int, of: int) -> list[Matrix]:
    width = max(elements // hidden, 1)
    return [
        Matrix(
            role=name, layers=layers, elements=elements, columns=width if name == "down" else hidden, first=first, of=of
        )
        for name in names
        if elements
    ]
