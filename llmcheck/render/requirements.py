"""An installation plan as a requirements.txt."""

from __future__ import annotations

from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.environments import (
    header,
    indexes,
    install_steps,
    only_binary,
    only_environment,
    requirement_line,
)
from llmcheck.schema.advice import Plan, Step

FILE_NAMES = ("requirements*.txt",)


def render(value: object, _options: Options) -> str:
    """One environment. Raises TypeError for anything but a plan, UsageError for a plan with several."""
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a list of requirements")
    environment = only_environment(value, "a requirements file")
    lines = header(value)
    if environment is None:
        return "\n".join([*lines, "# nothing to install"]) + "\n"
    if environment.python_version:
        lines.append(f"# for Python {printable(environment.python_version)}")
    urls = indexes(environment)
    if urls:
        lines.append("# releases on this index have a local version (such as +cpu), which installers prefer to PyPI's")
    lines += [f"--extra-index-url {printable(url)}" for url in urls]
    lines += only_binary(environment)
    for step in install_steps(environment):
        lines += ["", f"# {printable(step.reason)}"]
        lines += [f"# changes: {printable(each)}" for each in step.changes]
        lines += [f"# undo with: {printable(step.undo)}"] if step.undo else []
        lines += _separate_command(step) or [requirement_line(each) for each in step.requirements]
    return "\n".join(lines) + "\n"


def _separate_command(step: Step) -> list[str]:
    """Comments for a step that needs a command of its own; empty if requirement lines are enough."""
    options = [each for each in step.options if not each.startswith("--only-binary")]
    # Without variables a wheel of the cache is of the same flags.
    apart = [each for each in options if not each.startswith(("--no-cache", "--no-binary"))]
    if not apart and not step.variables:
        return []
    if options == ["--force-reinstall"]:
        return ["# with --force-reinstall:", *map(requirement_line, step.requirements)]
    settings = [f"{name}={value}" for name, value in step.variables.items()]
    return [f"# install separately, after the others: {printable(' '.join([*settings, *options, *step.requirements]))}"]
