"""Changes the code in small ways and counts the changes that no test notices (mutation testing).

    pip install -e '.[dev,mutation]'
    python tools/mutation.py                    # all of the sample; a second start continues the first
    python tools/mutation.py judge kv_cache     # these groups only
    python tools/mutation.py --again            # forget what was found before
    python tools/mutation.py --report           # the table and the survivors, without a run

The groups, which tests belong to which modules, and the size and the seed of the sample are in pyproject.toml
([tool.llmcheck.mutation]). The operators are those of cosmic-ray, less those whose results fail at once (``a + b`` as
``a ** b``), and two more: membership, and calls that have an opposite (``min``, ``max``). Words are left as they are.

Each mutant is tested in a copy of the working tree, never in the tree itself. What was found is kept in
``.mutation/results.jsonl``: a killed mutant is not run again until the code of its module changes, a survivor not
until that code or its tests change. Survivors that stay for a reason are listed in tests/mutation_survivors.toml.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / ".mutation" / "results.jsonl"
ACCEPTED = ROOT / "tests" / "mutation_survivors.toml"
PYTEST = ("-m", "pytest", "-o", "addopts=", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no")
MEMORY_KIB = 8 * 2**20
"""Address space of one run of the tests: a mutant may loop and allocate."""

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


@dataclass(frozen=True)
class Result:
    key: str
    group: str
    path: str
    function: str
    outcome: str
    """killed, survived, timeout"""
    was: str
    """The changed lines before ..."""
    becomes: str
    """... and after."""
    seconds: float
    module: str
    """Digest of the module's code ..."""
    tests: str
    """... and of the tests that ran."""


def configuration() -> tuple[str, list[Group]]:
    """The seed and the groups."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["llmcheck"]["mutation"]
    groups = [
        Group(each["name"], tuple(each["modules"]), tuple(each["tests"]), each["sample"]) for each in settings["group"]
    ]
    return str(settings["seed"]), groups


def _matching(globs: Sequence[str], group: str, suffix: str = "") -> list[Path]:
    """Files and folders that any of the globs names, in the order of the globs."""
    found = dict.fromkeys(path for each in globs for path in sorted(ROOT.glob(each)) if path.name.endswith(suffix))
    if not found:
        sys.exit(f"{group}: nothing matches {', '.join(globs)}; mend [tool.llmcheck.mutation] in pyproject.toml")
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


def changed_lines(source: str, text: str) -> tuple[str, str]:
    """What was there and what is there now, a line each."""
    parts: dict[str, list[str]] = {"-": [], "+": []}
    for line in list(difflib.unified_diff(source.splitlines(), text.splitlines(), lineterm="", n=0))[2:]:
        if line[0] in parts:
            parts[line[0]].append(line[1:].strip())
    return " ".join(parts["-"]), " ".join(parts["+"])


def digest_of_code(path: Path) -> str:
    """Of what runs: other comments and docstrings leave it as it is."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [each for each in body if not _is_a_lone_string(each)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def _is_a_lone_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            total.update(file.read_bytes())
    return total.hexdigest()[:16]


def stored(module_of: Mapping[str, str], tests_of: Mapping[str, str]) -> dict[str, Result]:
    """Earlier results that still hold, by the mutant's key."""
    if not RESULTS.is_file():
        return {}
    found: dict[str, Result] = {}
    for line in RESULTS.read_text(encoding="utf-8").splitlines():
        each = Result(**json.loads(line))
        holds = each.outcome != "survived" or each.tests == tests_of.get(each.group)
        if each.module == module_of.get(each.path):
            found.pop(each.key, None)
            if holds:
                found[each.key] = each
    return found


