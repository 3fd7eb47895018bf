"""The answers of the commands that compare, describe and test profiles."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Verdict


class Change(Struct, frozen=True, kw_only=True):
    """One key that two profiles state differently."""

    requirement: str | None = None
    """Id of the requirement; None for a key of the profile itself."""
    key: str
    """Its name; of a table in a table ``any_of[0].memory``."""
    before: Any = None
    """In the first profile; None where it states nothing."""
    after: Any = None
    """In the second profile; None where it states nothing."""
    decides: bool
    """It can change a finding; False for words: titles, reasons, sources, costs."""


class Stated(Struct, frozen=True, kw_only=True):
    """A requirement that only one of two profiles has."""

    id: str
    """Its id."""
    level: str
    """Its level."""
    needed: str
    """What it requires, in words."""


class ProfileDifference(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck profiles diff``."""

    schema: str = "llmcheck.profile-diff/1"
    """Format of this document and its version."""
    before: str
    """The first profile, as it was named."""
    after: str
    """The second profile, as it was named."""
    added: tuple[Stated, ...]
    """Requirements of the second alone, in its order."""
    removed: tuple[Stated, ...]
    """Requirements of the first alone, in its order."""
    changed: tuple[Change, ...]
    """Keys that both have, or that one of two requirements with the same id has."""
    truncated: bool = False
    """There are more changes than are listed."""
    exit_code: int
    """0 where both ask for the same, whatever their words; 1 otherwise."""


class TestedMachine(Struct, frozen=True, kw_only=True):
    """One machine of a profile's own, and whether it was judged as its name says."""

    file: str
    """Its name in the folder of tests."""
    expected: Verdict | None
    """By its name; None: nothing of the profile applies to it."""
    verdict: Verdict | None
    """What it was judged; None: nothing was judged."""
    expected_ids: tuple[str, ...] | None = None
    """The required lines that have to fail, or to stay open; None where they have to be stated and are not."""
    ids: tuple[str, ...]
    """Those that do, in the order of the profile."""
    as_expected: bool
    """Verdict and lines are those that were expected."""


class ProfileTest(Struct, frozen=True, kw_only=True):
    """One profile with all its machines."""

    profile: str
    """As it was named."""
    folder: str
    """Where its machines lie."""
    machines: tuple[TestedMachine, ...]
    """By name."""
    never_failing: tuple[str, ...]
    """Required lines that no machine fails, so that nothing shows that they can."""


class ProfileTests(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck profiles test``."""

    schema: str = "llmcheck.profile-tests/1"
    """Format of this document and its version."""
    tests: tuple[ProfileTest, ...]
    """One for each profile."""
    exit_code: int
    """0 where every machine is judged as expected, 1 otherwise."""


class ProfilePage(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck profiles docs``: profiles as a page for people."""

    schema: str = "llmcheck.profile-docs/1"
    """Format of this document and its version."""
    names: tuple[str, ...]
    """As they were named: what ``llmcheck check`` takes."""
    profiles: tuple[Profile, ...]
    """In this order."""


class LintFinding(Struct, frozen=True, kw_only=True):
    """One thing in a profile that is wrong, or that nobody can have meant."""

    code: str
    """What kind of thing: ``unknown-fact``, ``unit-mismatch``, ``duplicate``, ..."""
    requirement: str | None = None
    """Id of the requirement; None for the profile itself."""
    message: str
    """One sentence that can be understood without the other fields."""
    fix: str | None = None
    """What to write instead; None where the sentence says it."""


class LintedProfile(Struct, frozen=True, kw_only=True):
    """One profile with what was found in it."""

    profile: str
    """As it was named."""
    requirements: int
    """How many it has, with those that it inherits; of one that does not load, its own."""
    findings: tuple[LintFinding, ...]
    """In the order of the file; those of the profile itself come last."""
    truncated: bool = False
    """There are more than are listed."""


class ProfileLint(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck profiles lint``."""

    schema: str = "llmcheck.profile-lint/1"
    """Format of this document and its version."""
    profiles: tuple[LintedProfile, ...]
    """One for each profile."""
    exit_code: int
    """0 where nothing was found, 1 otherwise."""


Line = dict[str, Any]
"""One ``[[require]]``, as it is written."""


class DraftProfile(Struct, frozen=True, kw_only=True):
    """A profile as a file has it, to be read and changed by a person."""

    schema: str = "llmcheck.profile/1"
    """Format of this document and its version."""
    id: str
    """The file name without its extension."""
    title: str
    """What people call it."""
    task: str = "general"
    """What the machine is to do."""
    sources: tuple[str, ...]
    """What it was made of."""
    require: tuple[Line, ...]
    """The requirements."""
