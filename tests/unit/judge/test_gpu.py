"""``kind = "gpu"``: a number of cards with an amount of memory each."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck.schema.machine import Gpu, Machine, Problem
from llmcheck.units import parse_size
from tests.machines_builder import CARDS, GB, MIB, amd, card, cards, judge, machine, mig


@pytest.mark.parametrize(
    ("model", "memory"),
    [
        ("RTX 3060", "12 GB"),
        ("RTX 4070", "12 GB"),
        ("RTX 3090", "24 GB"),
        ("RTX 4090", "24 GB"),
        ("A5000", "24 GB"),
        ("A100 40GB", "40 GB"),
        ("A100 80GB", "40 GB"),
        ("H100", "40 GB"),
        ("A100 80GB", "80 GB"),
        ("H100", "80 GB"),
    ],
)
def test_every_card_that_the_document_names_meets_its_tier(model: str, memory: str) -> None:
    found = judge("gpu", machine(card(model)), memory=memory)
    assert found.status == "pass"
    assert CARDS[model][0] in (found.found or "")


@pytest.mark.parametrize(("model", "memory"), [("L40S", "40 GB"), ("RTX 5090", "24 GB"), ("T4", "12 GB")])
def test_a_card_with_enough_memory_passes_even_if_it_is_not_named(model: str, memory: str) -> None:
    assert judge("gpu", machine(card(model)), memory=memory, examples=["RTX 3090 24GB"]).status == "pass"


@pytest.mark.parametrize(
    ("memory_total", "memory", "status"),
    [
        (24564 * MIB, "24 GB", "pass"),
        (24 * GB, "24 GB", "pass"),
        (24 * GB - 1, "24 GB", "fail"),
        (22 * 1024 * MIB, "24 GB", "fail"),
        (81559 * MIB, "80 GB", "pass"),
        (81559 * MIB, "80 GiB", "fail"),
        (24268 * MIB, "24 GB", "pass"),
        (16280 * MIB, "24 GB", "fail"),
    ],
)
def test_a_gigabyte_is_a_thousand_million_bytes_exactly(memory_total: int, memory: str, status: str) -> None:
    assert judge("gpu", machine(card("RTX 4090", memory_total=memory_total)), memory=memory).status == status


def test_the_shortfall_has_its_unit_and_a_remedy() -> None:
    found = judge("gpu", machine(card("RTX 3060")), memory="24 GB", examples=["RTX 3090 24GB"])
    assert found.status == "fail"
    assert parse_size(found.short_by or "") == pytest.approx(24 * GB - 12288 * MIB, rel=0.05)
    assert "24 GB" in found.needed
    assert "RTX 3090 24GB" in found.needed
    assert found.remedy


def test_a_machine_without_gpu_fails_plainly() -> None:
    found = judge("gpu", machine(), memory="12 GB")
    assert (found.status, found.found) == ("fail", "no GPU")
    assert found.short_by == "12 GB"


@pytest.mark.parametrize(
    ("model", "number", "memory", "count"),
    [("A100 80GB", 4, "40 GB", 4), ("A100 80GB", 8, "80 GB", 2), ("H200", 2, "80 GB", 2), ("B200", 1, "80 GB", 2)],
)
def test_enough_cards_or_fewer_but_bigger_ones_pass(model: str, number: int, memory: str, count: int) -> None:
    assert judge("gpu", machine(*cards(model, number)), memory=memory, count=count).status == "pass"


def test_one_card_of_two_is_not_enough() -> None:
    found = judge("gpu", machine(card("A100 80GB")), memory="80 GB", count=2)
    assert found.status == "fail"
    assert "2 x 80 GB" in found.needed


@pytest.mark.parametrize(
    ("model", "number", "memory", "count"), [("RTX 3060", 2, "24 GB", 1), ("A100 40GB", 4, "80 GB", 2)]
)
def test_smaller_cards_that_add_up_are_a_warning_that_says_over_how_many(
    model: str, number: int, memory: str, count: int
) -> None:
    found = judge("gpu", machine(*cards(model, number)), memory=memory, count=count)
    assert found.status == "warn"
    assert f"over {number} GPUs" in found.message


def test_a_profile_may_say_what_splitting_takes() -> None:
    found = judge("gpu", machine(*cards("RTX 3060", 2)), memory="24 GB", split="sharded over {count} cards")
    assert "sharded over 2 cards" in found.message


def test_smaller_cards_of_two_vendors_do_not_add_up() -> None:
    found = judge("gpu", machine(card("RTX 3060"), amd(memory=12 * GB)), memory="24 GB")
    assert found.status == "fail"


def test_large_cards_of_two_vendors_are_not_a_pair() -> None:
    found = judge("gpu", machine(card("A100 80GB"), amd(memory=96 * GB)), memory="80 GB", count=2)
    assert found.status == "fail"


def carved(*sizes: int) -> Machine:
    """One 80 GB card divided into MIG instances."""
    return machine(card("H100", mig_mode=True), *(mig(0, number, size) for number, size in enumerate(sizes)))


def test_mig_instances_never_add_up() -> None:
    assert judge("gpu", carved(20 * GB, 20 * GB, 20 * GB), memory="40 GB").status == "fail"


def test_two_mig_instances_are_not_two_cards() -> None:
    where = machine(card("B200", mig_mode=True), mig(0, 0, 90 * GB), mig(0, 1, 90 * GB))
    assert judge("gpu", where, memory="80 GB", count=2).status == "fail"


def test_a_card_that_is_divided_into_instances_is_not_counted() -> None:
    found = judge("gpu", carved(10 * GB), memory="80 GB")
    assert found.status == "fail"
    assert "H100" not in (found.found or "")


def test_one_mig_instance_with_the_memory_passes() -> None:
    assert judge("gpu", carved(10 * GB, 40 * GB), memory="40 GB").status == "pass"


def test_a_card_in_mig_mode_without_instances_fails() -> None:
    assert judge("gpu", carved(), memory="12 GB").status == "fail"


def test_hidden_cards_are_not_counted_and_the_message_says_so() -> None:
    found = judge("gpu", machine(*cards("H100", 2, visible=False)), memory="12 GB")
    assert found.status == "fail"
    assert "2 GPUs are installed" in found.message
    assert "visible" in found.message


def test_only_the_visible_card_of_two_counts() -> None:
    where = machine(card("H100", visible=False), card("RTX 3060", index=1))
    assert judge("gpu", where, memory="24 GB").status == "fail"
    assert judge("gpu", where, memory="12 GB").status == "pass"


def test_integrated_graphics_are_not_counted() -> None:
    found = judge("gpu", machine(Gpu(vendor="intel", index=0, name="UHD", integrated=True)), memory="12 GB")
    assert found.status == "fail"
    assert found.message.startswith("only integrated graphics; needs 12 GB")


def test_a_card_in_mig_mode_is_named_before_integrated_graphics() -> None:
    graphics = Gpu(vendor="intel", index=0, name="UHD", integrated=True)
    whole = card("H100", index=1, mig_mode=True)
    for gpus in ((graphics, whole), (whole, graphics), (whole,)):
        message = judge("gpu", machine(*gpus), memory="12 GB").message
        assert message.startswith("a GPU is in MIG mode but has no instances; needs 12 GB")
    assert judge("gpu", machine(), memory="12 GB").message.startswith("no GPU; needs 12 GB")


def test_a_broken_card_is_not_counted_and_its_fault_is_named() -> None:
    found = judge("gpu", machine(card("H100", usable=False, fault="gpu-lost")), memory="12 GB")
    assert found.status == "fail"
    assert "broken" in found.message
    assert "gpu-lost" in found.message


def test_a_healthy_card_beside_a_broken_one_still_counts() -> None:
    where = machine(card("H100", usable=False, fault="gpu-lost"), card("H100", index=1))
    assert judge("gpu", where, memory="80 GB").status == "pass"
    assert judge("gpu", where, memory="80 GB", count=2).status == "fail"


def test_unknown_memory_is_unknown_and_never_zero() -> None:
    found = judge("gpu", machine(card("RTX 4090", memory_total=None, memory_free=None)), memory="24 GB")
    assert found.status == "unknown"
    assert "memory unknown" in (found.found or "")


def test_unknown_memory_does_not_matter_where_another_card_is_enough() -> None:
    where = machine(card("RTX 4090", memory_total=None), card("H100", index=1))
    assert judge("gpu", where, memory="80 GB").status == "pass"
    assert judge("gpu", where, memory="80 GB", count=2).status == "unknown"


def test_gpus_that_could_not_be_listed_are_unknown_with_the_remedy_of_the_problem() -> None:
    problem = Problem(probe="gpu.nvidia", code="no-permission", message="no", remedy="join the group 'video'")
    found = judge("gpu", machine(gpus=None, problems=(problem,)), memory="12 GB")
    assert (found.status, found.remedy) == ("unknown", "join the group 'video'")


@pytest.mark.parametrize(("number", "nodes"), [(8, 64), (4, 128), (7, 74)])
def test_a_cluster_is_undetermined_and_counted_in_nodes(number: int, nodes: int) -> None:
    found = judge("gpu", machine(*cards("H100", number)), memory="80 GB", count=512, scope="cluster")
    assert found.status == "skipped"
    assert found.cluster
    assert f"{number} of 512" in found.message
    assert f"{nodes} such nodes" in found.message


def test_a_node_without_suitable_cards_adds_nothing_to_a_cluster() -> None:
    found = judge("gpu", machine(card("RTX 3060")), memory="80 GB", count=512, scope="cluster")
    assert found.status == "skipped"
    assert "none of the 512" in found.message


def test_an_unmet_recommendation_warns_with_the_remedy_of_the_profile() -> None:
    found = judge("gpu", machine(), memory="12 GB", level="recommended", fix="rent one", why="speed", source="Table 1")
    assert (found.status, found.remedy, found.why, found.source) == ("warn", "rent one", "speed", "Table 1")


def test_a_passed_finding_has_no_remedy() -> None:
    assert judge("gpu", machine(card("H100")), memory="12 GB", fix="rent one").remedy is None


def test_equal_cards_are_described_once_with_their_number() -> None:
    found = judge("gpu", machine(*cards("RTX 4090", 2)), memory="24 GB")
    assert found.found == "2 x NVIDIA GeForce RTX 4090 (25.8 GB)"


def test_a_card_with_exactly_the_memory_fails_only_by_its_compute_capability() -> None:
    old = Gpu(vendor="nvidia", index=0, memory_total=24 * GB, compute_capability="7.0")
    for size, lacking in ((24 * GB, "compute-capability"), (24 * GB - 1, "gpu-memory")):
        where = machine(replace(old, memory_total=size))
        assert judge("gpu", where, memory="24 GB", compute_capability="8.0").shortfall == lacking


def test_the_shortfall_is_that_of_the_cards_with_most_memory_together() -> None:
    """Cards of two vendors do not work together: two MI300X have 384 GB, the RTX 3060 beside them does not count."""
    cards_of_amd = (amd(1), amd(2))
    for gpus in ((card("RTX 3060"), *cards_of_amd), (*cards_of_amd, card("RTX 3060"))):
        found = judge("gpu", machine(*gpus), memory="300 GB", count=2)
        assert (found.status, found.missing_bytes) == ("fail", 600 * GB - 384 * GB)
