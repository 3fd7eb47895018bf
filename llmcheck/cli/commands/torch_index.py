"""Choose the build of PyTorch for this machine.

It depends on the visible GPUs, the driver, the operating system and the Python version. UV_TORCH_BACKEND decides if
the build that it names works on this machine.
"""

from __future__ import annotations

import click

from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import DOCUMENTS, MachineOptions, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck torch-index\n  llmcheck torch-index --explain\n"
    "  llmcheck torch-index --machine machine.json --format json",
)
@click.option("--explain", is_flag=True, help="Show every test that decided, with its source.")
@machine_options
@output_options(*DOCUMENTS)
def command(explain: bool, machine_options: MachineOptions, output_options: OutputOptions) -> int:
    source = machine_source(machine_options)
    from llmcheck import api

    write(api.torch_index(source, explain=explain), output_options)
    return 0
