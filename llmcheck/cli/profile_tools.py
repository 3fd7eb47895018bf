"""The commands of ``llmcheck profiles`` for those who write a profile."""

from __future__ import annotations

import os
import re

import click

from llmcheck.cli import completion, configured, named
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import DOCUMENTS, MachineOptions, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write
from llmcheck.errors import UsageError

_THIS = ""
_LONGEST_ID = 60


def _some(profiles: tuple[str, ...]) -> tuple[str, ...]:
    """The profiles that are meant, of the command line or of the project. Raises UsageError where there is none."""
    configured.say()
    if not profiles:
        raise UsageError("which PROFILE? Name its id or file, or several in an llmcheck.toml of the project")
    named.require_profiles(profiles)
    return profiles


@click.command(epilog="\b\nExit codes: 0 they ask for the same, 1 they do not, 2 one cannot be read.")
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
    epilog="\b\nBeside our-node.toml, the folder our-node.tests has machines that"
    "\n'llmcheck machine --save FILE' wrote:"
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


@click.command(
    epilog="\b\nExit codes: 0 nothing was found, 1 something was, 2 a profile cannot be read."
    "\nWithout PROFILE: those of the project's llmcheck.toml."
)
@configured.config_option
@click.argument("profiles", metavar="[PROFILE]...", nargs=-1, shell_complete=completion.profile)
@output_options(*DOCUMENTS)
def lint(profiles: tuple[str, ...], output_options: OutputOptions) -> int:
    """Find mistakes in a profile.

    Facts that do not exist, units that do not fit, what stands twice or decides nothing, required lines without a
    reason or advice, and what has expired.
    """
    names = _some(profiles)
    from llmcheck import api

    found = api.linted_profiles(names)
    write(found, output_options)
    return found.exit_code


@click.command(
    epilog="\b\nExamples:\n  llmcheck profiles new --from-machine --output our-node.toml"
    "\n  llmcheck profiles new --from-machine saved.json --id our-node"
)
@click.option(
    "--from-machine",
    metavar="[FILE]",
    is_flag=False,
    flag_value=_THIS,
    help="This machine, or a saved one, or one in words: what it has is what is asked for.",
)
@click.option("--id", "id_", metavar="ID", help="Default: the name of the --output file, else new-profile.")
@click.option("--title", metavar="TEXT", help="What people call it.")
@machine_options
@output_options("toml", *DOCUMENTS)
def new(
    from_machine: str | None,
    id_: str | None,
    title: str | None,
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    """Draft a profile from a machine.

    Each line asks for a little less than the machine has, and says so. What is not known, or is wrong with it, is left
    out.
    """
    if from_machine is not None and from_machine != _THIS:
        if machine_options.machine is not None:
            raise UsageError("--from-machine and --machine both name a machine")
        machine_options = machine_options._replace(machines=(from_machine,))
    name = _id(id_, output_options.output)
    source = machine_source(machine_options)
    from llmcheck import api

    write(api.drafted_profile(source, name, title or name.replace("-", " ")), output_options)
    return 0


def _id(given: str | None, output: str | None) -> str:
    """The id of a new profile. Raises UsageError for one that no profile may have."""
    if given is None:
        stem = os.path.splitext(os.path.basename(output or ""))[0].lower()
        return re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "new-profile"
    if not re.fullmatch(r"[a-z0-9]+(?:[-.][a-z0-9]+)*", given) or len(given) > _LONGEST_ID:
        raise UsageError(f"--id {given[:40]}: an id has lower case letters, digits and hyphens, at most {_LONGEST_ID}")
    return given


COMMANDS = (diff, docs, lint, new, test)
