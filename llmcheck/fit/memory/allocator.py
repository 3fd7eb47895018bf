"""PyTorch's caching allocator, simulated: what a process holds of a GPU ("reserved") for the tensors that it makes.

The rules are those that PyTorch documents ("CUDA semantics: memory management", and the comments at the top of
``CUDACachingAllocator.cpp``, unchanged since 1.10): sizes are rounded up to 512 bytes; requests of up to 1 MiB share
segments of 2 MiB, those below 10 MiB segments of 20 MiB, larger ones get a segment of their own, rounded up to 2 MiB;
the smallest free block that is large enough is used; what is left of a block stays free if it is more than 512 bytes
(small blocks) or more than 1 MiB (large ones); free neighbours become one block; a segment is given back only when
the GPU has no memory left, and only as a whole.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from llmcheck.units import MIB

_ROUND = 512
_SMALL = MIB
"""The largest request that is served from the pool of small blocks, and the least rest of a large block."""
_SMALL_SEGMENT = 2 * MIB
_LARGE_SEGMENT = 20 * MIB
_OWN_SEGMENT = 10 * MIB
"""The smallest request that gets a segment of its own size."""
_ROUND_LARGE = 2 * MIB
_ENDLESS = 1 << 62
"""Bytes of the address range that an expandable segment can grow into."""


class OutOfMemory(Exception):  # noqa: N818 -- PyTorch's own name
    """The GPU has not that much memory, even after every free segment was given back."""


class _Block:
    """A part of a segment, between its neighbours by address."""

    __slots__ = ("address", "after", "before", "free", "mapped", "pool", "size")

    def __init__(self, pool: _Pool, address: int, size: int) -> None:
        self.pool, self.address, self.size = pool, address, size
        self.before: _Block | None = None
        self.after: _Block | None = None
        self.free = self.mapped = True
        """Not ``mapped``: addresses without memory behind them (expandable segments)."""


class _Pool:
    """Blocks of one kind; the free ones by size and address."""

    def __init__(self, *, page: int, least_rest: int) -> None:
        self.page = page
        """Bytes by which an expandable segment grows."""
        self.least_rest = least_rest
        """A block is divided where more than this is left of it."""
        self.expandable: _Block | None = None
        """The first block of the expandable segment."""
        self._order: list[tuple[int, int]] = []
        self._blocks: dict[int, _Block] = {}

    def add(self, block: _Block) -> None:
        insort(self._order, (block.size, block.address))
        self._blocks[block.address] = block

    def remove(self, block: _Block) -> None:
        del self._order[bisect_left(self._order, (block.size, block.address))]
        del self._blocks[block.address]

    def best(self, size: int) -> _Block | None:
        """The smallest block of at least this size, that with the lowest address first."""
        at = bisect_left(self._order, (size, 0))
        return self._blocks[self._order[at][1]] if at < len(self._order) else None

    def blocks(self) -> tuple[_Block, ...]:
        return tuple(self._blocks.values())


class Allocator:
    """One GPU as one stream of one process sees it. All sizes are bytes."""

    def __init__(self, *, expandable: bool = False, capacity: int | None = None) -> None:
        """``expandable``: as with ``PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True``. ``capacity``: of the GPU,
        without the CUDA context and what other processes hold; None: endless."""
        self.allocated = 0
        """Bytes of blocks that tensors use (``torch.cuda.memory_allocated``)."""
        self.reserved = 0
        """Bytes of all segments (``torch.cuda.memory_reserved``)."""
        self.peak_allocated = 0
        self.peak_reserved = 0
        self._capacity = _ENDLESS if capacity is None else capacity
        self._expandable = expandable
        self._small = _Pool(page=_SMALL_SEGMENT, least_rest=_ROUND - 1)
        self._large = _Pool(page=_LARGE_SEGMENT, least_rest=_ROUND - 1 if expandable else _SMALL)
        self._used: dict[int, _Block] = {}
        self._next = 0

    def allocate(self, size: int) -> int:
        """A handle for ``free``. ``size``: bytes, rounded up to 512. Raises OutOfMemory."""
        rounded = max(-(-size // _ROUND), 1) * _ROUND
        pool = self._small if rounded <= _SMALL else self._large
        block = pool.best(rounded) or self._from_driver(pool, rounded)
        pool.remove(block)
        if block.size - rounded > pool.least_rest:
            pool.add(_cut(block, rounded))
        block.free = False
        self._used[block.address] = block
        self.allocated += block.size
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        return block.address

    def free(self, handle: int) -> None:
        """The memory stays reserved. Raises KeyError for a handle that is not in use."""
        block = self._used.pop(handle)
        self.allocated -= block.size
        block.free = True
        _add_joined(block)

    def give_back(self) -> None:
        """``torch.cuda.empty_cache``: segments (of expandable ones: pages) without a tensor go back to the driver."""
        for pool in (self._small, self._large):
            for block in pool.blocks():
                if self._expandable:
                    self._unmap(block)
                elif block.before is None and block.after is None:
                    pool.remove(block)
                    self.reserved -= block.size

    def _from_driver(self, pool: _Pool, size: int) -> _Block:
        """A free block of at least this size. Where the driver has no more, free segments go back to it first."""
        more = self._grown if self._expandable else self._new_segment
        try:
            return more(pool, size)
        except OutOfMemory:
            self.give_back()
            return more(pool, size)

    def _reserve(self, size: int) -> None:
        if self.reserved + size > self._capacity:
            raise OutOfMemory(f"{size} bytes on top of {self.reserved}, of {self._capacity}")
        self.reserved += size
        self.peak_reserved = max(self.peak_reserved, self.reserved)

    def _new_segment(self, pool: _Pool, size: int) -> _Block:
        """A new segment as one free block."""
        own = size if size >= _OWN_SEGMENT else pool.page
        whole = -(-own // _ROUND_LARGE) * _ROUND_LARGE
        self._reserve(whole)
        block = _Block(pool, self._next, whole)
        self._next += whole
        pool.add(block)
        return block

    # --- expandable segments ---

    def _grown(self, pool: _Pool, size: int) -> _Block:
        """The first free range of addresses that is large enough, with memory behind as much of it as is needed."""
        block = pool.expandable
        if block is None:
            block = pool.expandable = _Block(pool, self._next, _ENDLESS)
            block.mapped = False
            self._next += _ENDLESS
        while True:
            start, here = block, 0
            while block.free and here < size and block.after is not None:
                here += block.size
                block = block.after
            if block.free and here < size:
                here += block.size
            if here >= size:
                return self._mapped(start, size)
            while not block.free and block.after is not None:
                block = block.after

    def _mapped(self, block: _Block, size: int) -> _Block:
        """A free block with memory that begins with ``block`` and is at least as large as ``size``."""
        if not block.mapped:
            block = self._map(block, size)
        while block.size < size and block.after is not None:
            block = self._map(block.after, size - block.size)
        return block

    def _map(self, block: _Block, size: int) -> _Block:
        """Whole pages at the start of an unmapped block; the free block that they become a part of."""
        whole = min(-(-size // block.pool.page) * block.pool.page, block.size)
        self._reserve(whole)
        if whole < block.size:
            _cut(block, whole).mapped = False
        block.mapped = True
        return _add_joined(block)

    def _unmap(self, block: _Block) -> None:
        """The whole pages of a free block."""
        pool, origin = block.pool, block.pool.expandable
        first = origin.address if origin is not None else 0
        start = first + -(-(block.address - first) // pool.page) * pool.page
        end = first + (block.address + block.size - first) // pool.page * pool.page
        if end <= start:
            return
        pool.remove(block)
        if end < block.address + block.size:
            pool.add(_cut(block, end - block.address))
        if start > block.address:
            whole = _cut(block, start - block.address)
            pool.add(block)
            block = whole
        self.reserved -= block.size
        block.mapped = False
        for neighbour in (block.before, block.after):
            if neighbour is not None and neighbour.free and not neighbour.mapped:
                block = _joined(neighbour, block) if neighbour is block.before else _joined(block, neighbour)


def _cut(block: _Block, size: int) -> _Block:
    """Leaves ``size`` bytes of a block; the rest, which follows it."""
    rest = _Block(block.pool, block.address + size, block.size - size)
    block.size = size
    rest.before, rest.after, block.after = block, block.after, rest
    if rest.after is not None:
        rest.after.before = rest
    return rest


def _joined(block: _Block, after: _Block) -> _Block:
    block.size += after.size
    block.after = after.after
    if block.after is not None:
        block.after.before = block
    return block


def _add_joined(block: _Block) -> _Block:
    """Adds a free block to its pool, as one with its free neighbours."""
    for neighbour in (block.before, block.after):
        if neighbour is not None and neighbour.free and neighbour.mapped:
            block.pool.remove(neighbour)
            block = _joined(neighbour, block) if neighbour is block.before else _joined(block, neighbour)
    block.pool.add(block)
    return block
