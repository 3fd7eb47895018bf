"""Access to the hub and the package index: offline mode, a token, and with ``--probe-net`` a request to each.

Without ``--probe-net`` nothing is sent. The value of a token is never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from llmcheck.probe import Reading, Request
from llmcheck.schema.machine import Access, Endpoint, Problem
from llmcheck.system.fetched import Fetched, public_address
from llmcheck.system.host import Host

_HUB, _INDEX = "hub", "package-index"
# Variables that, set to one of _YES, put libraries into offline mode, and the endpoint that they disable.
_OFFLINE = {
    "HF_HUB_OFFLINE": _HUB,
    "TRANSFORMERS_OFFLINE": _HUB,
    "HF_DATASETS_OFFLINE": _HUB,
    "PIP_NO_INDEX": _INDEX,
    "UV_OFFLINE": _INDEX,
}
_YES = ("1", "on", "y", "yes", "t", "true")
_PYPI = "https://pypi.org"
_ADDRESSES = {
    _HUB: (("HF_ENDPOINT",), "https://huggingface.co"),
    _INDEX: (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), f"{_PYPI}/simple/"),
}
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# Seconds for each request: two of them fit into the time limit of a probe.
_SECONDS = 4.5
# Bytes that are enough to calculate a speed.
_ENOUGH = 256 * 2**10
_REMEDIES = {
    _HUB: "set HTTPS_PROXY if the network requires a proxy, or HF_ENDPOINT to a mirror; or copy the models as files",
    _INDEX: "set HTTPS_PROXY if the network requires a proxy, or PIP_INDEX_URL and UV_DEFAULT_INDEX to a mirror",
}


def probe(host: Host, request: Request) -> Iterator[Reading]:
    """Yields what needs no request first, then the result of each request."""
    offline = tuple(name for name in _OFFLINE if host.environ.get(name, "").strip().lower() in _YES)
    token, source = _token(host)
    access = Access(offline=offline, token=token)
    sources = {"access.token": source} if source else {}
    if offline:
        sources["access.offline"] = "the environment"
    if not request.probe_net:
        yield Reading(access=access, sources=sources)
        return
    sources["access.endpoints"] = "GET requests"
    waiting = [_waiting(host, name, offline) for name in _ADDRESSES]
    done: list[Endpoint] = []
    for endpoint, address in waiting:
        untried = [each if given is None else _out_of_time(each) for each, given in waiting[len(done) :]]
        yield _reading(access, (*done, *untried), sources)
        done.append(endpoint if address is None else _with_result(endpoint, host.fetch(address, _SECONDS)))
    yield _reading(access, done, sources)


def _reading(access: Access, endpoints: Sequence[Endpoint], sources: dict[str, str]) -> Reading:
    problems = tuple(
        Problem(
            probe="access",
            code="endpoint-unreachable",
            message=f"{endpoint.url} ({endpoint.name}) cannot be reached: {endpoint.error}",
            remedy=_REMEDIES[endpoint.name],
        )
        for endpoint in endpoints
        if endpoint.reachable is False
    )
    return Reading(access=replace(access, endpoints=tuple(endpoints)), sources=sources, problems=problems)


def _waiting(host: Host, name: str, offline: Sequence[str]) -> tuple[Endpoint, str | None]:
    """An endpoint before its request, and the address to request; None where offline mode forbids it."""
    variables, documented = _ADDRESSES[name]
    given = next((host.environ[variable] for variable in variables if host.environ.get(variable)), documented)
    # uv accepts NAME=URL.
    label, equals, rest = given.partition("=")
    address = public_address(rest if equals and "/" not in label else given)
    endpoint = Endpoint(name=name, url=address)
    reason = next((variable for variable in offline if _OFFLINE[variable] == name), None)
    if reason is None:
        return endpoint, address
    return replace(endpoint, error=f"not tried: {reason} is set"), None


def _out_of_time(endpoint: Endpoint) -> Endpoint:
    """The endpoint as it is reported if the probe's time ends before its request does."""
    return replace(endpoint, error="the time limit was reached before the request ended")


def _with_result(endpoint: Endpoint, got: Fetched) -> Endpoint:
    fast = got.received >= _ENOUGH and got.receiving > 0
    return replace(
        endpoint,
        reachable=got.status is not None,
        status=got.status,
        seconds=got.first_byte,
        bytes_per_second=got.received / got.receiving if fast else None,
        proxy=got.proxy,
        error=got.error,
    )


def _token(host: Host) -> tuple[bool | None, str | None]:
    """Whether a token exists, and where; None without a home folder. A token file is checked by size, never opened."""
    for name in _TOKENS:
        if host.environ.get(name, "").strip():
            return True, name
    path = _token_file(host)
    if path is None:
        return None, None
    return bool(host.file_size(path)), path


def _token_file(host: Host) -> str | None:
    """The path where huggingface_hub looks for the token; None without a home folder."""
    for name, below in (("HF_TOKEN_PATH", ""), ("HF_HOME", "/token"), ("XDG_CACHE_HOME", "/huggingface/token")):
        if host.environ.get(name):
            return host.absolute(host.environ[name] + below)
    home = host.home()
    return f"{home}/.cache/huggingface/token" if home else None
