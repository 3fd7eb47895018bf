"""Every check that does work keeps to the contract of its folder, and the table of rates to the tables it names."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck import catalog, prove, registry
from llmcheck.judge import measured
from llmcheck.prove import Check, Example, Job, NotPossible, Request
from llmcheck.schema.machine import Fabric, FabricPort
from llmcheck.schema.measurement import Measurement
from tests.machines_builder import card, machine

ROOT = Path(__file__).parents[2]
IDS = prove.ids()
CHILDREN = sorted(path for path in (ROOT / "llmcheck/prove/children").glob("*.py") if path.stem != "__init__")
PORT = FabricPort(device="mlx5_3", port=1, active=True, rate_gbps=400.0)
CLUSTER_NODE = machine(*[card("H100")] * 8, fabric=Fabric(ports=(PORT,)))
REQUEST = Request(machine=CLUSTER_NODE, python="/usr/bin/python3", own_python=sys.executable, path="/tmp")


def module(name: str) -> ModuleType:
    return registry.load("llmcheck.prove.checks", name.replace("-", "_"))


def test_the_list_of_checks_is_exact() -> None:
    assert list(IDS) == [
        "all-reduce", "device-device", "device-memory", "host-device", "matmul", "disk-read", "ram-copy", "tcp",
        "nccl-tests", "nvbandwidth", "ib-write", "iperf3",
    ]  # fmt: skip


@pytest.mark.parametrize("name", IDS)
def test_a_check_is_complete(name: str) -> None:
    assert module(name).__doc__
    assert isinstance(module(name).CHECK, Check)
    assert isinstance(module(name).EXAMPLE, Example)
    assert set(module(name).EXAMPLE.expected) <= set(prove.check(name).quantities)


@pytest.mark.parametrize("name", IDS)
def test_the_example_of_a_check_is_read_as_it_says(name: str) -> None:
    example: Example = module(name).EXAMPLE
    found = prove.read(name, example.outputs, REQUEST)
    lowest = {
        quantity: min(each.rate for each in found if each.quantity == quantity and each.rate is not None)
        for quantity in example.expected
    }
    assert lowest == example.expected
    assert {each.check for each in found} == {name}


@pytest.mark.parametrize("name", IDS)
def test_the_example_cut_off_anywhere_is_read_without_an_error(name: str) -> None:
    outputs = module(name).EXAMPLE.outputs
    for end in range(0, len(outputs[-1]), 7):
        for each in prove.read(name, (*outputs[:-1], outputs[-1][:end]), REQUEST):
            assert isinstance(each, Measurement)


@pytest.mark.parametrize("name", IDS)
@given(output=st.text(alphabet=st.sampled_from('0123456789 .{}[]":,\n-eNaInf#/\x1b\u202etuple')))
def test_no_output_is_believed_that_is_no_rate(name: str, output: str) -> None:
    for text in (output, f"#llmcheck-measured {output}", f"Running host_to_device_memcpy_ce.\n0 1\n{output}"):
        for each in prove.read(name, ("", text), REQUEST):
            assert each.rate is None or 0 < each.rate < 1e9
            assert (each.subject + (each.reason or "")).isprintable()


@pytest.mark.parametrize("name", IDS)
def test_what_a_check_starts_is_a_program_with_arguments(name: str) -> None:
    for request in (REQUEST, Request(python="python3", own_python="python3")):
        try:
            jobs = prove.jobs(name, request)
        except NotPossible:
            continue
        assert jobs
        for job in jobs:
            assert isinstance(job, Job)
            assert all(isinstance(each, str) and "\0" not in each for each in job.argv)
            if prove.check(name).program:
                assert job.argv[0] == prove.check(name).program
            assert sum(len(each) for each in job.argv) < 100_000, "Linux takes 128 KiB for one argument"


@pytest.mark.parametrize("path", CHILDREN, ids=lambda path: path.stem)
def test_a_program_for_other_interpreters_needs_the_standard_library_and_torch_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {*sys.stdlib_module_names, "torch"}


# --- the table of rates ---

RATES = catalog.prove_rates()


def test_each_rate_is_about_a_listed_card_and_a_quantity_that_is_measured() -> None:
    cards = {each.spec.name for each in catalog.gpu_specs()}
    quantities = {quantity for name in IDS for quantity in prove.check(name).quantities}
    assert {row.card for row in RATES if row.card} <= cards
    assert {row.quantity for row in RATES} <= quantities
    assert all(row.source and row.how and row.source_date.year >= 2024 for row in RATES)


def test_no_rate_stands_twice() -> None:
    keys = [(row.quantity, row.card, row.kind, row.source, row.link_gbps) for row in RATES]
    assert len(set(keys)) == len(keys)


def test_no_published_rate_is_above_what_data_sheet_or_port_allow() -> None:
    """A slip of units or digits would fail healthy machines."""
    specs = {each.spec.name: each.spec for each in catalog.gpu_specs()}
    for row in RATES:
        spec = specs.get(row.card)
        peak = {
            "matmul": spec and spec.bf16_tflops,
            "device-memory": spec and spec.bandwidth_gb_s,
            "device-to-device": spec and spec.nvlink_gb_s and spec.nvlink_gb_s / 2,
            "rdma-write": row.link_gbps,
        }.get(row.quantity)
        if peak and row.quantity != "device-to-device":
            assert 0.25 * peak < row.rate < peak, row
        elif peak:
            assert row.rate < peak, row


def test_the_shares_are_in_order() -> None:
    assert 0 < measured.NEAR_PEAK < measured.NEAR_MEASURED < 1 < measured.ABOVE_PEAK
