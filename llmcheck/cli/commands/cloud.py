"""List machines to rent that pass a profile, with prices.

These are the offers whose hardware passes PROFILE, cheapest first. Each price has its date and source.
"""

from __future__ import annotations

import click

from llmcheck.cli import completion
from llmcheck.cli.inspect import given_machine
from llmcheck.cli.options import DOCUMENTS, OutputOptions, only_one, output_options
from llmcheck.cli.output import write


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck cloud inference-70b\n  llmcheck cloud pretrain --format json",
)
@click.argument("profile", metavar="PROFILE", shell_complete=completion.profile)
@click.option("--all-tiers", is_flag=True, help="Include community and marketplace machines.")
@click.option(
    "--machine",
    metavar="FILE|WORDS",
    multiple=True,
    callback=only_one,
    help="Also judge this machine, saved or in words.",
)
@output_options(*DOCUMENTS)
def command(profile: str, all_tiers: bool, machine: str | None, output_options: OutputOptions) -> int:
    from llmcheck import api

    write(api.cloud(profile, all_tiers, given_machine(machine) if machine else None), output_options)
    return 0
