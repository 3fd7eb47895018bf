"""Why a workload fits or does not: as values, and as the sentence that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.units import format_gib

Code = Literal[
    "gpus-not-listed", "gpu-memory-unknown", "no-build", "other-build", "too-few-gpus", "heads-not-divisible",
    "no-gpu-to-train", "no-gpu", "fits", "too-large", "used-by-others", "in-ram", "partly-in-ram", "experts-in-ram",
    "ram-unknown", "no-ram-stated", "too-little-ram", "unknown-family",
]  # fmt: skip
Where = Literal["one", "each", "fullest"]


class Reason(Struct, frozen=True, kw_only=True):
    """One cause with its numbers; fields that do not apply to the code are None."""

    code: Code
    needed: int | None = None
    """Bytes, or GPUs (``too-few-gpus``), or attention heads."""
    least: int | None = None
    """Lower end of ``needed``, in bytes (``unknown-family``)."""
    available: int | None = None
    """Bytes, or GPUs (``too-few-gpus``)."""
    gpus: int = 0
    """How many GPUs are used; 0: none."""
    where: Where = "one"
    """Whose bytes these are: of the only GPU, of each of several, or of the one with least memory left."""
    narrow: bool = False
    """It fits, but the upper end of the estimate would not."""
    layers: int | None = None
    """Layers on the GPUs; None where none are, and for training."""
    of_layers: int | None = None
    """Layers of the model."""
    runtime: str | None = None
    """Id of the runtime (``no-gpu``, ``no-build``, ``other-build``)."""
    maker: str | None = None
    """Whose own PyTorch these GPUs take (``other-build``)."""


def sentence(reasons: Sequence[Reason]) -> str:
    """The reasons as one sentence, without a full stop."""
    return "; ".join(_clause(each) for each in reasons)


def _clause(reason: Reason) -> str:
    needed, available, gpus = reason.needed or 0, reason.available or 0, reason.gpus
    match reason.code:
        case "gpus-not-listed":
            return "the GPUs of this machine could not be listed"
        case "gpu-memory-unknown":
            return "the memory of a GPU could not be read"
        case "too-few-gpus":
            return f"{needed:,} GPUs are required, and this machine has {available or 'none'} that can be used together"
        case "heads-not-divisible":
            return f"{needed} attention heads cannot be divided over {gpus} GPUs"
        case "no-gpu-to-train":
            return "there is no GPU to train on"
        case "no-gpu":
            return f"there is no GPU for {reason.runtime}"
        case "no-build":
            return f"{reason.runtime} has no build for the GPUs of this machine"
        case "other-build":
            return f"PyTorch for these GPUs comes with {reason.maker}: how {reason.runtime} runs with it is not known"
        case "fits":
            narrow = ", which is narrow" if reason.narrow else ""
            return f"{format_gib(needed)} of {format_gib(available)}{_on(reason, 'the fullest')}{narrow}"
        case "unknown-family":
            return (
                f"between {format_gib(reason.least or 0)} and {format_gib(needed)} are needed{_on(reason, 'one')} and "
                f"{format_gib(available)} are available: the family of this model is not known to llmcheck"
            )
        case "too-large":
            missing = format_gib(needed - available)
            on = _on(reason, "one")
            return f"{format_gib(needed)} are needed{on} and {format_gib(available)} are available: {missing} short"
        case "used-by-others":
            where = "" if gpus == 1 else " of the GPUs' memory"
            return f"{format_gib(needed)}{where} are used by other processes"
        case _:
            return _about_ram(reason)


def _about_ram(reason: Reason) -> str:
    needed, placed = format_gib(reason.needed or 0), _placed(reason)
    match reason.code:
        case "in-ram":
            return f"{needed} in RAM"
        case "partly-in-ram":
            return f"{placed}, {'the other ' if reason.gpus else ''}{needed} in RAM"
        case "experts-in-ram":
            where = "the GPU" if reason.gpus == 1 else f"{reason.gpus} GPUs"
            experts = f"the routed experts of {reason.layers} of {reason.of_layers} layers"
            return f"{needed} in RAM, {experts}; everything else on {where}"
        case "ram-unknown":
            return f"{placed}; the size of the RAM could not be read"
        case "no-ram-stated":
            return f"{placed}; no RAM is stated for the rest"
        case _:
            rest = "the other " if reason.gpus and reason.layers is not None else ""
            available = format_gib(reason.available or 0)
            return f"{placed}: {rest}{needed} do not fit in the {available} of RAM that are available"


def _placed(reason: Reason) -> str:
    if reason.layers is not None:
        where = "the GPU" if reason.gpus == 1 else f"{reason.gpus} GPUs"
        return f"{reason.layers} of {reason.of_layers} layers on {where}"
    return "offload to RAM" if reason.gpus else "all layers on the CPUs"


def _on(reason: Reason, worst: str) -> str:
    if reason.where == "one":
        return ""
    return f" on {'each' if reason.where == 'each' else worst} of {reason.gpus} GPUs"
