"""Judge the machine against profiles: findings and an exit code.

PROFILEs are ids or paths of .toml files.
"""

from __future__ import annotations

import click

from llmcheck.cli import completion, named
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import (
    DOCUMENTS,
    EXIT_CODES,
    MachineOptions,
    OutputOptions,
    ProjectOptions,
    machine_options,
    output_options,
    project_options,
)
from llmcheck.cli.output import write


@click.command(
    help=__doc__,
    epilog=f"\b\nExamples:\n  llmcheck check inference-7b\n  llmcheck check finetune-7b --skip software "
    f"--format json\n  llmcheck check ./our-node.toml --fail-on warn\n\n{EXIT_CODES}",
)
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, shell_complete=completion.profile)
@click.option("--skip", multiple=True, metavar="ID", help="Leave out a requirement or group (hardware, software).")
@click.option("--only", multiple=True, metavar="ID", help="Judge only this requirement or group.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="warn: exit 4 when ready with warnings.",
)
@project_options
@machine_options
@output_options(*DOCUMENTS)
def command(
    profiles: tuple[str, ...],
    skip: tuple[str, ...],
    only: tuple[str, ...],
    fail_on: str,
    project_options: ProjectOptions,
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    named.require_profiles(profiles)
    source = machine_source(machine_options, judge_outdated=True, kernel_log=True)
    from llmcheck import api

    project = project_options.project(reading=output_options.verbose > 0)
    report = api.check(profiles, source, skip, only, fail_on == "warn", project)
    write(report, output_options)
    return report.exit_code
