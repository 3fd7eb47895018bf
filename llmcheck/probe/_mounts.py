"""The mount table of this process: /proc/self/mountinfo (proc(5)), parsed once for a whole inspection of disks."""

from __future__ import annotations

import re

from msgspec import Struct

from llmcheck.system.host import Host

_OCTAL = r"\\([0-7]{3})"


class Mount(Struct, frozen=True):
    device_number: str
    """``major:minor``; major 0 is a file system without a block device of its own."""
    root: str
    """Which folder of the file system is mounted here: ``/`` unless it is a bind mount or a subvolume."""
    mount_point: str
    options: tuple[str, ...]
    """Of this mount point."""
    filesystem: str
    source: str
    super_options: tuple[str, ...]
    """Of the file system."""


def mounts(host: Host) -> list[Mount]:
    """In the order they were made; empty where there is no such table."""
    found = []
    for line in (host.read("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split(" ")  # an empty source leaves two blanks side by side
        if len(fields) >= 6 and len(kind) >= 2:
            found.append(
                Mount(
                    device_number=fields[2],
                    root=unescape(fields[3]),
                    mount_point=unescape(fields[4]),
                    options=tuple(fields[5].split(",")),
                    filesystem=kind[0],
                    source=unescape(kind[1]),
                    super_options=tuple(" ".join(kind[2:]).split(",")),
                )
            )
    return found


def unescape(text: str) -> str:
    """The kernel writes blanks, tabs, line ends, backslashes and # in paths as three octal digits."""
    return re.sub(_OCTAL, lambda match: chr(int(match[1], 8)), text)


def option(mount: Mount, name: str) -> str | None:
    """The value of one option of the file system (``upperdir``)."""
    for each in mount.super_options:
        key, _, value = each.partition("=")
        if key == name:
            return unescape(value)
    return None


def mount_of(table: list[Mount], path: str, number: str | None = None) -> Mount | None:
    """Where a path lies, given its device's number where that is known.

    The longest prefix wins, and of two on the same point the later, which lies over the earlier. Where the device is
    another than that mount's, a parent was mounted over it; btrfs gives each subvolume a number that no mount has.
    """
    best: Mount | None = None
    for mount in table:
        if _holds(mount, path) and (best is None or len(mount.mount_point) >= len(best.mount_point)):
            best = mount
    if best is None or number is None or best.device_number == number or best.filesystem == "btrfs":
        return best
    over = [mount for mount in table if mount.device_number == number and _holds(mount, path)]
    return max(over, key=lambda mount: len(mount.mount_point), default=best)


def _holds(mount: Mount, path: str) -> bool:
    point = mount.mount_point.rstrip("/")
    return path == point or path.startswith(f"{point}/")
