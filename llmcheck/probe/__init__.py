"""Inspects one machine. A probe that fails or is late becomes a Problem; the others are reported.

Every module here and in gpu/ is one probe: ``probe(host, request) -> Reading``. To add a probe, write its file. A
module in gpu/ has the name of its vendor in ``gpus.vendors``: a probe that gives no answer is filed under that vendor.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from llmcheck import __version__, codec, registry
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.schema.gpu import NOT_LISTABLE
from llmcheck.schema.machine import (
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
    ModelCache,
    NvmeDrive,
    Os,
    Problem,
    Ram,
    Software,
    Source,
)
from llmcheck.system.host import Host
from llmcheck.system.interpreter import InterpreterChoice
from llmcheck.system.worker import Child, ThreadChild, leave_working_directory, start

PROBE_SECONDS = 10.0
TOTAL_SECONDS = 45.0

# Probes that may hang, in a driver or on a mount, run in lanes of their own, so that they do not delay the others.
_LANES = (("gpu.nvidia",), ("disk", "software"))
_NEEDS_INTERPRETER = "software"
_PARTS = ("os", "cpu", "ram", "disks", "nvme_drives", "model_caches", "fabric", "limits", "access", "software")
"""The parts of a Machine that one probe reads as a whole."""
_CACHES = "model_caches"
"""The probe that runs only where it is asked for."""


class Request(Struct, frozen=True, kw_only=True):
    """The user's options for an inspection."""

    path: str | None = None
    """``--path``."""
    python: InterpreterChoice | None = None
    """The project's interpreter; None if none was found."""
    python_answer: bytes | None = None
    """What its files tell of it, or its own output; None if there is neither."""
    probe_net: bool = False
    """``--probe-net``: whether the network may be used."""
    measure: tuple[str, ...] = ()
    """``--measure``: the measurements to make; ``disk``."""
    modules: Callable[[], tuple[str, ...]] | None = None
    """Returns the modules to look for on the interpreter's path. Only the probe calls it, so that no other code waits
    while the table with their names is read."""
    kernel_log: bool = False
    """Whether to look for errors of GPUs in the kernel's log."""
    model_caches: bool = False
    """Whether to list the models that were downloaded before."""


class Reading(Struct, frozen=True, kw_only=True):
    """The part of a Machine that one probe read."""

    os: Os | None = None
    hostname: str | None = None
    cpu: Cpu | None = None
    ram: Ram | None = None
    disks: tuple[Disk, ...] | None = None
    nvme_drives: tuple[NvmeDrive, ...] | None = None
    model_caches: tuple[ModelCache, ...] | None = None
    gpus: tuple[Gpu, ...] | None = ()
    """() from a probe that does not look for GPUs; None from one that could not list them."""
    gpu_uuids: tuple[str, ...] = ()
    drivers: dict[str, Driver] = {}
    accelerators: tuple[Accelerator, ...] = ()
    fabric: Fabric | None = None
    limits: Limits | None = None
    access: Access | None = None
    sources: dict[str, str] = {}
    """Where each fact was read, by its path in the Machine (``ram.limit``)."""
    software: Software | None = None
    problems: tuple[Problem, ...] = ()


class _Frame(Struct, frozen=True, kw_only=True):
    """A message of a child about one probe: its reading so far, or its final one."""

    probe: str
    reading: Reading | None = None
    error: str | None = None
    final: bool = True
    at: float = 0.0
    """Time on the monotonic clock, which parent and child share."""
    seconds: float = 0.0
    """How long the probe has taken."""


def names() -> tuple[str, ...]:
    """All probes: the modules of this folder, and those of gpu/ as ``gpu.NAME``."""
    gpu = tuple(f"gpu.{name}" for name in registry.names(f"{__name__}.gpu"))
    return (*gpu, *registry.names(__name__))


def _lanes(request: Request) -> list[tuple[str, ...]]:
    """The probes by lane; all without a lane of their own share the last one.

    Network requests and caches, which may lie on a dead mount, get their own lanes.
    """
    known = tuple(name for name in names() if request.model_caches or name != _CACHES)
    separate = (*_LANES, *((("access",),) if request.probe_net else ()), (_CACHES,))
    lanes = [tuple(name for name in lane if name in known) for lane in separate]
    placed = {name for lane in lanes for name in lane}
    return [lane for lane in (*lanes, tuple(name for name in known if name not in placed)) if lane]


