"""The computed layer of a profile: by which methods this machine can run the profile's workload, and how fast.

Sizes are in GB (10^9), as the documented requirements beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import takewhile

from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit import capacity as capacities
from llmcheck.fit import limits
from llmcheck.fit.capacity import GPU_COUNTS, NODE_GPUS, Capacity, idle_cards
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.plans import Candidate, candidate, plan_of, plans_on, speed_of, training
from llmcheck.fit.plans.policy import precision_class
from llmcheck.fit.reason import sentence
from llmcheck.fit.shapes import formats, typical
from llmcheck.fit.use import ModelUse
from llmcheck.gpus.identify import GpuRecord
from llmcheck.gpus.names import short_name
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.computed import Cards, ComputedMethod
from llmcheck.schema.estimate import MethodKind, Speed
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, Status
from llmcheck.schema.workload import Workload
from llmcheck.units import format_gb, two_digits

ID = "computed"
SOURCE = "computed from {shapes}; 'llmcheck fit {model} -v' shows every term with its source"
Plans = dict[tuple[str, Workload], tuple[Candidate, ...]]
"""Of one machine, by the model as a profile names it and what is left open of its use."""
_Build = Callable[[str, ModelUse, Capacity], Iterator[ComputedMethod]]
_FITTING = ("fits", "fits-with-offload")
_UNFIT = "does-not-fit"
_FINE_TUNING: dict[MethodKind, str] = {
    "full": "full with AdamW",
    "full-8bit-optimizer": "full with 8-bit AdamW",
    "lora": "LoRA",
    "qlora": "QLoRA",
}


def methods(
    profile: Profile,
    machine: Machine,
    models: Mapping[str, Architecture] | None = None,
    known: Plans | None = None,
    cards: Callable[[], Sequence[GpuRecord]] | None = None,
) -> tuple[ComputedMethod, ...]:
    """For each model of the workload the methods to report, in the order in which they are preferred.

    () for a profile without a workload, and where the GPUs could not be listed. ``models``: the shapes of the known
    model that the workload names, by its id; KeyError without it. ``known``: plans of other profiles on this machine;
    new ones are added. ``cards``: gets the GPUs that may be proposed where nothing fits; None: none are.
    """
    workload = profile.workload
    if workload is None or machine.gpus is None:
        return ()
    capacity = capacities.of(machine)
    known = {} if known is None else known
    build: dict[str, _Build] = {"inference": partial(_inference, known), "pretrain": _pretraining}
    found: list[ComputedMethod] = []
    for name in model_names(workload):
        architecture = (models or {})[name] if workload.model else typical.architecture(name)
        use = ModelUse(architecture, replace(workload, parameters=(), model=None))
        group = list(build.get(workload.method, _fine_tuning)(name, use, capacity))
        if cards is not None and workload.method != "pretrain" and all(each.verdict == _UNFIT for each in group):
            group = _with_cards(group, use, capacity, cards())
        found += group
    return tuple(found)


def _with_cards(
    group: list[ComputedMethod], use: ModelUse, capacity: Capacity, records: Sequence[GpuRecord]
) -> list[ComputedMethod]:
    """The last method, which needs least memory, with the cards on which the model fits in some way."""
    from llmcheck.fit.hardware import that_hold  # only where nothing fits

    wanted = _open(use) if use.is_inference else list(training.all_methods(_trained(use)))[-1][1]
    return [*group[:-1], *(replace(each, held_by=that_hold(wanted, capacity, records)) for each in group[-1:])]


def model_names(workload: Workload) -> tuple[str, ...]:
    """The id of the known model that the workload names, else its sizes."""
    return (workload.model,) if workload.model else workload.parameters


def finding(profile: Profile, found: Sequence[ComputedMethod]) -> Finding | None:
    """fail where no method fits, warn where only others than the first fit; None without a workload or methods."""
    workload = profile.workload
    if workload is None or not found:
        return None
    groups = [[each for each in found if each.parameters == name] for name in model_names(workload)]
    groups = [group for group in groups if group]
    statuses = [_status(group) for group in groups]
    status: Status = "fail" if all(each == "fail" for each in statuses) else "pass"
    if status != "fail" and any(each != "pass" for each in statuses):
        status = "unknown" if all(each in ("unknown", "fail") for each in statuses) else "warn"
    return _finding(
        workload,
        status,
        found="; ".join(_summary(group) for group in groups),
        message="; ".join(_sentence(group, workload) for group in groups),
        remedy=_remedy(found) if status in ("fail", "warn") else None,
    )


def unknown_finding(profile: Profile) -> Finding | None:
    """Where the GPUs could not be listed, so that nothing can be computed; None for a profile without a workload."""
    if profile.workload is None:
        return None
    message = "the GPUs could not be listed, so what fits is not known"
    return _finding(profile.workload, "unknown", found=None, message=message, remedy=None)


def _finding(workload: Workload, status: Status, *, found: str | None, message: str, remedy: str | None) -> Finding:
    shapes = "the shapes of the model" if workload.model else "typical shapes of the size"
    return Finding(
        id=ID,
        kind="fit",
        group="hardware",
        level="required" if workload.decides else "recommended",
        status=status,
        needed=_needed(workload),
        found=found,
        message=message,
        remedy=remedy,
        source=SOURCE.format(shapes=shapes, model=model_names(workload)[0]),
    )


def to_show(profile: Profile, found: Sequence[ComputedMethod]) -> tuple[ComputedMethod, ...]:
    """For each model of the workload one: for inference the planner's, for training the first that fits.

    Where none fits it is the plain one, which says what is missing.
    """
    workload = profile.workload
    groups = [[each for each in found if each.parameters == name] for name in model_names(workload)] if workload else []
    shown = []
    for group in filter(None, groups):
        order = list(reversed(group)) if group[0].kind in ("weights", "plan") else group
        shown.append(next((each for each in order if each.verdict in _FITTING), group[0]))
    return tuple(shown)


def _needed(workload: Workload) -> str:
    names = " and ".join(model_names(workload))
    if workload.method == "inference":
        return f"{names} with a context of {workload.context or 4096:,} tokens"
    if workload.method == "pretrain":
        return f"{names} on {workload.gpus or 1:,} GPUs, {(workload.tokens or 0) / 1e12:g}T tokens"
    return f"{names} trained on sequences of {workload.context or 2048:,} tokens"


# --- methods ---


def _inference(known: Plans, model: str, use: ModelUse, capacity: Capacity) -> Iterator[ComputedMethod]:
    """The format that the profile names or the model is published in, and the best plan where that is another one."""
    base = use.changed(runtime=use.workload.runtime or runtimes.LEAST_MEMORY, context=use.workload.context or 4096)
    plain = _named_format(base)
    free = _open(use)
    if (model, free.workload) not in known:
        known[model, free.workload] = plans_on(free, capacity)
    found = [each for each in known[model, free.workload] if not _finer(each.use.weight_format.name, plain)]
    best = found[0] if found else None
    if best is not None and best.use.weight_format.name == plain and best.placed.verdict == "fits":
        yield _planned(model, "weights", plain, best)
        return
    own = base.changed(weights=plain)
    placed = place(own, capacity)
    computed = _method(model, "weights", plain, own, placed, speed_of(own, placed, capacity.cpu), capacity)
    yield _with_plan(computed, own, placed, capacity)
    if best is not None:
        yield _planned(model, "plan", best.use.weight_format.name, best)


def _open(use: ModelUse) -> ModelUse:
    """What the planner may choose: everything but the context, and a runtime that the profile names."""
    return use.changed(weights=None, context=use.workload.context or 4096)


def _named_format(use: ModelUse) -> str:
    """The format that the profile names, or the published one."""
    ladder = use.runtime.common_ladder or use.runtime.ladder
    if use.workload.weights is None:
        return next(limits.weight_formats(use, ladder))
    named = use.weight_format
    if named.family in use.runtime.families:
        return named.name
    return min(ladder, key=lambda each: abs(formats.weights(each).bits - named.bits))


def _finer(name: str, plain: str) -> bool:
    return precision_class(name) > precision_class(plain)


def _fine_tuning(model: str, use: ModelUse, capacity: Capacity) -> Iterator[ComputedMethod]:
    every = list(training.all_methods(_trained(use)))
    names = [kind for kind, _ in every]
    named = names.index(use.workload.method) if use.workload.method in names else 0
    for kind, each in every[named:]:  # who names one wants no other that needs more
        chosen, placed = training.easiest(each, capacity)
        cards = capacity if kind == "full" else None
        rates = speed_of(chosen, placed, capacity.cpu)
        found = _method(model, kind, _FINE_TUNING[kind], chosen, placed, rates, cards)
        yield _with_plan(found, chosen, placed, capacity)


def _trained(use: ModelUse) -> ModelUse:
    return use.changed(context=use.workload.context or 2048)


def _pretraining(model: str, use: ModelUse, capacity: Capacity) -> Iterator[ComputedMethod]:
    """On a cluster of as many GPUs as the workload names, all like this machine's best."""
    devices = capacity.groups[0] if capacity.groups else ()
    if not devices:
        return
    gpus = use.workload.gpus or len(devices)
    cluster = replace(capacity, groups=((devices[0],) * gpus,))
    own = use.changed(context=use.workload.context or 4096)
    name = f"{gpus:,} x {short_name(devices[0].gpu.name)}"
    placed = place(own, cluster)
    yield _method(model, "pretrain", name, own, placed, speed_of(own, placed, cluster.cpu))


