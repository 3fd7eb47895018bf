"""The weight matrices of a model by their role, which formats, adapters and activations depend on."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.architecture import Architecture, Attention

Role = Literal["q", "k", "v", "o", "qkv", "mla", "gate", "up", "down", "router"]


class Matrix(Struct, frozen=True, kw_only=True):
    """A weight matrix that is the same in ``layers`` layers; those of all experts count as one."""

    role: Role
    layers: int
    elements: int
    """Weights in one layer."""
    columns: int
    """Inputs of the matrix, which is the length of a row; block formats divide rows into blocks."""
    experts: int = 0
    """Number of experts whose matrices ``elements`` counts; 0 for a dense layer."""
    first_layer: int = 0
    """Number of its first layer."""
    of_layers: int = 0
    """Layers of the model; 0: the matrix is in all of them."""


def attention_width(architecture: Architecture) -> int:
    """Elements of all query heads of the widest layer."""
    return max((group.heads * group.head_dim for group in architecture.attention), default=architecture.hidden)


def cached_width(architecture: Architecture) -> int:
    """Elements of all key heads of the widest layer."""
    return max((group.kv_heads * group.head_dim for group in architecture.attention), default=architecture.hidden)


def branches(architecture: Architecture) -> int:
    """Matrices of a feed-forward layer: gate, up and down, or up and down."""
    return 3 if architecture.gated else 2


def inner_width(architecture: Architecture) -> int:
    """Width of the feed-forward layers that one token passes, active experts included."""
    return dense_width(architecture) + architecture.experts_active * architecture.expert_intermediate


def dense_width(architecture: Architecture) -> int:
    """Width of the dense feed-forward layer that every token passes, with shared experts; the mean over layers."""
    layers = max(architecture.layers, 1)
    mean = round(architecture.parameters.mlp / (layers * branches(architecture) * max(architecture.hidden, 1)))
    return architecture.intermediate if not architecture.experts else mean


@lru_cache(maxsize=64)
def matrices(architecture: Architecture) -> tuple[Matrix, ...]:
    """Every matrix of the layers. What the shapes do not explain of the attention's count is one more matrix."""
    return (*_attention(architecture), *_feed_forward(architecture))


def _attention(architecture: Architecture) -> list[Matrix]:
    hidden, layers, left = architecture.hidden, max(architecture.layers, 1), architecture.parameters.attention
    found: list[Matrix] = []
    for group in _merged(architecture.attention):
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
        if total > left:  # the shapes contradict the count of weights, which is more reliable
            continue
        left -= total
        found += [Matrix(role=role, layers=n, elements=e, columns=c) for role, n, e, c in rows if n and e]
    if left >= layers:
        compressed = any(group.kind == "mla" for group in architecture.attention)
        found.append(
            Matrix(role="mla" if compressed else "qkv", layers=layers, elements=left // layers, columns=hidden)
        )
    return found


def _merged(groups: tuple[Attention, ...]) -> list[Attention]:
    """Groups that differ only in what they cache have the same matrices, and become one."""
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
    dense_layers = layers - sparse
    dense = many * hidden * architecture.intermediate * dense_layers
    if dense_layers and dense <= left:
        left -= dense
        found += _branches(names, dense_layers, hidden * architecture.intermediate, hidden, 0, layers)
    router = hidden * architecture.experts
    if sparse * router <= left:
        left -= sparse * router
        found.append(Matrix(role="router", layers=sparse, elements=router, columns=hidden))
    found += _branches(names, sparse, left // (many * sparse), hidden, dense_layers, layers)
    return found + [
        Matrix(
            role=name,
            layers=sparse,
            elements=routed,
            experts=max(architecture.experts, 1),
            columns=inner if name == "down" else hidden,
            first_layer=dense_layers,
            of_layers=layers,
        )
        for name in names
    ]


def _branches(
    names: tuple[Role, ...], layers: int, elements: int, hidden: int, first_layer: int, of_layers: int
) -> list[Matrix]:
    width = max(elements // hidden, 1)
    return [
        Matrix(
            role=name,
            layers=layers,
            elements=elements,
            columns=width if name == "down" else hidden,
            first_layer=first_layer,
            of_layers=of_layers,
        )
        for name in names
        if elements
    ]
