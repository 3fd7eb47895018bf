"""Every module of a family keeps to the family's contract, and the families are what we say they are."""

from __future__ import annotations

import dataclasses
import inspect
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import catalog, registry
from llmcheck.catalog import profiles
from llmcheck.cloud.offers import rank_offers
from llmcheck.install.plan import plan_installation
from llmcheck.install.state import library_check
from llmcheck.install.torch import torch_build
from llmcheck.judge import requirements
from llmcheck.judge.evaluate import evaluate
from llmcheck.probe import Reading, Request, names
from llmcheck.render import Options
from llmcheck.schema import profile
from llmcheck.schema.advice import Resolved, Verification
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding, Report
from llmcheck.schema.responses import LibraryList, ProfileList, ShownLibrary, ShownProfile
from llmcheck.system.host import Host
from tests.machines_builder import card, machine

KINDS = requirements.kinds()
FORMATS = registry.names("llmcheck.render")
PROBES = names()


def test_the_requirement_kinds_are_these() -> None:
    pinned = {"disk", "driver", "gpu", "interconnect", "network", "package", "python", "ram", "tool"}
    assert pinned <= set(KINDS)


def test_the_formats_are_these() -> None:
    assert {"json", "markdown", "sh", "text"} <= set(FORMATS)


def test_the_probes_are_these() -> None:
    pinned = {"cpu", "devices", "disk", "fabric", "memory", "software", "system"}
    assert pinned | {"gpu.nvidia", "gpu.amd", "gpu.intel", "gpu.apple"} <= set(PROBES)


def test_the_profiles_are_these_in_the_order_of_the_document() -> None:
    assert [each.id for each in profiles.shipped()] == [
        "inference-7b",
        "inference-13b-30b",
        "inference-70b",
        "inference-70b-4bit",
        "finetune-7b",
        "finetune-13b-30b",
        "pretrain",
        "minimum",
        "toolkit",
    ]


def test_no_private_module_is_a_plugin() -> None:
    assert [name for name in (*KINDS, *FORMATS, *PROBES) if name.startswith("_") or "._" in name] == []


# --- requirement kinds ---

EXAMPLES: dict[str, dict[str, Any]] = {
    "disk": {"free": "50 GB"},
    "driver": {},
    "gpu": {"memory": "24 GB"},
    "interconnect": {"type": "nvlink"},
    "network": {"type": "infiniband"},
    "package": {"name": "torch"},
    "python": {"version": ">=3.11"},
    "ram": {"total": "16 GB"},
    "tool": {"name": "git"},
}
MACHINES = {"empty": Machine(), "looked": machine(), "one card": machine(card("RTX 4090"))}


def kind_module(kind: str) -> ModuleType:
    return registry.load("llmcheck.judge.requirements", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_keys_its_validation_and_its_check(kind: str) -> None:
    module = kind_module(kind)
    assert issubclass(module.Requirement, profile.Requirement)
    assert module.Requirement.__struct_config__.frozen
    assert module.Requirement.__struct_config__.forbid_unknown_fields
    assert list(inspect.signature(module.validate).parameters) == ["requirement"]
    assert list(inspect.signature(module.check).parameters)[:2] == ["requirement", "machine"]
    assert module.__doc__


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_kind_is_decoded_by_its_name(kind: str) -> None:
    decoded = requirements.decode({"id": "mine", "kind": kind, **EXAMPLES[kind]}, "x")
    assert type(decoded) is kind_module(kind).Requirement


@pytest.mark.parametrize("where", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("level", ["required", "recommended", "info"])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_check_speaks_in_whole_findings(kind: str, level: str, where: Machine) -> None:
    decoded = requirements.decode({"id": "mine", "kind": kind, "level": level, **EXAMPLES[kind]}, "x")
    found = requirements.check(decoded, where)
    assert isinstance(found, Finding)
    assert (found.id, found.kind, found.level) == ("mine", kind, level)
    assert found.needed
    assert found.message
    assert found.group == profile.group_of(kind)
    assert level == "required" or found.status != "fail"
    assert found.remedy is None or found.status in ("fail", "warn", "unknown")


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind != "driver"])
def test_nothing_known_is_unknown_and_not_a_failure(kind: str) -> None:
    decoded = requirements.decode({"id": "mine", "kind": kind, **EXAMPLES[kind]}, "x")
    assert requirements.check(decoded, Machine()).status == "unknown"


# --- formats ---


def report(informs: bool) -> Report:
    where = machine(card("RTX 3060"))
    judged = tuple(evaluate(each, where, catalog.corrections()) for each in profiles.shipped())
    return Report(
        llmcheck="0",
        created_at="2026-11-22T12:00:00+00:00",
        verdict=None if informs else "not-ready",
        exit_code=0 if informs else 1,
        profiles=judged,
        machine=where,
    )


RESOLVED = Resolved(name="transformers", version="5.23.0", url="https://example.org/t-5.23.0.whl", sha256="0" * 64)
PLAN = replace(
    plan_installation("transformers", ["transformers"], machine(), catalog.tables()),
    verification=(
        Verification(environment="shared", status="resolved", resolver="uv", message="1", packages=(RESOLVED,)),
    ),
)
VALUES: dict[str, object] = {
    "machine": machine(card("RTX 3060")),
    "report": report(informs=False),
    "overview": report(informs=True),
    "plan": PLAN,
    "torch": torch_build(machine(card("V100")), catalog.torch_wheels(), catalog.cuda_drivers()),
    "check": library_check(catalog.libraries().values(), machine(), named=False),
    "offers": rank_offers(profiles.load("inference-7b"), catalog.offers(), catalog.corrections()),
    "profiles": ProfileList(profiles=profiles.shipped()),
    "profile": ShownProfile(profile=profiles.load("pretrain"), corrections=catalog.corrections()),
    "libraries": LibraryList(libraries=tuple(catalog.libraries().values())),
    "library": ShownLibrary(library=catalog.libraries()["vllm"], corrections=catalog.corrections()),
}
OF_A_PLAN = ("conda", "dockerfile", "pylock", "requirements", "sh")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_render_and_a_line_about_itself(name: str) -> None:
    module = registry.load("llmcheck.render", name)
    assert len(inspect.signature(module.render).parameters) == 2
    assert module.__doc__


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in FORMATS for value in VALUES if name not in OF_A_PLAN or value == "plan"],
)
def test_a_format_writes_what_it_is_for_and_ends_its_last_line(name: str, value: str) -> None:
    module = registry.load("llmcheck.render", name)
    try:
        written = module.render(VALUES[value], Options())
    except TypeError:
        assert name not in ("text", "json", "markdown")
        return
    assert written.endswith("\n")
    assert len(written.splitlines()) > 1
    assert module.render(VALUES[value], Options()) == written


# --- probes ---


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_answers_over_an_empty_machine(name: str, tmp_path: Any) -> None:
    module = registry.load("llmcheck.probe", name)
    assert module.__doc__
    said = module.probe(Host(str(tmp_path), {}), Request())
    readings = [said] if isinstance(said, Reading) else list(said)
    assert readings
    assert all(isinstance(each, Reading) for each in readings)
    assert readings[-1].gpus in ((), None)


def test_options_are_one_value_that_no_format_can_change() -> None:
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        Options().width = 1  # type: ignore[misc]
