"""Sums of terms, and what part of a model one GPU holds."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.estimate import Component, Memory, Term


class GpuPart(Struct, frozen=True, kw_only=True):
    """The part of a model that one GPU holds; the default is all of it."""

    layers: float = 1.0
    """Of all blocks, as a fraction."""
    tensor: int = 1
    """GPUs that each matrix is cut over."""
    first: bool = True
    """The embedding lies here."""
    last: bool = True
    """The output projection lies here."""
    data: int = 1
    """GPUs that hold the same blocks and train on other tokens."""
    gpus: int = 1
    """All that take part."""
    experts: float | None = None
    """Of all routed experts, as a fraction; None: those of its layers."""
    in_flight: int = 1
    """Micro-batches whose activations are kept at a time."""


def memory(terms: list[Term]) -> Memory:
    sums = dict.fromkeys(("weights", "kv_cache", "activations", "gradients", "optimizer", "overhead"), 0)
    low = high = 0
    for each in terms:
        sums[each.component] += each.expected
        low += each.low
        high += each.high
    return Memory(**sums, total=sum(sums.values()), low=low, high=high, terms=tuple(terms))


def summed(parts: tuple[Memory, ...]) -> Memory:
    """Over GPUs; terms of one name are added."""
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
