"""The computed layer of a profile: which ways of doing what a tier is for this machine can hold, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from llmcheck.fit import capacity as capacities
from llmcheck.fit import plans, speed
from llmcheck.fit.capacity import Capacity, without_vendor
from llmcheck.fit.memory.total import resolved
from llmcheck.fit.placement import Placed, place
from llmcheck.fit.shapes import typical
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import ComputedMethod
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, Status
from llmcheck.schema.workload import Workload
from llmcheck.units import format_gib

ID = "computed"
SOURCE = "computed from typical shapes of the size; 'llmcheck fit' shows every term with its source"
_LADDER = ("bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "q2_k")
_FINE_TUNING = (
    ("full with AdamW", {"method": "full"}),
    ("full with 8-bit AdamW", {"method": "full", "optimizer": "adamw-8bit", "precision": "bf16"}),
    ("LoRA", {"method": "lora"}),
    ("QLoRA", {"method": "qlora"}),
)


def methods(profile: Profile, machine: Machine) -> tuple[ComputedMethod, ...]:
    """For each size of the tier every way that matters, the best one first; () for a profile without a workload."""
    workload = profile.workload
    if workload is None or machine.gpus is None:
        return ()
    capacity = capacities.of(machine)
    found: list[ComputedMethod] = []
    for size in workload.parameters:
        architecture = typical.architecture(size)
        if workload.method == "inference":
            found += _answering(size, architecture, workload, capacity)
        elif workload.method == "pretrain":
            found += _from_scratch(size, architecture, workload, capacity)
        else:
            found += _tuning(size, architecture, workload, capacity)
    return tuple(found)


def finding(profile: Profile, found: Sequence[ComputedMethod]) -> Finding | None:
    """It fails where no way at all fits, and warns where the plain one does not."""
    workload = profile.workload
    if workload is None or not found:
        return None
    by_size = {size: [each for each in found if each.parameters == size] for size in workload.parameters}
    statuses = [_status(group) for group in by_size.values() if group]
    status: Status = "fail" if all(each == "fail" for each in statuses) else "pass"
    if status != "fail" and any(each != "pass" for each in statuses):
        status = "unknown" if all(each in ("unknown", "fail") for each in statuses) else "warn"
    message = "; ".join(_in_words(group, workload) for group in by_size.values() if group)
    return Finding(
        id=ID,
        kind="fit",
        group="hardware",
        level="required" if workload.method != "pretrain" else "recommended",
        status=status,
        needed=_needed(workload),
        found="; ".join(_short(group) for group in by_size.values() if group),
        message=message,
        remedy=_remedy(found) if status in ("fail", "warn") else None,
        source=SOURCE,
    )


def _needed(workload: Workload) -> str:
    sizes = " and ".join(workload.parameters)
    if workload.method == "inference":
        return f"{sizes} with a context of {workload.context or 4096:,} tokens"
    if workload.method == "pretrain":
        return f"{sizes} on {workload.gpus or 1:,} GPUs, {(workload.tokens or 0) / 1e12:g}T tokens"
    return f"{sizes} trained on sequences of {workload.context or 2048:,} tokens"


# --- the ways ---


def _answering(
    size: str, architecture: Architecture, workload: Workload, capacity: Capacity
) -> Iterator[ComputedMethod]:
    base = replace(workload, runtime="llama.cpp", parameters=(), context=workload.context or 4096)
    names = _LADDER[_LADDER.index("q4_k_m") :] if workload.weights else _LADDER
    plain = names[0]
    placed = {plain: place(architecture, replace(base, weights=plain), capacity)}
    yield _method(size, plain, architecture, replace(base, weights=plain), placed[plain], capacity)
    if placed[plain].verdict == "fits":
        return
    for name in names[1:]:
        work = replace(base, weights=name)
        each = place(architecture, work, capacity)
        if each.verdict == "fits":
            yield _method(size, name, architecture, work, each)
            return
        if name in ("q4_k_m", names[-1]) and each.verdict != "does-not-fit":
            yield _method(size, name, architecture, work, each)


def _tuning(size: str, architecture: Architecture, workload: Workload, capacity: Capacity) -> Iterator[ComputedMethod]:
    for name, fields in _FINE_TUNING:
        work = replace(workload, parameters=(), context=workload.context or 2048, **fields)
        plain = capacity if name == _FINE_TUNING[0][0] else None
        yield _method(size, name, architecture, work, place(architecture, work, capacity), plain)


def _from_scratch(
    size: str, architecture: Architecture, workload: Workload, capacity: Capacity
) -> Iterator[ComputedMethod]:
    """On the whole cluster that the tier names, made of this machine's best GPUs."""
    devices = capacity.groups[0] if capacity.groups else ()
    if not devices:
        return
    gpus = workload.gpus or len(devices)
    cluster = replace(capacity, groups=((devices[0],) * gpus,))
    work = replace(workload, parameters=(), context=workload.context or 4096)
    placed = place(architecture, work, cluster)
    yield _method(size, f"{gpus:,} x {without_vendor(devices[0].gpu.name)}", architecture, work, placed)


