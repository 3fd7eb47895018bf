"""List, show or check the libraries of the document."""

from __future__ import annotations

import click

from llmcheck.cli import completion
from llmcheck.cli.groups import Group
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import DOCUMENTS, MachineOptions, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write


@click.group(cls=Group, help=__doc__)
def command() -> None:
    pass


@command.command("list")
@click.option("--area", help="List only this area, such as inference or evaluation.")
@output_options(*DOCUMENTS)
def list_(area: str | None, output_options: OutputOptions) -> int:
    """All libraries, with the advised command, the documented command and their status."""
    from llmcheck import api

    write(api.libraries(area), output_options)
    return 0


@command.command()
@click.argument("library", metavar="LIBRARY", shell_complete=completion.library)
@output_options(*DOCUMENTS)
def show(library: str, output_options: OutputOptions) -> int:
    """One library: documented command, advised command, requirements, known problems."""
    from llmcheck import api

    write(api.library(library), output_options)
    return 0


@command.command()
@click.argument("names", metavar="LIBRARY...", nargs=-1, shell_complete=completion.library)
@machine_options
@output_options(*DOCUMENTS)
def check(names: tuple[str, ...], machine_options: MachineOptions, output_options: OutputOptions) -> int:
    """Show which libraries are installed, outdated, broken or missing.

    Without names it lists all of them and exits with 0. With names it exits with 1 if one is missing or broken.
    """
    from llmcheck import api

    found = api.check_libraries(names, lambda modules: machine_source(machine_options, modules=modules))
    write(found, output_options)
    return found.exit_code
