"""Copies within the memory of each GPU; what is read and what is written both count."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, Request, child, on_device
from llmcheck.schema.measurement import Measurement

CHECK = Check(
    title="copies within the memory of each GPU (torch)",
    quantities=("device-memory",),
    on_gpus=True,
    needs_torch=True,
)
EXAMPLE = Example(
    outputs=(on_device.example("device-memory", "GB/s", "NVIDIA H100 80GB HBM3", 2870.0),),
    expected={"device-memory": 2870.0},
)


def jobs(request: Request) -> tuple[Job, ...]:
    return on_device.copies("device_memory", "device-memory", request)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("device-memory", outputs, request)
