"""Runs one check: starts its programs, reads what they print within bounds, and kills them with all they began."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from llmcheck import prove
from llmcheck.prove import Check, Job, NotApplicable, NotPossible, Request, child
from llmcheck.schema.measurement import Measurement, State, Trial
from llmcheck.system import ending, started

_MOST_OUTPUT = 1 << 20
"""Bytes of one program."""
_END_SECONDS = 2.0
"""For a killed program to end; it is not waited for longer."""


class Ended(Struct, frozen=True, kw_only=True):
    """One program after its end."""

    output: str
    late: bool = False
    """It was killed at the deadline."""
    too_much: bool = False
    """It was killed because it printed more than ``_MOST_OUTPUT``."""
    code: int | None = None
    """Its exit code, negative for a signal; None where it was killed or not started."""
    not_started: str | None = None
    """Why it could not be started."""


def run(name: str, request: Request, environ: Mapping[str, str], paths: Mapping[str, str] | None = None) -> Trial:
    """Runs one check. ``paths``: where programs are, by name. What goes wrong is the trial's reason."""
    what = prove.check(name)
    try:
        jobs = prove.jobs(name, request)
    except NotPossible as error:
        state: State = "not-applicable" if isinstance(error, NotApplicable) else "cannot"
        return trial(name, what, state=state, reason=str(error))
    jobs = tuple(_at(job, paths or {}) for job in jobs)
    ended = programs(jobs, child.environment(dict(environ)), request.deadline)
    measured = prove.read(name, tuple(each.output for each in ended), request)
    reason = _reason(ended, measured, request.deadline)
    return trial(name, what, _state(ended, reason), measurements=measured, reason=reason)


def _state(ended: list[Ended], reason: str | None) -> State:
    codes = {each.code for each in ended}
    if prove.NOT_APPLICABLE in codes:
        return "not-applicable"
    return "cannot" if prove.CANNOT in codes else "ended" if reason is None else "failed"


def _at(job: Job, paths: Mapping[str, str]) -> Job:
    return msgspec.structs.replace(job, argv=(paths.get(job.argv[0], job.argv[0]), *job.argv[1:]))


def trial(
    name: str,
    what: Check,
    state: State = "ended",
    *,
    measurements: tuple[Measurement, ...] = (),
    reason: str | None = None,
) -> Trial:
    """A trial of the check of this id."""
    return Trial(
        check=name,
        title=what.title,
        quantities=what.quantities,
        program=what.program,
        on_gpus=what.on_gpus,
        measurements=measurements,
        reason=reason,
        state=state,
    )


def _reason(ended: list[Ended], measured: tuple[Measurement, ...], deadline: float) -> str | None:
    """Why a check did not end well: the first program that did not; None where all did and one measured something."""
    for each in ended:
        if each.not_started:
            return f"could not be started: {child.shown(each.not_started)}"
        if each.late:
            after = f" after {measured[-1].subject}" if measured else ""
            return f"killed: no end within {deadline:.0f} s{after}"
        if each.too_much:
            return "killed: it printed more than 1 MiB"
        if each.code:
            words = child.last_words(each.output)
            if words and each.code in (prove.CANNOT, prove.NOT_APPLICABLE):
                return words
            how = f"ended by signal {-each.code}" if each.code < 0 else f"ended with exit code {each.code}"
            more = " (the system may have run out of memory)" if each.code == -9 else ""
            return f"{how}{more}{f': {words}' if words else ''}"
    return None if measured else "ended without an answer"


def programs(jobs: tuple[Job, ...], environ: Mapping[str, str], deadline: float) -> list[Ended]:
    """Runs programs at the same time and waits for all of them, ``deadline`` seconds at most."""
    begun = time.monotonic()
    running: list[_Running] = []
    try:
        for job in sorted(jobs, key=lambda each: each.after):
            time.sleep(max(0.0, min(begun + job.after - time.monotonic(), deadline)))
            running.append(_Running(job, environ))
        for each in running:  # after the last fork: a process with threads is not forked
            each.begin_reading()
        for each in running:
            each.wait(begun + deadline)
    finally:
        for each in running:
            each.kill()
    return [each.ended() for each in running]


class _Running:
    """A program and the thread that reads its output; Windows cannot wait for a pipe with a timeout."""

    def __init__(self, job: Job, environ: Mapping[str, str]) -> None:
        import threading

        self._output, self._late = bytearray(), False
        self._why: str | None = None
        self._program: started.Program | None = None
        self._forget: Callable[[], None] = lambda: None
        self._reader = threading.Thread(target=self._read, daemon=True)
        try:
            with ending.held():
                self._program = started.start(job.argv, environ, child.root(), errors=True)
                self._forget = ending.on_end(self.kill)
        except (OSError, ValueError) as error:
            self._why = getattr(error, "strerror", None) or str(error)

    def begin_reading(self) -> None:
        if self._program is not None:
            self._reader.start()

    def _read(self) -> None:
        stream = self._program.stdout if self._program else None
        descriptor = stream.fileno() if stream else -1
        while stream is not None and len(self._output) < _MOST_OUTPUT:
            try:
                data = os.read(descriptor, 1 << 16)
            except OSError:
                return
            if not data:
                return
            self._output += data

    def wait(self, until: float) -> None:
        """Until its output and itself have ended, or it printed too much."""
        if self._program is None:
            return
        self._reader.join(max(0.0, until - time.monotonic()))
        self._late = self._reader.is_alive()
        if not self._late and len(self._output) < _MOST_OUTPUT:
            self._program.wait(max(0.0, until - time.monotonic()))
            self._late = self._program.returncode is None

    def kill(self) -> None:
        """With its process group; also what it left running."""
        if self._program is not None:
            if self._program.returncode is None:
                started.end(self._program, _END_SECONDS)
            self._forget()

    def ended(self) -> Ended:
        if self._program is None:
            return Ended(output="", not_started=self._why)
        output = bytes(self._output[:_MOST_OUTPUT]).decode("utf-8", "replace")
        if self._late:
            return Ended(output=output, late=True)
        if len(self._output) >= _MOST_OUTPUT:
            return Ended(output=output, too_much=True)
        return Ended(output=output, code=self._program.returncode, not_started=self._program.why_not())
