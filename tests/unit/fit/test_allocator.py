"""PyTorch's caching allocator, simulated: what it reserves for tensors that come and go."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.fit.memory.allocator import Allocator, OutOfMemory
from llmcheck.units import GIB, MIB


def used(sizes: list[int], *, expandable: bool = False, capacity: int | None = None) -> tuple[Allocator, list[int]]:
    allocator = Allocator(expandable=expandable, capacity=capacity)
    return allocator, [allocator.allocate(size) for size in sizes]


# size of one tensor, what is allocated for it, what is reserved for it
@pytest.mark.parametrize(
    ("size", "allocated", "reserved"),
    [
        (1, 512, 2 * MIB),
        (513, 1024, 2 * MIB),
        (MIB, MIB, 2 * MIB),
        (MIB + 1, MIB + 512, 20 * MIB),
        (10 * MIB - 512, 10 * MIB - 512, 20 * MIB),
        (10 * MIB, 10 * MIB, 10 * MIB),
        (10 * MIB + 512, 10 * MIB + 512, 12 * MIB),
        # the rest of the segment is less than 1 MiB, and stays in the block
        (11 * MIB + 512, 12 * MIB, 12 * MIB),
    ],
)
def test_one_tensor(size: int, allocated: int, reserved: int) -> None:
    allocator, _ = used([size])
    assert (allocator.allocated, allocator.reserved) == (allocated, reserved)


def test_small_tensors_share_a_segment_and_large_ones_have_another() -> None:
    allocator, _ = used([MIB, MIB, 3 * MIB, 3 * MIB])
    assert allocator.reserved == 22 * MIB


def test_the_smallest_free_block_that_is_large_enough_is_used() -> None:
    allocator, (large, _kept, small, _end) = used([100 * MIB, 512, 50 * MIB, 512])
    allocator.free(large)
    allocator.free(small)
    allocator.allocate(50 * MIB)  # takes the second, so that the first is whole
    before = allocator.reserved
    allocator.allocate(100 * MIB)
    assert allocator.reserved == before


def test_a_freed_segment_is_reused_in_parts() -> None:
    allocator, (one,) = used([64 * MIB])
    allocator.free(one)
    for _ in range(4):
        allocator.allocate(16 * MIB)
    assert allocator.reserved == 64 * MIB


def test_free_neighbours_become_one_block() -> None:
    allocator, (whole,) = used([64 * MIB])
    allocator.free(whole)
    parts = [allocator.allocate(16 * MIB) for _ in range(4)]
    for part in parts[1:3]:
        allocator.free(part)
    allocator.allocate(32 * MIB)
    assert allocator.reserved == 64 * MIB


def test_growing_tensors_leave_segments_behind_that_are_too_small() -> None:
    """A cache that is copied into a larger one at each step: what an old transformers does."""
    allocator = Allocator()
    old = allocator.allocate(100 * MIB)
    for step in range(1, 20):
        new = allocator.allocate((100 + 2 * step) * MIB)
        allocator.free(old)
        old = new
    assert allocator.peak_allocated == (138 + 136) * MIB
    assert allocator.reserved > 1000 * MIB


def test_growing_tensors_leave_little_behind_in_expandable_segments() -> None:
    allocator = Allocator(expandable=True)
    old = allocator.allocate(100 * MIB)
    for step in range(1, 20):
        new = allocator.allocate((100 + 2 * step) * MIB)
        allocator.free(old)
        old = new
    assert allocator.reserved < 1.6 * allocator.peak_allocated


def test_free_segments_are_given_back_before_memory_runs_out() -> None:
    allocator, (first, second) = used([600 * MIB, 100 * MIB], capacity=GIB)
    allocator.free(first)
    allocator.allocate(900 * MIB)
    assert (allocator.reserved, allocator.peak_reserved) == (1000 * MIB, 1000 * MIB)
    allocator.free(second)


def test_a_segment_with_one_tensor_cannot_be_given_back() -> None:
    allocator, (whole,) = used([600 * MIB], capacity=GIB)
    allocator.free(whole)
    allocator.allocate(100 * MIB)
    with pytest.raises(OutOfMemory):
        allocator.allocate(900 * MIB)


def test_pages_of_an_expandable_segment_with_a_tensor_can_be_given_back() -> None:
    allocator, (whole,) = used([600 * MIB], expandable=True, capacity=GIB)
    allocator.free(whole)
    allocator.allocate(100 * MIB)
    allocator.allocate(900 * MIB)
    assert allocator.reserved <= GIB


def test_a_handle_can_be_freed_once() -> None:
    allocator, (one,) = used([MIB])
    allocator.free(one)
    with pytest.raises(KeyError):
        allocator.free(one)


# --- properties ---

SIZES = st.one_of(st.integers(1, 4096), st.integers(1, 3 * MIB), st.integers(1, 200 * MIB))
STEPS = st.lists(st.tuples(SIZES, st.integers(0, 40)), max_size=60)
"""Size of a tensor, and the position of one to free after it; none where the position is too high."""


def run(allocator: Allocator, steps: list[tuple[int, int]]) -> dict[int, int]:
    """Sizes of the tensors that are left, by handle. Every invariant that must hold after each step is asserted."""
    alive: dict[int, int] = {}
    for size, position in steps:
        handle = allocator.allocate(size)
        assert handle not in alive
        alive[handle] = size
        if position < len(alive):
            gone = sorted(alive)[position]
            allocator.free(gone)
            del alive[gone]
        assert sum(alive.values()) <= allocator.allocated <= allocator.reserved
        assert allocator.reserved <= allocator.peak_reserved
        assert allocator.allocated <= allocator.peak_allocated <= allocator.peak_reserved
        starts = sorted(alive.items())
        assert all(at + size <= later for (at, size), (later, _) in pairwise(starts))
    return alive


@given(STEPS, st.booleans())
def test_tensors_never_overlap_and_reserved_is_never_below_allocated(
    steps: list[tuple[int, int]], expandable: bool
) -> None:
    run(Allocator(expandable=expandable), steps)


@given(STEPS, st.booleans())
def test_what_is_freed_stays_reserved_until_it_is_given_back(steps: list[tuple[int, int]], expandable: bool) -> None:
    allocator = Allocator(expandable=expandable)
    alive = run(allocator, steps)
    before = allocator.reserved
    for handle in alive:
        allocator.free(handle)
    assert (allocator.allocated, allocator.reserved) == (0, before)
    allocator.give_back()
    assert allocator.reserved == 0


@given(STEPS)
def test_the_same_steps_a_second_time_reserve_nothing_more(steps: list[tuple[int, int]]) -> None:
    """Training with batches of one size: what the first step reserved is enough for the second."""
    allocator = Allocator(expandable=True)
    for handle in run(allocator, steps):
        allocator.free(handle)
    before = allocator.reserved
    for handle in run(allocator, steps):
        allocator.free(handle)
    assert allocator.reserved == before


@given(STEPS, st.booleans())
def test_it_never_reserves_more_than_the_gpu_has(steps: list[tuple[int, int]], expandable: bool) -> None:
    allocator = Allocator(expandable=expandable, capacity=300 * MIB)
    alive: list[int] = []
    for size, position in steps:
        try:
            alive.append(allocator.allocate(size))
        except OutOfMemory:
            assert alive, "on an empty GPU each of these sizes fits"
        if position < len(alive):
            allocator.free(alive.pop(position))
        assert allocator.reserved <= 300 * MIB


@given(st.lists(SIZES, max_size=40))
def test_expandable_segments_reserve_at_most_a_page_of_each_kind_more(sizes: list[int]) -> None:
    allocator, _ = used(sizes, expandable=True)
    assert allocator.reserved - allocator.allocated < 22 * MIB