class Inspection:
    """A running inspection. It is started early, so that the probes run while the caller imports its modules."""

    def __init__(
        self,
        host: Host,
        request: Request,
        probe_seconds: float = PROBE_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        answer: Callable[[], bytes | None] | None = None,
    ) -> None:
        """``answer`` returns ``Request.python_answer``. It is called after the probes that do not need it have
        started."""
        self._host, self._request, self._probe_seconds = host, request, probe_seconds
        self._end = time.monotonic() + total_seconds
        lanes = _lanes(request)
        self._lanes = [_Lane(self, lane) for lane in lanes if _NEEDS_INTERPRETER not in lane]
        if answer is not None:
            self._request = msgspec.structs.replace(request, python_answer=answer())
        self._lanes += [_Lane(self, lane) for lane in lanes if _NEEDS_INTERPRETER in lane]

    def start(self, probes: Sequence[str]) -> Child | ThreadChild:
        """Start a child that runs these probes one after the other."""
        return start(lambda send: _run(self._host, self._request, probes, send))

    def deadline(self, since: float) -> float:
        """The time by which a probe that began at ``since`` has to finish."""
        return min(self._end, since + self._probe_seconds)

    def over(self) -> bool:
        """Whether the time limit of the inspection has passed."""
        return time.monotonic() >= self._end

    def machine(self, explain: bool = False) -> Machine:
        """Wait for each probe until its deadline, then build the Machine.

        ``explain``: record where each fact was read.
        """
        frames = [frame for lane in self._lanes for frame in lane.collect()]
        machine = assemble([frame.reading or Reading() for frame in frames])
        if not explain:
            return machine
        return msgspec.structs.replace(machine, sources=tuple(_sources(frames)))


class _Lane:
    """Probes that run one after the other in one child; when one is late, a new child runs the others."""

    def __init__(self, inspection: Inspection, probes: Sequence[str]) -> None:
        self._inspection, self._waiting = inspection, list(probes)
        self._child = inspection.start(probes)
        self._since = time.monotonic()

    def collect(self) -> list[_Frame]:
        """One frame for each probe, also for those that failed."""
        done: list[_Frame] = []
        so_far: _Frame | None = None
        while self._waiting:
            probe = self._waiting[0]
            try:
                data = self._child.frame(self._inspection.deadline(self._since))
            except TimeoutError:
                self._child.leave()
                done.append(_late(probe, time.monotonic() - self._since, so_far))
            else:
                frame = codec.unpack(data, _Frame) if data is not None else None
                if frame is not None and not frame.final:
                    so_far = frame
                    continue
                if frame is not None:
                    done.append(frame if frame.reading else _failed(frame))
                    self._waiting.pop(0)
                    self._since, so_far = frame.at, None
                    continue
                done.append(_died(probe, self._child.leave(), so_far))
            self._waiting.pop(0)
            so_far = None
            if not self._restart():
                done += [_late(probe, 0.0, None) for probe in self._waiting]
                return done
        self._child.leave()
        return done

    def _restart(self) -> bool:
        """Start the remaining probes in a new child; False if none remain or the time is over."""
        if not self._waiting or self._inspection.over():
            return False
        self._child = self._inspection.start(self._waiting)
        self._since = time.monotonic()
        return True


def _run(host: Host, request: Request, probes: Sequence[str], send: Callable[[bytes], None]) -> None:
    for name in probes:
        began = time.monotonic()
        if name.startswith("gpu."):
            leave_working_directory()

        def report(began: float = began, name: str = name, **facts: Any) -> None:
            now = time.monotonic()
            send(codec.pack(_Frame(probe=name, at=now, seconds=now - began, **facts)))

        try:
            result = registry.load(__name__, name).probe(host, request)
            reading = None if isinstance(result, Iterator) else result
            for reading in result if isinstance(result, Iterator) else ():
                report(reading=reading, final=False)
            report(reading=reading)
        except Exception as error:  # an unexpected machine must not hide the results of the other probes
            report(error=f"{type(error).__name__}: {error}")


def assemble(readings: Sequence[Reading]) -> Machine:
    """Combine the readings into one Machine; the GPUs of all vendors are in one list."""
    found: dict[str, object] = {}
    for reading in readings:
        for field in _PARTS:
            value = getattr(reading, field)
            if value is not None:
                found[field] = value
    listed = [reading.gpus for reading in readings]
    gpus = tuple(gpu for group in listed if group is not None for gpu in group)
    uuids = tuple(uuid for reading in readings for uuid in (*reading.gpu_uuids, *_missing_uuids(reading)))
    ram = found.get("ram")
    if isinstance(ram, Ram):
        gpus = tuple(_with_shared_memory(gpu, ram) for gpu in gpus)
    matrix = nvlink_matrix(gpus)
    if matrix is not None:
        fabric = found.get("fabric")
        known = fabric if isinstance(fabric, Fabric) else Fabric()
        found["fabric"] = msgspec.structs.replace(known, nvlink_matrix=matrix)
    hostname = next((reading.hostname for reading in readings if reading.hostname), None)
    now = datetime.datetime.now(datetime.UTC)
    machine = Machine(
        llmcheck=__version__,
        collected_at=now.isoformat(timespec="seconds"),
        identity=Identity(hostname=hostname, gpu_uuids=uuids),
        gpus=gpus if gpus or None not in listed else None,
        drivers={vendor: driver for reading in readings for vendor, driver in reading.drivers.items()},
        accelerators=tuple(accelerator for reading in readings for accelerator in reading.accelerators),
        problems=tuple(
            problem for reading in readings for problem in reading.problems if not gpus or problem.code != NOT_LISTABLE
        ),
    )
    from llmcheck.schema.plausible import plausible  # while the probes start, nothing else is imported

    return plausible(msgspec.structs.replace(machine, **found), now)


