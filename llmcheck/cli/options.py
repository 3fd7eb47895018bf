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
"""The formats that can show every value."""

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


# Named tuples, because --help creates these classes too, and importing msgspec takes a tenth of its time.
class MachineOptions(NamedTuple):
    """The machine to judge, and how to inspect this one."""

    machine: str | None
    """The file of a saved machine, ``-`` for standard input, or a machine in words; None: this machine."""
    python: str | None
    """The path or the name of an interpreter; None: the project's."""
    path: str | None
    """A folder whose disk is also judged."""
    probe_net: bool
    probe_timeout: float
    """Seconds for each probe."""
    timeout: float
    """Seconds for the entire inspection."""


class OutputOptions(NamedTuple):
    """The format and the destination of a result."""

    format: str
    output: str | None
    """A file; None: standard output."""
    no_color: bool
    verbose: int


def grouped(parameter: str, group: Callable[..., Any], *options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Adds options to a command whose function takes all of them as one value, ``parameter``.

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
            help="Limit for the entire inspection.",
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
    """The given format. Without one, the format that the name of the --output file means, if this command has it."""
    output: str | None = context.params.get("output")
    source = context.get_parameter_source(parameter.name or "")
    if output is None or source is not click.core.ParameterSource.DEFAULT:
        return value
    import fnmatch

    from llmcheck import registry

    name = os.path.basename(output)
    choices: Any = parameter.type
    found = {value: ""}  # the default is not imported: the text format takes longest
    for other in choices.choices:
        patterns = registry.load("llmcheck.render", other).FILE_NAMES if other != value else ()
        found[other] = max((each for each in patterns if fnmatch.fnmatchcase(name, each)), key=len, default="")
    return max(found, key=lambda each: len(found[each]))
