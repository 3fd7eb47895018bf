"""Arguments as one line of a shell that means exactly these arguments and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmcheck.errors import DataError

# What `render._blocks.printable` would have to rewrite: a line that is shown has to be the line that is meant.
_UNWRITABLE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"

# An equals sign at the start is a path look-up in zsh.
_PLAIN = r"[A-Za-z0-9_@+:,./-][A-Za-z0-9_@+:,./=-]*"
_PLAIN_PROGRAM = r"[A-Za-z0-9_@+:,./-]+"
# A backslash separates folders on Windows and means nothing else there, unless a quote follows.
_PLAIN_ON_WINDOWS = r"[A-Za-z0-9_+:./\\-]+"
# PowerShell splits an option at a colon or a dot.
_OPTION_OF_POWERSHELL = r"--?[A-Za-z][A-Za-z-]*"
_PROGRAM_OF_POWERSHELL = r"(?:[A-Za-z]:[\\/]|[A-Za-z_./\\])[A-Za-z0-9_./\\-]*"
# cmd ends a program's name at a slash, and takes what follows for an option.
_PROGRAM_OF_CMD = r"[A-Za-z0-9_.\\-][A-Za-z0-9_+:.\\-]*"
# PowerShell ends a text at a quote of any of these shapes.
_QUOTES_OF_POWERSHELL = "(['\u2018\u2019\u201a\u201b])"

# Words that a shell takes for its grammar (fish even when they are quoted), or that run their arguments as code.
_OF_SHELLS = frozenset(
    """
    . - ! { } [[ ]] alias and begin break builtin call case command continue coproc data do done elif else elseif end
    esac eval exec exit fi filter finally for foreach from function if iex in invoke-expression not or param process
    rem return select set source start switch then throw time trap try until var while workflow
    """.split()  # noqa: SIM905
)


def line(argv: Sequence[str], shell: str = "bash", variables: Mapping[str, str] | None = None) -> str:
    """One command. ``shell``: bash (any POSIX one), fish (3.1 or newer), powershell, cmd.

    ``variables`` are set in its environment; PowerShell and cmd have no way to set them for one command alone, and
    keep them. Raises DataError for an argument with a control character, and for what a shell cannot pass on
    unchanged: no line can be made of it that is safe to paste.
    """
    given = variables or {}
    if not all(re.fullmatch(_VARIABLE, name) for name in given):
        raise DataError(f"{', '.join(map(repr, given))}: not the names of environment variables")
    words = [_program(argv[0], shell), *(quote(word, shell) for word in argv[1:])]
    if shell == "powershell":
        settings = [f"$env:{name}={_text_of_powershell(_kept(value, shell))};" for name, value in given.items()]
    elif shell == "cmd":
        settings = [f'set "{name}={_without_signs_of_cmd(_kept(value, shell))}" &&' for name, value in given.items()]
    else:
        settings = [f"{name}={quote(value, shell)}" for name, value in given.items()]
    return " ".join([*settings, *words])


def quote(word: str, shell: str = "bash") -> str:
    """One argument, plain where it can be. Raises DataError for what the shell cannot pass on."""
    _writable(word)
    match shell:
        case "powershell":
            return _powershell(word)
        case "cmd":
            return word if re.fullmatch(_PLAIN_ON_WINDOWS, word) else _text_of_cmd(word)
        case "fish":
            return word if re.fullmatch(_PLAIN, word) else _text_of_fish(word)
    return word if re.fullmatch(_PLAIN, word) else _text_of_posix(word)


def _program(word: str, shell: str) -> str:
    """The first word, where a shell looks for more than a name."""
    _writable(word)
    if word.lower() in _OF_SHELLS:
        raise DataError(f"{word!r} is a word of the shell itself: name the program with its folder")
    match shell:
        case "powershell":
            # A text in quotes at the start would be shown, not run.
            return word if re.fullmatch(_PROGRAM_OF_POWERSHELL, word) else f"& {_text_of_powershell(word)}"
        case "cmd":
            return word if re.fullmatch(_PROGRAM_OF_CMD, word) else _text_of_cmd(word)
        case "fish":
            return word if re.fullmatch(_PLAIN_PROGRAM, word) else _text_of_fish(word)
    return word if re.fullmatch(_PLAIN_PROGRAM, word) else _text_of_posix(word)


def _writable(word: str) -> None:
    if re.search(_UNWRITABLE, word):
        raise DataError(f"{word!r} holds a control character: no command line can be made of it")


def _kept(value: str, shell: str) -> str:
    _writable(value)
    if not value:
        raise DataError(f"{shell} takes a variable without a value away instead of setting it: use --shell bash")
    return value


def _text_of_posix(word: str) -> str:
    """Inside single quotes nothing has a meaning but their end."""
    return "'" + word.replace("'", "'\\''") + "'"


def _text_of_fish(word: str) -> str:
    """Inside single quotes fish knows two escapes, of the quote and of the backslash."""
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(word: str) -> str:
    """Windows PowerShell 5.1 hands words to programs without escaping them, PowerShell 7 escapes them.

    What the two would hand over differently is refused.
    """
    if '"' in word:
        raise DataError(f"{word!r} holds a double quote, which PowerShell does not pass on: use --shell cmd or bash")
    if not word:
        raise DataError("PowerShell does not pass on an empty argument: use --shell cmd or bash")
    if word.endswith("\\") and re.search(r"\s", word):
        raise DataError(f"{word!r} ends in a backslash, which PowerShell does not pass on after a blank")
    plain = _OPTION_OF_POWERSHELL if word.startswith("-") else _PLAIN_ON_WINDOWS
    return word if re.fullmatch(plain, word) else _text_of_powershell(word)


def _text_of_powershell(word: str) -> str:
    return "'" + re.sub(_QUOTES_OF_POWERSHELL, r"\1\1", word) + "'"


def _text_of_cmd(word: str) -> str:
    """In double quotes cmd lets its other signs alone, and programs take the text apart at the quotes."""
    _without_signs_of_cmd(word)
    trailing = len(word) - len(word.rstrip("\\"))  # they would escape the quote that closes
    return '"' + word + "\\" * trailing + '"'


def _without_signs_of_cmd(word: str) -> str:
    """A percent sign names a variable even in quotes, a quote ends them, an exclamation mark may expand."""
    for sign in '%"!':
        if sign in word:
            raise DataError(
                f"{word!r} holds {sign}, which cmd cannot pass on unchanged: use --shell powershell or bash"
            )
    return word
