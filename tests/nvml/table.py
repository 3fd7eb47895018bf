"""Prints what llmcheck says of every scenario and fault, case by case, with the seconds it took:

python -m tests.nvml.table
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.nvml import build

FAULTS = {
    "init 4 no permission": ("2x4090", "nvmlInitWithFlags=4"),
    "init 9 not loaded": ("2x4090", "nvmlInitWithFlags=9"),
    "init 15 lost": ("2x4090", "nvmlInitWithFlags=15"),
    "init 16 reset required": ("2x4090", "nvmlInitWithFlags=16"),
    "init 18 mismatch": ("2x4090", "nvmlInitWithFlags=18"),
    "init 999": ("2x4090", "nvmlInitWithFlags=999"),
    "init hangs": ("2x4090", "nvmlInitWithFlags=hang"),
    "init crashes": ("2x4090", "nvmlInitWithFlags=crash"),
    "count hangs": ("2x4090", "nvmlDeviceGetCount_v2=hang"),
    "GPU 1: handle 999": ("2x4090", "nvmlDeviceGetHandleByIndex_v2@1=999"),
    "GPU 1: lost": ("2x4090", "*@1=15"),
    "GPU 1: reset required": ("2x4090", "*@1=16"),
    "GPU 1: memory 4": ("2x4090", "nvmlDeviceGetMemoryInfo_v2@1=4\nnvmlDeviceGetMemoryInfo@1=4"),
    "GPU 1: memory 999": ("2x4090", "nvmlDeviceGetMemoryInfo_v2@1=999\nnvmlDeviceGetMemoryInfo@1=999"),
    "GPU 1: memory hangs": ("2x4090", "nvmlDeviceGetMemoryInfo_v2@1=hang"),
    "GPU 1: name hangs": ("2x4090", "nvmlDeviceGetName@1=hang"),
    "GPU 1: processes hang": ("2x4090", "nvmlDeviceGetComputeRunningProcesses_v3@1=hang"),
    "GPU 1: link state crashes": ("2x4090", "nvmlDeviceGetNvLinkState@1=crash"),
    "old driver without memory v2": ("2x4090", "nvmlDeviceGetMemoryInfo_v2=missing"),
}
DEADLINE = 2.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder)
        build.build(library)
        print(f"| case | GPUs | {' | '.join(('driver', 'gpu', 'minimum'))} | problems | seconds |")
        print("|---|---|---|---|---|---|---|")
        for path in sorted(build.SCENARIOS.glob("*.ini")):
            print(row(path.stem, library, path))
        for case, (scenario, fault) in FAULTS.items():
            path = library / "scenario.ini"
            text = (build.SCENARIOS / f"{scenario}.ini").read_text(encoding="utf-8")
            path.write_text(f"{text}\n[fault]\n{fault}\n", encoding="utf-8")
            print(row(case, library, path))


def row(case: str, library: Path, scenario: Path) -> str:
    words = [sys.executable, "-m", "llmcheck", "check", "minimum", "--format", "json", "--probe-timeout", str(DEADLINE)]
    environ = {**os.environ, **build.environment(library, scenario)}
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, env=environ, check=False, timeout=60)
    seconds = time.monotonic() - began
    report = json.loads(done.stdout)
    profile, machine = report["profiles"][0], report["machine"]
    status = {finding["id"]: finding["status"] for finding in profile["findings"]}
    problems = ", ".join(f"{problem['code']}" for problem in machine["problems"] if problem["probe"] == "gpu.nvidia")
    found = "not listed" if machine["gpus"] is None else described(machine["gpus"])
    cells = (case, found, status["driver"], status["gpu"], profile["verdict"], problems or "none", f"{seconds:.2f}")
    return f"| {' | '.join(cells)} |"


def described(gpus: list[dict[str, object]]) -> str:
    counts: dict[str, int] = {}
    for gpu in gpus:
        total = gpu["memory_total"]
        memory = f"{total / 2**30:.1f} GiB" if isinstance(total, int) else "memory unknown"
        name = f"{gpu['name'] or 'GPU'} ({memory}{', unified' if gpu['unified'] else ''}"
        name += f", {gpu['fault']})" if gpu["fault"] else ")"
        counts[name] = counts.get(name, 0) + 1
    return "; ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())


if __name__ == "__main__":
    main()
