"""What an administrator does first: compilers and container runtimes, then the driver, for it ends in a restart.

A driver belongs to the host: in a container there is nothing to run, and under WSL it is the driver of Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from llmcheck import shell
from llmcheck.gpus import vendors
from llmcheck.gpus.vendors import DriverSupport, Vendor
from llmcheck.install.incompatibility import is_older
from llmcheck.schema.advice import Step
from llmcheck.schema.machine import Driver, Gpu, Machine, capability_of, version_numbers
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
_HOST_TOOLS = frozenset({"docker", "nvidia-container-toolkit"})
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
    rows: Sequence[SystemInstallStep],
    *,
    needs_gpu: bool,
    min_driver_version: str | None,
    shell_name: str,
) -> SystemSteps:
    """Steps and notes for the ``tools`` that are missing and for the driver.

    ``needs_gpu``: what is planned uses a GPU, so that a driver that does not answer or is too old is worth repairing.
    ``min_driver_version``: the oldest that the plan works with; None where any does.
    """
    writer = _Writer(machine, rows, shell_name)
    for name in dict.fromkeys(tools):
        if name in _HOST_TOOLS and _in_container(machine):
            writer.note(f"{name} is missing, and in a container that is the host's to install")
        else:
            writer.follow(name, f"{name} is missing")
    for vendor in vendors.every():
        if needs_gpu and vendor.driver is not None:
            _vendor_driver(_Driver(machine, vendor, vendor.driver, min_driver_version, writer))
    return SystemSteps(tuple(writer.steps), tuple(dict.fromkeys(writer.notes)))


def families(machine: Machine) -> tuple[str, ...]:
    """The families of systems that the table names, the nearest first; empty where the system is not known."""
    system = machine.os
    if system is None:
        return ()
    if system.system != "linux":
        return ({"darwin": "macos"}.get(system.system, system.system),)
    text = (system.distribution or "").lower()
    known = next((names for words, names in _FAMILIES if re.search(rf"(?<!\w)(?:{words})(?!\w)", text)), ())
    return (*(("wsl",) if system.wsl else ()), *known, "linux")


class _Driver(NamedTuple):
    """A vendor's driver on one machine, and where steps and notes about it go."""

    machine: Machine
    vendor: Vendor
    support: DriverSupport
    min_version: str | None
    writer: _Writer

    @property
    def name(self) -> str:
        return f"the {self.vendor.name} driver"

    @property
    def gpus(self) -> list[Gpu]:
        return [gpu for gpu in self.machine.gpus or () if vendors.of(gpu) == self.vendor]


def _vendor_driver(driver: _Driver) -> None:
    found = driver.machine.drivers.get(driver.vendor.id)
    if any(not gpu.integrated for gpu in driver.gpus):
        _known_driver(driver, found)
    elif found is not None and driver.machine.gpus is None and found.fault == "driver-mismatch":
        _repair(driver, found.fault)  # without a list of cards only what helps whichever there are


def _known_driver(driver: _Driver, found: Driver | None) -> None:
    """Of a machine that has a card of that vendor."""
    wanted = f"{driver.min_version} or newer" if driver.min_version else "a current one"
    if driver.machine.hypothetical:
        driver.writer.note(f"{driver.name} is not stated; {wanted} is assumed")
        return
    faults = [gpu.fault for gpu in driver.gpus if gpu.usable is False]
    fault = found.fault if found else next(filter(None, faults), "driver-missing")
    if fault is not None:
        _repair(driver, fault)
    elif driver.min_version and found and found.version and is_older(found.version, driver.min_version):
        _install(driver, f"{driver.name} is {found.version}, and {wanted} is needed")


def _repair(driver: _Driver, fault: str) -> None:
    machine, writer = driver.machine, driver.writer
    problem = next((each for each in machine.problems if each.code == fault), None)
    text = problem.message if problem else f"{driver.name} does not answer ({fault})"
    load, nodes = driver.support.load_module, driver.support.create_device_nodes
    if _is_elsewhere(driver, fault, text):
        return
    if fault in _WITHOUT_DRIVER:
        _install(driver, text)
    elif fault == "driver-mismatch" and _is_linux(machine):
        reason = f"{text}; a restart loads the module that belongs to the library"
        writer.add(("sudo", "reboot"), reason, reboot=True)
    elif fault == "driver-not-loaded" and load and _is_linux(machine):
        writer.add(("sudo", *load), text)
        writer.note(_SECURE_BOOT)
    elif fault == "no-device-nodes" and nodes and _is_linux(machine):
        writer.add(("sudo", *nodes), text)
    elif problem and problem.remedy:
        writer.note(f"{text}: {problem.remedy}")


