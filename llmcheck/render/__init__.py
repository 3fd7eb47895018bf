"""One module per output format. Pure: a format never counts, times or decides.

A format has ``render(value, options) -> str``, which raises TypeError for a value that it cannot show, and
``FILE_NAMES``: patterns (fnmatch) of the file names that mean this format. The longest pattern that matches decides.

A format of lines that a program reads as they come (annotations, a plugin's line) also has ``complaint(message,
exit_code) -> str``: what it says where nothing could be checked. The others say nothing then.

The name of a format is that of its file, with ``-`` for ``_``.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from msgspec import Struct

from llmcheck import registry

if TYPE_CHECKING:
    import datetime

    from llmcheck.schema.age import SavedAge
    from llmcheck.schema.table_date import TableDate


class Options(Struct, frozen=True, kw_only=True):
    """How to write a value."""

    width: int = 80
    """Columns."""
    color: bool = False
    ascii: bool = False
    """Use only ASCII characters, because the terminal may show no others."""
    verbose: int = 0
    """The number of -v options."""
    tiers: bool = False
    """Of an overview, show the documented tiers and the whole inventory instead of the short answer."""
    guarded: bool = False
    """A script refuses to run on a machine other than the judged one."""
    ages: tuple[SavedAge, ...] = ()
    """Of the saved machines that the answer is about; one of a day or more is said below the answer."""
    old_tables: tuple[TableDate, ...] = ()
    """Tables that the answer rests on and that are old; it says so below."""
    today: datetime.date | None = None
    """What their age is counted to; None where there are none."""
    quiet: bool = False
    """One line, of a report as text."""


def format_names() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(name.replace("_", "-") for name in registry.names(__name__))


def format_module(name: str) -> ModuleType:
    """The module of a format, by its name."""
    return registry.load(__name__, name.replace("-", "_"))
