"""The commands, one module each. The file's name is the command's, with ``-`` for ``_``.

A module has ``command``, a click command or group. Its docstring is the help text, and the first line of that is the
summary in ``llmcheck --help``. It is imported when the command runs, so what it needs from ``llmcheck.api`` is imported
in its function: parsing the options stays quick.
"""

from __future__ import annotations

from typing import Protocol

import click


class CommandModule(Protocol):
    """What each module of this folder provides."""

    __doc__: str | None
    command: click.Command
