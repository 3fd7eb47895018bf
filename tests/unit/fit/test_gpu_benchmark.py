"""The logic of the benchmark for a machine with a GPU, without one: what is compared, run, written and shown."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.schema.machine import Driver, Ecc, Gpu, Machine, Pcie
from tests.unit.fit.test_accuracy import accuracy

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))
import gpu as benchmark  # noqa: E402
import speed_rows  # noqa: E402
import speed_words as words  # noqa: E402
from gpu import Measured  # noqa: E402
from gpu_cases import Run, runs  # noqa: E402
from gpu_inspection import compared  # noqa: E402

MIB = 2**20
CARD = Gpu(
    vendor="nvidia", index=0, name="NVIDIA A10", memory_total=23028 * MIB, memory_used=300 * MIB,
    memory_reserved=512 * MIB, pci_bus_id="0000:00:1e.0", pcie=Pcie(generation=4, width=8), persistence_mode=True,
    compute_mode="exclusive-process", mig_mode=None, ecc=Ecc(mode=True), power_limit_w=150.0, temperature_c=31,
)  # fmt: skip
MACHINE = Machine(gpus=(CARD,), drivers={"nvidia": Driver(version="580.95.05", cuda_version="13.0")})
REPORT = """<?xml version="1.0"?>
<nvidia_smi_log><driver_version>580.95.05</driver_version><cuda_version>13.0</cuda_version><attached_gpus>1</attached_gpus>
<gpu id="00000000:00:1E.0"><product_name>NVIDIA A10</product_name><persistence_mode>Enabled</persistence_mode>
<mig_mode><current_mig>N/A</current_mig></mig_mode><compute_mode>Exclusive_Process</compute_mode>
<pci><pci_gpu_link_info><pcie_gen><current_link_gen>4</current_link_gen></pcie_gen>
<link_widths><current_link_width>8x</current_link_width></link_widths></pci_gpu_link_info></pci>
<fb_memory_usage><total>23028 MiB</total><reserved>511 MiB</reserved><used>312 MiB</used></fb_memory_usage>
<ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode><temperature><gpu_temp>33 C</gpu_temp></temperature>
<gpu_power_readings><current_power_limit>150.00 W</current_power_limit></gpu_power_readings></gpu></nvidia_smi_log>"""


def test_an_inspection_that_agrees() -> None:
    found = compared(MACHINE, REPORT)
    assert len(found) == 15
    assert [each.name for each in found if not each.equal] == []


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"name": "NVIDIA A100"}, "name"),
        ({"memory_total": 24 * 2**30}, "memory"),
        ({"memory_total": None}, "memory"),
        ({"memory_used": 9000 * MIB}, "memory in use"),
        ({"pcie": Pcie(generation=4, width=16)}, "PCIe lanes"),
        ({"mig_mode": False}, "MIG mode"),
        ({"ecc": None}, "ECC mode"),
        ({"compute_mode": "default"}, "compute mode"),
        ({"power_limit_w": 300.0}, "power limit (W)"),
    ],
)
def test_an_inspection_that_differs_names_the_field(changed: dict[str, Any], name: str) -> None:
    found = compared(replace(MACHINE, gpus=(replace(CARD, **changed),)), REPORT)
    assert [each.name for each in found if not each.equal] == [f":00:1e.0 {name}"]


def test_a_card_that_is_not_listed_is_a_difference() -> None:
    found = compared(replace(MACHINE, gpus=()), REPORT)
    assert [(each.name, each.ours, each.theirs) for each in found if not each.equal] == [("number of GPUs", "0", "1")]


def test_what_there_is_no_time_for_is_listed_as_not_run() -> None:
    now = [0.0]

    def measure(_run: Run, left: float) -> Measured:
        assert left > 5
        now[0] += 40
        return Measured(allocated=1)

    found = benchmark.measured_until(runs()[:4], 100, measure, lambda: now[0])
    assert [each.error for _, each in found] == [None, None, None, "not run: no time was left"]


MEASURED = ROOT / "benchmarks" / "results" / "h100-80gb-sxm" / "rows.csv"


@pytest.mark.parametrize(
    ("kind", "sharded", "most"),
    [("peak_allocated", False, 0.05), ("peak_allocated", True, 0.08), ("peak_reserved", False, 0.2),
     ("peak_reserved", True, 0.15)],
)  # fmt: skip
def test_memory_agrees_with_what_was_measured_on_an_h100(kind: str, sharded: bool, most: float) -> None:
    """Tensors to 5 %, as one of many ranks to 8 %; the allocator's cache depends on the order of all of them."""
    with MEASURED.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["figure_kind"] == kind]
    rows = [row for row in rows if (row["usable_for"].endswith("_sharded")) is sharded]
    found = accuracy.evaluate(rows)
    assert len(found.scored) == len(rows) >= 8
    assert {each.labels.id: f"{each.error:+.1%}" for each in found.scored if abs(each.error) > most} == {}


