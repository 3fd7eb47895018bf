"""Where models, builds and downloads go, by which variable, and whether there is room and permission for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmcheck.probe._mounts import Mount, mount_of
from llmcheck.schema.machine import Disk, Problem
from llmcheck.system.host import Host

MODELS, WORK, PATH, TEMPORARY, XET = "models", "work", "path", "temporary", "xet"
"""Roles of a disk."""

# Variables that set the folder where huggingface_hub stores models, in its order, and the folder below their value.
# TRANSFORMERS_CACHE is what transformers before 5 read. Source: huggingface_hub constants.py; read 2026-11-22.
_OLD = "TRANSFORMERS_CACHE"
_CACHES = (
    ("HF_HUB_CACHE", ""),
    ("HUGGINGFACE_HUB_CACHE", ""),
    (_OLD, ""),
    ("HF_HOME", "/hub"),
    ("XDG_CACHE_HOME", "/huggingface/hub"),
)
_VARIABLE = r"\$(?:\{(\w+)\}|(\w+))"
# In the order of Python's tempfile, which pip uses.
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
_DEFAULT_TEMPORARY = "/tmp"  # noqa: S108 - only its size is read
# Bytes that PyTorch with CUDA takes while pip unpacks it: 4.3 GB of wheels, measured 2026-11-23.
_TO_INSTALL = 5 * 10**9
# A model is some hundred files in the cache, an environment with PyTorch some ten thousand.
_FEW_FILES = 1000
_WHAT = {
    MODELS: ("where models are stored", "set HF_HOME to a folder that you may write to"),
    WORK: ("the working directory", "change to a folder that you may write to"),
    PATH: ("--path", "name a folder that you may write to"),
    TEMPORARY: (
        "where pip unpacks and builds",
        "export TMPDIR=FOLDER, a folder on a larger disk that you may write to",
    ),
    XET: ("where downloads are kept in pieces", "set HF_XET_CACHE to a folder that you may write to, or unset it"),
}


def places(host: Host, path: str | None, table: list[Mount]) -> Iterator[tuple[str, str, str | None]]:
    """Role, folder, and the variable that named it. ``path``: ``--path``. ``table``: the mounts.

    The temporary folder only where a variable names it, or it lies on a file system of its own.
    """
    cache, variable = _model_cache(host)
    known = [(MODELS, cache, variable), (WORK, host.cwd, None)]
    if path is not None:
        known.append((PATH, host.absolute(path), None))
    pieces = host.environ.get("HF_XET_CACHE")
    if pieces:
        known.append((XET, host.absolute(_expanded(host, pieces)), "HF_XET_CACHE"))
    yield from known
    named = next((name for name in _TEMPORARY if host.environ.get(name)), None)
    folder = host.absolute(host.environ[named]) if named else _DEFAULT_TEMPORARY
    mount = mount_of(table, folder)
    if mount is not None and (named or mount not in [mount_of(table, each) for _, each, _ in known]):
        yield TEMPORARY, folder, named


def model_cache(host: Host) -> str:
    """The folder where huggingface_hub stores models."""
    return _model_cache(host)[0]


def _model_cache(host: Host) -> tuple[str, str | None]:
    for name, below in _CACHES:
        value = host.environ.get(name)
        if value:
            return host.absolute(_expanded(host, value) + below), name
    home = host.home()
    return (f"{home}/.cache/huggingface/hub" if home else host.cwd), None


def _expanded(host: Host, path: str) -> str:
    """The path with variables replaced, as in huggingface_hub; an unknown variable stays as it is."""
    return re.sub(_VARIABLE, lambda match: host.environ.get(match[1] or match[2], match[0]), path)


def problems(disk: Disk) -> list[Problem]:
    """What keeps programs from writing there; a read-only file system and one that is full are judged by the tiers."""
    what, mend = _WHAT[disk.role]
    by = f" (by {disk.chosen_by})" if disk.chosen_by else ""
    found = []
    if disk.writable is False and not disk.read_only and disk.role != WORK:
        found.append(("not-writable", f"this user may not write to {disk.path}{by}, {what}", mend))
    if disk.inodes_free is not None and disk.inodes_free < _FEW_FILES and disk.role != XET:
        message = f"only {disk.inodes_free} more files can be made at {disk.path}, {what}: its inodes are used up"
        found.append(("inodes-low", message, "delete small files there, or use another file system"))
    if disk.role == TEMPORARY and disk.free is not None and disk.free < _TO_INSTALL:
        in_ram = ", a file system in RAM" if disk.kind == "memory" else ""
        message = (
            f"only {disk.free / 10**9:.1f} GB free at {disk.path}{by}{in_ram}, {what}: PyTorch with CUDA takes 5 GB"
        )
        found.append(("temporary-small", message, mend))
    if disk.chosen_by == _OLD:
        message = f"{_OLD} names the folder of the models, and transformers 5 no longer reads it"
        found.append(("cache-variable-old", message, "set HF_HUB_CACHE to that folder instead"))
    return [Problem(probe="disk", code=code, message=message, remedy=remedy) for code, message, remedy in found]
