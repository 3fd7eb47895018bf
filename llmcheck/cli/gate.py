"""The options of ``llmcheck check`` that make it a gate: what fails, what is judged, when, and where it is reported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from llmcheck.cli.groups import Sectioned
from llmcheck.cli.options import DOCUMENTS, F, grouped
from llmcheck.schema.bounds import MOST_SECONDS

if TYPE_CHECKING:
    from llmcheck.schema.report import FailOn, Gate, Level

FORMATS = (
    *DOCUMENTS,
    "jsonl",
    "junit",
    "tap",
    "github",
    "gitlab",
    "gitlab-dotenv",
    "sarif",
    "nagios",
    "prometheus",
    "slurm",
    "termination-log",
)
TERMINATION_LOG = "/dev/termination-log"
PRESETS: dict[str, tuple[str, ...]] = {
    "prolog": ("--format", "slurm", "--fail-on", "required", "--color", "never"),
    "initcontainer": ("--color", "never"),
}
"""What a preset stands for, before the options of the command line. ``__main__`` has the exit codes of ``prolog``."""
_SECTIONS = {
    "What fails": ("fail_on", "warn_exit_code", "severity", "baseline", "preset"),
    "What is judged": (
        "only",
        "skip",
        "list_checks",
        "set_",
        "vars_",
        "config",
        "machines",
        "max_age",
        "python",
        "path",
        "probe_net",
    ),
    "The project": ("datasets", "bandwidth", "checklist"),
    "When": ("wait", "interval", "probe_timeout", "timeout"),
    "Output": ("format", "output", "report", "quiet", "color", "verbose"),
}
_LEVELS = ("required", "recommended", "info")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LEAST_CODE, _MOST_CODE = 4, 125
"""Below are the codes of verdicts, above those of shells and signals."""
_BUG = 70


class ReportFile(NamedTuple):
    """One ``--report``."""

    format: str
    path: str


class GateOptions(NamedTuple):
    """What fails, what is judged, when, and where it is reported."""

    fail_on: FailOn
    warn_exit_code: int | None
    """None: 4."""
    skip: tuple[str, ...]
    only: tuple[str, ...]
    severity: dict[str, Level]
    """The level of a requirement, by its id."""
    baseline: str | None
    wait: float | None
    """Seconds; None: one try."""
    interval: float
    """Seconds between two tries."""
    report: tuple[ReportFile, ...]
    preset: str | None
    quiet: bool
    list_checks: bool

    @property
    def gate(self) -> Gate:
        """Raises UsageError where the options do not go together."""
        from llmcheck.errors import UsageError
        from llmcheck.schema.report import EXIT_WARNINGS, Gate

        if self.warn_exit_code is not None and self.fail_on != "warn":
            raise UsageError("--warn-exit-code is the exit code of warnings: add --fail-on warn")
        return Gate(fail_on=self.fail_on, warn_exit_code=self.warn_exit_code or EXIT_WARNINGS)


class Seconds(click.ParamType[float]):
    """A time: ``90``, ``120s``, ``2m``, ``1h``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip().lower()
        number = text[:-1] if text[-1:] in _UNITS else text
        if not (number.isascii() and number.replace(".", "", 1).isdecimal() and len(number) <= 9):
            self.fail(f"'{text[:40]}' is not a time such as 90, 120s, 2m or 1h", param, ctx)
        seconds = float(number) * _UNITS.get(text[-1:], 1)
        if not 0 < seconds <= MOST_SECONDS:
            self.fail(f"'{text[:40]}' is not a time between 0 and 24 hours", param, ctx)
        return seconds


class WarnCode(click.IntRange):
    """An exit code that means nothing else."""

    def __init__(self) -> None:
        super().__init__(_LEAST_CODE, _MOST_CODE)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        code = super().convert(value, param, ctx)
        if code == _BUG:
            self.fail(f"{_BUG} is the exit code of a bug in llmcheck", param, ctx)
        return code


class Command(Sectioned):
    """``check``, with presets and sections."""

    sections = _SECTIONS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [*_stands_for(preset_of(args)), *args])


def preset_of(arguments: Sequence[str]) -> str | None:
    """The preset that a command line names, whatever else is wrong with it; None without one."""
    return _last_value(arguments, "--preset")


