"""An installation plan as a requirements.txt."""

from __future__ import annotations

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
        raise TypeError("only an installation plan is a list of requirements")
    environment = only_environment(value, "a requirements file")
    lines = head(value)
    if environment is None:
        return "\n".join([*lines, "# nothing to install"]) + "\n"
    if environment.python_version:
        lines.append(f"# for Python {printable(environment.python_version)}")
    urls = indexes(environment)
    if urls:
        lines.append("# the releases there carry a local label (such as +cpu), which installers prefer to PyPI's")
    lines += [f"--extra-index-url {printable(url)}" for url in urls]
    lines += only_binary(environment)
    for step in installs(environment):
        lines += ["", f"# {printable(step.reason)}"]
        lines += [f"# changes: {printable(each)}" for each in step.changes]
        lines += [f"# undo with: {printable(step.undo)}"] if step.undo else []
        lines += _by_hand(step) or list(step.requirements)
    return "\n".join(lines) + "\n"


def _by_hand(step: Step) -> list[str]:
    """A command, where a line of a requirements file cannot say it."""
    options = [each for each in step.options if not each.startswith("--only-binary")]
    if not options and not step.variables:
        return []
    if options == ["--force-reinstall"]:
        return ["# with --force-reinstall:", *step.requirements]
    settings = [f"{name}={value}" for name, value in step.variables.items()]
    return [f"# on its own, after the others: {printable(' '.join([*settings, *options, *step.requirements]))}"]
