"""The two files that a step of GitHub Actions may add to: the summary of its job, and its outputs for later steps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmcheck.cli.output import print_message

if TYPE_CHECKING:
    from llmcheck.schema.report import Report

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
_LARGEST = 2**20
"""Bytes of a summary: GitHub refuses more."""


def append(report: Report) -> None:
    """Adds to the files that the environment names. Of one that cannot be written the reason is said, and no more."""
    from llmcheck import api
    from llmcheck.render import Options
    from llmcheck.render.views.gate import outputs

    summary, output = os.environ.get(SUMMARY), os.environ.get(OUTPUT)
    if summary:
        _append(summary, api.render(report, "markdown", Options()), SUMMARY)
    if output:
        _append(output, "".join(f"{name}={value}\n" for name, value in outputs(report)), OUTPUT)


def _append(path: str, text: str, variable: str) -> None:
    from llmcheck.errors import LlmcheckError
    from llmcheck.system import written

    data = text.encode("utf-8", "replace")
    if len(data) > _LARGEST:
        print_message(f"{variable}: {len(data):,} bytes, more than GitHub takes; nothing was added")
        return
    try:
        written.append(path, data, variable)
    except OSError as error:
        print_message(f"{variable} {path}: {error.strerror or error}; nothing was added")
    except LlmcheckError as error:
        print_message(str(error))
