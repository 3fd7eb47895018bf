"""Say what a word of an answer or a profile means.

ID is the id of a requirement or a profile, a kind or key of requirements, a fact of a machine (gpus[*].ecc), the code
of a problem, a status, a verdict or an exit code.
"""

from __future__ import annotations

import click

from llmcheck.cli import completion, configured, named
from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck explain undetermined\n  llmcheck explain ecc-errors\n"
    "  llmcheck explain gpus[*].ecc\n  llmcheck explain ram --profile ./our-node.toml",
)
@configured.config_option
@click.argument("word", metavar="ID", shell_complete=completion.word)
@click.option(
    "--profile", "profiles", multiple=True, metavar="PROFILE", help="Also know the requirements of this profile file."
)
@output_options(*DOCUMENTS)
def command(word: str, profiles: tuple[str, ...], output_options: OutputOptions) -> int:
    configured.say()
    named.require_profiles(profiles)
    from llmcheck import api

    write(api.explain(word, profiles), output_options)
    return 0
