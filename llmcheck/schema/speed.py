"""Estimated rates, and the times that they consist of."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Band(Struct, frozen=True):
    """An estimate with its lower and upper end."""

    low: float
    """Lower end."""
    expected: float
    """The estimate."""
    high: float
    """Upper end."""


Rate = Literal["decode", "batch", "prefill", "train"]
"""``decode``: one token of one sequence. ``batch``: one token of each of ``Workload.batch`` sequences. ``prefill``: the
prompts of all of them. ``train``: one micro-batch on every GPU."""
Cause = Literal[
    "weights", "cache", "compute", "attention", "recompute", "memory", "adapters", "loss", "dequantise", "communicate",
    "transfer", "launch", "optimizer", "propose",
]  # fmt: skip
"""``weights``, ``cache``: reading them. ``memory``: tensors between the matrix products. ``loss``: logits and their
gradient. ``transfer``: what is in RAM.
``launch``: the CPU queues kernels. ``communicate``: between GPUs. ``propose``: a second model or further layers
propose tokens."""


class Time(Struct, frozen=True, kw_only=True):
    """One of the times that a rate consists of, in seconds."""

    rate: Rate
    """The rate that it is a part of."""
    cause: Cause
    """What takes the time."""
    expected: float
    """Seconds."""
    low: float
    """Seconds at the quick end."""
    high: float
    """Seconds at the slow end."""
    hidden: bool = False
    """It runs beside the others and is shorter, so it adds nothing."""


class Speed(Struct, frozen=True, kw_only=True):
    """Estimated rates. None: not applicable, or not known for this GPU; ``Fit.assumptions`` has the reason."""

    decode: Band | None = None
    """Generated tokens per second of one sequence alone."""
    batch: Band | None = None
    """Generated tokens per second of all sequences of the batch together; None where the batch is one sequence."""
    served: Band | None = None
    """Generated tokens per second of a server that always has ``Workload.batch`` sequences and reads each one's prompt;
    None for other runtimes, for one sequence, and where ``Workload.prompt`` is not given."""
    prefill: Band | None = None
    """Prompt tokens per second."""
    first_token: Band | None = None
    """Seconds until the first token of a prompt: of one alone, and at the upper end of the last of the batch."""
    train: Band | None = None
    """Training tokens per second of all GPUs together."""
    train_per_gpu: Band | None = None
    """Training tokens per second of one of the GPUs."""
    times: tuple[Time, ...] = ()
    """What the rates consist of; () where none is known."""
    days: Band | None = None
    """Duration of a training run of ``Workload.tokens``; None without them."""
    energy_kwh: Band | None = None
    """Of that run, with the rest of the machine and the cooling."""
    co2_kg: Band | None = None
    """Kilograms of CO2 of that run; None where no carbon intensity was given."""
    cost_usd: Band | None = None
    """US dollars to rent the GPUs for that run, at the list prices in the table of offers."""
