"""Variables for later jobs of a GitLab pipeline; ``artifacts:reports:dotenv`` reads the file."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.gate import judged, outputs

FILE_NAMES = ("*.env",)


def render(value: object, _options: Options) -> str:
    """``LLMCHECK_RESULT_VERDICT=ready`` and the like. Raises TypeError for anything but a report of ``check``.

    GitLab takes everything behind the sign as it stands: no quotes, no comments, no empty lines. The names are none of
    those that ``check`` reads, for a later job may run it.
    """
    pairs = outputs(judged(value))
    return "".join(f"LLMCHECK_RESULT_{name.upper().replace('-', '_')}={text}\n" for name, text in pairs)
