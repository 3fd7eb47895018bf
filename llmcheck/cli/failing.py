"""What a format says where nothing could be checked, so that a monitor or an annotation has the reason too."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from llmcheck.cli import gate
from llmcheck.cli.output import write_file, write_text
from llmcheck.errors import LlmcheckError


def say(message: str, exit_code: int, arguments: Sequence[str]) -> int:
    """Writes the complaint of the format and of each ``--report`` of a command line, where they have one.

    The command line may be what is wrong. Returns the exit code of the process, which is a plugin's for nagios.
    """
    from llmcheck import render

    name = gate.format_of(arguments)
    module = render.format_module(name) if name in gate.FORMATS else None
    if module is not None and hasattr(module, "complaint"):
        with contextlib.suppress(LlmcheckError):  # the first reason is the one to tell
            write_text(module.complaint(message, exit_code))
    for word in gate.reports_of(arguments):
        form, _, path = word.partition("=")
        if form in gate.FORMATS and path and hasattr(render.format_module(form), "complaint"):
            with contextlib.suppress(LlmcheckError):
                write_file(path, render.format_module(form).complaint(message, exit_code))
    return module.plugin_code(exit_code) if module is not None and hasattr(module, "plugin_code") else exit_code
