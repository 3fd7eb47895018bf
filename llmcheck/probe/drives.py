"""NVMe drives, mounted or not: a node that lost one still works, with less scratch space than its jobs expect."""

from __future__ import annotations

import re

from llmcheck.probe import Reading, Request
from llmcheck.probe._block import kind_of_name
from llmcheck.schema.machine import NvmeDrive
from llmcheck.system.host import Host

_BLOCK = "/sys/class/block"
# A namespace, without its partitions, and without the paths of a multipath device (nvme0c1n1).
_NAMESPACE = r"nvme\d{1,5}n\d{1,5}"
# The kernel counts in sectors of this size, whatever the drive's own.
_SECTOR = 512


def probe(host: Host, _request: Request) -> Reading:
    names = host.list(_BLOCK)
    if names is None:
        return Reading()
    drives = tuple(_drive(host, name) for name in names if re.fullmatch(_NAMESPACE, name))
    return Reading(nvme_drives=drives, sources={"nvme_drives": _BLOCK})


def _drive(host: Host, name: str) -> NvmeDrive:
    kind = kind_of_name(host, name, lambda _path: None)
    sectors = host.read_int(f"{_BLOCK}/{name}/size")
    return NvmeDrive(
        name=name,
        kind=kind.kind if kind is not None else "unknown",
        model=(host.read(f"{_BLOCK}/{name}/device/model") or "").strip() or None,
        size=sectors * _SECTOR if sectors else None,
    )
