"""Requests over the network, with a deadline; only ``--probe-net`` and ``fit --model`` make any.

urllib.request applies its timeout to each operation on the socket and none to the look-up of names, so it cannot hold a
deadline for the whole request. The request therefore runs in a daemon thread that reports what it knows as it goes on;
at the deadline the last report is the answer, and the thread is left behind.

Importing urllib.request takes 30 ms, so ``http_request`` is imported when a request is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmcheck.system.fetched import Fetched, Piece, public_address

FETCH_LIMIT = 4 * 2**20
"""Bytes: enough to measure the speed of a download."""


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


def fetch_piece(url: str, environ: Mapping[str, str], seconds: float, first: int, most: int) -> Piece:
    """Up to ``most`` bytes of an http or https address from byte ``first`` on, or what went wrong.

    It ends after ``seconds``. As with ``fetch``, nothing personal is sent.
    """
    import threading

    from llmcheck.system.http_request import piece

    found = [Piece(error=f"no answer within {seconds:g} s")]

    def work() -> None:
        found.append(piece(url, environ, seconds, first, most))

    thread = threading.Thread(target=work, daemon=True, name="fetch")
    thread.start()
    thread.join(seconds)
    return found[-1]
