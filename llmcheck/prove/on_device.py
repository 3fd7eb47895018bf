"""What the checks share that torch runs on each device."""

from __future__ import annotations

from llmcheck.prove import Job, Request, child


def jobs(task: str, quantity: str, request: Request) -> tuple[Job, ...]:
    """One process, which goes from device to device and answers for each."""
    settings = {"task": task, "quantity": quantity, "device": request.device, "seconds": request.seconds}
    return (child.job(request.python, "torch_device", settings),)


def example(quantity: str, unit: str, card: str, rate: float) -> str:
    """The answer of a GPU."""
    return (
        f'{child.MARK}{{"quantity": "{quantity}", "subject": "GPU 0", "unit": "{unit}", "rate": {rate}, "right": true, '
        f'"vendor": "nvidia", "card": "{card}", "card_memory": 85017493504}}\n'
    )
