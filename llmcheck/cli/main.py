"""The command line: options, the terminal, where output goes, exit codes. The only module that prints."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from llmcheck import __version__
from llmcheck.cli.fit_options import fit_options
from llmcheck.errors import LlmcheckError

if TYPE_CHECKING:
    from llmcheck.api import MachineSource
    from llmcheck.schema.machine import Machine
    from llmcheck.system.interpreter import InterpreterQuery

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
_PROGRESS_AFTER = 0.5

_SECONDS = click.FloatRange(min=0.1)
_FORMATS_OF_NAMES = (
    ("requirements*.txt", "requirements"),
    ("pylock*.toml", "pylock"),
    ("*Dockerfile*", "dockerfile"),
    ("environment.y*ml", "conda"),
    ("*.sh", "sh"),
    ("*.json", "json"),
    ("*.md", "markdown"),
)
"""Patterns of what files are called, and the format that such a file has."""
F = TypeVar("F", bound=Callable[..., Any])


class _Context:
    """What main() began before the imports."""

    question: InterpreterQuery | None = None


def run(arguments: list[str], question: Any = None) -> int:
    """Run one command line and return its exit code; no exception leaves."""
    _Context.question = question
    signal.signal(signal.SIGTERM, _terminated)
    try:
        result = main.main(args=arguments, prog_name="llmcheck", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        _complain(f"{error.format_message()}{hint}")
        return 2
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except LlmcheckError as error:
        _complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except Exception as error:  # whatever it is, the person gets a line and scripts get a code of its own
        if any(word.startswith("-v") or word == "--verbose" for word in arguments):
            import traceback

            traceback.print_exc()
        _complain(f"this is a bug in llmcheck: {type(error).__name__}: {error} (-v shows where)")
        return EXIT_BUG
    finally:
        child = sys.modules.get("llmcheck.system.worker")
        if child is not None:
            child.end_children()


def _terminated(number: int, _frame: object) -> NoReturn:
    """A job that is cancelled leaves no child behind: the way out is that of every other end."""
    sys.exit(128 + number)


def _complain(message: str) -> None:
    line = " ".join(message.split())
    stderr: Any = sys.stderr
    if stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):
        stderr.write(f"llmcheck: {_printable(line)}\n")
        stderr.flush()


def _printable(text: str) -> str:
    from llmcheck.render.views.blocks import printable

    encoding = sys.stderr.encoding or "ascii"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


def _format_by_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """What was asked for; else what the file is called for, where this command writes such files."""
    import fnmatch

    output: str | None = context.params.get("output")
    source = context.get_parameter_source(parameter.name or "")
    if output is None or source is not click.core.ParameterSource.DEFAULT:
        return value
    name = os.path.basename(output)
    meant = next((format_ for pattern, format_ in _FORMATS_OF_NAMES if fnmatch.fnmatchcase(name, pattern)), value)
    choices: Any = parameter.type
    return meant if meant in choices.choices else value


def _output_options(*formats: str) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in (
            click.option("-v", "--verbose", count=True, help="Show more: sources, packages, tools."),
            click.option("--no-color", is_flag=True, help="No colours (NO_COLOR does the same)."),
            # Read first, for its ending can say the format.
            click.option("--output", metavar="FILE", is_eager=True, help="Write to FILE instead of standard output."),
            click.option(
                "--format",
                "format_",
                type=click.Choice(formats),
                default=formats[0],
                show_default=True,
                callback=_format_by_name,
                help="How it is written; where it is not given, the name of --output decides (fix.sh, x.json, x.md).",
            ),
        ):
            function = option(function)
        return function

    return decorate


def _machine_options(function: F) -> F:
    for option in (
        click.option(
            "--timeout",
            type=_SECONDS,
            metavar="SECONDS",
            default=45.0,
            show_default=True,
            help="For the whole inspection.",
        ),
        click.option(
            "--probe-timeout",
            type=_SECONDS,
            metavar="SECONDS",
            default=10.0,
            show_default=True,
            help="For each probe.",
        ),
        click.option("--probe-net", is_flag=True, help="Use the network: can the hub and package index be reached?"),
        click.option("--path", metavar="DIR", help="Judge the disk that holds DIR, where the models will go."),
        click.option("--python", metavar="PATH", help="The project's Python interpreter."),
        click.option(
            "--machine",
            metavar="FILE|WORDS",
            help="Judge a saved machine ('-': standard input), or one in words: '2x RTX 4090, 64 GB RAM'.",
        ),
    ):
        function = option(function)
    return function


def _source(
    machine: str | None,
    python: str | None,
    path: str | None,
    *,
    timeout: float,
    probe_timeout: float,
    explain: bool = False,
    measure: tuple[str, ...] = (),
    modules: Callable[[], tuple[str, ...]] | None = None,
    probe_net: bool = False,
) -> MachineSource:
    """The machine that is to be judged: a saved one, or this one, whose inspection begins now."""
    from llmcheck import api
    from llmcheck.errors import UsageError

    if machine is not None:
        if python is not None or path is not None or explain or measure or probe_net:
            raise UsageError("--machine is another machine: nothing more can be found out about it here")
        found = _given_machine(machine)
        return lambda: found
    if path is not None and not os.path.exists(os.path.expanduser(path)):
        raise UsageError(f"--path {path}: there is no such folder")
    question = api.ask(python, _Context.question)
    wait = api.start_inspection(
        question,
        path,
        probe_timeout,
        timeout,
        explain=explain,
        probe_net=probe_net,
        measure=measure,
        modules=modules,
    )

    def waiting() -> Any:
        with _progress():
            return wait()

    return waiting


def _given_machine(text: str) -> Machine:
    """A saved machine, or one in words, whose assumptions are told."""
    from llmcheck import api
    from llmcheck.whatif import parse

    if os.path.exists(text) or not parse.looks_like(text):
        return api.load_machine(text)
    stated = api.stated_machine(text)
    for each in stated.assumptions:
        _complain(each)
    return stated.machine


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """A line on the terminal's stderr when the inspection takes longer than half a second; gone when it is done."""
    stderr: Any = sys.stderr  # None where standard error is closed
    if stderr is None or not stderr.isatty():
        yield
        return
    import threading

    shown = threading.Event()

    def show() -> None:
        shown.set()
        sys.stderr.write("inspecting this machine ...")
        sys.stderr.flush()

    timer = threading.Timer(_PROGRESS_AFTER, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if shown.is_set():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _write(value: object, format_: str, output: str | None, no_color: bool, verbose: int) -> None:
    """Render and deliver: a file is written whole or not at all, a pipe and a file never get colour."""
    from llmcheck import api
    from llmcheck.render import Options

    stdout: Any = sys.stdout  # None where standard output is closed
    terminal = output is None and stdout is not None and stdout.isatty()
    options = Options(
        width=_width(terminal),
        color=terminal and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        ascii=output is None and not _speaks_utf8(),
        verbose=verbose,
        guarded=output is not None,
    )
    text = api.render(value, format_, options)
    if output is not None:
        _write_file(output, text)
    elif stdout is not None:
        encoding = "utf-8" if format_ == "json" else stdout.encoding or "utf-8"
        try:
            stdout.buffer.write(text.encode(encoding, "replace"))
            stdout.flush()
        except BrokenPipeError:  # the reader has seen enough; the exit code still says what was found
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
            raise LlmcheckError(f"standard output: {error.strerror or error}; the output is not whole") from None


def _width(terminal: bool) -> int:
    """As shutil.get_terminal_size has it, which costs 5 ms to import."""
    said = os.environ.get("COLUMNS", "")
    columns = int(said[:6]) if said.isdecimal() else 0
    if not columns and terminal:
        with contextlib.suppress(OSError, ValueError):
            columns = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    return min(max(columns or 80, 40), 160)


def _speaks_utf8() -> bool:
    """What the locale says. In the C locale Python writes UTF-8 all the same, which the terminal may not show."""
    stdout: Any = sys.stdout
    if not ((stdout and stdout.encoding) or "").lower().replace("-", "").startswith("utf8"):
        return False
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name)
        if value and not (name == "LC_CTYPE" and value == "C.UTF-8"):  # which Python itself puts there
            return "utf" in value.lower()
    return True


