"""Measures the time of the command from start to end, relative to the imports that it cannot do without.

Builds the wheel, installs it into an environment of its own with compiled bytecode, and then lets all candidates take
turns, so that whatever else the machine does falls on all of them alike. A wheel has its tables compiled; a checkout
and an editable install read TOML, so their times are not those of a user. The exit code is
always 0.

Median and ratio are of elapsed time. ``cpu`` is the least processor time of a run with all its processes: where other
work shares the machine, compare that.

    python benchmarks/startup.py
    python benchmarks/startup.py --profile             # also where the time of each goes
    python benchmarks/startup.py --rounds 50 --format json
    python benchmarks/startup.py --python .venv        # an environment that has llmcheck already
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = "import click, rich.console, psutil, pynvml, packaging.requirements, msgspec"
_VERDICTS = (0, 1, 3, 4)
"""Exit codes of ``check`` that are answers."""
_NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX")


@dataclass(frozen=True)
class Candidate:
    name: str
    arguments: list[str]
    aim: float | None = None
    """The ratio to the floor that it should stay under; None for the floor itself."""
    terminal: bool = False


@dataclass(frozen=True)
class Row:
    name: str
    median_ms: float
    least_ms: float
    cpu_ms: float
    ratio: float
    aim: float | None
    met: bool | None


def candidates(python: Path) -> list[Candidate]:
    llmcheck = str(python.with_name("llmcheck"))
    return [
        Candidate("floor (imports)", [str(python), "-c", FLOOR]),
        Candidate("llmcheck --format json", [llmcheck, "--format", "json"], 0.75),
        Candidate("llmcheck (terminal)", [llmcheck], 1.0, terminal=True),
        Candidate("check inference-7b", [llmcheck, "check", "inference-7b"], 0.8),
        Candidate("llmcheck --help", [llmcheck, "--help"], 0.4),
        Candidate("llmcheck --version", [llmcheck, "--version"], 0.15),
    ]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def install(folder: Path) -> Path:
    """The interpreter of a new environment with the wheel of this tree."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"

    def run(*words: str | Path) -> None:
        done = subprocess.run(
            [str(python), "-m", *map(str, words)], capture_output=True, text=True, env=environment(), check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")

    run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    run("pip", "install", "--quiet", *folder.glob("*.whl"))
    run("compileall", "-q", next((folder / "venv" / "lib").glob("python*")))
    return python


def interpreter(given: str) -> Path:
    """The interpreter of an environment that was named by its folder or by the interpreter itself."""
    path = Path(given).expanduser().absolute()
    python = path / "bin" / "python" if path.is_dir() else path
    if not os.access(python.with_name("llmcheck"), os.X_OK):
        sys.exit(f"there is no llmcheck next to {python}")
    return python


def in_pipe(arguments: list[str], cwd: str) -> tuple[int, bytes]:
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), cwd=cwd, check=False
    )
    return done.returncode, done.stderr


def on_terminal(arguments: list[str], cwd: str) -> tuple[int, bytes]:
    """Until the process has ended and the terminal has all its text."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment(), cwd=cwd
    )
    os.close(theirs)
    got = bytearray()
    with contextlib.suppress(OSError):  # Linux answers EIO when the last writer is gone
        while data := os.read(ours, 1 << 16):
            got += data
    code = process.wait()
    os.close(ours)
    return code, bytes(got)


def once(each: Candidate, cwd: str) -> tuple[float, float]:
    """Seconds from start to end, and seconds of processor time."""
    before, start = processor_time(), time.perf_counter()
    code, text = (on_terminal if each.terminal else in_pipe)(each.arguments, cwd)
    took, used = time.perf_counter() - start, processor_time() - before
    if code and not (each.arguments[1:2] == ["check"] and code in _VERDICTS):  # a time of what failed is no time
        sys.exit(f"{' '.join(each.arguments)} ended with {code}: {text.decode(errors='replace')}")
    return took, used


def processor_time() -> float:
    """Of all children that have ended, and theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(every: list[Candidate], rounds: int, progress: Callable[[int], None]) -> list[Row]:
    times: dict[str, list[tuple[float, float]]] = {each.name: [] for each in every}
    with tempfile.TemporaryDirectory() as cwd:
        for number in range(rounds + 1):
            for each in every:
                took = once(each, cwd)
                if number:  # the first round fills the file cache
                    times[each.name].append(took)
            progress(number)
    medians = {name: statistics.median(took for took, _ in found) for name, found in times.items()}
    floor = medians[every[0].name]
    rows = []
    for each in every:
        median, found = medians[each.name], times[each.name]
        rows.append(
            Row(
                name=each.name,
                median_ms=round(median * 1e3, 1),
                least_ms=round(min(took for took, _ in found) * 1e3, 1),
                cpu_ms=round(min(used for _, used in found) * 1e3, 1),
                ratio=round(median / floor, 2),
                aim=each.aim,
                met=None if each.aim is None else median / floor <= each.aim,
            )
        )
    return rows


