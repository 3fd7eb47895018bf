"""Run by a test: what the NVIDIA probe reads of a tree, with the driver that this process was started with.

python -m tests.e2e.inspected_tree ROOT < environment.json > machine.json
"""

from __future__ import annotations

import json
import sys

import msgspec

from llmcheck.probe import Request, assemble
from llmcheck.probe.gpu import nvidia
from llmcheck.system.host import Host


class Live(Host):
    """A tree that counts as the live machine, so that the driver's library is loaded."""

    def release(self) -> str | None:
        return (self.read("/proc/sys/kernel/osrelease") or "").strip() or None

    def log(self) -> tuple[str | None, str]:
        self.live = False
        try:
            return super().log()
        finally:
            self.live = True

    def machine_architecture(self) -> str | None:
        return "x86_64"


if __name__ == "__main__":
    host = Live(sys.argv[1], json.load(sys.stdin))
    host.live = True
    readings = list(nvidia.probe(host, Request(kernel_log=True)))
    sys.stdout.buffer.write(msgspec.json.encode(assemble(readings[-1:])))
