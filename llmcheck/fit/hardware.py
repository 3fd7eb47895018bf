"""Other hardware on which a workload fits: more GPUs of the machine's kind, or larger ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from llmcheck.fit.capacity import GPU_COUNTS, NODE_GPUS, Capacity, Device, idle_cards
from llmcheck.fit.changes import UNSHARDED, Change
from llmcheck.fit.memory.training_choices import frozen_base, sharding_of
from llmcheck.fit.plans import plans_on
from llmcheck.fit.plans.policy import loses_little
from llmcheck.fit.use import ModelUse
from llmcheck.gpus import idle_card
from llmcheck.gpus.identify import GpuRecord
from llmcheck.gpus.names import short_name
from llmcheck.schema.computed import Cards
from llmcheck.schema.machine import Gpu, GpuSpec
from llmcheck.units import GIB

_CLUSTER_GPUS = 512
"""Of one kind, for pre-training; for anything else the GPUs of one machine are the most."""
_LARGER_COUNTS = (1, 2, 4, NODE_GPUS)
"""How many larger cards are tried: as machines are sold."""


def hardware_changes(
    use: ModelUse, capacity: Capacity, specs: Sequence[GpuSpec]
) -> tuple[Iterator[Change], Iterator[Change]]:
    """More GPUs of the machine's kind, fewest first; and larger GPUs of another kind, fewest and smallest first.

    ``specs``: the GPUs that may be proposed.
    """
    return _more_cards(use, capacity), _larger_cards(use, capacity, specs)


def _own_cards(capacity: Capacity) -> list[Device]:
    """The GPUs of which a machine could have more: no part of a card, and with memory of their own."""
    devices = capacity.groups[0] if capacity.groups else ()
    return [each for each in devices if each.gpu.parent is None and not each.gpu.unified]


def _sharded(use: ModelUse) -> tuple[ModelUse, str]:
    """The use on any number of GPUs, adapters with their model cut over them, and how, in words."""
    wanted = use.changed(gpus=None)
    if frozen_base(use.workload) and sharding_of(use.workload) in UNSHARDED:
        return wanted.changed(sharding="fsdp"), ", the model sharded over them (FSDP)"
    return wanted, ""


def _more_cards(use: ModelUse, capacity: Capacity) -> Iterator[Change]:
    """Idle GPUs; a model that is trained is sharded over them."""
    cards = _own_cards(capacity)
    if not cards:
        return
    name = short_name(cards[0].gpu.name)
    wanted, how = _sharded(use)
    for count in GPU_COUNTS:
        if len(cards) < count <= (_CLUSTER_GPUS if use.workload.method == "pretrain" else NODE_GPUS):
            words = f"{count} x {name}" if count > 2 else f"a second {name}"
            larger = replace(capacity, groups=(idle_cards(cards[0], count),))
            yield Change(
                kind="more-gpus", words=words + how, cost="hardware", use=wanted, capacity=larger, gpus=count, gpu=name
            )


def _larger_cards(use: ModelUse, capacity: Capacity, specs: Sequence[GpuSpec]) -> Iterator[Change]:
    devices = capacity.groups[0] if capacity.groups else ()
    if any(each.gpu.unified for each in devices):
        return
    least = max((each.total or 0 for each in devices), default=0)
    # the driver reports less than the advertised size: 24 GB cards 22.3 to 24 GiB
    sizes = [(round((spec.memory_gb or 0) * 0.93 * GIB), spec) for spec in _one_of_each_size(specs)]
    for count in _LARGER_COUNTS:
        wanted, how = (use.changed(gpus=None), "") if count == 1 else _sharded(use)
        for size, spec in sizes:
            if size <= least or count * size < use.stored.layers:
                continue
            card = Device(gpu=Gpu(vendor="", name=spec.name, memory_total=size, spec=spec), total=size, free=size)
            name = short_name(spec.name)
            one = f"a larger GPU, for example {name}"
            words = one if count == 1 else f"{count} larger GPUs, for example {count} x {name}"
            yield Change(
                kind="larger-gpu", words=words + how, cost="hardware", use=wanted, gpus=count, gpu=name,
                capacity=replace(capacity, groups=((card,) * count,)),
            )  # fmt: skip


def _one_of_each_size(specs: Sequence[GpuSpec]) -> list[GpuSpec]:
    """Smallest first; of one size the fastest."""
    found: dict[float, GpuSpec] = {}
    for spec in sorted(specs, key=lambda spec: (spec.memory_gb or 0, -(spec.bandwidth_gb_s or 0))):
        found.setdefault(spec.memory_gb or 0, spec)
    return list(found.values())


def that_hold(use: ModelUse, capacity: Capacity, records: Sequence[GpuRecord]) -> tuple[Cards, ...]:
    """The fewest cards of the machine's own kind, and the fewest and smallest of another, that hold it by themselves.

    In the best plan that the planner finds, without RAM and in a format that loses little. No more than one machine
    has; () where nothing of that holds it. ``records``: the cards that may be proposed.
    """
    found = []
    own = _own_cards(capacity)
    for count in range(2, NODE_GPUS + 1):
        if own and count > len(own) and _held(use, replace(capacity, groups=(idle_cards(own[0], count),))):
            found.append(Cards(gpus=count, gpu=own[0].gpu.name or "", memory_gb=None))
            break
    unified = any(each.gpu.unified for group in capacity.groups for each in group)
    least = max((each.total or 0 for group in capacity.groups for each in group), default=0)
    specs = {each.spec.name: each for each in records}
    for count in () if unified else _LARGER_COUNTS:
        for spec in _one_of_each_size([each.spec for each in records]):
            record = specs[spec.name]
            size = idle_card.reported_memory(record)
            gpu = idle_card.gpu(record, 0, size, spec)
            card = Device(gpu=gpu, total=gpu.memory_free, free=gpu.memory_free)
            if size > least and _held(use, replace(capacity, groups=((card,) * count,))):
                return (*found, Cards(gpus=count, gpu=spec.name, memory_gb=spec.memory_gb))
    return tuple(found)


def _held(use: ModelUse, capacity: Capacity) -> bool:
    total = sum(device.free or 0 for device in capacity.groups[0])
    if total < use.architecture.parameters.total / 2:  # bytes of 4 bits for each weight
        return False
    best = next(iter(plans_on(use, replace(capacity, ram=None, ram_stated=False))), None)
    return (
        best is not None
        and best.placed.verdict == "fits"
        and (not use.is_inference or loses_little(best.use.weight_format.name, best.published))
    )