def _method(
    size: str,
    name: str,
    architecture: Architecture,
    workload: Workload,
    placed: Placed,
    capacity: Capacity | None = None,
) -> ComputedMethod:
    """``room``: where it does not fit, look how many such cards would hold it."""
    rate = days = None
    if plans.good_enough(placed):
        aside = placed.in_ram if placed.verdict == "fits-with-offload" else 0
        pace, _ = speed.speed(
            architecture,
            resolved(architecture, workload, max(len(placed.devices), 1)),
            [device.gpu for device in placed.devices],
            in_ram=aside,
        )
        rate, days = pace.decode or pace.train, pace.days
    return ComputedMethod(
        parameters=size,
        method=name,
        verdict=placed.verdict,
        total=placed.memory.total,
        weights=placed.memory.weights,
        ram=placed.in_ram if placed.verdict == "fits-with-offload" else 0,
        gpus=len(placed.devices),
        gpu=placed.devices[0].gpu.name if placed.devices else None,
        cards=_enough(architecture, workload, capacity, placed.memory.total)
        if capacity is not None and placed.verdict != "fits"
        else None,
        tokens_per_second=rate,
        days=days,
    )


# --- in words ---


def _status(group: Sequence[ComputedMethod]) -> Status:
    """Of the ways for one size: the first is the plain one."""
    if group[0].verdict == "fits":
        return "pass"
    if any(each.verdict in ("fits", "fits-with-offload") for each in group):
        return "warn"
    return "unknown" if any(each.verdict == "unknown" for each in group) else "fail"


def best(group: Sequence[ComputedMethod]) -> ComputedMethod:
    """The first that lies on the GPUs; else, with the help of RAM, that in 4 bits or the last; else the first."""
    whole = next((each for each in group if each.verdict == "fits"), None)
    helped = [each for each in group if each.verdict == "fits-with-offload"]
    four_bits = next((each for each in helped if each.method == "q4_k_m"), None)
    return whole or four_bits or (helped[-1] if helped else group[0])


def _short(group: Sequence[ComputedMethod]) -> str:
    size = group[0].parameters
    fitting = [each for each in group if each.verdict in ("fits", "fits-with-offload")]
    if not fitting:
        if any(each.verdict == "unknown" for each in group):
            return f"{size}: cannot be told"
        return f"{size}: nothing fits"
    if len(group) > 1 and group[-1].method == "QLoRA":
        return f"{size}: {', '.join(each.method for each in fitting)}"
    chosen = best(group)
    if chosen.ram and not chosen.gpus:
        return f"{size} {chosen.method} in RAM: {format_gib(chosen.total)}"
    where = f", {format_gib(chosen.ram)} in RAM" if chosen.ram else ""
    return f"{size} {chosen.method}: {format_gib(chosen.total)}{where}"


def _in_words(group: Sequence[ComputedMethod], workload: Workload) -> str:
    size = group[0].parameters
    if workload.method == "inference":
        chosen = best(group)
        text = f"{size} in {chosen.method}: weights {format_gib(chosen.weights)}, {format_gib(chosen.total)} in all"
        if chosen.verdict == "fits":
            text += "" if chosen.gpus < 2 else f" on {chosen.gpus} GPUs"
        elif chosen.ram and chosen.gpus:
            text += f", so {format_gib(chosen.ram)} go to RAM"
        elif chosen.ram:
            text += ", all of it in RAM"
        else:
            text += ", which does not fit" if chosen.verdict == "does-not-fit" else ", and the memory is not known"
        return text + _pace(chosen)
    if workload.method == "pretrain":
        chosen = group[0]
        said = f"{size} on {chosen.method}: {format_gib(chosen.total // max(chosen.gpus, 1))} on each"
        said += "" if chosen.verdict == "fits" else ", which does not fit"
        if chosen.days is not None:
            said += f", {_days(chosen)} for {(workload.tokens or 0) / 1e12:g}T tokens"
        if chosen.cost_usd is not None:
            said += f", about {chosen.cost_usd.expected / 1e6:.1f}M $ at list prices"
        return said
    fitting = [each for each in group if each.verdict in ("fits", "fits-with-offload")]
    others = [each for each in group if each not in fitting]
    text = f"{size}: " + (_listed(fitting) + (" fit" if len(fitting) > 1 else " fits") if fitting else "")
    if others:
        text += (", " if fitting else "") + _listed(others) + (" do not" if len(others) > 1 else " does not")
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


def _days(chosen: ComputedMethod) -> str:
    return "" if chosen.days is None else f"about {speed.rounded(chosen.days.expected)} days"


def _remedy(found: Sequence[ComputedMethod]) -> str | None:
    """How many such cards hold the plain way whole, for the largest size that does not fit them."""
    lacking = [each for each in found if each.verdict != "fits" and each.cards is not None]
    if not lacking:
        return None
    most = lacking[-1]
    return f"{most.cards} x {without_vendor(most.gpu)} would hold it all: {most.parameters}, {most.method}"


def _enough(architecture: Architecture, workload: Workload, capacity: Capacity, total: int) -> int | None:
    """Tried, from two such cards on, as if they were idle."""
    devices = capacity.groups[0] if capacity.groups else ()
    if not devices or devices[0].gpu.unified or devices[0].gpu.parent is not None or not devices[0].total:
        return None
    idle = replace(devices[0], free=devices[0].total - (devices[0].gpu.memory_reserved or 0))
    for count in (2, 3, 4, 6, 8, 12, 16, 24, 32):
        if count <= len(devices) or total > count * (idle.free or 0):
            continue
        if place(architecture, workload, replace(capacity, groups=((idle,) * count,))).verdict == "fits":
            return count
    return None
