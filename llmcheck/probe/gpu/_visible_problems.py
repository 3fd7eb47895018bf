"""What is wrong with a variable that selects GPUs: an entry that ends the list, or one that hides them all.

CUDA and HIP drop such an entry, and all after it, without a word. UUIDs are not repeated in messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmcheck.probe.gpu._visible import visible_amd, visible_devices
from llmcheck.schema.gpu import HIDDEN, HIDDEN_BY_MISTAKE, PARTLY_HIDDEN
from llmcheck.schema.machine import Problem

_NAMED = ("GPU-", "MIG-")
_HARMLESS = r"[A-Za-z0-9_.+-]{1,20}"
_NUMBER = r"[+-]?[0-9]{1,18}"
_HEXADECIMAL = r"0[xX][0-9a-fA-F]{1,8}"
_LEGACY = r"MIG-GPU-[0-9a-fA-F-]+/\d+/\d+"
_ROCR = "ROCR_VISIBLE_DEVICES"
_SLURM = "NoDevFiles"
"""What Slurm sets for a job that was given no GPU."""


def of_cuda(
    environ: Mapping[str, str], uuids: Sequence[str], instances: Sequence[tuple[str, int]] = ()
) -> Problem | None:
    """What is wrong with CUDA_VISIBLE_DEVICES; None where each of its entries selects a GPU, and without GPUs.

    ``uuids`` and ``instances``: as in ``visible_devices``.
    """
    value = environ.get("CUDA_VISIBLE_DEVICES")
    if value is None or not uuids:
        return None
    shown = visible_devices(environ, uuids, instances=instances)
    return _problem(
        "gpu.nvidia", "CUDA_VISIBLE_DEVICES", value, [*uuids, *(each for each, _ in instances)], len(uuids), shown
    )


def of_amd(environ: Mapping[str, str], uuids: Sequence[str]) -> Problem | None:
    """The same for ROCR_VISIBLE_DEVICES, and for HIP_VISIBLE_DEVICES or CUDA_VISIBLE_DEVICES, which apply after it."""
    if not uuids:
        return None
    first = {name: environ[name] for name in (_ROCR,) if name in environ}
    left = visible_amd(first, uuids)
    for name, known in (
        (_ROCR, len(uuids)),
        ("HIP_VISIBLE_DEVICES", len(left)),
        ("CUDA_VISIBLE_DEVICES", len(left)),
    ):
        if name not in environ or (name == "CUDA_VISIBLE_DEVICES" and "HIP_VISIBLE_DEVICES" in environ):
            continue
        shown = left if name in first else visible_amd(environ, uuids)
        found = _problem("gpu.amd", name, environ[name], uuids, known, shown)
        if found is not None:
            return found
    return None


def _problem(
    probe: str, variable: str, value: str, uuids: Sequence[str], count: int, shown: frozenset[int]
) -> Problem | None:
    entries = [entry.strip() for entry in value.split(",")]
    while len(entries) > 1 and not entries[-1]:  # a comma at the end changes nothing
        entries.pop()
    wrong = _first_wrong(entries, uuids, count, any_base=variable == _ROCR)
    if wrong is None and shown:
        return None
    position, why = wrong or (0, "selects no GPU that is here")
    entry = entries[position]
    what = (
        f"{variable}={entry}"
        if re.fullmatch(_HARMLESS, value) and not entry.startswith(_NAMED)
        else f"entry {position + 1} of {variable}"
    )
    meant = value.strip() == "" or (len(entries) == 1 and re.fullmatch(r"-[0-9]+", entry) is not None)
    if value.strip() == "":
        what = f"{variable} is empty, which"
    if shown:
        effect = f"programs see {len(shown)} of {count} GPUs"
    else:
        effect = "programs see no GPU, although " + ("1 is here" if count == 1 else f"{count} are here")
    return Problem(
        probe=probe,
        code=PARTLY_HIDDEN if shown else HIDDEN if meant else HIDDEN_BY_MISTAKE,
        message=f"{what} {why}: {effect}",
        remedy=_mend(variable, entries, entry, count),
    )


def _first_wrong(entries: Sequence[str], uuids: Sequence[str], count: int, any_base: bool) -> tuple[int, str] | None:
    """The position of the first entry that selects nothing, or is not read as it is written, and why."""
    if entries == [""]:
        return 0, "hides every GPU"
    kind = next((prefix for prefix in _NAMED if entries[0].startswith(prefix)), None)
    seen: list[object] = []
    for position, entry in enumerate(entries):
        chosen, why = _named(entry, kind, uuids) if kind else _numbered(entry, count, any_base)
        if why is None and chosen in seen:
            why = "is there twice, which hides every GPU"
        if why is not None:
            return position, why
        seen.append(chosen)
    return None


def _named(entry: str, kind: str, uuids: Sequence[str]) -> tuple[object, str | None]:
    if not entry.startswith(kind):
        return None, f"is no {kind} name like the first entry"
    matching = [uuid for uuid in uuids if uuid.startswith(entry)]
    if len(matching) == 1:
        return matching[0], None
    if matching:
        return None, "is the beginning of several UUIDs"
    if re.fullmatch(_LEGACY, entry):
        return None, "is a MIG name of drivers before 470"
    return None, "is the UUID of no GPU that is here"


def _numbered(entry: str, count: int, any_base: bool) -> tuple[object, str | None]:
    if entry == _SLURM:
        return None, "is what Slurm sets for a job without a GPU"
    if entry.startswith(_NAMED):
        return None, "is a name after a number"
    if re.fullmatch(_HEXADECIMAL, entry):  # ROCm reads it, CUDA stops at the x
        return _within(int(entry, 16), count) if any_base else (None, "is read as 0")
    match = re.match(_NUMBER, entry)
    if match is None:
        return None, "is no number of a GPU"
    number, why = _within(int(match[0]), count)
    return number, why if why or match[0] == entry else f"is read as {number}"


def _within(number: int, count: int) -> tuple[int, str | None]:
    if number < 0:
        return number, "is negative"
    if number >= count:
        here = "the only GPU has number 0" if count == 1 else f"the GPUs here have the numbers 0 to {count - 1}"
        return number, f"names GPU {number}, and {here}"
    return number, None


def _mend(variable: str, entries: Sequence[str], entry: str, count: int) -> str:
    if entry == _SLURM:
        return "ask Slurm for a GPU (sbatch --gpus=1, or --gres=gpu:1)"
    if "MIG-" in entry:
        return f"put the MIG UUIDs into {variable} that 'nvidia-smi -L' lists, or unset it"
    wanted = max(1, min(len(entries), count))
    numbers = ",".join(str(number) for number in range(wanted))
    others = " (UUIDs: 'nvidia-smi -L')" if entry.startswith("GPU-") else ""
    return f"unset {variable}, or set {variable}={numbers}{others}"
