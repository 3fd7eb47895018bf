"""One rentable machine with its list price; prices are US dollars and carry their date."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    provider: str
    instance_type: str
    kind: Literal["vm", "tpu", "subscription"]
    vendor: str
    accelerator: str
    gpu: str = ""
    """Name of the row of the GPU table that it is judged by: of several cards of that name the slowest. "": none."""
    gpu_count: int
    gpu_memory_gb: int
    """The advertised memory of one GPU."""
    tier: str
    """``on-demand``, ``secure``, ``community``, ``marketplace``, ...: who owns it and whether it can be interrupted."""
    status: Literal["available", "withdrawn"]
    source: str
    as_of: datetime.date
    compute_capability: str | None = None
    vcpus: int | None = None
    ram_gib: float | None = None
    region: str | None = None
    price_hour: float | None = None
    """US dollars for the instance (for a TPU, for one chip); None for subscriptions."""
    spot_price_hour: float | None = None
    fabric: str | None = None
    """``infiniband`` or ``efa`` between instances; None if the source does not state it."""
    documented: str | None = None
    """The offer in the document's words; None if the document does not name it."""
    documented_price_hour: float | None = None
