"""Why a workload fits or does not, as plain values, and as the sentence that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.units import format_gib

Code = Literal[
    "gpus-not-listed", "gpu-memory-unknown", "too-few-gpus", "heads-not-divisible", "no-gpu-to-train", "no-gpu",
    "fits", "too-large", "held-by-others", "in-ram", "partly-in-ram", "experts-in-ram",
    "ram-unknown", "no-ram-stated", "too-little-ram",
]  # fmt: skip
Where = Literal["one", "each", "fullest"]


class Reason(Struct, frozen=True, kw_only=True):
    """One cause with its numbers; fields that it does not need are None."""

    code: Code
    needed: int | None = None
    """Bytes, or GPUs (``too-few-gpus``), or attention heads."""
    available: int | None = None
    """Bytes, or GPUs."""
    gpus: int = 0
    """How many hold it; 0: none."""
    where: Where = "one"
    """Of several GPUs: all hold as much, or the fullest is meant."""
    narrow: bool = False
    """The upper end of the estimate would not fit."""
    layers: int | None = None
    """On the GPUs."""
    of_layers: int | None = None
    runtime: str | None = None


def sentence(reasons: Sequence[Reason]) -> str:
    return "; ".join(_clause(each) for each in reasons)


def _clause(reason: Reason) -> str:
    needed, available, gpus = reason.needed or 0, reason.available or 0, reason.gpus
    match reason.code:
        case "gpus-not-listed":
            return "the GPUs of this machine could not be listed"
        case "gpu-memory-unknown":
            return "the memory of a GPU could not be read"
        case "too-few-gpus":
            return f"{needed:,} GPUs are required, and this machine has {available or 'none'} that work together"
        case "heads-not-divisible":
            return f"{needed} attention heads cannot be divided over {gpus} GPUs"
        case "no-gpu-to-train":
            return "there is no GPU to train on"
        case "no-gpu":
            return f"there is no GPU for {reason.runtime}"
        case "fits":
            narrow = ", which is narrow" if reason.narrow else ""
            return f"{format_gib(needed)} of {format_gib(available)}{_on(reason, 'the fullest')}{narrow}"
        case "too-large":
            missing = format_gib(needed - available)
            on = _on(reason, "one")
            return f"{format_gib(needed)} are needed{on} and {format_gib(available)} are available: {missing} short"
        case "held-by-others":
            where = "" if gpus == 1 else " of the GPUs' memory"
            return f"{format_gib(needed)}{where} are held by other processes"
        case _:
            return _about_ram(reason)


def _about_ram(reason: Reason) -> str:
    needed, placed = format_gib(reason.needed or 0), _placed(reason)
    match reason.code:
        case "in-ram":
            return f"{needed} lie in RAM"
        case "partly-in-ram":
            return f"{placed}, {'the other ' if reason.gpus else ''}{needed} in RAM"
        case "experts-in-ram":
            where = "the GPU" if reason.gpus == 1 else f"{reason.gpus} GPUs"
            experts = f"the routed experts of {reason.layers} of {reason.of_layers} layers"
            return f"{needed} in RAM, {experts}; everything else on {where}"
        case "ram-unknown":
            return f"{placed}; how much RAM there is could not be found out"
        case "no-ram-stated":
            return f"{placed}; no RAM is stated to hold the rest"
        case _:
            rest = "the other " if reason.gpus and reason.layers is not None else ""
            available = format_gib(reason.available or 0)
            return f"{placed}: {rest}{needed} do not fit the {available} of RAM that are available"


def _placed(reason: Reason) -> str:
    if reason.layers is not None:
        where = "the GPU" if reason.gpus == 1 else f"{reason.gpus} GPUs"
        return f"{reason.layers} of {reason.of_layers} layers on {where}"
    return "offload to RAM" if reason.gpus else "all of it on the processors"


def _on(reason: Reason, worst: str) -> str:
    if reason.where == "one":
        return ""
    return f" on {'each' if reason.where == 'each' else worst} of {reason.gpus} GPUs"
