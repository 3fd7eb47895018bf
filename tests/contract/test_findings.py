"""Findings of every profile on every golden machine: their quantities add up, and what they advise can be done."""

from __future__ import annotations

import functools
import json

import pytest

from llmcheck import api, codec
from llmcheck.catalog import profiles
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import ProfileReport
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
