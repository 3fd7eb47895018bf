"""Which matrices a quantised file keeps in 16 bits, from the list of names in its ``quantization_config``.

The names are those of modules, with ``*`` (ModelOpt), as patterns after ``re:`` (compressed-tensors), or parts of names
(transformers). A pattern of a file is never run as a regular expression, for one can take for ever: what it can say of
the layers of a model is read as ``*``.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from llmcheck.schema.architecture import Kept

_MOST_NAMES = 20_000
_MOST_WAYS = 64
_LONGEST = 200
_LAYER = re.compile(r"(?:^|[.*])(?:layers|blocks|h)\.(\d{1,5})(?:\.|\*|$)(.*)")
_ANY_LAYER = re.compile(r"(?:^|[.*])(?:layers|blocks|h)\.(?:\*|\[0-9\]\*)\.?(.*)")
_ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
_STATE = ("linear_attn.in_proj_qkv", "linear_attn.in_proj_z", "linear_attn.out_proj")
_DENSE = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
_SHARED = ("mlp.shared_expert.gate_proj", "mlp.shared_expert.up_proj", "mlp.shared_expert.down_proj")
_BESIDE = ("experts.0.gate_proj", "experts.0.up_proj", "experts.0.down_proj")
"""Experts of a layer whose ``mlp`` is a dense part."""
_EXPERTS = ("mlp.experts.0.gate_proj", "mlp.experts.0.up_proj", "mlp.experts.0.down_proj")
_SPELLINGS = {
    "shared_experts": "shared_expert",
    "block_sparse_moe": "mlp",
    "feed_forward": "mlp",
}
"""Words of other families, and the ones used here."""
_ELSEWHERE = ("mtp", "visual", "vision", "audio", "nextn", "projector")
"""Words of modules beside the layers of the decoder."""


def kept(names: Iterable[str], attends: Sequence[bool], sparse: Sequence[bool], *, beside: bool = False) -> Kept | None:
    """What is kept of layers that attend (or keep a state) and that have experts (or not); None where nothing is.

    ``beside``: a layer with experts also has a dense part, whose name is ``mlp``.
    """
    general: list[str] = []
    numbered: dict[int, list[str]] = defaultdict(list)
    for name in itertools.islice(names, _MOST_NAMES):
        if any(word in name for word in _ELSEWHERE):
            continue
        for each in _plain(name):
            if found := _LAYER.search(each):
                numbered[int(found[1])].append(found[2] or "*")
            else:
                inner = _ANY_LAYER.search(each)
                general.append(inner[1] or "*" if inner else each)
    routed, usual = (_BESIDE, _DENSE) if beside else (_EXPERTS, _SHARED)
    leaves = (*_ATTENTION, *_STATE, *_DENSE, *_SHARED, *routed)
    everywhere = {leaf: _matches(leaf, general) for leaf in leaves}

    def part(index: int, leaves: Sequence[str]) -> float:
        own = numbered.get(index, [])
        return sum(everywhere[leaf] or _matches(leaf, own) for leaf in leaves) / len(leaves)

    count = len(attends)
    attention = sum(part(index, _ATTENTION if attends[index] else _STATE) for index in range(count))
    sparse_layers = [index for index in range(count) if sparse[index]]
    dense = sum(part(index, usual if sparse[index] else _DENSE) for index in range(count))
    experts = sum(part(index, routed) for index in sparse_layers)
    if not (attention or dense or experts):
        return None
    return Kept(
        attention=attention / max(count, 1),
        feed_forward=dense / max(count, 1),
        experts=experts / max(len(sparse_layers), 1),
    )


def _matches(leaf: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern names this matrix, or a module that contains it."""
    named = f"layer.{leaf}"
    return any(
        named.endswith(f".{each}") or f".{each.strip('*').strip('.')}." in named
        or fnmatchcase(named, each) or fnmatchcase(named, f"*.{each}")
        for each in patterns
        if each.strip("*.") or each == "*"
    )  # fmt: skip


def _plain(name: str) -> list[str]:
    """A name or pattern as names with ``*``, in the spelling used here; several for alternatives."""
    text = name[:_LONGEST]
    found = _without_regex(text[3:]) if text.startswith("re:") else [text]
    return [_spelled(each) for each in found]


def _spelled(text: str) -> str:
    for word, own in _SPELLINGS.items():
        text = text.replace(word, own)
    return text


def _without_regex(pattern: str) -> list[str]:
    """What a regular expression says, with ``*`` for all that repeats; alternatives in brackets one by one."""
    text = pattern.lstrip("^").rstrip("$").replace("\\.", "\0").replace("[.]", "\0")
    for repeated in (".*", ".+", "\\d+", "[0-9]+", "\\d", "[0-9]"):
        text = text.replace(repeated, "*")
    text = text.replace("\0", ".")
    parts = re.split(r"\(\?:|\(|\)", text)
    ways = [parts[0]]
    for at, part in enumerate(parts[1:], start=1):
        choices = part.split("|") if at % 2 else [part]
        ways = [way + choice for way in ways[:_MOST_WAYS] for choice in choices[:_MOST_WAYS]]
    return [re.sub(r"[?+\\]", "", each).replace("**", "*") for each in ways[:_MOST_WAYS]]
