"""One line of at most 200 characters, for ``Reason=`` of a Slurm node: plain ASCII without quotes."""

from __future__ import annotations

import re

from llmcheck.render import Options
from llmcheck.render.views.gate import judged, summary

FILE_NAMES = ("*.slurm",)

_LONGEST = 200
_ASCII = str.maketrans({"×": "x", "–": "-", "…": "...", "·": "-", "≥": ">="})
_UNSAFE = r"[^A-Za-z0-9 _.,:;/+*()=%@~<>-]"
"""What a shell, ``scontrol`` or a log would take for something else."""


def render(value: object, _options: Options) -> str:
    """The verdict and the worst finding. Raises TypeError for anything but a report of ``check``."""
    return _line(summary(judged(value)))


def complaint(message: str, exit_code: int) -> str:
    """What could not be checked."""
    return _line(f"exit code {exit_code}: {message}")


def _line(text: str) -> str:
    plain = re.sub(_UNSAFE, "", f"llmcheck: {' '.join(text.split())}".translate(_ASCII))
    return f"{plain if len(plain) <= _LONGEST else plain[: _LONGEST - 4] + ' ...'}\n"
