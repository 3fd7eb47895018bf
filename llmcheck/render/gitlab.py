"""JUnit XML for GitLab, which links the file that each case names; ``artifacts:reports:junit`` reads it."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.gate import judged
from llmcheck.render.views.junit_xml import document

FILE_NAMES = ("gl-*.xml",)


def render(value: object, _options: Options) -> str:
    """One document. Raises TypeError for anything but a report of ``check``."""
    return document(judged(value), files=True)
