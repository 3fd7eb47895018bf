"""What an administrator does first: compilers and container runtimes, then the NVIDIA driver, for it ends in a restart.

A driver belongs to the host: in a container there is nothing to run, and under WSL it is the driver of Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from llmcheck import shell
from llmcheck.schema.advice import Step
from llmcheck.schema.machine import Machine, capability_of, version_numbers
from llmcheck.tables.system_step import SystemInstallStep

# What /etc/os-release calls a distribution, in lower case and whole words, and its families, the nearest first.
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("silverblue|kinoite|coreos|bazzite|bluefin|aurora|atomic|microos|aeon|kalpa|flatcar|bottlerocket", ("image",)),
    ("jetson linux", ("jetson", "ubuntu")),
    ("pop!_os|pop", ("pop", "ubuntu")),
    ("lmde", ("debian",)),
    ("ubuntu|kubuntu|xubuntu|linux mint|zorin|elementary|neon|tuxedo", ("ubuntu",)),
    ("debian|raspbian|kali|devuan", ("debian",)),
    ("fedora|nobara", ("fedora",)),
    ("amazon linux", ("amazon",)),
    ("red hat|rhel|rocky|almalinux|centos|oracle linux", ("rhel",)),
    ("tumbleweed|slowroll", ("tumbleweed", "suse")),
    ("suse|opensuse|sles", ("suse",)),
    ("arch|manjaro|endeavouros|cachyos|garuda", ("arch",)),
    ("alpine", ("alpine",)),
    ("nixos", ("nixos",)),
)
# Derivatives number their releases themselves.
_OWN_NUMBERS = re.compile(r"mint|zorin|elementary|lmde|manjaro|kali|oracle", re.IGNORECASE)
_HOSTS_JOB = frozenset({"docker", "nvidia-container-toolkit"})
_REPOSITORIES = {"x86_64": "x86_64", "aarch64": "sbsa"}
_DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
_SECURE_BOOT = (
    "with Secure Boot on, a driver module that is built here loads only once its key is enrolled (mokutil --import, "
    "then confirmed on the screen at the next start)"
)
_WITHOUT_DRIVER = ("driver-missing", "nouveau")


class SystemSteps(NamedTuple):
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    """What to know or do before them, in sentences."""


def system_steps(
    machine: Machine,
    tools: Iterable[str],
    recipes: Sequence[SystemInstallStep],
    *,
    needs_gpu: bool,
    wanted_driver: str | None,
    shell_name: str,
) -> SystemSteps:
    """Steps, and what can only be told, for the ``tools`` that are missing and for the driver.

    ``needs_gpu``: what is planned uses a GPU, so that a driver that is silent or too old is worth mending.
    ``wanted_driver``: the least one that the plan needs; None where any does.
    """
    writer = _Writer(machine, recipes, shell_name)
    for name in dict.fromkeys(tools):
        if name in _HOSTS_JOB and _in_container(machine):
            writer.note(f"{name} is missing, and in a container that is the host's to install")
        else:
            writer.follow(name, f"{name} is missing")
    if needs_gpu and any(gpu.vendor == "nvidia" and not gpu.integrated for gpu in machine.gpus or ()):
        _driver(machine, wanted_driver, writer)
    elif needs_gpu and "nvidia" in machine.drivers and machine.gpus is None:
        _silent_driver(machine, writer)
    return SystemSteps(tuple(writer.steps), tuple(dict.fromkeys(writer.notes)))


def families(machine: Machine) -> tuple[str, ...]:
    """The families of systems that recipes name, the nearest first; empty where the system is not known."""
    system = machine.os
    if system is None:
        return ()
    if system.system != "linux":
        return ({"darwin": "macos"}.get(system.system, system.system),)
    said = (system.distribution or "").lower()
    known = next((names for words, names in _FAMILIES if re.search(rf"(?<!\w)(?:{words})(?!\w)", said)), ())
    return (*(("wsl",) if system.wsl else ()), *known, "linux")


def _driver(machine: Machine, wanted: str | None, writer: _Writer) -> None:
    """Of a machine that has an NVIDIA card."""
    if machine.hypothetical:
        least = f"{wanted} or newer" if wanted else "a current one"
        writer.note(f"the NVIDIA driver is not stated; {least} is taken to be there")
        return
    driver = machine.drivers.get("nvidia")
    faults = [gpu.fault for gpu in machine.gpus or () if gpu.vendor == "nvidia" and gpu.usable is False]
    fault = driver.fault if driver else next(filter(None, faults), "driver-missing")
    if fault is not None:
        _mend(machine, fault, wanted, writer)
    elif wanted and driver and driver.version and version_numbers(driver.version) < version_numbers(wanted):
        said = f"the NVIDIA driver is {driver.version}, and {wanted} or newer is needed"
        _install_driver(machine, said, wanted, writer)


def _silent_driver(machine: Machine, writer: _Writer) -> None:
    """No list of cards at all: only what helps whichever there are."""
    if machine.drivers["nvidia"].fault == "driver-mismatch":
        _mend(machine, "driver-mismatch", None, writer)


def _mend(machine: Machine, fault: str, wanted: str | None, writer: _Writer) -> None:
    problem = next((each for each in machine.problems if each.code == fault), None)
    said = problem.message if problem else f"the NVIDIA driver does not answer ({fault})"
    if _elsewhere(machine, fault, said, wanted, writer):
        return
    if fault in _WITHOUT_DRIVER:
        _install_driver(machine, said, wanted, writer)
    elif fault == "driver-mismatch" and _is_linux(machine):
        reason = f"{said}; a restart loads the module that belongs to the library"
        writer.add(("sudo", "reboot"), reason, reboot=True)
    elif fault == "driver-not-loaded" and _is_linux(machine):
        writer.add(("sudo", "modprobe", "nvidia"), said)
        writer.note(_SECURE_BOOT)
    elif fault == "no-device-nodes" and _is_linux(machine):
        writer.add(("sudo", "nvidia-modprobe", "-c", "0", "-u"), said)
    elif problem and problem.remedy:
        writer.note(f"{said}: {problem.remedy}")


def _install_driver(machine: Machine, said: str, wanted: str | None, writer: _Writer) -> None:
    if _elsewhere(machine, None, said, wanted, writer):
        return
    if writer.follow("driver", said, wanted) and _is_linux(machine):
        writer.note(_SECURE_BOOT)


def _elsewhere(machine: Machine, fault: str | None, said: str, wanted: str | None, writer: _Writer) -> bool:
    """Whether the driver is not this system's to mend; then it is told whose it is."""
    least = f", {wanted} or newer" if wanted else ""
    if machine.os is not None and machine.os.wsl:
        writer.note(
            f"{said}: under WSL the driver is the one of Windows; install or update it there{least} "
            "(https://www.nvidia.com/en-us/drivers/), run 'wsl --shutdown', and install no Linux driver inside"
        )
    elif _in_container(machine) or fault == "no-gpu-access":
        writer.note(
            f"{said}: the driver is the host's; see to it there{least}, and start the container with '--gpus all' "
            "(NVIDIA container toolkit)"
        )
    elif "jetson" in families(machine):
        writer.note(f"{said}: a Jetson's driver is part of Jetson Linux; update that and JetPack, and install no other")
    else:
        return False
    return True


