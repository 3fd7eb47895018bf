"""A machine without what identifies it or its user, so that it can be shown to others and still be judged the same."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from llmcheck.schema.machine import Identity, Machine

Redaction = Literal["none", "standard", "strict"]

_HOMES = r"(?:/home/|/Users/|[A-Za-z]:\\\\?Users\\\\?)[^/\\\\\s'\"]+|/root(?=[/\s'\"]|$)"
_UUID = r"\b(?:GPU-|MIG-)?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
_PATH = r"(?<![\w.~])~?(?:/[^/\s'\"]+){2,}"
# Paths that are the same on every machine identify none, and say where a fact was read.
_COMMON = r"~?/(?:proc|sys|dev|usr|etc|lib|lib64|run|opt/rocm|tmp|mnt|bin)\b"


def redact(machine: Machine, level: Redaction, home: str | None = None) -> Machine:
    """``standard``: no hostname, UUID, user name or home folder (written ``~``), and no names of downloaded models,
    which may be those of private projects. ``strict``: also no other path of this machine, process id, kernel release
    or time of day.

    ``home``: the user's home folder, for one that is not where homes usually are. Nothing that a finding depends on is
    changed.
    """
    if level == "none":
        return machine
    names = [name for name in (home, machine.identity.hostname) if name and len(name) > 2]
    public = msgspec.structs.replace(machine, identity=Identity(), model_caches=None)
    plain = _walk(msgspec.to_builtins(public), names, level == "strict")
    redacted = msgspec.convert(plain, Machine)
    if level == "standard":
        return redacted
    day = (redacted.collected_at or "")[:10] or None
    system = msgspec.structs.replace(redacted.os, version=None) if redacted.os else None
    gpus = redacted.gpus and tuple(msgspec.structs.replace(gpu, processes=None) for gpu in redacted.gpus)
    return msgspec.structs.replace(redacted, collected_at=day, os=system, gpus=gpus)


def _walk(value: Any, names: list[str], strict: bool) -> Any:
    """The same value with every string in it cleaned."""
    if isinstance(value, dict):
        return {key: _walk(each, names, strict) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_walk(each, names, strict) for each in value]
    return _clean(value, names, strict) if isinstance(value, str) else value


def _clean(text: str, names: list[str], strict: bool) -> str:
    for name in names:
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "~" if "/" in name else "(host)", text)
    text = re.sub(_UUID, "(uuid)", re.sub(_HOMES, "~", text))
    if strict:
        text = re.sub(_PATH, lambda match: match[0] if re.match(_COMMON, match[0]) else "(path)", text)
    return text