class Copy:
    """A copy of the working tree in which one mutant at a time is tested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self._environment = {**os.environ, "PYTHONPATH": str(folder), "HYPOTHESIS_PROFILE": "mutation"}
        self._environment |= {"PYTHONHASHSEED": "0", "TMPDIR": str(folder.parent)}
        self._running: subprocess.Popen[bytes] | None = None

    def run(self, tests: Sequence[str], limit: float | None, *, write: bool = False) -> tuple[str, float]:
        """killed, survived or timeout, and the seconds it took. ``write`` compiles for later runs."""
        words = [sys.executable, *PYTEST, f"--basetemp={self.folder.parent}/base-{self.folder.name}", *tests]
        environment = self._environment if write else {**self._environment, "PYTHONDONTWRITEBYTECODE": "1"}
        limited = ["/bin/sh", "-c", f'ulimit -v {MEMORY_KIB}; exec "$@"', "sh", *words]
        start = time.monotonic()
        with subprocess.Popen(
            limited,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            self._running = process
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                self.end()
                return "timeout", time.monotonic() - start
            finally:
                self._running = None
        return ("survived" if code == 0 else "killed"), time.monotonic() - start

    def end(self) -> None:
        """Ends the tests that run, with all that they started."""
        if self._running is not None:
            os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()

    def test(self, path: str, text: str, tests: Sequence[str], limit: float) -> tuple[str, float]:
        """With the module's text in its place."""
        file = self.folder / path
        original = file.read_bytes()
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
        file.write_text(text, encoding="utf-8")
        try:
            return self.run(tests, limit)
        finally:
            file.write_bytes(original)


def limits(groups: Sequence[Group], copy: Copy) -> dict[str, float]:
    """Seconds after which a run is a timeout. Ends where tests fail without a change, or do not use the copy."""
    found: dict[str, float] = {}
    for group in groups:
        tests = group.test_paths()
        outcome, _ = copy.run(tests, None, write=True)
        if outcome != "survived":
            sys.exit(f"{group.name}: its tests fail without any change: pytest {' '.join(tests)}")
        _, seconds = copy.run(tests, None)
        found[group.name] = 15 + 5 * seconds
        broken, _ = copy.test(str(group.files()[0].relative_to(ROOT)), "raise SystemExit(1)\n", tests, 60)
        if broken != "killed" and group.files()[0].name != "__init__.py":
            sys.exit(f"{group.name}: its tests do not import the copy's modules")
        print(f"{group.name}: {seconds:.1f} s for its tests", flush=True)
    return found


def run(groups: Sequence[Group], seed: str, workers: int, minutes: float) -> None:
    """Tests what has no result yet, and writes each result when it is there."""
    tools = operators()
    module_of, tests_of = digests(groups)
    known = stored(module_of, tests_of)
    todo: queue.Queue[tuple[Mutant, str]] = queue.Queue()
    sample = {group.name: drawn(group, seed, tools) for group in groups}
    for group in groups:
        for each, text in sample[group.name]:
            if each.key not in known:
                todo.put((each, text))
    total = todo.qsize()
    print(f"seed {seed}: {sum(map(len, sample.values()))} mutants, {total} of them to be run", flush=True)
    if not total:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    by_name, end = {group.name: group for group in groups}, time.monotonic() + minutes * 60
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder, RESULTS.open("a", encoding="utf-8") as out:
        copies = [Copy(Path(folder) / f"copy{number}") for number in range(workers)]
        waiting = {each.group for each, _ in todo.queue}
        limit = limits([group for group in groups if group.name in waiting], copies[0])

        stopped = threading.Event()

        def work(copy: Copy) -> None:
            while time.monotonic() < end and not stopped.is_set():
                try:
                    each, text = todo.get_nowait()
                except queue.Empty:
                    return
                tests = by_name[each.group].test_paths()
                outcome, seconds = copy.test(each.path, text, tests, limit[each.group])
                if stopped.is_set():
                    return
                was, becomes = changed_lines((copy.folder / each.path).read_text(encoding="utf-8"), text)
                facts = (each.key, each.group, each.path, each.function, outcome, was, becomes, round(seconds, 2))
                result = Result(*facts, module_of[each.path], tests_of[each.group])
                with lock:
                    out.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")
                    out.flush()
                    left = todo.qsize()
                    if outcome != "killed":
                        print(f"[{total - left}/{total}] {outcome} {each.path} {was!r} -> {becomes!r}", flush=True)

        threads = [threading.Thread(target=work, args=(copy,)) for copy in copies]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            stopped.set()
            for copy in copies:
                copy.end()
            for thread in threads:
                thread.join()
    if not todo.empty():
        print(f"{todo.qsize()} mutants were not reached in {minutes:g} minutes; start again to go on")