class _Writer:
    """Gathers steps and notes."""

    def __init__(self, machine: Machine, recipes: Sequence[SystemInstallStep], shell_name: str) -> None:
        self.machine, self.recipes, self.shell = machine, recipes, shell_name
        self.steps: list[Step] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def add(self, argv: tuple[str, ...], reason: str, *, root: bool = True, reboot: bool = False) -> None:
        command = shell.line(argv, self.shell)
        self.steps.append(Step(kind="system", command=command, argv=argv, reason=reason, root=root, reboot=reboot))

    def follow(self, purpose: str, said: str, wanted: str | None = None) -> bool:
        """Whether there are commands for it; there is a note at the least."""
        recipe = next(self._fitting(purpose, wanted), None)
        if recipe is None:
            self.note(f"{said}: this system is not one that llmcheck has a command for; install it by its own means")
            return False
        commands = [self._filled(command) for command in recipe.commands]
        done = {step.argv for step in self.steps}
        while commands and commands[0] in done:  # an earlier recipe began in the same way
            del commands[0]
        where = f"{recipe.source}, {recipe.as_of}" if recipe.verified else f"not checked, see {recipe.source}"
        for number, argv in enumerate(commands, 1):
            reason = f"{said} ({where})" if number == 1 else f"{purpose}, continued"
            self.add(argv, reason, root=recipe.root, reboot=recipe.reboot and number == len(commands))
        if recipe.hint:
            self.note(f"{said}: {recipe.hint}")
        elif not commands and not recipe.commands:
            self.note(f"{said}: see {recipe.source}")
        return bool(commands)

    def _fitting(self, purpose: str, wanted: str | None) -> Iterator[SystemInstallStep]:
        release = _release(self.machine)
        capabilities = [capability_of(gpu) for gpu in self.machine.gpus or () if gpu.vendor == "nvidia"]
        least = min((each for each in capabilities if each is not None), default=None)
        for family in families(self.machine):
            for recipe in self.recipes:
                if recipe.purpose != purpose or family not in recipe.systems:
                    continue
                if recipe.releases and release not in recipe.releases:
                    continue
                if recipe.capability and least and least < version_numbers(recipe.capability):
                    continue
                if wanted and recipe.driver and version_numbers(recipe.driver)[:1] < version_numbers(wanted)[:1]:
                    continue
                if all(self._filled(command, check=True) for command in recipe.commands):
                    yield recipe

    def _filled(self, command: tuple[str, ...], *, check: bool = False) -> tuple[str, ...]:
        """With this machine's facts in it; for ``check``, nothing where one of them is not known."""
        system = self.machine.os
        facts = {
            "{release}": _release(self.machine),
            "{kernel}": system.version if system and re.fullmatch(r"[\w.+~-]+", system.version or "") else None,
            "{repository}": _REPOSITORIES.get(system.architecture) if system else None,
            "{debian}": _DEBIAN.get(system.architecture) if system else None,
        }
        words = list(command)
        for name, value in facts.items():
            if check and value is None and any(name in word for word in words):
                return ()
            words = [word.replace(name, value or "") for word in words]
        return tuple(words)


def _release(machine: Machine) -> str | None:
    """The major release of a distribution, as the family that it is the namesake of numbers it."""
    said = (machine.os.distribution if machine.os else None) or ""
    found = re.search(r"(?<![\w.])v?(\d{1,4})(?=[.\s]|$)", said)
    own = _OWN_NUMBERS.search(said)
    return found[1] if found and (not own or own[0].lower() == "oracle") else None


def _in_container(machine: Machine) -> bool:
    return machine.os is not None and machine.os.container is not None


def _is_linux(machine: Machine) -> bool:
    return machine.os is not None and machine.os.system == "linux"
