"""How the time of an inspection grows with the GPUs, installed distributions and mounts of a machine.

GPUs are those of the stand-in for NVML in tests/nvml, which needs a C compiler; distributions are empty metadata
folders that a stand-in for an interpreter names; mounts are lines of a captured tree. Sizes take turns, so that
whatever else the machine does falls on all of them alike. What it costs to read and judge the packages that decide
whether a model runs (25 of each number of distributions) is the least processor time with them over that without them.
The exit code is always 0.

    python benchmarks/inspection.py
    python benchmarks/inspection.py --rounds 30 --format json
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from llmcheck import catalog
from llmcheck.packages import problems
from llmcheck.packages.known import IMPORT_NAMES
from llmcheck.probe import Request, disk, software
from llmcheck.schema.machine import Machine, Os, Software
from llmcheck.system.host import Host
from llmcheck.system.interpreter import BEGIN, END, InterpreterChoice

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "llmcheck", "machine", "--format", "json"]
GPUS = (1, 2, 4, 8, 16)
DISTRIBUTIONS = (50, 200, 500, 1000, 2000)
MOUNTS = (1, 10, 100, 500)
READ = 25
"""Distributions whose metadata is read: torch, its companions, an engine and a trainer have about as many."""
READ_AIM_MS = {50: 5.0, 1000: 15.0}
"""Milliseconds by the number of distributions that reading and judging them may take."""
AIM_MS = 30.0
"""Milliseconds that 950 more distributions may add to the command."""

TABLES = problems.PairTables(catalog.package_pairs(), catalog.torch_companions(), catalog.torch_wheels)

Measurement = Callable[[], float]


@dataclass(frozen=True)
class Series:
    """One kind of growth: medians in milliseconds by size, and the line through them."""

    name: str
    unit: str
    sizes: list[int]
    median_ms: list[float]
    slope_us: float
    """Microseconds for each more."""
    r_squared: float
    verdict: str
    """``linear``, ``flat`` (the growth is smaller than the scatter) or ``not linear``."""


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def command(arguments: Sequence[str], environment: dict[str, str]) -> Measurement:
    """Runs the command as a process; exits if it fails, because then its time means nothing."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}

    def run() -> None:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**inherited, **environment},
            check=False,
        )
        if done.returncode:
            sys.exit(f"llmcheck ended with {done.returncode}: {done.stderr.decode(errors='replace')}")

    return lambda: timed(run)


def seen_gpus(environment: dict[str, str]) -> int:
    done = subprocess.run(COMMAND, capture_output=True, env={**os.environ, **environment}, check=True)
    return len(json.loads(done.stdout)["gpus"])


def fake_nvml() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "tests" / "nvml" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gpus(folder: Path) -> dict[int, Measurement]:
    """By the number of GPUs; {} where the stand-in cannot be built."""
    nvml = fake_nvml()
    if not sys.platform.startswith("linux") or nvml.compiler() is None:
        return {}
    nvml.build(folder)
    text = (nvml.SCENARIOS / "8xh100.ini").read_text(encoding="utf-8")
    found = {}
    for count in GPUS:
        scenario = folder / f"{count}.ini"
        scenario.write_text(text.replace("count=8", f"count={count}"), encoding="utf-8")
        environment = nvml.environment(folder, scenario)
        if seen_gpus(environment) != count:
            sys.exit(f"{count} GPUs were not found")
        found[count] = command((), environment)
    return found


def plant(site: Path, name: str, others: Sequence[str]) -> None:
    """A distribution with the files that are read of it, whose metadata is as long as that of a large library."""
    info, module = site / f"{name.replace('-', '_')}-5.0.dist-info", IMPORT_NAMES[name].partition(".")[0]
    info.mkdir()
    (site / module).mkdir(exist_ok=True)
    (site / module / "__init__.py").touch()
    needs = [f'{other}>=1.{number}; python_version >= "3.9"' for number, other in enumerate(others)]
    needs += [f"some-package-{number}<9,>=1.{number}; extra == 'all'" for number in range(90)]
    lines = "".join(f"Requires-Dist: {each}\n" for each in needs)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 5.0\n{lines}\n{'prose ' * 3000}")
    record = "".join(f"{module}/__init__.py,sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,0\n" for _ in range(300))
    (info / "RECORD").write_text(record)
    (info / "INSTALLER").write_text("pip\n")


