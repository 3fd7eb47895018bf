"""What was measured is compared with what is published of it, and each comparison says with what."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.judge import measured
from llmcheck.judge.measured import Bar, compared, findings
from llmcheck.schema.gpu import Pcie
from llmcheck.schema.machine import GpuSpec, Machine
from llmcheck.schema.measurement import Measurement, Trial
from llmcheck.schema.report import Finding, verdict_of
from tests.machines_builder import card, cards, machine

SPECS: dict[str, GpuSpec | None] = {each.spec.name: each.spec for each in catalog.gpu_specs()}
H100, H200, RTX = "NVIDIA H100 80GB HBM3", "NVIDIA H200", "NVIDIA GeForce RTX 4090"
NODE = machine(*(replace(each, spec=SPECS[H100]) for each in cards("H100", 2, nvlinks=18)))


def measurement(rate: float | None, quantity: str = "matmul", **changes: object) -> Measurement:
    units = {"matmul": "TFLOP/s", "tcp": "Gb/s", "rdma-write": "Gb/s"}
    facts: dict[str, object] = {
        "check": "matmul", "quantity": quantity, "subject": "GPU 0", "unit": units.get(quantity, "GB/s"),
        "rate": rate, "right": True, "vendor": "nvidia", "card": H100,
    }  # fmt: skip
    return Measurement(**{**facts, **changes})  # type: ignore[arg-type]


def judged(
    *measurements: Measurement, where: Machine = NODE, at_least: dict[str, float] | None = None, **changes: object
) -> dict[str, Finding]:
    quantities = tuple(dict.fromkeys(each.quantity for each in measurements)) or ("matmul",)
    facts: dict[str, object] = {
        "check": "matmul", "title": "a product", "quantities": quantities, "on_gpus": True,
        "measurements": measurements,
    }  # fmt: skip
    trial = Trial(**{**facts, **changes})  # type: ignore[arg-type]
    return {each.id: each for each in findings(trial, where, catalog.prove_rates(), SPECS, at_least or {})}


# --- the comparison ---

RATES = st.floats(min_value=1e-3, max_value=1e6)
BARS = st.lists(
    st.builds(Bar, kind=st.sampled_from(["minimum", "measured", "peak"]), rate=RATES, words=st.just("somewhere")),
    max_size=6,
)
ORDER = {"fail": 0, "warn": 1, "pass": 2}


@given(RATES, BARS)
def test_a_rate_is_unknown_only_where_there_is_nothing_or_it_cannot_be(rate: float, bars: list[Bar]) -> None:
    status, bar = compared(rate, bars)
    peaks = [each.rate for each in bars if each.kind == "peak"]
    above = bool(peaks) and rate > measured.ABOVE_PEAK * max(peaks)
    assert (status == "unknown") == (not bars or above)
    assert (bar is None) == (not bars)


@given(RATES, RATES, BARS)
def test_a_faster_machine_is_never_judged_worse(one: float, other: float, bars: list[Bar]) -> None:
    slow, fast = (compared(rate, bars)[0] for rate in sorted((one, other)))
    if "unknown" not in (slow, fast):
        assert ORDER[slow] <= ORDER[fast]


@given(RATES, BARS)
def test_a_rate_fails_only_below_every_minimum_and_passes_only_above_every(rate: float, bars: list[Bar]) -> None:
    minimums = [each.rate for each in bars if each.kind == "minimum"]
    status, bar = compared(rate, bars)
    if status == "fail":
        assert minimums
        assert rate < min(minimums)
    if status == "pass" and minimums:
        assert rate >= max(minimums)
    if bar is not None and status != "unknown" and minimums:
        assert bar.kind == "minimum"


@given(RATES, st.permutations([1.0, 2.0, 3.0]))
def test_the_order_of_the_bars_does_not_matter(rate: float, order: list[float]) -> None:
    bars = [Bar(kind="minimum", rate=each, words=str(each)) for each in order]
    assert compared(rate, bars) == compared(rate, sorted(bars, key=lambda each: each.rate))


# --- with the shipped table ---


@pytest.mark.parametrize(
    ("rate", "quantity", "status"),
    [
        (780.0, "matmul", "pass"),
        (590.0, "matmul", "warn"),  # under three quarters of the published measurement
        (5000.0, "matmul", "unknown"),  # no H100 is so fast
        (47.9, "host-to-device", "fail"),
        (55.0, "host-to-device", "pass"),
        (334.0, "device-to-device", "fail"),
        (380.0, "device-to-device", "pass"),
        (1900.0, "device-memory", "fail"),
        (2900.0, "device-memory", "pass"),
    ],
)
def test_an_h100_is_held_against_what_is_published(rate: float, quantity: str, status: str) -> None:
    found = judged(measurement(rate, quantity))[quantity]
    assert found.status == status
    assert found.level == "required"
    assert found.source
    assert "GPU 0" in found.message


def test_the_rates_of_one_card_are_not_demanded_of_another() -> None:
    """335 GB/s between two H100 is no bar for cards without NVLink."""
    found = judged(measurement(20.0, "device-to-device", card=RTX), where=machine(card("RTX 4090")))
    assert (found["device-to-device"].status, found["device-to-device"].level) == ("unknown", "info")


def test_a_card_without_a_published_rate_is_held_against_its_data_sheet() -> None:
    where = machine(replace(card("RTX 4090"), spec=SPECS[RTX]))
    slow, good = (judged(measurement(rate, card=RTX), where=where)["matmul"] for rate in (40.0, 150.0))
    assert (slow.status, good.status) == ("warn", "pass")
    assert "data sheet" in slow.message


def test_a_link_is_held_against_its_generation_and_lanes() -> None:
    pcie = Pcie(generation=1, width=16, max_generation=4, max_width=16)
    where = machine(replace(card("RTX 4090"), spec=SPECS[RTX], pcie=pcie))
    rates = {rate: judged(measurement(rate, "host-to-device", card=RTX), where=where) for rate in (6.0, 25.0)}
    assert [each["host-to-device"].status for each in rates.values()] == ["warn", "pass"]
    assert "PCIe generation 4 x16" in rates[6.0]["host-to-device"].message


def test_an_all_reduce_is_compared_only_with_as_many_gpus_and_as_large_messages() -> None:
    facts = {"check": "all-reduce", "quantity": "all-reduce"}
    small = measurement(300.0, gpus=8, message_bytes=2**28, **facts)
    large = measurement(300.0, gpus=8, message_bytes=2**34, **facts)
    pair = measurement(40.0, gpus=2, message_bytes=2**34, **facts)
    found = [
        judged(each, check="all-reduce", quantities=("all-reduce",))["all-reduce"] for each in (small, large, pair)
    ]
    assert [each.status for each in found] == ["pass", "warn", "unknown"]


def test_a_port_is_compared_with_ports_of_its_rate() -> None:
    facts: dict[str, object] = {"check": "ib-write", "card": None, "vendor": None, "right": None}
    found = [
        judged(
            measurement(rate, "rdma-write", **{**facts, "link_gbps": link}),
            check="ib-write",
            quantities=("rdma-write",),
            program="x",
        )
        for rate, link in ((392.0, 400.0), (350.0, 400.0), (182.0, 200.0), (90.0, 100.0))
    ]
    assert [each["ib-write.rdma-write"].status for each in found] == ["pass", "fail", "pass", "pass"]


def test_the_slowest_gpu_decides_and_is_named() -> None:
    found = judged(measurement(55.0, "host-to-device"), measurement(12.0, "host-to-device", subject="GPU 5"))
    assert found["host-to-device"].status == "fail"
    assert found["host-to-device"].message.startswith("GPU 5: 12 GB/s, below the 48 GB/s")
    assert found["host-to-device"].found == "12 to 55 GB/s, lowest: GPU 5"


def test_a_demanded_rate_replaces_published_ones() -> None:
    found = judged(measurement(700.0), at_least={"matmul": 750.0})["matmul"]
    assert (found.status, "--at-least" in found.message) == ("fail", True)
    assert judged(measurement(100.0), at_least={"matmul": 90.0})["matmul"].status == "pass"


def test_a_demanded_rate_that_was_not_measured_is_open() -> None:
    found = judged(at_least={"matmul": 750.0}, state="cannot", reason="torch cannot be imported")
    assert found["matmul"].is_open
    assert found["matmul"].level == "required"


# --- results ---


def test_a_wrong_product_fails_however_fast_it_is() -> None:
    reason = "the product has values that are not finite"
    found = judged(measurement(780.0, right=False, reason=reason), measurement(780.0, subject="GPU 1"))
    assert found["matmul.result"].status == "fail"
    assert reason in found["matmul.result"].message
    assert verdict_of(found.values()) == "not-ready"


def test_a_gpu_that_did_no_work_fails() -> None:
    found = judged(measurement(780.0))["matmul.result"]
    assert (found.status, found.message) == ("fail", "1 of 2 GPUs worked")


def test_a_card_that_the_driver_does_not_list_is_warned_of() -> None:
    found = judged(measurement(780.0, card=H200), measurement(780.0, card=H200, subject="GPU 1"))
    assert found["matmul.result"].status == "warn"
    assert H200 in found["matmul.result"].message


def test_a_card_that_no_table_knows_has_no_bar() -> None:
    found = judged(measurement(780.0, card="Unheard-of 9000"), where=Machine())
    assert (found["matmul"].status, found["matmul"].level) == ("unknown", "info")


@pytest.mark.parametrize("state", ["failed", "cannot"])
def test_gpus_that_could_not_be_tried_leave_the_verdict_open(state: str) -> None:
    found = judged(state=state, reason="why")
    assert found["matmul.result"].status == "unknown"
    assert verdict_of(found.values()) == "undetermined"


def test_what_needs_something_that_is_missing_does_not_count_where_there_is_no_gpu() -> None:
    cpu = Machine(gpus=())
    found = judged(where=cpu, state="cannot", reason="no torch")["matmul.result"]
    assert (found.status, found.level) == ("unknown", "info")
    named = judged(where=cpu, state="cannot", reason="no torch", named=True)["matmul.result"]
    assert (named.status, named.level) == ("unknown", "required")


@pytest.mark.parametrize("state", ["not-applicable", "left-out"])
def test_what_is_not_about_this_machine_is_skipped_and_does_not_count(state: str) -> None:
    (found,) = judged(state=state, reason="one GPU").values()
    assert (found.status, found.skipped, found.is_counted) == ("skipped", state, False)


def test_one_gpu_that_ran_out_of_memory_leaves_the_others_judged() -> None:
    lost = measurement(None, right=None, reason="OutOfMemoryError: CUDA out of memory", subject="GPU 1")
    found = judged(measurement(780.0), lost, state="failed", reason=None)
    assert found["matmul"].status == "pass"
    assert found["matmul.result"].status == "unknown"
    assert "GPU 1: OutOfMemoryError" in found["matmul.result"].message


@given(st.floats(min_value=1e-6, max_value=1e8), st.sampled_from(sorted(SPECS)), st.sampled_from(
    ["matmul", "host-to-device", "device-to-device", "device-memory"]
))  # fmt: skip
def test_any_rate_of_any_card_has_a_finding_with_words(rate: float, name: str, quantity: str) -> None:
    for found in judged(measurement(rate, quantity, card=name), where=Machine()).values():
        assert found.message
        assert found.needed
        assert not math.isnan(rate)
