"""Main memory: what the machine has, and the lowest limit that applies to this process."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Ram
from llmcheck.probe import Reading, Request
from llmcheck.probe._cgroup import memory_limit


def probe(host: Host, _request: Request) -> Reading:
    total, available = host.memory()
    limit, source = memory_limit(host) or (None, None)
    known = [size for size in (total, limit) if size is not None]
    return Reading(
        ram=Ram(
            total=total,
            available=available,
            limit=limit,
            limit_source=source,
            usable=min(known) if total is not None else None,
        )
    )
