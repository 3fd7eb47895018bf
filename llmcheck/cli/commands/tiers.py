"""Compare this machine with every documented tier.

Each row is one tier, with the missing software and what the hardware lacks. 'llmcheck check TIER' shows all findings
of one tier with their sources. The exit code is 0.
"""

from __future__ import annotations

import click

from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import DOCUMENTS, MachineOptions, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write


@click.command(help=__doc__)
@machine_options
@output_options(*DOCUMENTS)
def command(machine_options: MachineOptions, output_options: OutputOptions) -> int:
    source = machine_source(machine_options)
    from llmcheck import api

    report = api.overview(source)
    write(report, output_options, tiers=True)
    return report.exit_code
