"""Whether a profile is for a machine at all, as its ``[when]`` says."""

from __future__ import annotations

from llmcheck.judge.requirements import check, needed
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import When


def reason(when: When, machine: Machine) -> str | None:
    """Why it is not, in words; None where it is, and where too little is known: then it is judged."""
    here = machine.os
    if here is not None and when.os and here.system not in when.os:
        return f"this profile is for {_or(when.os)}, and this is {here.system}"
    if here is not None and when.architecture and here.architecture not in when.architecture:
        return f"this profile is for {_or(when.architecture)}, and this is {here.architecture}"
    if here is not None and when.container is not None and when.container != (here.container is not None):
        where = f"inside of a container ({here.container})" if here.container else "outside of a container"
        return (
            f"this profile is for machines {'in' if when.container else 'out'}side of a container, and this is {where}"
        )
    if when.vendor and machine.gpus is not None:
        found = dict.fromkeys(gpu.vendor for gpu in machine.gpus if not gpu.integrated)
        if not any(vendor in when.vendor for vendor in found):
            return f"this profile is for GPUs of {_or(when.vendor)}, and here is {_or(tuple(found)) or 'no GPU'}"
    missed = next((each for each in when.facts if check(each, machine).status == "fail"), None)
    return None if missed is None else f"this profile is for machines with {needed(missed)}"


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(words)
