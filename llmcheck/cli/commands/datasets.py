"""List or show the datasets of the document: sizes, licence, and whether they can be had."""

from __future__ import annotations

import click

from llmcheck.cli import completion
from llmcheck.cli.groups import Group
from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write


@click.group(cls=Group, help=__doc__)
def command() -> None:
    pass


@command.command("list")
@click.option("--area", metavar="NAME", help="Only this area, such as code or multilingual.")
@click.option("--state", metavar="NAME", help="Only what can be had in this way, such as open or withdrawn.")
@output_options(*DOCUMENTS)
def list_(area: str | None, state: str | None, output_options: OutputOptions) -> int:
    """All datasets, with the documented and the verified size, and what to use instead."""
    from llmcheck import api

    write(api.datasets(area, state), output_options)
    return 0


@command.command()
@click.argument("dataset", metavar="DATASET", shell_complete=completion.dataset)
@output_options(*DOCUMENTS)
def show(dataset: str, output_options: OutputOptions) -> int:
    """One dataset: how it can be had, what it takes, its licence, its source."""
    from llmcheck import api

    write(api.dataset(dataset), output_options)
    return 0
