"""One machine as the probes may read it: its files, storage, kernel, programs and network.

Given a root other than ``/`` it answers from a captured tree and never from the live machine: what a tree cannot tell
(free space, the scheduler) is None. What is not a file of the machine has a file of its own in a tree: the name of the
system in ``/.platform``, the processor's architecture in ``/.architecture``, and a command's output in ``/.commands/``
under its words joined by spaces, with ``_`` for each ``/``.
"""

from __future__ import annotations

from llmcheck.system.http import FETCH_LIMIT, Fetched, fetch
from llmcheck.system.kernel import Kernel
from llmcheck.system.programs import Programs
from llmcheck.system.storage import Storage


class Host(Storage, Kernel, Programs):
    """All parts together; a function that needs one part only may ask for that."""

    def fetch(self, url: str, seconds: float, limit: int = FETCH_LIMIT) -> Fetched:
        """As ``http.fetch``, with this machine's environment; never for a captured tree."""
        if not self.live:
            return Fetched(error="this is a captured tree")
        return fetch(url, self.environ, seconds, limit)
