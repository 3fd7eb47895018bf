"""Facts that no inspection leaves, in saved machines: none of them lets a required line pass."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmcheck.api.saved_machine import read_machine
from llmcheck.catalog.profiles import decode_profile
from llmcheck.errors import DataError
from llmcheck.judge.evaluate import evaluate

MACHINE = Path(__file__).parents[2] / "machines" / "2x4090.json"
GPU = 'kind = "gpu"\nmemory = "24 GB"\ncount = 2'
TORCH = {"packages": [{"name": "torch", "version": "2.9.1"}]}


def verdict(document: dict[str, Any], *needs: str) -> str | None:
    head = 'id = "odd"\ntitle = "t"\ntask = "general"\nsources = ["this test"]\n'
    lines = "".join(f'[[require]]\nid = "r{number}"\n{need}\n' for number, need in enumerate(needs))
    profile = decode_profile(tomllib.loads(head + lines), "odd.toml")
    return evaluate(profile, read_machine(json.dumps(document).encode(), "odd.json")).verdict


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(MACHINE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("version", ["", " ", None])
def test_a_driver_without_a_version(document: dict[str, Any], version: str | None) -> None:
    document["drivers"]["nvidia"]["version"] = version
    assert verdict(document, 'kind = "driver"\nversion = "550"') == "undetermined"


@pytest.mark.parametrize("path", ["", " "])
def test_a_tool_that_lies_nowhere(document: dict[str, Any], path: str) -> None:
    document["software"]["tools"] = [{"name": "git", "path": path}]
    assert verdict(document, 'kind = "tool"\nname = "git"') == "undetermined"


@pytest.mark.parametrize("order", [1, -1])
def test_two_disks_of_one_role(document: dict[str, Any], order: int) -> None:
    disk = document["disks"][0]
    document["disks"] = [{**disk, "free": 1}, {**disk, "free": 900 * 10**9}][::order]
    assert verdict(document, 'kind = "disk"\nfree = "50 GB"') == "not-ready"


@pytest.mark.parametrize("change", [{"usable": None}, {"fault": "lost"}, {"vendor": ""}, {"vendor": "nobody"}])
def test_a_card_that_may_be_of_no_use(document: dict[str, Any], change: dict[str, Any]) -> None:
    assert verdict(document, GPU) == "ready"
    for gpu in document["gpus"]:
        gpu.update(change)
    assert verdict(document, GPU) == "undetermined"


def test_cards_without_an_address_that_have_one_number(document: dict[str, Any]) -> None:
    document["gpus"] = [{**document["gpus"][0], "pci_bus_id": None}] * 2
    document["identity"]["gpu_uuids"] = []
    assert verdict(document, GPU) == "not-ready"


@pytest.mark.parametrize("build", [None, "", "nv24.08", "jetson"])
def test_a_torch_that_is_built_for_nobody_knows_what(document: dict[str, Any], build: str | None) -> None:
    document["software"] |= {**TORCH, "torch": {"version": "2.9.1", "build": build}}
    need = 'kind = "package"\nname = "torch"'
    assert verdict(document, need, GPU) == "undetermined"
    assert verdict(document, need) == "ready", "nobody wants a GPU"
    document["software"]["torch"]["build"] = "cu126"
    assert verdict(document, need, GPU) == "ready"


def test_a_torch_of_which_only_the_name_is_told(document: dict[str, Any]) -> None:
    document["software"] |= {**TORCH, "torch": None}
    assert verdict(document, 'kind = "package"\nname = "torch"', GPU) == "undetermined"


@pytest.mark.parametrize("key", ['level = "info"', 'level = "required"', 'id = "other"', 'scope = "cluster"'])
def test_an_alternative_is_no_requirement_of_its_own(document: dict[str, Any], key: str) -> None:
    """Its level would decide instead of that of the requirement."""
    alternative = f'any_of = [{{ kind = "ram", total = "1000 TB", {key} }}]'
    with pytest.raises(DataError, match="belongs to the requirement"):
        verdict(document, f'kind = "ram"\ntotal = "1 GB"\n{alternative}')


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-0.0", "1e3"])
def test_a_number_that_is_none(document: dict[str, Any], number: str) -> None:
    document["ram"]["total"] = 123456789123
    text = json.dumps(document).replace("123456789123", number)
    with pytest.raises(DataError):
        read_machine(text.encode(), "odd.json")
