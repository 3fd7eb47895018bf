"""Show what changed between two saved reports or machines, since it worked.

BEFORE and AFTER are what 'llmcheck check PROFILE --format json' or 'llmcheck machine --save' wrote; '-' is standard
input. The exit code is 1 if a finding is worse, else 0.
"""

from __future__ import annotations

import click

from llmcheck.cli import named
from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write
from llmcheck.errors import UsageError


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck check inference-7b --format json --output worked.json\n"
    "  llmcheck check inference-7b --format json | llmcheck diff worked.json -",
)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@output_options(*DOCUMENTS)
def command(before: str, after: str, output_options: OutputOptions) -> int:
    if before == after == "-":
        raise UsageError("only one of the two can be standard input")
    named.require([("", before), ("", after)])
    from llmcheck import api

    found = api.compare(before, after)
    write(found, output_options)
    return found.exit_code
