"""Show the inventory of this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from llmcheck.cli import named
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import DOCUMENTS, MachineOptions, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write

if TYPE_CHECKING:
    from llmcheck.schema.redaction import Redaction


def _file(context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Raises UsageError for standard output, which has the answer itself."""
    if value == "-":
        raise click.UsageError("--save is for a file; for standard output: llmcheck machine --format json", context)
    return value


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck machine\n  llmcheck machine --explain\n  llmcheck machine --save machine.json\n"
    "  llmcheck check inference-7b --machine machine.json",
)
@click.option(
    "--save",
    metavar="FILE",
    callback=_file,
    help="Also write a snapshot that --machine judges to the same findings.",
)
@click.option(
    "--redact",
    type=click.Choice(["none", "standard", "strict"]),
    help="Remove what identifies this machine or user. Default: standard for files, none for the screen.",
)
@click.option("--explain", is_flag=True, help="Show for each fact where it was read, and how long its probe took.")
@click.option(
    "--measure", multiple=True, type=click.Choice(["disk"]), help="disk: time reads that bypass the page cache."
)
@machine_options
@output_options(*DOCUMENTS)
def command(
    save: str | None,
    redact: Redaction | None,
    explain: bool,
    measure: tuple[str, ...],
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    other = output_options.output
    if save is not None:
        if other is not None and named.are_one_file(save, other):
            raise click.UsageError(f"--save and --output both name {save}")
        named.refuse_inputs()
    source = machine_source(machine_options, explain=explain, measure=measure, model_caches=True, kernel_log=True)
    from llmcheck import api

    found = source()
    home = os.path.expanduser("~") if machine_options.machine is None else None
    if save is not None:
        snapshot = OutputOptions(format="json", output=save, color="never", verbose=0)
        write(api.redacted(found, redact or "standard", home), snapshot)
    level: Redaction = redact or ("none" if output_options.output is None else "standard")
    write(api.redacted(found, level, home), output_options)
    return 0
