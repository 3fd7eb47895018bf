"""What changed between two reports: findings that are worse or better, and facts of the machine that explain it.

Sizes that change by themselves (free memory, temperatures) are left out, but for a disk that lost a tenth of its room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from msgspec.structs import replace

from llmcheck.schema.difference import Changed, Difference, Fact
from llmcheck.schema.machine import Disk, Gpu, Machine
from llmcheck.schema.report import Baseline, Finding, Report
from llmcheck.units import format_gb, format_gib

_FAILED, _OPEN, _WARNED, _FINE = 3, 2, 1, 0


def badness(finding: Finding) -> int:
    """How bad a finding is for a gate: 3 not met, 2 not decided although required, 1 a warning, 0 neither."""
    if finding.status == "fail":
        return _FAILED
    if finding.is_open and finding.level == "required":
        return _OPEN
    return _WARNED if finding.status == "warn" else _FINE


def is_worse(now: Finding, before: Finding | None) -> bool:
    """Whether a finding is worse than it was; of a count of GPUs that is still too low, whether it sank further.

    ``before``: None where there was no such finding, as if it had been met.
    """
    was = _FINE if before is None else badness(before)
    if badness(now) != was or before is None:
        return badness(now) > was
    if was == _FINE or now.found_count is None or before.found_count is None:
        return False
    return now.found_count < before.found_count


def with_baseline(report: Report, saved: Report, file: str) -> Report:
    """The report with ``gate.baseline``, and ``in_baseline`` of each finding that is bad and not worse than it was.

    Its exit code is not decided anew. ``file``: what ``saved`` was read from.
    """
    before = _findings(saved)
    worse, known = [], []
    profiles = []
    for profile in report.profiles:
        findings = []
        for finding in profile.findings:
            name = f"{profile.id}/{finding.id}"
            is_known = badness(finding) > _FINE and not is_worse(finding, before.get(name))
            if is_known:
                known.append(name)
            elif badness(finding) > _FINE:
                worse.append(name)
            findings.append(replace(finding, in_baseline=is_known))
        profiles.append(replace(profile, findings=tuple(findings)))
    baseline = Baseline(file=file, created_at=saved.created_at, worse=tuple(worse), known=tuple(known))
    return replace(report, profiles=tuple(profiles), gate=replace(report.gate, baseline=baseline))


def compare(before: Report, after: Report) -> Difference:
    """What changed from one report to the other."""
    profiles, profiles_after = ({each.id for each in report.profiles} for report in (before, after))
    both = profiles & profiles_after
    was, now = _findings(before, both), _findings(after, both)
    worse, better, other = [], [], []
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name), now.get(name)
        if old is None or new is None:
            other.append(_changed(name, old, new))
        elif is_worse(new, old):
            worse.append(_changed(name, old, new))
        elif badness(new) < badness(old) or is_worse(old, new):
            better.append(_changed(name, old, new))
        elif new.status != old.status:
            other.append(_changed(name, old, new))
    return Difference(
        before_at=before.created_at,
        after_at=after.created_at,
        before=before.verdict,
        after=after.verdict,
        worse=tuple(worse),
        better=tuple(better),
        other=tuple(other),
        profiles_before=tuple(sorted(profiles - both)),
        profiles_after=tuple(sorted(profiles_after - both)),
        facts=tuple(facts(before.machine, after.machine)),
    )


def _findings(report: Report, profiles: Collection[str] | None = None) -> dict[str, Finding]:
    """By name; ``profiles``: only of these, None: of all."""
    return {
        f"{profile.id}/{finding.id}": finding
        for profile in report.profiles
        for finding in profile.findings
        if profiles is None or profile.id in profiles
    }


def _changed(name: str, old: Finding | None, new: Finding | None) -> Changed:
    return Changed(
        name=name,
        before=None if old is None else old.status,
        after=None if new is None else new.status,
        before_found=None if old is None else old.found,
        after_found=None if new is None else new.found,
        message=None if new is None else new.message,
        remedy=None if new is None else new.remedy,
    )


def facts(before: Machine, after: Machine) -> Iterator[Fact]:
    """The facts that differ between two inventories, those that most often break something first."""
    was, now = _facts(before), _facts(after)
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name), now.get(name)
        if old != new:
            yield Fact(name=name, before=old, after=new)
    yield from _disks(before, after)


def _facts(machine: Machine) -> dict[str, str | None]:
    system, python, torch = machine.os, machine.software.python, machine.software.torch
    return {
        "host": machine.identity.hostname,
        **{f"driver {vendor}": driver.version for vendor, driver in machine.drivers.items()},
        **{f"CUDA of driver {vendor}": driver.cuda_version for vendor, driver in machine.drivers.items()},
        "GPUs": None if machine.gpus is None else _gpus(machine.gpus),
        "RAM": None if machine.ram.usable is None else format_gib(machine.ram.usable),
        "CPU": machine.cpu.model,
        "CPU threads": None if machine.cpu.threads_usable is None else str(machine.cpu.threads_usable),
        "system": None if system is None else system.distribution,
        "kernel": None if system is None else system.version,
        "container": None if system is None else system.container,
        "Python": None if python is None else python.version,
        "interpreter": None if python is None else python.executable,
        "PyTorch build": None if torch is None else torch.build,
        **{f"package {name}": version for name, version in _packages(machine).items()},
        **{f"problem {problem.code} ({problem.probe})": problem.message for problem in machine.problems},
    }


def _gpus(gpus: tuple[Gpu, ...]) -> str:
    """``2 x NVIDIA H100 (1 not usable)``."""
    names = Counter(gpu.name for gpu in gpus)
    broken = sum(gpu.usable is False for gpu in gpus)
    words = ", ".join(f"{count} x {name or 'unknown'}" for name, count in names.items()) or "none"
    return f"{words} ({broken} not usable)" if broken else words


def _packages(machine: Machine) -> Mapping[str, str | None]:
    return {each.name: each.version for each in machine.software.packages or ()}


def _disks(before: Machine, after: Machine) -> Iterator[Fact]:
    was = {each.path: each for each in before.disks or ()}
    for disk in after.disks or ():
        old = was.get(disk.path)
        if old is not None and _lost_room(old, disk):
            yield Fact(name=f"free on {disk.path}", before=format_gb(old.free or 0), after=format_gb(disk.free or 0))


def _lost_room(old: Disk, new: Disk) -> bool:
    if old.free is None or new.free is None:
        return False
    return old.free - new.free > 0.1 * (new.size or old.free)
