"""Each fact of the machine can be required: known it is judged, unknown it is unknown.

The paths come from the types of the machine, so a fact that is added is tested without an edit.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from llmcheck.judge import requirements
from llmcheck.judge.facts import meaning, paths
from llmcheck.schema import access, gpu, machine, model_cache, software
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding

ALWAYS_KNOWN = {"schema", "stated"}
"""What a machine says of itself, without having been read."""


def without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(each for each in typing.get_args(kind) if each is not type(None))
    return kind


def walk(kind: Any, place: str, owner: str, field: str) -> Iterator[tuple[str, Any, str, str]]:
    """Each path below a type, with the type of its value and the struct and field that hold it."""
    kind = without_none(kind)
    origin = typing.get_origin(kind)
    if origin is tuple or origin is dict:
        yield from walk(typing.get_args(kind)[-1 if origin is dict else 0], f"{place}[*]", owner, field)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for each in msgspec.structs.fields(kind):
            below = f"{place}.{each.encode_name}" if place else each.encode_name
            yield from walk(each.type, below, kind.__name__, each.name)
    else:
        yield place, kind, owner, field


PATHS = {path: (kind, owner, field) for path, kind, owner, field in walk(Machine, "", "", "")}
VALUES: dict[Any, Any] = {int: 7, float: 7.5, str: "2.7", bool: True}


def whole(kind: Any, but: tuple[str, str] = ("", "")) -> Any:
    """A value of a type in which everything is known. ``but``: struct and field of what is None all the same."""
    kind = without_none(kind)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return (whole(typing.get_args(kind)[0], but),)
    if origin is dict:
        return {"nvidia": whole(typing.get_args(kind)[1], but)}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = ((each.name, each.type) for each in msgspec.structs.fields(kind))
        return kind(**{name: None if (kind.__name__, name) == but else whole(inner, but) for name, inner in fields})
    return VALUES[kind]


FULL: Machine = msgspec.structs.replace(whole(Machine), hypothetical=False)


def judge(path: str, where: Machine, **keys: object) -> Finding:
    table = {"id": "x", "kind": "fact", "fact": path, **keys}
    return requirements.check(requirements.decode(table, "x"), where)


def test_there_are_facts_from_everywhere() -> None:
    assert len(PATHS) > 180
    assert {"gpus[*].ecc.remapped_rows", "fabric.nvlink_matrix[*][*]", "drivers[*].version"} <= PATHS.keys()


@pytest.mark.parametrize("path", PATHS)
def test_a_known_fact_is_met_by_itself_and_not_by_another(path: str) -> None:
    kind = PATHS[path][0]
    if kind is bool:
        same, other = VALUES[bool] if path != "stated" else False, VALUES[bool] if path == "stated" else False
    elif kind is str:
        same, other = VALUES[str], "3.1"
    else:
        unit = paths.path_of(path).unit
        plain = unit is None or unit.in_name
        same, other = (VALUES[kind], 9) if plain else (f"{VALUES[kind]} B", "9 B")
    assert judge(path, FULL, eq=same).status == "pass"
    assert judge(path, FULL, exists=True).status == "pass"
    found = judge(path, FULL, eq=other)
    assert (found.status, found.shortfall) == ("fail", "fact")
    assert found.found
    assert judge(path, FULL, quantifier="none", eq=other).status == "pass"


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ALWAYS_KNOWN])
def test_a_fact_of_a_machine_of_which_nothing_is_known_is_unknown(path: str) -> None:
    for keys in ({"exists": True}, {"absent": True}):
        assert judge(path, Machine(), **keys).status == "unknown"
    assert judge(path, Machine(), quantifier="none", exists=True).status == "unknown"
    assert judge(path, Machine(), quantifier="count", eq=3).status in ("unknown", "fail")


def structs() -> dict[str, type[msgspec.Struct]]:
    found = {owner for _, owner, _ in PATHS.values()}
    every = [each for module in (machine, gpu, software, access, model_cache) for each in vars(module).values()]
    return {each.__name__: each for each in every if isinstance(each, type) and each.__name__ in found}


STRUCTS = structs()


def may_be_none(path: str) -> bool:
    _, owner, field = PATHS[path]
    kind = next(each.type for each in msgspec.structs.fields(STRUCTS[owner]) if each.name == field)
    return type(None) in typing.get_args(kind) and paths.path_of(path).of_element != ()


@pytest.mark.parametrize("path", [path for path in PATHS if may_be_none(path)])
def test_a_single_missing_fact_is_what_its_field_means_by_none(path: str) -> None:
    _, owner, field = PATHS[path]
    where = msgspec.structs.replace(whole(Machine, (owner, field)), hypothetical=False)
    meant = meaning.of_none(whole(STRUCTS[owner], (owner, field)), field)
    expected = {id(meaning.UNKNOWN): "unknown", id(meaning.ABSENT): "fail"}.get(id(meant), "pass")
    assert judge(path, where, exists=True).status == expected


def described(owner: str, field: str) -> str:
    """The docstring of a field."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(STRUCTS[owner]))).body
    assert isinstance(node, ast.ClassDef)
    for one, after in itertools.pairwise(node.body):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.target.id == field:
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            return str(after.value.value)
    raise AssertionError(f"{owner}.{field} has no description")


@pytest.mark.parametrize("path", [path for path, (kind, _, _) in PATHS.items() if kind in (int, float)])
def test_what_is_described_in_bytes_is_compared_in_bytes(path: str) -> None:
    _, owner, field = PATHS[path]
    unit = paths.path_of(path).unit
    if "bytes" in described(owner, field).lower() and "nofile" not in path:
        assert unit is not None
        assert unit.dimension.startswith("bytes")
