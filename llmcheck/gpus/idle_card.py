"""A card of the GPU table as its driver reports it while nothing runs on it: of a stated machine or of an offer."""

from __future__ import annotations

from collections.abc import Iterable

from llmcheck.gpus import vendors
from llmcheck.gpus.identify import GpuRecord
from llmcheck.schema.machine import Gpu, GpuSpec, Os
from llmcheck.units import GIB


def gpu(record: GpuRecord, index: int, memory: int | None, spec: GpuSpec | None = None) -> Gpu:
    """``memory``: bytes, all of them free but what the driver keeps; None where they are not known. ``spec``: its
    published figures."""
    vendor = vendors.named(record.vendor)
    field, shared = vendor.architecture_field, vendor.shares_ram(record.spec.name)
    reserved = vendor.reserved_by_driver(memory) if memory is not None and shared is None else 0
    return Gpu(
        vendor=record.vendor,
        index=index,
        name=record.spec.name,
        memory_total=memory,
        memory_used=0,
        memory_free=None if memory is None else memory - reserved,
        memory_reserved=reserved or None,
        compute_capability=record.capability if field == "compute_capability" else None,
        gfx=record.capability if field == "gfx" else None,
        integrated=shared is not None and shared.integrated,
        unified=shared is not None,
        spec=spec,
    )


def reported_memory(record: GpuRecord) -> int:
    """Bytes of one device, by the table; 0 where it has no size."""
    return record.memory_reported or round((record.spec.memory_gb or 0) * GIB)


def system(records: Iterable[GpuRecord]) -> Os:
    """Of a machine with these cards: the only one that has them, else Linux."""
    known = tuple(records)
    fixed = next((found for each in known if (found := vendors.named(each.vendor).system)), None)
    if fixed is not None:
        return Os(system=fixed[0], architecture=fixed[1])
    hosts = (each.host_architecture for each in known if each.host_architecture)
    return Os(system="linux", architecture=next(hosts, "x86_64"))


def proposable(records: Iterable[GpuRecord]) -> tuple[GpuRecord, ...]:
    """The cards with their own memory, which can be added to a machine."""
    return tuple(each for each in records if each.memory_reported and vendors.named(each.vendor).advised)
