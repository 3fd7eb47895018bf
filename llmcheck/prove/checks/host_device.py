"""Copies between pinned memory of the host and each GPU, in both directions: the PCIe link under load."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, Request, child, on_device
from llmcheck.schema.measurement import Measurement

CHECK = Check(
    title="copies between host and each GPU (torch)",
    quantities=("host-to-device", "device-to-host"),
    on_gpus=True,
    needs_torch=True,
)
EXAMPLE = Example(
    outputs=(
        on_device.example("host-to-device", "GB/s", "NVIDIA H100 80GB HBM3", 55.1)
        + on_device.example("device-to-host", "GB/s", "NVIDIA H100 80GB HBM3", 54.9),
    ),
    expected={"host-to-device": 55.1, "device-to-host": 54.9},
)


def jobs(request: Request) -> tuple[Job, ...]:
    return on_device.copies("host_device", "host-to-device", request)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("host-device", outputs, request)
