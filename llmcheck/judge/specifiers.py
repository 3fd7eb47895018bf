"""Version specifiers (PEP 440) as profiles write them, and versions as machines report them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmcheck.schema.bounds import LONGEST_VERSION

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_ONE = r"(?:>=|<=|>|<|==|!=|~=) ?[0-9]{1,18}(?:\.[0-9]{1,18})*"
_PLAIN = re.compile(rf"{_ONE}(?:, ?{_ONE})*")
"""A specifier of this form is valid. Importing packaging to find that out takes 25 ms."""
_FOREIGN = r"[^A-Za-z0-9.!+*_,<>=~ -]"
"""``===`` takes any text, and pip replaces ``${HOME}`` in a requirements file."""


def validate(text: str, example: str) -> None:
    """Raises ValueError where a text is no specifier, has a character that no version has, or is too long."""
    if len(text) > LONGEST_VERSION:
        raise ValueError(f"version: more than {LONGEST_VERSION} characters")
    if _PLAIN.fullmatch(text):
        return
    foreign = re.search(_FOREIGN, text)
    if foreign:
        raise ValueError(f"version: '{text}' has {foreign[0]!r}, which no version has")
    _specifier(text, example)


def contains(specifier: str, version: str) -> bool | None:
    """Whether a version is in a valid specifier; None where the version is not valid, so that it cannot be compared."""
    from packaging.version import Version  # 10 ms of start-up, and most requirements name no version

    try:
        return _specifier(specifier, "").contains(Version(version[: LONGEST_VERSION + 1]), prereleases=True)
    except ValueError:  # packaging's InvalidVersion, and Python's for a number of 4,300 digits
        return None


def _specifier(text: str, example: str) -> SpecifierSet:
    from packaging.specifiers import SpecifierSet

    try:
        return SpecifierSet(text)
    except ValueError:
        raise ValueError(f"version: '{text}' is not a version specifier such as {example}") from None
