"""What checks measured by doing work: rates of GPUs, memory, disks and networks, and whether results were right."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Literal

from msgspec import Struct

Unit = Literal["TFLOP/s", "GB/s", "Gb/s"]
"""10^12 operations, 10^9 bytes and 10^9 bits in a second."""


class Measurement(Struct, frozen=True, kw_only=True):
    """One rate, or why there is none."""

    check: str
    """The check that measured it: ``matmul``."""
    quantity: str
    """What was measured, as ``data/prove_rates.csv`` names it: ``host-to-device``."""
    subject: str
    """What it was measured on: ``GPU 0``, ``GPU 0 to GPU 1``, a file."""
    unit: Unit
    """Of ``rate``."""
    rate: float | None = None
    """None: it was not measured, for the reason in ``reason``."""
    right: bool | None = None
    """Whether what was computed or copied was what it had to be; None where nothing was compared."""
    reason: str | None = None
    """Why there is no rate, or why the result is wrong; None where neither is the case."""
    detail: str | None = None
    """How it was measured: sizes, repetitions."""
    vendor: str | None = None
    """Of the GPU, as in ``Gpu.vendor``; None where it was no GPU."""
    card: str | None = None
    """Name of the GPU, as the program that measured names it."""
    card_memory: int | None = None
    """Bytes of the GPU, as that program reports them."""
    gpus: int | None = None
    """How many GPUs took part; None where it is no matter of several."""
    message_bytes: int | None = None
    """Size of one message, of a rate that depends on it."""
    link_gbps: float | None = None
    """Rate of the network port in Gb/s."""


State = Literal["ended", "failed", "cannot", "not-applicable", "left-out"]
"""``ended``: by itself, with what it measured; ``failed``: it was killed, died or answered nothing; ``cannot``:
something that it needs is missing; ``not-applicable``: there is nothing here that it is about; ``left-out``: by
``--only`` or ``--skip``, or as it runs only where it is named."""


class Trial(Struct, frozen=True, kw_only=True):
    """One check that was run, or was to run."""

    check: str
    """Its id."""
    title: str
    """What it does, in words."""
    quantities: tuple[str, ...]
    """What it measures."""
    program: str | None = None
    """The program of others that it starts; None for a check of llmcheck's own."""
    on_gpus: bool = False
    """It is about GPUs, where there are some."""
    named: bool = False
    """``--only`` names it."""
    state: State = "ended"
    """How it went."""
    measurements: tuple[Measurement, ...] = ()
    """What was measured, also by a check that did not end well."""
    reason: str | None = None
    """Why it did not run or did not end well; None where it ended well."""
