"""One request over the network, with a deadline; only what was asked for with ``--probe-net`` gets here.

The heavy imports are inside the functions: whoever does not ask for the network does not pay for it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import http.client
    import ssl

FETCH_LIMIT = 4 * 2**20
_FETCH_SECONDS = 3.0
_REDIRECTIONS = 5


class Fetched(NamedTuple):
    """What came of one request."""

    status: int | None = None
    """The HTTP status; None where no server answered."""
    first_byte: float | None = None
    """Seconds until the answer began, redirections included."""
    received: int = 0
    """Bytes of its body."""
    receiving: float = 0.0
    """Seconds that these took."""
    proxy: str | None = None
    """Through which it went, without credentials; None for none."""
    error: str | None = None
    """In one line; None where a server answered."""


def public_address(url: str) -> str:
    """An address without user name, password, query and fragment, which may be secrets."""
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch(url: str, environ: Mapping[str, str], end: float, limit: int) -> Fetched:
    """As ``Host.fetch``, without its guard against what knows no deadline."""
    import http.client
    from urllib.parse import urljoin

    began, proxy = time.monotonic(), None
    try:
        url = public_address(url)
        for _ in range(_REDIRECTIONS):
            proxy = _proxy_for(url, environ)
            connection = _request(url, proxy, environ, end)
            try:
                socket = connection.sock  # which the connection forgets when the server will close
                response = connection.getresponse()
                there = response.getheader("Location")
                if response.status in (301, 302, 303, 307, 308) and there:
                    url = urljoin(url, there)
                    continue
                first = time.monotonic()
                received = _receive(socket, response, min(end, first + _FETCH_SECONDS), limit)
                shown = public_address(proxy) if proxy else None
                return Fetched(response.status, first - began, received, time.monotonic() - first, shown)
            finally:
                connection.close()
        error = f"more than {_REDIRECTIONS} redirections"
    except (OSError, http.client.HTTPException, ValueError) as failure:
        error = " ".join(str(failure).split()) or type(failure).__name__
    return Fetched(proxy=public_address(proxy) if proxy else None, error=error)


def _request(url: str, proxy: str | None, environ: Mapping[str, str], end: float) -> http.client.HTTPConnection:
    """A connection on which the request has been sent. Raises OSError, HTTPException and ValueError."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    left = max(0.01, end - time.monotonic())
    via = urlsplit(proxy) if proxy else parts
    if proxy and (via.scheme != "http" or not via.hostname):
        raise ValueError(f"a proxy of the kind '{via.scheme}' cannot be used for this measurement")
    pass_key = _proxy_authorization(proxy) if proxy else {}
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            via.hostname or "", via.port, timeout=left, context=_certificates(environ)
        )
        if proxy:
            connection.set_tunnel(parts.hostname, parts.port, pass_key)
            pass_key = {}
    else:
        connection = http.client.HTTPConnection(via.hostname or "", via.port, timeout=left)
    path = url if proxy and parts.scheme == "http" else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers={"User-Agent": "llmcheck", **pass_key})
    except BaseException:
        connection.close()
        raise
    return connection


def _receive(socket: Any, response: http.client.HTTPResponse, end: float, limit: int) -> int:
    """Bytes of the body, as many as come until then."""
    received = 0
    with contextlib.suppress(OSError, ValueError):  # what came until it broke off is what counts
        while received < limit and (left := end - time.monotonic()) > 0:
            socket.settimeout(left)
            data = response.read1(min(1 << 16, limit - received))
            if not data:
                break
            received += len(data)
    return received


def _proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """As most libraries choose: the small letters win, and NO_PROXY names who is asked directly."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)

    def value(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    proxy = value(f"{parts.scheme}_proxy") or value("all_proxy")
    if not proxy or _is_direct((parts.hostname or "").lower(), value("no_proxy").lower()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_direct(name: str, no_proxy: str) -> bool:
    for rule in map(str.strip, no_proxy.split(",")):
        bare = rule.removeprefix("*").lstrip(".").partition(":")[0]
        if rule == "*" or (bare and (name == bare or name.endswith(f".{bare}"))):
            return True
    return False


def _proxy_authorization(proxy: str) -> dict[str, str]:
    """What the proxy asks for, to be sent to it alone."""
    from base64 import b64encode
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Whom to trust: the system's list, and a company's own that libraries are told of by these variables."""
    import ssl

    context = ssl.create_default_context()
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environ.get(name)
        if path and os.path.isfile(path):
            context.load_verify_locations(path)
    return context
