"""How long the command takes from start to end, beside the imports that it cannot do without.

Builds the wheel, installs it into an environment of its own with compiled bytecode, and then lets all candidates take
turns, so that whatever else the machine does falls on all of them alike. It reports and never judges: exit code 0.

    python benchmarks/startup.py
    python benchmarks/startup.py --rounds 50 --format json
    python benchmarks/startup.py --python .venv        # an environment that has llmcheck already
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
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
    ratio: float
    aim: float | None
    met: bool | None


def candidates(python: Path) -> list[Candidate]:
    llmcheck = str(python.with_name("llmcheck"))
    return [
        Candidate("floor (imports)", [str(python), "-c", FLOOR]),
        Candidate("llmcheck --format json", [llmcheck, "--format", "json"], 1.0),
        Candidate("llmcheck (terminal)", [llmcheck], 1.3, terminal=True),
        Candidate("llmcheck --help", [llmcheck, "--help"], 0.9),
        Candidate("llmcheck --version", [llmcheck, "--version"], 0.5),
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
        sys.exit(f"there is no llmcheck beside {python}")
    return python


def in_pipe(arguments: list[str], cwd: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), cwd=cwd, check=False
    )
    took = time.perf_counter() - start
    _accept(done.returncode, arguments, done.stderr)
    return took


def on_terminal(arguments: list[str], cwd: str) -> float:
    """Until the process has ended and the terminal has all its text."""
    ours, theirs = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment(), cwd=cwd
    )
    os.close(theirs)
    got = bytearray()
    with contextlib.suppress(OSError):  # Linux answers EIO when the last writer is gone
        while data := os.read(ours, 1 << 16):
            got += data
    code = process.wait()
    took = time.perf_counter() - start
    os.close(ours)
    _accept(code, arguments, bytes(got))
    return took


def _accept(code: int, arguments: list[str], said: bytes) -> None:
    """A time of something that failed is no time."""
    if code:
        sys.exit(f"{' '.join(arguments)} ended with {code}: {said.decode(errors='replace')}")


def measure(every: list[Candidate], rounds: int, progress: Callable[[int], None]) -> list[Row]:
    times: dict[str, list[float]] = {each.name: [] for each in every}
    with tempfile.TemporaryDirectory() as cwd:
        for number in range(rounds + 1):
            for each in every:
                took = (on_terminal if each.terminal else in_pipe)(each.arguments, cwd)
                if number:  # the first round fills the file cache
                    times[each.name].append(took)
            progress(number)
    floor = statistics.median(times[every[0].name])
    rows = []
    for each in every:
        median = statistics.median(times[each.name])
        ratio = median / floor
        met = None if each.aim is None else ratio <= each.aim
        least = min(times[each.name])
        rows.append(Row(each.name, round(median * 1e3, 1), round(least * 1e3, 1), round(ratio, 2), each.aim, met))
    return rows


def table(rows: list[Row]) -> str:
    lines = [f"{'':24}{'median ms':>10}{'least ms':>10}{'ratio':>7}{'aim':>6}  met"]
    for row in rows:
        aim = "" if row.aim is None else f"{row.aim:.1f}"
        met = "" if row.met is None else "yes" if row.met else "no"
        lines.append(
            f"{row.name:24}{row.median_ms:>10.1f}{row.least_ms:>10.1f}{row.ratio:>7.2f}{aim:>6}  {met}".rstrip()
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is run (default: 15)")
    parser.add_argument("--python", metavar="VENV", help="an environment that has llmcheck, instead of a new one")
    parser.add_argument("--format", choices=("text", "json"), default="text")
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
    if options.format == "json":
        print(json.dumps({"rounds": options.rounds, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
