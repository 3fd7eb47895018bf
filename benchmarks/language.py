"""Measures what requirements on facts cost: 1,000 of them on a machine with eight GPUs.

Two answers. In one process: decoding and judging them, for each requirement, and as a share of judging the largest
shipped profile. As the command: ``check`` of a profile with 1,000 of them against one with a single one, in turns. The
exit code is always 0.

    python benchmarks/language.py
    python benchmarks/language.py --rounds 30 --count 1000
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
AIM_MS = 60.0
"""That 1,000 requirements may add on a quiet machine."""
FACTS: tuple[dict[str, Any], ...] = (
    {"fact": "gpus[*].memory_total", "ge": "79 GB"},
    {"fact": "gpus[*].ecc.remapped_rows", "le": 512},
    {"fact": "gpus[*].name", "quantifier": "same"},
    {"fact": "gpus", "quantifier": "count", "eq": 8},
    {"fact": "gpus[*].pcie.max_generation", "where": {"name": {"matches": "H100"}}, "ge": 5},
    {"fact": "fabric.ports[*].rate_gbps", "quantifier": "at-least", "n": 8, "ge": "400 Gb/s"},
    {"fact": "ram.usable", "ge": "1 TB"},
    {"fact": "drivers.nvidia.version", "version": ">=550.54"},
    {"fact": "gpus[*].temperature_c", "quantifier": "max", "lt": "90 °C"},
    {"fact": "limits.memlock.soft", "ge": "32 GiB"},
)


def document(count: int) -> dict[str, Any]:
    need = [{"id": f"r{number}", "kind": "fact", **FACTS[number % len(FACTS)]} for number in range(count)]
    return {"id": "many", "title": "Many", "task": "general", "sources": ["a benchmark"], "require": need}


def least(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of the fastest run, which other work on the machine delays least."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times) * 1000


def in_process(machine: str, count: int, rounds: int) -> None:
    from llmcheck import api
    from llmcheck.catalog import profiles
    from llmcheck.judge.evaluate import evaluate

    where = api.load_machine(machine)
    table = document(count)
    decoded = profiles.decode_profile(table, "many")
    shipped = max(profiles.shipped(), key=lambda each: len(each.require))
    decoding = least(lambda: profiles.decode_profile(table, "many"), rounds)
    judging = least(lambda: evaluate(decoded, where), rounds)
    other = least(lambda: evaluate(shipped, where), rounds)
    print(f"in one process, {count:,} facts: decoding {decoding:.1f} ms, judging {judging:.1f} ms")
    print(f"for each: {(decoding + judging) / count * 1000:.0f} µs; judging is {judging / other:.1f} x {shipped.id}")


def as_command(python: str, machine: str, count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = {size: Path(folder, f"{size}.json") for size in (1, count)}
        times: dict[int, list[float]] = {size: [] for size in names}
        for size, path in names.items():
            path.write_text(json.dumps(document(size)))
        for number in range(rounds + 1):
            for size, path in names.items():
                command = [python, "-m", "llmcheck", "check", str(path), "--machine", machine, "--format", "json"]
                begin = time.perf_counter()
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
                if number:  # the first of each fills the caches
                    times[size].append(time.perf_counter() - begin)
        one, many = (statistics.median(times[size]) * 1000 for size in names)
        quick = (min(times[count]) - min(times[1])) * 1000
    added = many - one
    verdict = "met" if quick <= AIM_MS * count / 1000 else "missed"
    print(f"check: 1 fact {one:.1f} ms, {count:,} facts {many:.1f} ms, ratio {many / one:.2f}")
    print(f"added: median {added:.1f} ms, fastest runs {quick:.1f} ms; aim {AIM_MS * count / 1000:.0f} ms {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machine", default=str(ROOT / "tests/machines/8xh100.json"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has llmcheck")
    given = parser.parse_args()
    in_process(given.machine, given.count, given.rounds)
    as_command(given.python, given.machine, given.count, given.rounds)


if __name__ == "__main__":
    main()
