"""The commands, one module each. The file's name is the command's, with ``-`` for ``_``.

A module has ``command``, a click command or group. Its docstring is the help text, and the first line of that is the
summary in ``llmcheck --help``. The module is imported when the command runs; its function imports ``llmcheck.api``, so
that parsing the options stays quick.
"""

from __future__ import annotations

from typing import Protocol

import click


class CommandModule(Protocol):
    """The interface of each module in this folder."""

    __doc__: str | None
    command: click.Command
