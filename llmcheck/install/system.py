"""Steps for an administrator: compilers and container runtimes, then the driver, because that needs a restart.

A container uses the driver of its host, and WSL that of Windows: there is nothing to install inside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from llmcheck import shell
from llmcheck.gpus import vendors
from llmcheck.gpus.vendors import DriverSupport, Vendor
from llmcheck.install.incompatibility import is_older
from llmcheck.schema.advice import Step
from llmcheck.schema.machine import Driver, Gpu, Machine, capability_of, version_numbers
from llmcheck.tables.system_step import SystemInstallStep

# Words of a distribution's name in /etc/os-release, in lower case, and its families, the most specific first.
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
# These derivatives have release numbers of their own.
_OWN_NUMBERS = re.compile(r"mint|zorin|elementary|lmde|manjaro|kali|oracle", re.IGNORECASE)
_HOST_TOOLS = frozenset({"docker", "nvidia-container-toolkit"})
_REPOSITORIES = {"x86_64": "x86_64", "aarch64": "sbsa"}
_DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
_SECURE_BOOT = (
    "with Secure Boot on, a driver module that is built here loads only once its key is enrolled (mokutil --import, "
    "then confirmed on the screen at the next start)"
)
_WITHOUT_DRIVER = ("driver-missing", "nouveau")


class SystemSteps(Struct, frozen=True):
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    """Sentences to read before running the steps."""


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

    ``needs_gpu``: the plan uses a GPU, so a driver that is broken or too old has to be repaired.
    ``min_driver_version``: the oldest driver that the plan works with; None: any.
    """
    writer = _Writer(machine, rows, shell_name)
    for name in dict.fromkeys(tools):
        if name in _HOST_TOOLS and _in_container(machine):
            writer.note(f"{name} is missing; for a container, install it on the host")
        else:
            writer.add_for(name, f"{name} is missing")
    for vendor in vendors.every():
        if needs_gpu and vendor.driver is not None:
            _add_driver_steps(_Driver(machine, vendor, vendor.driver, min_driver_version, writer))
    return SystemSteps(tuple(writer.steps), tuple(dict.fromkeys(writer.notes)))


def families(machine: Machine) -> tuple[str, ...]:
    """The families of a system, as in the table, the most specific first; empty if the system is unknown."""
    system = machine.os
    if system is None:
        return ()
    if system.system != "linux":
        return ({"darwin": "macos"}.get(system.system, system.system),)
    text = (system.distribution or "").lower()
    known = next((names for words, names in _FAMILIES if re.search(rf"(?<!\w)(?:{words})(?!\w)", text)), ())
    return (*(("wsl",) if system.wsl else ()), *known, "linux")


class _Driver(Struct, frozen=True):
    """A vendor's driver on one machine, and the writer for its steps and notes."""

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


def _add_driver_steps(driver: _Driver) -> None:
    found = driver.machine.drivers.get(driver.vendor.id)
    if any(not gpu.integrated for gpu in driver.gpus):
        _check_driver(driver, found)
    elif found is not None and driver.machine.gpus is None and found.fault == "driver-mismatch":
        _repair(driver, found.fault)  # without a list of GPUs, only a repair that does not depend on them


def _check_driver(driver: _Driver, found: Driver | None) -> None:
    """For a machine with a GPU of that vendor."""
    needed = f"{driver.min_version} or newer" if driver.min_version else "a current one"
    if driver.machine.hypothetical:
        driver.writer.note(f"{driver.name} is not stated; {needed} is assumed")
        return
    faults = [gpu.fault for gpu in driver.gpus if gpu.usable is False]
    fault = found.fault if found else next(filter(None, faults), "driver-missing")
    if fault is not None:
        _repair(driver, fault)
    elif driver.min_version and found and found.version and is_older(found.version, driver.min_version):
        _install(driver, f"{driver.name} is {found.version}, and {needed} is needed")


def _repair(driver: _Driver, fault: str) -> None:
    machine, writer = driver.machine, driver.writer
    problem = next((each for each in machine.problems if each.code == fault), None)
    text = problem.message if problem else f"{driver.name} does not answer ({fault})"
    load, nodes = driver.support.load_module, driver.support.create_device_nodes
    if _is_on_other_system(driver, fault, text):
        return
    if fault in _WITHOUT_DRIVER:
        _install(driver, text)
    elif fault == "driver-mismatch" and _is_linux(machine):
        reason = f"{text}; a restart loads the kernel module that matches the library"
        writer.add(("sudo", "reboot"), reason, reboot=True)
    elif fault == "driver-not-loaded" and load and _is_linux(machine):
        writer.add(("sudo", *load), text)
        writer.note(_SECURE_BOOT)
    elif fault == "no-device-nodes" and nodes and _is_linux(machine):
        writer.add(("sudo", *nodes), text)
    elif problem and problem.remedy:
        writer.note(f"{text}: {problem.remedy}")


