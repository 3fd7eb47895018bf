"""CUDA_VISIBLE_DEVICES, read as PyTorch reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.probe.gpu._visible import visible_devices

UUIDS = ["GPU-aaaa1111", "GPU-aaaa2222", "GPU-bbbb3333", "GPU-cccc4444"]


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, {0, 1, 2, 3}),
        ("", set()),
        (" ", set()),
        ("-1", set()),
        ("NoDevFiles", set()),
        ("0", {0}),
        ("0,1", {0, 1}),
        (" 1 , 0 ", {0, 1}),
        ("3,1", {1, 3}),
        ("+2", {2}),
        ("1gpu2", {1}),
        ("1gpu2,2ampere", {1, 2}),
        ("0,-1,1", {0}),
        ("-1,0", set()),
        ("0,junk,1", {0}),
        ("junk,0", set()),
        ("0,,1", {0}),
        (",0", set()),
        ("0,9,1", {0}),
        ("9", set()),
        ("0,1,0", set()),
        ("2,2", set()),
        ("GPU-bbbb3333", {2}),
        ("GPU-b", {2}),
        ("GPU-c,GPU-b", {2, 3}),
        ("GPU-aaaa", set()),
        ("GPU-bbbb,GPU-aaaa,GPU-cccc", {2}),
        ("GPU-zzzz", set()),
        ("GPU-b,GPU-bbbb3333", set()),
        ("GPU-b,0", {2}),
        ("0,GPU-b", {0}),
    ],
)
def test_the_variable_selects_as_documented(value: str | None, seen: set[int]) -> None:
    environ = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    assert visible_devices(environ, UUIDS) == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, {0, 1, 2, 3}),
        ("0", {0}),
        ("1", {1, 2, 3}),
        ("GPU-b", {1, 2, 3}),
        ("MIG-cccc3333", {3}),
        ("MIG-b", {2}),
        ("MIG-b,MIG-c", {2, 3}),
        ("MIG-zzzz", set()),
        ("MIG-", set()),
        ("-1", set()),
    ],
)
def test_a_mig_instance_goes_with_its_card_or_is_named_itself(value: str | None, seen: set[int]) -> None:
    environ = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    instances = [("MIG-bbbb2222", 1), ("MIG-cccc3333", 1)]
    assert visible_devices(environ, ["GPU-aaaa1111", "GPU-bbbb1111"], instances=instances) == seen


@given(st.text(alphabet="0123456789,-+ GPUabc", max_size=20), st.integers(0, 6))
def test_no_value_selects_a_missing_device(value: str, count: int) -> None:
    assert visible_devices({"CUDA_VISIBLE_DEVICES": value}, UUIDS[:count]) <= set(range(min(count, len(UUIDS))))


@given(st.permutations(range(4)))
def test_the_order_of_a_list_does_not_matter(order: list[int]) -> None:
    assert visible_devices({"CUDA_VISIBLE_DEVICES": ",".join(map(str, order))}, UUIDS) == {0, 1, 2, 3}