def _planned(model: str, kind: MethodKind, name: str, found: Candidate) -> ComputedMethod:
    computed = _method(model, kind, name, found.use, found.placed, found.speed)
    return replace(computed, plan=plan_of(found, (model,)))


def _with_plan(found: ComputedMethod, use: ModelUse, placed: PlacementResult, capacity: Capacity) -> ComputedMethod:
    if not placed.fits:
        return found
    return replace(found, plan=plan_of(candidate(use, placed, capacity), (found.parameters,)))


def _method(
    model: str,
    kind: MethodKind,
    name: str,
    use: ModelUse,
    placed: PlacementResult,
    rates: Speed,
    capacity: Capacity | None = None,
) -> ComputedMethod:
    """``capacity``: where it does not fit on these GPUs, also compute how many of them would do; None: do not."""
    offloaded = placed.offloaded_bytes if placed.verdict == "fits-with-offload" else 0
    rate, days = rates.decode or rates.train, rates.days
    cards = None
    if capacity is not None and placed.verdict != "fits":
        cards = _sufficient_gpus(use, capacity, placed.memory.total)
    return ComputedMethod(
        parameters=model,
        method=name,
        kind=kind,
        verdict=placed.verdict,
        reason=None if placed.verdict == "fits" else sentence(placed.reasons),
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
    """Status of the methods for one model: pass if the first fits, warn if another does."""
    if group[0].verdict == "fits":
        return "pass"
    if any(each.verdict in _FITTING for each in group):
        return "warn"
    return "unknown" if any(each.verdict == "unknown" for each in group) else "fail"


def _best(group: Sequence[ComputedMethod]) -> ComputedMethod:
    """The planner's; else the plain one, which does not fit."""
    return next((each for each in reversed(group) if each.verdict in _FITTING), group[0])


def _summary(group: Sequence[ComputedMethod]) -> str:
    size = group[0].parameters
    fitting = [each for each in group if each.verdict in _FITTING]
    if not fitting:
        if any(each.verdict == "unknown" for each in group):
            return f"{size}: not known"
        return f"{size}: nothing fits"
    if group[-1].kind == "qlora":
        return f"{size}: {', '.join(each.method for each in fitting)}"
    chosen = _best(group)
    if chosen.ram and not chosen.gpus:
        return f"{size} {chosen.method} in RAM: {format_gb(chosen.total)}"
    where = f", {format_gb(chosen.ram)} in RAM" if chosen.ram else ""
    return f"{size} {chosen.method}: {format_gb(chosen.total)}{where}"


def _sentence(group: Sequence[ComputedMethod], workload: Workload) -> str:
    if _status(group) == "unknown":
        return f"{group[0].parameters}: {next(each.reason for each in group if each.verdict == 'unknown')}"
    if workload.method == "inference":
        return _inference_sentence(_best(group))
    if workload.method == "pretrain":
        return _pretraining_sentence(group[0], workload)
    fitting = [each for each in group if each.verdict in _FITTING]
    others = [each for each in group if each not in fitting]
    text = f"{group[0].parameters}: " + (_list(fitting) + (" fit" if len(fitting) > 1 else " fits") if fitting else "")
    if others:
        text += (", " if fitting else "") + _list(others) + (" do not" if len(others) > 1 else " does not")
    return text


def _inference_sentence(chosen: ComputedMethod) -> str:
    sizes = f"weights {format_gb(chosen.weights)}, {format_gb(chosen.total)} in total"
    text = f"{chosen.parameters} in {chosen.method}: {sizes}"
    if chosen.verdict == "fits":
        text += "" if chosen.gpus < 2 else f" on {chosen.gpus} GPUs"
    elif chosen.ram:
        text += f", so {format_gb(chosen.ram)} go to RAM" if chosen.gpus else ", all of it in RAM"
    else:
        text += ", which does not fit" if chosen.verdict == "does-not-fit" else ", and the memory is not known"
    return text + _speed(chosen)


def _pretraining_sentence(chosen: ComputedMethod, workload: Workload) -> str:
    text = f"{chosen.parameters} on {chosen.method}: {format_gb(chosen.total // max(chosen.gpus, 1))} on each"
    text += "" if chosen.verdict == "fits" else ", which does not fit"
    if chosen.days is not None:
        days = two_digits(chosen.days.expected)
        text += f", about {days} days for {(workload.tokens or 0) / 1e12:g}T tokens"
    if chosen.cost_usd is not None:
        text += f", about {chosen.cost_usd.expected / 1e6:.1f}M $ at list prices"
    return text


def _list(group: Sequence[ComputedMethod]) -> str:
    return ", ".join(f"{each.method} ({_bytes_per_gpu(each)})" for each in group)


def _bytes_per_gpu(method: ComputedMethod) -> str:
    """``75.1 GB``, or ``20.0 GB on each of 4``."""
    if method.gpus > 1:
        return f"{format_gb(method.total // method.gpus)} on each of {method.gpus:,}"
    return format_gb(method.total)


def _speed(chosen: ComputedMethod) -> str:
    rate = chosen.tokens_per_second
    return f", about {two_digits(rate.expected)} tokens/s" if rate is not None else ""


def _remedy(found: Sequence[ComputedMethod]) -> str | None:
    """How many GPUs of this kind the preferred method needs, for the largest model that does not fit; if no machine has
    so many, where to find larger ones.
    """
    held = next((each for each in reversed(found) if each.held_by), None)
    if held is not None:
        cards = " or ".join(_cards(each) for each in held.held_by)
        how = f" by {held.method}" if held.kind == "qlora" else ""
        return f"{cards} would hold {held.parameters}{how}; machines with their price: llmcheck cloud PROFILE"
    unfit = [each for each in found if each.verdict != "fits" and each.cards is not None]
    if not unfit:
        none = found[0].kind != "pretrain" and all(each.verdict == "does-not-fit" for each in found)
        return "larger GPUs would be enough; machines with their price: llmcheck cloud PROFILE" if none else None
    most = unfit[-1]
    return f"{most.cards} x {short_name(most.gpu)} would be enough for {most.parameters}, {most.method}"


def _cards(cards: Cards) -> str:
    """``4 x RTX 3060``, ``1 x RTX A6000 (48 GB)``."""
    memory = "" if cards.memory_gb is None else f" ({cards.memory_gb:g} GB{' each' if cards.gpus > 1 else ''})"
    return f"{cards.gpus} x {short_name(cards.gpu)}{memory}"


def _sufficient_gpus(use: ModelUse, capacity: Capacity, total: int) -> int | None:
    """The fewest idle GPUs of this kind on which it fits, more than the machine has; None where no more can be added.
    ``total``: bytes that it needs."""
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
