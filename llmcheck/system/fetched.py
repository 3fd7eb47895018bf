"""The result of one request over the network, and how an address may be shown."""

from __future__ import annotations

from msgspec import Struct


class Fetched(Struct, frozen=True):
    """The result of one request."""

    status: int | None = None
    """The HTTP status; None where no server answered."""
    first_byte: float | None = None
    """Seconds until the answer began, redirections included."""
    received: int = 0
    """Bytes of its body."""
    receiving: float = 0.0
    """Seconds that these took."""
    proxy: str | None = None
    """The proxy's address without credentials; None for a direct connection."""
    error: str | None = None
    """One line; None where a server answered."""


class Piece(Struct, frozen=True):
    """A part of a file on a server."""

    status: int | None = None
    """The HTTP status; None where no server answered."""
    data: bytes = b""
    total: int | None = None
    """Bytes of the whole file; None where the server does not say it."""
    error: str | None = None
    """One line; None where the server answered as it should."""


def public_address(url: str) -> str:
    """An address without user name, password, query and fragment, which may be secrets."""
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
