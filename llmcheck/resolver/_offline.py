"""Which index did not answer, told from what a resolver says of it."""

from __future__ import annotations

import re

from llmcheck.advice import Step

_PYPI = "https://pypi.org/simple"
# What a resolver says of an index that it could not ask. pip drops such an index and goes on without it; its last
# attempt counts down to zero, and an earlier one may have been followed by a success.
PIP_UNREACHABLE = re.compile(
    r"Retry\(total=0|Max retries exceeded|There was a problem confirming the ssl certificate|"
    r"Could not fetch URL [^\n]*(?:connection|timed out|SSL)",
    re.IGNORECASE,
)
UV_UNREACHABLE = re.compile(
    r"error sending request|dns error|tcp connect error|connection refused|tunnel error|operation timed out|"
    r"network timeout|network was disabled|network connectivity is disabled|network is unreachable|"
    r"connection reset|invalid peer certificate|status (?:server |client )?error \((?:5\d\d|407)",
    re.IGNORECASE,
)
_HOST = re.compile(r"host='([^']+)'|Connection to ([\w.-]+) timed out")
_FETCHED = re.compile(r"(?:Failed to fetch|for url|Could not fetch URL)[:\s`(]+(https?://[^\s`)]+)")
_LOOKED_IN = re.compile(r"Looking in indexes: ([^\n]+)")


def offline_words(text: str, step: Step) -> str:
    return f"{index(text, step)} could not be reached, so nothing was verified"


def index(text: str, step: Step) -> str:
    """The index that did not answer: whole where the plan names it, else its host, for the rest may be a secret."""
    hosts = [first or second for first, second in _HOST.findall(text)]
    addresses = _FETCHED.findall(text)
    looked = _LOOKED_IN.search(text)
    if not addresses and looked:
        addresses = [url.strip() for url in looked[1].split(",")]
    hosts = hosts or [_host(address) for address in addresses or [step.index_url or _PYPI]]
    known = (url for url in (step.index_url, step.extra_index_url, _PYPI) if url and _host(url) == hosts[-1])
    return f"the package index {next(known, hosts[-1])}"


def _host(url: str) -> str:
    return re.sub(r"^\w+://(?:[^/@]*@)?", "", url).partition("/")[0].partition(":")[0] or url