def environment_of(folder: Path, count: int, read: int = 0) -> tuple[Path, bytes]:
    """A site-packages folder with so many distributions, and what its interpreter would answer. ``read``: how many of
    them are packages whose metadata is read.
    """
    site = folder / str(count) / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    names = list(IMPORT_NAMES)[:read]
    for name in names:
        plant(site, name, names[:10])
    for number in range(count - read):
        name = f"some_package_{number:04}"
        (site / name).mkdir()
        (site / f"{name}-1.{number}.dist-info").mkdir()
    fields = ("3.11.9", "cpython", str(folder / str(count)), "/usr", "/usr/lib/python3.11", str(site))
    return site, BEGIN + "".join(f"{field}\n" for field in fields).encode() + END


def distributions(folder: Path) -> tuple[dict[int, Measurement], dict[int, Measurement]]:
    """By the number of distributions: the command, and the probe alone."""
    command_times: dict[int, Measurement] = {}
    alone: dict[int, Measurement] = {}
    for count in DISTRIBUTIONS:
        _site, answer = environment_of(folder, count)
        answer_file, python = folder / str(count) / "answer", folder / str(count) / "python"
        answer_file.write_bytes(answer)
        python.write_text(f"#!/bin/sh\nexec cat '{answer_file}'\n", encoding="utf-8")
        python.chmod(0o755)
        request = Request(python=InterpreterChoice(str(python), "named", explicit=True), python_answer=answer)
        host = Host()
        reading = software.probe(host, request)
        found = reading.software.packages if reading.software else None
        if found is None or len(found) != count:
            sys.exit(f"{count} distributions were not found: {reading.problems}")
        command_times[count] = command(("--python", str(python)), {})
        alone[count] = functools.partial(timed, functools.partial(software.probe, Host(), request))
    return command_times, alone


def read_and_judged(folder: Path, rounds: int) -> dict[int, float]:
    """Milliseconds that reading and judging ``READ`` packages adds, by the number of distributions."""
    least: dict[tuple[int, int], float] = {}
    for count in READ_AIM_MS:
        work = {}
        for read in (0, READ):
            _site, answer = environment_of(folder / f"read-{read}", count, read)
            request = Request(python=InterpreterChoice("/env/bin/python", "named", explicit=True), python_answer=answer)
            work[read] = functools.partial(probed_and_judged, request)
        for _ in range(rounds):
            for read, measurement in work.items():
                least[count, read] = min(least.get((count, read), 1e9), measurement())
    return {count: round((least[count, READ] - least[count, 0]) * 1e3, 2) for count in READ_AIM_MS}


def probed_and_judged(request: Request) -> float:
    """Seconds of the processor."""
    began = time.process_time()
    found = software.probe(Host(), request).software
    machine = Machine(software=found or Software(), os=Os(system="linux", architecture="x86_64"))
    problems.with_problems(machine, lambda: TABLES, dict)
    return time.process_time() - began


def mounts(folder: Path) -> dict[int, Measurement]:
    """By the number of mounts: the probe alone, over a tree whose mountinfo has them."""
    found: dict[int, Measurement] = {}
    for count in MOUNTS:
        root = folder / f"mounts-{count}"
        (root / "proc" / "self").mkdir(parents=True)
        lines = ["1 0 0:1 / / rw - ext4 /dev/root rw"]
        lines += [f"{i + 2} 1 0:{i + 2} / /srv/volume-{i} rw - nfs4 server:/volume-{i} rw" for i in range(count - 1)]
        (root / "proc" / "self" / "mountinfo").write_text("\n".join(lines) + "\n", encoding="utf-8")
        host = Host(str(root), {"HOME": f"/srv/volume-{count - 2}"}, "/")
        found[count] = functools.partial(last_of_disks, host)
    return found


