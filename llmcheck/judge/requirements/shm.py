"""``kind = "shm"``: shared memory in /dev/shm, by the number of GPUs of the machine.

NCCL and PyTorch's data loaders pass data between processes through it, and fail with "bus error" when it is full. The
machine's GPUs count, not those of the document: fewer processes need less.

Shortfall code: ``shm``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Annotated, Any

from msgspec import Meta

from llmcheck.judge.requirements import Example, Traits, finding, validate_size
from llmcheck.schema import profile
from llmcheck.schema.bounds import MOST_CLUSTER_GPUS
from llmcheck.schema.machine import Gpu, Limits, Machine, Os, counted_gpus
from llmcheck.schema.report import Finding
from llmcheck.units import GIB, format_like, parse_size


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    per_gpu: str
    """Size for each GPU: ``1 GiB``."""
    from_gpus: Annotated[int, Meta(ge=1, le=MOST_CLUSTER_GPUS)] = 1
    """On machines with fewer GPUs nothing is needed."""


_WHERE = "/dev/shm"  # noqa: S108 - only its size is judged
TRAITS = Traits(blocked_by=("driver", "gpu"))
_TWO = Machine(os=Os(system="linux", architecture="x86_64"), gpus=(Gpu(vendor="nvidia"), Gpu(vendor="nvidia")))
EXAMPLE = Example(
    keys={"per_gpu": "1 GiB", "from_gpus": 2},
    passing=Machine(os=_TWO.os, gpus=_TWO.gpus, limits=Limits(shm_size=2 * GIB)),
    failing=Machine(os=_TWO.os, gpus=_TWO.gpus, limits=Limits(shm_size=GIB)),
    unknown=_TWO,
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the size is not valid."""
    validate_size("per_gpu", requirement.per_gpu)


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    least = f", from {requirement.from_gpus} GPUs" if requirement.from_gpus > 1 else ""
    return f"{requirement.per_gpu} of /dev/shm for each GPU{least}"


def check(requirement: Requirement, machine: Machine) -> Finding:
    gpus = counted_gpus(machine)
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    if machine.os is not None and machine.os.system != "linux":
        return finding(requirement, "skipped", "only Linux has /dev/shm", skipped="not-applicable")
    if machine.gpus is None:
        return finding(requirement, "unknown", "the GPUs could not be listed")
    if len(gpus) < requirement.from_gpus:
        message = f"with {len(gpus)} GPUs no process passes data to another"
        return finding(requirement, "skipped", message, skipped="not-applicable")
    least, size = parse_size(requirement.per_gpu) * len(gpus), machine.limits.shm_size
    if size is None:
        return finding(requirement, "unknown", "the size of /dev/shm could not be read", needed_bytes=least)
    found = format_like(size, requirement.per_gpu)
    sizes: dict[str, Any] = {"needed_bytes": least, "found_bytes": size, "found": found}
    if size >= least:
        return finding(requirement, "pass", f"{_WHERE} has {found}", **sizes)
    wanted = f"{-(-least // GIB)}g"
    inside = machine.os is not None and machine.os.container is not None
    return finding(
        requirement,
        "fail",
        f"{_WHERE} has {found}; {_count(len(gpus))} {format_like(least, requirement.per_gpu)}: data loaders and NCCL "
        "fail when it is full",
        shortfall="shm",
        missing_bytes=least - size,
        written=requirement.per_gpu,
        remedy=f"start the container with '--shm-size {wanted}' or '--ipc=host'"
        if inside
        else f"sudo mount -o remount,size={wanted} /dev/shm",
        **sizes,
    )


def _count(gpus: int) -> str:
    return "1 GPU needs" if gpus == 1 else f"{gpus} GPUs need"
