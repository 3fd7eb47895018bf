"""Summands with their bands, and what part of a model one GPU holds."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.schema.estimate import Component, Memory, Term

MIB = 2**20
GIB = 2**30


class Share(Struct, frozen=True, kw_only=True):
    """What one GPU holds."""

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
    in_flight: int = 1
    """Micro-batches whose activations are held at a time."""


def term(
    component: Component,
    name: str,
    expected: float,
    source: str,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Term:
    middle = max(round(expected), 0)
    return Term(
        component=component,
        name=name,
        expected=middle,
        low=min(middle, max(round(expected if low is None else low), 0)),
        high=max(middle, round(expected if high is None else high)),
        source=source,
    )


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
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if all(part is first for part in parts):
        many = len(parts)
        return memory(
            [
                Term(
                    component=t.component,
                    name=t.name,
                    expected=t.expected * many,
                    low=t.low * many,
                    high=t.high * many,
                    source=t.source,
                )
                for t in first.terms
            ]
        )
    found: dict[tuple[Component, str], Term] = {}
    for part in parts:
        for t in part.terms:
            key = (t.component, t.name)
            old = found.get(key)
            found[key] = (
                t
                if old is None
                else Term(
                    component=t.component,
                    name=t.name,
                    expected=old.expected + t.expected,
                    low=old.low + t.low,
                    high=old.high + t.high,
                    source=t.source,
                )
            )
    return memory(list(found.values()))
