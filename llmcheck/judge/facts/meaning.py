"""What a missing fact means, where it does not mean that it could not be read.

The docstrings of ``schema.machine`` say it of each field; here it is for programs. Whatever is not here and is None is
unknown, and whatever is not here and is empty was looked for and is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llmcheck.gpus import vendors


class _Word:
    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


UNKNOWN: Final = _Word("unknown")
"""It could not be read."""
ABSENT: Final = _Word("none")
"""It was looked for, and there is none."""
UNLIMITED: Final = float("inf")
"""No limit: more than any number."""


def _always(_owner: Any) -> bool:
    return True


def _has(field: str) -> Callable[[Any], bool]:
    return lambda owner: getattr(owner, field) is not None


_NONE: dict[tuple[str, str], tuple[object, Callable[[Any], bool]]] = {
    ("Rlimit", "soft"): (UNLIMITED, _always),
    ("Rlimit", "hard"): (UNLIMITED, _always),
    ("Ram", "limit"): (ABSENT, _has("total")),
    ("Ram", "limit_source"): (ABSENT, _has("total")),
    ("Ram", "limit_by"): (ABSENT, _has("total")),
    ("Ram", "limit_file"): (ABSENT, _has("total")),
    ("Ram", "limit_soft"): (ABSENT, _has("total")),
    ("Ram", "zfs_cache"): (ABSENT, _has("total")),
    ("Cpu", "quota"): (ABSENT, _has("threads_usable")),
    ("Cpu", "quota_source"): (ABSENT, _has("threads_usable")),
    ("Os", "container"): (ABSENT, _always),
    ("Os", "wsl"): (ABSENT, _always),
    ("Os", "notebook"): (ABSENT, _always),
    ("Disk", "chosen_by"): (ABSENT, _always),
    ("Gpu", "parent"): (ABSENT, _always),
    ("Gpu", "fault"): (ABSENT, _has("usable")),
    ("Driver", "fault"): (ABSENT, _always),
    ("Problem", "remedy"): (ABSENT, _always),
    ("Problem", "package"): (ABSENT, _always),
    ("Tool", "path"): (ABSENT, _always),
    ("Software", "torch"): (ABSENT, _has("packages")),
    ("Software", "cuda_home"): (ABSENT, _has("tools")),
    ("Software", "cuda_home_real"): (ABSENT, _has("tools")),
    ("Software", "torch_backend"): (ABSENT, _has("tools")),
    ("Software", "cudnn"): (ABSENT, _has("tools")),
    ("Software", "nccl"): (ABSENT, _has("tools")),
    ("Endpoint", "error"): (ABSENT, _has("reachable")),
    ("Endpoint", "proxy"): (ABSENT, _has("reachable")),
}
"""By struct and field: what None means, and whether the owner was read at all."""


def _struct(owner: object) -> str:
    """The name of its struct; a machine with answers is a machine."""
    return type(owner).__name__.removeprefix("Asked") or ""


def of_none(owner: object, field: str) -> object:
    """What None means in a field."""
    found = _NONE.get((_struct(owner), field))
    return UNKNOWN if found is None or not found[1](owner) else found[0]


_EMPTY: dict[tuple[str, str], Callable[[Any], bool]] = {
    ("Machine", "accelerators"): _has("os"),
    ("Machine", "problems"): _has("os"),
    ("Machine", "sources"): lambda _owner: False,
    ("Identity", "gpu_uuids"): lambda _owner: False,
    ("Ram", "numa"): lambda _owner: False,
    ("Gpu", "links"): lambda owner: owner.nvlinks == 0,
    ("Software", "cuda_toolkits"): _has("tools"),
    ("Software", "issues"): _has("packages"),
    ("Access", "offline"): _has("token"),
}
"""By struct and field: whether an empty list or table was looked for, as its owner tells."""


def may_lack(owner: Any, field: str, value: Any) -> bool:
    """Whether a list or table may lack entries, as its owner tells: because it is empty and may just not have been
    read, or because a card is there whose driver is not in it.
    """
    if field == "drivers":
        return lacks_driver(owner, None)
    return not value and not _is_really_empty(owner, field)


def lacks_driver(machine: Any, vendor: str | None) -> bool:
    """Whether the machine may have a driver that is not listed: of one vendor, or of any."""
    if machine.gpus is None or machine.hypothetical:
        return True
    needing = {gpu.vendor for gpu in machine.gpus if not gpu.integrated and vendors.of(gpu).has_driver}
    return bool(needing - machine.drivers.keys() if vendor is None else vendor in needing - machine.drivers.keys())


def _is_really_empty(owner: object, field: str) -> bool:
    known = _EMPTY.get((_struct(owner), field))
    return known is None or known(owner)
