"""What was published of the loss by one format of weights."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct


class QuantisationLoss(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure for each format, of a model of about 8 billion weights where there is one: small models lose most."""

    format: str
    """Its one name in ``llmcheck.fit.shapes.formats``."""
    model: str
    kind: Literal["perplexity", "divergence", "score"]
    """``divergence``: mean Kullback-Leibler divergence in nats, whose baseline is 0. Of a score more is better."""
    metric: str
    baseline: float
    """Of the model as it was before."""
    value: float
    source: str
    as_of: datetime.date
