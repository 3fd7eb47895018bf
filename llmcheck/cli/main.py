"""The command group, ``llmcheck`` without a command, and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from llmcheck import __version__, registry
from llmcheck.cli import commands
from llmcheck.cli.groups import Group, wrong_option
from llmcheck.cli.options import (
    DOCUMENTS,
    EXIT_CODES,
    MachineOptions,
    OutputOptions,
    machine_options,
    output_options,
)
from llmcheck.errors import LlmcheckError

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
_WITH_COMPLAINTS = ("--format", "--preset", "--report")
_OPEN_FILES = 32
"""With fewer than 9 a run without GPUs lost facts without a word; a driver's library opens some more for each GPU."""


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code. Raises nothing."""
    try:
        _refuse_few_files()
        if "llmcheck.system.answering" in sys.modules:
            sys.modules["llmcheck.system.answering"].begin()
        result = main.main(args=arguments, prog_name="llmcheck", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        said = wrong_option(error) if isinstance(error, click.NoSuchOption) else error.format_message()
        return _failed(f"{said.removesuffix('.')}{hint}", 2, arguments)
    except click.ClickException as error:
        return _failed(error.format_message(), error.exit_code, arguments)
    except LlmcheckError as error:
        return _failed(str(error), error.exit_code, arguments)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM):
            limits = "raise the limit of open files or processes (ulimit -n, ulimit -u)"
            return _failed(f"{error.strerror}: {limits}", 2, arguments)
        return _bug(error, arguments)
    except Exception as error:
        return _bug(error, arguments)


def _bug(error: Exception, arguments: list[str]) -> int:
    """Prints one line, with -v where it happened, and returns an exit code of its own."""
    if any(word.startswith("-v") or word == "--verbose" for word in arguments):
        import traceback

        traceback.print_exc()
    message = f"this is a bug in llmcheck: {type(error).__name__}: {error} (-v shows where)"
    return _failed(message, EXIT_BUG, arguments)


def _refuse_few_files() -> None:
    """Raises LlmcheckError where so few files may be open that probes would take what is there for missing."""
    most = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else _OPEN_FILES
    if 0 <= most < _OPEN_FILES:
        raise LlmcheckError(f"only {most} open files are allowed, {_OPEN_FILES} are needed: raise 'ulimit -n'")


def _failed(message: str, exit_code: int, arguments: list[str]) -> int:
    from llmcheck.cli.output import print_message

    print_message(message)
    if "check" not in arguments or not any(word.startswith(_WITH_COMPLAINTS) for word in arguments):
        return exit_code
    from llmcheck.cli import failing

    return failing.say(message, exit_code, arguments)


class Commands(Group):
    """The modules of ``llmcheck.cli.commands``, each imported when its command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name.replace("_", "-") for name in registry.names(commands.__name__)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = registry.load(commands.__name__, cmd_name.replace("-", "_")).command
        return command

    def meant(self, word: str, known: Sequence[str]) -> str:
        from llmcheck.catalog import profiles
        from llmcheck.codec import did_you_mean

        near = did_you_mean(word, known)
        if word in profiles.ids() or word.endswith(".toml"):
            return f" (did you mean 'llmcheck check {word}'?)"
        if not near and _is_model(word):
            return f" (did you mean 'llmcheck fit {word}'?)"
        return near

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _summary(name.replace("-", "_"))) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _is_model(word: str) -> bool:
    from llmcheck.api import model_source

    return model_source.is_known(word)


def _summary(module: str) -> str:
    """The first line of a module's docstring; importing all commands would double the time of --help."""
    for folder in commands.__path__:
        try:
            with open(os.path.join(folder, f"{module}.py"), encoding="utf-8") as file:
                return file.readline().strip().strip('"')
        except OSError:  # the installation has no source files
            continue
    return (registry.load(commands.__name__, module).__doc__ or "").partition("\n")[0]


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n  llmcheck\n  llmcheck check inference-7b\n"
    "  llmcheck install inference-7b --format sh | sh\n"
    "  llmcheck machine --format json --output machine.json\n\n" + EXIT_CODES,
)
@click.version_option(__version__, message="llmcheck %(version)s")
@machine_options
@output_options(*DOCUMENTS)
@click.pass_context
def main(context: click.Context, /, machine_options: MachineOptions, output_options: OutputOptions) -> int | None:
    """Is this machine ready for my LLM project, and if not, what exactly do I do?

    Without a command: which sizes of model this machine runs and trains, the best way for each, and the next step. -v
    shows the documented tiers and the whole inventory.
    """
    if context.invoked_subcommand is not None:
        return None
    from llmcheck.cli.inspect import machine_source
    from llmcheck.cli.output import write

    source = machine_source(machine_options)
    from llmcheck import api

    # the short screen shows no plan
    planned = output_options.format == "json" or output_options.verbose > 0
    report = api.overview(source, planned=planned)
    write(report, output_options)
    return report.exit_code
