"""Show how old each table is that ships with llmcheck."""

from __future__ import annotations

import click

from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write


@click.command(help=__doc__)
@output_options(*DOCUMENTS)
def command(output_options: OutputOptions) -> int:
    from llmcheck import api

    write(api.table_ages(), output_options)
    return 0
