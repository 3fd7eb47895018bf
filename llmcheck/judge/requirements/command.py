"""``kind = "command"``: a program that is started and says by its exit code whether all is well.

0: met; 1: not met; 3, and 2 for nothing checked: unknown. It may print one JSON object with ``message`` and ``found``.
It is started without a shell, only where the user named the profile's own file, or allowed it with ``--allow-exec``.

Shortfall code: ``command``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Annotated

from msgspec import Meta

from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.asked import Ask, Asked, AskedMachine, CommandAnswer, asked_of
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding

_MOST_ARGUMENTS, _LONGEST, _MOST_SECONDS = 64, 1000, 300
_ALLOW = "read it, then add --allow-exec"


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    argv: tuple[str, ...]
    """The program, by its name on PATH or its path, and its arguments, one by one."""
    timeout: Annotated[float, Meta(gt=0, le=_MOST_SECONDS)] = 10.0
    """Seconds after which it is ended, and nothing is known."""
    label: str | None = None
    """What it checks, in words; None: its command line is shown."""


def _ask(requirement: Requirement) -> tuple[Ask, ...]:
    return (Ask(argv=requirement.argv, seconds=requirement.timeout),)


_ARGV = ("/usr/local/bin/check-burn-in", "--quick")


def _example(code: int) -> Machine:
    return AskedMachine(asked=Asked(commands={_ARGV: CommandAnswer(code=code)}))


TRAITS = Traits(asks=_ask, of_one_machine=True)
EXAMPLE = Example(keys={"argv": list(_ARGV)}, passing=_example(0), failing=_example(1))


def validate(requirement: Requirement) -> None:
    """Raises ValueError where there is no program, or an argument that none can get."""
    argv = requirement.argv
    if not argv or not argv[0].strip() or argv[0].startswith("-"):
        raise ValueError('argv begins with a program: ["my-check", "--quick"]')
    if len(argv) > _MOST_ARGUMENTS or any(len(each) > _LONGEST or "\0" in each for each in argv):
        raise ValueError(f"argv has at most {_MOST_ARGUMENTS} entries of at most {_LONGEST:,} characters, without NUL")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return requirement.label or f"'{' '.join(requirement.argv)[:120]}' succeeds"


def check(requirement: Requirement, machine: Machine) -> Finding:
    commands = asked_of(machine).commands
    name = requirement.label or requirement.argv[0]
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    if commands is None:
        return finding(requirement, "unknown", f"{name} is started only on the machine itself")
    answer = commands.get(requirement.argv)
    if answer is None:
        message = f"{name} was not started: this profile did not come as a file of your own that you named"
        return finding(requirement, "unknown", message, remedy=_ALLOW)
    if answer.code == 0:
        return finding(requirement, "pass", f"{name}: {answer.message or 'it succeeds'}", found=answer.found)
    if answer.code == 1:
        message = f"{name}: {answer.message or 'it says that this is not met'}"
        return finding(requirement, "fail", message, found=answer.found or "exit code 1", shortfall="command")
    reason = answer.reason or f"it ended with {answer.code}, which says neither"
    return finding(requirement, "unknown", f"{name}: {answer.message or reason}", found=answer.found)
