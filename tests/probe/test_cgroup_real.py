"""The command under limits that the kernel really sets, where the machine lets us set any; and under a shown v2."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

GIB = 2**30
COMMAND = [sys.executable, "-m", "llmcheck", "machine", "--format", "json"]


def inspected(before: str, *wrapper: str, **environ: str) -> dict[str, Any]:
    """What the command says after a line of shell that puts its process where it shall be."""
    shell = ["sh", "-ec", f'{before}\nexec "$@"', "sh", *COMMAND]
    done = subprocess.run([*wrapper, *shell], capture_output=True, text=True, timeout=60, env={**os.environ, **environ})
    assert done.stdout, done.stderr
    machine: dict[str, Any] = json.loads(done.stdout)
    return machine


def group(controller: str) -> Path:
    """A new group of v1 below our own; skips where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("only root may make control groups")
    mount = next(
        (
            line.split()[4]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if " - cgroup " in line and controller in line.rpartition(" ")[2].split(",")
        ),
        None,
    )
    own = next(
        (
            line.split(":", 2)[2]
            for line in Path("/proc/self/cgroup").read_text().splitlines()
            if controller in line.split(":")[1].split(",")
        ),
        None,
    )
    if mount is None or own is None:
        pytest.skip(f"no cgroup v1 with the controller {controller} here")
    path = Path(mount + own.rstrip("/")) / f"llmcheck-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made in {path.parent}: {error}")
    return path


def remove(path: Path) -> None:
    """The kernel counts a process that was killed to the group until it has been reaped."""
    for _ in range(100):
        try:
            path.rmdir()
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
        time.sleep(0.05)
    path.rmdir()


@pytest.fixture
def memory_group() -> Iterator[Path]:
    path = group("memory")
    yield path
    remove(path)


@pytest.fixture
def cpuset_group() -> Iterator[Path]:
    path = group("cpuset")
    yield path
    remove(path)


def test_memory_limit_of_v1(memory_group: Path) -> None:
    (memory_group / "memory.limit_in_bytes").write_text(str(2 * GIB))
    ram = inspected(f"echo $$ > {memory_group}/cgroup.procs")["ram"]
    assert ram["limit"] == 2 * GIB
    assert ram["limit_source"].startswith(f"cgroup v1 {memory_group}/")
    assert ram["usable"] == min(2 * GIB, ram["total"])
    assert 0 < ram["available"] <= 2 * GIB


def test_lower_limit_of_a_parent(memory_group: Path) -> None:
    below = memory_group / "below"
    below.mkdir()
    try:
        (memory_group / "memory.limit_in_bytes").write_text(str(GIB))
        ram = inspected(f"echo $$ > {below}/cgroup.procs")["ram"]
    finally:
        remove(below)
    assert ram["limit"] == GIB


def test_cpuset_of_v1(cpuset_group: Path) -> None:
    parent = cpuset_group.parent
    (cpuset_group / "cpuset.mems").write_text((parent / "cpuset.mems").read_text())
    first = (parent / "cpuset.cpus").read_text().strip().replace("-", ",").split(",")[0]
    (cpuset_group / "cpuset.cpus").write_text(first)
    cpu = inspected(f"echo $$ > {cpuset_group}/cgroup.procs")["cpu"]
    assert (cpu["threads_affinity"], cpu["threads_usable"]) == (1, 1)
    assert cpu["threads"] == os.cpu_count()


@pytest.fixture
def namespace() -> list[str]:
    """A command that runs another in mounts of its own; skips where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare(1) here")
    command = [unshare, *([] if os.geteuid() == 0 else ["-r"]), "-m", "--propagation", "private"]
    if subprocess.run([*command, "mount", "--bind", "/proc", "/proc"], capture_output=True).returncode:
        pytest.skip("mounts of our own are not allowed here")
    return command


def test_shown_v2(namespace: list[str], tmp_path: Path) -> None:
    """The kernel enforces nothing here: files as a container with v2 shows them lie over the real hierarchy's."""
    table = Path("/proc/self/mountinfo").read_text().splitlines()
    mount = next((line.split()[4] for line in table if " - cgroup2 " in line), None)
    own = next(
        (line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")), None
    )
    if mount is None or own is None:
        pytest.skip("no cgroup v2 is mounted here")
    folder = Path(f"{tmp_path}/tree{own}")
    folder.mkdir(parents=True)
    for name, text in (
        ("memory.max", f"{3 * GIB}\n"),
        ("memory.current", f"{GIB}\n"),
        ("memory.stat", f"anon 1\ninactive_file {GIB // 2}\n"),
        ("cpu.max", "150000 100000\n"),
        ("cpuset.cpus.effective", "0\n"),
    ):
        (folder / name).write_text(text)
    machine = inspected(f"mount --bind {tmp_path}/tree {mount}", *namespace)
    assert machine["ram"]["limit"] == 3 * GIB
    assert machine["ram"]["available"] <= 3 * GIB - GIB // 2
    assert machine["ram"]["limit_source"].startswith(f"cgroup v2 {mount}")
    assert (machine["cpu"]["quota"], machine["cpu"]["threads_affinity"]) == (1.5, 1)
    assert machine["cpu"]["threads_usable"] == 1


def test_slurms_variables_reach_the_command() -> None:
    ram = inspected("", SLURM_MEM_PER_NODE="1024", SLURM_CPUS_ON_NODE="1")["ram"]
    assert (ram["limit"], ram["limit_source"]) == (GIB, "Slurm SLURM_MEM_PER_NODE")