def _install(driver: _Driver, text: str) -> None:
    if driver.support.purpose is None or _is_on_other_system(driver, None, text):
        return
    if driver.writer.add_for(driver.support.purpose, text, driver.min_version) and _is_linux(driver.machine):
        driver.writer.note(_SECURE_BOOT)


def _is_on_other_system(driver: _Driver, fault: str | None, text: str) -> bool:
    """Whether the driver has to be repaired on another system (host, Windows); adds a note then."""
    machine, writer = driver.machine, driver.writer
    minimum = f", {driver.min_version} or newer" if driver.min_version else ""
    if machine.os is not None and machine.os.wsl:
        page = f" ({driver.support.download_page})" if driver.support.download_page else ""
        writer.note(
            f"{text}: WSL uses the driver of Windows; install or update it there{minimum}{page}, "
            "run 'wsl --shutdown', and install no Linux driver in WSL"
        )
    elif _in_container(machine) or fault == "no-gpu-access":
        writer.note(
            f"{text}: a container uses the driver of its host; repair it there{minimum}, and start the container "
            "with '--gpus all' (NVIDIA container toolkit)"
        )
    elif "jetson" in families(machine):
        writer.note(
            f"{text}: a Jetson's driver is part of Jetson Linux; update that and JetPack, and install no other driver"
        )
    else:
        return False
    return True


class _Writer:
    """Collects steps and notes."""

    def __init__(self, machine: Machine, rows: Sequence[SystemInstallStep], shell_name: str) -> None:
        self.machine, self.rows, self.shell = machine, rows, shell_name
        self.steps: list[Step] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def add(self, argv: tuple[str, ...], reason: str, *, root: bool = True, reboot: bool = False) -> None:
        command = shell.line(argv, self.shell)
        self.steps.append(Step(kind="system", command=command, argv=argv, reason=reason, root=root, reboot=reboot))

    def add_for(self, purpose: str, text: str, min_version: str | None = None) -> bool:
        """Adds the commands of the first matching row, or a note. Returns whether commands were added."""
        row = next(self._matching_rows(purpose, min_version), None)
        if row is None:
            self.note(f"{text}: llmcheck has no command for this system; use its package manager")
            return False
        commands = [self._filled(command) for command in row.commands]
        done = {step.argv for step in self.steps}
        while commands and commands[0] in done:  # an earlier purpose begins with the same commands
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

    def _matching_rows(self, purpose: str, min_version: str | None) -> Iterator[SystemInstallStep]:
        release = _release(self.machine)
        gpus = vendors.on_platform(self.machine.gpus or (), "cuda")
        lowest = min((each for gpu in gpus if (each := capability_of(gpu)) is not None), default=None)
        for family in families(self.machine):
            for row in self.rows:
                if row.purpose != purpose or family not in row.systems:
                    continue
                if row.releases and release not in row.releases:
                    continue
                if row.capability and lowest and lowest < version_numbers(row.capability):
                    continue
                if min_version and row.driver and version_numbers(row.driver)[:1] < version_numbers(min_version)[:1]:
                    continue
                if all(self._filled(command, check=True) for command in row.commands):
                    yield row

    def _filled(self, command: tuple[str, ...], *, check: bool = False) -> tuple[str, ...]:
        """The command with this machine's facts filled in. With ``check``: empty if one of them is unknown."""
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
    """The major release number; None if unknown, or if a derivative counts in its own way."""
    text = (machine.os.distribution if machine.os else None) or ""
    found = re.search(r"(?<![\w.])v?(\d{1,4})(?=[.\s]|$)", text)
    own = _OWN_NUMBERS.search(text)
    return found[1] if found and (not own or own[0].lower() == "oracle") else None


def _in_container(machine: Machine) -> bool:
    return machine.os is not None and machine.os.container is not None


def _is_linux(machine: Machine) -> bool:
    return machine.os is not None and machine.os.system == "linux"
