"""Options that several commands share. Each group of them reaches a command as one typed value."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar, cast

import click

from llmcheck.schema.bounds import MOST_SECONDS

F = TypeVar("F", bound=Callable[..., Any])

EXIT_CODES = (
    "\b\nExit codes, the same in every format: 0 ready, 1 not ready, 2 nothing was"
    "\nchecked (usage, bad profile or file, nothing to judge), 3 undetermined,"
    "\n4 warnings under --fail-on warn, 70 a bug in llmcheck, 130 interrupted."
)

DOCUMENTS = ("text", "json", "markdown", "svg")
"""The formats that can show every value."""


class Number(click.FloatRange):
    """A number between two bounds. ``nan`` is none, although it is below and above no bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"'{value}' is not a number.", param, ctx)
        return float(number)


PROBE_TIMEOUT, TIMEOUT = 10.0, 45.0
_SECONDS = Number(0.1, MOST_SECONDS)


class Count(click.IntRange):
    """A whole number, also with k or M: ``32k`` is 32,768, as contexts are named."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value).strip().replace(",", "").replace("_", "")
        factor = {"k": 2**10, "m": 2**20}.get(text[-1:].lower(), 1)
        number = text[:-1] if factor > 1 else text
        readable = len(number) <= 18 and number.replace(".", "", 1).isdecimal()
        whole = factor > 1 and readable and float(number) * factor
        if not readable:
            self.fail(f"'{text[:40]}' is not a number such as 8192, 32k or 1M", param, ctx)
        return super().convert(round(whole) if whole else value, param, ctx)


_SECONDS_OF = {"m": 60, "h": 3600, "d": 86_400}


def _age(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Seconds of a time span in minutes, hours or days: ``30m``, ``12h``, ``7d``. Raises BadParameter."""
    if value is None:
        return None
    number, unit = value.strip()[:-1], value.strip()[-1:].lower()
    if unit not in _SECONDS_OF or not (number.isascii() and number.isdigit()) or len(number) > 6 or not int(number):
        raise click.BadParameter(f"'{value[:40]}' is not an age such as 30m, 12h or 7d")
    return int(number) * _SECONDS_OF[unit]


# Named tuples, because --help creates these classes too, and importing msgspec takes a tenth of its time.
class MachineOptions(NamedTuple):
    """The machine to judge, and how to inspect this one."""

    machines: tuple[str, ...]
    """Files of saved machines, ``-`` for standard input, or machines in words; (): this machine."""
    max_age: int | None
    """Seconds that a saved machine may be old; None: any age."""
    python: str | None
    """The path or the name of an interpreter; None: the project's."""
    path: str | None
    """A folder whose disk is also judged."""
    probe_net: bool
    probe_timeout: float
    """Seconds for each probe."""
    timeout: float
    """Seconds for the entire inspection."""

    @property
    def machine(self) -> str | None:
        """The only one, of a command that takes one; None: this machine."""
        return self.machines[0] if self.machines else None


Color = Literal["auto", "always", "never"]
"""``auto``: where NO_COLOR, FORCE_COLOR, TERM and the kind of standard output want it."""


class OutputOptions(NamedTuple):
    """The format and the destination of a result."""

    format: str
    output: str | None
    """A file; None: standard output."""
    color: Color
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
        return cast("F", decorated)

    return decorate


