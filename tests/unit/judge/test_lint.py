"""What lint finds in a profile, each mistake by its code; and nothing in the shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck import api
from llmcheck.catalog import profiles
from llmcheck.errors import DataError

HEAD = 'id = "mine"\ntitle = "Mine"\ntask = "general"\nsources = ["us"]\n'
FINE = '[[require]]\nid = "ram"\nkind = "ram"\ntotal = "16 GB"\nwhy = "models are loaded through it"\n'
FACT = '[[require]]\nid = "fact"\nkind = "fact"\nwhy = "w"\nfix = "f"\n'


def found(tmp_path: Path, text: str, name: str = "mine.toml") -> list[tuple[str, str | None]]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    answer = api.linted_profiles([str(path)])
    findings = answer.profiles[0].findings
    assert answer.exit_code == (1 if findings else 0)
    assert all(each.message for each in findings)
    return [(each.code, each.requirement) for each in findings]


def test_a_sound_profile_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, HEAD + FINE) == []


@pytest.mark.parametrize("name", profiles.ids())
def test_a_shipped_profile_has_no_finding(name: str) -> None:
    assert api.linted_profiles([name]).exit_code == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{FACT}fact = "gpus[*].memory_totl"\nge = "1 GB"\n', [("unknown-fact", "fact")]),
        (f'{FACT}fact = "gpus[*].memory_total"\nge = 24\n', [("unit-mismatch", "fact")]),
        (f'{FACT}fact = "gpus[*].memory_total"\nge = "400 Gb/s"\n', [("unit-mismatch", "fact")]),
        (f'{FACT}fact = "ram.total"\nbetween = ["1 GB", 4]\n', [("unit-mismatch", "fact")]),
        (f'{FACT}any_of = [{{ fact = "rom.total", ge = "1 GB" }}]\n', [("unknown-fact", "fact")]),
        (f'{FACT}fact = "ram.total"\nge = "1 GB"\nmore = 1\n', [("invalid", "fact")]),
        (f'{FACT}fact = "ram.total"\nge = "2 GB"\nle = "1 GB"\n', [("never", "fact")]),
        ('[[require]]\nid = "x"\nkind = "ramm"\n', [("invalid", "x")]),
        (FINE + FINE, [("duplicate-id", "ram")]),
        (FINE + FINE.replace('"ram"\nkind', '"again"\nkind'), [("duplicate", "again")]),
        (FINE + FINE.replace('"ram"\nkind', '"more"\nkind').replace("16", "32"), [("weaker", "ram")]),
        ("", [("empty", None)]),
        (f"{FINE}any_of = []\n", [("empty", "ram")]),
        (FINE.replace("why", "# why"), [("no-why", "ram")]),
        (f'{FACT}fact = "ram.total"\nge = "1 GB"\n'.replace('fix = "f"\n', ""), [("no-fix", "fact")]),
        (
            '[[require]]\nid = "x"\nwhy = "w"\nany_of = [{ kind = "ram", total = "16 GB" }, { kind = "ram", total = '
            '"8 GB" }, { kind = "disk", free = "1 GB" }]\n',
            [("unreachable-branch", "x")],
        ),
    ],
)
def test_each_mistake_has_its_code(tmp_path: Path, text: str, expected: list[tuple[str, str | None]]) -> None:
    assert found(tmp_path, HEAD + text) == expected


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (f"{HEAD}expires = 2020-01-01\n", "expired"),
        (HEAD.replace('"us"', ""), "no-sources"),
        (HEAD.replace("mine", "other"), "id"),
        (f'{HEAD}[vars.size]\ntype = "size"\ndefault = "1 GB"\n', "unused-variable"),
    ],
)
def test_each_mistake_of_the_profile_itself_has_its_code(tmp_path: Path, head: str, code: str) -> None:
    assert found(tmp_path, head + FINE) == [(code, None)]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = FACT.replace('"fact"', '"a"', 1) + 'fact = "x"\neq = 1\n' + FACT + 'fact = "ram.total"\nge = 1\n'
    assert found(tmp_path, HEAD + wrong) == [("unknown-fact", "a"), ("unit-mismatch", "fact")]


def test_variables_are_in_their_places_where_another_line_is_wrong(tmp_path: Path) -> None:
    text = f'{HEAD}[vars.size]\ntype = "size"\ndefault = "1 GB"\n{FINE.replace("16 GB", "${size}")}'
    assert found(tmp_path, f'{text}{FACT}fact = "nothing"\neq = 1\n') == [("unknown-fact", "fact")]


def test_a_mistake_of_the_whole_is_told_as_it_is_refused(tmp_path: Path) -> None:
    assert found(tmp_path, f"colour = 1\n{HEAD}{FINE}") == [("invalid", None)]


@pytest.mark.parametrize("text", ["[", "\x00", f'title = "{"x" * 5000}"'])
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError):
        found(tmp_path, text)


def test_many_requirements_are_compared_without_taking_for_ever(tmp_path: Path) -> None:
    lines = [f'[[require]]\nid = "r{n}"\nkind = "ram"\ntotal = "{n + 1} GB"\nwhy = "w"\n' for n in range(3000)]
    assert found(tmp_path, HEAD + "".join(lines)) == []


def test_of_many_mistakes_some_are_told_and_that_there_are_more(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    lines = [f'[[require]]\nid = "r{n}"\nkind = "ramm"\n' for n in range(5000)]
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    (linted,) = api.linted_profiles([str(path)]).profiles
    assert (len(linted.findings), linted.truncated, linted.requirements) == (200, True, 5000)