def _with_shared_memory(gpu: Gpu, ram: Ram) -> Gpu:
    """Set the memory of a unified GPU to the RAM that this process may use, unless its probe read a limit."""
    if not gpu.unified or gpu.memory_total is not None or gpu.usable is False:
        return gpu
    return with_usable_memory(gpu, ram)


def nvlink_matrix(gpus: Sequence[Gpu]) -> tuple[tuple[int | None, ...], ...] | None:
    """NVLinks between each pair of NVIDIA cards, in their order; None where no card has an active link.

    Through a switch a card reaches every other with all its links, so a pair has as many as the card with fewer links.
    """
    cards = [gpu for gpu in gpus if gpu.vendor == "nvidia" and gpu.parent is None]
    if not any(link.active for gpu in cards for link in gpu.links):
        return None
    return tuple(tuple(0 if here is there else _links_between(here, there) for there in cards) for here in cards)


def _links_between(here: Gpu, there: Gpu) -> int | None:
    if here.nvlinks is None or there.nvlinks is None:
        return None
    switched = [sum(link.active and link.peer == "switch" for link in gpu.links) for gpu in (here, there)]
    direct = [
        sum(link.active and link.peer is not None and _bus(link.peer) == _bus(other.pci_bus_id) for link in gpu.links)
        for gpu, other in ((here, there), (there, here))
    ]
    return min(switched) + min(direct)


def _bus(bus_id: str | None) -> str:
    """A PCI bus id without leading zeros: NVML writes the domain with eight digits, the kernel with four."""
    return (bus_id or "").lower().lstrip("0")


def _missing_uuids(reading: Reading) -> tuple[str, ...]:
    return ("",) * (len(reading.gpus or ()) - len(reading.gpu_uuids))


def _sources(frames: Sequence[_Frame]) -> Iterator[Source]:
    for frame in frames:
        for fact, source in (frame.reading.sources if frame.reading else {}).items():
            yield Source(probe=frame.probe, fact=fact, source=source, seconds=round(frame.seconds, 4))


def _late(probe: str, seconds: float, so_far: _Frame | None) -> _Frame:
    message = f"{probe} gave no answer within {seconds:.3g} s and was abandoned"
    if not seconds:
        message = f"{probe} did not start: the time limit of the inspection was reached"
    remedy = "the driver may be stuck: look at 'dmesg', then reset or reboot" if probe.startswith("gpu.") else None
    return _without(probe, Problem(probe=probe, code="deadline", message=message, remedy=remedy), so_far)


def _died(probe: str, signal_number: int | None, so_far: _Frame | None) -> _Frame:
    how = f"was killed by signal {signal_number}" if signal_number else "ended without a result"
    return _without(probe, Problem(probe=probe, code="crashed", message=f"{probe} {how}"), so_far)


def _failed(frame: _Frame) -> _Frame:
    return _without(
        frame.probe, Problem(probe=frame.probe, code="failed", message=f"{frame.probe}: {frame.error}"), None
    )


def _without(probe: str, problem: Problem, so_far: _Frame | None) -> _Frame:
    """The last reading of a failed probe with the problem; without one, GPUs and driver are unknown, not absent."""
    if so_far is not None and so_far.reading is not None:
        reading = so_far.reading
        gpus = reading.gpus and tuple(
            msgspec.structs.replace(gpu, fault=problem.code) if gpu.usable is None else gpu for gpu in reading.gpus
        )
        problems = (*reading.problems, problem)
        return _Frame(probe=probe, reading=msgspec.structs.replace(reading, gpus=gpus, problems=problems))
    if not probe.startswith("gpu."):
        return _Frame(probe=probe, reading=Reading(problems=(problem,)))
    vendor = probe.removeprefix("gpu.")
    drivers = {vendor: Driver(fault=problem.code)}
    return _Frame(probe=probe, reading=Reading(gpus=None, drivers=drivers, problems=(problem,)))
