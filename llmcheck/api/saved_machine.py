"""Reads the text of a saved machine: which document it is, what of it can be true, and how old it is."""

from __future__ import annotations

import datetime
from collections.abc import Sized

import msgspec

from llmcheck import codec
from llmcheck.errors import DataError
from llmcheck.schema.age import OUTDATED, SavedAge, age_seconds
from llmcheck.schema.gpu import DOUBTFUL
from llmcheck.schema.machine import SCHEMA as MACHINE_SCHEMA
from llmcheck.schema.machine import Machine, Problem
from llmcheck.schema.plausible import plausible
from llmcheck.schema.report import SCHEMA as REPORT_SCHEMA
from llmcheck.schema.software import Torch

_LONGEST = 200_000
"""Entries of one list. A cluster that is saved as one machine has 100,000 GPUs, an environment 2,000 packages."""


class _Header(msgspec.Struct):
    schema: str | None = None


class _ReportHeader(msgspec.Struct):
    machine: _Header


class _SavedReport(msgspec.Struct):
    machine: Machine


def read_machine(data: bytes, where: str) -> Machine:
    """The machine of a machine file's text, or the one that a report of ``check`` or of the overview judged.

    What cannot be true in it is unknown, with a problem that says why. Whether it is too old is asked anew each time:
    that a report once said so is left out. Raises DataError for another document, or another version of it.
    """
    machine = _decoded(data, where)
    codec.refuse_long_numbers(data, machine, where)
    _refuse_long_lists(machine, where)
    if machine.software.torch is None and "torch" in machine.software.versions:  # no inspection leaves that
        software = msgspec.structs.replace(machine.software, torch=Torch())
        machine = msgspec.structs.replace(machine, software=software)
    problems = tuple(each for each in machine.problems if each.code != OUTDATED)
    return plausible(msgspec.structs.replace(machine, problems=problems), datetime.datetime.now(datetime.UTC))


def _decoded(data: bytes, where: str) -> Machine:
    schema = codec.decode_json(data, _Header, where).schema
    if schema == REPORT_SCHEMA:
        _check(codec.decode_json(data, _ReportHeader, where).machine.schema, f"{where}, machine")
        return codec.decode_json(data, _SavedReport, where).machine
    _check(schema, where)
    return codec.decode_json(data, Machine, where)


def _refuse_long_lists(machine: Machine, where: str) -> None:
    """Raises DataError for a list that is longer than that of any machine, with its name."""
    lists: dict[str, Sized | None] = {
        "gpus": machine.gpus,
        "disks": machine.disks,
        "problems": machine.problems,
        "accelerators": machine.accelerators,
        "software.packages": machine.software.packages,
        "software.tools": machine.software.tools,
        "software.issues": machine.software.issues,
        "software.cuda_toolkits": machine.software.cuda_toolkits,
        "fabric.ports": machine.fabric.ports if machine.fabric else None,
        "fabric.nics": machine.fabric.nics if machine.fabric else None,
        **{f"gpus[{index}].processes": gpu.processes for index, gpu in enumerate(machine.gpus or ())},
    }
    for name, entries in lists.items():
        if entries is not None and len(entries) > _LONGEST:
            raise DataError(f"{where}: {name} has {len(entries):,} entries; at most {_LONGEST:,} are read")


def _check(schema: str | None, where: str) -> None:
    if schema == MACHINE_SCHEMA:
        return
    name = (schema or "").partition("/")[0]
    read = next((each for each in (MACHINE_SCHEMA, REPORT_SCHEMA) if each.partition("/")[0] == name), None)
    if read is not None:
        remedy = "inspect that machine again with this llmcheck, or use the one that wrote the file"
        raise DataError(f"{where}: its schema is '{schema}', and this llmcheck reads {read}: {remedy}")
    problem = f"its schema is '{schema}'" if schema else "it names no schema"
    raise DataError(f"{where}: {problem}; expected {MACHINE_SCHEMA}, as 'llmcheck machine --save FILE' writes it")


def saved_age(machine: Machine, name: str) -> SavedAge:
    """How old a machine from a file is now. ``name``: of the file, ``-`` for standard input."""
    return SavedAge(
        name="standard input" if name == "-" else name,
        collected_at=machine.collected_at,
        seconds=age_seconds(machine.collected_at, datetime.datetime.now(datetime.UTC)),
        doubts=sum(problem.code in DOUBTFUL for problem in machine.problems),
    )


def outdated(machine: Machine, message: str) -> Machine:
    """The machine with the problem that it is too old, for which ``check`` leaves all of it undetermined."""
    problem = Problem(probe="machine", code=OUTDATED, message=message, remedy="inspect that machine again")
    return msgspec.structs.replace(machine, problems=(*machine.problems, problem))
