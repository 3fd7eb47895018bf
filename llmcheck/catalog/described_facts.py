"""Every fact of a machine with what it means, what it is counted in, and how a profile asks for it."""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from llmcheck.catalog import described
from llmcheck.judge.facts import paths
from llmcheck.judge.facts.paths import Path
from llmcheck.schema.explanation import Key, Meaning
from llmcheck.schema.machine import Machine

_EXAMPLES: dict[str, str] = {
    "bytes": "24 GB",
    "bytes a second": "1 GB/s",
    "bits a second": "400 Gb/s",
    "watts": "300 W",
    "degrees Celsius": "85 °C",
    "hertz": "1 GHz",
    "seconds": "10 s",
    "FLOP a second": "100 TFLOPS",
    "percent": "50 %",
}
"""By dimension: a value as a profile writes it."""
_MOST = 8
"""Facts of one name that are explained; ``version`` stands in many places."""


@functools.cache
def all_paths() -> tuple[str, ...]:
    """Every path, each list with ``[*]``, in the order of the document."""
    return tuple(_paths(Machine, ""))


def _paths(kind: Any, before: str) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        for name, (_, inner) in paths.fields_of(kind).items():
            path = f"{before}.{name}" if before else name
            yield path
            yield from _paths(inner, path)
    elif typing.get_origin(kind) in (tuple, dict):
        yield from _paths(_entries(kind), f"{before}[*]")


def _entries(kind: Any) -> Any:
    """The type of the entries of a list or table, without None."""
    inner = typing.get_args(kind)[1 if typing.get_origin(kind) is dict else 0]
    return next((each for each in typing.get_args(inner) if isinstance(each, type) and issubclass(each, Struct)), inner)


def meanings(word: str) -> Iterator[Meaning]:
    """Of the path ``word``; without its brackets, or with an index, it is understood too. Nothing for no path."""
    plain = _plain(_of_any_entry(word))
    yield from (_meaning(each) for each in all_paths() if _plain(each) == plain)


def _of_any_entry(word: str) -> str:
    """A path of one entry of a table, ``drivers.nvidia.version``, as that of all of them; any other word as it is."""
    try:
        path = paths.path_of(word)
    except ValueError:
        return word
    names = [f".{step.name}" if step.kind == "field" else "[*]" for step in (*path.to_elements, *path.of_element)]
    return "".join(names).removeprefix(".") if any(step.kind == "key" for step in path.of_element) else word


def meanings_of_name(word: str) -> Iterator[Meaning]:
    """Of the facts whose path ends with ``word``, at most eight."""
    ending = f".{_plain(word)}"
    found = [each for each in all_paths() if _plain(each).endswith(ending)]
    yield from (_meaning(each) for each in found[:_MOST])


def _plain(path: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", path)


def _meaning(text: str) -> Meaning:
    path = paths.path_of(text)
    owner, inner = _owner_of(text)
    means = described.fields(owner).get(path.of_element[-1].name if path.of_element else path.name, "")
    counted = f", in {path.unit.dimension}" if path.unit is not None else ""
    fields = paths.fields_of(inner) if inner is not None else {}
    texts = described.fields(inner) if inner is not None else {}
    return Meaning(
        id=text,
        of="fact of a machine",
        means=f"{means.rstrip('.')}. It is {paths.in_words(path.kind)}{counted}.".removeprefix(". "),
        example=", ".join(f"{key} = {value}" for key, value in example(path).items()),
        keys=tuple(Key(name=name, means=texts.get(own, "")) for name, (own, _) in fields.items()),
    )


def example(path: Path) -> Mapping[str, str]:
    """The keys of a requirement that asks for it, as TOML writes their values."""
    keys = {"kind": '"fact"', "fact": f'"{path.text}"'}
    if path.kind == "list":
        return {**keys, "quantifier": '"count"', "ge": "1"}
    if path.to_elements:
        keys["quantifier"] = '"each"'
    if path.kind == "table":
        return {**keys, "exists": "true"}
    if path.kind == "flag":
        return {**keys, "eq": "true"}
    if path.kind == "text":
        return {**keys, "matches": '"."'}
    return {**keys, "ge": "1" if path.unit is None else f'"{_EXAMPLES[path.unit.dimension]}"'}


def _owner_of(text: str) -> tuple[Any, Any]:
    """The struct that has the last field of a path, and the one that the field holds or lists; None for a value."""
    kind: Any = Machine
    owner: type[Any] = Machine
    for name in _plain(text).split("."):
        while not (isinstance(kind, type) and issubclass(kind, Struct)):
            kind = _entries(kind)
        owner, kind = kind, paths.fields_of(kind)[name][1]
    while typing.get_origin(kind) in (tuple, dict):
        kind = _entries(kind)
    return owner, kind if isinstance(kind, type) and issubclass(kind, Struct) else None
