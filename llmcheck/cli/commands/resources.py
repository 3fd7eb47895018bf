"""List what the document gives to read: papers, courses, blogs, communities, conferences."""

from __future__ import annotations

import click

from llmcheck.cli import completion
from llmcheck.cli.options import DOCUMENTS, OutputOptions, output_options
from llmcheck.cli.output import write


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck resources --for finetune-7b\n  llmcheck resources --topic scaling\n"
    "  llmcheck resources --must-read",
)
@click.option("--for", "profile", metavar="PROFILE", shell_complete=completion.profile, help="What prepares for it.")
@click.option("--topic", metavar="NAME", help="Only this topic, such as scaling or retrieval.")
@click.option("--kind", metavar="NAME", help="Only papers (paper), or course, blog, community, conference.")
@click.option("--must-read", is_flag=True, help="The four papers of the document's summary.")
@output_options(*DOCUMENTS)
def command(
    profile: str | None, topic: str | None, kind: str | None, must_read: bool, output_options: OutputOptions
) -> int:
    from llmcheck import api

    write(api.resources(profile, topic, kind, must_read=must_read), output_options)
    return 0
