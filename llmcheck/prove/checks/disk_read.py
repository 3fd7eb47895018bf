"""Reads a large file that is there, past the page cache: a local disk or a shared file system. Writes nothing, unless
``--write`` allows a temporary file.
"""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, Request, child
from llmcheck.schema.measurement import Measurement

CHECK = Check(title="reading a large file past the page cache", quantities=("disk-read",))
EXAMPLE = Example(
    outputs=(
        f'{child.MARK}{{"quantity": "disk-read", "subject": "/data/model.safetensors", "unit": "GB/s", "rate": 6.4, '
        '"right": true}\n',
    ),
    expected={"disk-read": 6.4},
)


def jobs(request: Request) -> tuple[Job, ...]:
    settings = {"folders": list(request.folders), "seconds": request.seconds, "write": request.write}
    return (child.job(request.own_python, "disk", settings),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("disk-read", outputs, request)
