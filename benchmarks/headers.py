"""The time of ``llmcheck fit`` on a large GGUF file, which depends on its vocabulary and tensors, not on its size.

Writes files whose weights are holes that take no disk; ``llmcheck --help`` and ``llmcheck fit FILE`` take turns.
The exit code is always 0. The aim is at most 200 ms over ``--help``.

    python benchmarks/headers.py
    python benchmarks/headers.py --rounds 20 --vocabulary 256000
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.unit.checkpoint import gguf_writer  # noqa: E402 - from the checkout, not installed

AIM_MS = 200


def file(folder: Path, layers: int, vocabulary: int) -> Path:
    """About 0.11 GB for each layer."""
    values, tensors = gguf_writer.llama(
        layers=layers, hidden=4096, heads=32, kv_heads=8, inner=14336, vocab=vocabulary, tokens=True
    )
    return gguf_writer.write(folder / f"{layers}-{vocabulary}.gguf", values, tensors)


def milliseconds(words: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "llmcheck", *words], cwd=ROOT, capture_output=True, check=False)
    return (time.perf_counter() - begun) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--vocabulary", type=int, default=128_256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = file(folder, 12, options.vocabulary), file(folder, 160, options.vocabulary)
        few = file(folder, 12, 1_000)
        candidates = {"llmcheck --help": ["--help"]}
        for path, what in ((few, "1,000 tokens"), (small, "vocabulary"), (large, "vocabulary, 13 times the layers")):
            candidates[f"llmcheck fit, {path.stat().st_size / 1e9:.1f} GB, {what}"] = ["fit", str(path)]
        times: dict[str, list[float]] = {name: [] for name in candidates}
        for _ in range(options.rounds + 1):
            for name, words in candidates.items():
                times[name].append(milliseconds(words))
    floor = statistics.median(times["llmcheck --help"][1:])
    width = max(map(len, times))
    print(f"{'':<{width}}  median ms  over --help   (aim: {AIM_MS})")
    for name, each in times.items():
        median = statistics.median(each[1:])  # the first of each filled the caches
        print(f"{name:<{width}}  {median:>9.0f}  {median - floor:>11.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
