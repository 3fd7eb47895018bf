"""An installation plan as an environment.yml for conda."""

from __future__ import annotations

import json
import re

from llmcheck import shell
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.environments import (
    header,
    indexes,
    install_steps,
    only_binary,
    only_environment,
    python_series,
    requirement_line,
)
from llmcheck.schema.advice import Plan, Step

FILE_NAMES = ("environment.y*ml",)


def render(value: object, _options: Options) -> str:
    """One environment. Raises TypeError for anything but a plan, UsageError for a plan with several."""
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a conda environment")
    environment = only_environment(value, "environment.yml")
    lines = [
        *header(value),
        "# conda installs Python and pip; pip installs the rest, because no conda channel has these builds",
        f"name: {_text('llmcheck-' + re.sub(r'[^a-z0-9]+', '-', value.target.lower()).strip('-')[:40])}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
    ]
    lines += [f"  - python={python_series(environment)}", "  - pip"]
    if environment is None:
        return "\n".join([*lines, "# nothing to install"]) + "\n"
    lines.append("  - pip:")
    lines += [f"      - {_text(f'--extra-index-url {url}')}" for url in indexes(environment)]
    lines += [f"      - {_text(option)}" for option in only_binary(environment)]
    for step in install_steps(environment):
        lines.append(f"      # {printable(step.reason)}")
        if step.variables or "--no-build-isolation" in step.options:
            lines.append(f"      # run after 'conda activate': {printable(_command(step))}")
        else:
            lines += [f"      - {_text(requirement_line(requirement))}" for requirement in step.requirements]
    return "\n".join(lines) + "\n"


def _command(step: Step) -> str:
    """The step's command for the interpreter of the conda environment."""
    return shell.line(["python", "-m", "pip", "install", *step.options, *step.requirements], "bash", step.variables)


def _text(text: str) -> str:
    """A double-quoted YAML scalar; YAML accepts JSON's escapes."""
    return json.dumps(text)
