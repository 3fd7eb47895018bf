"""Starts our own programs in an interpreter, and reads their answers.

A program answers with lines that begin with ``MARK`` and hold one JSON object each, as soon as it has measured
something: what comes before its end counts, even if it is killed.
"""

from __future__ import annotations

import json
import os
import pkgutil
from collections.abc import Iterator
from typing import Any

import msgspec

from llmcheck.printable import printable, shortened
from llmcheck.prove import Job, NotPossible, Request
from llmcheck.prove import check as check_of
from llmcheck.schema.measurement import Measurement

MARK = "#llmcheck-measured "
_MOST_LINES = 2000
_LONGEST_TEXT = 300
_MOST = 1e9
"""No rate in any of our units is higher."""


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a program."""

    quantity: str
    subject: str
    unit: str
    rate: float | None = None
    right: bool | None = None
    reason: str | None = None
    detail: str | None = None
    vendor: str | None = None
    card: str | None = None
    card_memory: int | None = None
    gpus: int | None = None
    message_bytes: int | None = None


def job(interpreter: str, name: str, settings: dict[str, Any]) -> Job:
    """Starts ``children/NAME.py`` with its settings as JSON."""
    return Job(argv=(interpreter, "-B", "-c", source(name), json.dumps(settings)))


def source(name: str) -> str:
    """The text of a program. Raises NotPossible where the installation has none."""
    data = pkgutil.get_data("llmcheck.prove.children", f"{name}.py")
    if data is None:
        raise NotPossible(f"this installation has no source of {name}.py")
    return data.decode()


def read(check: str, outputs: tuple[str, ...], _request: Request) -> tuple[Measurement, ...]:
    """What the programs answered; a line that is no answer is a measurement without a rate that says so."""
    lines = [line.removeprefix(MARK) for each in outputs for line in each.splitlines() if line.startswith(MARK)]
    return tuple(_measurement(check, line) for line in lines[:_MOST_LINES])


def _measurement(check: str, line: str) -> Measurement:
    try:
        answer = msgspec.json.decode(line, type=_Answer)
        found = msgspec.convert({"check": check, **_fields(answer)}, Measurement)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return unreadable(check, line)
    return plausible(found) if found.quantity in check_of(check).quantities else unreadable(check, line)


def _fields(answer: _Answer) -> dict[str, Any]:
    return {name: _clean(value) for name, value in msgspec.structs.asdict(answer).items()}


def _clean(value: object) -> object:
    return shown(value) if isinstance(value, str) else value


def plausible(found: Measurement) -> Measurement:
    """Without a rate that cannot be one."""
    if found.rate is None or 0 < found.rate < _MOST:
        return found
    return msgspec.structs.replace(found, rate=None, reason=f"{found.rate} {found.unit} is no rate")


def unreadable(check: str, line: str) -> Measurement:
    """For an answer that is none."""
    reason = f"an answer that cannot be read: {shown(line)!r}"
    return Measurement(check=check, quantity=check, subject="its program", unit="GB/s", reason=reason)


def shown(text: str) -> str:
    """Foreign text, short and without control characters."""
    return shortened(printable(text), _LONGEST_TEXT)


def environment(environ: dict[str, str]) -> dict[str, str]:
    """For a program of ours: nothing of Python's variables, and no module from the working directory."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("PYTHON", "__PYVENV"))}
    return {**kept, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}


def last_words(output: str) -> str | None:
    """The last line of a program that is no answer: usually the error that ended it."""
    return next(_said(output), None)


def _said(output: str) -> Iterator[str]:
    for line in reversed(output.splitlines()):
        if line.strip() and not line.startswith(MARK):
            yield shown(line.strip())


def root() -> str:
    """The folder that programs run in: nobody else's project."""
    return os.path.abspath(os.sep)
