"""What a machine can reach on the network. None is a fact that could not be read."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from msgspec import Struct


class Endpoint(Struct, frozen=True, kw_only=True):
    """One address that was requested (``--probe-net``)."""

    name: str
    """``hub``, ``package-index``."""
    url: str
    """Without user name and password."""
    reachable: bool | None = None
    """There was an answer; None where that was not found out."""
    status: int | None = None
    """The HTTP status."""
    seconds: float | None = None
    """Until the first byte."""
    bytes_per_second: float | None = None
    """Measured over a short download; None where too little was received."""
    proxy: str | None = None
    """The proxy that was used, without credentials; None for none."""
    error: str | None = None
    """Why there was no answer; None for an answer."""


class Access(Struct, frozen=True, kw_only=True):
    """What this machine can reach on the network."""

    endpoints: tuple[Endpoint, ...] | None = None
    """None: not requested (``--probe-net``)."""
    offline: tuple[str, ...] = ()
    """Variables that put libraries into offline mode: ``HF_HUB_OFFLINE``, ..."""
    token: bool | None = None
    """Whether a token for gated models is present; its value is never stored here."""
