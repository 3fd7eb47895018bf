"""Writes docs/api.md, the reference of the Python API, from signatures and docstrings.

A test fails where it is outdated.

python tools/api_reference.py
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llmcheck

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"

_BEFORE = """\
<!-- Written by tools/api_reference.py from the docstrings; edit those. -->

# Python API

```python
import llmcheck

machine = llmcheck.inspect()  # or load_machine("machine.json"), load_machine("2x RTX 4090, 64 GB RAM")
report = llmcheck.check(["inference-7b"], machine)
if report.exit_code:  # 0 ready, 1 not ready, 2 nothing was checked, 3 undetermined
    for finding in report.profiles[0].findings:
        if finding.status == "fail":
            print(finding.message, finding.remedy)

fit = llmcheck.fit("llama-3.1-8b", llmcheck.Workload(method="qlora"), machine)
print(fit.verdict, [(plan.runtime, plan.weights, plan.launch) for plan in fit.plans])

print(llmcheck.to_json(report))  # what the terminal command writes with --format json
```

`import llmcheck` imports nothing else; a function is imported when it is first used. Every value is frozen and typed
(`py.typed`); sizes are in bytes. None means that something could not be found out, and `Machine.problems` has the
reason. All errors are `LlmcheckError`, with one line that says what is wrong and how to mend it. Nothing is installed,
deleted or sent; the network is used only where the text of a function says so.

The terminal command uses the same functions and computes nothing itself.
"""


def page() -> str:
    """The text of docs/api.md."""
    functions: list[str] = []
    kinds: list[str] = []
    errors: list[str] = []
    for name in llmcheck.__all__:
        value = getattr(llmcheck, name)
        if inspect.isfunction(value):
            functions.append(_function(name, value))
        elif inspect.isclass(value):
            (errors if issubclass(value, Exception) else kinds).append(_class(name, value))
    return "\n".join(
        [_BEFORE, "## Functions\n", *functions, "## Values\n", *kinds, "## Errors\n", *errors],
    )


def _function(name: str, function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    lines = [_parameter(each) for each in signature.parameters.values()]
    first = next((at for at, each in enumerate(signature.parameters.values()) if each.kind is each.KEYWORD_ONLY), None)
    if first is not None:
        lines.insert(first, "*")
    returned = _annotation(signature.return_annotation)
    inline = f"llmcheck.{name}({', '.join(lines)}) -> {returned}"
    below = [f"llmcheck.{name}(", *(f"    {each}," for each in lines), f") -> {returned}"]
    shown = inline if len(inline) <= 110 else "\n".join(below)
    return f"### {name}\n\n```python\n{shown}\n```\n\n{_markdown(inspect.getdoc(function))}\n"


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {_annotation(parameter.annotation)}"
    return text if parameter.default is parameter.empty else f"{text} = {parameter.default!r}"


def _annotation(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _class(name: str, kind: type[Any]) -> str:
    rows = [f"| `{field}` | `{_cell(typed)}` | {_cell(_markdown(text))} |" for field, typed, text in _fields(kind)]
    table = "\n".join(["", "| field | type | meaning |", "|---|---|---|", *rows, ""]) if rows else ""
    note = f"`{kind.__module__}.{kind.__name__}`. " if kind.__name__ != name else ""
    return f"### {name}\n\n{note}{_markdown(inspect.getdoc(kind))}\n{table}"


def _fields(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Of the class itself: each field and property, its type as it is written, and the text below it."""
    (body,) = (each.body for each in ast.parse(inspect.getsource(kind)).body if isinstance(each, ast.ClassDef))
    for at, node in enumerate(body):
        below = body[at + 1] if at + 1 < len(body) else None
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, ast.unparse(node.annotation), str(text)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, type(ast.literal_eval(node.value)).__name__, str(text)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, ast.unparse(node.returns) if node.returns else "", ast.get_docstring(node) or ""


def _markdown(text: str | None) -> str:
    """Code of a docstring as Markdown has it."""
    return re.sub(r"``(.+?)``", r"`\1`", (text or "").strip())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