def last_of_disks(host: Host) -> float:
    """Seconds until the disk probe has finished."""
    return timed(lambda: list(disk.probe(host, Request())))


def line(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope of the least squares' line, and R squared; 1.0 where all values are alike."""
    slope, intercept = statistics.linear_regression(sizes, values)
    mean = statistics.fmean(values)
    total = sum((value - mean) ** 2 for value in values)
    rest = sum((value - slope * size - intercept) ** 2 for size, value in zip(sizes, values, strict=True))
    return slope, 1 - rest / total if total else 1.0


def series(name: str, unit: str, work: dict[int, Measurement], rounds: int) -> Series:
    times: dict[int, list[float]] = {size: [] for size in work}
    for number in range(rounds + 1):
        for size, measurement in work.items():
            took = measurement()
            if number:  # the first round fills the file cache
                times[size].append(took)
    sizes = list(work)
    medians = [statistics.median(times[size]) for size in sizes]
    scatter = statistics.median(
        statistics.median(abs(each - median) for each in times[size])
        for size, median in zip(sizes, medians, strict=True)
    )
    slope, r_squared = line(sizes, medians)
    growth = slope * (max(sizes) - min(sizes))
    verdict = "flat" if abs(growth) <= 2 * scatter else "linear" if r_squared >= 0.9 else "not linear"
    shown = [round(median * 1e3, 3) for median in medians]
    return Series(name, unit, sizes, shown, round(slope * 1e6, 2), round(r_squared, 3), verdict)


def difference(found: Series) -> float:
    """Milliseconds between 1,000 and 50 distributions."""
    at = dict(zip(found.sizes, found.median_ms, strict=True))
    return round(at[1000] - at[50], 2)


def text(every: Sequence[Series], distributions_series: Series, read: dict[int, float]) -> str:
    lines = []
    for each in every:
        pairs = ", ".join(f"{size}: {value:.2f}" for size, value in zip(each.sizes, each.median_ms, strict=True))
        lines.append(f"{each.name}\n  median ms by {each.unit}: {pairs}")
        lines.append(f"  {each.slope_us:.2f} us for each more, R^2 {each.r_squared:.3f}: {each.verdict}")
    cost = difference(distributions_series)
    met = "met" if cost <= AIM_MS else "not met"
    lines.append(f"1,000 distributions cost {cost:.1f} ms more than 50 (aim: {AIM_MS:.0f} ms, {met})")
    for count, took in read.items():
        aim = READ_AIM_MS[count]
        reached = "met" if took <= aim else "not met"
        lines.append(f"reading and judging {READ} packages of {count}: {took:.1f} ms (aim: {aim:.0f} ms, {reached})")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is run (default: 15)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cards = gpus(folder)
        command_work, alone_work = distributions(folder)
        by_distributions = series("the command, by distributions", "distributions", command_work, options.rounds)
        every = [
            *([series("the command, by GPUs", "GPUs", cards, options.rounds)] if cards else []),
            by_distributions,
            series("the software probe, by distributions", "distributions", alone_work, options.rounds * 3),
            series("the disk probe, by mounts", "mounts", mounts(folder), options.rounds * 3),
        ]
        read = read_and_judged(folder, options.rounds * 3)
    if options.format == "json":
        document = {
            "rounds": options.rounds,
            "series": [asdict(each) for each in every],
            "distributions_1000_minus_50_ms": difference(by_distributions),
            "aim_ms": AIM_MS,
            "read_and_judged_ms": read,
            "read_and_judged_aim_ms": READ_AIM_MS,
        }
        print(json.dumps(document, indent=2))
    else:
        print(text(every, by_distributions, read))


if __name__ == "__main__":
    main()
