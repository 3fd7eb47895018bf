"""Every recommended row passes exact arithmetic: its ``llmcheck fit`` says the same of the same machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from llmcheck import api, catalog
from llmcheck.api import model_source
from llmcheck.cli.main import main
from llmcheck.fit import capacity
from llmcheck.render import Options
from llmcheck.schema.recommendation import TASKS, Recommendations

MACHINES = Path(__file__).parents[1] / "machines"


def run(*words: str) -> Any:
    done = CliRunner().invoke(main, [*words, "--format", "json"], prog_name="llmcheck", standalone_mode=False)
    assert done.exception is None, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("machine", "task"),
    [
        ("rtx3060", "chat"),
        ("rtx3060", "finetune"),
        ("cpu-laptop", "code"),
        ("2x4090", "vision"),
        ("2x4090", "finetune"),
        ("8xh100", "reason"),
        ("mi300x", "embed"),
        ("a100-mig", "chat"),
    ],
)
def test_fit_reproduces_every_row(machine: str, task: str) -> None:
    file = str(MACHINES / f"{machine}.json")
    rows = run("recommend", "--task", task, "--machine", file)["models"]
    assert rows
    for row in rows:
        plan = row["plan"]
        fit = run(*plan["argv"][1:])
        assert ["--machine", file] == plan["argv"][3:5]
        assert fit["verdict"] == plan["verdict"] in ("fits", "fits-with-offload")
        assert fit["memory"]["total"] == plan["memory"]["total"]
        assert (fit["workload"]["runtime"], fit["workload"]["context"]) == (plan["runtime"], plan["context"])
        rate = fit["speed"]["train" if task == "finetune" else "decode"]
        assert rate == plan["tokens_per_second"]
        assert (
            fit["speed"]["prefill" if task == "embed" else "train" if task == "finetune" else "decode"]
            == (row["tokens_per_second"])
        )


@pytest.mark.parametrize("machine", ["rtx3060", "8xh100", "cpu-laptop", "a100-mig", "gb10", "driver-not-loaded"])
@pytest.mark.parametrize("task", TASKS)
def test_every_listed_model_is_a_row_or_has_a_reason(machine: str, task: Any) -> None:
    found = api.recommend(lambda: api.load_machine(str(MACHINES / f"{machine}.json")), task)
    ids = [*(each.id for each in found.models), *(each.id for each in found.left_out)]
    assert sorted(ids) == sorted(each.repository for each in catalog.listed_models())
    assert {each.dominated_by for each in found.left_out if each.reason == "dominated"} <= {
        each.id for each in found.models
    }
    assert len({(each.quality.benchmark, each.quality.as_of) for each in found.models if each.quality}) <= 1
    assert found.exit_code == (0 if found.models else 1 if found.memory_known else 3)
    again = msgspec.json.decode(api.render(found, "json", Options()), type=Recommendations)
    assert again == found


def test_fit_understands_the_name_of_every_listed_model_with_known_shapes() -> None:
    known = catalog.models()
    for each in catalog.listed_models():
        if each.model is not None:
            named = each.repository in known[each.model].names
            assert model_source.known_model(each.repository if named else each.model) is not None


def test_equal_slices_of_a_card_are_planned_once() -> None:
    machine = api.load_machine(str(MACHINES / "a100-mig.json"))
    all_slices = capacity.of(machine)
    assert len(all_slices.groups) == 7
    one = capacity.distinct(all_slices)
    assert one.groups == all_slices.groups[:1]
    cards = capacity.of(api.load_machine(str(MACHINES / "2x4090.json")))
    assert capacity.distinct(cards) == cards
