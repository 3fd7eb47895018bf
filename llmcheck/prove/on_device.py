"""What the checks share that torch runs on each device."""

from __future__ import annotations

from llmcheck.prove import Device, Job, NotApplicable, Request, child
from llmcheck.schema.machine import counted_gpus


def jobs(task: str, quantity: str, request: Request) -> tuple[Job, ...]:
    """One process, which goes from device to device and answers for each."""
    settings = {"task": task, "quantity": quantity, "device": chosen(request), "seconds": request.seconds}
    return (child.job(request.python, "torch_device", settings),)


def copies(task: str, quantity: str, request: Request) -> tuple[Job, ...]:
    """The same for copies, which say nothing of a machine without a GPU. Raises NotApplicable there."""
    if request.device == "auto" and chosen(request) == "cpu":
        raise NotApplicable("this machine has no GPU")
    return jobs(task, quantity, request)


def chosen(request: Request) -> Device:
    """The device of the user; else the GPUs, where there is one that works, and never the processor in their place.

    ``auto`` remains where it is not known whether there is a GPU that works.
    """
    if request.device != "auto":
        return request.device
    if counted_gpus(request.machine):
        return "cuda"
    found = request.machine.gpus
    return "cpu" if found is not None and all(gpu.integrated for gpu in found) else "auto"


def example(quantity: str, unit: str, card: str, rate: float) -> str:
    """The answer of a GPU."""
    return (
        f'{child.MARK}{{"quantity": "{quantity}", "subject": "GPU 0", "unit": "{unit}", "rate": {rate}, "right": true, '
        f'"vendor": "nvidia", "card": "{card}", "card_memory": 85017493504}}\n'
    )
