"""The answer of ``llmcheck fit``: memory, placement, verdict, alternatives, speed and assumptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit import capacity as capacities
from llmcheck.fit import ram_limits, speed
from llmcheck.fit.budget import budget
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.limits import alternatives, best_weights, largest_batch, largest_context
from llmcheck.fit.memory.inference import SEQUENCES
from llmcheck.fit.memory.total import NOT_MODELLED, resolved, with_cached_blocks
from llmcheck.fit.obstacles import build_of
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.plans import NO_WISHES, Candidate, Wishes, downloads, least_memory, loss_of, plan_of, plans_on
from llmcheck.fit.reason import sentence
from llmcheck.fit.use import ModelUse
from llmcheck.gpus import vendors
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Fit, GpuShare, LeastMemory, Plan, Released, Speed
from llmcheck.schema.machine import GpuSpec, Machine
from llmcheck.schema.workload import Workload
from llmcheck.tables.quantisation_loss import QuantisationLoss

Losses = Mapping[str, QuantisationLoss]
NO_LOSSES: Losses = {}
_RELEASED: tuple[tuple[Literal["runtime", "weights"], ...], ...] = (("runtime",), ("weights",), ("runtime", "weights"))


def answer(
    architecture: Architecture,
    workload: Workload,
    machine: Machine,
    *,
    assume_idle: bool = False,
    carbon_intensity_g_per_kwh: float | None = None,
    specs: Sequence[GpuSpec] = (),
    wishes: Wishes = NO_WISHES,
    words: tuple[str, ...] = ("MODEL",),
    losses: Losses = NO_LOSSES,
    draft: Architecture | None = None,
) -> Fit:
    """The best plan where one fits; otherwise the plain use, and changes with which it would fit.

    ``assume_idle``: count GPU memory and RAM as if no other process ran. ``carbon_intensity_g_per_kwh``: grams of CO2;
    None: no CO2 is computed. ``specs``: GPUs that may be proposed where it does not fit. ``wishes``: what decides
    between plans. ``words``: the arguments of ``llmcheck fit`` that name the model and the machine.
    ``losses``: what is published of formats. ``draft``: the second model that ``workload.speculative`` names.
    """
    capacity = capacities.distinct(capacities.of(machine, assume_idle=assume_idle))
    wishes = replace(wishes, storage=downloads.storage(machine))
    open_use = ModelUse(architecture, workload, draft)
    found_plans = plans_on(open_use, capacity, wishes)

    def described(each: Candidate) -> Plan:
        return plan_of(each, words, loss=loss_of(each, losses), given=workload)

    if found_plans:
        use, placed = found_plans[0].use, found_plans[0].placed
    else:
        use = with_defaults(open_use, machine)
        placed = place(use, capacity)
    full = ModelUse(architecture, resolved(use, len(placed.devices) or workload.gpus or 1), draft)
    rates, notes = _speed(full, placed, capacity, carbon_intensity_g_per_kwh) if placed.fits else (None, ())
    about_ram = () if placed.verdict == "fits" else ram_limits.notes(machine)
    build = build_of(use.runtime, [device.gpu for device in placed.devices])
    about_build = (f"{use.runtime.id}: {build}",) if build is not None else ()
    found = Fit(
        architecture=architecture,
        workload=full.workload,
        machine=capacity.description,
        memory=with_cached_blocks(use, placed.memory, len(placed.devices)) if placed.devices else placed.memory,
        per_gpu=_per_gpu(use, placed),
        placement=placed.placement,
        verdict=placed.verdict,
        reason=sentence(placed.reasons),
        speed=rates,
        assumptions=tuple(dict.fromkeys((*_assumptions(workload, full, capacity), *notes, *about_build, *about_ram))),
        not_modelled=NOT_MODELLED,
        plans=tuple(map(described, found_plans)),
        released=tuple(_released(open_use, capacity, wishes, found_plans, described)),
    )
    idle = capacity if assume_idle else capacities.distinct(capacities.of(machine, assume_idle=True))
    if found.verdict in ("fits", "fits-with-offload"):
        return _with_limits(found, use, capacity, idle, specs, workload)
    return _with_help(found, open_use, use, capacity, idle, specs) if found.verdict == "does-not-fit" else found


def _released(
    use: ModelUse,
    capacity: Capacity,
    wishes: Wishes,
    shown: Sequence[Candidate],
    described: Callable[[Candidate], Plan],
) -> Iterator[Released]:
    """The best other plan without the runtime, without the weights and without both, as far as they were named.

    ``shown``: plans that are not repeated.
    """
    work = use.workload
    if not use.is_inference:
        return
    known, told = {_key(each) for each in shown}, set()
    for names in _RELEASED:
        bound = "runtime" in names and (work.max_sequences is not None or work.memory_fraction is not None)
        if bound or any(getattr(work, name) is None for name in names):
            continue
        others = plans_on(use.changed(**dict.fromkeys(names)), capacity, wishes)
        other = next((each for each in others if _key(each) not in known), None)
        if other is not None and _key(other) not in told:
            told.add(_key(other))
            yield Released(without=names, plan=described(other))


def _key(each: Candidate) -> tuple[object, ...]:
    work = each.use.workload
    return work.runtime, each.use.weight_format.name, work.kv_cache, work.context


def _per_gpu(use: ModelUse, placed: PlacementResult) -> tuple[GpuShare, ...]:
    return tuple(
        GpuShare(
            index=device.gpu.index,
            name=device.gpu.name,
            free=device.free,
            budget=None if device.free is None else budget(use, device, part),
            memory=part,
        )
        for device, part in zip(placed.devices, placed.parts, strict=True)
    )


def with_defaults(use: ModelUse, machine: Machine) -> ModelUse:
    """With the default runtime for these weights on this machine, and its default context, where none are given."""
    if not use.is_inference:
        return use
    if use.workload.runtime is None:
        use = use.changed(runtime=_default_runtime(use, machine))
    if use.workload.context is None and use.workload.prompt is None and use.runtime.default_context is not None:
        gpu_bytes = sum(gpu.memory_total or 0 for gpu in vendors.for_models(machine))
        tokens = use.runtime.default_context(gpu_bytes)
        return use.changed(context=min(tokens, use.architecture.context or tokens))
    return use


def _default_runtime(use: ModelUse, machine: Machine) -> str:
    architecture, family = use.architecture, use.weight_format.family
    from_file = bool(architecture.tensors) and use.workload.weights is None and architecture.dtype not in (None, "bf16")
    if from_file and architecture.source.endswith(".gguf"):
        family = "gguf"
    usual = runtimes.default_for(family, vendors.for_models(machine))
    cache = use.workload.kv_cache
    return usual if cache is None or cache in runtimes.named(usual).cache_formats else runtimes.LEAST_MEMORY


def _speed(
    use: ModelUse, placed: PlacementResult, capacity: Capacity, carbon_intensity_g_per_kwh: float | None
) -> tuple[Speed, tuple[str, ...]]:
    # in inference an embedding in RAM costs no time: only its rows for the tokens are read
    slows = not use.is_inference or placed.verdict == "fits-with-offload"
    return speed.speed(
        use,
        [device.gpu for device in placed.devices],
        offloaded_bytes=placed.offloaded_bytes if slows else 0,
        expert_bytes_in_ram=placed.expert_bytes_in_ram,
        layers_per_gpu=placed.placement.layers_per_gpu if placed.placement is not None else None,
        carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh,
        cpu=capacity.cpu,
    )


def _with_limits(
    found: Fit, use: ModelUse, capacity: Capacity, idle: Capacity, specs: Sequence[GpuSpec], given: Workload
) -> Fit:
    """Of a use that fits: how far it goes. Where part of it is in RAM, also what would hold it on the GPUs alone."""
    found = replace(
        found,
        largest_context=largest_context(use, capacity, found.verdict),
        largest_batch=largest_batch(use, capacity, found.verdict),
        best_weights=best_weights(use, capacity),
    )
    if found.verdict == "fits":
        return found
    return replace(found, ways=alternatives(use, capacity, idle, specs, on_gpus_alone=True, given=given))


def _with_help(
    found: Fit, open_use: ModelUse, plain: ModelUse, capacity: Capacity, idle: Capacity, specs: Sequence[GpuSpec]
) -> Fit:
    """Of a use that does not fit: what it would take.

    Where the weights were left open, changes and hardware are for the way that needs the least memory.
    """
    found = replace(found, best_weights=best_weights(plain, capacity))
    given = open_use.workload
    least = least_memory(open_use, capacity) if open_use.is_inference and given.weights is None else None
    if least is None or open_use.architecture.tensors:
        return replace(found, ways=alternatives(plain, capacity, idle, specs, given=given))
    own, placed = least
    name = own.weight_format.name
    found = replace(found, least_memory=LeastMemory(runtime=own.runtime.id, weights=name, total=placed.memory.total))
    return replace(found, ways=alternatives(own, capacity, idle, specs, given=given))


def _assumptions(workload: Workload, full: ModelUse, capacity: Capacity) -> list[str]:
    """``workload``: as given by the user; ``full``: with every default filled in."""
    architecture = full.architecture
    notes = list(architecture.notes)
    notes += _about_inference(workload, full, capacity) if full.is_inference else [_about_training(full.workload)]
    if architecture.context is not None and full.context > architecture.context:
        notes.append(f"the model declares a context of at most {architecture.context:,} tokens")
    return [*notes, *capacity.assumptions]


def _about_inference(workload: Workload, full: ModelUse, capacity: Capacity) -> list[str]:
    notes, runtime = [], full.runtime
    if workload.runtime is None:
        notes.append(f"runtime: {runtime.id}; --runtime selects another")
    if workload.context is None:
        notes.append(f"context: {full.context:,} tokens; --context sets another")
    if workload.weights is None:
        name = full.workload.weights
        published = ", as published" if name == full.architecture.dtype else ""
        how = "as in the file" if name is None else f"in {name}{published}"
        notes.append(f"weights {how}; --weights selects another format")
    if full.weight_format.note is not None:
        notes.append(full.weight_format.note)
    if runtime.default_sequences is not None and workload.max_sequences is None:
        own = runtime.default_sequences([each.gpu for group in capacity.groups for each in group])
        if own != SEQUENCES:
            notes.append(
                f"{own:,} sequences at a time, the default of {runtime.id} on these GPUs; --max-sequences sets another"
            )
    if runtime.reservation is not None:
        share = f"{full.workload.memory_fraction or runtime.reservation.fraction:.0%}"
        notes.append(
            f"{runtime.id} reserves {share} of each GPU when it starts and uses what is left of that as KV cache"
            if runtime.reservation.of == "total"
            else f"{runtime.id} reserves {share} of the memory that is free after the weights as KV cache"
        )
    return notes


def _about_training(full: Workload) -> str:
    return (
        f"sequences of {full.context:,} tokens, micro-batch {full.batch}, {full.optimizer},"
        f" {'recomputed' if full.checkpointing is True else 'stored'} activations"
        + (f", {full.sharding} over {full.gpus} GPUs" if (full.gpus or 1) > 1 else "")
    )
