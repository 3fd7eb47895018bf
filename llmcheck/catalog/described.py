"""What the fields of the schemas mean, as their own docstrings say it."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
from collections.abc import Mapping
from typing import Any


def fields(struct: type[Any]) -> Mapping[str, str]:
    """The description of each field of a struct by its name in Python, those of its bases included.

    Empty for a field without one, and for all where the installation has no source files.
    """
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        found |= _documented(base.__module__).get(base.__qualname__, {})
    return found


def summary(text: str | None) -> str:
    """A docstring as plain sentences."""
    return " ".join((text or "").replace("``", "").split())


@functools.cache
def _documented(module: str) -> Mapping[str, Mapping[str, str]]:
    if not module.startswith("llmcheck."):
        return {}
    try:
        tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    except OSError:
        return {}
    return {each.name: _of_class(each) for each in tree.body if isinstance(each, ast.ClassDef)}


def _of_class(tree: ast.ClassDef) -> dict[str, str]:
    found = {}
    for before, after in itertools.pairwise(tree.body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = summary(text)
    return found
