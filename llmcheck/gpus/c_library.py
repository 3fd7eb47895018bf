"""Whether wheels that are built for glibc install on a system: the one rule, for libraries, PyTorch and runtimes.

pip takes ``manylinux`` wheels only where glibc is new enough (PEP 600), and on musl only ``musllinux`` ones (PEP 656),
which PyTorch, Triton, vLLM, JAX and what is compiled for them do not publish (PyPI, 2026-11-27).
"""

from __future__ import annotations

import re

from msgspec import Struct

from llmcheck.schema.machine import version_numbers

INSTEAD = "use a container or a system with glibc, such as Debian or Ubuntu"
"""What helps on musl."""


class WheelSite(Struct, frozen=True):
    """Where wheels would be installed."""

    libc: str | None = None
    """``Os.libc``; None where it is not known."""


def c_library(text: str | None) -> tuple[str | None, str | None]:
    """Name and version in ``Os.libc``: ``glibc 2.36`` or ``musl``; each None where it is not stated."""
    found = re.fullmatch(r"(\w+)(?:[ -]v?(\d[\d.]*))?", (text or "").strip().lower())
    return (found[1], found[2]) if found else (None, None)


def is_musl(text: str | None) -> bool:
    return c_library(text)[0] == "musl"


def is_too_old(text: str | None, minimum: str | None) -> bool:
    """Whether this is a glibc older than a wheel needs; False where either is not known."""
    name, version = c_library(text)
    if not minimum or name != "glibc" or not version:
        return False
    return version_numbers(version) < version_numbers(minimum)
