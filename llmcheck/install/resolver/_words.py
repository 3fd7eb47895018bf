"""Names, versions and messages: made plain, shortened, without what is nobody's business."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmcheck.printable import without_unprintable

MESSAGE_LIMIT = 600
_FILE_LIMIT = 64 * 2**20
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


def series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def is_wheel(url: str) -> bool:
    return re.split(r"[?#]", url)[0].endswith(".whl")


def shortened(text: str) -> str:
    return " ".join(without_unprintable(ESCAPE.sub("", text), " ").split())


def plain(message: str) -> str:
    """One line, without control characters, names and passwords, and of bounded length."""
    text = without_credentials(shortened(message))
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 4].rstrip() + " ..."


def without_credentials(text: str) -> str:
    return _CREDENTIALS.sub("", text)


def write(path: str, lines: Iterable[str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_FILE_LIMIT)
    except OSError:
        return ""
