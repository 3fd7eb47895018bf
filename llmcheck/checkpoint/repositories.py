"""Names of quantised copies, as people publish them: the model that they are made of, and the format in the name.

``bartowski/Qwen_Qwen3-8B-GGUF`` and ``Qwen3-8B-Q4_K_M.gguf`` are Qwen3-8B. Nothing here asks the hub or reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_HOST = re.compile(r"(?:https?://)?(?:hf\.co|huggingface\.co)/", re.IGNORECASE)
_PART = re.compile(r"[-.]\d{5}-of-\d{5}$")
_MOST_WORDS = 8
_GGUF = (
    r"(?:ud[-_])?(?:i?q\d_(?:k(?:_(?:xs|s|m|l|xl))?|nl|xs|xxs|s|m|ks|kss|kt|kl|\d)|tq\d_0)|mxfp4_moe"
)  # fmt: skip
_MLX_WORD = "mlx-format"
_LAST_WORDS: tuple[tuple[str, str | None], ...] = (
    ("gguf", "gguf"), ("i1|imatrix|imat|qat|dwq|unsloth|quantized|instruct-quantized", None),
    (rf"(?P<exact>{_GGUF})", "gguf-type"), (r"(?P<exact>bf16|f16|fp16|f32|fp32)", "exact"),
    (r"(?:int4[-_])?awq(?:[-_](?:int4|4bit|w4a16|g\d+))*", "awq"),
    (r"gptq(?:[-_](?:int)?(?P<bits>\d)(?:bit)?)?(?:[-_]g?\d+g?)?", "gptq-{bits}bit"),
    (r"(?:int4[-_])?auto-?round(?:[-_](?:int4|4bit|gptq))*|int4-inc", "autoround-4bit"),
    (r"fp8(?:[-_](?:dynamic|block|static|kv|tensor|row|e4m3))*", "fp8"), (r"nvfp4(?:a16)?(?:[-_]fp8)?|fp4", "nvfp4"),
    (r"mxfp4(?:[-_]q8|[-_]moe)?", "mxfp4"), (r"(?:bnb|bitsandbytes)-4bit|4bit-bnb", "nf4"),
    (r"(?:bnb|bitsandbytes)-8bit|8bit-bnb", "int8"), (r"(?P<exact>w\da(?:16|8))", "exact"),
    (r"(?P<bits>\d(?:[._]\d+)?)[-_]?bpw(?:[-_]h\d)?(?:[-_]exl(?P<generation>[23]))?", "exl{generation}-{bits}"),
    (r"exl(?P<generation>[23])(?:[-_](?P<bits>\d(?:[._]\d+)?)(?:[-_ ]?bpw)?)?(?:[-_]h\d)?", "exl{generation}-{bits}"),
    (r"(?P<bits>[2-8])[-_]?bit(?:[-_](?:mlx|g\d+))*", "{bits}bit"), (r"mlx", _MLX_WORD), (r"int8", "int8"),
    (r"int4", "w4a16"), (r"hqq(?:[-_]\dbit)?", "hqq-4bit"),
)  # fmt: skip
"""Words at the end of such a name, and what they say: None says nothing."""
_COMMON = "q4_k_m"
"""What most people load of a repository of GGUF files."""


class Reading(Struct, frozen=True, kw_only=True):
    """What a name says."""

    names: tuple[str, ...]
    """What the model itself may be called, without its owner, in lower case; the likeliest first."""
    weights: str | None = None
    """The format in the name; None where it names none."""
    is_gguf: bool = False
    """It names GGUF files."""
    several: bool = False
    """It names no format but the kind of file, of which there are several: ``weights`` is the usual one."""


def parse(text: str) -> Reading | None:
    """None for text that cannot be the name of a repository or a file."""
    name = _HOST.sub("", text.strip(), count=1)
    name, _, tag = name.partition(":")
    owner, _, last = name.rpartition("/")
    if not last or not re.fullmatch(r"[\w.-]{2,200}", last) or "/" in owner:
        return None
    is_file = last.lower().endswith(".gguf")
    last = _PART.sub("", last[:-5] if is_file else last)
    base, said = _without_last_words(last.lower())
    if tag:
        said = (tag.lower(), *said)
    gguf = is_file or "gguf" in said or any(re.fullmatch(_GGUF, each) for each in said)
    weights = _format(
        [each for each in said if each != "gguf"], "mlx" in owner.lower() or _MLX_WORD in said, owner.lower()
    )
    several = gguf and weights is None
    return Reading(
        names=tuple(dict.fromkeys(_spellings(base, last.lower()))),
        weights=_COMMON if several else weights,
        is_gguf=gguf,
        several=several,
    )


def _without_last_words(name: str) -> tuple[str, tuple[str, ...]]:
    """The name without what the words at its end say, and that."""
    said: list[str] = []
    for _ in range(_MOST_WORDS):
        for pattern, meaning in _LAST_WORDS:
            match = re.search(rf"[-._](?:{pattern})$", name)
            if match is None or not match.start():
                continue
            name = name[: match.start()]
            if meaning is not None:
                said.append(_meaning(meaning, match))
            break
        else:
            break
    return name, tuple(said)


def _meaning(meaning: str, match: re.Match[str]) -> str:
    if meaning in {"exact", "gguf-type"}:
        return match["exact"]
    if "{" not in meaning:
        return meaning
    found = {key: value for key, value in match.groupdict().items() if value is not None}
    bits = found.get("bits", "4").replace("_", ".")
    return meaning.format(bits=bits, generation=found.get("generation", "3"))


def _format(said: list[str], mlx: bool, owner: str) -> str | None:
    """The format that these words say together."""
    words = [each for each in said if each != _MLX_WORD]
    if not words:
        return None
    first = words[0]
    if width := re.fullmatch(r"([2-8])bit", first):
        if mlx:
            return f"mlx-{first}"
        return {"4": "nf4", "8": "int8"}.get(width[1]) if "unsloth" in owner else next(iter(words[1:]), None)
    if exl := next((each for each in words if each.startswith("exl")), None):
        return exl
    if mlx and first in {"mxfp4", "nvfp4"}:
        return f"mlx-{first}"
    return first.replace("ud_", "ud-")


def _spellings(base: str, whole: str) -> Iterator[str]:
    """Names under which the model itself may be known."""
    for each in (whole, base):
        owner, mark, rest = each.partition("_")
        for name in (each, *((rest,) if mark and owner.isalnum() else ())):
            yield name
            yield name.removeprefix("meta-")
            yield f"meta-{name}"
            yield f"nvidia-{name}"
    for ending in ("-instruct", "-it", "-hf", "-chat", "-bf16"):
        yield base + ending
        yield base.removesuffix(ending)
