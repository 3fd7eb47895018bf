"""``kind = "file"``: a file or folder of this machine: that it is there, its size, its rights, and what stands in it.

Shortfall codes: ``file-missing``, ``file`` (it is there, and not as required).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

from msgspec import Meta

from llmcheck.judge.facts import patterns
from llmcheck.judge.requirements import Example, Traits, finding, validate_size
from llmcheck.schema import profile
from llmcheck.schema.asked import Ask, Asked, AskedFile, AskedMachine, asked_of
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding
from llmcheck.units import format_like, parse_size

_LONGEST_PATH = 1000


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    path: str
    """Where it is; ``~`` and relative paths are possible."""
    absent: bool = False
    """True: there must be nothing."""
    type: Literal["file", "folder", "device", "pipe", "socket"] | None = None
    """What it is; None for anything. Of a link, what it leads to."""
    at_least: str | None = None
    """Size of a file: ``1 GB``."""
    at_most: str | None = None
    """The same, the other way round."""
    mode: Annotated[str, Meta(pattern="^0?[0-7]{3,4}$")] | None = None
    """Permissions that it may have at most: ``0600`` for a file that nobody else may read."""
    owner: str | None = None
    """Name of its owner, or its number."""
    readable: bool | None = None
    """Whether this process may read it."""
    writable: bool | None = None
    """Whether this process may write to it."""
    matches: str | None = None
    """A part of a line of its first 64 KiB matches this regular expression."""

    @functools.cached_property
    def pattern(self) -> Callable[[str], bool | None] | None:
        return None if self.matches is None else patterns.compiled(self.matches)


def _ask(requirement: Requirement) -> tuple[Ask, ...]:
    return (Ask(file=requirement.path, text=requirement.matches is not None),)


def _example(mode: int) -> Machine:
    return AskedMachine(asked=Asked(files={"~/.netrc": AskedFile(kind="file", mode=mode)}))


TRAITS = Traits(asks=_ask, of_one_machine=True)
EXAMPLE = Example(keys={"path": "~/.netrc", "mode": "0600"}, passing=_example(0o400), failing=_example(0o644))


def validate(requirement: Requirement) -> None:
    """Raises ValueError where a path, a size or a pattern is not possible."""
    path = requirement.path
    if not path or len(path) > _LONGEST_PATH or not path.isprintable():
        raise ValueError(f"path: {path[:40]!r} is not the path of a file")
    for key in ("at_least", "at_most"):
        if getattr(requirement, key) is not None:
            validate_size(key, getattr(requirement, key))
    if requirement.absent and any(_stated(requirement)):
        raise ValueError("absent: of what must not be there nothing else can be stated")
    _ = requirement.pattern


def _stated(requirement: Requirement) -> Iterator[str]:
    if requirement.type is not None:
        yield f"a {requirement.type}"
    if requirement.at_least is not None:
        yield f"at least {requirement.at_least}"
    if requirement.at_most is not None:
        yield f"at most {requirement.at_most}"
    if requirement.mode is not None:
        yield f"mode {requirement.mode} or stricter"
    if requirement.owner is not None:
        yield f"of {requirement.owner}"
    for right, wanted in (("readable", requirement.readable), ("writable", requirement.writable)):
        if wanted is not None:
            yield right if wanted else f"not {right}"
    if requirement.matches is not None:
        yield f"with '{requirement.matches}'"


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    stated = ", ".join(_stated(requirement))
    return f"no {requirement.path}" if requirement.absent else f"{requirement.path}{f' ({stated})' if stated else ''}"


def check(requirement: Requirement, machine: Machine) -> Finding:
    path, files = requirement.path, asked_of(machine).files
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    there = None if files is None else files.get(path)
    if there is None or there.kind is None:
        reason = f"{path}: {there.reason}" if there and there.reason else f"{path} is known only on the machine itself"
        return finding(requirement, "unknown", reason)
    if there.kind == "none":
        if requirement.absent:
            return finding(requirement, "pass", f"there is no {path}", found="not there")
        return finding(requirement, "fail", f"there is no {path}", found="not there", shortfall="file-missing")
    if requirement.absent:
        return finding(requirement, "fail", f"{path} is there ({there.kind})", found=there.kind, shortfall="file")
    results = list(_judged(requirement, there))
    found = next((words for met, words in results if met is False), None)
    if found is not None:
        message = f"{path} is {found}; needs {', '.join(_stated(requirement))}"
        return finding(requirement, "fail", message, found=found, shortfall="file")
    unknown = next((words for met, words in results if met is None), None)
    if unknown is not None:
        return finding(requirement, "unknown", f"{path}: {unknown}")
    shown = ", ".join(dict.fromkeys([there.kind, *(words for _, words in results)]))
    return finding(requirement, "pass", f"{path}: {shown}", found=shown)


def _judged(requirement: Requirement, there: AskedFile) -> Iterator[tuple[bool | None, str]]:
    """Of each thing that is stated: whether it is so, and what is there."""
    if requirement.type is not None:
        yield there.kind == requirement.type, f"a {there.kind}"
    for written, smaller in ((requirement.at_least, False), (requirement.at_most, True)):
        if written is None:
            continue
        size, bound = there.size, parse_size(written)
        if size is None:
            yield (None if there.kind == "file" else False), "without a size"
        else:
            yield (size <= bound if smaller else size >= bound), format_like(size, written)
    if requirement.mode is not None:
        mode = there.mode
        words = "its permissions could not be read" if mode is None else f"mode {mode:04o}"
        yield (None if mode is None else not mode & ~int(requirement.mode, 8)), words
    if requirement.owner is not None:
        yield (None if there.owner is None else there.owner == requirement.owner), f"of {there.owner or 'unknown'}"
    for name, wanted, is_so in (
        ("readable", requirement.readable, there.readable),
        ("writable", requirement.writable, there.writable),
    ):
        if wanted is not None:
            yield (None if is_so is None else is_so == wanted), name if is_so else f"not {name}"
    if requirement.pattern is not None:
        found = _found(requirement.pattern, there)
        yield found, "its text could not be read" if found is None else f"with{'' if found else 'out'} that text"


def _found(pattern: Callable[[str], bool | None], there: AskedFile) -> bool | None:
    if there.text is None:
        return None
    lines = [pattern(line) for line in there.text.splitlines()]
    return True if True in lines else None if None in lines else False
