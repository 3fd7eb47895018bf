"""Print the JSON Schema of a document that llmcheck writes or reads.

Within a version of a document names are only added: a program that reads one goes on working with every later llmcheck.
"""

from __future__ import annotations

import click

from llmcheck.cli.options import OutputOptions, output_options
from llmcheck.cli.output import write

_NAMES = ("machine", "report", "plan", "fit", "offers", "diff", "profile")


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck schema report\n  llmcheck schema profile --output profile.schema.json",
)
@click.argument("document", metavar="DOCUMENT", type=click.Choice(_NAMES))
@output_options("json")
def command(document: str, output_options: OutputOptions) -> int:
    from llmcheck import api

    write(api.schema(document), output_options)
    return 0
