"""Changes the code in small ways and counts the changes that no test notices (mutation testing).

    pip install -e '.[dev,mutation]'
    python tools/mutation.py                    # all of the sample; a second start continues the first
    python tools/mutation.py judge kv_cache     # these groups only
    python tools/mutation.py --again            # forget what was found before
    python tools/mutation.py --report           # the table and the survivors, without a run

The groups, which tests belong to which modules, and the size and the seed of the sample are in pyproject.toml
([tool.llmcheck-mutation]). The operators are those of cosmic-ray, less those whose results fail at once (``a + b`` as
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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from mutants import ROOT, Group, Mutant, configuration, drawn, operators

RESULTS = ROOT / ".mutation" / "results.jsonl"
ACCEPTED = ROOT / "tests" / "mutation_survivors.toml"
PYTEST = ("-m", "pytest", "-o", "addopts=", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no")
MEMORY_KIB = 8 * 2**20
"""Address space of one run of the tests: a mutant may loop and allocate."""


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
    known = stored(*digests(groups))
    sample = {group.name: drawn(group, seed, tools) for group in groups}
    todo = [(each, text) for group in groups for each, text in sample[group.name] if each.key not in known]
    print(f"seed {seed}: {sum(map(len, sample.values()))} mutants, {len(todo)} of them to be run", flush=True)
    if not todo:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder, RESULTS.open("a", encoding="utf-8") as out:
        copies = [Copy(Path(folder) / f"copy{number}") for number in range(workers)]
        waiting = {each.group for each, _ in todo}
        left = Run(groups, todo, limits([group for group in groups if group.name in waiting], copies[0]), out)
        left.work(copies, time.monotonic() + minutes * 60)
    if not left.todo.empty():
        print(f"{left.todo.qsize()} mutants were not reached in {minutes:g} minutes; start again to go on")


class Run:
    """The mutants that are still to be tested, by one thread for each copy of the tree."""

    def __init__(
        self, groups: Sequence[Group], todo: Sequence[tuple[Mutant, str]], limit: Mapping[str, float], out: IO[str]
    ) -> None:
        self.todo: queue.Queue[tuple[Mutant, str]] = queue.Queue()
        for each in todo:
            self.todo.put(each)
        self._total, self._limit, self._out = len(todo), limit, out
        self._groups = {group.name: group for group in groups}
        self._module_of, self._tests_of = digests(groups)
        self._lock, self._stopped = threading.Lock(), threading.Event()

    def work(self, copies: Sequence[Copy], end: float) -> None:
        """Returns when all are tested, or when ``end`` (of the monotonic clock) has passed."""
        threads = [threading.Thread(target=self._in_copy, args=(copy, end)) for copy in copies]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            self._stopped.set()
            for copy in copies:
                copy.end()
            for thread in threads:
                thread.join()

    def _in_copy(self, copy: Copy, end: float) -> None:
        while time.monotonic() < end and not self._stopped.is_set():
            try:
                each, text = self.todo.get_nowait()
            except queue.Empty:
                return
            tests = self._groups[each.group].test_paths()
            outcome, seconds = copy.test(each.path, text, tests, self._limit[each.group])
            if self._stopped.is_set():
                return
            was, becomes = changed_lines((copy.folder / each.path).read_text(encoding="utf-8"), text)
            facts = (each.key, each.group, each.path, each.function, outcome, was, becomes, round(seconds, 2))
            self._keep(Result(*facts, self._module_of[each.path], self._tests_of[each.group]))

    def _keep(self, result: Result) -> None:
        with self._lock:
            self._out.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")
            self._out.flush()
            if result.outcome != "killed":
                at = f"[{self._total - self.todo.qsize()}/{self._total}]"
                print(f"{at} {result.outcome} {result.path} {result.was!r} -> {result.becomes!r}", flush=True)


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
