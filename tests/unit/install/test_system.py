"""What an administrator must do first. Expectations from the distributions' and vendors' documentation."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from llmcheck import catalog
from llmcheck.install.system import system_steps
from llmcheck.schema.machine import Driver, Gpu, Machine, Os
from tests.machines_builder import card, machine

RECIPES = catalog.system_steps()
GONE = Gpu(vendor="nvidia", usable=False, fault="driver-missing")


def linux(distribution: str | None, *gpus: Gpu, driver: Driver | str | None = None, **system: Any) -> Machine:
    where = Os(system="linux", architecture="x86_64", distribution=distribution, **system)
    return machine(*gpus, driver=driver, os=where)


def first(where: Machine, *tools: str, wanted: str | None = None) -> tuple[str, str, bool]:
    """The commands, the notes, and whether a restart is needed."""
    found = system_steps(where, tools, RECIPES, needs_gpu=True, min_driver_version=wanted, shell_name="bash")
    for step in found.steps:
        assert shlex.split(step.command) == list(step.argv)
        assert step.kind == "system"
    return (
        "\n".join(step.command for step in found.steps),
        "\n".join(found.notes),
        any(step.reboot for step in found.steps),
    )


@pytest.mark.parametrize(
    ("distribution", "part"),
    [
        ("Ubuntu 24.04.3 LTS", "ubuntu-drivers"),
        ("Debian GNU/Linux 12 (bookworm)", "nvidia"),
        ("Fedora Linux 42 (Workstation Edition)", "nvidia"),
        ("Rocky Linux 9.6 (Blue Onyx)", "nvidia"),
        ("Arch Linux", "nvidia"),
    ],
)
def test_a_missing_driver_comes_from_the_distribution_and_needs_a_restart(distribution: str, part: str) -> None:
    commands, notes, restart = first(linux(distribution, GONE, driver=Driver(fault="driver-missing")))
    assert part in commands + notes
    assert restart or not commands


def test_no_driver_is_installed_inside_wsl() -> None:
    commands, notes, _ = first(linux("Ubuntu 24.04.3 LTS", GONE, driver=Driver(fault="driver-missing"), wsl=2))
    assert "apt" not in commands
    assert "Windows" in notes


def test_no_driver_is_installed_inside_a_container() -> None:
    where = linux("Ubuntu 24.04.3 LTS", GONE, driver=Driver(fault="driver-missing"), container="docker")
    commands, notes, _ = first(where)
    assert commands == ""
    assert "host" in notes


def test_a_library_newer_than_the_loaded_module_needs_a_restart() -> None:
    broken = Gpu(vendor="nvidia", usable=False, fault="driver-mismatch")
    commands, _, restart = first(linux("Ubuntu 24.04.3 LTS", broken, driver=Driver(fault="driver-mismatch")))
    assert "reboot" in commands
    assert restart


def test_a_working_driver_that_is_new_enough_needs_nothing() -> None:
    assert first(linux("Ubuntu 24.04.3 LTS", card("H100"), driver="580.95.05"), wanted="580") == ("", "", False)


def test_a_driver_older_than_the_plan_needs_is_replaced() -> None:
    commands, notes, _ = first(linux("Ubuntu 24.04.3 LTS", card("H100"), driver="550.54.15"), wanted="580")
    assert "580" in commands + notes


def test_a_machine_without_an_nvidia_gpu_gets_no_driver() -> None:
    assert first(linux("Ubuntu 24.04.3 LTS")) == ("", "", False)


@pytest.mark.parametrize(
    ("distribution", "tool", "part"),
    [
        ("Ubuntu 24.04.3 LTS", "cc", "apt-get install --yes build-essential"),
        ("Debian GNU/Linux 12 (bookworm)", "cmake", "apt-get install --yes cmake"),
        ("Fedora Linux 42", "cc", "gcc-c++"),
        ("AlmaLinux 9.6", "git", "git"),
        ("openSUSE Leap 15.6", "cmake", "zypper"),
        ("Arch Linux", "cc", "base-devel"),
        ("Ubuntu 24.04.3 LTS", "nvidia-container-toolkit", "nvidia-ctk runtime configure --runtime=docker"),
    ],
)
def test_a_tool_comes_from_the_package_that_has_it(distribution: str, tool: str, part: str) -> None:
    assert part in first(linux(distribution), tool)[0]


def test_the_compiler_on_a_mac_is_apples() -> None:
    where = machine(system="darwin", architecture="arm64")
    assert "xcode-select --install" in first(where, "cc")[0]


@pytest.mark.parametrize("distribution", [None, "Plan 9", "'; rm -rf ~; '"])
def test_an_unknown_system_gets_only_a_note_of_what_is_missing(distribution: str | None) -> None:
    commands, notes, _ = first(linux(distribution), "cmake")
    assert commands == ""
    assert "cmake" in notes


def test_no_note_is_repeated() -> None:
    once, twice = (first(linux("Ubuntu 24.04.3 LTS"), *["cmake"] * count) for count in (1, 2))
    assert once == twice


def test_every_system_step_has_a_source_and_a_command_or_note() -> None:
    for recipe in RECIPES:
        assert recipe.commands or recipe.hint
        assert recipe.source
        for argv in recipe.commands:
            assert all(argv)
