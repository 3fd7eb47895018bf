"""A program whose answer is its exit code and the start of what it prints. No shell, no input, and an end."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmcheck.system import started

MOST_OUTPUT = 64 * 2**10
"""Bytes that are kept; a program that prints more is not stopped."""


class Answer(NamedTuple):
    """How it ended."""

    code: int | None
    """Its exit code, negative for a signal; None where there is none."""
    output: bytes
    """The start of its standard output."""
    reason: str | None
    """Why there is no exit code."""


def answer(argv: Sequence[str], environ: Mapping[str, str], cwd: str | None, seconds: float) -> Answer:
    """Starts a program and waits for its end, at most so long; then it is killed with what it began."""
    try:
        program = started.start(argv, environ, cwd)
    except (OSError, ValueError) as error:
        return Answer(None, b"", f"it could not be started: {getattr(error, 'strerror', None) or error}")
    end = time.monotonic() + seconds
    output = bytearray()
    ended = False
    try:
        while not ended and time.monotonic() < end:
            data = _read(program, end)
            ended = data == b""
            if data and len(output) < MOST_OUTPUT:
                output += data[: MOST_OUTPUT - len(output)]
        program.wait(max(0.0, end - time.monotonic()))
        if program.returncode is None:
            return Answer(None, bytes(output), f"it did not end within {seconds:g} s")
        why = program.why_not()
        if why is not None:
            return Answer(None, b"", f"it could not be started: {why}")
        return Answer(program.returncode, bytes(output), None)
    finally:
        started.end(program, 1.0)
        if program.stdout is not None:
            program.stdout.close()


def _read(program: started.Program, end: float) -> bytes | None:
    """The next bytes; b"" at the end, None where none came in time."""
    stream = program.stdout
    if stream is None:
        return b""
    if os.name == "posix" and not select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]:
        return None
    return os.read(stream.fileno(), 1 << 16)
