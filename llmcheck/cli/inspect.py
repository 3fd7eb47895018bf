"""The machine that a command judges: this one, a saved one, or one described in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from llmcheck.cli import named
from llmcheck.cli.options import PROBE_TIMEOUT, TIMEOUT, MachineOptions
from llmcheck.cli.output import note_age, print_message, progress
from llmcheck.errors import InspectionError, UsageError

if TYPE_CHECKING:
    from llmcheck.api import MachineSource
    from llmcheck.schema.age import SavedAge
    from llmcheck.schema.machine import Machine


def machine_source(
    options: MachineOptions,
    *,
    explain: bool = False,
    measure: tuple[str, ...] = (),
    modules: Callable[[], tuple[str, ...]] | None = None,
    model_caches: bool = False,
    kernel_log: bool = False,
    judge_outdated: bool = False,
) -> MachineSource:
    """Starts the inspection of this machine, or reads the machine that the options name.

    ``explain``: record where each fact was read. ``measure``: ``disk`` times reads. ``modules``: import names to look
    for on the interpreter's path. ``model_caches``: list the models that were downloaded before. ``kernel_log``: look
    for errors of GPUs in it. The returned function
    waits for the inspection. ``judge_outdated``: a saved machine that is too old is not refused: it has a problem that
    says so. Raises UsageError, DataError, and InspectionError for a machine that is too old.
    """
    _limit_reading(options)
    if options.machine is not None:
        _refuse_inspection_options(options, explain=explain, measure=measure)
        given = given_machine(options.machine, options.max_age, judge_outdated=judge_outdated)
        return lambda: given
    if options.max_age is not None:
        raise UsageError("--max-age is about a saved machine: add --machine FILE")
    named.require_options()
    if options.path is not None and not named.kind(options.path, "--path"):
        raise UsageError(f"--path {options.path}: no such folder")

    from llmcheck.system import answering, worker
    from llmcheck.system.interpreter import LEFT_OUT, InterpreterQuery, choose

    # The interpreter starts while this process imports the other modules.
    folder = _working_directory()
    choice = answering.or_who(
        lambda: choose(options.python, os.environ, folder), lambda: _searched(folder), options.probe_timeout
    )
    query = InterpreterQuery(choice, seconds=options.probe_timeout)
    click.get_current_context().call_on_close(worker.end_children)

    from llmcheck import api

    wait = api.start_inspection(
        query,
        options.path,
        options.probe_timeout,
        options.timeout,
        explain=explain,
        probe_net=options.probe_net,
        measure=measure,
        modules=modules,
        model_caches=model_caches,
        kernel_log=kernel_log,
    )

    def inspected() -> Machine:
        with progress("inspecting this machine ..."):
            machine = wait()
        for problem in machine.problems:
            if problem.code == LEFT_OUT:  # few screens list the problems of software
                print_message(f"{problem.message}; {problem.remedy}")
        return machine

    return inspected


def _refuse_inspection_options(options: MachineOptions, *, explain: bool, measure: tuple[str, ...]) -> None:
    """Raises UsageError for an option that only applies to the inspection of this machine."""
    if options.python is not None or options.path is not None or explain or measure or options.probe_net:
        raise UsageError(
            "--machine is another machine: --python, --path, --probe-net, --explain, --measure are for this one"
        )


def given_machine(text: str, max_age: int | None = None, *, judge_outdated: bool = False) -> Machine:
    """A machine from a file or in words. Prints assumptions to standard error; screens say the age of a file.

    ``max_age``: seconds. A file that is older, or of unknown age, raises InspectionError; with ``judge_outdated`` the
    machine has the problem ``outdated`` instead. Raises DataError.
    """
    named.require([("--machine", text)])
    from llmcheck import api

    if not api.in_words(text):
        machine = api.load_machine(text)
        age = api.saved_age(machine, text)
        note_age(age)
        reason = None if max_age is None else _too_old(age, max_age)
        if reason is None:
            return machine
        if not judge_outdated:
            raise InspectionError(f"{reason}; inspect that machine again: llmcheck machine --save FILE")
        return api.outdated(machine, reason)
    if max_age is not None:
        raise UsageError("--max-age is about a saved machine, and a machine in words has no age")
    hypothetical = api.hypothetical_machine(text)
    for assumption in hypothetical.assumptions:
        print_message(assumption)
    return hypothetical.machine


def _limit_reading(options: MachineOptions) -> None:
    """Without the two options the times of ``answering`` and ``outside`` hold, which few commands import."""
    if (options.probe_timeout, options.timeout) != (PROBE_TIMEOUT, TIMEOUT):
        from llmcheck.system import outside

        named.limit()
        outside.wait_at_most(options.timeout)


def _too_old(age: SavedAge, max_age: int) -> str | None:
    """Why a saved machine does not meet ``--max-age``; None where it does."""
    if age.seconds is not None and age.seconds <= max_age:
        return None
    from llmcheck.render.views.age import age_in_words, in_words

    return f"{age.name}: {age_in_words(age)}, and --max-age is {in_words(max_age)}"


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return os.sep


def _searched(folder: str) -> list[tuple[str, str]]:
    """Where an interpreter is looked for."""
    on_path = (("the folder of PATH", each) for each in os.environ.get("PATH", "").split(os.pathsep) if each)
    return [*named.active_environments(), ("the working directory", folder), *on_path]