def table(rows: list[Row]) -> str:
    lines = [f"{'':24}{'median ms':>10}{'least ms':>10}{'cpu ms':>8}{'ratio':>7}{'aim':>6}  met"]
    for row in rows:
        aim = "" if row.aim is None else f"{row.aim:.2f}"
        met = "" if row.met is None else "yes" if row.met else "no"
        times = f"{row.median_ms:>10.1f}{row.least_ms:>10.1f}{row.cpu_ms:>8.1f}{row.ratio:>7.2f}"
        lines.append(f"{row.name:24}{times}{aim:>6}  {met}".rstrip())
    return "\n".join(lines)


def profiles(python: Path, every: list[Candidate], rounds: int) -> dict[str, dict[str, list[float]]]:
    """For each command, what its main process spends on each kind of work: milliseconds and how often.

    Of each kind the least of all rounds; processor time, so that waiting counts for nothing.
    """
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as cwd:
        program = Path(cwd) / "profile.py"
        program.write_text(PROFILE, encoding="utf-8")
        for each in every[1:]:
            kinds: dict[str, list[float]] = {}
            for _ in range(rounds):
                words = [str(python), str(program), *each.arguments[1:]]
                _, output = (on_terminal if each.terminal else in_pipe)(words, cwd)
                for kind, (spent, times) in json.loads(output.rpartition(b"profile: ")[2]).items():
                    best = kinds.setdefault(kind, [spent, times])
                    best[0] = min(best[0], spent)
            found[each.name] = {kind: kinds[kind] for kind in sorted(kinds, key=lambda kind: -kinds[kind][0])}
    return found


PROFILE = """
import builtins, importlib, json, os, re, sys, time
from importlib import _bootstrap_external as loading

spent, inside = {}, []


def timed(kind, function):
    def run(*words, **named):
        start = time.thread_time()
        inside.append(0.0)
        try:
            return function(*words, **named)
        finally:
            took = time.thread_time() - start
            entry = spent.setdefault(kind, [0.0, 0])
            entry[0] += (took - inside.pop()) * 1e3
            entry[1] += 1
            if inside:
                inside[-1] += took

    return run


loading._compile_bytecode = timed("unmarshalling", loading._compile_bytecode)
loading.FileLoader.get_data = timed("reading modules", loading.FileLoader.get_data)
loading.PathFinder.find_spec = timed("finding modules", loading.PathFinder.find_spec)
builtins.__build_class__ = timed("class building", builtins.__build_class__)
if hasattr(re, "_compiler"):  # Python 3.11 and later
    re._compiler.compile = timed("patterns", re._compiler.compile)
if hasattr(os, "fork"):
    os.fork = timed("forking", os.fork)
begun = time.thread_time()
sys.argv = ["llmcheck", *sys.argv[1:]]
if "--version" not in sys.argv and "--help" not in sys.argv:
    import llmcheck.catalog.compiled as compiled
    compiled.table = timed("tables", compiled.table)
    import llmcheck.probe
    llmcheck.probe.codec.unpack = timed("decoding readings", llmcheck.probe.codec.unpack)
from llmcheck.__main__ import main
try:
    main()
except SystemExit:
    pass
sys.stdout.flush()
total = (time.thread_time() - begun) * 1e3
spent["everything else"] = [total - sum(each[0] for each in spent.values()), 1]
spent["total"] = [total, 1]
sys.stderr.write("profile: " + json.dumps({kind: [round(ms, 2), times] for kind, (ms, times) in spent.items()}))
"""
"""Runs llmcheck in its own process and writes on the last line of standard error what each kind of work took. Begins
after the interpreter's own start. Time in one kind of work is not counted in the one that encloses it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is run (default: 15)")
    parser.add_argument("--python", metavar="VENV", help="an environment that has llmcheck, instead of a new one")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--profile", action="store_true", help="also show where each command's time goes")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")

    def progress(number: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if number == options.rounds else ""
            print(f"\rround {number} of {options.rounds}", end=end, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        python = interpreter(options.python) if options.python else install(Path(folder))
        rows = measure(candidates(python), options.rounds, progress)
        kinds = profiles(python, candidates(python), options.rounds) if options.profile else {}
    if options.format == "json":
        document = {"rounds": options.rounds, "rows": [asdict(row) for row in rows], "profiles": kinds}
        print(json.dumps(document, indent=2))
        return
    print(table(rows))
    for name, found in kinds.items():
        parts = [
            f"{kind} {spent:.1f} ms" + (f" ({times:.0f})" if times > 1 else "")
            for kind, (spent, times) in found.items()
        ]
        print(f"{name}: {', '.join(parts)}")


if __name__ == "__main__":
    main()
