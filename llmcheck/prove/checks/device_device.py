"""Copies from each GPU to each other: NVLink, Infinity Fabric or PCIe between them."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, NotApplicable, Request, child, on_device
from llmcheck.schema.machine import counted_gpus
from llmcheck.schema.measurement import Measurement

CHECK = Check(
    title="copies from each GPU to each other (torch)",
    quantities=("device-to-device",),
    on_gpus=True,
    needs_torch=True,
)
EXAMPLE = Example(
    outputs=(on_device.example("device-to-device", "GB/s", "NVIDIA H100 80GB HBM3", 371.0),),
    expected={"device-to-device": 371.0},
)


def jobs(request: Request) -> tuple[Job, ...]:
    if on_device.chosen(request) == "cuda" and len(counted_gpus(request.machine)) == 1:
        raise NotApplicable("one GPU: there is no other to copy to")
    return on_device.copies("device_device", "device-to-device", request)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("device-device", outputs, request)
