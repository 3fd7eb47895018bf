"""Profiles compared, described for people, and tested on machines of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmcheck import shell
from llmcheck.judge.requirements import needed
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Commands,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Table,
)
from llmcheck.schema.profile import GROUP, Profile, Requirement, When, source_in_words
from llmcheck.schema.profile_tools import (
    Change,
    DraftProfile,
    LintedProfile,
    ProfileDifference,
    ProfileLint,
    ProfilePage,
    ProfileTest,
    ProfileTests,
    Stated,
    TestedMachine,
)
from llmcheck.schema.report import Verdict

_PROFILE = "(the profile)"
_LEVELS = (("required", "Required"), ("recommended", "Recommended"), ("info", "For information"))
_VERDICTS: dict[Verdict | None, str] = {
    "ready": "ready",
    "not-ready": "not ready",
    "undetermined": "undetermined",
    None: "nothing judged",
}


def profile_tools(value: DraftProfile | ProfileDifference | ProfileLint | ProfilePage | ProfileTests) -> list[Block]:
    match value:
        case DraftProfile():
            return _drafted(value)
        case ProfileDifference():
            return _difference(value)
        case ProfileLint():
            return [block for each in value.profiles for block in _linted(each)]
        case ProfilePage():
            return list(_page(value))
        case ProfileTests():
            return [block for each in value.tests for block in _test(each)]


def _drafted(draft: DraftProfile) -> list[Block]:
    columns = [Column("requirement", fixed=True), Column("asks for"), Column("why")]
    rows = [[Cell(str(each["id"]), "strong"), Cell(_asked(each)), Cell(str(each["why"]))] for each in draft.require]
    return [Heading(draft.id, draft.title), Table(columns, rows)]


def _asked(line: Mapping[str, Any]) -> str:
    words = [f"{key} {_value(value)}" for key, value in line.items() if key not in ("id", "why", "fix")]
    return ", ".join(words)


def _linted(linted: LintedProfile) -> list[Block]:
    count, many = len(linted.findings), f"{linted.requirements} requirement{'' if linted.requirements == 1 else 's'}"
    if not count:
        return [Heading(linted.profile, f"nothing found in {many}", "good")]
    columns = [Column("requirement", fixed=True), Column("code", fixed=True), Column("what is wrong")]
    rows = [
        [
            Cell(each.requirement or _PROFILE, "strong"),
            Cell(each.code, "warn"),
            Cell(f"{each.message}; write {each.fix}" if each.fix else each.message),
        ]
        for each in linted.findings
    ]
    found = f"{count}{' and more' if linted.truncated else ''} found in {many}"
    return [Heading(linted.profile, found, "bad"), Table(columns, rows)]


def _difference(value: ProfileDifference) -> list[Block]:
    heading = Heading(f"{value.before} → {value.after}", "" if value.exit_code else "they ask for the same")
    blocks: list[Block] = [heading]
    deciding = [each for each in value.changed if each.decides]
    if deciding:
        columns = [Column("requirement", fixed=True), Column("key"), Column("before"), Column("after")]
        blocks.append(Table(columns, [_change(each) for each in deciding]))
    for title, stated in (("Only in the second", value.added), ("Only in the first", value.removed)):
        if stated:
            columns = [Column("requirement", fixed=True), Column("level", fixed=True), Column("needed")]
            blocks += [Heading(title), Table(columns, [_stated(each) for each in stated])]
    if value.truncated:
        blocks.append(Paragraph([Cell(f"There are more than {len(value.changed):,} changes.", "warn")]))
    words: dict[str, list[str]] = {}
    for each in value.changed:
        if not each.decides:
            words.setdefault(each.requirement or _PROFILE, []).append(each.key)
    if words:
        items = [Cell(f"{name}: {', '.join(dict.fromkeys(keys))}", "dim") for name, keys in words.items()]
        blocks += [Heading("Other words, which decide nothing"), Bullets(items)]
    return blocks


def _change(change: Change) -> list[Cell]:
    return [
        Cell(change.requirement or _PROFILE, "strong"),
        Cell(change.key),
        Cell(_value(change.before), "bad"),
        Cell(_value(change.after), "good"),
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _stated(stated: Stated) -> list[Cell]:
    return [Cell(stated.id, "strong"), Cell(stated.level), Cell(stated.needed)]


def _page(page: ProfilePage) -> Iterator[Block]:
    for name, profile in zip(page.names, page.profiles, strict=True):
        yield from _described(profile, name)


def _described(profile: Profile, name: str) -> Iterator[Block]:
    yield Heading(profile.title, level=1)
    yield Paragraph([Cell("Whether a machine meets this is what the following command says.")])
    yield Commands([(f"llmcheck check {shell.quote(name)}", "")])
    yield Facts([Fact("Profile", profile.id), Fact("Task", profile.task), *_facts(profile)])
    for level, title in _LEVELS:
        requirements = [each for each in profile.require if each.level == level]
        if requirements:
            yield Heading(title)
            yield _table(requirements)
    yield from _variables(profile)
    if profile.sources:
        yield Heading("Sources")
        yield Bullets([Cell(source_in_words(each)) for each in profile.sources])


def _needed(requirement: Requirement) -> str:
    """With its kind, where neither its id nor its words have it."""
    words = needed(requirement) + (" (of the cluster)" if requirement.scope == "cluster" else "")
    said = requirement.kind in (GROUP, "fact") or requirement.kind in requirement.id or requirement.kind in words
    return words if said else f"{requirement.kind}: {words}"


def _facts(profile: Profile) -> list[Fact]:
    pairs = (
        ("For", _for(profile.when) if profile.when is not None else ""),
        ("Extends", ", ".join(profile.extends)),
        ("Good until", str(profile.expires or "")),
        ("Cost", f"{profile.cost.documented} (documented)" if profile.cost else ""),
    )
    return [Fact(label, text) for label, text in pairs if text]


def _for(when: When) -> str:
    """On which machines it is judged."""
    words = [" or ".join(each) for each in (when.os, when.architecture) if each]
    words += [f"GPUs of {' or '.join(when.vendor)}"] if when.vendor else []
    words += [f"{'inside' if when.container else 'outside'} of a container"] if when.container is not None else []
    return "; ".join([*words, *map(needed, when.facts)])


def _variables(profile: Profile) -> Iterator[Block]:
    """What can be set from outside."""
    if not profile.vars:
        return
    columns = [Column("variable", fixed=True), Column("default"), Column("from"), Column("to"), Column("why")]
    rows = [
        [
            Cell(name, "strong"),
            *(Cell("" if each is None else _value(each)) for each in (one.default, one.min, one.max)),
            Cell(one.why or ""),
        ]
        for name, one in profile.vars.items()
    ]
    yield Heading("Can be set", "with --set NAME=VALUE")
    yield Table(columns, rows)


def _table(requirements: Sequence[Requirement]) -> Table:
    """Columns of which no requirement says anything are left out."""
    columns = [
        Column("requirement", fixed=True),
        Column("needed"),
        Column("why"),
        Column("if it is not met"),
        Column("source", wide_only=True),
    ]
    rows = [
        [
            Cell(each.id, "strong"),
            Cell(_needed(each)),
            Cell(each.why or ""),
            Cell(each.fix or ""),
            Cell(source_in_words(each.source or ""), "dim"),
        ]
        for each in requirements
    ]
    kept = [at for at in range(len(columns)) if any(row[at].text for row in rows)]
    return Table([columns[at] for at in kept], [[row[at] for at in kept] for row in rows])


def _test(test: ProfileTest) -> Iterator[Block]:
    wrong = sum(not each.as_expected for each in test.machines)
    many = "machine" if len(test.machines) == 1 else "machines"
    said = (
        f"{wrong} of {len(test.machines)} {many} judged otherwise"
        if wrong
        else f"{len(test.machines)} {many} as expected"
    )
    yield Heading(test.profile, said, "bad" if wrong else "good")
    columns = [Column("", fixed=True), Column("machine"), Column("verdict", fixed=True), Column("lines that decide")]
    yield Table(columns, [_machine(each) for each in test.machines])
    notes = [Cell(text, "bad") for each in test.machines for text in _problems(each, test.folder)]
    if test.never_failing:
        notes.append(Cell(f"no machine fails: {', '.join(test.never_failing)}", "dim"))
    if notes:
        yield Bullets(notes)


def _machine(machine: TestedMachine) -> list[Cell]:
    right = machine.as_expected
    return [
        Cell("✓" if right else "✗", "good" if right else "bad"),
        Cell(machine.file),
        Cell(_VERDICTS[machine.verdict]),
        Cell(", ".join(machine.ids) or "–"),
    ]


def _problems(machine: TestedMachine, folder: str) -> Iterator[str]:
    if machine.as_expected:
        return
    if machine.verdict != machine.expected:
        yield f"{machine.file}: expected {_VERDICTS[machine.expected]}, judged {_VERDICTS[machine.verdict]}"
    if machine.expected_ids is None and not machine.ids:
        return
    if machine.expected_ids is None:
        stem = machine.file.removesuffix(".json")
        ids = ", ".join(f'"{each}"' for each in machine.ids)
        yield f"{machine.file}: say in {folder}/expected.toml which lines decide: {stem} = [{ids}]"
        return
    missing = [each for each in machine.expected_ids if each not in machine.ids]
    more = [each for each in machine.ids if each not in machine.expected_ids]
    if missing:
        yield f"{machine.file}: expected and not so: {', '.join(missing)}"
    if more:
        yield f"{machine.file}: so and not expected: {', '.join(more)}"
