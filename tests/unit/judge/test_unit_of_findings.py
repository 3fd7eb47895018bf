"""A finding uses the unit of its requirement: GB (powers of ten) or GiB (powers of two)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.judge import requirements
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding
from tests.machines_builder import card, machine

SMALL = machine(card("RTX 3060"))
TWO = machine(card("RTX 4090"), card("RTX 4090"))
FILLED = machine(replace(card("RTX 4090"), memory_free=10**9))


def judged(where: Machine, **table: Any) -> Finding:
    return requirements.check(requirements.decode({"id": "mine", **table}, "x"), where)


def units(finding: Finding) -> set[str]:
    text = " ".join(filter(None, (finding.needed, finding.found, finding.message, finding.short_by)))
    return {"GiB" if "i" in unit else "GB" for unit in re.findall(r"\d ([kKMGTP]i?B)\b", text)}


@pytest.mark.parametrize("unit", ["GB", "GiB"])
@pytest.mark.parametrize(
    ("where", "table"),
    [
        (SMALL, {"kind": "gpu", "memory": "80 {}"}),
        (SMALL, {"kind": "gpu", "memory": "10 {}"}),
        (TWO, {"kind": "gpu", "memory": "40 {}"}),
        (TWO, {"kind": "gpu", "memory": "80 {}", "count": 2}),
        (TWO, {"kind": "gpu", "memory": "20 {}", "count": 4, "scope": "cluster"}),
        (FILLED, {"kind": "gpu", "memory": "20 {}"}),
        (SMALL, {"kind": "ram", "total": "4 {}"}),
        (SMALL, {"kind": "ram", "total": "4000 {}"}),
        (SMALL, {"kind": "ram", "total": "4000 {}", "scope": "cluster"}),
        (SMALL, {"kind": "disk", "free": "4 {}"}),
        (SMALL, {"kind": "disk", "free": "400000 {}"}),
    ],
)
def test_a_finding_has_the_unit_of_its_requirement(where: Machine, table: dict[str, Any], unit: str) -> None:
    written = {key: value.format(unit) if isinstance(value, str) else value for key, value in table.items()}
    assert units(judged(where, **written)) == {unit}


def test_the_shortfall_is_the_difference_in_that_unit() -> None:
    found = judged(machine(card("A100 80GB")), kind="gpu", memory="100 GiB")
    assert found.status == "fail"
    assert found.found is not None
    assert found.short_by is not None
    have, lacking = (re.findall(r"([\d.]+) GiB", text) for text in (found.found, found.short_by))
    assert float(have[0]) + float(lacking[0]) == pytest.approx(100, abs=0.1)
