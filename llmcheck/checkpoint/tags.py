"""Names of models as Ollama writes them, and as people shorten them: ``llama3.1:8b``, ``llama3``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_SIZE = re.compile(r"e?\d+(?:\.\d+)?[bm]|\d+x\d+b")
_ACTIVE = re.compile(r"a\d+(?:\.\d+)?b")
_WEIGHTS = re.compile(r"(?:i?q\d\w*|bf16|f16|fp16|f32|mxfp4|nvfp4)")
_HOSTS = ("hf.co/", "huggingface.co/")
_DEFAULT_NAMESPACE = "library/"
"""Ollama's default namespace, which users leave out."""


class Tag(Struct, frozen=True, kw_only=True):
    name: str
    """The family, or a repository of the hub."""
    size: str | None = None
    """``7b``, ``30b-a3b``; None where the tag states none."""
    weights: str | None = None
    """``q4_k_m``; None where the tag names no format."""


def parse(text: str) -> Tag | None:
    """The parts of ``NAME:TAG``; None for text of another form."""
    name, colon, tag = text.strip().lower().partition(":")
    if not colon or not name or not re.fullmatch(r"[a-z0-9][\w.-]*", tag):
        return None
    host = next((each for each in _HOSTS if name.startswith(each)), "")
    words = tag.split("-")
    weights = next((each for each in words if _WEIGHTS.fullmatch(each)), None)
    if weights is not None and "ud" in words:
        weights = f"ud-{weights}"
    size = next((each for each in words if _SIZE.fullmatch(each)), None)
    active = next((each for each in words if _ACTIVE.fullmatch(each)), None)
    if host:
        name = text.strip()[len(host) :].partition(":")[0]
        name = name[:-5] if name.lower().endswith("-gguf") else name
    return Tag(
        name=name.removeprefix(_DEFAULT_NAMESPACE),
        size=f"{size}-{active}" if size and active else size,
        weights=weights,
    )


def matching(tag: Tag, ids: Iterable[str]) -> list[str]:
    """The ids of models that a tag may mean: the exact match first, then the newest."""
    wanted = _plain(f"{tag.name}{tag.size or ''}")
    begins = [each for each in ids if _plain(each).startswith(wanted)]
    exact = [each for each in begins if _plain(each) == wanted]
    longer = [each for each in begins if each not in exact and not _plain(each)[len(wanted)].isdigit()]
    return [*exact, *sorted(longer, key=_version, reverse=True)]


def newest(word: str, ids: Iterable[str]) -> list[str]:
    """The models of a family such as ``llama3`` or ``qwen``, newest first; [] where none has that name."""
    wanted = _plain(word)
    if len(wanted) < 3 or not wanted[0].isalpha():
        return []
    members = [each for each in ids if _plain(each).startswith(wanted)]
    return sorted(members, key=_version, reverse=True)


def _version(name: str) -> tuple[float, ...]:
    """Sorts models of a family: by the first number of the name that is not a size (0 without one), then by size."""
    words = name.split("-")
    numbers = [float(found[1]) for each in words if (found := re.fullmatch(r"[a-z]*?v?(\d+(?:\.\d+)?)", each))]
    sizes = [float(found[1]) for each in words if (found := re.fullmatch(r"(\d+(?:\.\d+)?)b", each))]
    return (numbers[0] if numbers else 0.0, sizes[0] if sizes else 0.0)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower())
