"""The gate: what has to be judged before anything is ready, for any profile, machine, choice and missing fact."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog, codec
from llmcheck.api.judgement import report_of
from llmcheck.catalog import profiles
from llmcheck.cli.main import main
from llmcheck.cli.options import DOCUMENTS
from llmcheck.gpus import vendors
from llmcheck.gpus.torch_support import with_problems
from llmcheck.judge import requirements
from llmcheck.schema.machine import Driver, Gpu, Machine, Software, Torch
from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.report import Finding, ProfileReport, Report, verdict_of
from tests.machines_builder import GB, card, infiniband, machine, packages, require
from tests.unit.erasures import ERASURES, with_software
from tests.unit.strategies import machines

CODES = {"ready": 0, "not-ready": 1, "undetermined": 3, None: 2}
WORDS = {"ready": "ready", "not-ready": "not ready", "undetermined": "undetermined", None: "nothing was checked"}
EXCEPTIONS = {"not-applicable", "left-out", "not-stated"}
NAMES = ("one", "two", "three", "four")
TORCH_TABLES = (catalog.torch_wheels(), catalog.cuda_drivers())
HANGS = Driver(fault="deadline")


class Choice(NamedTuple):
    """What ``--skip`` and ``--only`` name; both empty: nothing is left out."""

    skip: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()

    def leaves_out(self, name: str, group: str) -> bool:
        return bool({name, group} & self.skip) or (bool(self.only) and not {name, group} & self.only)


EVERYTHING = Choice()

# --- random profiles ---

_sizes = st.sampled_from(["1 GB", "12 GB", "24 GB", "80 GB", "300 GB"])
_scopes = st.sampled_from(["node", "node", "node", "cluster"])
_keys: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ram": st.fixed_dictionaries({"total": _sizes}),
    "disk": st.fixed_dictionaries({"free": _sizes}) | st.just({"type": "ssd"}),
    "gpu": st.fixed_dictionaries(
        {"memory": _sizes, "count": st.sampled_from([1, 1, 2, 8])},
        optional={"compute_capability": st.sampled_from(["8.0", "9.0"])},
    ),
    "interconnect": st.just({"type": "nvlink"}),
    "network": st.just({"type": "infiniband"}),
    "driver": st.fixed_dictionaries(
        {}, optional={"version": st.just("550"), "vendor": st.sampled_from(["nvidia", "amd"])}
    ),
    "package": st.fixed_dictionaries(
        {"name": st.sampled_from(["torch", "vllm", "peft"])}, optional={"version": st.sampled_from([">=1", ">=99"])}
    ),
    "tool": st.fixed_dictionaries({"name": st.sampled_from(["git", "docker", "llama-cli", "other"])}),
    "python": st.just({"version": ">=3.11"}),
}
_kinds = st.sampled_from([*_keys, "driver", "driver", "driver", "gpu", "gpu", "interconnect"])
_needs = _kinds.flatmap(lambda kind: _keys[kind].map(lambda keys: {"kind": kind, **keys}))


@st.composite
def tables(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """One ``[[require]]``, a quarter of them with alternatives of any kind."""
    table: dict[str, Any] = {"id": name, **draw(_needs)}
    table["level"] = draw(st.sampled_from(["required", "required", "recommended", "info"]))
    table["scope"] = draw(_scopes)
    if draw(st.integers(0, 3)) == 0:
        table["any_of"] = draw(st.lists(_needs, min_size=1, max_size=3))
    return table


@st.composite
def some_tables(draw: st.DrawFn) -> tuple[list[dict[str, Any]], ...]:
    """The requirements of one to three profiles, which share their ids, whatever their kinds."""
    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
    return tuple([draw(tables(name)) for name in draw(names)] for _ in range(draw(st.integers(1, 3))))


def made(needs: list[dict[str, Any]], number: int = 0) -> Profile:
    return profile(*(requirements.decode(each, "made") for each in needs), id=f"made-{number}")


some_profiles = some_tables().map(lambda every: tuple(made(needs, number) for number, needs in enumerate(every)))
_facts = st.sampled_from([*ERASURES, *["the drivers", "all that a driver tells", "the list of GPUs"] * 4])
some_facts = st.lists(_facts, min_size=1, max_size=3)
_named = st.frozensets(st.sampled_from([*NAMES, "hardware", "software"]), max_size=3)
choices = st.just(EVERYTHING) | st.just(EVERYTHING) | st.builds(Choice, skip=_named, only=_named)


@st.composite
def any_machines(draw: st.DrawFn) -> Machine:
    """A machine that was looked at, often with a torch that may not suit it, or one in words."""
    found = draw(machines())
    torch = st.builds(Torch, version=st.just("2.9.0"), build=st.sampled_from(["cpu", "cu118", "cu130", "rocm6.4"]))
    found = with_software(found, torch=draw(st.none() | torch))
    if draw(st.integers(0, 3)) == 0:
        return replace(found, hypothetical=True, drivers={}, software=Software())
    return with_problems(found, *TORCH_TABLES)


def erased(where: Machine, facts: list[str], choose: st.DataObject) -> Machine:
    for fact in facts:
        found = list(ERASURES[fact](where))
        where = choose.draw(st.sampled_from(found)) if found else where
    return with_problems(where, *TORCH_TABLES)


def profile(*needs: Requirement, **changes: Any) -> Profile:
    return replace(profiles.load("inference-7b"), **{"id": "made", "require": needs, "workload": None, **changes})


def judged(chosen: tuple[Profile, ...], where: Machine, choice: Choice = EVERYTHING) -> Report:
    return report_of(chosen, where, (), choice.skip, only=choice.only, plan_remedies=False)


def alone(where: Machine, *needs: Requirement, choice: Choice = EVERYTHING, **changes: Any) -> ProfileReport:
    return judged((profile(*needs, **changes),), where, choice).profiles[0]


def of(report: ProfileReport, name: str) -> Finding:
    return next(each for each in report.findings if each.id == name)


# --- what holds for all of them ---


@settings(max_examples=250)
@given(
    some_profiles,
    any_machines(),
    choices,
    st.lists(st.sampled_from(sorted(ERASURES)), min_size=1, max_size=3),
    st.data(),
)
def test_erasing_facts_never_turns_a_verdict_to_ready(
    chosen: tuple[Profile, ...], where: Machine, choice: Choice, facts: list[str], data: st.DataObject
) -> None:
    before, after = judged(chosen, where, choice), judged(chosen, erased(where, facts, data), choice)
    for old, new in zip(before.profiles, after.profiles, strict=True):
        assert new.verdict != "ready" or old.verdict == "ready"
        assert (new.verdict is None) <= (old.verdict is None)
    assert after.verdict != "ready" or before.verdict == "ready"


@settings(max_examples=250)
@given(
    some_profiles,
    any_machines(),
    choices,
    st.lists(st.sampled_from(sorted(ERASURES)), min_size=1, max_size=3),
    st.data(),
)
def test_ready_means_that_every_required_line_passed_or_is_a_listed_exception(
    chosen: tuple[Profile, ...], where: Machine, choice: Choice, facts: list[str], data: st.DataObject
) -> None:
    where = erased(where, facts, data)
    for one, report in zip(chosen, judged(chosen, where, choice).profiles, strict=True):
        for need, found in zip(one.require, report.findings, strict=True):
            assert (need.id, need.level) == (found.id, found.level)
            assert (found.skipped is None) == (found.status != "skipped")
            if found.skipped in EXCEPTIONS:
                assert excused(need, where, choice), found
            elif report.verdict == "ready" and need.level == "required":
                assert found.status in ("pass", "warn")
        listed = {each.id for each in report.findings if each.level == "required" and each.skipped in EXCEPTIONS}
        assert set(report.not_counted) == listed


def excused(need: Requirement, where: Machine, choice: Choice) -> bool:
    """Whether one of the three exceptions applies, by facts and options alone."""
    group = requirements.traits(need.kind).group
    drivers_alone = {each.kind for each in need.any_of or (need,)} == {"driver"}
    driven = [gpu for gpu in where.gpus or () if not gpu.integrated and vendors.of(gpu).has_driver]
    return (
        choice.leaves_out(need.id, group)
        or (where.hypothetical and (group == "software" or drivers_alone))
        or (drivers_alone and where.gpus is not None and not [each for each in driven if _is_meant(need, each)])
    )


def _is_meant(need: Requirement, gpu: Gpu) -> bool:
    meant = {getattr(each, "vendor", None) for each in need.any_of or (need,)}
    return len(meant) > 1 or meant == {None} or gpu.vendor in meant


@settings(max_examples=200)
@given(some_profiles, any_machines(), choices)
def test_the_verdicts_follow_from_the_findings(chosen: tuple[Profile, ...], where: Machine, choice: Choice) -> None:
    report = judged(chosen, where, choice)
    assert report.exit_code == CODES[report.verdict]
    for each in report.profiles:
        counted = [found for found in each.findings if found.skipped not in EXCEPTIONS]
        required = [found.status for found in counted if found.level == "required"]
        assert (each.verdict is None) == (not counted)
        assert (each.verdict == "not-ready") == ("fail" in required)
        if counted and {found.status for found in counted} <= {"unknown", "skipped"}:
            assert each.verdict == "undetermined"
        groups = {"hardware": each.hardware, "software": each.software}
        for group, verdict in groups.items():
            assert verdict == verdict_of([found for found in each.findings if found.group == group])
    verdicts = {each.verdict for each in report.profiles}
    worst = next(each for each in ("not-ready", None, "undetermined", "ready") if each in verdicts)
    assert report.verdict == worst


@settings(max_examples=25)
@given(some_tables(), any_machines(), choices)
def test_the_exit_code_is_the_verdict_in_every_format(
    every: tuple[list[dict[str, Any]], ...], where: Machine, choice: Choice
) -> None:
    named = {each["id"] for needs in every for each in needs} | {"hardware", "software"}
    words = [word for name in sorted(choice.skip & named) for word in ("--skip", name)]
    words += [word for name in sorted(choice.only & named) for word in ("--only", name)]
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "machine.json"
        saved.write_text(codec.encode_json(where), encoding="utf-8")
        paths = [Path(folder) / f"made-{number}.toml" for number in range(len(every))]
        for path, needs in zip(paths, every, strict=True):
            path.write_text(toml(path.stem, needs), encoding="utf-8")
        arguments = ["check", *map(str, paths), *words, "--machine", str(saved)]
        done = {
            each: CliRunner().invoke(main, [*arguments, "--format", each], standalone_mode=False) for each in DOCUMENTS
        }
    document = codec.decode_json(done["json"].output.encode(), Report, "x")
    assert {each.return_value for each in done.values()} == {document.exit_code}
    assert document.exit_code == CODES[document.verdict]
    assert [each.verdict for each in document.profiles] == [verdict_of(each.findings) for each in document.profiles]
    shown = [WORDS[each.verdict] for each in document.profiles]
    for number, words_of in enumerate(shown):
        assert f"made-{number}: {words_of}" in done["text"].output
        assert f"made-{number}: {words_of}" in done["markdown"].output


def toml(name: str, needs: list[dict[str, Any]]) -> str:
    """A profile file of these requirements."""
    lines = [f'id = "{name}"', 'title = "Made"', 'task = "general"', 'sources = ["this test"]']
    for table in needs:
        lines += ["[[require]]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, list):
        tables = [", ".join(f"{key} = {_value(each)}" for key, each in table.items()) for table in value]
        return f"[{', '.join(f'{{ {table} }}' for table in tables)}]"
    return json.dumps(value)


# --- cases ---


@pytest.mark.parametrize("level", ["required", "recommended", "info"])
def test_a_driver_that_hangs_leaves_a_required_gpu_open_whatever_its_own_level(level: str) -> None:
    waiting = [Gpu(vendor="nvidia", usable=None, fault="deadline") for _ in range(8)]
    driver, gpu = require("driver", level=level), require("gpu", memory="80 GB", count=8)
    report = alone(machine(*waiting, driver=HANGS), driver, gpu)
    found = of(report, "gpu")
    assert (found.status, found.skipped, found.blocked_by) == ("skipped", "blocked", "driver")
    assert (report.verdict, report.hardware, report.not_counted) == ("undetermined", "undetermined", ())


def test_the_driver_of_cards_that_could_not_be_listed_is_unknown() -> None:
    report = alone(Machine(gpus=None), require("driver"))
    assert (of(report, "driver").status, report.verdict) == ("unknown", "undetermined")


@pytest.mark.parametrize(
    "gpus", [(card("RTX 4090"),), (card("RTX 4090", visible=False),), (Gpu(vendor="intel", index=0), card("H100"))]
)
def test_a_card_whose_driver_is_not_known_is_not_a_machine_without_need_of_one(gpus: tuple[Gpu, ...]) -> None:
    report = alone(replace(machine(*gpus), drivers={}), require("driver"))
    assert (of(report, "driver").status, report.verdict) == ("unknown", "undetermined")


def test_a_driver_of_another_vendor_neither_passes_nor_fails_the_one_that_is_required() -> None:
    lost = Gpu(vendor="amd", usable=False, fault="driver-not-loaded")
    report = alone(machine(card("H100"), lost), require("driver", vendor="nvidia"))
    assert (of(report, "driver").status, report.verdict) == ("pass", "ready")


def test_where_no_card_needs_a_driver_it_is_not_applicable_and_listed() -> None:
    report = alone(machine(), require("driver"), require("ram", total="1 GB"))
    assert of(report, "driver").skipped == "not-applicable"
    assert (report.verdict, report.not_counted) == ("ready", ("driver",))


def test_nothing_applicable_is_nothing_judged() -> None:
    assert alone(machine(), require("driver")).verdict is None


def test_what_a_machine_in_words_does_not_state_is_listed_and_not_counted() -> None:
    stated = replace(machine(card("H100"), driver=None), hypothetical=True, software=Software())
    report = alone(stated, require("driver"), require("gpu", memory="80 GB"), require("package", name="torch"))
    assert [each.skipped for each in report.findings] == ["not-stated", None, "not-stated"]
    assert (report.verdict, report.software, report.not_counted) == ("ready", None, ("driver", "package"))
    assert alone(stated, require("package", name="torch")).verdict is None


def test_left_out_lines_keep_their_level_and_say_why() -> None:
    choice = Choice(skip=frozenset({"disk"}))
    report = alone(machine(), require("ram", total="1 GB"), require("disk", free="900 TB"), choice=choice)
    assert (of(report, "disk").level, of(report, "disk").skipped) == ("required", "left-out")
    assert (report.verdict, report.not_counted) == ("ready", ("disk",))


@pytest.mark.parametrize("level", ["required", "recommended", "info"])
def test_what_only_a_cluster_shows_is_open(level: str) -> None:
    report = alone(machine(), require("ram", total="1 TB", scope="cluster", level=level))
    assert (of(report, "ram").skipped, report.verdict) == ("cluster", "undetermined")


def test_only_names_a_line_in_each_profile_by_its_own_group() -> None:
    """An id that is software in one profile and hardware in the next."""
    first = profile(require("package", id="engine", name="vllm"), id="first")
    second = profile(require("ram", id="engine", total="1 GB"), id="second")
    report = judged((first, second), machine(software=()), Choice(only=frozenset({"software"})))
    assert [each.verdict for each in report.profiles] == ["not-ready", None]
    assert report.exit_code == 1


def test_the_group_of_alternatives_does_not_depend_on_facts() -> None:
    either = require("gpu", memory="80 GB", any_of=[{"memory": "80 GB"}, {"kind": "package", "name": "vllm"}])
    ram = require("ram", total="1 GB")
    for software in (packages(), packages(vllm="1"), None):
        where = machine(software=software)
        where = replace(where, software=Software()) if software is None else where
        report = alone(where, either, ram, choice=Choice(skip=frozenset({"software"})))
        assert (of(report, "gpu").group, of(report, "gpu").skipped) == ("hardware", None)
        assert report.verdict == ("ready" if software == packages(vllm="1") else report.verdict)
    assert alone(machine(software=()), either, ram, choice=Choice(skip=frozenset({"software"}))).verdict == "not-ready"


def test_an_alternative_that_does_not_apply_hides_no_open_one() -> None:
    either = require("driver", scope="cluster", any_of=[{}, {"kind": "ram", "total": "1 TB"}])
    report = alone(machine(), either, require("disk", free="1 GB"))
    assert (of(report, "driver").skipped, report.verdict) == ("cluster", "undetermined")


def test_the_computed_line_does_not_vanish_where_the_gpus_could_not_be_listed() -> None:
    workload = profiles.load("inference-70b").workload
    report = alone(machine(gpus=None), require("ram", total="1 GB"), workload=workload)
    assert (report.findings[-1].kind, report.findings[-1].status, report.verdict) == ("fit", "unknown", "undetermined")


@pytest.mark.parametrize("fact", ["the list of GPUs", "the driver's version", "a card's compute capability"])
def test_a_torch_that_cannot_be_compared_with_the_gpus_is_open(fact: str) -> None:
    """It would fail here: the driver is too old for its build, which has no kernels for the card."""
    wheels, drivers = TORCH_TABLES
    torch, software = Torch(version="2.9.0", build="cu130"), packages(torch="2.9.0")
    where = machine(card("V100"), driver="470.1", software=software, torch=torch)
    assert alone(with_problems(where, wheels, drivers), require("package", name="torch")).verdict == "not-ready"
    other = machine(card("H100"), software=software, torch=torch)
    assert alone(with_problems(other, wheels, drivers), require("package", name="torch")).verdict == "ready"
    for erased_one in ERASURES[fact](other):
        report = alone(with_problems(erased_one, wheels, drivers), require("package", name="torch"))
        assert (of(report, "package").status, report.verdict) == ("unknown", "undetermined")


def test_a_run_is_the_worst_of_its_profiles() -> None:
    needs = {
        "ready": require("ram", total="1 GB"),
        "not-ready": require("ram", total="1000 TB"),
        "undetermined": require("ram", total="1 TB", scope="cluster"),
        None: require("driver"),
    }
    order = ["not-ready", None, "undetermined", "ready"]
    for count in (1, 2, 3):
        for verdicts in itertools.permutations(order, count):
            chosen = tuple(profile(needs[each], id=str(each)) for each in verdicts)
            report = judged(chosen, machine(ports=(infiniband(),), ram=256 * GB))
            assert report.verdict == min(verdicts, key=order.index)
            assert report.exit_code == CODES[report.verdict]
