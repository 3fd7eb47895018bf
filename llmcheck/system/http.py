"""One request over the network, with a deadline; only ``--probe-net`` makes one.

urllib.request applies its timeout to each operation on the socket and none to the look-up of names, so it cannot hold a
deadline for the whole request. The request therefore runs in a daemon thread that reports what it knows as it goes on;
at the deadline the last report is the answer, and the thread is left behind.

Importing urllib.request takes 30 ms, so ``http_request`` is imported when a request is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

FETCH_LIMIT = 4 * 2**20
"""Bytes: enough to measure the speed of a download."""


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


def fetch(url: str, environ: Mapping[str, str], seconds: float, limit: int = FETCH_LIMIT) -> Fetched:
    """GET an http or https address through the proxies that ``environ`` names.

    It ends after ``seconds`` or ``limit`` bytes of the body. Nothing personal is sent: no token, no cookie, and no user
    name and password of the address.
    """
    import threading

    from llmcheck.system.http_request import request

    reports = [Fetched(error=f"no answer within {seconds:g} s")]
    arguments = (public_address(url), environ, seconds, limit, reports.append)
    work = threading.Thread(target=request, args=arguments, daemon=True, name="fetch")
    work.start()
    work.join(seconds)
    return reports[-1]


def public_address(url: str) -> str:
    """An address without user name, password, query and fragment, which may be secrets."""
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
