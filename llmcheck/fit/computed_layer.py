"""The computed layer of a profile: which ways of doing what a tier is for this machine can run, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit import capacity as capacities
from llmcheck.fit import plans, speed
from llmcheck.fit.capacity import GPU_COUNTS, NODE_GPUS, Capacity, idle_cards
from llmcheck.fit.memory.total import resolved
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.shapes import formats, typical
from llmcheck.fit.use import ModelUse
from llmcheck.gpus.names import short_name
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import ComputedMethod, MethodKind
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, Status
from llmcheck.schema.workload import Workload
from llmcheck.units import format_gib

ID = "computed"
SOURCE = "computed from {shapes}; 'llmcheck fit {model} -v' shows every term with its source"
_FITTING = ("fits", "fits-with-offload")
_FINE_TUNING: tuple[tuple[MethodKind, str, dict[str, Any]], ...] = (
    ("full", "full with AdamW", {"method": "full"}),
    (
        "full-8bit-optimizer",
        "full with 8-bit AdamW",
        {"method": "full", "optimizer": "adamw-8bit", "precision": "bf16"},
    ),
    ("lora", "LoRA", {"method": "lora"}),
    ("qlora", "QLoRA", {"method": "qlora"}),
)


def methods(
    profile: Profile, machine: Machine, models: Mapping[str, Architecture] | None = None
) -> tuple[ComputedMethod, ...]:
    """For each model of the tier every way that matters, the best one first; () for a profile without a workload.

    ``models``: shapes of the known model that the workload names, by its id. Raises KeyError without it.
    """
    workload = profile.workload
    if workload is None or machine.gpus is None:
        return ()
    capacity = capacities.of(machine)
    build = {"inference": _inference, "pretrain": _pretraining}.get(workload.method, _fine_tuning)
    found: list[ComputedMethod] = []
    for name in model_names(workload):
        architecture = (models or {})[name] if workload.model else typical.architecture(name)
        found += build(name, ModelUse(architecture, replace(workload, parameters=(), model=None)), capacity)
    return tuple(found)


def model_names(workload: Workload) -> tuple[str, ...]:
    """The known model that it names, or else its sizes."""
    return (workload.model,) if workload.model else workload.parameters


def finding(profile: Profile, found: Sequence[ComputedMethod]) -> Finding | None:
    """It fails where no way at all fits, and warns where the plain one does not."""
    workload = profile.workload
    if workload is None or not found:
        return None
    groups = [[each for each in found if each.parameters == name] for name in model_names(workload)]
    groups = [group for group in groups if group]
    statuses = [_status(group) for group in groups]
    status: Status = "fail" if all(each == "fail" for each in statuses) else "pass"
    if status != "fail" and any(each != "pass" for each in statuses):
        status = "unknown" if all(each in ("unknown", "fail") for each in statuses) else "warn"
    shapes = "the shapes of the model" if workload.model else "typical shapes of the size"
    return Finding(
        id=ID,
        kind="fit",
        group="hardware",
        level="required" if workload.method != "pretrain" else "recommended",
        status=status,
        needed=_needed(workload),
        found="; ".join(_short(group) for group in groups),
        message="; ".join(_in_words(group, workload) for group in groups),
        remedy=_remedy(found) if status in ("fail", "warn") else None,
        source=SOURCE.format(shapes=shapes, model=model_names(workload)[0]),
    )


def _needed(workload: Workload) -> str:
    names = " and ".join(model_names(workload))
    if workload.method == "inference":
        return f"{names} with a context of {workload.context or 4096:,} tokens"
    if workload.method == "pretrain":
        return f"{names} on {workload.gpus or 1:,} GPUs, {(workload.tokens or 0) / 1e12:g}T tokens"
    return f"{names} trained on sequences of {workload.context or 2048:,} tokens"


# --- the ways ---


def _inference(model: str, use: ModelUse, capacity: Capacity) -> Iterator[ComputedMethod]:
    base = use.changed(runtime=use.workload.runtime or runtimes.FRUGAL, context=use.workload.context or 4096)
    names = _formats(base)
    four_bits = base.runtime.four_bits
    for position, name in enumerate(names):
        own = base.changed(weights=name)
        placed = place(own, capacity)
        shown = position == 0 or (name in (four_bits, names[-1]) and placed.verdict != "does-not-fit")
        if shown or placed.verdict == "fits":
            kind: MethodKind = "four-bit-weights" if name == four_bits else "weights"
            yield _method(model, kind, name, own, placed, capacity if position == 0 else None)
        if placed.verdict == "fits":
            return


def _formats(use: ModelUse) -> list[str]:
    """The format that the profile names, or the published one, and those that take less."""
    runtime = use.runtime
    ladder = runtime.common_ladder or runtime.ladder
    if use.workload.weights is None:
        return list(plans.weight_formats(use, ladder))
    named = use.form
    if named.family in runtime.families:
        return [named.name, *(each for each in ladder if formats.weights(each).bits < named.bits)]
    nearest = min(ladder, key=lambda each: abs(formats.weights(each).bits - named.bits))
    return list(ladder[ladder.index(nearest) :])


def _fine_tuning(model: str, use: ModelUse, capacity: Capacity) -> Iterator[ComputedMethod]:
    for kind, name, fields in _FINE_TUNING:
        own = use.changed(context=use.workload.context or 2048, **fields)
        yield _method(model, kind, name, own, place(own, capacity), capacity if kind == "full" else None)


def _pretraining(model: str, use: ModelUse, capacity: Capacity) -> Iterator[ComputedMethod]:
    """On the whole cluster that the tier names, made of this machine's best GPUs."""
    devices = capacity.groups[0] if capacity.groups else ()
    if not devices:
        return
    gpus = use.workload.gpus or len(devices)
    cluster = replace(capacity, groups=((devices[0],) * gpus,))
    own = use.changed(context=use.workload.context or 4096)
    name = f"{gpus:,} x {short_name(devices[0].gpu.name)}"
    yield _method(model, "pretrain", name, own, place(own, cluster))


