"""Multiplies two matrices on each GPU: every value must be finite and right, and the rate near the card's."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, Request, child, on_device
from llmcheck.schema.measurement import Measurement

CHECK = Check(
    title="product of two matrices on each GPU (torch)", quantities=("matmul",), on_gpus=True, needs_torch=True
)
EXAMPLE = Example(
    outputs=(on_device.example("matmul", "TFLOP/s", "NVIDIA H100 80GB HBM3", 731.5),), expected={"matmul": 731.5}
)


def jobs(request: Request) -> tuple[Job, ...]:
    return on_device.jobs("matmul", "matmul", request)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("matmul", outputs, request)
