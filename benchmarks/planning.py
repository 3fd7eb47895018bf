"""Compares the time of ``llmcheck install PROFILE`` with ``llmcheck check PROFILE``: what planning adds.

Both inspect the machine and judge the profile; the first then plans. The exit code is always 0.

    python benchmarks/planning.py
    python benchmarks/planning.py inference-7b finetune-7b --rounds 30 --python .venv
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path


def timed(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profiles", nargs="*", default=["inference-7b", "finetune-7b", "toolkit"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has llmcheck")
    given = parser.parse_args()
    python = Path(given.python)
    python = python / "bin/python" if python.is_dir() else python
    print(
        f"{'profile':20} {'check':>9} {'install':>9} {'ratio':>6}   medians of {given.rounds} rounds in turns, aim 1.20"
    )
    for profile in given.profiles:
        times: dict[str, list[float]] = {"check": [], "install": []}
        for number in range(given.rounds + 1):
            for command, taken in times.items():
                seconds = timed([str(python), "-m", "llmcheck", command, profile, "--format", "json"])
                if number:  # the first of each fills the caches
                    taken.append(seconds)
        check, install = (statistics.median(times[name]) for name in ("check", "install"))
        print(f"{profile:20} {check * 1000:6.1f} ms {install * 1000:6.1f} ms {install / check:6.2f}")


if __name__ == "__main__":
    main()
