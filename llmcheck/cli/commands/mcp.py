"""Answer an agent over the Model Context Protocol, on standard input and output.

Its tools are inspect, check, fit, recommend, install_plan, offers and explain, with the JSON of the command of that
name. They read: nothing is run, installed, deleted or sent. It ends when standard input ends.
"""

from __future__ import annotations

import sys

import click

from llmcheck.errors import UsageError


@click.command(
    help=__doc__,
    epilog="\b\nExample, an entry of a client's configuration:\n"
    '  {"mcpServers": {"llmcheck": {"command": "llmcheck", "args": ["mcp"]}}}\n\n'
    "\b\nExit codes: 0 the client has ended, 2 the package 'mcp' is missing.",
)
def command() -> int:
    try:
        from llmcheck.cli import agent_tools
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic", "anyio"):
            raise
        raise UsageError(
            "llmcheck mcp needs version 2 of the Python SDK of the Model Context Protocol: pip install 'llmcheck[mcp]'"
        ) from None
    if sys.stdin is None or sys.stdin.isatty():
        from llmcheck.cli.output import print_message

        print_message("an agent starts this command and talks to it on standard input; Ctrl-C ends it")
    agent_tools.server().run()
    return 0
