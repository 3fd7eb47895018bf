"""Every class and field of the schema has a docstring, directly below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SCHEMA = Path(__file__).parents[3] / "llmcheck" / "schema"
MODULES = sorted(path.name for path in SCHEMA.glob("*.py"))


def misplaced(source: str) -> Iterator[str]:
    """Strings in classes that follow neither the head of the class nor a field."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for before, each in zip(node.body, node.body[1:], strict=False):
                if is_string(each) and not isinstance(before, ast.AnnAssign):
                    yield f"{node.name}, line {each.lineno}"


def is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_a_second_docstring_in_a_row_is_detected() -> None:
    assert list(misplaced('class A:\n    """A."""\n    x: int\n    """x."""\n    """y."""\n')) == ["A, line 5"]


@pytest.mark.parametrize("module", MODULES)
def test_every_field_docstring_follows_its_field(module: str) -> None:
    assert list(misplaced((SCHEMA / module).read_text(encoding="utf-8"))) == []


def undocumented(source: str) -> Iterator[str]:
    """Classes and fields without a docstring."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        if ast.get_docstring(node) is None:
            yield node.name
        for each, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(each, ast.AnnAssign) and not (after is not None and is_string(after)):
                yield f"{node.name}.{ast.unparse(each.target)}"


def test_a_missing_docstring_is_detected() -> None:
    assert list(undocumented('class A:\n    x: int\n    y: int\n    """y."""\n')) == ["A", "A.x"]


@pytest.mark.parametrize("module", MODULES)
def test_every_class_and_field_has_a_docstring(module: str) -> None:
    assert list(undocumented((SCHEMA / module).read_text(encoding="utf-8"))) == []
