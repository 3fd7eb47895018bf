"""The whole answer to one question: memory, place, verdict, what else fits, speed, and all that was assumed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.fit import capacity as capacities
from llmcheck.fit import speed
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.memory.total import NOT_MODELLED, resolved
from llmcheck.fit.placement import FRACTIONS, Placed, budget, place
from llmcheck.fit.plans import best_weights, good_enough, largest_batch, largest_context, ways
from llmcheck.fit.shapes import weights
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Fit, GpuShare, Speed
from llmcheck.schema.machine import GpuSpec, Machine, counted_gpus
from llmcheck.schema.workload import Runtime, Workload
from llmcheck.units import GIB


def answer(
    architecture: Architecture,
    workload: Workload,
    machine: Machine,
    *,
    assume_idle: bool = False,
    carbon_intensity_g_per_kwh: float | None = None,
    specs: Sequence[GpuSpec] = (),
    alternatives: bool = True,
) -> Fit:
    """``grid``: grams of CO2 for a kWh. ``specs``: cards that may be advised. ``alternatives``: look for what else
    would fit as well."""
    asked = with_runtime(architecture, workload, machine)
    capacity = capacities.of(machine, assume_idle=assume_idle)
    placed = place(architecture, asked, capacity)
    full = resolved(architecture, asked, len(placed.devices) or workload.gpus or 1)
    fits = good_enough(placed)
    pace, said = (None, ()) if not fits else _speed(architecture, full, placed, carbon_intensity_g_per_kwh)
    found = Fit(
        architecture=architecture,
        workload=full,
        machine=capacity.words,
        memory=placed.memory,
        per_gpu=tuple(
            GpuShare(
                index=device.gpu.index,
                name=device.gpu.name,
                free=device.free,
                budget=None if device.free is None else budget(asked, device),
                memory=part,
            )
            for device, part in zip(placed.devices, placed.parts, strict=True)
        ),
        placement=placed.placement,
        verdict=placed.verdict,
        reason=placed.reason,
        speed=pace,
        assumptions=tuple(dict.fromkeys((*_assumptions(architecture, workload, full, capacity), *said))),
        not_modelled=NOT_MODELLED,
    )
    return _with_alternatives(found, asked, machine, capacity, specs, assume_idle) if alternatives else found


def with_runtime(architecture: Architecture, workload: Workload, machine: Machine) -> Workload:
    """The runtime that people use for such a file on such a machine, where none is named."""
    if workload.runtime is not None or workload.method != "inference":
        return workload
    form = weights.chosen(architecture, workload)
    from_gguf = bool(architecture.tensors) and workload.weights is None and architecture.dtype not in (None, "bf16")
    runtime: Runtime = "transformers"
    if form.family == "gguf" or (from_gguf and architecture.source.endswith(".gguf")):
        runtime = "llama.cpp"
    elif form.family in ("plain", "mlx", "mxfp4") and any(gpu.vendor == "apple" for gpu in counted_gpus(machine)):
        runtime = "mlx"
    return replace(workload, runtime=runtime)


def _speed(
    architecture: Architecture, workload: Workload, placed: Placed, carbon_intensity_g_per_kwh: float | None
) -> tuple[Speed, tuple[str, ...]]:
    return speed.speed(
        architecture,
        workload,
        [device.gpu for device in placed.devices],
        in_ram=placed.in_ram if workload.method != "inference" or placed.verdict == "fits-with-offload" else 0,
        carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh,
    )


def _with_alternatives(
    found: Fit, asked: Workload, machine: Machine, capacity: Capacity, specs: Sequence[GpuSpec], assume_idle: bool
) -> Fit:
    architecture = found.architecture
    if found.verdict in ("fits", "fits-with-offload"):
        found = replace(
            found,
            largest_context=largest_context(architecture, asked, capacity, found.verdict),
            largest_batch=largest_batch(architecture, asked, capacity, found.verdict),
        )
    if found.verdict == "unknown":
        return found
    found = replace(found, best_weights=best_weights(architecture, asked, capacity))
    if found.verdict == "fits":
        return found
    idle = capacity if assume_idle else capacities.of(machine, assume_idle=True)
    return replace(
        found, ways=ways(architecture, asked, capacity, idle, specs, whole=found.verdict == "fits-with-offload")
    )


def _is_large(capacity: Capacity) -> bool:
    devices = [each for group in capacity.groups for each in group]
    return bool(devices) and all((d.total or 0) >= 70 * GIB and "A100" not in (d.gpu.name or "") for d in devices)


def _assumptions(architecture: Architecture, asked: Workload, full: Workload, capacity: Capacity) -> list[str]:
    notes = list(architecture.notes)
    if asked.method == "inference":
        if asked.runtime is None:
            notes.append(f"run by {full.runtime}; --runtime names another")
        if asked.context is None:
            notes.append(f"a context of {full.context:,} tokens; --context names another")
        if asked.weights is None:
            said = "as in the file" if full.weights is None else f"in {full.weights}, as published"
            if architecture.dtype is None and full.weights is not None:
                said = f"in {full.weights}"
            notes.append(f"weights {said}; --weights names another format")
        if full.runtime == "vllm" and full.max_sequences is None and _is_large(capacity):
            # engine/arg_utils.py; its logs on H100 show the memory of as many
            notes.append("256 sequences at a time; on such cards vllm takes 1,024 by itself: --max-sequences 1024")
        if full.runtime in FRACTIONS:
            share = full.memory_fraction or FRACTIONS[full.runtime]
            notes.append(
                f"{full.runtime} takes {share:.0%} of each card when it starts and keeps what is left as cache"
            )
    else:
        notes.append(
            f"sequences of {full.context:,} tokens, micro-batch {full.batch}, {full.optimizer},"
            f" {'recomputed' if full.checkpointing is True else 'kept'} activations"
            + (f", {full.sharding} over {full.gpus} GPUs" if (full.gpus or 1) > 1 else "")
        )
    if architecture.context is not None and (full.context or 0) > architecture.context:
        notes.append(f"the model declares a context of {architecture.context:,} tokens at most")
    notes += capacity.assumptions
    return notes