def _method(
    model: str, kind: MethodKind, name: str, use: ModelUse, placed: PlacementResult, capacity: Capacity | None = None
) -> ComputedMethod:
    """``capacity``: where it does not fit, look how many such cards would hold it."""
    offloaded = placed.offloaded_bytes if placed.verdict == "fits-with-offload" else 0
    rate = days = None
    if placed.fits:
        full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)))
        pace, _ = speed.speed(full, [device.gpu for device in placed.devices], offloaded_bytes=offloaded)
        rate, days = pace.decode or pace.train, pace.days
    cards = None
    if capacity is not None and placed.verdict != "fits":
        cards = _enough_cards(use, capacity, placed.memory.total)
    return ComputedMethod(
        parameters=model,
        method=name,
        kind=kind,
        verdict=placed.verdict,
        total=placed.memory.total,
        weights=placed.memory.weights,
        ram=offloaded,
        gpus=len(placed.devices),
        gpu=placed.devices[0].gpu.name if placed.devices else None,
        cards=cards,
        tokens_per_second=rate,
        days=days,
    )


# --- in words ---


def _status(group: Sequence[ComputedMethod]) -> Status:
    """Of the ways for one size: the first is the plain one."""
    if group[0].verdict == "fits":
        return "pass"
    if any(each.verdict in _FITTING for each in group):
        return "warn"
    return "unknown" if any(each.verdict == "unknown" for each in group) else "fail"


def best(group: Sequence[ComputedMethod]) -> ComputedMethod:
    """The first that lies on the GPUs; else, with the help of RAM, that in 4 bits or the last; else the first."""
    whole = next((each for each in group if each.verdict == "fits"), None)
    helped = [each for each in group if each.verdict == "fits-with-offload"]
    four_bits = next((each for each in helped if each.kind == "four-bit-weights"), None)
    return whole or four_bits or (helped[-1] if helped else group[0])


