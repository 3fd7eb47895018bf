"""Names the package index that could not be reached, from the output of uv or pip."""

from __future__ import annotations

import re

from llmcheck.schema.advice import Step

_PYPI = "https://pypi.org"
# Messages about an index that could not be reached. pip leaves such an index out and continues. Only its last attempt
# (total=0) counts: an earlier one may have been followed by a success.
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
_UNREACHED_HOST = re.compile(r"host='([^']+)'|Connection to ([\w.-]+) timed out")
_UNREACHED_URL = re.compile(
    r"(?:Failed to fetch|for url)[:\s`(]+(https?://[^\s`)]+)"
    r"|Could not fetch URL (https?://\S+?): (?:connection error|[^\n]*(?:timed out|SSL|certificate))"
)
_SEARCHED_INDEXES = re.compile(r"Looking in indexes: ([^\n]+)")


def offline_message(text: str, step: Step) -> str:
    """``text``: the output of the resolver."""
    return f"{unreachable_index(text, step)} could not be reached, so nothing was verified"


def unreachable_index(text: str, step: Step) -> str:
    """The index that did not answer: its full URL if the plan names it, otherwise only its host, because a URL from the
    user's settings may contain secrets. ``a package index`` if there are several and the output names none.
    """
    hosts = [first or second for first, second in _UNREACHED_HOST.findall(text)]
    hosts = hosts or [_host(first or second) for first, second in _UNREACHED_URL.findall(text)]
    if not hosts:
        searched = _SEARCHED_INDEXES.search(text)
        urls = searched[1].split(",") if searched else [step.index_url or f"{_PYPI}/simple", step.extra_index_url or ""]
        hosts = [_host(url.strip()) for url in urls if url]
        if len(hosts) > 1:
            return "a package index"
    known = (
        url for url in (step.index_url, step.extra_index_url, f"{_PYPI}/simple") if url and _host(url) == hosts[-1]
    )
    return f"the package index {next(known, hosts[-1])}"


def _host(url: str) -> str:
    return re.sub(r"^\w+://(?:[^/@]*@)?", "", url).partition("/")[0].partition(":")[0] or url
