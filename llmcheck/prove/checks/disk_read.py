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


_ROLES = ("models", "work")
"""Of the folders of ``Machine.disks``, in this order; ``--path`` comes before them, and alone."""


def jobs(request: Request) -> tuple[Job, ...]:
    disks = sorted(
        (each for each in request.machine.disks or () if each.role in _ROLES), key=lambda one: _ROLES.index(one.role)
    )
    folders = [request.path] if request.path is not None else list(dict.fromkeys(each.path for each in disks))
    settings = {"folders": folders, "seconds": request.seconds, "write": request.write}
    return (child.job(request.own_python, "disk", settings),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("disk-read", outputs, request)
