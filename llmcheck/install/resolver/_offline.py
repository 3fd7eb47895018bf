"""Which index did not answer, told from what a resolver says of it."""

from __future__ import annotations

import re

from llmcheck.schema.advice import Step

_PYPI = "https://pypi.org"
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
_FETCHED = re.compile(
    r"(?:Failed to fetch|for url)[:\s`(]+(https?://[^\s`)]+)"
    r"|Could not fetch URL (https?://\S+?): (?:connection error|[^\n]*(?:timed out|SSL|certificate))"
)
_LOOKED_IN = re.compile(r"Looking in indexes: ([^\n]+)")


def offline_words(text: str, step: Step) -> str:
    return f"{index(text, step)} could not be reached, so nothing was verified"


def index(text: str, step: Step) -> str:
    """The index that did not answer: whole where the plan names it, else its host, for the rest may be a secret.

    Not named where several were asked and the resolver does not say which it was.
    """
    silent = [first or second for first, second in _HOST.findall(text)]
    silent = silent or [_host(first or second) for first, second in _FETCHED.findall(text)]
    if not silent:
        looked = _LOOKED_IN.search(text)
        asked = looked[1].split(",") if looked else [step.index_url or f"{_PYPI}/simple", step.extra_index_url or ""]
        silent = [_host(url.strip()) for url in asked if url]
        if len(silent) > 1:
            return "a package index"
    known = (
        url for url in (step.index_url, step.extra_index_url, f"{_PYPI}/simple") if url and _host(url) == silent[-1]
    )
    return f"the package index {next(known, silent[-1])}"


def _host(url: str) -> str:
    return re.sub(r"^\w+://(?:[^/@]*@)?", "", url).partition("/")[0].partition(":")[0] or url
