"""What limits the RAM, and what raises that limit, by name."""

from __future__ import annotations

import pytest

from llmcheck.fit.ram_limits import how_to_raise, in_words
from llmcheck.schema.machine import Machine, Os, Ram
from llmcheck.units import GIB

GROUP = "/sys/fs/cgroup/memory.max"
USER = "/sys/fs/cgroup/user.slice/user-1000.slice"


def machine(
    *,
    container: str | None = None,
    wsl: int | None = None,
    notebook: str | None = None,
    release: str = "6.8.0-60-generic",
    limit: int | None = None,
    file: str | None = None,
    by: str = "cgroup",
    soft: bool = False,
) -> Machine:
    return Machine(
        os=Os(system="linux", architecture="x86_64", container=container, wsl=wsl, notebook=notebook, version=release),
        ram=Ram(
            total=32 * GIB,
            limit=limit,
            limit_source=f"cgroup v2 {file}",
            limit_by=by,
            limit_file=file,
            limit_soft=soft,
            usable=limit or 32 * GIB,
        ),
    )


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (machine(wsl=2), r"%UserProfile%\.wslconfig"),
        (machine(container="docker", release="6.10.14-linuxkit"), "Docker Desktop, Settings > Resources"),
        (machine(container="docker", release="6.13.7-orbstack-00283-g9d1400e7e9c6"), "OrbStack"),
        # Docker Desktop over WSL takes WSL's memory
        (machine(container="docker", wsl=2, release="6.6.87.2-microsoft-standard-WSL2"), ".wslconfig"),
        (machine(notebook="colab"), "Change runtime type"),
        (machine(notebook="kaggle"), "accelerator"),
        (machine(container="docker", limit=4 * GIB, file=GROUP), "docker update --memory"),
        (machine(container="podman", limit=4 * GIB, file=GROUP), "podman update --memory"),
        (machine(container="kubernetes", limit=4 * GIB, file=GROUP), "resources.limits.memory"),
        (machine(container="lxc", limit=4 * GIB, file=GROUP), "lxc config set"),
        (machine(notebook="colab", container="docker", limit=4 * GIB, file=GROUP), "Change runtime type"),
        (machine(limit=4 * GIB, by="slurm"), "--mem"),
        (machine(limit=4 * GIB, file="/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.max"), "--mem"),
        (
            machine(limit=4 * GIB, file=f"{USER}/memory.max"),
            "set-property user-1000.slice MemoryMax=SIZE",
        ),
        (
            machine(limit=4 * GIB, file=f"{USER}/memory.high", soft=True),
            "sudo systemctl set-property user-1000.slice MemoryHigh=SIZE",
        ),
        (
            machine(limit=4 * GIB, file=f"{USER}/user@1000.service/app.slice/memory.high", soft=True),
            "systemctl --user set-property app.slice MemoryHigh=SIZE",
        ),
        (machine(limit=4 * GIB, file="/sys/fs/cgroup/jobs/17/memory.max"), "/sys/fs/cgroup/jobs/17/memory.max"),
    ],
)
def test_what_raises_the_limit_is_named(where: Machine, words: str) -> None:
    assert words in (how_to_raise(where) or "")


def test_on_a_whole_machine_only_more_ram_helps() -> None:
    assert how_to_raise(machine()) is None
    assert in_words(machine()) is None


def test_above_the_machine_the_limit_is_that_of_its_virtual_machine() -> None:
    where = machine(container="docker", wsl=2, limit=4 * GIB, file=GROUP)
    assert "docker update" in (how_to_raise(where, 16 * GIB) or "")
    assert ".wslconfig" in (how_to_raise(where, 48 * GIB) or "")


def test_a_soft_limit_is_called_soft() -> None:
    where = machine(limit=4 * GIB, file=f"{USER}/memory.high", soft=True)
    assert "soft limit" in (in_words(where) or "")
    assert "soft limit" not in (in_words(machine(limit=4 * GIB, file=f"{USER}/memory.max")) or "")
