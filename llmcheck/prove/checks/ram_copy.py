"""Copies memory on all processors at once; what is read and what is written both count."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, NotPossible, Request, child
from llmcheck.schema.measurement import Measurement

CHECK = Check(title="copies of RAM on all processors at once", quantities=("ram-copy",))
EXAMPLE = Example(
    outputs=(
        f'{child.MARK}{{"quantity": "ram-copy", "subject": "16 threads", "unit": "GB/s", "rate": 180.5, '
        '"right": true}\n',
    ),
    expected={"ram-copy": 180.5},
)
_MOST_THREADS = 64
_BYTES = 256 * 2**20
_LEAST_BYTES = 32 * 2**20
"""Larger than the cache that one processor has for itself."""


def jobs(request: Request) -> tuple[Job, ...]:
    cpu, ram = request.machine.cpu, request.machine.ram
    count = min(cpu.threads_usable or cpu.threads or 1, _MOST_THREADS)
    room = ram.available if ram.available is not None else 8 * 2**30
    size = _BYTES
    while size > _LEAST_BYTES and 4 * size * count > room:  # source and target in half of what is free
        size //= 2
    if 4 * size > room:
        raise NotPossible("less than 128 MiB of RAM are free")
    count = max(1, min(count, room // (4 * size)))
    return (child.job(request.own_python, "ram", {"threads": count, "bytes": size, "seconds": request.seconds}),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("ram-copy", outputs, request)