def _write_file(path: str, text: str) -> None:
    import tempfile

    folder = os.path.dirname(os.path.abspath(path))
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe cannot be replaced
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".llmcheck-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise LlmcheckError(f"--output {path}: {error.strerror or error}; nothing was written") from None


def _complete_profile(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck.catalog import profiles

    return [name for name in profiles.ids() if name.startswith(incomplete)]


def _complete_library(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import catalog

    return [name for name in catalog.libraries() if name.startswith(incomplete)]


def _complete_target(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return _complete_profile(context, parameter, incomplete) + _complete_library(context, parameter, incomplete)


_EXIT_CODES = (
    "\b\nExit codes, the same in every format: 0 ready, 1 not ready, 2 nothing was checked"
    "\n(usage, bad profile or file), 3 undetermined, 4 warnings under --fail-on warn,"
    "\n70 a bug in llmcheck, 130 interrupted."
)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n  llmcheck\n  llmcheck check inference-7b\n"
    "  llmcheck install inference-7b --format sh | sh\n"
    "  llmcheck machine --format json --output machine.json\n\n" + _EXIT_CODES,
)
@click.version_option(__version__, message="llmcheck %(version)s")
@_machine_options
@_output_options("text", "json", "markdown")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> int | None:
    """Is this machine ready for my LLM project, and if not, what exactly do I do?

    Without a command: what this machine is, which documented tiers it is ready for, what is missing, and the next
    step.
    """
    if context.invoked_subcommand is not None:
        given = [
            parameter.opts[-1]
            for parameter in main.params
            if parameter.name and context.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE
        ]
        if given:
            raise click.UsageError(f"put {given[0]} after '{context.invoked_subcommand}'", context)
        return None
    from llmcheck import api

    source = _source(**_taken(options))
    report = api.overview(source)
    _write(report, **options)
    return report.exit_code


def _taken(options: dict[str, Any]) -> dict[str, Any]:
    """The machine's options, taken out of all options."""
    return {name: options.pop(name) for name in ("machine", "python", "path", "timeout", "probe_timeout", "probe_net")}


@main.command(
    epilog=f"\b\nExamples:\n  llmcheck check inference-7b\n  llmcheck check finetune-7b --skip software "
    f"--format json\n  llmcheck check ./our-node.toml --fail-on warn\n\n{_EXIT_CODES}"
)
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, shell_complete=_complete_profile)
@click.option("--skip", multiple=True, metavar="ID", help="Leave out a requirement or group (hardware, software).")
@click.option("--only", multiple=True, metavar="ID", help="Judge only this requirement or group.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="warn: exit 4 when ready with warnings.",
)
@_machine_options
@_output_options("text", "json", "markdown")
def check(profiles: tuple[str, ...], skip: tuple[str, ...], only: tuple[str, ...], fail_on: str, **options: Any) -> int:
    """The gate: findings and an exit code.

    Holds the machine against PROFILEs, which are ids or paths of .toml files.
    """
    from llmcheck import api

    source = _source(**_taken(options))
    report = api.check(profiles, source, skip, only, fail_on == "warn")
    _write(report, **options)
    return report.exit_code


@main.command(
    epilog="\b\nExamples:\n  llmcheck machine\n  llmcheck machine --explain\n  llmcheck machine --save machine.json\n"
    "  llmcheck check inference-7b --machine machine.json"
)
@click.option("--save", metavar="FILE", help="Also write a snapshot that --machine judges to the same findings.")
@click.option(
    "--redact",
    type=click.Choice(["none", "standard", "strict"]),
    help="Take out what names this machine or user; standard is the default of files, none of the screen.",
)
@click.option("--explain", is_flag=True, help="Show for each fact where it was read, and how long its probe took.")
@click.option("--measure", multiple=True, type=click.Choice(["disk"]), help="disk: read from it, past the page cache.")
@_machine_options
@_output_options("text", "json", "markdown")
def machine(save: str | None, redact: Any, explain: bool, measure: tuple[str, ...], **options: Any) -> int:
    """The inventory alone: what this machine is."""
    from llmcheck import api

    of_this_machine = options["machine"] is None
    found = _source(**_taken(options), explain=explain, measure=measure)()
    home = os.path.expanduser("~") if of_this_machine else None
    if save is not None:
        _write(api.redacted(found, redact or "standard", home), "json", save, True, 0)
    level: Any = redact or ("none" if options["output"] is None else "standard")
    _write(api.redacted(found, level, home), **options)
    return 0


@main.command(
    epilog="\b\nExamples:\n  llmcheck install inference-7b\n  llmcheck install vllm lm-eval --venv ~/venvs/serve\n"
    "  llmcheck install finetune-7b --format sh | sh\n  llmcheck install toolkit --output fix.sh\n"
    "  llmcheck install inference-7b --verify\n\n"
    "\b\nExit codes: 0 a plan was printed; with --verify 1 it does not resolve, 3 that could not be told;"
    "\n2 usage, bad profile or file, 70 a bug in llmcheck, 130 interrupted."
)
@click.argument("targets", metavar="PROFILE|LIBRARY...", nargs=-1, required=True, shell_complete=_complete_target)
@click.option("--verify", is_flag=True, help="Use the network: ask the real resolver, report versions and sizes.")
@click.option("--environment", metavar="NAME", help="Only this one of the plan's environments.")
@click.option(
    "--shell",
    type=click.Choice(["bash", "fish", "powershell", "cmd"]),
    help="Whose quoting the commands get; by default that of the machine's system.",
)
@click.option(
    "--installer",
    type=click.Choice(["auto", "uv", "pip", "conda"]),
    default="auto",
    show_default=True,
    help="auto: uv where it is on PATH, else pip.",
)
@click.option("--venv", metavar="DIR", help="Into this environment, which the plan makes where there is none.")
@_machine_options
@_output_options("text", "sh", "json", "markdown", "requirements", "pylock", "dockerfile", "conda")
def install(targets: tuple[str, ...], **options: Any) -> int:
    """Print the commands that install what is missing.

    They are ready to paste; nothing is run. A script that is written with --output runs only on the machine that
    was judged.
    """
    from llmcheck import api

    if options["venv"] is not None and options["machine"] is None:
        options["python"] = api.python_of(options["venv"], options["python"])
    taken = _taken(options)
    source = _source(**taken, modules=api.modules)
    chosen = {name: options.pop(name) for name in ("installer", "venv", "shell", "environment", "verify")}
    plan = api.install(targets, source, **chosen)
    _write(plan, **options)
    return plan.exit_code


@main.command(
    "torch-index",
    epilog="\b\nExamples:\n  llmcheck torch-index\n  llmcheck torch-index --explain\n"
    "  llmcheck torch-index --machine machine.json --format json",
)
@click.option("--explain", is_flag=True, help="Show every test that was made, with its source.")
@_machine_options
@_output_options("text", "json", "markdown")
def torch_index(explain: bool, **options: Any) -> int:
    """The build of PyTorch for this machine.

    From the visible GPUs, the driver, the system and the Python. UV_TORCH_BACKEND is respected where what it names
    can work here.
    """
    from llmcheck import api

    source = _source(**_taken(options))
    _write(api.torch_index(source, explain=explain), **options)
    return 0


@main.command(
    epilog="\b\nExamples:\n  llmcheck fit llama-3.1-8b\n  llmcheck fit ./model-Q4_K_M.gguf --context 32768\n"
    "  llmcheck fit 70B --weights q4_k_m --machine '2x RTX 4090, 64 GB RAM'\n"
    "  llmcheck fit qwen2.5-7b --method qlora --machine 'RTX 3090'\n"
    "  llmcheck fit 70B --method pretrain --tokens 2T --machine '512x H100 SXM'\n\n"
    "\b\nExit codes: 0 fits (RAM included), 1 does not, 2 nothing was computed, 3 cannot be told."
)
@fit_options
@_machine_options
@_output_options("text", "json", "markdown")
def fit(**options: Any) -> int:
    """Does a model fit, and how fast: computed, with the source of every term.

    MODEL is a file or folder (GGUF, safetensors, config.json), a model of 'llmcheck models list', a repository in the
    local Hugging Face cache, or a size such as 7B. Without --machine: this machine, and what is free on it now.
    """
    from llmcheck import api
    from llmcheck.cli.fit_options import asked

    source = _source(**_taken(options))
    subject, workload, further = asked(options)
    found = api.fit(subject, workload, source, **further)
    _write(found, **options)
    return found.exit_code


@main.group()
def models() -> None:
    """The well-known models whose shapes are built in."""


@models.command("list")
@_output_options("text", "json", "markdown")
def models_list(**options: Any) -> int:
    """All of them, with their weights, those active for a token, and the longest context."""
    from llmcheck import api

    _write(api.models(), **options)
    return 0


@main.command(epilog="\b\nExamples:\n  llmcheck cloud inference-70b\n  llmcheck cloud pretrain --format json")
@click.argument("profile", metavar="PROFILE", shell_complete=_complete_profile)
@click.option("--all-tiers", is_flag=True, help="Also community and marketplace machines.")
@click.option("--machine", metavar="FILE|WORDS", help="Say first how this machine stands, saved or in words.")
@_output_options("text", "json", "markdown")
def cloud(profile: str, all_tiers: bool, machine: str | None, **options: Any) -> int:
    """Machines to rent that would pass, with prices.

    Those whose hardware passes PROFILE, cheapest first, each price with its date and source.
    """
    from llmcheck import api

    _write(api.cloud(profile, all_tiers, _given_machine(machine) if machine else None), **options)
    return 0


@main.group()
def profiles() -> None:
    """The tiers and what they ask for."""


@profiles.command("list")
@_output_options("text", "json", "markdown")
def profiles_list(**options: Any) -> int:
    """All shipped profiles, in the document's order."""
    from llmcheck import api

    _write(api.profiles(), **options)
    return 0


@profiles.command("show")
@click.argument("profile", metavar="PROFILE", shell_complete=_complete_profile)
@_output_options("text", "json", "markdown")
def profiles_show(profile: str, **options: Any) -> int:
    """One profile: every requirement with its place in the document, and the corrections."""
    from llmcheck import api

    _write(api.profile(profile), **options)
    return 0


@profiles.command("schema")
@_output_options("json")
def profiles_schema(**options: Any) -> int:
    """The JSON Schema of profile files, for editors and validators."""
    from llmcheck import api

    _write(api.profile_schema(), **options)
    return 0


@main.group()
def libraries() -> None:
    """The libraries that the document names."""


@libraries.command("list")
@click.option("--area", help="Only this area, such as inference or evaluation.")
@_output_options("text", "json", "markdown")
def libraries_list(area: str | None, **options: Any) -> int:
    """All of them, with what is advised, the documented command and whether they are alive."""
    from llmcheck import api

    _write(api.libraries(area), **options)
    return 0


@libraries.command("show")
@click.argument("library", metavar="LIBRARY", shell_complete=_complete_library)
@_output_options("text", "json", "markdown")
def libraries_show(library: str, **options: Any) -> int:
    """One library: documented command, advised command, what it needs, what to know."""
    from llmcheck import api

    _write(api.library(library), **options)
    return 0


@libraries.command("check")
@click.argument("names", metavar="LIBRARY...", nargs=-1, shell_complete=_complete_library)
@_machine_options
@_output_options("text", "json", "markdown")
def libraries_check(names: tuple[str, ...], **options: Any) -> int:
    """Which are installed, outdated against the table, or broken.

    Without names all of them, for information; with names a gate: 1 if one is missing or broken.
    """
    from llmcheck import api

    taken = _taken(options)
    found = api.check_libraries(names, lambda modules: _source(**taken, modules=modules))
    _write(found, **options)
    return found.exit_code
