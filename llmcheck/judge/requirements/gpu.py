"""``kind = "gpu"``: a number of GPUs with so much memory each.

A card with enough memory passes, even if the document does not name it. Fewer, larger cards pass if together they have
the documented total. Smaller cards of one vendor that add up to the total give a warning, which says what it takes to
use them together.

Shortfall codes: ``gpu-missing``; ``gpu-hidden`` and ``gpu-broken`` (no card to count, though some are there);
``gpu-memory``, ``gpu-split`` (enough memory, on more cards than documented) and
``compute-capability`` (enough memory, on cards that are too old).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from llmcheck.gpus import ecc, names, vendors
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.judge.requirements import Example, Traits, finding, validate_size
from llmcheck.schema import profile
from llmcheck.schema.bounds import MOST_CLUSTER_GPUS
from llmcheck.schema.gpu import HIDDEN, HIDDEN_BY_MISTAKE
from llmcheck.schema.machine import Gpu, Machine, counted_gpus, joint_gpus
from llmcheck.schema.report import Finding
from llmcheck.units import GB, format_gb, format_like, parse_size

_CAPABILITY = r"[0-9]{1,3}\.[0-9]{1,3}"
_BRACES = r"\{.{0,40}\}?|\}"
_COUNT = "{count}"
_SPLIT_INFERENCE = "the model has to be split over {count} GPUs (tensor parallelism, as in vLLM or TensorRT-LLM)"

FOR_RENT = "machines that would pass, with their price: llmcheck cloud PROFILE"
"""``evaluate`` puts the profile's name for PROFILE."""


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    memory: str
    """Memory of each GPU, as it is advertised: ``24 GB``."""
    count: Annotated[int, Meta(ge=1, le=MOST_CLUSTER_GPUS)] = 1
    """How many; a cluster may be required to have so many together."""
    compute_capability: Annotated[str, Meta(extra_json_schema={"pattern": f"^{_CAPABILITY}$"})] | None = None
    """The lowest that is accepted of an NVIDIA GPU; GPUs of other vendors have none and are accepted."""
    examples: tuple[str, ...] = ()
    """The cards that the document names."""
    split: str = _SPLIT_INFERENCE
    """What it takes to use several smaller cards together; ``{count}`` is replaced by their number."""


