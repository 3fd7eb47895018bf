"""What reading the header of a large GGUF file costs, beside a command that reads none.

Writes files of 2 and 20 GB with a vocabulary of 262,144 words; their weights are a hole that takes no disk. All
candidates take turns, so that whatever else the machine does falls on all of them alike; the file cache is warm. It
reports and never judges: exit code 0.

    python benchmarks/headers.py
    python benchmarks/headers.py --rounds 30 --format json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # where the writer of the tests is

from tests.unit.gguf_writer import Q4_K, Tensor, llama, write  # noqa: E402

WORDS = 262_144
LAYERS = 33
SIZES = {"2 GB": 2 * 10**9, "20 GB": 20 * 10**9}
MODULE = [sys.executable, "-m", "llmcheck"]
READ = "import sys; from llmcheck.checkpoint import gguf; gguf.read(sys.argv[1])"
IMPORT = "from llmcheck.checkpoint import gguf"


@dataclass(frozen=True)
class Row:
    name: str
    median_ms: float
    least_ms: float
    over_help_ms: float
    """What it takes more than ``llmcheck --help``, in medians; negative where it takes less."""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def written(folder: Path, name: str, size: int) -> Path:
    """About ``size`` bytes: the feed-forward layers are as wide as that takes."""
    narrow, wide = (sum(tensor.size for tensor in shaped(inner)[1]) for inner in (256, 512))
    inner = 256 * max(1, 1 + round((size - narrow) / (wide - narrow)))
    return write(folder / f"{name.replace(' ', '-')}.gguf", *shaped(inner))


def shaped(inner: int) -> tuple[dict[str, object], list[Tensor]]:
    values, tensors = llama(layers=LAYERS, hidden=2048, heads=32, kv_heads=8, inner=inner, vocab=WORDS, kind=Q4_K)
    values["tokenizer.ggml.tokens"] = [f"\u0120word{number}" for number in range(WORDS)]
    values["tokenizer.ggml.token_type"] = [1] * WORDS
    values["tokenizer.ggml.merges"] = [f"wo rd{number}" for number in range(WORDS)]
    return values, tensors


def took(arguments: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), check=False)
    passed = time.perf_counter() - start
    if done.returncode not in (0, 1):  # 1: the answer is that it does not fit
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return passed


def has_fit() -> bool:
    done = subprocess.run([*MODULE, "fit", "--help"], capture_output=True, env=environment(), check=False)
    return done.returncode == 0


def candidates(files: dict[str, Path]) -> dict[str, list[str]]:
    found = {"llmcheck --help": [*MODULE, "--help"], "import gguf": [sys.executable, "-c", IMPORT]}
    for name, path in files.items():
        found[f"gguf.read, {name}"] = [sys.executable, "-c", READ, str(path)]
    if has_fit():
        for name, path in files.items():
            found[f"llmcheck fit, {name}"] = [*MODULE, "fit", str(path), "--machine", "RTX 4090, 64 GB RAM"]
    return found


def measure(every: dict[str, list[str]], rounds: int) -> list[Row]:
    times: dict[str, list[float]] = {name: [] for name in every}
    for number in range(rounds + 1):
        for name, arguments in every.items():
            passed = took(arguments)
            if number:  # the first round fills the file cache and compiles bytecode
                times[name].append(passed * 1e3)
    floor = statistics.median(times["llmcheck --help"])
    return [
        Row(name, round(median, 1), round(min(each), 1), round(median - floor, 1))
        for name, each in times.items()
        for median in [statistics.median(each)]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is run (default: 15)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    with tempfile.TemporaryDirectory() as folder:
        files = {name: written(Path(folder), name, size) for name, size in SIZES.items()}
        sizes = {name: path.stat().st_size for name, path in files.items()}
        rows = measure(candidates(files), options.rounds)
    if options.format == "json":
        print(json.dumps({"rounds": options.rounds, "bytes": sizes, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(f"{'':24}{'median ms':>10}{'least ms':>10}{'over --help':>13}")
    for row in rows:
        print(f"{row.name:24}{row.median_ms:>10.1f}{row.least_ms:>10.1f}{row.over_help_ms:>+13.1f}")
    print(", ".join(f"{name}: {size:,} bytes" for name, size in sizes.items()))


if __name__ == "__main__":
    main()
