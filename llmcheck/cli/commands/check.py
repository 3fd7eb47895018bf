"""Judge the machine against profiles: findings and an exit code.

PROFILEs are ids or paths of .toml or .json files. Without one, those are judged that the project's llmcheck.toml names.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from llmcheck.cli import completion, configured, named
from llmcheck.cli.gate import FORMATS, Command, GateOptions, gate_options
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import (
    DOCUMENTS,
    EXIT_CODES,
    MachineOptions,
    OutputOptions,
    ProfileOptions,
    machine_options,
    output_options,
    profile_options,
)
from llmcheck.cli.output import print_message, write
from llmcheck.cli.project import ProjectOptions, project_options
from llmcheck.errors import InspectionError, UsageError

if TYPE_CHECKING:
    from llmcheck.api import MachineSource, Project
    from llmcheck.schema.report import Report


@click.command(
    cls=Command,
    help=__doc__,
    epilog=f"\b\nExamples:\n  llmcheck check inference-7b\n  llmcheck check finetune-7b --skip software "
    f"--format json\n  llmcheck check ./our-node.toml --fail-on warn\n  llmcheck check inference-7b --format github "
    f"--report junit=report.xml\n  llmcheck check inference-7b --wait 2m --quiet\n\n{EXIT_CODES}",
)
@configured.config_option
@click.argument("profiles", metavar="PROFILE...", nargs=-1, shell_complete=completion.profile)
@gate_options
@click.option("--allow-exec", is_flag=True, help="Start the programs that any of these profiles names.")
@profile_options
@project_options
@machine_options
@output_options(*FORMATS)
def command(
    profiles: tuple[str, ...],
    gate_options: GateOptions,
    allow_exec: bool,
    profile_options: ProfileOptions,
    project_options: ProjectOptions,
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    skip, only = configured.of_these_profiles(gate_options.skip, gate_options.only)
    gate_options = gate_options._replace(skip=skip, only=only)
    machine_options = configured.settle(machine_options)
    if not profiles and not gate_options.list_checks:
        raise UsageError(
            "which PROFILE? Name one of 'llmcheck profiles list' or the path of a .toml file, or several in an "
            'llmcheck.toml of the project: profiles = ["inference-7b"]'
        )
    named.require_profiles(profiles)
    if gate_options.list_checks:
        return _list(profiles, gate_options, output_options)
    if gate_options.report:
        named.refuse_doubles()
        named.refuse_inputs()
    if gate_options.wait is not None and machine_options.machine is not None:
        raise UsageError("--wait inspects this machine again; --machine is another one, which does not change")
    project = project_options.project(reading=output_options.verbose > 0)
    try:
        report = _judged(profiles, gate_options, profile_options, machine_options, allow_exec, project)
    except InspectionError as error:
        if gate_options.gate.fail_on in ("unknown", "warn"):
            raise
        print_message(str(error))  # nothing is known, which such a gate lets pass
        return 0
    try:
        write(report, output_options, quiet=gate_options.quiet, reports=gate_options.report)
    except Exception as error:
        if gate_options.preset != "prolog" or report.exit_code != 1:
            raise
        print_message(f"{error}")  # a bad node is drained, although a disk is full or the formats have a bug
    formats = {output_options.format, *(each.format for each in gate_options.report)}
    if "github" in formats:
        from llmcheck.cli import github_files

        github_files.append(report)
    if output_options.format == "nagios":
        from llmcheck.render import nagios

        return nagios.plugin_code(report.exit_code)
    return report.exit_code


def _judged(
    profiles: tuple[str, ...],
    options: GateOptions,
    profile_options: ProfileOptions,
    machine_options: MachineOptions,
    allow_exec: bool,
    project: Project | None,
) -> Report:
    # The inspection starts before the other modules are imported.
    first = [machine_source(machine_options, judge_outdated=True, kernel_log=True)]
    from llmcheck import api

    given = api.given_values(profile_options.set_, profile_options.vars_)
    given = configured.with_variables(given, profile_options.vars_)
    asking = functools.partial(
        api.ask_machine, probe_seconds=machine_options.probe_timeout, total_seconds=machine_options.timeout
    )
    baseline = None if options.baseline is None else (options.baseline, api.load_report(options.baseline))

    def judge() -> Report:
        source = first.pop() if first else _again(machine_options)
        return api.check(
            profiles,
            source,
            options.skip,
            options.only,
            given=given,
            ask=asking if machine_options.machine is None else None,
            allow_exec=allow_exec,
            by_person=not configured.names_the_profiles(),
            gate=options.gate,
            severity=options.severity,
            baseline=baseline,
            project=project,
        )

    if options.wait is None:
        return judge()
    from llmcheck.cli.waiting import Told

    return api.until_ready(judge, options.wait, options.interval, said=Told(quiet=options.quiet))


def _again(options: MachineOptions) -> MachineSource:
    """The machine inspected anew; what the last inspection left is ended, or many tries would leave many processes."""
    from llmcheck.system import worker

    worker.end_children()
    return machine_source(options, judge_outdated=True, kernel_log=True)


def _list(profiles: tuple[str, ...], options: GateOptions, output_options: OutputOptions) -> int:
    if output_options.format not in DOCUMENTS or options.report:
        raise UsageError(f"--list-checks writes {', '.join(DOCUMENTS)}, and judges nothing to report")
    from llmcheck import api

    write(api.checks(profiles, options.severity), output_options)
    return 0
