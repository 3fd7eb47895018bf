"""Adds up over all GPUs of this node, or of several (NCCL, RCCL), or over processes (gloo): the sum must be exact."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, NotApplicable, Request, child, on_device
from llmcheck.schema.machine import counted_gpus
from llmcheck.schema.measurement import Measurement

CHECK = Check(
    title="all-reduce over the GPUs (torch.distributed)", quantities=("all-reduce",), on_gpus=True, needs_torch=True
)
EXAMPLE = Example(
    outputs=(
        f'{child.MARK}{{"quantity": "all-reduce", "subject": "8 GPUs", "unit": "GB/s", "rate": 471.2, "right": true, '
        '"vendor": "nvidia", "card": "NVIDIA H100 80GB HBM3", "card_memory": 85017493504, "gpus": 8, '
        '"message_bytes": 17179869184}\n',
    ),
    expected={"all-reduce": 471.2},
)
_SIZES_ON_GPUS = (2**28, 2**30, 2**34)
"""Bytes: those of the published thresholds, or just above; a size without room is left out."""
_SIZES = (2**22, 2**25)
_PROCESSES = 2
"""Where there is no GPU."""


def jobs(request: Request) -> tuple[Job, ...]:
    device = on_device.chosen(request)
    on_gpus = device != "cpu"
    if on_gpus and request.nodes == 1 and len(counted_gpus(request.machine)) == 1:
        raise NotApplicable("one GPU: there is no other to exchange with")
    settings = {
        "device": device,
        "seconds": request.seconds,
        "deadline": request.deadline,
        "sizes": _SIZES_ON_GPUS if on_gpus else _SIZES,
        "processes": _PROCESSES if request.nodes == 1 else 1,
        "nodes": request.nodes,
        "node": request.node,
        "rendezvous": request.rendezvous,
        "source": child.source("torch_all_reduce"),
    }
    return (child.job(request.python, "torch_all_reduce", settings),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("all-reduce", outputs, request)
