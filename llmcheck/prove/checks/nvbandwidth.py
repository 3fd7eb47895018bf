"""NVIDIA's nvbandwidth, where it is installed: copies between host and GPUs, and between GPUs."""

from __future__ import annotations

import re

from llmcheck.prove import Check, Example, Job, Request, tool
from llmcheck.schema.machine import counted_gpus
from llmcheck.schema.measurement import Measurement

_TESTS = {
    "host_to_device_memcpy_ce": "host-to-device",
    "device_to_host_memcpy_ce": "device-to-host",
    "device_to_device_memcpy_write_ce": "device-to-device",
}
CHECK = Check(title="copies by nvbandwidth", quantities=tuple(_TESTS.values()), on_gpus=True, program="nvbandwidth")
EXAMPLE = Example(
    outputs=(
        "Running host_to_device_memcpy_ce.\n"
        "memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)\n"
        "           0         1\n"
        " 0     55.31     54.02\n"
        "SUM host_to_device_memcpy_ce 109.33\n"
        "Running device_to_device_memcpy_write_ce.\n"
        "memcpy CE GPU(row) <- GPU(column) bandwidth (GB/s)\n"
        "           0         1\n"
        " 0       N/A    391.20\n"
        " 1    389.75       N/A\n",
    ),
    expected={"host-to-device": 54.02, "device-to-device": 389.75},
)
_NUMBER = re.compile(r"\d+\.\d+")


def jobs(_request: Request) -> tuple[Job, ...]:
    return (Job(argv=("nvbandwidth", "-t", *_TESTS)),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    """Each cell of each matrix; a machine with several kinds of card has no card to compare with."""
    cards = {(each.vendor, each.name) for each in counted_gpus(request.machine)}
    vendor, card = next(iter(cards)) if len(cards) == 1 else (None, None)
    quantity, columns, found = None, list[str](), []
    for line in (outputs[0] if outputs else "").splitlines():
        words = line.split()
        if line.startswith("Running "):
            quantity, columns = _TESTS.get(line.removeprefix("Running ").rstrip(". ")), []
        elif quantity and words and all(word.isdecimal() for word in words):
            columns = words
        elif quantity and columns and len(words) == len(columns) + 1 and words[0].isdecimal():
            for column, word in zip(columns, words[1:], strict=True):
                if _NUMBER.fullmatch(word):
                    one = quantity == "device-to-device"
                    subject = f"GPU {words[0]} to GPU {column}" if one else f"GPU {column}"
                    rate = float(word[:18])
                    more = {"vendor": vendor, "card": card}
                    found.append(tool.measured("nvbandwidth", quantity, subject, "GB/s", rate, **more))
    return tuple(found)
