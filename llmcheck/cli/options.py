"""Options that several commands share. Each group of them reaches a command as one typed value."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

EXIT_CODES = (
    "\b\nExit codes, the same in every format: 0 ready, 1 not ready, 2 nothing was"
    "\nchecked (usage, bad profile or file), 3 undetermined, 4 warnings under"
    "\n--fail-on warn, 70 a bug in llmcheck, 130 interrupted."
)

DOCUMENTS = ("text", "json", "markdown")
"""The formats that show every value."""

_FILE_NAMES = (
    ("requirements*.txt", "requirements"),
    ("pylock*.toml", "pylock"),
    ("*Dockerfile*", "dockerfile"),
    ("environment.y*ml", "conda"),
    ("*.sh", "sh"),
    ("*.json", "json"),
    ("*.md", "markdown"),
)
"""Patterns of file names, and the format that such a file has; the first that matches decides."""

_MOST_TOKENS = 2**31
_SECONDS = click.FloatRange(min=0.1)


def token_count(text: str) -> int:
    """A number of tokens: ``32768``, ``32k`` (times 1024) or ``1M`` (times 1024 twice). Raises BadParameter."""
    digits, factor = text.strip().lower(), 1
    for suffix, size in (("k", 1024), ("m", 1024**2)):
        if digits.endswith(suffix):
            digits, factor = digits[:-1], size
    count = int(digits) * factor if digits.isascii() and digits.isdigit() and len(digits) < 12 else 0
    if not 1 <= count <= _MOST_TOKENS:
        raise click.BadParameter(f"'{text[:40]}' is not a number of tokens such as 8192, 32k or 1M")
    return count


# Named tuples: --help builds these too, and msgspec would be a tenth of its time.
class MachineOptions(NamedTuple):
    """Which machine is judged, and how this one is inspected."""

    machine: str | None
    """A saved machine's file, ``-`` for standard input, or a machine in words; None is this machine."""
    python: str | None
    """A path or the name of a command; None chooses the project's interpreter."""
    path: str | None
    """A folder whose disk is judged too."""
    probe_net: bool
    probe_timeout: float
    """Seconds for each probe."""
    timeout: float
    """Seconds for the whole inspection."""


class OutputOptions(NamedTuple):
    """How a result is written, and where."""

    format: str
    output: str | None
    """A file; None is standard output."""
    no_color: bool
    verbose: int


def grouped(parameter: str, group: Callable[..., Any], *options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Adds options to a command whose function takes all of them as one value, in this parameter.

    ``group`` is a class with one annotated field for each option.
    """
    fields = tuple(group.__annotations__)

    def decorate(function: F) -> F:
        def with_group(*positional: object, **values: object) -> object:
            others = {name: value for name, value in values.items() if name not in fields}
            return function(*positional, **others, **{parameter: group(**{name: values[name] for name in fields})})

        decorated: Any = functools.update_wrapper(with_group, function)
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def machine_options(function: F) -> F:
    """The options of every command that judges a machine; the function takes ``machine_options``."""
    return grouped(
        "machine_options",
        MachineOptions,
        click.option(
            "--machine",
            metavar="FILE|WORDS",
            help="Judge a saved machine ('-' reads standard input) or one in words: '2x RTX 4090, 64 GB RAM'.",
        ),
        click.option("--python", metavar="PATH", help="The project's Python interpreter."),
        click.option("--path", metavar="DIR", help="Judge the disk that holds DIR, where the models will be stored."),
        click.option("--probe-net", is_flag=True, help="Use the network: test access to the hub and package index."),
        click.option(
            "--probe-timeout",
            type=_SECONDS,
            metavar="SECONDS",
            default=10.0,
            show_default=True,
            help="Limit for each probe.",
        ),
        click.option(
            "--timeout",
            type=_SECONDS,
            metavar="SECONDS",
            default=45.0,
            show_default=True,
            help="Limit for the whole inspection.",
        ),
    )(function)


def output_options(*formats: str) -> Callable[[F], F]:
    """The options of every command that writes a result; the function takes ``output_options``.

    ``formats``: those that can show the result, the default first.
    """
    return grouped(
        "output_options",
        OutputOptions,
        click.option(
            "--format",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            callback=_format_by_name,
            help="Output format. By default the name of the --output file decides (fix.sh, x.json, x.md).",
        ),
        # Eager, because the format's callback reads it.
        click.option("--output", metavar="FILE", is_eager=True, help="Write to FILE instead of standard output."),
        click.option("--no-color", is_flag=True, help="Disable colours (NO_COLOR does the same)."),
        click.option("-v", "--verbose", count=True, help="Show more: sources, packages, tools."),
    )


def _format_by_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The given format; without one, that of the file's name if this command can write it."""
    output: str | None = context.params.get("output")
    source = context.get_parameter_source(parameter.name or "")
    if output is None or source is not click.core.ParameterSource.DEFAULT:
        return value
    import fnmatch

    name = os.path.basename(output)
    named = next((format_ for pattern, format_ in _FILE_NAMES if fnmatch.fnmatchcase(name, pattern)), value)
    choices: Any = parameter.type
    return named if named in choices.choices else value
