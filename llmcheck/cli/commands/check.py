"""Judge the machine against profiles: findings and an exit code.

PROFILEs are ids or paths of .toml or .json files. Without one, those are judged that the project's llmcheck.toml names.
"""

from __future__ import annotations

import functools

import click

from llmcheck.cli import completion, configured, named
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
from llmcheck.cli.output import write
from llmcheck.errors import UsageError


@click.command(
    help=__doc__,
    epilog=f"\b\nExamples:\n  llmcheck check inference-7b\n  llmcheck check finetune-7b --skip software "
    f"--format json\n  llmcheck check ./our-node.toml --fail-on warn\n\n{EXIT_CODES}",
)
@configured.config_option
@click.argument("profiles", metavar="PROFILE...", nargs=-1, shell_complete=completion.profile)
@click.option("--skip", multiple=True, metavar="ID", help="Leave out a requirement, tag or group (hardware, software).")
@click.option("--only", multiple=True, metavar="ID", help="Judge only this requirement, tag or group.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="warn: exit 4 when ready with warnings.",
)
@click.option("--allow-exec", is_flag=True, help="Start the programs that any of these profiles names.")
@profile_options
@machine_options
@output_options(*DOCUMENTS)
def command(
    profiles: tuple[str, ...],
    skip: tuple[str, ...],
    only: tuple[str, ...],
    fail_on: str,
    allow_exec: bool,
    profile_options: ProfileOptions,
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    skip, only = configured.of_these_profiles(skip, only)
    machine_options = configured.settle(machine_options)
    if not profiles:
        raise UsageError(
            "which PROFILE? Name one of 'llmcheck profiles list' or the path of a .toml file, or several in an "
            'llmcheck.toml of the project: profiles = ["inference-7b"]'
        )
    named.require_profiles(profiles)
    source = machine_source(machine_options, judge_outdated=True, kernel_log=True)
    from llmcheck import api

    given = api.given_values(profile_options.set_, profile_options.vars_)
    given = configured.with_variables(given, profile_options.vars_)
    asking = functools.partial(
        api.ask_machine, probe_seconds=machine_options.probe_timeout, total_seconds=machine_options.timeout
    )
    ask = asking if machine_options.machine is None else None
    by_person = not configured.names_the_profiles()
    report = api.check(profiles, source, skip, only, fail_on == "warn", given, ask, allow_exec, by_person)
    write(report, output_options)
    return report.exit_code
