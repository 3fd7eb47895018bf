"""``kind = "gpu"``: so many GPUs with so much memory each.

A card with the memory passes whether or not the document names it. Fewer but bigger cards that together hold the
documented total pass. Smaller cards of one vendor that add up are a warning that says what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck.judge.requirements import finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Gpu, Machine, capability_of, counted_gpus, joint_gpus
from llmcheck.schema.report import Finding
from llmcheck.units import format_like, parse_size, short

_SPLIT_INFERENCE = "the model has to be split over {count} GPUs (tensor parallelism, as in vLLM or TensorRT-LLM)"


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    memory: str
    """Of each GPU, advertised: ``24 GB``."""
    count: int = 1
    compute_capability: str | None = None
    """The least, for NVIDIA GPUs; such of other vendors are not held to it."""
    examples: tuple[str, ...] = ()
    """The cards that the document names."""
    split: str = _SPLIT_INFERENCE
    """What it takes to use several smaller cards; ``{count}`` is replaced by their number."""


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a size or a count that is none."""
    parse_size(requirement.memory)
    if requirement.count < 1:
        raise ValueError("count is at least 1")
    if requirement.compute_capability is not None and not re.fullmatch(r"\d+\.\d+", requirement.compute_capability):
        raise ValueError(f"'{requirement.compute_capability}' is not a compute capability such as 8.0")


def needed(requirement: Requirement) -> str:
    """In words: ``2 x 80 GB (2-4x A100 80GB)``."""
    words = f"{requirement.count} x {requirement.memory}" if requirement.count > 1 else requirement.memory
    if requirement.examples:
        words += f" ({', '.join(requirement.examples)})"
    if requirement.compute_capability:
        words += f", compute capability {requirement.compute_capability} or newer"
    return words


def check(requirement: Requirement, machine: Machine) -> Finding:
    each, asked = parse_size(requirement.memory), needed(requirement)
    if machine.gpus is None:
        return finding(requirement, "unknown", "the GPUs could not be listed", needed=asked, remedy=_remedy(machine))
    gpus = counted_gpus(machine)
    found = describe(gpus, requirement.memory)
    fitting = tuple(gpu for gpu in gpus if _is_recent(gpu, requirement.compute_capability) is not False)
    if requirement.scope == "cluster":
        return _as_node(requirement, fitting, asked, found, each)
    groups = joint_gpus(fitting)
    total = requirement.count * each
    if any(_suffices(group, requirement.count, each, requirement.compute_capability) for group in groups):
        return finding(
            requirement, "pass", f"{found} meets {asked}{_in_use(gpus, requirement.memory)}", needed=asked, found=found
        )
    unknown = sum(not _is_known(gpu, requirement.compute_capability) for gpu in fitting)
    if unknown:
        message = f"the memory or compute capability of {unknown} of {len(gpus)} GPUs could not be read"
        return finding(requirement, "unknown", message, needed=asked, found=found, remedy=_remedy(machine))
    group = max(groups, key=_total, default=[])
    if len(group) > 1 and _total(group) >= total:
        how = requirement.split.format(count=len(group))
        held, documented = (format_like(size, requirement.memory) for size in (_total(group), total))
        message = f"{found} together hold {held}, the documented {documented}, but {how}"
        return finding(requirement, "warn", message, needed=asked, found=found)
    lacking = short(total, _total(group), requirement.memory)
    if requirement.count == 1 and fitting:
        lacking = short(each, max(gpu.memory_total or 0 for gpu in fitting), requirement.memory)
    remedy = "see 'llmcheck cloud' for machines that would pass, with their price"
    message = f"{found}; needs {asked}" if gpus else _nothing(machine, asked)
    return finding(requirement, "fail", message, needed=asked, found=found, short_by=lacking, remedy=remedy)


def _suffices(group: Sequence[Gpu], count: int, each: int, capability: str | None) -> bool:
    """Enough cards with the memory, or fewer that hold the whole; only cards of which both are known count."""
    big = [gpu for gpu in group if (gpu.memory_total or 0) >= each and _is_recent(gpu, capability)]
    return len(big) >= count or (bool(big) and _total(big) >= count * each)


def _is_known(gpu: Gpu, capability: str | None) -> bool:
    return gpu.memory_total is not None and _is_recent(gpu, capability) is not None


def _is_recent(gpu: Gpu, least: str | None) -> bool | None:
    """Whether a card has the least compute capability; None for an NVIDIA card that did not tell."""
    if least is None or gpu.vendor != "nvidia":
        return True
    capability = capability_of(gpu)
    return None if capability is None else capability >= tuple(int(part) for part in least.split("."))


def describe(gpus: Sequence[Gpu], written: str) -> str:
    """The GPUs by name and memory, equal ones counted: ``2 x NVIDIA GeForce RTX 4090 (25.8 GB)``.

    ``written``: the size of the requirement, whose units are used.
    """
    if not gpus:
        return "no GPU"
    counts: dict[str, int] = {}
    for gpu in gpus:
        memory = "memory unknown" if gpu.memory_total is None else format_like(gpu.memory_total, written)
        name = f"{gpu.name or gpu.vendor + ' GPU'} ({memory})"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())


def _in_use(gpus: Sequence[Gpu], written: str) -> str:
    """A card that others fill is still the card, but that has to be said."""
    own = [gpu for gpu in gpus if gpu.memory_total and not gpu.unified]
    filled = [gpu for gpu in own if _is_filled(gpu)]
    free = [f"{format_like(gpu.memory_free, written)} of GPU {gpu.index}" for gpu in filled if gpu.memory_free]
    return f"; but other processes hold memory now: free are {', '.join(free)}" if free else ""


def _is_filled(gpu: Gpu) -> bool:
    """Less than half of it is free."""
    return gpu.memory_free is not None and gpu.memory_free < (gpu.memory_total or 0) / 2


def _as_node(requirement: Requirement, gpus: Sequence[Gpu], asked: str, found: str, each: int) -> Finding:
    fitting = sum(1 for gpu in gpus if gpu.memory_total is not None and gpu.memory_total >= each)
    if fitting:
        nodes = -(-requirement.count // fitting)
        message = f"this node brings {fitting} of {requirement.count} GPUs: it takes {nodes} such nodes"
    else:
        message = f"this node brings none of the {requirement.count} GPUs of {requirement.memory}"
    return finding(requirement, "skipped", message, needed=asked, found=found)


def _total(gpus: Sequence[Gpu]) -> int:
    return sum(gpu.memory_total or 0 for gpu in gpus)


def _nothing(machine: Machine, asked: str) -> str:
    present = machine.gpus or ()
    if any(gpu.usable is False for gpu in present):
        return f"a GPU is present but broken ({next(gpu.fault for gpu in present if gpu.usable is False)})"
    if any(not gpu.visible for gpu in present):
        variables = "CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES or the like"
        return f"{len(present)} GPUs are installed, none is visible to this process ({variables}); needs {asked}"
    if any(gpu.integrated for gpu in present):
        return f"only integrated graphics; needs {asked}"
    return f"no GPU; needs {asked}"


def _remedy(machine: Machine) -> str | None:
    return next((problem.remedy for problem in machine.problems if problem.probe.startswith("gpu.")), None)