_NO_GPU = ("gpu-missing", "gpu-hidden", "gpu-broken")
TRAITS = Traits(
    states_gpus=True,
    blocked_by=("driver", "gpu"),
    blocks=lambda found: found.status == "fail" and found.shortfall in _NO_GPU,
)
EXAMPLE = Example(
    keys={"memory": "24 GB", "compute_capability": "8.0"},
    passing=Machine(gpus=(Gpu(vendor="nvidia", memory_total=24 * GB, compute_capability="8.0"),)),
    failing=Machine(gpus=(Gpu(vendor="nvidia", memory_total=24 * GB - 1, compute_capability="8.0"),)),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the size, the compute capability or the words of ``split`` are not valid."""
    validate_size("memory", requirement.memory)
    if requirement.compute_capability is not None and not re.fullmatch(_CAPABILITY, requirement.compute_capability):
        raise ValueError(
            f"compute_capability: '{requirement.compute_capability[:40]}' is not a compute capability such as 8.0"
        )
    rest = requirement.split.replace(_COUNT, "")
    braces = re.search(_BRACES, rest) if "{" in rest or "}" in rest else None
    if braces is not None:
        raise ValueError(f"split: '{braces[0]}' is not replaced; only {_COUNT} is, by the number of GPUs")


def needed(requirement: Requirement) -> str:
    """The requirement in words: ``2 x 80 GB (2-4x A100 80GB)``."""
    words = f"{requirement.count} x {requirement.memory}" if requirement.count > 1 else requirement.memory
    if requirement.examples:
        words += f" ({', '.join(requirement.examples)})"
    if requirement.compute_capability:
        words += f", compute capability {requirement.compute_capability} or newer"
    return words


def check(requirement: Requirement, machine: Machine) -> Finding:
    facts: dict[str, Any] = {"needed_count": requirement.count, "needed_bytes": parse_size(requirement.memory)}
    if machine.gpus is None:
        return finding(requirement, "unknown", "the GPUs could not be listed", remedy=_remedy(machine), **facts)
    gpus = tuple(with_usable_memory(gpu, machine.ram) for gpu in counted_gpus(machine))
    facts["found"] = names.in_words(gpus, lambda size: format_like(size, requirement.memory))
    if requirement.scope == "cluster":
        return finding(requirement, "skipped", _as_node(requirement, gpus), skipped="cluster", **facts)
    return _judged(requirement, machine, gpus, facts)


def _judged(requirement: Requirement, machine: Machine, gpus: Sequence[Gpu], facts: dict[str, Any]) -> Finding:
    each, found = parse_size(requirement.memory), facts["found"]
    recent = [gpu for gpu in gpus if _is_recent(requirement, gpu) is not False]
    groups = joint_gpus(recent)
    total = requirement.count * each
    known = [gpu for gpu in recent if _is_known(requirement, gpu)]
    sizes = [gpu.memory_total or 0 for gpu in known]
    quantities: dict[str, Any] = {
        "found_bytes": max(sizes, default=0),
        "found_count": sum(_sold_with(gpu) >= each for gpu in known),
    }
    if any(_suffices(requirement, group, each) for group in groups):
        message = f"{found} meets {needed(requirement)}{_of_ecc(gpus)}{_in_use(requirement, gpus)}"
        return finding(requirement, "pass", message, **facts, **quantities)
    unknown = len(recent) - len(known)
    if unknown:
        what = (
            "the memory or compute capability"
            if any(map(_is_told, recent))
            else "whether they can be used, or what they are,"
        )
        message = f"{what} of {unknown} of {len(gpus)} GPUs could not be read"
        return finding(requirement, "unknown", message, remedy=_remedy(machine), **facts)
    facts |= quantities
    group = max(groups, key=_total, default=[])
    if len(group) > 1 and _total(group) >= total:
        how = requirement.split.replace(_COUNT, str(len(group)))
        together, documented = (format_like(size, requirement.memory) for size in (_total(group), total))
        message = f"{found} together have {together}, the documented {documented}, but {how}"
        return finding(requirement, "warn", message, shortfall="gpu-split", **facts)
    missing = total - _total(group)
    if requirement.count == 1 and recent:
        missing = each - max(gpu.memory_total or 0 for gpu in recent)
    if not gpus:
        return _without_gpu(requirement, machine, missing, facts)
    return finding(
        requirement,
        "fail",
        f"{found}{_too_old(gpus)}; needs {needed(requirement)}",
        shortfall=_shortfall(requirement, gpus),
        missing_bytes=missing,
        written=requirement.memory,
        remedy=FOR_RENT,
        **facts,
    )


class _Reason(Struct, frozen=True):
    """Why no card counts."""

    shortfall: str
    message: str
    found: str | None = None
    remedy: str | None = None
    """What makes a card count that is there; None where none is."""


def _without_gpu(requirement: Requirement, machine: Machine, missing: int, facts: dict[str, Any]) -> Finding:
    """The finding where no card counts. The mend of one that is there comes before that of the requirement."""
    why = _nothing(requirement, machine)
    if why.shortfall == "gpu-missing":
        facts |= {"missing_bytes": missing, "written": requirement.memory}
    found = finding(
        requirement,
        "fail",
        why.message,
        shortfall=why.shortfall,
        remedy=FOR_RENT,
        **{**facts, "found": why.found or facts["found"]},
    )
    return found if why.remedy is None else replace(found, remedy=why.remedy)


def _shortfall(requirement: Requirement, gpus: Sequence[Gpu]) -> str:
    old = [gpu for gpu in gpus if _is_recent(requirement, gpu) is False]
    big = [gpu for gpu in gpus if (gpu.memory_total or 0) >= parse_size(requirement.memory)]
    return "compute-capability" if old and len(big) >= requirement.count else "gpu-memory"


def _suffices(requirement: Requirement, group: Sequence[Gpu], each: int) -> bool:
    """Whether enough cards have the memory, or fewer have the total; a card with an unknown fact is not counted."""
    big = [gpu for gpu in group if _sold_with(gpu) >= each and _is_known(requirement, gpu)]
    return len(big) >= requirement.count or (bool(big) and _total(big) >= requirement.count * each)


def _is_known(requirement: Requirement, gpu: Gpu) -> bool:
    """Whether all is known of a card that decides; a maker that llmcheck does not know may make anything."""
    return _is_told(gpu) and gpu.memory_total is not None and _is_recent(requirement, gpu) is True


def _is_told(gpu: Gpu) -> bool:
    """Whether it is known that processes can use it, and whose it is."""
    return gpu.usable is True and not gpu.fault and gpu.vendor in vendors.ids()


def _is_recent(requirement: Requirement, gpu: Gpu) -> bool | None:
    """Whether a card has the compute capability that is required, and that current builds need at all; None where its
    own is unknown.
    """
    if vendors.is_too_old(gpu):
        return False
    if requirement.compute_capability is None:
        return True
    least = tuple(int(part) for part in requirement.compute_capability.split("."))
    return vendors.of(gpu).is_at_least(gpu, least)


def _sold_with(gpu: Gpu) -> int:
    """Bytes as they are advertised: what the card reports and what its ECC takes."""
    return (gpu.memory_total or 0) + (ecc.taken(gpu) or 0)


def _of_ecc(gpus: Sequence[Gpu]) -> str:
    """What ECC takes of the cards that are sold with more than they report."""
    taken = max((ecc.taken(gpu) or 0 for gpu in gpus), default=0)
    return f"; ECC takes {format_gb(taken)} of each card's memory while it is on" if taken else ""


def _too_old(gpus: Sequence[Gpu]) -> str:
    old = next((gpu for gpu in gpus if vendors.is_too_old(gpu)), None)
    least = vendors.of(old).least_capability if old is not None else None
    if old is None or least is None:
        return ""
    return f", compute capability {old.compute_capability}: current software computes on {least[0]}.{least[1]} or newer"


def _in_use(requirement: Requirement, gpus: Sequence[Gpu]) -> str:
    """A card whose memory other processes use is counted in full, but the message says how much is free."""
    own = [gpu for gpu in gpus if gpu.memory_total and not gpu.unified]
    filled = [gpu for gpu in own if _is_filled(gpu) and gpu.memory_free]
    free = [f"{format_like(gpu.memory_free or 0, requirement.memory)} of GPU {gpu.index}" for gpu in filled]
    return f"; but other processes use it now: only {', '.join(free)} free" if free else ""


def _is_filled(gpu: Gpu) -> bool:
    """Whether less than half of its memory is free."""
    return gpu.memory_free is not None and gpu.memory_free < (gpu.memory_total or 0) / 2


def _as_node(requirement: Requirement, gpus: Sequence[Gpu]) -> str:
    each = parse_size(requirement.memory)
    recent = [gpu for gpu in gpus if _is_recent(requirement, gpu) is not False]
    fitting = sum(1 for gpu in recent if gpu.memory_total is not None and gpu.memory_total >= each)
    if not fitting:
        return f"this node has none of the {requirement.count} GPUs of {requirement.memory}"
    nodes = -(-requirement.count // fitting)
    return f"this node has {fitting} of {requirement.count} GPUs: {nodes} such nodes are needed"


def _total(gpus: Sequence[Gpu]) -> int:
    return sum(gpu.memory_total or 0 for gpu in gpus)


def _nothing(requirement: Requirement, machine: Machine) -> _Reason:
    """The reason where no card counts: what is there and cannot be used has a mend of its own."""
    present, words = machine.gpus or (), needed(requirement)
    broken = next((gpu for gpu in present if gpu.usable is False), None)
    if broken is not None:
        problem = next((each for each in machine.problems if each.code == broken.fault), None)
        message = f"a GPU is present but broken ({broken.fault})"
        return _Reason("gpu-broken", message, f"GPU broken ({broken.fault})", problem.remedy if problem else None)
    hidden = [gpu for gpu in present if not gpu.visible]
    in_words = f"{len(hidden)} hidden"
    problem = next((each for each in machine.problems if each.code in (HIDDEN, HIDDEN_BY_MISTAKE)), None)
    if hidden and problem is not None:
        return _Reason("gpu-hidden", problem.message, in_words, problem.remedy)
    if hidden:
        variables = dict.fromkeys(name for gpu in hidden for name in vendors.of(gpu).hidden_by)
        causes = " or ".join(variables) or "an environment variable"
        message = f"{len(present)} GPUs are installed, none is visible to this process (see {causes}); needs {words}"
        return _Reason("gpu-hidden", message, in_words, f"unset {causes}" if variables else None)
    if any(not gpu.integrated for gpu in present):  # whole cards in MIG mode, which no process can use
        message = f"a GPU is in MIG mode but has no instances; needs {words}"
        return _Reason("gpu-broken", message, "MIG without instances", _remedy(machine))
    return _Reason("gpu-missing", f"only integrated graphics; needs {words}" if present else f"no GPU; needs {words}")


def _remedy(machine: Machine) -> str | None:
    return next((problem.remedy for problem in machine.problems if problem.probe.startswith("gpu.")), None)
