"""Sums of terms, and the part of a model that one GPU has."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.estimate import Component, Memory, Term


class GpuPart(Struct, frozen=True, kw_only=True):
    """The part of a model that one GPU has; by default all of it."""

    layers: float = 1.0
    """Fraction of all layers, 0 to 1."""
    tensor: int = 1
    """GPUs that each matrix is divided over (tensor parallelism)."""
    first: bool = True
    """It has the embedding."""
    last: bool = True
    """It has the output projection."""
    data: int = 1
    """GPUs that have the same layers and train on other tokens (data parallelism)."""
    context: int = 1
    """GPUs that each sequence is divided over (context parallelism)."""
    gpus: int = 1
    """All GPUs that are used."""
    experts: float | None = None
    """Fraction of all routed experts; None: those of its layers."""
    in_flight: int = 1
    """Micro-batches whose activations are stored at a time (pipeline parallelism)."""


def memory(terms: list[Term]) -> Memory:
    """The terms and their sums by component.

    The sums are without blocks that an allocator keeps: it frees them before memory runs out.
    """
    sums = dict.fromkeys(("weights", "kv_cache", "activations", "gradients", "optimizer", "overhead"), 0)
    low = high = 0
    for each in terms:
        if each.part == "allocator":
            continue
        sums[each.component] += each.expected
        low += each.low
        high += each.high
    return Memory(**sums, total=sum(sums.values()), low=low, high=high, terms=tuple(terms))


def summed(parts: tuple[Memory, ...]) -> Memory:
    """The sum over GPUs: terms with the same component and name are added."""
    first = parts[0]
    if all(part is first for part in parts):
        many = len(parts)
        return first if many == 1 else memory([_times(each, many) for each in first.terms])
    found: dict[tuple[Component, str], Term] = {}
    for part in parts:
        for each in part.terms:
            key = (each.component, each.name)
            found[key] = _plus(found[key], each) if key in found else each
    return memory(list(found.values()))


def _times(term: Term, count: int) -> Term:
    return replace(term, expected=term.expected * count, low=term.low * count, high=term.high * count)


def _plus(one: Term, other: Term) -> Term:
    return replace(
        one, expected=one.expected + other.expected, low=one.low + other.low, high=one.high + other.high
    )  # fmt: skip
