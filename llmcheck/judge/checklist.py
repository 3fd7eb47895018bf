"""Reads a checklist file: which items of a Markdown task list are ticked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from llmcheck.schema.project import ChecklistState
from llmcheck.schema.report import Finding

ID = "checklist"
"""Id and kind of the finding."""
_ITEM = r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[([ xX])\][ \t]+(.*)"
_MARK = r"<!--[ \t]*([a-z0-9-]{1,80})[ \t]*-->"
_MOST_SHOWN = 5


class Item(Struct, frozen=True, kw_only=True):
    id: str | None
    """Of ``llmcheck checklist``; None for one that somebody added."""
    text: str
    done: bool


def items(text: str) -> tuple[Item, ...]:
    """The items of all task lists of a Markdown document, but for those in fenced code."""
    found, fence = [], ""
    for line in text.splitlines():
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1][:3]
        item = None if fence or mark else re.fullmatch(_ITEM, line)
        if item:
            named = re.search(_MARK, item[2])
            words = re.sub(_MARK, "", item[2]).strip()
            found.append(Item(id=named[1] if named else None, text=_plain(words), done=item[1] != " "))
    return tuple(found)


def _plain(text: str) -> str:
    """Without the backslashes of Markdown."""
    return re.sub(r"\\([\\`*_\[\]<>|#~.()!-])", r"\1", text)


def state(found: Sequence[Item], expected: dict[str, str], path: str) -> ChecklistState:
    """``expected``: ids and words of the items that the checklist of the profiles has."""
    ids = {each.id for each in found}
    return ChecklistState(
        path=path,
        done=sum(each.done for each in found),
        open=tuple(each.text for each in found if not each.done),
        removed=tuple(text for name, text in expected.items() if name not in ids),
    )


def finding(checklist: ChecklistState) -> Finding:
    """A recommendation: a project may start with open items, and is told which they are."""
    total = checklist.done + len(checklist.open)
    remaining = len(checklist.open) + len(checklist.removed)
    words = [f"{len(checklist.open)} open"] if checklist.open else []
    words += [f"{len(checklist.removed)} removed"] if checklist.removed else []
    if not total:
        message = f"{checklist.path} has no item of a task list (- [ ] ...)"
    elif not remaining:
        message = f"all {total} items of {checklist.path} are done"
    else:
        named = [*checklist.open, *(f"removed: {each}" for each in checklist.removed)]
        more = f"; and {remaining - _MOST_SHOWN} more" if remaining > _MOST_SHOWN else ""
        shown = "; ".join(each.rstrip(".") for each in named[:_MOST_SHOWN])
        message = f"{', '.join(words)} of {checklist.path}: {shown}{more}"
    return Finding(
        id=ID,
        kind=ID,
        group="project",
        level="recommended",
        status="unknown" if not total else "warn" if remaining else "pass",
        needed="every item done",
        found=f"{checklist.done} of {total} done" if total else None,
        shortfall="checklist-open" if total and remaining else None,
        message=message,
        remedy="write one: llmcheck checklist finetune-7b --output FILE" if not total else None,
        source="Ethical Guidelines and Responsible AI",
    )
