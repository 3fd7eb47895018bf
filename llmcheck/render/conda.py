"""An installation plan as conda's environment.yml."""

from __future__ import annotations

import json
import re

from llmcheck.advice import Plan
from llmcheck.render import Options
from llmcheck.render._blocks import printable
from llmcheck.render._environments import indexes, installs, only_environment


def render(value: object, _options: Options) -> str:
    """One environment. Raises TypeError for anything but a plan, UsageError for a plan with several."""
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a conda environment")
    environment = only_environment(value, "environment.yml")
    lines = [
        f"# {printable(value.target)}: planned by llmcheck",
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
    for step in installs(environment):
        lines.append(f"      # {printable(step.reason)}")
        if step.variables or "--no-build-isolation" in step.options:
            lines.append(f"      # on its own, in the environment: {printable(step.command)}")
        else:
            lines += [f"      - {_text(requirement)}" for requirement in step.requirements]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """A double-quoted scalar of YAML, which takes JSON's escapes."""
    return json.dumps(text)
