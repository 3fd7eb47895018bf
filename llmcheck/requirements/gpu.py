"""``kind = "gpu"``: so many GPUs with so much memory each.

A card with the memory passes whether or not the document names it. Fewer but bigger cards that together hold the
documented total pass. Smaller cards of one vendor that add up are a warning that says what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck import profile
from llmcheck.machine import Gpu, Machine, counted_gpus
from llmcheck.report import Finding
from llmcheck.requirements import finding
from llmcheck.units import decimal, parse_size, short

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
    found = describe(gpus)
    older = [gpu for gpu in gpus if _is_older(gpu, requirement.compute_capability)]
    gpus = tuple(gpu for gpu in gpus if gpu not in older)
    if requirement.scope == "cluster":
        return _as_node(requirement, gpus, asked, found, each)
    known = sorted((gpu.memory_total for gpu in gpus if gpu.memory_total is not None), reverse=True)
    unknown = len(gpus) - len(known)
    total = requirement.count * each
    big = [size for size in known if size >= each]
    if len(big) >= requirement.count or (big and sum(big) >= total):
        return finding(requirement, "pass", f"{found} meets {asked}{_in_use(gpus)}", needed=asked, found=found)
    if unknown:
        message = f"the memory of {unknown} of {len(gpus)} GPUs could not be read"
        return finding(requirement, "unknown", message, needed=asked, found=found, remedy=_remedy(machine))
    group = _largest_group(gpus)
    if len(group) > 1 and _total(group) >= total:
        how = requirement.split.format(count=len(group))
        message = f"{found} together hold {decimal(_total(group))}, the documented {decimal(total)}, but {how}"
        return finding(requirement, "warn", message, needed=asked, found=found)
    lacking = short(each, known[0]) if requirement.count == 1 and known else short(total, _total(group))
    remedy = "see 'llmcheck cloud' for machines that would pass, with their price"
    message = f"{found}; needs {asked}" if gpus or older else _nothing(machine, asked)
    return finding(requirement, "fail", message, needed=asked, found=found, short_by=lacking, remedy=remedy)


def describe(gpus: Sequence[Gpu]) -> str:
    """The GPUs by name and memory, equal ones counted: ``2 x NVIDIA GeForce RTX 4090 (25.8 GB)``."""
    if not gpus:
        return "no GPU"
    counts: dict[str, int] = {}
    for gpu in gpus:
        memory = "memory unknown" if gpu.memory_total is None else decimal(gpu.memory_total)
        name = f"{gpu.name or gpu.vendor + ' GPU'} ({memory})"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())


def _is_older(gpu: Gpu, least: str | None) -> bool:
    """Known to be below the least compute capability."""
    if least is None or gpu.compute_capability is None:
        return False
    return [int(part) for part in gpu.compute_capability.split(".")] < [int(part) for part in least.split(".")]


def _in_use(gpus: Sequence[Gpu]) -> str:
    """A card that others fill is still the card, but that has to be said."""
    filled = [gpu for gpu in gpus if gpu.memory_total and gpu.memory_free is not None and not gpu.unified]
    filled = [gpu for gpu in filled if gpu.memory_free < gpu.memory_total / 2]  # type: ignore[operator]
    if not filled:
        return ""
    free = ", ".join(f"{decimal(gpu.memory_free or 0)} of GPU {gpu.index}" for gpu in filled)
    return f"; but other processes hold memory now: free are {free}"


def _as_node(requirement: Requirement, gpus: Sequence[Gpu], asked: str, found: str, each: int) -> Finding:
    fitting = sum(1 for gpu in gpus if gpu.memory_total is not None and gpu.memory_total >= each)
    if fitting:
        nodes = -(-requirement.count // fitting)
        message = f"this node brings {fitting} of {requirement.count} GPUs: it takes {nodes} such nodes"
    else:
        message = f"this node brings none of the {requirement.count} GPUs of {requirement.memory}"
    return finding(requirement, "skipped", message, needed=asked, found=found)


def _largest_group(gpus: Sequence[Gpu]) -> list[Gpu]:
    """The GPUs of the vendor with the most memory in all; MIG instances never add up, so each stands alone."""
    groups: dict[object, list[Gpu]] = {}
    for position, gpu in enumerate(gpus):
        groups.setdefault(position if gpu.parent is not None else gpu.vendor, []).append(gpu)
    return max(groups.values(), key=_total, default=[])


def _total(gpus: Sequence[Gpu]) -> int:
    return sum(gpu.memory_total or 0 for gpu in gpus)


def _nothing(machine: Machine, asked: str) -> str:
    present = machine.gpus or ()
    if any(gpu.usable is False for gpu in present):
        return f"a GPU is present but broken ({next(gpu.fault for gpu in present if gpu.usable is False)})"
    if any(not gpu.visible for gpu in present):
        return f"{len(present)} GPUs are installed, none is visible to this process; needs {asked}"
    if any(gpu.integrated for gpu in present):
        return f"only integrated graphics; needs {asked}"
    return f"no GPU; needs {asked}"


def _remedy(machine: Machine) -> str | None:
    return next((problem.remedy for problem in machine.problems if problem.probe.startswith("gpu.")), None)
