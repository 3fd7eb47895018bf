"""The GPU behind the name that a price list gives it: ``A100-80GB``, ``RTXA6000``, ``H100NVL`` with 94 GiB."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from llmcheck.errors import DataError
from llmcheck.gpus.identify import GpuRecord
from llmcheck.gpus.names import short_name
from llmcheck.tables.offer import Link
from llmcheck.whatif import cards

TOLERANCE = 0.1
"""Lists state 22 or 22.35 GiB for a card of 24 GB, and 270 for one of 288."""
_SXM = r"sxm|hgx|nvlink|oam|^(?:p[3-6]|a[23]-|ND\d|BM\.GPU|gpu-h\d00x)"
"""What in a name, or in the name of an instance, means the form with NVLink. Of AWS p3 to p6, of Google A2 and A3, of
Azure the ND series, of Oracle the bare metal, of DigitalOcean the droplets."""
_PCIE = r"pcie|^Standard_NC"
_BOARD = 4
"""So many GPUs or more with NVLink are on one board; two of the PCIe form can be joined by a bridge."""
_LAPTOP = "Laptop"
_WITH_FORM = r"^(?:H100|A100|A800|V100)$"
_SPELLINGS = (
    (r"^NVIDIA\s+|^AMD\s+|^Tesla\s+|^GeForce\s+", ""),
    (r"(?i)^RTX[\s-]?PRO[\s-]?(?=\d)", "RTX PRO "),
    (r"(?i)^RTX[\s-]?A(?=\d)", "RTX A"),
    (r"(?i)^A(?=[456]000$)", "RTX A"),
    (r"(?i)^Quadro[\s-]?RTX[\s-]?", "Quadro RTX "),
    (r"(?i)^RTX[\s-]?(?=[45]000$)", "Quadro RTX "),
    (r"(?i)^RTX[\s-]?(\d+)[\s-]?Ada$", r"RTX \1 Ada"),
    (r"(?i)(H[12]00)[\s-]?NVL$", r"\1 NVL"),
    (r"(?i)^(?:H100|A100)-MEGA$", "H100"),
    (r"(?i)^(MI\d)", r"Instinct \1"),
    (r"(?i)(?<=\d)(Ti)[\s-]?(Super)$", r" \1 \2"),
    (r"(?i)^Gaudi[\s-]?HL-205$|^Gaudi$", "HL-205"),
    (r"(?i)^V100S$", "V100S PCIe"),
    (r"(?i)^Titan[\s-]?RTX$", "TITAN RTX"),
)  # fmt: skip
_SIZE = r"(?i)[\s-]+(\d+)\s?GB$"
_NICE = (
    (r"^(H100) 80GB HBM3$", r"\1 SXM"),
    (r"^(V100|A100|P100|A800)-(SXM)\d-\d+GB$", r"\1 \2"),
    (r"^(V100S?|A100|P100)-(?:PCIE)-\d+GB$", r"\1 PCIe"),
    (r"^(A100) 80GB (PCIe)$", r"\1 \2"),
    (r" SXM6 AC$| 480GB$| Generation$| Edition$", ""),
    (r" (?:Blackwell) ", " "),
    (r" Blackwell$", ""),
    (r"^Instinct ", ""),
)


class Form(Struct, frozen=True, kw_only=True):
    """What a list says of a GPU beside its name, which tells the forms of one card apart."""

    instance_type: str = ""
    link: Link | None = None
    count: int = 1


def find(name: str, memory_gb: float | None, form: Form, records: Sequence[GpuRecord]) -> GpuRecord | None:
    """The row of a GPU; None for one that is not in the table, and for a part or a modified one of it.

    ``memory_gb``: of one GPU, in GB or GiB alike; None where only the name says it. Of several cards that the words
    leave open it is the slowest.
    """
    text, size = _spelled(name)
    wanted = memory_gb or size
    sizes = {round(each.spec.memory_gb or 0) for each in records}
    near = sorted((each for each in sizes if _is_near(each, wanted)), key=lambda each: abs(each - (wanted or 0)))
    for memory in near if wanted else (None,):
        for words in dict.fromkeys((f"{text}{_form(text, form)}", text)):
            found = _card(words, None if memory is None else f"{memory}GB", records)
            if found is not None:
                return found
    return None


def words(record: GpuRecord) -> str:
    """``H100 SXM 80GB``: words by which ``--machine`` finds the row again, with the memory of one card."""
    name = short_name(record.spec.name)
    for pattern, replacement in _NICE:
        name = re.sub(pattern, replacement, name)
    memory = f"{record.spec.memory_gb:g}GB"
    return name if memory in name.split() else f"{name} {memory}"


def told_by(instance_type: str) -> str:
    """The form that the name of an instance tells, as the shortest name that tells it; "" for none."""
    if re.search(_PCIE, instance_type, re.IGNORECASE):
        return "pcie"
    return "sxm" if re.search(_SXM, instance_type, re.IGNORECASE) else ""


def size_in(name: str) -> float | None:
    """GB in a name such as ``A100-80GB``."""
    return _spelled(name)[1]


def _spelled(name: str) -> tuple[str, float | None]:
    """The name as people write it, and the size in it."""
    text = re.sub(r"\s*\(.*\)$", "", name.strip())
    size = re.search(_SIZE, text)
    text = text[: size.start()] if size else text
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text)
    return text, float(size[1]) if size else None


def _form(text: str, form: Form) -> str:
    if not re.search(_WITH_FORM, text):
        return ""
    told = told_by(form.instance_type)
    if told == "pcie" or form.link == "pcie":
        return " PCIe"
    return " SXM" if told or (form.link == "nvlink" and form.count >= _BOARD) else ""


def _is_near(size: int, wanted: float | None) -> bool:
    return wanted is not None and size > 0 and abs(size - wanted) <= TOLERANCE * size


def _card(words: str, size: str | None, records: Sequence[GpuRecord]) -> GpuRecord | None:
    try:
        found = cards.card(f"{words} {size}" if size else words, words, size, records, [])
    except DataError:
        return None
    name = found.record.spec.name
    return found.record if found.memory_ratio == 1.0 and (_LAPTOP not in name or _LAPTOP in words) else None
