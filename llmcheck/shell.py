"""Quotes arguments as one command line, so that a shell passes on exactly these arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from llmcheck.errors import DataError
from llmcheck.printable import is_printable

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# zsh replaces a leading equals sign with the path of a program.
_PLAIN = re.compile(r"[A-Za-z0-9_@+:,./-][A-Za-z0-9_@+:,./=-]*")
_PLAIN_PROGRAM = re.compile(r"[A-Za-z0-9_@+:,./-]+")
# On Windows a backslash separates folders, and escapes only a quote that follows it.
_PLAIN_ON_WINDOWS = re.compile(r"[A-Za-z0-9_+:./\\-]+")
# PowerShell splits an option at a colon or a dot.
_POWERSHELL_OPTION = re.compile(r"--?[A-Za-z][A-Za-z-]*")
_POWERSHELL_PROGRAM = re.compile(r"(?:[A-Za-z]:[\\/]|[A-Za-z_./\\])[A-Za-z0-9_./\\-]*")
# cmd ends a program's name at a slash, and reads the rest as an option.
_CMD_PROGRAM = re.compile(r"[A-Za-z0-9_.\\-][A-Za-z0-9_+:.\\-]*")
# Each of these ends a quoted string in PowerShell.
_POWERSHELL_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")

# Keywords of a shell (fish reads them so even in quotes), and builtins that run their arguments as code.
_KEYWORDS = frozenset(
    """
    . - ! { } [[ ]] alias and begin break builtin call case command continue coproc data do done elif else elseif end
    esac eval exec exit fi filter finally for foreach from function if iex in invoke-expression not or param process
    rem return select set source start switch then throw time trap try until var while workflow
    """.split()  # noqa: SIM905 - a list with quotes is harder to read
)


def line(argv: Sequence[str], shell: str = "bash", variables: Mapping[str, str] | None = None) -> str:
    """One command. ``shell``: bash (any POSIX one), fish (3.1 or newer), powershell, cmd.

    ``variables`` are set in its environment. PowerShell and cmd cannot set them for one command only; they stay set
    afterwards. Raises DataError for an argument with an unprintable character or one that the shell cannot pass on
    unchanged: no line made of it would be safe to paste.
    """
    given = variables or {}
    if not all(_VARIABLE.fullmatch(name) for name in given):
        raise DataError(f"{', '.join(map(repr, given))}: not the names of environment variables")
    words = [_program(argv[0], shell), *(quote(word, shell) for word in argv[1:])]
    if shell == "powershell":
        settings = [f"$env:{name}={_powershell_quoted(_not_empty(value, shell))};" for name, value in given.items()]
    elif shell == "cmd":
        settings = [
            f'set "{name}={_refuse_cmd_expansion(_not_empty(value, shell))}" &&' for name, value in given.items()
        ]
    else:
        settings = [f"{name}={quote(value, shell)}" for name, value in given.items()]
    return " ".join([*settings, *words])


def quote(word: str, shell: str = "bash") -> str:
    """One argument, without quotes if it needs none. Raises DataError for one that the shell cannot pass on."""
    _writable(word)
    match shell:
        case "powershell":
            return _powershell(word)
        case "cmd":
            return word if _PLAIN_ON_WINDOWS.fullmatch(word) else _cmd_quoted(word)
        case "fish":
            return word if _PLAIN.fullmatch(word) else _fish_quoted(word)
    return word if _PLAIN.fullmatch(word) else _posix_quoted(word)


def _program(word: str, shell: str) -> str:
    """The first word, which a shell could read as a keyword or an expression."""
    _writable(word)
    if word.lower() in _KEYWORDS:
        raise DataError(f"{word!r} is a keyword of the shell: write the program with its folder")
    match shell:
        case "powershell":
            # PowerShell would print a quoted string, not run it.
            return word if _POWERSHELL_PROGRAM.fullmatch(word) else f"& {_powershell_quoted(word)}"
        case "cmd":
            return word if _CMD_PROGRAM.fullmatch(word) else _cmd_quoted(word)
        case "fish":
            return word if _PLAIN_PROGRAM.fullmatch(word) else _fish_quoted(word)
    return word if _PLAIN_PROGRAM.fullmatch(word) else _posix_quoted(word)


def _writable(word: str) -> None:
    if not is_printable(word):  # the line has to be what it looks like
        raise DataError(f"{word!r} has a control character: no command line can be made of it")


def _not_empty(value: str, shell: str) -> str:
    _writable(value)
    if not value:
        raise DataError(f"{shell} unsets a variable instead of setting it to nothing: use --shell bash")
    return value


def _posix_quoted(word: str) -> str:
    """As ``shlex.quote``, and quotes a leading equals sign too."""
    quoted = shlex.quote(word)
    return f"'{word}'" if quoted == word else quoted


def _fish_quoted(word: str) -> str:
    """In single quotes, fish knows two escapes: for the quote and for the backslash."""
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(word: str) -> str:
    """Windows PowerShell 5.1 passes arguments on without escaping them, PowerShell 7 escapes them.

    Raises DataError for an argument that the two would pass on differently.
    """
    if '"' in word:
        raise DataError(f"{word!r} has a double quote, which PowerShell does not pass on: use --shell cmd or bash")
    if not word:
        raise DataError("PowerShell does not pass on an empty argument: use --shell cmd or bash")
    if word.endswith("\\") and re.search(r"\s", word):
        raise DataError(f"{word!r} ends in a backslash, which PowerShell does not pass on after a blank")
    plain = _POWERSHELL_OPTION if word.startswith("-") else _PLAIN_ON_WINDOWS
    return word if plain.fullmatch(word) else _powershell_quoted(word)


def _powershell_quoted(word: str) -> str:
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", word) + "'"


def _cmd_quoted(word: str) -> str:
    """In double quotes, cmd passes on most special characters."""
    _refuse_cmd_expansion(word)
    trailing = len(word) - len(word.rstrip("\\"))  # a backslash would escape the closing quote
    return '"' + word + "\\" * trailing + '"'


def _refuse_cmd_expansion(word: str) -> str:
    """Raises DataError for characters that cmd expands even in quotes (``%``, ``!``) and for a quote."""
    for sign in '%"!':
        if sign in word:
            raise DataError(f"{word!r} has {sign}, which cmd cannot pass on unchanged: use --shell powershell or bash")
    return word
