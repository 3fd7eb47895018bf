"""The machine that the probes read: files, storage, kernel, programs and network.

With a root other than ``/`` it reads a captured tree and never the live machine. Facts that a tree does not have (free
space, the scheduler) are None. A tree has extra files for facts that are not in files: the operating system in
``/.platform``, the processor's architecture in ``/.architecture``, and a command's output in ``/.commands/``, where
the file name is the command line with ``_`` for each ``/``.
"""

from __future__ import annotations

from llmcheck.system.fetched import Fetched
from llmcheck.system.http import FETCH_LIMIT, fetch
from llmcheck.system.kernel import Kernel
from llmcheck.system.programs import Programs
from llmcheck.system.storage import Storage


class Host(Storage, Kernel, Programs):
    """All parts; a function that needs only one may take that part as its argument."""

    def fetch(self, url: str, seconds: float, limit: int = FETCH_LIMIT) -> Fetched:
        """As ``http.fetch``, with this machine's environment; never for a captured tree."""
        if not self.live:
            return Fetched(error="this is a captured tree")
        return fetch(url, self.environ, seconds, limit)
