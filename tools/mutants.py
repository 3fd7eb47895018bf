"""The mutants that tools/mutation.py tries: which changes of which lines, and the sample of them."""

from __future__ import annotations

import ast
import hashlib
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

OPERATORS = (
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul")),
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in ("Mod_Mul", "Pow_Mul", "LShift_RShift", "BitOr_BitAnd")),
    *("core/AddNot", "core/ReplaceUnaryOperator_Delete_Not", "core/ReplaceUnaryOperator_Delete_USub"),
    *("core/ReplaceAndWithOr", "core/ReplaceOrWithAnd", "core/ReplaceTrueWithFalse", "core/ReplaceFalseWithTrue"),
    *("core/ReplaceBreakWithContinue", "core/ReplaceContinueWithBreak", "core/ZeroIterationForLoop"),
    *("core/NumberReplacer", "core/ExceptionReplacer"),
)
OPPOSITES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "startswith": "endswith",
    "endswith": "startswith",
    "partition": "rpartition",
    "rpartition": "partition",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
}


class Membership:
    """``in`` as ``not in`` and the other way round."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "comparison":
            for sign in node.children[1::2]:
                if sign.get_code().split() in (["in"], ["not", "in"]):
                    yield sign.start_pos, sign.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        import parso

        places = [n for n in range(1, len(node.children), 2) if "in" in node.children[n].get_code().split()]
        negated = "not" in node.children[places[index]].get_code().split()
        node.children[places[index]] = parso.parse(" in" if negated else " not in")
        return node


class Opposite:
    """A call of ``min`` as one of ``max``, and so on."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "name" and node.value in OPPOSITES and _is_called(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - cosmic-ray's signature
        node.value = OPPOSITES[node.value]
        return node


def _is_called(name: Any) -> bool:
    after = name.get_next_leaf()
    return after is not None and after.value == "(" and name.parent.type not in ("funcdef", "import_from")


@dataclass(frozen=True)
class Group:
    """Modules that are tested by the same tests."""

    name: str
    modules: tuple[str, ...]
    """Globs, so that a new module is covered without an edit."""
    tests: tuple[str, ...]
    """Globs; the first are run first."""
    sample: int
    """How many mutants of the group are run."""

    def files(self) -> list[Path]:
        return _matching(self.modules, self.name, ".py")

    def test_paths(self) -> list[str]:
        return [str(path.relative_to(ROOT)) for path in _matching(self.tests, self.name)]


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    group: str
    path: str
    """Of the module, relative to the root."""
    function: str
    operator: str
    occurrence: int
    """Which of the places where the operator applies, counted over the module."""
    key: str
    """Stays the same when lines of the module move."""


def configuration() -> tuple[str, list[Group]]:
    """The seed and the groups."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["llmcheck-mutation"]
    groups = [
        Group(each["name"], tuple(each["modules"]), tuple(each["tests"]), each["sample"]) for each in settings["group"]
    ]
    return str(settings["seed"]), groups


def _matching(globs: Sequence[str], group: str, suffix: str = "") -> list[Path]:
    """Files and folders that any of the globs names, in the order of the globs."""
    found = dict.fromkeys(path for each in globs for path in sorted(ROOT.glob(each)) if path.name.endswith(suffix))
    if not found:
        sys.exit(f"{group}: nothing matches {', '.join(globs)}; mend [tool.llmcheck-mutation] in pyproject.toml")
    return list(found)


def operators() -> dict[str, Any]:
    try:
        from cosmic_ray.plugins import get_operator
    except ImportError:
        sys.exit("cosmic-ray is missing: pip install -e '.[dev,mutation]'")
    return {name: get_operator(name)() for name in OPERATORS} | {"membership": Membership(), "opposite": Opposite()}


def mutants(group: Group, tools: Mapping[str, Any]) -> Iterator[Mutant]:
    """All that can be made of the group's modules."""
    import parso
    from cosmic_ray.ast import ast_nodes

    for path in group.files():
        source = path.read_text(encoding="utf-8")
        name = str(path.relative_to(ROOT))
        lines, where = source.splitlines(), Places(source)
        nodes = list(ast_nodes(parso.parse(source)))
        seen: Counter[str] = Counter()
        for operator, tool in tools.items():
            count = -1
            for node in nodes:
                for (line, column), _ in tool.mutation_positions(node):
                    count += 1
                    if where.is_passive(line, column) or _is_a_marker(node):
                        continue
                    function = where.function(line)
                    key = f"{path.name}:{function}:{operator}:{lines[line - 1].strip()}"
                    seen[key] += 1
                    yield Mutant(group.name, name, function, operator, count, f"{key}:{seen[key]}")


def _is_a_marker(node: Any) -> bool:
    """The lone ``*`` of a parameter list and ``**`` of a dictionary are no arithmetic."""
    return node.type == "operator" and node.parent.type in ("parameters", "dictorsetmaker", "arglist", "lambdef")


class Places:
    """What lies where in a module: its functions, and what decides nothing: annotations, ``frozen=True`` of a class."""

    def __init__(self, source: str) -> None:
        self._functions: list[tuple[int, int, str]] = []
        self._passive: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self._lines = source.splitlines()
        self._read(ast.parse(source), "")

    def _read(self, tree: ast.AST, prefix: str) -> None:
        for node in ast.iter_child_nodes(tree):
            inner = prefix
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{prefix}.{node.name}".lstrip(".")
                self._functions.append((node.lineno, node.end_lineno or node.lineno, inner))
            if isinstance(node, ast.ClassDef):
                self._passive += [(self._start(each.value), self._end(each.value)) for each in node.keywords]
            for field in ("annotation", "returns"):
                annotation = getattr(node, field, None)
                if isinstance(annotation, ast.expr):
                    self._passive.append((self._start(annotation), self._end(annotation)))
            self._read(node, inner)

    def _start(self, node: ast.expr) -> tuple[int, int]:
        return node.lineno, self._column(node.lineno, node.col_offset)

    def _end(self, node: ast.expr) -> tuple[int, int]:
        line = node.end_lineno or node.lineno
        return line, self._column(line, node.end_col_offset or 0)

    def _column(self, line: int, offset: int) -> int:
        """In characters: ast counts bytes."""
        return len(self._lines[line - 1].encode()[:offset].decode())

    def is_passive(self, line: int, column: int) -> bool:
        return any(start <= (line, column) < end for start, end in self._passive)

    def function(self, line: int) -> str:
        """The innermost function or class of a line; empty outside of them."""
        around = [(last - first, name) for first, last, name in self._functions if first <= line <= last]
        return min(around, default=(0, ""))[1]


def drawn(group: Group, seed: str, tools: Mapping[str, Any]) -> list[tuple[Mutant, str]]:
    """The sample, with each mutant's module as text. By a hash of each: new code does not change the rest of it."""
    from cosmic_ray.mutating import mutate_code

    every = sorted(mutants(group, tools), key=lambda each: hashlib.sha256(f"{seed}:{each.key}".encode()).digest())
    chosen: list[tuple[Mutant, str]] = []
    for each in every:
        if len(chosen) == group.sample:
            break
        source = (ROOT / each.path).read_text(encoding="utf-8")
        text = mutate_code(source, tools[each.operator], each.occurrence)
        if text is not None and _differs(source, text):
            chosen.append((each, text))
    return chosen


def _differs(source: str, text: str) -> bool:
    """Whether it is other code. A ``not`` before a ``not`` is the same mutant as the one that takes it away."""
    try:
        return ast.dump(ast.parse(source)) != ast.dump(ast.parse(text)) and "not not " not in text
    except SyntaxError:
        return False