def format_of(arguments: Sequence[str]) -> str | None:
    """The same for the format, also that of its preset."""
    preset = preset_of(arguments)
    return _last_value([*_stands_for(preset), *arguments], "--format")


def reports_of(arguments: Sequence[str]) -> list[str]:
    """The same for what ``--report`` names."""
    return _values([*_stands_for(preset_of(arguments)), *arguments], "--report")


def _last_value(arguments: Sequence[str], option: str) -> str | None:
    return next(reversed(_values(arguments, option)), None)


def _values(arguments: Sequence[str], option: str) -> list[str]:
    found = []
    for word, following in pairwise([*arguments, ""]):
        if word == option:
            found.append(following)
        elif word.startswith(f"{option}="):
            found.append(word.partition("=")[2])
    return found


def _stands_for(preset: str | None) -> tuple[str, ...]:
    words = PRESETS.get(preset or "", ())
    if preset == "initcontainer" and os.path.exists(TERMINATION_LOG):  # elsewhere there is none to write
        return (*words, "--report", f"termination-log={TERMINATION_LOG}")
    return words


def gate_options(function: F) -> F:
    """The options of the gate; the function takes ``gate_options``."""
    return grouped(
        "gate_options",
        GateOptions,
        click.option(
            "--fail-on",
            type=click.Choice(["required", "unknown", "warn", "never", "fail"]),
            metavar="WHAT",
            default="unknown",
            show_default=True,
            callback=lambda _context, _parameter, value: "unknown" if value == "fail" else value,
            help="required: only what is not met; unknown: also what is undetermined (exit 3); warn: also warnings "
            "(exit 4); never: no verdict. 'fail' is the same as unknown.",
        ),
        click.option(
            "--warn-exit-code",
            type=WarnCode(),
            metavar="N",
            help="Under --fail-on warn, the exit code of warnings instead of 4.",
        ),
        click.option("--skip", multiple=True, metavar="ID", help="Leave out a requirement, a tag or a group."),
        click.option(
            "--only",
            multiple=True,
            metavar="ID",
            help="Judge only this requirement, tag or group (hardware, software).",
        ),
        click.option(
            "--severity",
            multiple=True,
            metavar="ID=LEVEL",
            callback=_severity,
            help=f"Judge a requirement as {', '.join(_LEVELS)}. Repeatable.",
        ),
        click.option("--baseline", metavar="FILE", help="A saved report in JSON: only what is worse than there fails."),
        click.option(
            "--wait",
            type=Seconds(),
            metavar="TIME",
            help="Inspect again until the exit code is 0, for so long (90, 120s, 2m).",
        ),
        click.option(
            "--interval",
            type=Seconds(),
            metavar="TIME",
            default=5.0,
            help="Between two tries of --wait (5s).",
        ),
        click.option(
            "--report",
            multiple=True,
            metavar="FORMAT=FILE",
            callback=_reports,
            help="Also write FILE in this format. Repeatable.",
        ),
        click.option(
            "--preset",
            type=click.Choice(list(PRESETS)),
            metavar="NAME",
            help="prolog: for Slurm; every exit code but 1 becomes 0, and is logged. initcontainer: for "
            f"Kubernetes; writes {TERMINATION_LOG}. Other options override it.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Text: one line. Says nothing else."),
        click.option("--list-checks", is_flag=True, help="Only list what would be judged."),
    )(function)


def _severity(context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in value:
        name, sign, level = word.partition("=")
        if not sign or not name or level not in _LEVELS:
            problem = f"--severity {word[:80]}: write ID=LEVEL, with LEVEL one of {', '.join(_LEVELS)}"
            raise click.UsageError(problem, context)
        if found.get(name, level) != level:
            raise click.UsageError(f"--severity names '{name[:80]}' with two levels", context)
        found[name] = level
    return found


def _reports(context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[ReportFile, ...]:
    found = []
    for word in value:
        name, sign, path = word.partition("=")
        if not sign or name not in FORMATS:
            from llmcheck.codec import did_you_mean

            near = did_you_mean(name, FORMATS) if sign else ""
            problem = f"--report {word[:80]}: write FORMAT=FILE{near}, with FORMAT one of {', '.join(FORMATS)}"
            raise click.UsageError(problem, context)
        if path in ("", "-"):
            raise click.UsageError(f"--report {word}: name a file; for standard output: --format {name}", context)
        found.append(ReportFile(name, path))
    return tuple(found)
