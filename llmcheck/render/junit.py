"""JUnit XML, for the test reports of a pipeline: a suite for each profile, a failure for each requirement not met."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.gate import judged
from llmcheck.render.views.junit_xml import document

FILE_NAMES = ("*.xml",)


def render(value: object, _options: Options) -> str:
    """One document. Raises TypeError for anything but a report of ``check``."""
    return document(judged(value))
