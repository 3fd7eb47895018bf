"""The machine to judge: this one, a saved one, or one described in words."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from llmcheck import catalog
from llmcheck.errors import InspectionError, UsageError
from llmcheck.gpus import torch_support
from llmcheck.gpus.identify import identify
from llmcheck.packages import problems
from llmcheck.probe import PROBE_SECONDS, TOTAL_SECONDS, Inspection, Request
from llmcheck.schema.machine import Machine
from llmcheck.schema.redaction import Redaction, redact
from llmcheck.system import answering, worker
from llmcheck.system.host import Host
from llmcheck.system.interpreter import InterpreterQuery, choose, in_prefix

if TYPE_CHECKING:
    from llmcheck.schema.asked import Ask, Asked
    from llmcheck.whatif.parse import WhatIf

MachineSource = Callable[[], Machine]
"""A function that returns the machine; for this machine it waits for the end of the inspection."""
GivenMachine = Machine | MachineSource | str | None
"""A machine, a function that returns one, what ``load_machine`` takes, or None: this machine, inspected now."""


def machine_of(given: GivenMachine) -> Machine:
    """The machine that a caller means. Raises DataError, UsageError, and InspectionError."""
    if isinstance(given, Machine):
        return given
    if given is None:
        return inspect()
    return load_machine(given) if isinstance(given, str) else given()


def words_of(given: GivenMachine, words: str | None = None) -> str | None:
    """How the commands of an answer name the machine: ``words``, else the text that named it; None: it is this one."""
    return given if words is None and isinstance(given, str) else words


def inspect(
    *,
    python: str | None = None,
    path: str | None = None,
    probe_net: bool = False,
    explain: bool = False,
    probe_seconds: float = PROBE_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
) -> Machine:
    """This machine: its GPUs, memory, disks, interconnect and packages. Nothing of it is run or written.

    ``python``: the project's interpreter, by path or name; None: that of the active environment, as the command finds
    it. ``path``: another folder whose disk is judged, such as the one for models. ``probe_net``: use the network, to
    test whether the hub and the package index can be reached. ``explain``: record where each fact was read.
    ``probe_seconds`` and ``total_seconds``: limits for each probe and for all. What could not be found out is None,
    and ``Machine.problems`` has the reason. Raises InspectionError if nothing could be, and UsageError for a path that
    is not there.
    """
    if path is not None and not answering.kind(os.path.expanduser(path), "path"):
        raise UsageError(f"path {path}: no such folder")
    host = Host()
    query = InterpreterQuery(choose(python, host.environ, host.cwd), seconds=probe_seconds)
    wait = start_inspection(
        query,
        path,
        probe_seconds,
        total_seconds,
        explain=explain,
        probe_net=probe_net,
        modules=modules,
        model_caches=True,
        kernel_log=True,
    )
    try:
        return wait()
    except BaseException:  # Ctrl-C in a notebook, whose process goes on
        worker.end_children()
        raise


def python_of(folder: str, python: str | None = None) -> str | None:
    """The interpreter to inspect when a plan installs into ``folder``: that of the environment there, else ``python``.

    ``python``: the interpreter that the user named; the plan creates the environment with it. Raises UsageError where
    it is given and ``folder`` already is an environment.
    """
    path = os.path.abspath(os.path.expanduser(folder))
    existing = answering.apart(lambda: in_prefix(path), [("--venv", path)]) if folder.strip() else None
    if existing is not None and python is not None:
        raise UsageError(f"--venv {folder}: this environment exists and its Python is judged: leave out --python")
    return existing or python


def modules() -> tuple[str, ...]:
    """The import names of all libraries. An inspection looks for their files, because metadata may be outdated."""
    return tuple(each.import_name for each in catalog.libraries().values() if each.import_name)


def start_inspection(
    query: InterpreterQuery | None = None,
    path: str | None = None,
    probe_seconds: float = PROBE_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    *,
    explain: bool = False,
    probe_net: bool = False,
    measure: Sequence[str] = (),
    modules: Callable[[], tuple[str, ...]] | None = None,
    model_caches: bool = False,
    kernel_log: bool = False,
) -> MachineSource:
    """Starts the inspection of this machine; the returned function waits for it.

    ``query``: a query of the project's interpreter that has already started; None starts one. ``path``: another folder
    whose disk is inspected and judged. ``probe_seconds`` and ``total_seconds``: time limits for each probe and for all.
    ``explain``: record where each fact was read. ``probe_net``: use the network, to test whether the hub and the
    package index can be reached. ``measure``: ``disk`` times reads. ``modules``: returns the import names to look
    for on the interpreter's path. ``model_caches``: list the models that were downloaded before. ``kernel_log``: look
    for errors of GPUs in it. The returned function
    raises InspectionError if nothing could be found out.
    """
    host = Host()
    query = query or InterpreterQuery(choose(None, host.environ, host.cwd))
    request = Request(
        path=path,
        python=query.choice,
        probe_net=probe_net,
        measure=tuple(measure),
        modules=modules,
        model_caches=model_caches,
        kernel_log=kernel_log,
    )
    inspection = Inspection(host, request, probe_seconds, total_seconds, lambda: query.answer(probe_seconds))

    def machine() -> Machine:
        found = inspection.machine(explain)
        if found.gpus:
            found = identify(found, catalog.gpu_specs())
        found = _with_problems(found)
        if found.os is None and found.cpu.threads is None and found.ram.total is None:
            reasons = "; ".join(problem.message for problem in found.problems)
            raise InspectionError(f"this machine could not be inspected: {reasons}")
        return found

    return machine


def ask_machine(asks: Sequence[Ask], probe_seconds: float, total_seconds: float) -> Asked:
    """Answers what profiles ask of this machine beyond its inventory, within so many seconds for each file and for all;
    a program has its own limit.
    """
    from llmcheck.probe import _asked  # few profiles ask anything

    return _asked.ask(Host(), asks, probe_seconds, total_seconds)


def _with_problems(machine: Machine) -> Machine:
    """Adds problems of the installed packages. Reads the tables only if there are such packages."""
    if machine.software.torch is None:
        machine = torch_support.with_problems(machine, (), ())
    else:
        machine = torch_support.with_problems(machine, catalog.torch_wheels(), catalog.cuda_drivers())
    if machine.software.torch is not None and torch_support.may_not_run(machine):
        from llmcheck.install import run_time  # 3 ms, on few machines

        machine = run_time.with_problems(machine, catalog.libraries, catalog.cuda_drivers)
    return problems.with_problems(machine, _pair_tables, _package_names)


def _pair_tables() -> problems.PairTables:
    return problems.PairTables(catalog.package_pairs(), catalog.torch_companions(), catalog.torch_wheels)


def _package_names() -> dict[str, str]:
    """How the libraries of the catalogue are spelled, by distribution, where that is the same word."""
    return {
        name: library.name if library.name.lower().replace(" ", "-") == name else name
        for library in catalog.libraries().values()
        for name in library.distributions
    }


_LARGEST_MACHINE = 128 * 2**20
"""Bytes: a machine with 100,000 GPUs takes 80 MB."""


def hypothetical_machine(text: str) -> WhatIf:
    """A machine described in words, such as ``2x RTX 4090, 64 GB RAM``. Raises DataError for other text."""
    from llmcheck.whatif import parse  # few commands need it

    return parse.machine(text, catalog.gpu_specs())


def in_words(text: str) -> bool:
    """Whether a text describes a machine and is not the name of a file, nor of one that is there."""
    from llmcheck.whatif import parse

    return parse.looks_like(text) and not answering.kind(os.path.expanduser(text))


def load_machine(name: str) -> Machine:
    """A machine from a file that ``llmcheck machine --save`` wrote, from a report, or in words; ``-`` is stdin.

    Words are such as ``2x RTX 4090, 64 GB RAM``: its GPUs are idle, and nothing is known of its software. What cannot
    be true in a file is unknown, with a problem that says why. Raises DataError for any other file or text.
    """
    if in_words(name):
        return hypothetical_machine(name).machine
    where = "standard input" if name == "-" else name
    from llmcheck.api import saved_machine  # this machine is not saved
    from llmcheck.system import outside

    hint = "write one with 'llmcheck machine --format json --output machine.json'"
    data = outside.read_document(name, _LARGEST_MACHINE, "a saved machine", f"machine file {where}", hint)

    found = saved_machine.read_machine(data, f"machine file {where}")
    return _completed(found)


def _completed(machine: Machine) -> Machine:
    """Adds published figures of the GPUs and current problems to a saved machine."""
    if any(gpu.spec is None for gpu in machine.gpus or ()):
        known = identify(machine, catalog.gpu_specs())
        gpus = tuple(
            new if old.spec is None else old for old, new in zip(machine.gpus or (), known.gpus or (), strict=True)
        )
        machine = msgspec.structs.replace(machine, gpus=gpus)
    return _with_problems(machine)


def redacted(machine: Machine, level: Redaction, home: str | None) -> Machine:
    """The machine without identifying data, as far as ``level`` says.

    ``home``: the user's home folder where ``machine`` is this one; None for a saved machine.
    """
    return redact(machine, level, home)