def only_one(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str | None:
    """The value of an option of which a second would win without a word. Raises UsageError for two."""
    if len(value) > 1:
        raise click.UsageError(f"{parameter.opts[0]} is given {len(value)} times: one machine at a time", context)
    return value[0] if value else None


def max_age_option(function: F) -> F:
    """How old a saved machine may be, in seconds."""
    return click.option(
        "--max-age",
        metavar="AGE",
        callback=_age,
        help="Do not judge a saved machine that is older (30m, 12h, 7d), or of unknown age: exit code 3.",
    )(function)


def machine_options(function: F) -> F:
    """The options of every command that judges a machine; the function takes ``machine_options``."""
    return _machine_options("", _at_most_one)(function)


def several_machine_options(function: F) -> F:
    """The same for a command that compares machines."""
    return _machine_options(" Several are compared.", None)(function)


def _at_most_one(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    only_one(context, parameter, value)
    return value


def _machine_options(more: str, callback: Callable[..., Any] | None) -> Callable[[F], F]:
    return grouped(
        "machine_options",
        MachineOptions,
        click.option(
            "--machine",
            "machines",
            metavar="FILE|WORDS",
            multiple=True,
            callback=callback,
            help=f"Judge a saved machine ('-' reads standard input) or one in words: '2x RTX 4090, 64 GB RAM'.{more}",
        ),
        max_age_option,
        click.option("--python", metavar="PATH", help="The project's Python interpreter."),
        click.option("--path", metavar="DIR", help="Judge the disk that holds DIR, where the models will be stored."),
        click.option("--probe-net", is_flag=True, help="Use the network: test access to the hub and package index."),
        click.option(
            "--probe-timeout",
            is_eager=True,  # --output is judged by it
            type=_SECONDS,
            metavar="SECONDS",
            default=PROBE_TIMEOUT,
            show_default=True,
            help="Limit for each probe.",
        ),
        click.option(
            "--timeout",
            type=_SECONDS,
            metavar="SECONDS",
            default=TIMEOUT,
            show_default=True,
            help="Limit for the entire inspection.",
        ),
    )


class ProfileOptions(NamedTuple):
    """Values for the variables of profiles."""

    set_: tuple[str, ...]
    """``name=value``, which come before variables of the environment, and these before the file."""
    vars_: str | None
    """A TOML or JSON file with a value for each name."""


def profile_options(function: F) -> F:
    """The options of every command that reads profiles; the function takes ``profile_options``."""
    return grouped(
        "profile_options",
        ProfileOptions,
        click.option(
            "--set",
            "set_",
            multiple=True,
            metavar="NAME=VALUE",
            help="Set a variable of the profile; so does LLMCHECK_VAR_NAME in the environment.",
        ),
        click.option("--vars", "vars_", metavar="FILE", help="Set variables from a TOML or JSON file."),
    )(function)


def output_options(*formats: str) -> Callable[[F], F]:
    """The options of every command that writes a result; the function takes ``output_options``.

    ``formats``: those that can show the result, the default first. Before the command begins, an output is refused that
    would replace one of its inputs.
    """
    with_options = grouped(
        "output_options",
        OutputOptions,
        click.option(
            "--format",
            type=click.Choice(formats),
            metavar="NAME",  # a list of all would push the descriptions of --help out of their columns
            default=formats[0],
            show_default=True,
            callback=_format_by_name,
            help=f"One of {', '.join(formats)}. By default the name of the --output file decides.",
        ),
        # Eager, because the format's callback reads it.
        click.option(
            "--output",
            metavar="FILE",
            is_eager=True,
            callback=_file,
            help="Write to FILE; '-' is standard output.",
        ),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="auto: on a terminal; NO_COLOR and FORCE_COLOR are respected.",
        ),
        click.option("--no-color", "color", flag_value="never", help="The same as --color never."),
        click.option("-v", "--verbose", count=True, help="Show more: sources, packages, tools."),
    )

    def decorate(function: F) -> F:
        def checked(*positional: object, **values: object) -> object:
            options = values["output_options"]
            if isinstance(options, OutputOptions) and options.output is not None:
                from llmcheck.cli import named

                named.refuse_inputs()
            return function(*positional, **values)

        return with_options(cast("F", functools.update_wrapper(cast("Any", checked), function)))

    return decorate


def _file(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    return None if value == "-" else value


def _format_by_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The given format; without one, that of the file's name. Raises UsageError for a name that tells another."""
    output: str | None = context.params.get("output")
    source = context.get_parameter_source(parameter.name or "")
    if output is None or source is not click.core.ParameterSource.DEFAULT:
        return value
    from llmcheck import render

    name = os.path.basename(output).lower()
    choices: Any = parameter.type
    named: dict[str, str] = {each: _pattern(each, name) for each in choices.choices if each != value}
    if any(named.values()):  # the default is not imported for this: the text format takes longest
        return max(named, key=lambda each: len(named[each]))
    ending = os.path.splitext(name)[1]
    if not ending or _pattern(value, name) or _is_no_file(output):
        return value
    other = next((each for each in render.format_names() if _pattern(each, name)), None)
    problem = f"'{context.info_name}' writes no {other}" if other else f"no format has the ending {ending}"
    raise click.UsageError(f"--output {output}: {problem}; add --format {', '.join(choices.choices)}", context)


def _pattern(format_: str, name: str) -> str:
    """The longest pattern of a format that a file's name matches; "" for none."""
    import fnmatch

    from llmcheck import render

    patterns: tuple[str, ...] = render.format_module(format_).FILE_NAMES
    matching = [each for each in patterns if fnmatch.fnmatchcase(name, each.lower())]
    return max(matching, key=len, default="")


def _is_no_file(path: str) -> bool:
    """Whether it exists and is a device or a pipe, whose name says nothing."""
    from llmcheck.cli import named

    return named.kind(path, "--output") not in ("", "file")
