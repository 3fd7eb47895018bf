"""What several screens say of a plan: how it is done, how fast it is, and the commands that run it."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck import shell
from llmcheck.errors import DataError
from llmcheck.schema.estimate import Band, Plan
from llmcheck.units import format_gib, two_digits


def how(plan: Plan) -> str:
    """``llama.cpp q8_0, partly in RAM``."""
    where = "" if not plan.memory.ram else ", partly in RAM" if plan.gpus else ", in RAM"
    method = "" if plan.method == "inference" else f" {plan.method}"
    name = "" if plan.weights is None else f" {plan.weights}"
    where = "" if plan.verdict == "fits" else where
    return f"{plan.runtime}{method}{name}{where}"


def where(plan: Plan) -> str:
    """``GPU``, ``2 GPUs``, ``5.5 GiB in RAM``, ``RAM``."""
    if not plan.gpus:
        return "RAM"
    if plan.verdict == "fits":
        return "GPU" if plan.gpus == 1 else f"{plan.gpus} GPUs"
    return f"{format_gib(plan.memory.ram)} in RAM"


def rate(speed: Band | None) -> str:
    """``~34``: no more digits than an estimate has."""
    return "–" if speed is None else f"~{two_digits(speed.expected)}"


def tokens(count: int | None) -> str:
    """``32k``, ``1M``: whole multiples of 1024 as people write them."""
    if count is None:
        return ""
    for unit, size in (("M", 1024**2), ("k", 1024)):
        if count >= size and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count:,}"


def pasted(argv: Sequence[str]) -> str:
    """Options or a command as they are typed; "" for a word that no shell passes on unchanged."""
    try:
        return " ".join(shell.quote(word) for word in argv)
    except DataError:
        return ""


def launch_lines(plan: Plan, reason: str) -> list[tuple[str, str]]:
    """The commands that run it, with their variables, to paste; [] where none is known, or none can be pasted."""
    if plan.launch is None:
        return []
    try:
        if not plan.launch_service:
            return [(shell.line(plan.launch, variables=plan.launch_environment), reason)]
        service = shell.line(plan.launch_service, variables=plan.launch_environment)
        return [(service, "has to run first, in a terminal of its own"), (shell.line(plan.launch), reason)]
    except DataError:
        return []
