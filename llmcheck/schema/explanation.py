"""The answer of ``llmcheck explain``: what a word means, in every sense that it has."""

from __future__ import annotations

from msgspec import Struct


class Key(Struct, frozen=True, kw_only=True):
    """A key of a requirement, or a fact that lies in another."""

    name: str
    """As it is written."""
    means: str
    """Its description; empty where none is known."""
    needed: bool = False
    """There is no default."""


class Meaning(Struct, frozen=True, kw_only=True):
    """One sense of a word."""

    id: str
    """The word as it is written in that sense."""
    of: str
    """What it is: ``problem``, ``status``, ``requirement of inference-7b``, ``kind of requirement``, ``fact``, ..."""
    means: str
    """In a few sentences."""
    profile: str | None = None
    """Of a requirement: the id of its profile."""
    why: str | None = None
    """Of a requirement: why it is there; None where its profile does not say."""
    do: str | None = None
    """What is done about it; None where nothing is, or where nothing is known."""
    source: str | None = None
    """Of a requirement: the place that states it."""
    example: str | None = None
    """How it is written in a profile; None for what stands in none."""
    command: str | None = None
    """The command that shows more; None where there is no more."""
    corrections: tuple[str, ...] = ()
    """Of a requirement: what is known to be wrong in its documented figure."""
    keys: tuple[Key, ...] = ()
    """Of a kind or a fact: what belongs to it."""


class Explanation(Struct, frozen=True, kw_only=True):
    """All that is known of a word."""

    schema: str = "llmcheck.explanation/1"
    """Format of this document and its version."""
    word: str
    """As it was asked for."""
    meanings: tuple[Meaning, ...]
    """At least one; requirements come last."""
