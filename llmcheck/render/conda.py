"""An installation plan as conda's environment.yml."""

from __future__ import annotations

import json
import re

from llmcheck import shell
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.environments import (
    head,
    indexes,
    installs,
    only_binary,
    only_environment,
)
from llmcheck.schema.advice import Plan, Step


def render(value: object, _options: Options) -> str:
    """One environment. Raises TypeError for anything but a plan, UsageError for a plan with several."""
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a conda environment")
    environment = only_environment(value, "environment.yml")
    lines = [
        *head(value),
        "# pip inside conda: conda brings Python and pip, pip the rest, for these builds are on no conda channel",
        f"name: {_text('llmcheck-' + re.sub(r'[^a-z0-9]+', '-', value.target.lower()).strip('-')[:40])}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
    ]
    match = re.match(r"\d+\.\d+", (environment.python_version if environment else None) or "")
    lines += [f"  - python={match[0] if match else '3.12'}", "  - pip"]
    if environment is None:
        return "\n".join([*lines, "# nothing to install"]) + "\n"
    lines.append("  - pip:")
    lines += [f"      - {_text(f'--extra-index-url {url}')}" for url in indexes(environment)]
    lines += [f"      - {_text(option)}" for option in only_binary(environment)]
    for step in installs(environment):
        lines.append(f"      # {printable(step.reason)}")
        if step.variables or "--no-build-isolation" in step.options:
            lines.append(f"      # after 'conda activate', on its own: {printable(_by_hand(step))}")
        else:
            lines += [f"      - {_text(requirement)}" for requirement in step.requirements]
    return "\n".join(lines) + "\n"


def _by_hand(step: Step) -> str:
    """With the interpreter of conda's environment, which is not the plan's."""
    return shell.line(["python", "-m", "pip", "install", *step.options, *step.requirements], "bash", step.variables)


def _text(text: str) -> str:
    """A double-quoted scalar of YAML, which takes JSON's escapes."""
    return json.dumps(text)
