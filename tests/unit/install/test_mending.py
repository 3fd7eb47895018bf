"""Damaged packages: put right first, or left alone in favour of another environment."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.install.plan import plan_installation
from llmcheck.schema.advice import Plan, Step
from llmcheck.schema.machine import DistributionIssue, Machine, Torch
from tests.machines_builder import card, machine, packages

TABLES = catalog.tables()
SITE = "/srv/project/.venv/lib/python3.12/site-packages"


def damaged(kind: str, name: str, where: str, torch: str = "2.9.1+cpu", **versions: str) -> Machine:
    there = Torch(version=torch, build=torch.partition("+")[2])
    base = machine(card("RTX 4090"), software=packages(torch=torch, **versions), torch=there)
    issue = DistributionIssue(name=name, kind=kind, where=where)
    return replace(base, software=replace(base.software, issues=(issue,)))


def plan(where: Machine, *names: str) -> Plan:
    return plan_installation("x", list(names), where, TABLES)


def steps(made: Plan) -> list[Step]:
    return [step for each in made.environments for step in each.steps]


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_what_has_no_record_is_not_replaced(name: str) -> None:
    where = damaged("no-record", name, f"{SITE}/{name}-1.dist-info", torchvision="0.24.1+cpu")
    made = plan(where, "torch")
    (environment,) = made.environments
    assert environment.folder == ".venv-2"
    assert f"{SITE}/{name}-1.dist-info" in environment.steps[0].reason
    assert "by hand" in environment.steps[0].reason
    assert not any(where.software.python.executable in step.argv[:1] for step in steps(made)[1:])  # type: ignore[union-attr]


def test_what_has_no_record_and_stays_does_not_matter() -> None:
    where = damaged(
        "no-record", "transformers", f"{SITE}/transformers-5.dist-info", "2.15.0+cu132", transformers="5.23.0"
    )
    assert [each.folder for each in plan(where, "peft").environments] == [None]


def test_two_copies_become_one_before_anything_else() -> None:
    what = f"{SITE}/torch-2.9.1.dist-info and torch-2.8.0.dist-info are in the same folder"
    made = steps(plan(damaged("duplicate", "torch", what), "torch"))
    assert [step.argv[-3:] for step in made[:2]] == [("uninstall", "--yes", "torch")] * 2
    assert what in made[0].reason
    assert made[2].requirements == ("torch==2.9.1+cpu",)
    assert made[2].index_url == "https://download.pytorch.org/whl/cpu"
    assert any("torch>=2.14" in step.requirements for step in made[3:])


def test_leftovers_are_deleted_first() -> None:
    made = steps(plan(damaged("half-removed", "~orch", f"{SITE}/~orch"), "torch"))
    assert made[0].argv[-1] == f"{SITE}/~orch"
    assert "rmtree" in made[0].argv[2]


@pytest.mark.parametrize(
    ("kind", "name", "where"),
    [
        ("half-removed", "~andas", f"{SITE}/~andas"),
        ("duplicate", "pandas", f"{SITE}/pandas-2.dist-info wins over /usr/lib/pandas-1.dist-info"),
        ("half-removed", "torch", f"{SITE}/torch-2.9.1.dist-info"),
    ],
)
def test_what_the_plan_does_not_concern_is_left_alone(kind: str, name: str, where: str) -> None:
    made = steps(plan(damaged(kind, name, where), "torch"))
    assert "rmtree" not in " ".join(step.command for step in made)
    assert "uninstall" not in " ".join(step.command for step in made)
