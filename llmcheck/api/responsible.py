"""The checklist of responsible use, with skeletons of a model card and of datasheets."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmcheck import __version__, catalog, codec
from llmcheck.api.judgement import computed_methods
from llmcheck.api.project import named_datasets
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import UsageError
from llmcheck.fit.footprint import USUAL_UTILISATION, footprint
from llmcheck.printable import printable
from llmcheck.schema.library import Checklist, ChecklistArea, ChecklistItem, ModelFacts, Tool
from llmcheck.schema.machine import counted_gpus
from llmcheck.units import format_gb, format_gib

if TYPE_CHECKING:
    from llmcheck.api.inspection import MachineSource
    from llmcheck.schema.machine import Machine
    from llmcheck.schema.profile import Profile
    from llmcheck.tables.duty import Area
    from llmcheck.tables.footprint import GridIntensity, Pue

PARTS = ("checklist", "model-card", "datasheet")
_INDUSTRY = "industry"
_MOST_PUE = 10.0


def checklist(
    name: str,
    machine: MachineSource,
    *,
    parts: Sequence[str] = PARTS,
    datasets: Sequence[str] = (),
    hours: float | None = None,
    utilisation: float = USUAL_UTILISATION,
    pue: str | None = None,
    grid: str | None = None,
) -> Checklist:
    """What responsible use asks of a profile's project, and what is known for its model card.

    ``hours``: of the run; None: as computed, where the profile's workload is a run. ``pue``: a figure or a provider;
    None: the average of the industry. ``grid``: a country or a region; None: no CO2. Raises DataError and UsageError.
    """
    profile = profile_catalog.load(name)
    wanted = named_datasets(datasets)
    place, factor = None if grid is None else grid_place(grid), _pue(pue)
    found = machine()
    gpus = counted_gpus(found)
    computed, count = _computed_run(profile, found)
    return Checklist(
        llmcheck=__version__,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        profile=profile.id,
        path=None if name in profile_catalog.ids() else printable(name),
        title=profile.title,
        task=profile.task,
        parts=tuple(parts),
        areas=tuple(_area(each, profile.task) for each in catalog.duties()),
        model=ModelFacts(
            machine=_machine(found),
            packages=_packages(found),
            method=None if profile.workload is None else profile.workload.method,
            parameters=_parameters(profile),
            footprint=footprint(
                gpus,
                count=max(count, len(gpus)) if gpus else 0,
                hours=computed if hours is None else hours,
                hours_from="computed" if hours is None else "given",
                utilisation=utilisation,
                pue=factor,
                grid=place,
            ),
        ),
        datasets=wanted,
    )


def _area(area: Area, task: str) -> ChecklistArea:
    libraries = catalog.libraries()
    return ChecklistArea(
        id=area.id,
        title=area.title,
        issues=area.issues,
        items=tuple(
            ChecklistItem(id=each.id, text=each.text, documented=each.documented)
            for each in area.duties
            if not each.tasks or task in each.tasks
        ),
        tools=tuple(
            Tool(name=each.name, status=each.status, note=each.note, as_of=each.as_of)
            for each in (libraries[name] for name in area.libraries)
        ),
        note=area.note,
    )


def grid_place(name: str) -> GridIntensity:
    """The carbon intensity of a country or a region, by its code or its name. Raises UsageError with the nearest."""
    places = catalog.grid_intensities()
    known = {key.lower(): each for each in reversed(places) for key in (each.name, each.place)}
    if name.lower() not in known:
        near = codec.did_you_mean(name, [each.place for each in places] + [each.name for each in places])
        raise UsageError(f"--grid: there is no place '{name[:40]}'{near}; a country (DEU) or a region (europe-west4)")
    return known[name.lower()]


def _pue(text: str | None) -> Pue | float:
    table = {each.provider: each for each in catalog.pues()}
    if text is None:
        return table[_INDUSTRY]
    if text.lower() in table:
        return table[text.lower()]
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number <= _MOST_PUE:
        raise UsageError(
            f"--pue: '{text[:40]}' is neither a figure from 1 to {_MOST_PUE:g} nor one of {', '.join(table)}"
        )
    return number


def _computed_run(profile: Profile, machine: Machine) -> tuple[float | None, int]:
    """Hours of the run of the profile's workload on machines like this one, and its GPUs; None, 0: no run of days."""
    for each in computed_methods(profile, machine):
        if each.days is not None:
            return each.days.expected * 24, each.gpus
    return None, 0


def _parameters(profile: Profile) -> tuple[str, ...]:
    if profile.workload is None:
        return ()
    return (profile.workload.model,) if profile.workload.model else profile.workload.parameters


def _machine(machine: Machine) -> tuple[tuple[str, str], ...]:
    gpus: dict[str, int] = {}
    for gpu in counted_gpus(machine):
        name = gpu.name or "a GPU of unknown name"
        words = name if gpu.memory_total is None else f"{name}, {format_gib(gpu.memory_total)}"
        gpus[words] = gpus.get(words, 0) + 1
    facts = [("GPU", f"{count} x {words}" if count > 1 else words) for words, count in gpus.items()]
    if not facts:
        facts.append(("GPU", "not known" if machine.gpus is None else "none"))
    facts += [
        (f"{vendor} driver", driver.version) for vendor, driver in machine.drivers.items() if driver.version is not None
    ]
    if machine.cpu.model:
        facts.append(("Processor", machine.cpu.model))
    if machine.ram.total is not None:
        facts.append(("RAM", format_gb(machine.ram.total)))
    if machine.os is not None:
        facts.append(
            ("System", " ".join(filter(None, (machine.os.distribution, machine.os.system, machine.os.version))))
        )
    if machine.software.python is not None and machine.software.python.version:
        facts.append(("Python", machine.software.python.version))
    return tuple(facts)


def _packages(machine: Machine) -> dict[str, str]:
    known = {name for each in catalog.libraries().values() for name in each.distributions}
    return {name: version for name, version in sorted(machine.software.versions.items()) if name in known and version}
