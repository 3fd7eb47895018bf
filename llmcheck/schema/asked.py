"""What profiles ask of this machine beyond its inventory: variables, files, processes, answers of programs.

It is gathered only where a profile asks for it, and is neither written to a file nor part of a report.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from msgspec import Struct

from llmcheck.schema.machine import Machine


class Ask(Struct, frozen=True, kw_only=True):
    """One question; one of its fields says what it is about."""

    variable: str | None = None
    """Name of an environment variable."""
    file: str | None = None
    """Path of a file or folder, which may begin with ``~``."""
    text: bool = False
    """Whether the start of that file is read too."""
    process: str | None = None
    """Name of a program that may run."""
    argv: tuple[str, ...] = ()
    """A program to start, with its arguments."""
    seconds: float = 10.0
    """How long that program may take."""


class AskedFile(Struct, frozen=True, kw_only=True):
    """A file or folder."""

    kind: str | None = None
    """``file``, ``folder``, ``device``, ``pipe``, ``socket``; ``none`` where there is nothing; None: not known."""
    size: int | None = None
    """Bytes of a file; None for anything else."""
    mode: int | None = None
    """The nine bits of its permissions and the three before them; None where it could not be read."""
    owner: str | None = None
    """Name of its owner, or the number of one without a name."""
    readable: bool | None = None
    """This process may read it."""
    writable: bool | None = None
    """This process may write to it."""
    text: str | None = None
    """Its start; None where nobody asked for it, or it could not be read."""
    reason: str | None = None
    """Why it is not known; None where it is."""


class CommandAnswer(Struct, frozen=True, kw_only=True):
    """How a program ended."""

    code: int | None = None
    """Its exit code, negative for a signal; None where it did not start or did not end in time."""
    message: str | None = None
    """What it says of it, if it prints a JSON object with that key."""
    found: str | None = None
    """What it says that it found, by the same object."""
    reason: str | None = None
    """Why there is no exit code; None where there is one."""


class Asked(Struct, frozen=True, kw_only=True):
    """The answers; a table is None where nothing of its kind was asked for."""

    variables: dict[str, str | None] | None = None
    """By name; None for one that is not set."""
    files: dict[str, AskedFile] | None = None
    """By path, as the profile writes it."""
    processes: dict[str, int] | None = None
    """By name: how many run; None where processes could not be listed too."""
    commands: dict[tuple[str, ...], CommandAnswer] | None = None
    """By program and arguments; one that was not allowed to start is missing."""


class AskedMachine(Machine, frozen=True, kw_only=True):
    """This machine with the answers."""

    asked: Asked = Asked()
    """What was gathered."""


def with_asked(machine: Machine, asked: Asked) -> AskedMachine:
    """A machine with answers."""
    return AskedMachine(**{name: getattr(machine, name) for name in Machine.__struct_fields__}, asked=asked)


def asked_of(machine: Machine) -> Asked:
    """The answers that came with a machine; of a saved one, or one in words, none."""
    return machine.asked if isinstance(machine, AskedMachine) else Asked()
