"""The variables that hide GPUs: MIG instances, CUDA's order, containers, ROCm and HIP, Level Zero."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.probe.gpu._visible import (
    index_is_ambiguous,
    visible_amd,
    visible_devices,
    visible_intel,
    withheld_by_container,
)

NVIDIA = ["GPU-aaaa1111", "GPU-aaaa2222", "GPU-bbbb3333"]
SLICES = [("MIG-1111aaaa", 1), ("MIG-1111bbbb", 1), ("MIG-GPU-bbbb3333/1/0", 2)]
AMD = ["GPU-8d1457e2c20f59d2", "GPU-8d1457e2ffffffff", "GPU-0123456789abcdef", "GPU-XX"]
ENTRIES = st.one_of(
    st.sampled_from(
        ["", " ", "0", "1", "2", "-1", "+1", "0x1", "1.0", "1.9", "GPU-", "MIG-", "all", "void", "9" * 5000]
    ),
    st.sampled_from([*NVIDIA, *AMD, *(uuid for uuid, _ in SLICES)]),
    st.integers(-3, 12).map(str),
    st.text(max_size=6),
)
VALUES = st.one_of(st.none(), st.lists(ENTRIES, max_size=6).map(",".join))


def env(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


class TestMig:
    @pytest.mark.parametrize(
        ("value", "seen"),
        [
            (None, {0, 1, 2, 3, 4, 5}),
            ("", set()),
            ("0", {0}),
            ("1", {1, 3, 4}),
            ("GPU-aaaa2", {1, 3, 4}),
            ("GPU-bbbb", {2, 5}),
            ("MIG-1111b", {4}),
            ("MIG-1111aaaa,MIG-1111bbbb", {3, 4}),
            ("MIG-GPU-bbbb3333/1", {5}),
            ("MIG-1111", set()),
            ("MIG-1111aaaa,MIG-1111aaaa", set()),
        ],
    )
    def test_an_instance_is_there_with_its_card_or_by_its_own_name(self, value: str | None, seen: set[int]) -> None:
        assert visible_devices(env(CUDA_VISIBLE_DEVICES=value), NVIDIA, instances=SLICES) == seen

    @pytest.mark.parametrize(
        ("value", "seen"),
        [
            ("GPU-aaaa1,MIG-1111aaaa", {0}),
            ("MIG-1111aaaa,GPU-aaaa1", {3}),
            ("0,GPU-aaaa2", {0}),
            ("GPU-aaaa2,0", {1, 3, 4}),
        ],
    )
    def test_a_list_ends_where_its_kind_changes(self, value: str, seen: set[int]) -> None:
        assert visible_devices(env(CUDA_VISIBLE_DEVICES=value), NVIDIA, instances=SLICES) == seen


class TestOrder:
    UNLIKE = ("NVIDIA GeForce RTX 3060", "NVIDIA GeForce RTX 4090")

    @pytest.mark.parametrize(("value", "ambiguous"), [("0", True), ("1", True), ("0,1", False), ("", False)])
    def test_numbers_of_unlike_cards_are_cudas_own(self, value: str, ambiguous: bool) -> None:
        assert index_is_ambiguous({"CUDA_VISIBLE_DEVICES": value}, self.UNLIKE) is ambiguous

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"CUDA_VISIBLE_DEVICES": "GPU-aaaa"},
            {"CUDA_VISIBLE_DEVICES": "MIG-aaaa"},
            {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ],
    )
    def test_names_and_bus_order_are_not(self, environ: dict[str, str]) -> None:
        assert not index_is_ambiguous(environ, self.UNLIKE)

    def test_any_of_equal_cards_is_as_good_as_another(self) -> None:
        assert not index_is_ambiguous({"CUDA_VISIBLE_DEVICES": "0"}, ["NVIDIA L4"] * 4)
        assert index_is_ambiguous({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, self.UNLIKE)


@pytest.mark.parametrize(
    ("value", "container", "withheld"),
    [
        ("void", True, True),
        ("none", True, True),
        ("", True, True),
        ("all", True, False),
        ("0,1", True, False),
        (None, True, False),
        ("void", False, False),
        ("none", False, False),
    ],
)
def test_a_container_may_have_been_made_without_gpus(value: str | None, container: bool, withheld: bool) -> None:
    assert withheld_by_container(env(NVIDIA_VISIBLE_DEVICES=value), container) is withheld


class TestAmd:
    @pytest.mark.parametrize(
        ("rocr", "seen"),
        [
            (None, {0, 1, 2, 3}),
            ("", set()),
            ("-1", set()),
            ("2", {2}),
            (" 2 , 0 ", {0, 2}),
            ("0x1", {1}),
            ("1,7,0", {1}),
            ("1,1,0", {1}),
            ("1gpu", set()),
            ("GPU-0123", {2}),
            ("gpu-0123456789ABCDEF", {2}),
            ("GPU-8d14", set()),
            ("0,GPU-8d1457e2f", {0, 1}),
            ("GPU-", set()),
        ],
    )
    def test_rocr(self, rocr: str | None, seen: set[int]) -> None:
        assert visible_amd(env(ROCR_VISIBLE_DEVICES=rocr), AMD) == seen

    @pytest.mark.parametrize(
        ("rocr", "hip", "cuda", "seen"),
        [
            (None, "1", None, {1}),
            (None, None, "1", {1}),
            (None, "0", "1", {0}),
            ("2,0", "0", None, {2}),
            ("2,0", "1", None, {0}),
            ("2,0", "2", None, set()),
            ("2,0", None, "1,0", {0, 2}),
            ("2,0", "GPU-0123", None, {2}),
            ("2,0", "GPU-8d1457e2f", None, set()),
            (None, "", None, set()),
            (None, "-1", None, set()),
            (None, "1gpu", None, set()),
            (None, "0,0,2", None, {0, 2}),
        ],
    )
    def test_hip_chooses_within_rocr(self, rocr: str | None, hip: str | None, cuda: str | None, seen: set[int]) -> None:
        environ = env(ROCR_VISIBLE_DEVICES=rocr, HIP_VISIBLE_DEVICES=hip, CUDA_VISIBLE_DEVICES=cuda)
        assert visible_amd(environ, AMD) == seen


@pytest.mark.parametrize(
    ("mask", "seen"),
    [
        (None, {0, 1, 2}),
        ("", {0, 1, 2}),
        ("default", {0, 1, 2}),
        ("0", {0}),
        ("0,1.0", {0, 1}),
        ("1.1", {1}),
        ("1.2", set()),
        ("2.0", {2}),
        ("9,2", {2}),
        ("-1", set()),
        ("x", set()),
    ],
)
def test_level_zero(mask: str | None, seen: set[int]) -> None:
    assert visible_intel(env(ZE_AFFINITY_MASK=mask), [1, 2, 1]) == seen


READERS: list[Callable[[dict[str, str]], tuple[frozenset[int], int]]] = [
    lambda environ: (visible_devices(environ, NVIDIA, instances=SLICES), len(NVIDIA) + len(SLICES)),
    lambda environ: (visible_amd(environ, AMD), len(AMD)),
    lambda environ: (visible_intel(environ, [1, 2]), 2),
]


@pytest.mark.parametrize("reader", READERS)
@given(cuda=VALUES, hip=VALUES, rocr=VALUES, mask=VALUES)
def test_whatever_is_set_some_of_the_devices_are_left(
    reader: Callable[[dict[str, str]], tuple[frozenset[int], int]],
    cuda: str | None,
    hip: str | None,
    rocr: str | None,
    mask: str | None,
) -> None:
    environ = env(CUDA_VISIBLE_DEVICES=cuda, HIP_VISIBLE_DEVICES=hip, ROCR_VISIBLE_DEVICES=rocr, ZE_AFFINITY_MASK=mask)
    seen, count = reader(environ)
    assert seen <= set(range(count))


@given(rocr=VALUES, hip=VALUES)
def test_hip_never_adds_to_what_rocr_leaves(rocr: str | None, hip: str | None) -> None:
    outer = visible_amd(env(ROCR_VISIBLE_DEVICES=rocr), AMD)
    assert visible_amd(env(ROCR_VISIBLE_DEVICES=rocr, HIP_VISIBLE_DEVICES=hip), AMD) <= outer


@given(VALUES)
def test_without_instances_only_cards_are_left(value: str | None) -> None:
    assert visible_devices(env(CUDA_VISIBLE_DEVICES=value), NVIDIA) == {
        position
        for position in visible_devices(env(CUDA_VISIBLE_DEVICES=value), NVIDIA, instances=SLICES)
        if position < len(NVIDIA)
    }


@given(
    numbers=st.lists(st.integers(-1, 4), min_size=1, max_size=4),
    more=st.lists(st.sampled_from(["NVIDIA L4", "NVIDIA L40S", None]), max_size=2),
)
def test_numbers_are_ambiguous_where_they_choose_some_of_unlike_cards(
    numbers: list[int], more: list[str | None]
) -> None:
    names, value = ["NVIDIA L4", "NVIDIA L40S", *more], ",".join(map(str, numbers))
    chosen = visible_devices(env(CUDA_VISIBLE_DEVICES=value), [f"GPU-{n}" for n in range(len(names))])
    assert index_is_ambiguous(env(CUDA_VISIBLE_DEVICES=value), names) == (0 < len(chosen) < len(names))
