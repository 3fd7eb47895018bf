"""List or show profiles, and the tools for writing one."""

from __future__ import annotations

import click

from llmcheck.cli import completion, named, profile_tools
from llmcheck.cli.groups import Group
from llmcheck.cli.options import DOCUMENTS, OutputOptions, ProfileOptions, output_options, profile_options
from llmcheck.cli.output import write


@click.group(cls=Group, help=__doc__)
def command() -> None:
    pass


@command.command("list")
@output_options(*DOCUMENTS)
def list_(output_options: OutputOptions) -> int:
    """All shipped profiles, in the document's order."""
    from llmcheck import api

    write(api.profiles(), output_options)
    return 0


@command.command()
@click.argument("profile", metavar="PROFILE", shell_complete=completion.profile)
@profile_options
@output_options(*DOCUMENTS)
def show(profile: str, profile_options: ProfileOptions, output_options: OutputOptions) -> int:
    """One profile: each requirement with its place in the document, and the corrections."""
    from llmcheck import api

    named.require_profiles([profile])
    write(api.profile(profile, api.given_values(profile_options.set_, profile_options.vars_)), output_options)
    return 0


@command.command()
@output_options("json")
def schema(output_options: OutputOptions) -> int:
    """The JSON Schema of profile files, for editors and validators."""
    from llmcheck import api

    write(api.profile_schema(), output_options)
    return 0


for _each in profile_tools.COMMANDS:
    command.add_command(_each)
