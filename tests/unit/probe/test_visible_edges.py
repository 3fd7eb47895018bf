"""The variables that hide GPUs, where programs read them otherwise than a person would guess.

Sources: PyTorch's _parse_visible_devices in torch/cuda/__init__.py; ROCr's reading of ROCR_VISIBLE_DEVICES (strtol with
base 0, UUIDs of 5 to 20 characters); Level Zero's ZE_AFFINITY_MASK.
"""

from __future__ import annotations

import pytest

from llmcheck.probe.gpu._visible import index_is_ambiguous, visible_amd, visible_devices, visible_intel

CARDS = [f"GPU-{number:016x}" for number in range(20)]
"""UUIDs in the form of ROCr: 20 characters."""


def rocr(value: str, uuids: list[str] = CARDS) -> set[int]:
    return set(visible_amd({"ROCR_VISIBLE_DEVICES": value}, uuids))


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("010", {8}),
        ("0010", {8}),
        ("017", {15}),
        ("10", {10}),
        ("19", {19}),
        ("0x10", {16}),
        ("0X0a", {10}),
        ("0", {0}),
        ("00", {0}),
        ("+3", {3}),
        ("+010", {8}),
        ("08", set()),
        ("09", set()),
        ("1,09,2", {1}),
        ("0x", set()),
        ("20", set()),
    ],
)
def test_rocr_reads_numbers_as_c_does(value: str, seen: set[int]) -> None:
    assert rocr(value) == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("GPU-", set()),  # four characters
        ("GPU-a", {0}),  # five
        ("GPU-a123456789abcdef", {0}),  # twenty
        ("GPU-a123456789abcdef0", set()),  # one more
        ("GPU-b", {1}),
    ],
)
def test_a_uuid_for_rocr_has_5_to_20_characters(value: str, seen: set[int]) -> None:
    assert rocr(value, ["GPU-a123456789abcdef0", "GPU-b123456789abcdef0"]) == seen


def test_four_characters_are_not_a_uuid() -> None:
    assert rocr("GPU-", ["GPU-a123456789abcdef"]) == set()


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("0,x,1", {0}),
        ("x,1", set()),
        ("0,20,1", {0}),
        ("0,GPU-zz,1", {0}),
        ("0,0,1", {0}),
        ("0,,1", {0}),
    ],
)
def test_a_list_for_rocr_ends_at_an_invalid_entry(value: str, seen: set[int]) -> None:
    assert rocr(value) == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [("1,x,2", {1}), ("x,2", set()), ("1,20,2", {1}), ("01", set()), ("+1", set()), ("1,1,2", {1, 2})],
)
def test_a_list_for_hip_ends_at_an_invalid_entry(value: str, seen: set[int]) -> None:
    assert set(visible_amd({"HIP_VISIBLE_DEVICES": value}, CARDS)) == seen


@pytest.mark.parametrize(
    ("value", "seen"), [("0,x,1", {0}), ("0,-1,1", {0}), ("0,20,1", {0}), ("-2", set()), ("19,0", {0, 19})]
)
def test_a_list_for_cuda_ends_at_an_invalid_entry(value: str, seen: set[int]) -> None:
    assert set(visible_devices({"CUDA_VISIBLE_DEVICES": value}, CARDS)) == seen


@pytest.mark.parametrize(
    ("value", "ambiguous"),
    [
        ("GPU-1,0", False),
        ("MIG-1,0", False),
        ("0,GPU-1", True),
        ("0,MIG-1", True),
        ("0,1", True),
        ("0,1,2", False),
        ("2,1,0", False),
        ("0,1,x", True),
        ("x,0", False),
        ("0,0", False),
    ],
)
def test_the_first_entry_says_whether_cards_are_picked_by_number(value: str, ambiguous: bool) -> None:
    assert index_is_ambiguous({"CUDA_VISIBLE_DEVICES": value}, ["A", "B", "B"]) is ambiguous


@pytest.mark.parametrize(
    ("mask", "seen"),
    [
        ("0.0", {0}),
        ("0.1", set()),
        ("1.0", {1}),
        ("1.1", {1}),
        ("1.2", set()),
        ("2.0", {2}),
        ("2.1", set()),
        ("2", {2}),
        ("3", set()),
        ("-1", set()),
        ("-1.0,0", {0}),
        ("0.x,1", {1}),
        ("0.,1", {0, 1}),
    ],
)
def test_a_missing_tile_selects_no_device(mask: str, seen: set[int]) -> None:
    """A device with an unknown number of tiles (0) counts as one tile."""
    assert set(visible_intel({"ZE_AFFINITY_MASK": mask}, [1, 2, 0])) == seen
