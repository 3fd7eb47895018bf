"""Cleans the text that resolvers print: one line, of limited length, without credentials and control characters."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmcheck.printable import without_unprintable
from llmcheck.system import answering

MESSAGE_LIMIT = 600
_FILE_LIMIT = 64 * 2**20
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


def series(version: str) -> str:
    """``3.12.4`` gives ``3.12``."""
    return ".".join(version.split(".")[:2])


def is_wheel(url: str) -> bool:
    return re.split(r"[?#]", url)[0].endswith(".whl")


def one_line(text: str) -> str:
    """Without escape sequences and control characters, and with single blanks."""
    return " ".join(without_unprintable(ESCAPE.sub("", text), " ").split())


def plain(message: str) -> str:
    """One line of at most ``MESSAGE_LIMIT`` characters, without control characters, user names and passwords."""
    text = without_credentials(one_line(message))
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 4].rstrip() + " ..."


def without_credentials(text: str) -> str:
    return _CREDENTIALS.sub("", text)


def write(path: str, lines: Iterable[str]) -> None:
    """Raises OSError, and UsageError where the folder does not answer."""
    data = "".join(f"{line}\n" for line in lines)

    def write_all() -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(data)

    answering.apart(write_all, [("", path)])


def read(path: str) -> str:
    """A file's text; empty if it cannot be read. Raises UsageError where the folder does not answer."""

    def read_all() -> str:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read(_FILE_LIMIT)
        except OSError:
            return ""

    return answering.apart(read_all, [("", path)])