@pytest.mark.parametrize("run", runs(), ids=lambda each: each.id)
def test_every_run_can_be_computed_and_scored(run: Run) -> None:
    """A row that holds what is computed comes back from the accuracy benchmark without an error."""
    said = benchmark.estimate(run)
    assert 0 < said["allocated"] <= said["reserved"] < said["smi"]
    measured = Measured(said["allocated"], said["reserved"], said["smi"], 1000.0, {"transformers": "5.23.0"})
    rows = benchmark.rows(run, measured, {"name": "NVIDIA A10", "memory_gb": "23"})
    assert [tuple(row) for row in rows] == [benchmark.COLUMNS] * 3
    found = accuracy.evaluate(rows)
    assert [each.reason for each in found.unexpressed] == []
    # the shapes come from the row alone, which has no column for windows, shared experts or states
    if run.model == "llama-1b":
        assert [round(each.error, 2) for each in found.scored] == [0, 0, 0]


def test_the_table_has_measured_and_computed_side_by_side() -> None:
    run = runs()[0]
    said = benchmark.estimate(run)
    measured = Measured(allocated=2 * said["allocated"], tokens_per_second=1234.5)
    shown = benchmark.table([(run, measured), (runs()[1], Measured(error="out of memory"))], None)
    line, other = shown.splitlines()[1:]
    assert "-50.0%" in line
    assert "1,234" in line
    assert f"? / {said['reserved'] / MIB:,.0f}" in line
    assert other.endswith("out of memory")


@pytest.mark.parametrize("run", [run for run in runs() if not run.sharding], ids=lambda each: each.id)
def test_a_measured_speed_can_be_scored(run: Run) -> None:
    """A row that holds what is computed for an A10 comes back without an error, and the table says +0%."""
    card = words.card_of("NVIDIA A10")
    said = benchmark.computed_speed(run, card)
    assert said is not None
    measured = Measured(allocated=1, tokens_per_second=said.expected, versions={"transformers": "5.23.0"})
    row = benchmark.speed_row(run, measured, {"name": "NVIDIA A10", "memory_gb": "23"})
    assert tuple(row) == benchmark.SPEED_COLUMNS
    assert "+0%" in benchmark.table([(run, measured)], card)
    assert "!" in benchmark.table([(run, Measured(allocated=1, tokens_per_second=9 * said.expected))], card)
    found = speed_rows.evaluate([row])
    if run.model in ("llama-1b", "windowed-1b"):
        assert [each.reason for each in found.unexpressed] == []
    if run.model == "llama-1b" and run.flash and not run.lengths_vary:
        assert [round(each.error, 2) for each in found.scored] == [0]


def test_a_process_without_pytorch_says_so(tmp_path: Path) -> None:
    program = [sys.executable, "-S", str(ROOT / "benchmarks" / "gpu_runs.py")]
    asked = json.dumps({"task": "prefill", "config": {}, "flash": True})
    done = subprocess.run(program, input=asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "install PyTorch" in json.loads(done.stdout)["error"]
