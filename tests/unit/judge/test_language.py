"""What a profile may say of any fact, and how its requirements are joined, chosen and inherited."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.catalog import profiles
from llmcheck.catalog.variables import Given
from llmcheck.errors import DataError, UsageError
from llmcheck.judge import requirements
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import (
    Driver,
    Ecc,
    Fabric,
    FabricPort,
    Gpu,
    Limits,
    Machine,
    Os,
    Problem,
    Ram,
    Rlimit,
    Software,
    Tool,
)
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.units import GB

HEAD: dict[str, Any] = {"id": "mine", "title": "Mine", "task": "general", "sources": ["us"]}
LINUX = Os(system="linux", architecture="x86_64", version="6.8.0-45-generic", libc="glibc 2.36")


def gpu(**facts: Any) -> Gpu:
    return Gpu(vendor="nvidia", **{"name": "NVIDIA H100 80GB HBM3", "memory_total": 80 * GB, **facts})


def judge(where: Machine, /, **keys: Any) -> Finding:
    return requirements.check(requirements.decode({"id": "x", "kind": "fact", **keys}, "mine.toml"), where)


def status(where: Machine, /, **keys: Any) -> str:
    return judge(where, **keys).status


def refusal(**keys: Any) -> str:
    with pytest.raises(DataError) as caught:
        requirements.decode({"id": "x", "kind": "fact", **keys}, "mine.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def profile(*require: dict[str, Any], given: Given | None = None, **keys: Any) -> Profile:
    return profiles.decode_profile({**HEAD, "require": list(require), **keys}, "mine.toml", given)


def report(where: Machine, *require: dict[str, Any], **keys: Any) -> ProfileReport:
    return evaluate(profile(*require, **keys), where)


RAM = {"id": "ram", "kind": "ram", "total": "16 GB"}
ENOUGH = Machine(os=LINUX, ram=Ram(total=64 * GB, usable=64 * GB))
LITTLE = Machine(os=LINUX, ram=Ram(total=8 * GB, usable=8 * GB))


# --- operators ---


@pytest.mark.parametrize(
    ("fact", "stated", "expected"),
    [
        ("os.system", {"eq": "linux"}, "pass"),
        ("os.system", {"ne": "linux"}, "fail"),
        ("os.system", {"in": ["linux", "darwin"]}, "pass"),
        ("os.system", {"not-in": ["linux", "darwin"]}, "fail"),
        ("os.system", {"matches": "^lin"}, "pass"),
        ("os.system", {"matches": "^LIN"}, "fail"),
        ("os.system", {"matches": "(?i)^LIN"}, "pass"),
        ("os.version", {"version": "5.15"}, "pass"),
        ("os.version", {"version": ">=6.8,<6.9"}, "pass"),
        ("os.version", {"version": "==6.8.0"}, "pass"),
        ("os.version", {"version": "<6.8"}, "fail"),
        ("os.libc", {"version": ">=2.37"}, "fail"),
        ("os.container", {"exists": True}, "fail"),
        ("os.container", {"absent": True}, "pass"),
        ("os.container", {"ne": "docker"}, "pass"),
        ("os.distribution", {"exists": True}, "unknown"),
        ("ram.usable", {"ge": "64 GB"}, "pass"),
        ("ram.usable", {"gt": "64 GB"}, "fail"),
        ("ram.usable", {"le": "64 GB"}, "pass"),
        ("ram.usable", {"lt": "64 GB"}, "fail"),
        ("ram.usable", {"eq": "64 GB"}, "pass"),
        ("ram.usable", {"ge": "64 GiB"}, "fail"),
        ("ram.usable", {"between": ["60 GB", "70 GB"]}, "pass"),
        ("ram.usable", {"ge": "60 GB", "lt": "62 GB"}, "fail"),
        ("ram.limit", {"absent": True}, "pass"),
        ("ram.swap_total", {"eq": 0}, "unknown"),
        ("stated", {"eq": False}, "pass"),
    ],
)
def test_an_operator_compares_one_fact(fact: str, stated: dict[str, Any], expected: str) -> None:
    assert status(ENOUGH, fact=fact, **stated) == expected


def test_versions_of_packages_are_compared_by_their_specifier() -> None:
    where = Machine(software=Software(tools=(Tool(name="docker", path="/usr/bin/docker", version="27.1.1"),)))
    keys: dict[str, Any] = {"fact": "software.tools[*].version", "where": {"name": "docker"}}
    assert status(where, spec=">=27,<28", **keys) == "pass"
    assert status(where, spec=">=28", **keys) == "fail"


def test_an_unlimited_limit_is_more_than_any_number() -> None:
    keys: dict[str, Any] = {"fact": "limits.memlock.soft", "ge": "32 GiB"}
    assert status(Machine(limits=Limits(memlock=Rlimit(soft=None))), **keys) == "pass"
    assert judge(Machine(limits=Limits(memlock=Rlimit(soft=None))), **keys).found == "unlimited"
    assert status(Machine(limits=Limits(memlock=Rlimit(soft=2**16))), **keys) == "fail"
    assert status(Machine(), **keys) == "unknown"


def test_rates_are_in_bits_and_in_the_unit_that_the_name_says() -> None:
    where = Machine(fabric=Fabric(ports=(FabricPort(device="mlx5_0", port=1, rate_gbps=400.0),)))
    for rate in ("400 Gb/s", "0.4 Tb/s", 400):
        assert status(where, fact="fabric.ports[*].rate_gbps", ge=rate) == "pass"
    assert judge(where, fact="fabric.ports[*].rate_gbps", ge="800 Gb/s").found == "400 Gb/s"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"fact": "gpus[*].memory", "ge": "1 GB"}, ["no fact 'memory'", "memory_total"]),
        ({"fact": "gpus.memory_total", "ge": "1 GB"}, ["gpus is a list", "gpus[*].memory_total"]),
        ({"fact": "ram[*].total", "ge": "1 GB"}, ["no list"]),
        ({"fact": "gpus[*].", "ge": "1 GB"}, ["not a path"]),
        ({"fact": "", "ge": "1 GB"}, ["path"]),
        ({"fact": "__class__.x", "exists": True}, ["no fact '__class__'"]),
        ({"fact": "a" * 300, "exists": True}, ["300 characters"]),
        ({"fact": "gpus[*].memory_total"}, ["nothing is stated"]),
        ({"fact": "gpus[*].memory_total", "ge": "400 Gb/s"}, ["bits a second", "bytes"]),
        ({"fact": "gpus[*].memory_total", "ge": 24}, ["no unit", "bytes"]),
        ({"fact": "gpus[*].memory_total", "ge": "24"}, ["without quotes"]),
        ({"fact": "gpus[*].memory_total", "ge": "24 gb"}, ["no unit 'gb'"]),
        ({"fact": "gpus[*].memory_total", "ge": True}, ["not a number"]),
        ({"fact": "cpu.cores", "ge": "8 GB"}, ["plain number"]),
        ({"fact": "os.system", "ge": 3}, ["os.system is text"]),
        ({"fact": "os.system", "eq": 3}, ["os.system is text"]),
        ({"fact": "cpu.cores", "matches": "8"}, ["only text"]),
        ({"fact": "os.system", "matches": "("}, ["'(' without ')'"]),
        ({"fact": "os.system", "matches": "(a)\\1"}, ["not supported"]),
        ({"fact": "os.system", "spec": "newest"}, ["not a version specifier"]),
        ({"fact": "os.system", "version": "newest"}, ["not a comparison"]),
        ({"fact": "os.system", "exists": False}, ["absent = true"]),
        ({"fact": "os.system", "between": ["1", "2"]}, ["not a number"]),
        ({"fact": "cpu.cores", "between": [8, 4]}, ["more than"]),
        ({"fact": "gpus[*].name", "quantifier": "sum", "ge": 1}, ["not a number"]),
        ({"fact": "gpus[*].name", "quantifier": "same", "eq": "x"}, ["takes no operator"]),
        ({"fact": "gpus", "quantifier": "count", "matches": "8"}, ["only text"]),
        ({"fact": "gpus[*].name", "quantifier": "at-least", "eq": "x"}, ["n is how many"]),
        ({"fact": "gpus[*].name", "n": 2, "eq": "x"}, ["n is how many"]),
        ({"fact": "gpus[*].name", "quantifier": "most", "eq": "x"}, ["quantifier"]),
        ({"fact": "os.system", "eq": "linux", "where": {"name": "x"}}, ["has no [*]"]),
        ({"fact": "gpus[*].index", "ge": 0, "where": {"nam": "x"}}, ["where, nam", "did you mean 'name'?"]),
        ({"fact": "gpus[*].index", "ge": 0, "where": {"name": {"like": "x"}}}, ["no operator 'like'"]),
        ({"fact": "gpus[*].index", "ge": 0, "where": {"name": {}}}, ["nothing is stated"]),
    ],
)  # fmt: skip
def test_what_is_not_possible_is_refused_with_what_is(keys: dict[str, Any], words: list[str]) -> None:
    message = refusal(**keys)
    assert [word for word in words if word not in message] == []
    assert len(message) < 700


# --- quantifiers ---

EIGHT = Machine(gpus=tuple(gpu(index=number) for number in range(8)))
MIXED = Machine(gpus=(gpu(), gpu(name="NVIDIA A10", memory_total=24 * GB)))
HALF_READ = Machine(gpus=(gpu(), gpu(memory_total=None)))
UNNAMED = Machine(gpus=(gpu(), gpu(name=None, memory_total=24 * GB)))
MEMORY = "gpus[*].memory_total"
H100 = {"name": {"matches": "H100"}}


@pytest.mark.parametrize(
    ("where", "keys", "expected"),
    [
        (EIGHT, {"fact": "gpus", "quantifier": "count", "eq": 8}, "pass"),
        (EIGHT, {"fact": "gpus[*]", "quantifier": "count", "eq": 7}, "fail"),
        (Machine(), {"fact": "gpus", "quantifier": "count", "eq": 8}, "unknown"),
        (Machine(), {"fact": "gpus", "quantifier": "count", "ge": 0}, "pass"),
        (Machine(gpus=()), {"fact": "gpus", "quantifier": "count", "eq": 0}, "pass"),
        (EIGHT, {"fact": MEMORY, "quantifier": "sum", "ge": "640 GB"}, "pass"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "sum", "ge": "80 GB"}, "pass"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "sum", "le": "79 GB"}, "fail"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "sum", "ge": "81 GB"}, "unknown"),
        (MIXED, {"fact": MEMORY, "ge": "24 GB"}, "pass"),
        (MIXED, {"fact": MEMORY, "ge": "80 GB"}, "fail"),
        (MIXED, {"fact": MEMORY, "ge": "80 GB", "where": H100}, "pass"),
        (MIXED, {"fact": MEMORY, "quantifier": "any", "ge": "80 GB"}, "pass"),
        (MIXED, {"fact": MEMORY, "quantifier": "none", "ge": "81 GB"}, "pass"),
        (MIXED, {"fact": MEMORY, "quantifier": "none", "ge": "80 GB"}, "fail"),
        (MIXED, {"fact": MEMORY, "quantifier": "at-least", "n": 2, "ge": "80 GB"}, "fail"),
        (MIXED, {"fact": MEMORY, "quantifier": "at-most", "n": 1, "ge": "80 GB"}, "pass"),
        (MIXED, {"fact": MEMORY, "quantifier": "min", "ge": "24 GB"}, "pass"),
        (MIXED, {"fact": MEMORY, "quantifier": "max", "lt": "80 GB"}, "fail"),
        (MIXED, {"fact": MEMORY, "quantifier": "same"}, "fail"),
        (EIGHT, {"fact": "gpus[*].name", "quantifier": "same"}, "pass"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "same"}, "unknown"),
        (HALF_READ, {"fact": MEMORY, "ge": "80 GB"}, "unknown"),
        (HALF_READ, {"fact": MEMORY, "ge": "81 GB"}, "fail"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "any", "ge": "80 GB"}, "pass"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "min", "ge": "24 GB"}, "unknown"),
        (HALF_READ, {"fact": MEMORY, "quantifier": "max", "ge": "24 GB"}, "pass"),
        (UNNAMED, {"fact": MEMORY, "ge": "80 GB", "where": H100}, "unknown"),
        (UNNAMED, {"fact": MEMORY, "ge": "24 GB", "where": H100}, "pass"),
        (Machine(gpus=()), {"fact": MEMORY, "ge": "24 GB"}, "fail"),
        (Machine(gpus=()), {"fact": MEMORY, "quantifier": "none", "ge": "24 GB"}, "pass"),
        (Machine(gpus=()), {"fact": MEMORY, "quantifier": "same"}, "fail"),
        (Machine(gpus=()), {"fact": MEMORY, "quantifier": "max", "le": "24 GB"}, "fail"),
        (Machine(gpus=()), {"fact": MEMORY, "quantifier": "sum", "le": "24 GB"}, "pass"),
        (EIGHT, {"fact": "gpus[7].index", "eq": 7}, "pass"),
        (EIGHT, {"fact": "gpus[8].index", "exists": True}, "fail"),
        (EIGHT, {"fact": "gpus[*].ecc.remapped_rows", "le": 512}, "unknown"),
        (Machine(gpus=(gpu(ecc=Ecc(remapped_rows=0)),)), {"fact": "gpus[*].ecc.remapped_rows", "le": 512}, "pass"),
        (
            Machine(gpus=(gpu(throttle_reasons=("hw-slowdown",)),)),
            {"fact": "gpus[*].throttle_reasons[*]", "quantifier": "none", "matches": "^hw"},
            "fail",
        ),
        (
            Machine(gpus=(gpu(throttle_reasons=()),)),
            {"fact": "gpus[*].throttle_reasons[*]", "quantifier": "none", "matches": "^hw"},
            "pass",
        ),
        (Machine(gpus=(gpu(),)), {"fact": "gpus[*].throttle_reasons[*]", "quantifier": "none", "eq": "x"}, "unknown"),
        (
            Machine(gpus=(gpu(),), drivers={"nvidia": Driver(version="580.95.05")}),
            {"fact": "drivers.nvidia.version", "version": "550.54"},
            "pass",
        ),
        (Machine(gpus=()), {"fact": "drivers.nvidia.version", "absent": True}, "pass"),
        (Machine(), {"fact": "drivers.nvidia.version", "absent": True}, "unknown"),
        (Machine(), {"fact": "drivers[*].version", "quantifier": "any", "exists": True}, "unknown"),
    ],
)
def test_a_quantifier_decides_only_what_the_unknown_cannot_turn(
    where: Machine, keys: dict[str, Any], expected: str
) -> None:
    assert status(where, **keys) == expected


def test_an_unknown_fact_says_the_reason_that_the_machine_gives() -> None:
    problem = Problem(probe="gpu.nvidia", code="deadline", message="gpu.nvidia gave no answer", remedy="reboot")
    found = judge(Machine(problems=(problem,)), fact=MEMORY, ge="24 GB")
    assert (found.status, found.remedy) == ("unknown", "reboot")
    assert "gpu.nvidia gave no answer" in found.message


def test_the_group_of_a_fact_is_that_of_its_place() -> None:
    assert judge(ENOUGH, fact="software.nccl", exists=True).group == "software"
    assert judge(ENOUGH, fact="ram.usable", ge="1 GB").group == "hardware"


# --- requirements of requirements ---

SMALL = {"kind": "ram", "total": "4 GB"}
MIDDLE = {"kind": "ram", "total": "16 GB"}
HUGE = {"kind": "ram", "total": "1 TB"}
UNREAD = {"kind": "fact", "fact": "os.distribution", "exists": True}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"all_of": [SMALL, MIDDLE]}, "fail"),
        ({"all_of": [SMALL, SMALL]}, "pass"),
        ({"all_of": [SMALL, UNREAD]}, "unknown"),
        ({"all_of": [MIDDLE, UNREAD]}, "fail"),
        ({"any_of": [MIDDLE, UNREAD]}, "unknown"),
        ({"any_of": [SMALL, UNREAD]}, "pass"),
        ({"none_of": [MIDDLE, HUGE]}, "pass"),
        ({"none_of": [MIDDLE, SMALL]}, "fail"),
        ({"none_of": [MIDDLE, UNREAD]}, "unknown"),
        ({"any_of": [SMALL, MIDDLE], "none_of": [HUGE]}, "pass"),
        ({"any_of": [SMALL, MIDDLE], "none_of": [SMALL]}, "fail"),
        ({"any_of": [{"all_of": [SMALL, MIDDLE]}, {"none_of": [HUGE]}]}, "pass"),
        ({"all_of": [{"any_of": [HUGE, SMALL]}, {"none_of": [{"all_of": [SMALL, SMALL]}]}]}, "fail"),
    ],
)
def test_requirements_are_joined(keys: dict[str, Any], expected: str) -> None:
    whole = requirements.decode({"id": "whole", **keys}, "x")
    found = requirements.check(whole, LITTLE)
    assert (found.id, found.kind, found.status) == ("whole", "group", expected)
    assert found.nearest is not None
    assert found.needed == requirements.needed(whole)
    weak = requirements.check(requirements.decode({"id": "whole", "level": "recommended", **keys}, "x"), LITTLE)
    assert weak.status == ("warn" if expected == "fail" else expected)


def test_the_branch_that_came_nearest_is_told() -> None:
    where = Machine(ram=Ram(total=8 * GB, usable=8 * GB))
    near = {"any_of": [HUGE, {"all_of": [SMALL, MIDDLE]}, {"kind": "ram", "total": "100 GB"}]}
    found = requirements.check(requirements.decode({"id": "whole", **near}, "x"), where)
    assert found.nearest is not None
    assert (found.nearest.place, found.nearest.needed) == ("any_of[1].all_of[1]", "16 GB")


def test_what_must_not_be_names_what_is_there() -> None:
    where = replace(ENOUGH, os=replace(LINUX, container="docker"))
    inside = {"kind": "fact", "fact": "os.container", "exists": True}
    found = requirements.check(requirements.decode({"id": "bare", "none_of": [inside]}, "x"), where)
    assert (found.status, found.shortfall) == ("fail", "not-allowed")
    assert "docker" in found.message


def test_own_keys_beside_parts_are_refused() -> None:
    with pytest.raises(DataError, match="total belongs to one of the parts"):
        requirements.decode({"id": "x", "kind": "ram", "total": "16 GB", "all_of": [SMALL]}, "x")


def test_requirements_in_each_other_have_a_depth() -> None:
    table: dict[str, Any] = SMALL
    for _ in range(10):
        table = {"any_of": [table]}
    with pytest.raises(DataError, match="more than 6 requirements in each other"):
        requirements.decode({"id": "x", **table}, "x")


# --- requires, on_unknown, tags, when, expires ---


def test_what_requires_a_failed_one_is_skipped_and_names_the_first_cause() -> None:
    big = {"id": "big", **HUGE}
    second = {"id": "second", **SMALL, "requires": ["big"]}
    third = {"id": "third", **SMALL, "requires": ["second"]}
    found = report(LITTLE, third, second, big)
    assert [(each.id, each.status, each.blocked_by) for each in found.findings] == [
        ("third", "skipped", "big"),
        ("second", "skipped", "big"),
        ("big", "fail", None),
    ]
    assert found.verdict == "not-ready"


def test_a_recommended_cause_keeps_what_requires_it_from_ready() -> None:
    big = {"id": "big", "level": "recommended", **HUGE}
    found = report(LITTLE, big, {"id": "second", **SMALL, "requires": ["big"]})
    assert [each.status for each in found.findings] == ["warn", "skipped"]
    assert found.verdict == "undetermined"


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ({"a": ["b"], "b": ["a"]}, "requires itself"),
        ({"a": ["a"]}, "requires itself"),
        ({"a": ["c"]}, "no requirement 'c'"),
    ],
)
def test_requires_names_others_without_a_circle(needs: dict[str, list[str]], words: str) -> None:
    with pytest.raises(DataError, match=words):
        profile(*({"id": name, **SMALL, "requires": others} for name, others in needs.items()))


@pytest.mark.parametrize(
    ("wanted", "expected", "verdict"),
    [
        ("unknown", "unknown", "undetermined"),
        ("fail", "fail", "not-ready"),
        ("warn", "warn", "ready"),
        ("skip", "skipped", "ready"),
    ],
)
def test_the_profile_says_what_the_unknown_is(wanted: str, expected: str, verdict: str) -> None:
    found = report(ENOUGH, RAM, {"id": "unread", **UNREAD, "on_unknown": wanted})
    assert (found.findings[1].status, found.verdict) == (expected, verdict)
    assert found.not_counted == (("unread",) if wanted == "skip" else ())


def test_tags_select() -> None:
    one = profile({**RAM, "tags": ["memory"]}, {"id": "unread", **UNREAD})
    found = evaluate(one, ENOUGH, only=frozenset(["memory"]))
    assert [each.status for each in found.findings] == ["pass", "skipped"]
    assert found.findings[0].tags == ("memory",)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"os": ["darwin"]}, "for darwin, and this is linux"),
        ({"architecture": ["aarch64"]}, "for aarch64"),
        ({"vendor": ["nvidia"]}, "no GPU"),
        ({"container": True}, "outside of a container"),
        ({"facts": [{"fact": "ram.usable", "ge": "1 TB"}]}, "ram.usable at least 1 TB"),
    ],
)
def test_a_profile_for_other_machines_is_not_applicable_and_says_why(when: dict[str, Any], reason: str) -> None:
    found = report(replace(ENOUGH, gpus=()), RAM, when=when)
    assert found.verdict is None
    assert reason in (found.not_applicable or "")
    assert [each.skipped for each in found.findings] == ["not-applicable"]


def test_a_profile_is_judged_where_it_is_not_known_whether_it_applies() -> None:
    found = report(Machine(ram=Ram(usable=64 * GB)), RAM, when={"os": ["linux"], "vendor": ["nvidia"]})
    assert (found.verdict, found.not_applicable) == ("ready", None)


def test_an_expired_profile_says_so_and_keeps_its_verdict() -> None:
    one = profile(RAM, expires=datetime.date(2026, 6, 1))
    late, early = (evaluate(one, ENOUGH, today=datetime.date(2026, 6, day)) for day in (2, 1))
    assert (late.expired, late.verdict) == ("2026-06-01", "ready")
    assert early.expired is None


# --- variables ---

VARS = {
    "gpus": {"type": "integer", "default": 8, "min": 1, "max": 16},
    "memory": {"type": "size", "default": "64 GB", "max": "1 TB"},
    "swap": {"type": "boolean", "default": False},
}
SIZED = {"id": "ram", "kind": "ram", "total": "${memory}", "why": "${gpus} GPUs with ${memory}, swap ${swap}, $${x}"}


def set_(*flags: str, **more: Any) -> Given:
    return Given(flags=flags, **more)


def test_variables_are_put_in_with_their_type() -> None:
    count = {"id": "n", "kind": "fact", "fact": "gpus", "quantifier": "count", "eq": "${gpus}"}
    ram, gpus = profile(SIZED, count, vars=VARS).require
    assert (getattr(ram, "total", None), ram.why) == ("64 GB", "8 GPUs with 64 GB, swap false, ${x}")
    assert getattr(gpus, "eq", None) == 8


def test_a_flag_comes_before_the_environment_and_that_before_a_file() -> None:
    def memory(given: Given) -> object:
        return getattr(profile(SIZED, vars=VARS, given=given).require[0], "total", None)

    file = {"memory": "1 GB"}
    assert memory(set_(file=file)) == "1 GB"
    assert memory(set_(file=file, environment={"LLMCHECK_VAR_MEMORY": "2 GB"})) == "2 GB"
    assert memory(set_("memory=3 GB", file=file, environment={"LLMCHECK_VAR_MEMORY": "2 GB"})) == "3 GB"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (set_("gpus=0"), "below 1"),
        (set_("gpus=17"), "above 16"),
        (set_("gpus=two"), "not a whole number"),
        (set_("gpus=1.5"), "not a whole number"),
        (set_("gpus"), "name=value"),
        (set_("memory=80"), "not a size"),
        (set_("memory=2 TB"), "above 1 TB"),
        (set_("swap=perhaps"), "neither true nor false"),
        (set_(file={"gpus": "x"}), "not a whole number"),
        (set_(file={"gpus": True}), "not a whole number"),
        (set_(file={"gpus": [1]}), "not a whole number"),
        (set_(environment={"LLMCHECK_VAR_GPUS": "99"}), "LLMCHECK_VAR_GPUS"),
    ],
)
def test_a_value_that_a_variable_does_not_accept_is_refused(given: Given, words: str) -> None:
    with pytest.raises((DataError, UsageError), match=words):
        profile(SIZED, vars=VARS, given=given)


def test_a_value_for_no_variable_is_refused() -> None:
    variables = [profile(SIZED, vars=VARS).vars]
    with pytest.raises(UsageError, match="did you mean 'memory'"):
        set_("memry=1 GB").require_names(variables)
    with pytest.raises(UsageError, match="LLMCHECK_VAR_X"):
        set_(environment={"LLMCHECK_VAR_X": "1"}).require_names(variables)
    set_(environment={"LLMCHECK_VAR_X": "1"}).require_names([{}])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"Gpus": {"type": "integer", "default": 1}}, "lower case letter"),
        ({"gpus": 8}, "gpus"),
        ({"gpus": {"type": "integer"}}, "default"),
        ({"gpus": {"type": "integer", "default": "x"}}, "not a whole number"),
        ({"gpus": {"type": "integer", "default": 1, "min": 2}}, "below 2"),
        ({"gpus": {"type": "rate", "default": "1 GB"}}, "not a rate"),
        ({"a-b": {"type": "text", "default": ""}, "a_b": {"type": "text", "default": ""}}, "twice"),
    ],
)
def test_a_wrong_definition_of_a_variable_is_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        profile(RAM, vars=table)


def test_a_variable_that_is_not_defined_is_refused_and_values_are_not_looked_at_again() -> None:
    with pytest.raises(DataError, match="no variable 'memry' \\(did you mean 'memory'"):
        profile({**SIZED, "total": "${memry}"}, vars=VARS)
    text = {"type": "text", "default": "${text}${text}"}
    assert profile({**RAM, "why": "${text}"}, vars={"text": text}).require[0].why == "${text}${text}"


def test_a_profile_without_variables_writes_braces_as_it_likes() -> None:
    assert profile({**RAM, "fix": "export X=${HOME}"}).require[0].fix == "export X=${HOME}"


# --- extends ---


def write(folder: Path, name: str, *require: dict[str, Any], **keys: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"id": name.partition(".")[0], **keys, **({"require": require} if require else {})}))
    return path


SMALL_SIZE = {"type": "size", "default": "1 GB", "max": "9 GB"}
REST = {key: value for key, value in HEAD.items() if key != "id"}


def test_a_profile_takes_over_and_replaces(tmp_path: Path) -> None:
    write(
        tmp_path,
        "base.json",
        RAM,
        {"id": "swap", **UNREAD},
        **REST,
        tags=["one"],
        vars={"m": SMALL_SIZE},
    )
    (tmp_path / "team").mkdir()
    more = {"id": "more", **SMALL, "total": "${m}"}
    path = write(
        tmp_path / "team", "node.json", {**RAM, "total": "32 GB"}, more,
        extends="../base.json", remove=["swap"], tags=["two"], vars={"m": {"default": "2 GB"}},
    )  # fmt: skip
    loaded = profiles.load(str(path))
    assert [(each.id, getattr(each, "total", None)) for each in loaded.require] == [("ram", "32 GB"), ("more", "2 GB")]
    assert (loaded.id, loaded.title, loaded.tags, loaded.extends) == ("node", "Mine", ("one", "two"), ("../base.json",))
    with pytest.raises(DataError, match="above 9 GB"):
        profiles.load(str(path), set_("m=10 GB"))


def test_a_shipped_profile_is_extended_by_its_id(tmp_path: Path) -> None:
    loaded = profiles.load(str(write(tmp_path, "mine.json", extends=["minimum"], title="Ours")))
    assert [each.id for each in loaded.require] == [each.id for each in profiles.load("minimum").require]
    assert (loaded.id, loaded.title) == ("mine", "Ours")


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ("mine.json", "extends itself: mine.json -> mine.json"),
        ("../../../../../../etc/passwd", "neither the id of a profile"),
        ("gone.json", "No such file"),
        ("minimun", "did you mean 'minimum'"),
        ("\x1b[31m.toml", "not the path of a profile"),
        ("x" * 1000 + ".toml", "not the path of a profile"),
        ("a\x00b.toml", "not the path of a profile"),
        (3, "text or a list of texts"),
        ([3], "text or a list of texts"),
        ("folder.toml", "directory"),
        ("device.toml", "a device"),
    ],
)
def test_what_cannot_be_extended_is_one_line(tmp_path: Path, extends: Any, words: str) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    path = write(tmp_path, "mine.json", RAM, **REST, extends=extends)
    with pytest.raises(DataError) as caught:
        profiles.load(str(path))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_circle_over_several_files_is_told(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        write(tmp_path, f"{name}.json", RAM, **REST, extends=f"{other}.json")
    with pytest.raises(DataError, match=r"a\.json -> b\.json -> c\.json -> a\.json"):
        profiles.load(str(tmp_path / "a.json"))


def test_profiles_that_multiply_are_bounded(tmp_path: Path) -> None:
    for number in range(14):
        write(tmp_path, f"p{number}.json", RAM, **REST, extends=[f"p{number + 1}.json"] * 2)
    write(tmp_path, "p14.json", RAM, **REST)
    with pytest.raises(DataError, match="more than 32 profiles"):
        profiles.load(str(tmp_path / "p0.json"))


def test_what_is_removed_has_to_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.json", extends="minimum", remove=["gpuu"])
    with pytest.raises(DataError, match="did you mean 'gpu'"):
        profiles.load(str(path))


def test_another_schema_is_refused() -> None:
    with pytest.raises(DataError, match=r"llmcheck\.profile/1"):
        profile(RAM, schema="llmcheck.profile/2")


def test_a_source_may_have_an_address_and_a_date() -> None:
    source = {"title": "Azure", "url": "https://example.org", "date": "2026-11-01"}
    found = report(ENOUGH, {**RAM, "source": source}, sources=["us", source])
    assert found.findings[0].source == "Azure, https://example.org, 2026-11-01"
