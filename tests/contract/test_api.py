"""What the Python API offers: what its modules define, what ``dir`` shows and what can be used are the same."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import llmcheck
from llmcheck import api

MODULES = [each.name for each in pkgutil.iter_modules(api.__path__) if each.name != "model_source"]


def defined(module: ModuleType) -> set[str]:
    """The public functions, classes and aliases of types that stand in this module itself."""
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_defines_is_what_the_api_exports_of_it(name: str) -> None:
    module = importlib.import_module(f"llmcheck.api.{name}")
    assert set(api._EXPORTS[name]) == defined(module)
    for exported in api._EXPORTS[name]:
        assert getattr(api, exported) is getattr(module, exported)


def test_every_module_of_the_api_exports_something() -> None:
    assert set(api._EXPORTS) == set(MODULES)


def test_dir_lists_the_exports() -> None:
    assert dir(api) == sorted({"render", "to_json", *(name for names in api._EXPORTS.values() for name in names)})
    assert dir(llmcheck) == sorted(llmcheck.__all__)


@pytest.mark.parametrize("module", [llmcheck, api])
def test_a_name_that_does_not_exist_is_an_attribute_error(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'no_such_thing'"):
        module.no_such_thing  # noqa: B018 - it raises


def test_the_api_is_reached_from_the_package_alone() -> None:
    program = "import llmcheck; print(len(llmcheck.api.profiles().profiles))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 9
