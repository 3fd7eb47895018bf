"""Reads one machine: ``inspect(host) -> Machine``. A probe that fails or is late becomes a Problem; the rest is told.

Every module here and in gpu/ is one probe: ``probe(host, request) -> Reading``. Adding one is writing its file.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from llmcheck import __version__, codec, registry
from llmcheck.host import Child, Host, ThreadChild, start
from llmcheck.machine import (
    Accelerator,
    Access,
    Cpu,
    Disk,
    Driver,
    Fabric,
    Gpu,
    Identity,
    Limits,
    Machine,
    Os,
    Problem,
    Ram,
    Software,
)

PROBE_SECONDS = 10.0
TOTAL_SECONDS = 45.0

# What may hang for its own reasons gets its own lane, so that it delays nothing else: a driver, a mount.
_LANES = (("gpu.nvidia",), ("disk", "software"))


class Request(Struct, frozen=True, kw_only=True):
    """What the user asked to be looked at."""

    path: str | None = None
    """``--path``."""
    python: tuple[str, str] | None = None
    """The interpreter to look into and why; None: none was found."""
    python_answer: bytes | None = None
    """What that interpreter said of itself; None if it did not answer."""
    probe_net: bool = False
    """``--probe-net``: the network may be used, for this alone."""
    measure: tuple[str, ...] = ()
    """``--measure``: what is to be measured; ``disk``."""


class Reading(Struct, frozen=True, kw_only=True):
    """The part of a Machine that one probe found out."""

    os: Os | None = None
    hostname: str | None = None
    cpu: Cpu | None = None
    ram: Ram | None = None
    disks: tuple[Disk, ...] | None = None
    gpus: tuple[Gpu, ...] | None = ()
    """() from the probes that do not look for GPUs; None from one that could not list them."""
    gpu_uuids: tuple[str, ...] = ()
    drivers: dict[str, Driver] = {}
    accelerators: tuple[Accelerator, ...] = ()
    fabric: Fabric | None = None
    limits: Limits | None = None
    access: Access | None = None
    sources: dict[str, str] = {}
    """Where facts were read, by their path in the Machine (``ram.limit``)."""
    software: Software | None = None
    problems: tuple[Problem, ...] = ()


class _Frame(Struct, frozen=True, kw_only=True):
    probe: str
    reading: Reading | None = None
    error: str | None = None


def names() -> tuple[str, ...]:
    """All probes: the modules of this folder and ``gpu.`` with those of gpu/."""
    gpu = tuple(f"gpu.{name}" for name in registry.names(f"{__name__}.gpu"))
    return (*gpu, *registry.names(__name__))


class Inspection:
    """An inspection that is under way: started early, so that the probes work while the caller gets ready."""

    def __init__(
        self, host: Host, request: Request, probe_seconds: float = PROBE_SECONDS, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        known = names()
        lanes = [tuple(name for name in lane if name in known) for lane in _LANES]
        placed = {name for lane in lanes for name in lane}
        lanes.append(tuple(name for name in known if name not in placed))
        self._host, self._request, self._probe_seconds = host, request, probe_seconds
        self._end = time.monotonic() + total_seconds
        self._under_way = [(lane, self._start(lane)) for lane in lanes if lane]

    def _start(self, lane: Sequence[str]) -> Child | ThreadChild:
        return start(lambda send: _run(self._host, self._request, lane, send))

    def machine(self) -> Machine:
        """Waits for the probes, each at most its deadline, and puts the Machine together."""
        readings: list[Reading] = []
        for lane, child in self._under_way:
            readings += self._collect(lane, child)
        return assemble(readings)

    def _collect(self, lane: Sequence[str], child: Child | ThreadChild) -> list[Reading]:
        readings: list[Reading] = []
        waiting = list(lane)
        while waiting:
            deadline = min(self._end, time.monotonic() + self._probe_seconds)
            try:
                data = child.frame(deadline)
            except TimeoutError:
                child.leave()
                readings.append(_late(waiting.pop(0), self._probe_seconds))
                if waiting:
                    child = self._start(waiting)
                continue
            if data is None:
                died = child.leave()
                readings.append(_died(waiting.pop(0), died))
                if waiting:
                    child = self._start(waiting)
                continue
            frame = codec.unpack(data, _Frame)
            waiting.remove(frame.probe)
            readings.append(frame.reading or _failed(frame.probe, frame.error or "no reading"))
            if not waiting:
                child.leave()
        return readings


def _run(host: Host, request: Request, lane: Sequence[str], send: Callable[[bytes], None]) -> None:
    for name in lane:
        try:
            frame = _Frame(probe=name, reading=registry.load(__name__, name).probe(host, request))
        except Exception as error:  # whatever the machine does to a probe, the rest must be reported
            frame = _Frame(probe=name, error=f"{type(error).__name__}: {error}")
        send(codec.pack(frame))


def assemble(readings: Sequence[Reading]) -> Machine:
    """One Machine from the readings; GPUs of several vendors stand side by side, and nothing is invented."""
    found: dict[str, object] = {}
    for reading in readings:
        for field in ("os", "cpu", "ram", "disks", "fabric", "limits", "access", "software"):
            value = getattr(reading, field)
            if value is not None:
                found[field] = value
    listed = [reading.gpus for reading in readings]
    gpus = tuple(gpu for group in listed if group is not None for gpu in group)
    uuids = tuple(uuid for reading in readings for uuid in (*reading.gpu_uuids, *_blank(reading)))
    hostname = next((reading.hostname for reading in readings if reading.hostname), None)
    machine = Machine(
        llmcheck=__version__,
        collected_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        identity=Identity(hostname=hostname, gpu_uuids=uuids),
        gpus=gpus if gpus or None not in listed else None,
        drivers={vendor: driver for reading in readings for vendor, driver in reading.drivers.items()},
        accelerators=tuple(accelerator for reading in readings for accelerator in reading.accelerators),
        problems=tuple(problem for reading in readings for problem in reading.problems),
    )
    return msgspec.structs.replace(machine, **found)


def _blank(reading: Reading) -> tuple[str, ...]:
    return ("",) * (len(reading.gpus or ()) - len(reading.gpu_uuids))


def _late(probe: str, seconds: float) -> Reading:
    message = f"{probe} gave no answer within {seconds:g} s and was left behind"
    remedy = "the driver may be stuck: look at 'dmesg', then reset or reboot" if probe.startswith("gpu.") else None
    return _without(probe, Problem(probe=probe, code="deadline", message=message, remedy=remedy))


def _died(probe: str, signal_number: int | None) -> Reading:
    how = f"signal {signal_number}" if signal_number else "no word"
    return _without(probe, Problem(probe=probe, code="crashed", message=f"{probe} ended with {how}"))


def _failed(probe: str, error: str) -> Reading:
    return _without(probe, Problem(probe=probe, code="failed", message=f"{probe} failed: {error}"))


def _without(probe: str, problem: Problem) -> Reading:
    """A reading without facts; a driver that did not answer is unknown, not absent."""
    if not probe.startswith("gpu."):
        return Reading(problems=(problem,))
    vendor = probe.removeprefix("gpu.")
    return Reading(gpus=None, drivers={vendor: Driver(fault=problem.code)}, problems=(problem,))
