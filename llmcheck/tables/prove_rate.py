"""One published rate that a healthy machine reaches: a pass threshold of a tool, or a measurement."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct


class ProveRate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quantity: str
    """What is measured: ``matmul``, ``host-to-device``."""
    card: str = ""
    """Name of the row of the GPU table; "" where it does not depend on the card."""
    kind: Literal["minimum", "measured"]
    """``minimum``: a tool fails a machine below it; ``measured``: one published run of a healthy machine."""
    rate: float
    unit: Literal["TFLOP/s", "GB/s", "Gb/s"]
    gpus: int | None = None
    """It is about so many GPUs; None where their number does not matter."""
    message_bytes: int | None = None
    """It is about messages of at least this size; None where that does not matter."""
    link_gbps: float | None = None
    """It is about network ports of this rate; None where it is about none."""
    how: str
    """How the source measures."""
    source: str
    source_date: datetime.date
