"""Every format writes every value; none counts, decides, or lets data steer the terminal."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from llmcheck import api, catalog, codec
from llmcheck.catalog import profiles
from llmcheck.errors import DataError
from llmcheck.install.plan import plan_installation
from llmcheck.judge.evaluate import evaluate
from llmcheck.render import Options, markdown, sh, text
from llmcheck.render import json as json_format
from llmcheck.render.views import terminal
from llmcheck.render.views.blocks import Cell, Column, Commands, Table
from llmcheck.render.views.views import document
from llmcheck.schema.advice import Environment, Plan, Step
from llmcheck.schema.machine import (
    Fabric,
    FabricPort,
    Gpu,
    Identity,
    Machine,
    Os,
    Problem,
    Ram,
    Software,
    Tool,
)
from llmcheck.schema.report import Report, combined, exit_code
from llmcheck.schema.responses import LibraryList, ProfileList, ShownLibrary, ShownProfile
from tests.machines_builder import GB, card, cards, machine, mig, packages
from tests.unit.strategies import CORRECTIONS, SHIPPED, wild_machines, wild_reports

UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = [40, 60, 80, 120, 160]


def report(where: Machine, *names: str, informs: bool = False) -> Report:
    chosen = [profiles.load(name) for name in names] or SHIPPED
    judged = tuple(evaluate(profile, where, CORRECTIONS) for profile in chosen)
    return Report(
        llmcheck="0.1.0",
        created_at="2026-11-22T12:00:00+00:00",
        verdict=None if informs else combined(each.verdict for each in judged),
        exit_code=0 if informs else exit_code(judged),
        profiles=judged,
        machine=where,
    )


PLAN = plan_installation("peft vllm helm", ["peft", "vllm", "helm"], machine(card("H100")), catalog.tables())
SHOWN: dict[str, object] = {
    "machine": machine(*cards("H100", 8), software=packages(torch="2.14.1")),
    "report": report(machine(card("RTX 3060")), "inference-70b", "inference-7b"),
    "overview": report(machine(card("RTX 3060")), informs=True),
    "plan": PLAN,
    "offers": api.offers("inference-70b", api.Rent(documented=True)),
    "cluster-offers": api.offers("pretrain"),
    "profiles": ProfileList(profiles=SHIPPED),
    "profile": ShownProfile(profile=profiles.load("inference-70b"), corrections=CORRECTIONS),
    "libraries": LibraryList(libraries=tuple(catalog.libraries().values())),
    "library": ShownLibrary(library=catalog.libraries()["tgi"], corrections=CORRECTIONS),
}
COMMANDS = {
    f"  {command}"
    for value in SHOWN.values()
    for block in document(value, Options(verbose=1))
    if isinstance(block, Commands)
    for command, _ in block.lines
}


WORDS = st.text("abcdefgh0123 ./", min_size=1, max_size=40).map(str.strip)
COLUMNS = st.builds(
    lambda name, right, fixed, min_width, below: Column(
        name, right=right, fixed=fixed, min_width=min_width, below=below
    ),
    WORDS, st.booleans(), st.booleans(), st.integers(4, 24), st.sampled_from([None, "{}", "on {}"]),
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(st.lists(COLUMNS, min_size=1, max_size=6))
    cells = WORDS.map(Cell)
    rows = st.lists(cells, min_size=len(columns), max_size=len(columns))
    return Table(columns, draw(st.lists(rows, min_size=1, max_size=5)))


@settings(deadline=None, max_examples=150)
@given(tables(), st.integers(40, 160))
def test_no_width_cuts_a_table(table: Table, width: int) -> None:
    written = terminal.blocks([table], Options(width=width))
    shown = Counter(written)
    told = Counter("".join(cell.text for row in table.rows for cell in row))
    assert {sign: count for sign, count in told.items() if sign != " " and shown[sign] < count} == {}
    assert [line for line in written.splitlines() if cell_len(line) > width] == []


def too_wide(written: str, width: int) -> list[str]:
    return [line for line in written.splitlines() if cell_len(line) > width and line not in COMMANDS]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHOWN)
def test_no_line_but_a_command_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert too_wide(text.render(SHOWN[name], Options(width=width, verbose=1)), width) == []


@pytest.mark.parametrize("name", SHOWN)
def test_ascii_output_is_pure_ascii(name: str) -> None:
    assert text.render(SHOWN[name], Options(ascii=True, verbose=1)).isascii()


@pytest.mark.parametrize("name", SHOWN)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    plain = text.render(SHOWN[name], Options(verbose=1))
    coloured = text.render(SHOWN[name], Options(verbose=1, color=True))
    assert coloured != plain
    assert "\x1b" not in plain
    stripped = [line.rstrip() for line in COLOUR.sub("", coloured).splitlines()]
    assert stripped == plain.splitlines()


@pytest.mark.parametrize("name", SHOWN)
def test_json_parses_and_names_its_schema_and_version(name: str) -> None:
    value = json.loads(json_format.render(SHOWN[name], Options()))
    assert re.fullmatch(r"llmcheck\.[a-z]+/[1-9]", value["schema"])


@pytest.mark.parametrize("name", SHOWN)
def test_markdown_tables_have_one_number_of_columns(name: str) -> None:
    for block in markdown.render(SHOWN[name], Options()).split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1


@pytest.mark.parametrize("name", [name for name in SHOWN if name != "plan"])
def test_only_a_plan_is_a_script(name: str) -> None:
    with pytest.raises(TypeError, match="plan"):
        sh.render(SHOWN[name], Options())


@pytest.mark.parametrize("format_", [text, markdown])
def test_a_value_that_nobody_shows_is_an_error_not_an_empty_page(format_: Any) -> None:
    with pytest.raises(TypeError):
        format_.render(42, Options())


@settings(max_examples=60)
@given(wild_machines, st.sampled_from(WIDTHS), st.booleans())
def test_any_machine_is_written_as_text(where: Machine, width: int, ascii_only: bool) -> None:
    written = text.render(where, Options(width=width, ascii=ascii_only, verbose=1))
    assert UNPRINTABLE.findall(written) == []
    assert [line for line in written.splitlines() if cell_len(line) > width] == []
    assert written.isascii() or not ascii_only


@settings(max_examples=60)
@given(wild_reports(), st.sampled_from(WIDTHS), st.booleans(), st.integers(0, 1))
def test_any_report_is_written_as_text(value: Report, width: int, ascii_only: bool, verbose: int) -> None:
    written = text.render(value, Options(width=width, ascii=ascii_only, verbose=verbose))
    assert UNPRINTABLE.findall(written) == []
    assert [line for line in written.splitlines() if cell_len(line) > width] == []
    assert written.isascii() or not ascii_only


@settings(max_examples=60)
@given(wild_machines | wild_reports())
def test_any_value_is_written_as_markdown(value: object) -> None:
    written = markdown.render(value, Options())
    assert UNPRINTABLE.findall(written) == []
    for block in written.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows}) <= 1


@settings(max_examples=60)
@given(wild_reports())
def test_json_counts_what_the_report_counts_and_reads_back_equal(value: Report) -> None:
    written = json_format.render(value, Options())
    parsed = json.loads(written)
    assert codec.decode_json(written.encode(), Report, "x") == value
    for shown, judged in zip(parsed["profiles"], value.profiles, strict=True):
        assert [each["status"] for each in shown["findings"]] == [each.status for each in judged.findings]
        assert shown["verdict"] == judged.verdict
    assert (parsed["verdict"], parsed["exit_code"]) == (value.verdict, value.exit_code)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "where", [machine(), machine(card("RTX 3060")), machine(gpus=None)], ids=["none", "one", "unread"]
)
def test_the_text_shows_every_finding_with_its_status(where: Machine, width: int) -> None:
    for name in profiles.ids():
        value = report(where, name)
        written = text.render(value, Options(width=width))
        shown = re.findall(r"^ +[✓!✗?–] (pass|warn|fail|unknown|skipped)\b", written, re.MULTILINE)
        judged = value.profiles[0]  # one that is for other machines has one line in place of its findings
        assert shown == [each.status for each in judged.findings if judged.not_applicable is None]


def test_the_markdown_shows_every_finding_with_its_status() -> None:
    value = report(machine(card("RTX 3060")), "inference-70b")
    shown = re.findall(
        r"^\| [✓!✗?–] (pass|warn|fail|unknown|skipped) ", markdown.render(value, Options()), re.MULTILINE
    )
    assert shown == [finding.status for finding in value.profiles[0].findings]


def test_every_tier_is_on_its_screen() -> None:
    written = text.render(report(machine(), informs=True), Options(tiers=True))
    assert [profile.id for profile in SHIPPED if profile.id not in written] == []


HOSTILE = "\x1b[2J\x1b]0;title\x07evil\r\n\x9b31m\u202e\u2028| `x` <b>"


@pytest.mark.parametrize(
    "where",
    [
        machine(card("H100", name=HOSTILE)),
        machine(card("H100", fault=HOSTILE, usable=None)),
        machine(card("H100", compute_capability=HOSTILE)),
        machine(card("H100"), driver=HOSTILE),
        machine(software=packages(**{HOSTILE: HOSTILE})),
        machine(identity=Identity(hostname=HOSTILE)),
        machine(os=Os(system=HOSTILE, architecture=HOSTILE, distribution=HOSTILE, container=HOSTILE)),
        machine(problems=(Problem(probe=HOSTILE, code=HOSTILE, message=HOSTILE, remedy=HOSTILE),)),
        machine(fabric=Fabric(ports=(FabricPort(device=HOSTILE, port=1, link_layer=HOSTILE),))),
        Machine(ram=Ram(total=9, limit=8, limit_source=HOSTILE, usable=8)),
        Machine(software=Software(tools=(Tool(name=HOSTILE, path=HOSTILE),))),
    ],
)
def test_control_characters_never_reach_the_terminal(where: Machine) -> None:
    for value in (where, report(where, "inference-7b", "pretrain"), report(where, informs=True)):
        for written in (
            text.render(value, Options(verbose=1)),
            markdown.render(value, Options(verbose=1)),
            COLOUR.sub("", text.render(value, Options(verbose=1, color=True))),
        ):
            assert UNPRINTABLE.findall(written) == []


def test_a_hostile_name_is_shown_as_what_it_is() -> None:
    written = text.render(machine(card("H100", name="\x1b[31mH100")), Options(width=160))
    assert "\\x1b[31mH100" in written


def test_a_command_with_control_characters_is_no_script_and_stays_one_line_elsewhere() -> None:
    step = Step(kind="install", argv=("a\nrm -rf b",), command="a\nrm -rf b", reason="c\nd")
    environment = Environment(name="shared", python=HOSTILE, installer="pip", steps=(step,))
    plan = Plan(target="x\ny", environments=(environment,), satisfied=(), notes=("e\nf",))
    for written in (markdown.render(plan, Options()), text.render(plan, Options())):
        assert UNPRINTABLE.findall(written) == []
        assert not re.search(r"^\s*(rm|d|f|y)\b", written, re.MULTILINE)
    with pytest.raises(DataError, match="control character"):
        sh.render(plan, Options())


def test_markup_in_names_is_not_markup_in_markdown() -> None:
    written = markdown.render(machine(card("H100", name="<script> **x** [y](z) | a")), Options())
    assert "<script>" not in written.replace("\\<", "")
    assert "**x**" not in written
    assert "[y](" not in written


def test_a_command_is_written_whole_to_be_pasted() -> None:
    written = text.render(PLAN, Options(width=40)).splitlines()
    commands = {f"  {step.command}" for environment in PLAN.environments for step in environment.steps}
    assert [command for command in commands if command not in written] == []


def test_alike_cards_are_one_line_and_different_ones_are_not() -> None:
    alike = text.render(machine(*cards("H100", 8)), Options(width=120))
    assert "GPU 0–7" in alike
    assert "8 × NVIDIA H100" in alike
    two = text.render(machine(card("H100"), card("RTX 4090", index=1)), Options(width=120))
    assert "GPU 0 " in two
    assert "GPU 1 " in two


def test_alike_instances_whose_numbers_have_holes_keep_their_numbers() -> None:
    gpus = [card("H100", mig_mode=True), *(mig(0, number, 10 * GB) for number in (3, 5, 9))]
    written = text.render(machine(*gpus), Options(width=120))
    assert "MIG 3–5" not in written
    assert re.search(r"MIG.*\b9\b", written)


def test_alike_instances_without_a_number_are_written_too() -> None:
    instance = Gpu(vendor="nvidia", parent=0, memory_total=10 * GB)
    assert "MIG" in text.render(Machine(gpus=(instance, instance)), Options(width=120))


def test_what_could_not_be_listed_and_what_is_not_there_read_differently() -> None:
    assert "could not be listed" in text.render(machine(gpus=None), Options())
    assert re.search(r"GPU\s+none", text.render(machine(), Options()))