def _install(driver: _Driver, text: str) -> None:
    if driver.support.purpose is None or _is_elsewhere(driver, None, text):
        return
    if driver.writer.follow(driver.support.purpose, text, driver.min_version) and _is_linux(driver.machine):
        driver.writer.note(_SECURE_BOOT)


def _is_elsewhere(driver: _Driver, fault: str | None, text: str) -> bool:
    """Whether the driver is another system's to repair; a note then says whose."""
    machine, writer = driver.machine, driver.writer
    least = f", {driver.min_version} or newer" if driver.min_version else ""
    if machine.os is not None and machine.os.wsl:
        page = f" ({driver.support.download_page})" if driver.support.download_page else ""
        writer.note(
            f"{text}: under WSL the driver is the one of Windows; install or update it there{least}{page}, "
            "run 'wsl --shutdown', and install no Linux driver inside"
        )
    elif _in_container(machine) or fault == "no-gpu-access":
        writer.note(
            f"{text}: the driver is the host's; repair it there{least}, and start the container with '--gpus all' "
            "(NVIDIA container toolkit)"
        )
    elif "jetson" in families(machine):
        writer.note(f"{text}: a Jetson's driver is part of Jetson Linux; update that and JetPack, and install no other")
    else:
        return False
    return True


class _Writer:
    """Gathers steps and notes."""

    def __init__(self, machine: Machine, rows: Sequence[SystemInstallStep], shell_name: str) -> None:
        self.machine, self.rows, self.shell = machine, rows, shell_name
        self.steps: list[Step] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def add(self, argv: tuple[str, ...], reason: str, *, root: bool = True, reboot: bool = False) -> None:
        command = shell.line(argv, self.shell)
        self.steps.append(Step(kind="system", command=command, argv=argv, reason=reason, root=root, reboot=reboot))

    def follow(self, purpose: str, text: str, min_version: str | None = None) -> bool:
        """Adds the commands of the first fitting row. Whether there are any; otherwise there is a note."""
        row = next(self._fitting(purpose, min_version), None)
        if row is None:
            self.note(f"{text}: llmcheck has no command for this system; install it by the means of the system")
            return False
        commands = [self._filled(command) for command in row.commands]
        done = {step.argv for step in self.steps}
        while commands and commands[0] in done:  # an earlier purpose began in the same way
            del commands[0]
        where = f"{row.source}, {row.as_of}" if row.verified else f"not checked, see {row.source}"
        for number, argv in enumerate(commands, 1):
            reason = f"{text} ({where})" if number == 1 else f"{purpose}, continued"
            self.add(argv, reason, root=row.root, reboot=row.reboot and number == len(commands))
        if row.hint:
            self.note(f"{text}: {row.hint}")
        elif not commands and not row.commands:
            self.note(f"{text}: see {row.source}")
        return bool(commands)

    def _fitting(self, purpose: str, min_version: str | None) -> Iterator[SystemInstallStep]:
        release = _release(self.machine)
        gpus = vendors.on_platform(self.machine.gpus or (), "cuda")
        least = min((each for gpu in gpus if (each := capability_of(gpu)) is not None), default=None)
        for family in families(self.machine):
            for row in self.rows:
                if row.purpose != purpose or family not in row.systems:
                    continue
                if row.releases and release not in row.releases:
                    continue
                if row.capability and least and least < version_numbers(row.capability):
                    continue
                if min_version and row.driver and version_numbers(row.driver)[:1] < version_numbers(min_version)[:1]:
                    continue
                if all(self._filled(command, check=True) for command in row.commands):
                    yield row

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
    text = (machine.os.distribution if machine.os else None) or ""
    found = re.search(r"(?<![\w.])v?(\d{1,4})(?=[.\s]|$)", text)
    own = _OWN_NUMBERS.search(text)
    return found[1] if found and (not own or own[0].lower() == "oracle") else None


def _in_container(machine: Machine) -> bool:
    return machine.os is not None and machine.os.container is not None


def _is_linux(machine: Machine) -> bool:
    return machine.os is not None and machine.os.system == "linux"
