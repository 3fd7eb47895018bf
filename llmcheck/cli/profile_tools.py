"""The commands of ``llmcheck profiles`` for those who write a profile."""

from __future__ import annotations

import click

from llmcheck.cli import completion, configured, named
from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write
from llmcheck.errors import UsageError


def _some(profiles: tuple[str, ...]) -> tuple[str, ...]:
    """The profiles that are meant, of the command line or of the project. Raises UsageError where there is none."""
    configured.say()
    if not profiles:
        raise UsageError("which profile? Name its id or file, or several in an llmcheck.toml of the project")
    named.require_profiles(profiles)
    return profiles


@click.command(epilog="\b\nExit codes: 0 they ask for the same, 1 they do not, 2 one of them cannot be read.")
@click.argument("before", metavar="PROFILE", shell_complete=completion.profile)
@click.argument("after", metavar="OTHER", shell_complete=completion.profile)
@output_options(*DOCUMENTS)
def diff(before: str, after: str, output_options: OutputOptions) -> int:
    """What another profile asks for differently.

    By requirement and key, whatever the order and the spelling.
    """
    named.require_profiles([before, after])
    from llmcheck import api

    found = api.profile_difference(before, after)
    write(found, output_options)
    return found.exit_code


@click.command(
    epilog="\b\nExample:\n  llmcheck profiles docs ./our-node.toml --output REQUIREMENTS.md\n\n"
    "Without PROFILE: those of the project's llmcheck.toml."
)
@configured.config_option
@click.argument("profiles", metavar="[PROFILE]...", nargs=-1, shell_complete=completion.profile)
@output_options("markdown", *(each for each in DOCUMENTS if each != "markdown"))
def docs(profiles: tuple[str, ...], output_options: OutputOptions) -> int:
    """A page of requirements for people.

    What is needed, why, and what to do where it is not met.
    """
    names = _some(profiles)
    from llmcheck import api

    write(api.profile_page(names), output_options)
    return 0


@click.command(
    epilog="\b\nBeside our-node.toml, the folder our-node.tests has machines of 'llmcheck machine --save':"
    "\n  passing-NAME.json       ready"
    "\n  failing-NAME.json       not ready; which lines fail stands in expected.toml:"
    '\n                          failing-NAME = ["gpu", "ram"]'
    "\n  undetermined-NAME.json  undetermined; which lines stay open stands there too"
    "\n  inapplicable-NAME.json  nothing of the profile applies"
    "\n\nExit codes: 0 all judged as expected, 1 not all, 2 nothing was tested."
    "\nWithout PROFILE: those of the project's llmcheck.toml."
)
@configured.config_option
@click.argument("profiles", metavar="[PROFILE]...", nargs=-1, shell_complete=completion.profile)
@output_options(*DOCUMENTS)
def test(profiles: tuple[str, ...], output_options: OutputOptions) -> int:
    """Judge a profile on machines of its own."""
    names = _some(profiles)
    from llmcheck import api

    found = api.tested_profiles(names)
    write(found, output_options)
    return found.exit_code


COMMANDS = (diff, docs, test)
