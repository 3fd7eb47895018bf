"""all_reduce_perf of nccl-tests or rccl-tests, where it is installed: all GPUs of this node, with its own check of the
sums.
"""

from __future__ import annotations

import re

from llmcheck.prove import Check, Example, Job, NotApplicable, Request, tool
from llmcheck.schema.machine import counted_gpus
from llmcheck.schema.measurement import Measurement

CHECK = Check(
    title="all-reduce by all_reduce_perf (nccl-tests)",
    quantities=("all-reduce",),
    on_gpus=True,
    program="all_reduce_perf",
)
EXAMPLE = Example(
    outputs=(
        "# nThread 1 nGpus 8 minBytes 1073741824 maxBytes 8589934592 step: 2(factor) validation: 1\n"
        "#  Rank  0 Group  0 Pid   1001 on      node1 device  0 [0x18] NVIDIA H100 80GB HBM3\n"
        "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw"
        " #wrong\n"
        "  1073741824     268435456     float     sum      -1   4297.6  249.85  437.24      0   4289.1  250.34  438.10"
        "      0\n"
        "  8589934592    2147483648     float     sum      -1  31922.0  269.09  470.91      0  31874.0  269.50  471.62"
        "      0\n"
        "# Out of bounds values : 0 OK\n",
    ),
    expected={"all-reduce": 437.24},
)
_ROW = re.compile(
    r"^\s*(\d+)\s+\d+\s+\w+\s+\w+\s+-?\d+\s+[\d.]+\s+[\d.]+\s+([\d.]+)\s+(\d+|N/A)"
    r"(?:\s+[\d.]+\s+[\d.]+\s+([\d.]+)\s+(\d+|N/A))?",
    re.MULTILINE,
)
_CARD = re.compile(r"^#\s+Rank\s+\d+\b.*\]\s*(.+?)\s*$", re.MULTILINE)


def jobs(request: Request) -> tuple[Job, ...]:
    count = len(counted_gpus(request.machine))
    if count < 2:
        raise NotApplicable("fewer than two GPUs on this host")
    return (Job(argv=("all_reduce_perf", "-b", "256M", "-e", "16G", "-f", "4", "-g", str(count))),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    """One measurement for each size: the slower of out of place and in place."""
    text = outputs[0] if outputs else ""
    cards = _CARD.findall(text)
    vendor = next((each.vendor for each in counted_gpus(request.machine)), None)
    found = []
    for size, out, wrong, inside, also in _ROW.findall(text):
        rate = min(float(each[:18]) for each in (out, inside) if each)
        checked = [each for each in (wrong, also) if each.isdecimal()]
        right = all(int(each[:18]) == 0 for each in checked) if checked else None
        more = {"card": cards[0] if cards else None, "vendor": vendor, "gpus": len(cards) or None}
        reason = "sums are wrong" if right is False else None
        more |= {"message_bytes": int(size[:18]), "right": right, "reason": reason}
        found.append(tool.measured("nccl-tests", "all-reduce", f"{len(cards)} GPUs", "GB/s", rate, **more))
    return tuple(found)
