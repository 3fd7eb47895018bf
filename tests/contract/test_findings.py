"""Findings of every profile on every golden machine: their quantities add up, and what they advise can be done."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from llmcheck import api, codec
from llmcheck.api.model_source import ModelSource
from llmcheck.catalog import profiles
from llmcheck.render import Options
from llmcheck.schema.estimate import Plan
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import ProfileReport
from llmcheck.schema.workload import Method, Workload
from tests.contract.test_printed_commands import OWN_PROFILE, problem
from tests.golden.test_golden import MACHINES

NAMES = sorted(path.stem for path in MACHINES.glob("*.json"))
SIZED = ("gpu", "ram", "disk")


@functools.cache
def machine(name: str) -> Machine:
    return api.load_machine(str(MACHINES / f"{name}.json"))


@functools.cache
def reports(name: str) -> tuple[ProfileReport, ...]:
    return api.check(profiles.ids(), lambda: machine(name)).profiles


@pytest.mark.parametrize("name", NAMES)
def test_findings_of_a_size_have_its_numbers(name: str) -> None:
    seen = 0
    for report in reports(name):
        for each in report.findings:
            if each.needed_bytes is None or each.status in ("unknown", "skipped"):
                continue
            seen += 1
            assert each.found_bytes is not None
            assert each.short_bytes == each.missing_bytes
            assert (each.needed_count is None) == (each.found_count is None)
            if each.shortfall in ("gpu-memory", "gpu-missing", "ram", "disk-space"):
                if (each.needed_count or 1) == 1:
                    assert each.short_bytes == each.needed_bytes - each.found_bytes > 0
                else:
                    assert 0 < (each.short_bytes or 0) <= (each.needed_count or 1) * each.needed_bytes
            elif each.status == "pass":
                assert each.short_bytes is None
                few = (each.needed_count or 1) > (each.found_count or 1)
                assert each.found_bytes >= each.needed_bytes * (2 if few else 1)  # fewer cards, but larger ones
    assert seen > 10


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_of_a_size_names_it(name: str) -> None:
    for report in reports(name):
        profile = profiles.load(report.id)
        sized = {each.id for each in profile.require if each.kind in SIZED and getattr(each, "type", None) is None}
        for each in report.findings:
            assert (each.id in sized) <= (each.needed_bytes is not None), (report.id, each.id)


@pytest.mark.parametrize("name", NAMES)
def test_findings_are_counted_by_status(name: str) -> None:
    for report in reports(name):
        counts = json.loads(codec.encode_json(report))["counts"]
        assert set(counts) == {"pass", "warn", "fail", "unknown", "skipped"}
        assert sum(counts.values()) == len(report.findings)
        for status, count in counts.items():
            assert count == sum(each.status == status for each in report.findings)


# --- remedies ---

OLD_DRIVER = "550.54.15"


def with_old_driver(where: Machine) -> Machine:
    old = {vendor: replace(driver, version=OLD_DRIVER) for vendor, driver in where.drivers.items() if driver.version}
    return replace(where, drivers=old)


def commands(text: str) -> list[str]:
    """Every command of llmcheck in a text: quoted, or what ends it. Each mention of one has to be such a command."""
    found = [
        *re.findall(r"'(llmcheck [^'\n]+)'", text),
        *re.findall(r"(?:^|: )(llmcheck [a-z](?:[^;,]|'[^']*')*)$", text),
    ]
    assert len(re.findall(r"\bllmcheck (?:[a-z][a-z-]*)", text)) == len(found), text
    return found


@pytest.mark.parametrize("old", [False, True], ids=["as it is", "an old driver"])
@pytest.mark.parametrize("name", NAMES)
def test_remedies_are_commands_that_run_or_plain_advice(name: str, old: bool, tmp_path: Path) -> None:
    where = with_old_driver(machine(name)) if old else machine(name)
    own = tmp_path / "my node.toml"
    own.write_text(OWN_PROFILE)
    report = api.check([*profiles.ids(), str(own)], lambda: where)
    advice = api.overview(lambda: where).advice
    texts = [finding.remedy for each in report.profiles for finding in each.findings]
    texts += [each.remedy for each in where.problems]
    texts += [each.advice for profile in report.profiles for each in profile.corrections]
    texts += [advice.tip, advice.reason] if advice is not None else []
    found = [command for text in texts if text for command in commands(text)]
    assert {command: why for command in found if (why := problem(command))} == {}


@pytest.mark.parametrize("old", [False, True], ids=["as it is", "an old driver"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_remedy_installs_the_plan_installs(name: str, old: bool) -> None:
    where = with_old_driver(machine(name)) if old else machine(name)
    for report in api.check(profiles.ids(), lambda: where).profiles:
        missing = [each for each in report.findings if each.group == "software" and each.status in ("fail", "warn")]
        plan = api.install_plan([report.id], lambda: where)
        left_out = {each.library: each.reason for each in plan.left_out}
        planned = {library for environment in plan.environments for library in environment.libraries}
        for each in missing:
            assert each.remedy
            if each.installs is None:
                assert any(reason in each.remedy for reason in left_out.values()), each
            else:
                assert each.installs not in left_out
                assert each.installs in planned | set(plan.satisfied)
                alone = api.install_plan([each.installs], lambda: where)
                assert alone.left_out == ()


def test_an_engine_that_the_driver_is_too_old_for_is_not_advised() -> None:
    report = api.check(["inference-7b"], lambda: with_old_driver(machine("rtx3060"))).profiles[0]
    engine = next(each for each in report.findings if each.id == "engine")
    assert (engine.status, engine.installs, engine.remedy) == ("fail", "llama-cpp", "llmcheck install llama-cpp")


def test_where_nothing_can_be_installed_the_remedy_is_the_reason(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'id = "own"\ntitle = "Own"\ntask = "general"\nsources = ["this test"]\n'
        '[[require]]\nid = "engine"\nkind = "package"\nname = "vllm"\n'
    )
    report = api.check([str(own)], lambda: with_old_driver(machine("rtx3060")))
    (engine,) = report.profiles[0].findings
    assert (engine.status, engine.installs) == ("fail", None)
    (left_out,) = api.install_plan(["vllm"], lambda: with_old_driver(machine("rtx3060"))).left_out
    assert engine.remedy == f"nothing can be installed for it here: {left_out.reason}"
    screen = api.render(report, "markdown", Options(width=160))
    assert "needs NVIDIA driver 580" in screen
    assert "llmcheck install" not in screen


# --- the computed finding is the planner's ---


def fits(size: str, method: Method, context: int, where: Machine) -> bool | None:
    """Whether ``llmcheck fit`` finds a way; None where that is not known."""
    found = api.fit(ModelSource(model=size), Workload(method=method, context=context), lambda: where)
    assert bool(found.plans) == (found.verdict in ("fits", "fits-with-offload"))
    return None if found.verdict == "unknown" else bool(found.plans)


@pytest.mark.parametrize("name", NAMES)
def test_the_computed_finding_fails_where_no_plan_exists_and_nowhere_else(name: str) -> None:
    seen = 0
    for report in reports(name):
        workload = profiles.load(report.id).workload
        computed = next((each for each in report.findings if each.is_computed), None)
        if computed is None or workload is None or workload.method == "pretrain" or computed.status == "skipped":
            continue
        methods: tuple[Method, ...] = ("inference",) if workload.method == "inference" else ("full", "lora", "qlora")
        context = workload.context or (4096 if workload.method == "inference" else 2048)
        ways = [fits(size, method, context, machine(name)) for size in workload.parameters for method in methods]
        seen += 1
        if None in ways and True not in ways:
            assert computed.status == "unknown"
        else:
            assert (computed.status == "fail") == (True not in ways), (report.id, computed.message, ways)
    assert seen or name.startswith("driver-")


def test_nothing_judged_of_one_profile_is_no_ready_run() -> None:
    """C8: for each profile, and for the run."""
    for names, only in (("minimum", "engine"), ("toolkit", "ram")):
        report = api.check([names, "inference-7b"], lambda: machine("2x4090"), only=[only])
        assert report.profiles[0].verdict is None
        assert report.verdict != "ready"
        assert report.exit_code == (2 if report.profiles[1].verdict == "ready" else 1)


@pytest.mark.parametrize("old", [False, True], ids=["as it is", "an old driver"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_plan_needs_can_be_installed(name: str, old: bool) -> None:
    where = with_old_driver(machine(name)) if old else machine(name)
    methods: tuple[Method, ...] = ("inference", "lora", "qlora")
    plans = [plan for each in methods for plan in plans_of(each, where) if plan.needs]
    for needs in {plan.needs for plan in plans if plan.build is None}:
        assert api.install_plan(needs, lambda: where).left_out == ()
    assert all(plan.installed is not None for plan in plans)


def plans_of(method: Method, where: Machine) -> tuple[Plan, ...]:
    return api.fit(ModelSource(model="7B"), Workload(method=method, context=2048), lambda: where).plans