def digests(groups: Sequence[Group]) -> tuple[dict[str, str], dict[str, str]]:
    """Of each module by its path, and of each group's tests by its name."""
    modules = {str(path.relative_to(ROOT)): digest_of_code(path) for group in groups for path in group.files()}
    return modules, {group.name: digest([ROOT / path for path in group.test_paths()]) for group in groups}


def accepted() -> dict[tuple[str, str, str, str], str]:
    """Reasons of survivors that stay, by file name, function, and the line before and after."""
    if not ACCEPTED.is_file():
        return {}
    rows = tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("survivor", [])
    return {(row["file"], row["function"], row["was"], row["becomes"]): row["reason"] for row in rows}


def report(groups: Sequence[Group], seed: str) -> int:
    """Prints the table and the survivors; 1 if one survives without a reason."""
    tools, known, reasons = operators(), stored(*digests(groups)), accepted()
    print(f"\nseed {seed}\n{'group':12} mutants killed timeout accepted survived  killed of those not accepted")
    unexplained: list[Result] = []
    used: set[tuple[str, str, str, str]] = set()
    total: Counter[str] = Counter()
    for group in groups:
        counts: Counter[str] = Counter()
        for mutant, _ in drawn(group, seed, tools):
            result = known.get(mutant.key)
            counts["not run" if result is None else result.outcome] += 1
            if result is None or result.outcome != "survived":
                continue
            identity = (Path(result.path).name, result.function, result.was, result.becomes)
            if identity in reasons:
                used.add(identity)
                counts["accepted"] += 1
            else:
                unexplained.append(result)
        _row(group.name, counts)
        total += counts
    _row("all", total)
    for each in unexplained:
        print(f"\n{each.path} {each.function}\n  - {each.was}\n  + {each.becomes}")
    if not total["not run"] and len(groups) == len(configuration()[1]):
        for file, function, was, becomes in sorted(set(reasons) - used):
            print(f"\n{ACCEPTED.name} lists what did not survive: {file} {function}\n  - {was}\n  + {becomes}")
    return 1 if unexplained else 0


def _row(name: str, counts: Counter[str]) -> None:
    tried = counts["killed"] + counts["survived"] + counts["timeout"]
    found, worth = counts["killed"] + counts["timeout"], tried - counts["accepted"]
    share = f"{100 * found / worth:.1f} %" if worth else "-"
    more = f"  ({counts['not run']} not run)" if counts["not run"] else ""
    survived = counts["survived"] - counts["accepted"]
    columns = f"{tried:7} {counts['killed']:6} {counts['timeout']:7} {counts['accepted']:8} {survived:8}"
    print(f"{name:12} {columns}  {share}{more}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Counts the small changes of the code that no test notices.")
    parser.add_argument("group", nargs="*", help="only these groups")
    parser.add_argument("--workers", type=int, default=2, help="copies of the tree that are tested side by side")
    parser.add_argument("--minutes", type=float, default=60, help="no mutant is started after this long")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--report", action="store_true", help="run nothing")
    options = parser.parse_args()
    seed, groups = configuration()
    unknown = set(options.group) - {group.name for group in groups}
    if unknown:
        parser.error(f"unknown group: {', '.join(sorted(unknown))}; there are {', '.join(g.name for g in groups)}")
    groups = [group for group in groups if not options.group or group.name in options.group]
    if options.again and not options.report:
        RESULTS.unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not options.report:
        run(groups, seed, options.workers, options.minutes)
    return report(groups, seed)


if __name__ == "__main__":
    sys.exit(main())
