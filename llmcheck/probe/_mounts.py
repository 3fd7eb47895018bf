"""The mount table of this process: /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

import re

from msgspec import Struct

from llmcheck.system.host import Host

_OCTAL = r"\\([0-7]{3})"


class Mount(Struct, frozen=True):
    device_number: str
    """``major:minor``; major 0 is a file system without a block device of its own."""
    root: str
    """The folder of the file system that is mounted here: ``/`` unless it is a bind mount or a subvolume."""
    mount_point: str
    options: tuple[str, ...]
    """Options of this mount point."""
    filesystem: str
    source: str
    super_options: tuple[str, ...]
    """Options of the file system."""


def mounts(host: Host) -> list[Mount]:
    """The mounts in the order of the table, which is the order of mounting; empty where there is no table."""
    found = []
    for line in (host.read("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split(" ")  # an empty source leaves two blanks in a row
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
    """Replace the octal escapes that the kernel writes for blanks, tabs, line ends, backslashes and # in paths."""
    return re.sub(_OCTAL, lambda match: chr(int(match[1], 8)), text)


def option(mount: Mount, name: str) -> str | None:
    """The value of one option of the file system (``upperdir``)."""
    for each in mount.super_options:
        key, _, value = each.partition("=")
        if key == name:
            return unescape(value)
    return None


def mount_of(table: list[Mount], path: str, number: str | None = None) -> Mount | None:
    """The mount that contains a path. ``number``: the path's device as ``major:minor``, None if unknown.

    The mount with the longest prefix wins, and of two on the same point the later one, which hides the earlier. If its
    device differs from ``number``, a parent was mounted over it. btrfs is an exception: each subvolume has a device
    number that no mount has.
    """
    best: Mount | None = None
    for mount in table:
        if _contains(mount, path) and (best is None or len(mount.mount_point) >= len(best.mount_point)):
            best = mount
    if best is None or number is None or best.device_number == number or best.filesystem == "btrfs":
        return best
    over = [mount for mount in table if mount.device_number == number and _contains(mount, path)]
    return max(over, key=lambda mount: len(mount.mount_point), default=best)


def _contains(mount: Mount, path: str) -> bool:
    point = mount.mount_point.rstrip("/")
    return path == point or path.startswith(f"{point}/")
