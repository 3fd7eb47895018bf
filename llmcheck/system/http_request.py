"""The request behind ``http.fetch``: urllib.request with the proxies and certificates of a given environment."""

from __future__ import annotations

import http.client
import os
import ssl
import time
import urllib.error
from base64 import b64encode
from collections.abc import Callable, Mapping
from email.message import Message
from typing import IO
from urllib import request as urllib_request
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec.structs import replace

from llmcheck.system.fetched import Fetched, Piece, public_address

_RECEIVE_SECONDS = 3.0
"""A download is measured for so long."""
_REDIRECTIONS = 5
_REDIRECTED = (301, 302, 303, 307, 308)
_PIECE = 1 << 16
_LARGE_PIECE = 1 << 20

Report = Callable[[Fetched], None]


def request(url: str, environ: Mapping[str, str], seconds: float, limit: int, report: Report) -> None:
    """Reports when the answer begins and after each piece of its body, or the error.

    ``seconds`` is the limit of each operation, ``limit`` that of the body in bytes.
    """
    proxies = _Proxies(environ)
    began = time.monotonic()
    try:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("not an http or https address")
        wanted = urllib_request.Request(url, headers={"User-Agent": "llmcheck"})  # noqa: S310 - checked above
        response = _opener(proxies, environ).open(wanted, None, seconds)
    except (OSError, http.client.HTTPException, ValueError) as failure:
        report(Fetched(proxy=proxies.shown(), error=_line(failure)))
        return
    with response:
        _receive(response, Fetched(response.status, time.monotonic() - began, proxy=proxies.shown()), limit, report)


def _receive(response: http.client.HTTPResponse, answer: Fetched, limit: int, report: Report) -> None:
    began = time.monotonic()
    received, receiving = 0, 0.0
    try:
        while received < limit and receiving < _RECEIVE_SECONDS:
            report(replace(answer, received=received, receiving=receiving))
            data = response.read1(min(_PIECE, limit - received))
            if not data:
                return
            received, receiving = received + len(data), time.monotonic() - began
        report(replace(answer, received=received, receiving=receiving))
    except (OSError, http.client.HTTPException, ValueError):
        return  # the part that came is reported


def _line(failure: Exception) -> str:
    if isinstance(failure, urllib.error.HTTPError):  # to this opener only redirections are errors
        return f"redirections to no end, or to something other than a web address ({failure.code})"
    reason = failure.reason if isinstance(failure, urllib.error.URLError) else failure
    return " ".join(str(reason).split()) or type(reason).__name__


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy for an address, as curl and requests choose it; None for a direct connection.

    Lower-case variables win over upper-case ones. NO_PROXY lists hosts and domains, with or without a leading dot.
    urllib.request itself would read the environment of this process and the settings of the system.
    """
    parts = urlsplit(url)

    def value(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    proxy = value(f"{parts.scheme}_proxy") or value("all_proxy")
    if not proxy or _bypasses_proxy((parts.hostname or "").lower(), value("no_proxy").lower()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _bypasses_proxy(host: str, no_proxy: str) -> bool:
    for rule in map(str.strip, no_proxy.split(",")):
        domain = rule.removeprefix("*").lstrip(".").partition(":")[0]
        if rule == "*" or (domain and (host == domain or host.endswith(f".{domain}"))):
            return True
    return False


class _Proxies(urllib_request.BaseHandler):
    """Sends each request, a redirected one too, through the proxy that is right for its address."""

    handler_order = 100
    """Before the handlers that connect (500)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._used: str | None = None

    def shown(self) -> str | None:
        """The proxy of the last request, without credentials."""
        return public_address(self._used) if self._used else None

    def http_open(self, outgoing: urllib_request.Request) -> None:
        self._used = proxy = proxy_for(outgoing.full_url, self._environ)
        if proxy is None:
            return
        parts = urlsplit(proxy)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"a proxy of the kind '{parts.scheme}' cannot be used for this measurement")
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            # Not with add_header: a redirection would carry it to the next host.
            outgoing.add_unredirected_header("Proxy-authorization", f"Basic {b64encode(pair.encode()).decode()}")
        outgoing.set_proxy(parts.netloc.rpartition("@")[2], "http")

    https_open = http_open


class _Redirections(urllib_request.HTTPRedirectHandler):
    max_redirections = max_repeats = _REDIRECTIONS

    def redirect_request(
        self,
        req: urllib_request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage | Message,
        newurl: str,
    ) -> urllib_request.Request | None:
        parts = urlsplit(newurl)
        address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return super().redirect_request(req, fp, code, msg, headers, address)  # type: ignore[arg-type]  # it reads any Message


class _EveryStatus(urllib_request.HTTPErrorProcessor):
    """An error status is an answer too: the server was reached."""

    def http_response(
        self, request: urllib_request.Request, response: http.client.HTTPResponse
    ) -> http.client.HTTPResponse:
        if response.status in _REDIRECTED and response.headers.get("Location"):
            followed: http.client.HTTPResponse = super().http_response(request, response)
            return followed
        return response

    https_response = http_response


class _Https(urllib_request.HTTPSHandler):
    """Loads certificates only for an https address."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        urllib_request.AbstractHTTPHandler.__init__(self)
        self._environ = environ

    def https_open(self, req: urllib_request.Request) -> http.client.HTTPResponse:
        return self.do_open(http.client.HTTPSConnection, req, context=_certificates(self._environ))


def _opener(proxies: _Proxies, environ: Mapping[str, str]) -> urllib_request.OpenerDirector:
    """Built by hand: ``build_opener`` adds ftp, file and data addresses, which a redirection could name."""
    opener = urllib_request.OpenerDirector()
    opener.addheaders = []
    for handler in (
        proxies,
        urllib_request.HTTPHandler(),
        _Https(environ),
        _Redirections(),
        _EveryStatus(),
        urllib_request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The system's, and those of the files that companies name in these variables."""
    context = ssl.create_default_context()
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environ.get(name)
        if path and os.path.isfile(path):
            context.load_verify_locations(path)
    return context


def piece(url: str, environ: Mapping[str, str], seconds: float, first: int, most: int) -> Piece:
    """GET up to ``most`` bytes of an address, beginning with byte ``first``; ``seconds`` limits each operation.

    A server that does not know ranges sends the whole from its beginning, of which only what was asked for is read.
    """
    proxies = _Proxies(environ)
    try:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("not an http or https address")
        headers = {
            "User-Agent": "llmcheck",
            "Range": f"bytes={first}-{first + most - 1}",
            "Accept-Encoding": "identity",
        }
        wanted = urllib_request.Request(url, headers=headers)  # noqa: S310 - checked above
        with _opener(proxies, environ).open(wanted, None, seconds) as response:
            status = response.status
            if status == 200 and first:
                return Piece(status=status, error="the server does not send parts of files")
            found = bytearray()
            while len(found) < most and (data := response.read(min(_LARGE_PIECE, most - len(found)))):
                found += data
            return Piece(status=status, data=bytes(found), total=_total(response.headers, status))
    except (OSError, http.client.HTTPException, ValueError) as failure:
        return Piece(error=_line(failure))


def _total(headers: Message, status: int) -> int | None:
    """Bytes of the whole file, as the answer states them."""
    if status == 206:
        size = (headers.get("Content-Range") or "").rpartition("/")[2]
    else:
        size = headers.get("Content-Length") or ""
    return int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None
