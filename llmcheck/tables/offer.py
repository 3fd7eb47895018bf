"""One rentable machine with its list price. Prices are US dollars and carry their date."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

Tier = Literal[
    "on-demand", "secure", "community", "marketplace", "spot", "serverless", "dedicated", "production", "legacy"
]  # fmt: skip
"""Who owns the machine and how it is sold. ``secure``: a provider's own rooms; ``community``, ``marketplace``: machines
of private persons; ``spot``: can be taken away at any time; ``serverless``: no machine to log in to; ``dedicated``: by
the month, with a fee to set it up. ``production``, ``legacy``: only in documents of version 0.1."""
Kind = Literal["vm", "tpu", "subscription"]
"""``tpu``: sold in chips. ``subscription``: a monthly price for a budget of units, and no GPU is promised."""
Link = Literal["nvlink", "pcie", "xgmi", "ici"]
Fabric = Literal["infiniband", "efa", "roce", "gpudirect", "none"]


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of ``data/offers/PROVIDER.csv``."""

    id: str
    """Unique: provider, type, and where one type has several rows, tier and region."""
    provider: str
    """File name of the table, and a row of ``data/providers.toml``."""
    instance_type: str
    """As the provider names it."""
    kind: Kind = "vm"
    """How it is sold."""
    tier: Tier = "on-demand"
    """Whose it is, and whether it can be interrupted."""
    status: Literal["available", "withdrawn"] = "available"
    """``withdrawn``: it still has a price, and cannot be started any more."""
    vendor: str
    """Of the GPUs."""
    accelerator: str
    """Name and memory of one GPU, in words that ``--machine`` takes: ``H100 SXM 80GB``."""
    gpu: str = ""
    """Name of the row of the GPU table that it is judged by; of several cards of one name the slowest. "": none."""
    gpu_count: int
    """GPUs; of a TPU, chips."""
    gpu_memory_gb: float
    """The advertised memory of one GPU, in GB."""
    compute_capability: str | None = None
    """None where the table of GPUs has none."""
    vcpus: int | None = None
    """None where it is not stated."""
    ram_gib: float | None = None
    """None where it is not stated."""
    local_disk_gb: float | None = None
    """GB of disk in the price; None where it is not stated."""
    link: Link | None = None
    """Between its GPUs; None for a single one, and where it is not stated."""
    fabric: Fabric | None = None
    """Between instances; None where it is not stated."""
    fabric_gbit: int | None = None
    """Gigabits a second of one instance; None where it is not stated."""
    region: str | None = None
    """None for any."""
    price_hour: float | None = None
    """US dollars an hour for the whole instance; None where it is sold in another way."""
    spot_price_hour: float | None = None
    """The same while it may be taken away; None where it is not sold so, or not stated."""
    price_month: float | None = None
    """Of a subscription."""
    units_month: float | None = None
    """What a month of a subscription contains."""
    units_hour: float | None = None
    """What one hour on this GPU takes of them."""
    price_date: datetime.date = field(name="as_of")
    """Of the price; ``as_of`` in JSON, and ``price_date`` in tables."""
    source: str
    """Where the price was read."""
    licence: str = ""
    """Of the source; "" only in documents of version 0.1."""
    note: str = ""
    """What is doubtful, computed or excluded."""
    documented: str | None = None
    """The document's words, where it stands among the offers that the document names; else None."""
    documented_price_hour: float | None = None
    """US dollars an hour in those words; None where they have none."""


def by_field(row: Mapping[str, object]) -> dict[str, object]:
    """A row of a table by the names that ``Offer`` has in JSON."""
    return {"as_of" if name == "price_date" else name: value for name, value in row.items()}


class DocumentedOffer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer that the document names, and the offer that was found for it."""

    offer: str
    """Id of the verified offer."""
    documented: str
    """The document's words."""
    price: float
    """US dollars, as documented."""
    per: Literal["hour", "chip-hour", "month"]
    """What that amount buys."""