def _short(group: Sequence[ComputedMethod]) -> str:
    size = group[0].parameters
    fitting = [each for each in group if each.verdict in _FITTING]
    if not fitting:
        if any(each.verdict == "unknown" for each in group):
            return f"{size}: memory unknown"
        return f"{size}: nothing fits"
    if group[-1].kind == "qlora":
        return f"{size}: {', '.join(each.method for each in fitting)}"
    chosen = best(group)
    if chosen.ram and not chosen.gpus:
        return f"{size} {chosen.method} in RAM: {format_gib(chosen.total)}"
    where = f", {format_gib(chosen.ram)} in RAM" if chosen.ram else ""
    return f"{size} {chosen.method}: {format_gib(chosen.total)}{where}"


def _in_words(group: Sequence[ComputedMethod], workload: Workload) -> str:
    if workload.method == "inference":
        return _inference_in_words(best(group))
    if workload.method == "pretrain":
        return _run_in_words(group[0], workload)
    fitting = [each for each in group if each.verdict in _FITTING]
    others = [each for each in group if each not in fitting]
    text = f"{group[0].parameters}: " + (
        _listed(fitting) + (" fit" if len(fitting) > 1 else " fits") if fitting else ""
    )
    if others:
        text += (", " if fitting else "") + _listed(others) + (" do not" if len(others) > 1 else " does not")
    return text


def _inference_in_words(chosen: ComputedMethod) -> str:
    sizes = f"weights {format_gib(chosen.weights)}, {format_gib(chosen.total)} in all"
    text = f"{chosen.parameters} in {chosen.method}: {sizes}"
    if chosen.verdict == "fits":
        text += "" if chosen.gpus < 2 else f" on {chosen.gpus} GPUs"
    elif chosen.ram:
        text += f", so {format_gib(chosen.ram)} go to RAM" if chosen.gpus else ", all of it in RAM"
    else:
        text += ", which does not fit" if chosen.verdict == "does-not-fit" else ", and the memory is not known"
    return text + _pace(chosen)


def _run_in_words(chosen: ComputedMethod, workload: Workload) -> str:
    text = f"{chosen.parameters} on {chosen.method}: {format_gib(chosen.total // max(chosen.gpus, 1))} on each"
    text += "" if chosen.verdict == "fits" else ", which does not fit"
    if chosen.days is not None:
        days = speed.rounded(chosen.days.expected)
        text += f", about {days} days for {(workload.tokens or 0) / 1e12:g}T tokens"
    if chosen.cost_usd is not None:
        text += f", about {chosen.cost_usd.expected / 1e6:.1f}M $ at list prices"
    return text


def _listed(group: Sequence[ComputedMethod]) -> str:
    return ", ".join(f"{each.method} ({_each(each)})" for each in group)


def _each(method: ComputedMethod) -> str:
    """Of one GPU, where several share it."""
    if method.gpus > 1:
        return f"{format_gib(method.total // method.gpus)} on each of {method.gpus:,}"
    return format_gib(method.total)


def _pace(chosen: ComputedMethod) -> str:
    rate = chosen.tokens_per_second
    return f", about {speed.rounded(rate.expected)} tokens/s" if rate is not None else ""


def _remedy(found: Sequence[ComputedMethod]) -> str | None:
    """How many such cards would hold the plain way, for the largest model that does not fit; where no machine has so
    many, the machines that would.
    """
    lacking = [each for each in found if each.verdict != "fits" and each.cards is not None]
    if not lacking:
        none = found[0].kind != "pretrain" and all(each.verdict == "does-not-fit" for each in found)
        return "larger GPUs would hold it; machines with their price: llmcheck cloud PROFILE" if none else None
    most = lacking[-1]
    return f"{most.cards} x {short_name(most.gpu)} would hold it all: {most.parameters}, {most.method}"


def _enough_cards(use: ModelUse, capacity: Capacity, total: int) -> int | None:
    """The fewest such cards that hold it, idle, of more than there are; None where the kind cannot be added to."""
    devices = capacity.groups[0] if capacity.groups else ()
    if not devices or devices[0].gpu.unified or devices[0].gpu.parent is not None or not devices[0].total:
        return None
    for count in takewhile(lambda count: count <= NODE_GPUS, GPU_COUNTS):
        cards = idle_cards(devices[0], count)
        if count <= max(len(devices), 1) or total > count * (cards[0].free or 0):
            continue
        if place(use, replace(capacity, groups=(cards,))).verdict == "fits":
            return count
    return None
