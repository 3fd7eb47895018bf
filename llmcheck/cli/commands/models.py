"""List well-known models whose shapes are built in."""

from __future__ import annotations

import click

from llmcheck.cli.groups import Group
from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write


@click.group(cls=Group, help=__doc__)
def command() -> None:
    pass


@command.command("list")
@output_options(*DOCUMENTS)
def list_(output_options: OutputOptions) -> int:
    """All models, with their parameters, those active for a token, and the longest context."""
    from llmcheck import api

    write(api.models(), output_options)
    return 0
