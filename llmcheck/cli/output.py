"""Writes results and messages to standard output, files and standard error, as the terminal allows."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from llmcheck.cli import named
from llmcheck.cli.options import OutputOptions
from llmcheck.errors import LlmcheckError
from llmcheck.printable import printable, shortened

if TYPE_CHECKING:
    import datetime

    from llmcheck.cli.gate import ReportFile
    from llmcheck.schema.age import SavedAge

_PROGRESS_AFTER = 0.5
"""Seconds."""
_LONGEST_MESSAGE = 4000
"""Characters; the longest of our own lists all libraries, and a name from a file may be as long as the file."""
_IN_UTF8 = ("json", "jsonl", "junit", "gitlab", "sarif", "prometheus")
"""Formats that say or take for granted how they are encoded, whatever the locale."""
_NARROWEST, _WIDEST = 40, 160
_DEFAULT_COLUMNS = 80


def write(
    value: object,
    options: OutputOptions,
    *,
    tiers: bool = False,
    quiet: bool = False,
    reports: Sequence[ReportFile] = (),
) -> None:
    """Renders a value and writes it. A file is written completely or not at all. Only a terminal gets colour.

    ``tiers``: of an overview, every documented tier. ``quiet``: of a report as text one line, and nothing on standard
    error. ``reports``: more files, each in its format. All is rendered before the first is written.

    Raises LlmcheckError if it cannot be written completely.
    """
    from llmcheck import api
    from llmcheck.render import Options

    stdout = _stdout()
    old = api.old_tables(value)
    terminal = options.output is None and stdout is not None and stdout.isatty()
    shown = Options(
        width=_width(terminal),
        color=_color(options, terminal),
        ascii=options.output is None and not _shows_utf8(stdout),
        verbose=options.verbose,
        tiers=tiers or options.verbose > 0,
        guarded=options.output is not None,
        ages=tuple(_ages()),
        quiet=quiet,
        old_tables=old,
        today=_today() if old else None,
    )
    text = api.render(value, options.format, shown)
    in_file = Options(width=_width(False), verbose=options.verbose, ages=shown.ages)
    files = [(each, api.render(value, each.format, in_file)) for each in reports]
    for each, document in files:
        _write_named(each.path, each.format, document, quiet)
    if options.output is not None:
        _write_named(options.output, options.format, text, quiet)
    else:
        write_text(text, utf8=options.format in _IN_UTF8)


def write_text(text: str, *, utf8: bool = False) -> None:
    """Writes to standard output, in its own encoding or in UTF-8; nothing where it is closed.

    Raises LlmcheckError if it cannot be written completely.
    """
    stdout = _stdout()
    if stdout is not None:
        _write_stream(stdout, text, "utf-8" if utf8 else stdout.encoding or "utf-8")


def _write_named(path: str, name: str, text: str, quiet: bool) -> None:
    if write_file(path, text) and not quiet:
        print_message(f"wrote {path} ({name})")


def _today() -> datetime.date:
    import datetime  # where an answer rests on an old table

    return datetime.datetime.now(datetime.UTC).date()


def _color(options: OutputOptions, terminal: bool) -> bool:
    """An option decides before NO_COLOR, and that before FORCE_COLOR, which is not about files."""
    if options.color != "auto":
        return options.color == "always"
    if os.environ.get("NO_COLOR") or options.output is not None:
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def note_age(age: SavedAge) -> None:
    """Has the age of a saved machine said below the answer of this command."""
    _ages().append(age)


def _ages() -> list[SavedAge]:
    """Of the machines that this command was given; a new list outside of a command."""
    import click

    context = click.get_current_context(silent=True)
    ages: list[SavedAge] = context.meta.setdefault("llmcheck.ages", []) if context is not None else []
    return ages


def print_message(message: str) -> None:
    """Prints a message on standard error, as one line without control characters."""
    stderr = _stderr()
    if stderr is None:
        return
    encoding = stderr.encoding or "ascii"
    line = (
        shortened(printable(" ".join(message.split())), _LONGEST_MESSAGE)
        .encode(encoding, "backslashreplace")
        .decode(encoding)
    )
    with contextlib.suppress(OSError, ValueError):
        stderr.write(f"llmcheck: {line}\n")
        stderr.flush()


@contextlib.contextmanager
def progress(message: str) -> Iterator[None]:
    """Shows a line on standard error, if that is a terminal, while something takes longer than half a second."""
    stderr = _stderr()
    if stderr is None or not stderr.isatty():
        yield
        return
    import threading

    shown = threading.Event()

    from llmcheck.system import ending

    def show() -> None:
        shown.set()
        stderr.write(message)
        stderr.flush()

    def clear() -> None:
        timer.cancel()
        if shown.is_set():
            os.write(stderr.fileno(), b"\r\x1b[K")  # a signal may come while the stream itself is in use

    timer = threading.Timer(_PROGRESS_AFTER, show)
    timer.daemon = True
    timer.start()
    cleared = ending.on_end(clear)
    try:
        yield
    finally:
        cleared()
        clear()


def write_file(path: str, text: str) -> bool:
    """Replaces a file atomically. Returns False for a device or a pipe, which is written to instead.

    Raises LlmcheckError; then nothing was written, or into a pipe or device perhaps a part.
    """
    from llmcheck.system import written

    try:
        return written.write(path, text.encode("utf-8", "replace"), named.option_of(path))
    except OSError as error:
        raise LlmcheckError(f"{named.option_of(path)} {path}: {error.strerror or error}; nothing was written") from None


def _write_stream(stdout: TextIO, text: str, encoding: str) -> None:
    try:
        stdout.buffer.write(text.encode(encoding, "replace"))
        stdout.flush()
    except BrokenPipeError:  # the reader closed the pipe; the exit code is still the result
        _discard_output(stdout)
    except OSError as error:
        _discard_output(stdout)
        raise LlmcheckError(f"standard output: {error.strerror or error}; the output is incomplete") from None


def _discard_output(stdout: TextIO) -> None:
    """Otherwise Python would flush the buffer at exit and fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


def _stdout() -> TextIO | None:
    """None if standard output is closed."""
    return sys.stdout


def _stderr() -> TextIO | None:
    """None if standard error is closed."""
    return sys.stderr


def _width(terminal: bool) -> int:
    """Columns, as from shutil.get_terminal_size; importing that module takes 5 ms."""
    given = os.environ.get("COLUMNS", "")
    columns = int(given[:6]) if given.isdecimal() else 0
    if not columns and terminal:
        with contextlib.suppress(OSError, ValueError):
            columns = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    return min(max(columns or _DEFAULT_COLUMNS, _NARROWEST), _WIDEST)


def _shows_utf8(stdout: TextIO | None) -> bool:
    """Whether the locale uses UTF-8. In the C locale Python writes UTF-8, but the terminal may not show it."""
    if not ((stdout and stdout.encoding) or "").lower().replace("-", "").startswith("utf8"):
        return False
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name)
        if value and not (name == "LC_CTYPE" and value == "C.UTF-8"):  # Python itself sets that one
            return "utf" in value.lower()
    return True
