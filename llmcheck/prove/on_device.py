"""What the checks share that torch runs on each device."""

from __future__ import annotations

from llmcheck.prove import Device, Job, NotApplicable, Request, child


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
    """The device of the user; else the GPUs, and the processor only where there surely is no GPU.

    It never stands in for one that is broken, hidden or not listed.
    """
    if request.device != "auto":
        return request.device
    found = request.machine.gpus
    return "cpu" if found is not None and all(gpu.integrated for gpu in found) else "cuda"


def example(quantity: str, unit: str, card: str, rate: float) -> str:
    """The answer of a GPU."""
    return (
        f'{child.MARK}{{"quantity": "{quantity}", "subject": "GPU 0", "unit": "{unit}", "rate": {rate}, "right": true, '
        f'"vendor": "nvidia", "card": "{card}", "card_memory": 85017493504}}\n'
    )
