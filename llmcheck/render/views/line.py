"""A report in one line, for ``--quiet``."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.gate import judged, summary


def line(value: object, options: Options) -> str:
    """The verdict and the worst finding. Raises TypeError for anything but a report of ``check``."""
    text = summary(judged(value))
    return (text.encode("ascii", "replace").decode() if options.ascii else text) + "\n"
