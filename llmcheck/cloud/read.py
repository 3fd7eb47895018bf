"""A company's own list of offers, or a catalogue of SkyPilot, as offers; what cannot be read is said and left out.

Our own columns are the fields of ``Offer``; a row needs ``instance_type``, ``accelerator``, ``gpu_count`` and
``price_hour``. SkyPilot's catalogues (``vms.csv``) are known by their column ``AcceleratorName``.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from llmcheck.cloud import canonical
from llmcheck.cloud.canonical import Form
from llmcheck.errors import DataError
from llmcheck.gpus.identify import GpuRecord
from llmcheck.printable import is_printable, printable
from llmcheck.tables.offer import Offer, by_field
from llmcheck.units import MIB

_SKY_COLUMN, _OWN_COLUMNS = "AcceleratorName", ("instance_type", "accelerator", "gpu_count")
_MOST_DOLLARS = 10_000.0
"""An hour; the dearest machine in the table costs 281."""
_PLACEHOLDER = 700.0
"""SkyPilot's catalogue has it for a TPU without a price."""
_MOST_MESSAGES = 10
_USUAL_GB = {"A100": 40.0, "V100": 16.0}
"""What SkyPilot means by names without a size."""
_FIELDS = frozenset(Offer.__struct_fields__)
_INTEGERS = frozenset({"gpu_count", "vcpus", "fabric_gbit"})
_FLOATS = frozenset({
    "gpu_memory_gb", "ram_gib", "local_disk_gb", "price_hour", "spot_price_hour", "price_month", "units_month",
    "units_hour",
})  # fmt: skip
Row = dict[str, Any]


class Read(Struct, frozen=True, kw_only=True):
    """The offers of a list, and a line for each row that was left out, at most ten."""

    offers: tuple[Offer, ...]
    problems: tuple[str, ...] = ()


def offers(text: str, where: str, records: Sequence[GpuRecord], today: datetime.date) -> Read:
    """The offers of a CSV text. ``where``: its file, for messages. ``today``: the date of prices without one.

    Raises DataError for a text that is no such list, or has no row that can be read.
    """
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = [each.strip() for each in reader.fieldnames or ()]
        reader.fieldnames = names
        convert = _converter(names, where, records, today)
        return _read(((reader.line_num, row) for row in reader), convert, where)
    except csv.Error as error:
        raise DataError(f"{where}: not a list of offers in CSV: {error}") from None


def _converter(
    names: Sequence[str], where: str, records: Sequence[GpuRecord], today: datetime.date
) -> Callable[[Row], Offer]:
    find = _finder(records)
    if _SKY_COLUMN in names:
        provider = re.sub(r"[^a-z0-9-]+", "-", _stem(where).lower()) or "own"
        return lambda row: _of_sky(row, provider, find, today)
    missing = [each for each in _OWN_COLUMNS if each not in names]
    if missing:
        raise DataError(
            f"{where}: no column {', '.join(missing)}; expected {', '.join(_OWN_COLUMNS)}, price_hour, "
            "or the columns of SkyPilot's catalogues"
        )
    unknown = [each for each in names if each not in _FIELDS]
    if unknown:
        raise DataError(f"{where}: unknown column {unknown[0][:40]!r}; known: {', '.join(Offer.__struct_fields__)}")
    return lambda row: _own(row, find, today)


def _stem(where: str) -> str:
    """The folder of ``aws/vms.csv``, else the name of the file."""
    *_, folder, file = ("", *where.replace("\\", "/").split("/"))
    stem = file.rpartition(".")[0] or file
    return folder if stem == "vms" and folder else stem


def _read(rows: Iterable[tuple[int, Row]], convert: Callable[[Row], Offer], where: str) -> Read:
    found: dict[str, Offer] = {}
    problems: list[str] = []
    left_out = 0
    for line, row in rows:
        try:
            offer = convert(row)
        except (DataError, ValueError) as error:
            left_out += 1
            if len(problems) < _MOST_MESSAGES:
                problems.append(f"{where}, line {line}: {error}; this row is left out")
            continue
        name, number = offer.id, 2
        while name in found:
            name, number = f"{offer.id}-{number}", number + 1
        found[name] = offer if name == offer.id else msgspec.structs.replace(offer, id=name)
    if left_out > len(problems):
        problems.append(f"{where}: {left_out - len(problems):,} further rows are left out")
    if not found:
        raise DataError(f"{problems[0]}; no other can be used" if problems else f"{where}: it has no row")
    return Read(offers=tuple(found.values()), problems=tuple(problems))


# --- our columns ---


def _own(row: Row, find: _Find, today: datetime.date) -> Offer:
    """Raises ValueError and DataError for what is no offer."""
    if None in row or any(each is None for each in row.values()):
        raise ValueError("it does not have as many cells as the first line")
    values: Row = {name: text.strip() for name, text in row.items() if text.strip()}
    _check_texts(values)
    for name in _FLOATS & values.keys():
        values[name] = number(values[name], name)
    for name in _INTEGERS & values.keys():
        values[name] = _whole(values[name], name)
    for name in ("instance_type", "accelerator", "gpu_count"):
        if name not in values:
            raise ValueError(f"{name} is empty")
    _check_prices(values)
    values.setdefault("provider", "own")
    if values.get("kind", "vm") == "vm":
        form = Form(instance_type=values["instance_type"], link=values.get("link"), count=values["gpu_count"])
        values |= _card(values["accelerator"], values.get("gpu_memory_gb"), form, find)
    values.setdefault("id", identity(values))
    values.setdefault("price_date", today.isoformat())
    values.setdefault("source", "own list")
    values.setdefault("licence", "own")
    try:
        return msgspec.convert(by_field(values), Offer, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(
            str(error).replace("$.as_of", "$.price_date").replace(" - at `$.", " (").replace("`", "") + ")"
        ) from None


def _check_texts(values: Row) -> None:
    """Names go into commands and files that a person pastes."""
    for name, text in values.items():
        if not is_printable(text):
            raise ValueError(f"{name} {printable(text[:40])!r} contains characters that no name has")


def _check_prices(values: Row) -> None:
    prices = [name for name in ("price_hour", "spot_price_hour", "price_month") if name in values]
    if not prices:
        raise ValueError("it has no price")
    for name in prices:
        if not 0 < values[name] <= _MOST_DOLLARS or values[name] == _PLACEHOLDER:
            raise ValueError(
                f"{name} {values[name]:g} is no price: expected more than 0 and at most {_MOST_DOLLARS:,.0f}"
            )


def number(text: str, name: str) -> float:
    """Raises ValueError for what is none, and for one that is not finite."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} {text[:40]!r} is not a number")
    return found


def _whole(text: str, name: str) -> int:
    found = number(text, name)
    if found != int(found) or not 0 < found < 100_000:
        raise ValueError(f"{name} {text[:40]!r} is not a whole number above 0")
    return int(found)


def identity(values: Row) -> str:
    words = f"{values['provider']} {values['instance_type']} {values.get('region', '')} {values.get('tier', '')}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


# --- GPUs ---

_Find = Callable[[str, float | None, Form], GpuRecord | None]


def _finder(records: Sequence[GpuRecord]) -> _Find:
    """A list of thousands of rows has a few dozen GPUs."""

    @cache
    def find(name: str, memory_gb: float | None, form: str, link: Any, count: int) -> GpuRecord | None:
        return canonical.find(name, memory_gb, Form(instance_type=form, link=link, count=count), records)

    def found(name: str, memory_gb: float | None, form: Form) -> GpuRecord | None:
        return find(name, memory_gb, canonical.told_by(form.instance_type), form.link, min(form.count, 8))

    return found


def _card(name: str, memory_gb: float | None, form: Form, find: _Find) -> Row:
    record = find(name, memory_gb, form)
    if record is None:
        size = "" if memory_gb is None else f" with {memory_gb:g} GB"
        raise ValueError(f"unknown GPU {name[:60]!r}{size}")
    return {
        "vendor": record.vendor,
        "accelerator": canonical.words(record),
        "gpu": record.spec.name,
        "gpu_memory_gb": record.spec.memory_gb,
        "compute_capability": record.capability,
    }


# --- SkyPilot's columns ---


def _of_sky(row: Row, provider: str, find: _Find, today: datetime.date) -> Offer:
    """Raises ValueError for a machine without a GPU, without a price, or of an unknown one."""
    name = (row.get(_SKY_COLUMN) or "").strip()
    if not name:
        raise ValueError("it has no accelerator")
    instance = (row.get("InstanceType") or "").strip() or name
    _check_texts({"InstanceType": instance, "Region": row.get("Region") or "", "AcceleratorName": name})
    count = _whole(row.get("AcceleratorCount") or "1", "AcceleratorCount")
    price, spot = (_sky_price(row.get(column)) for column in ("Price", "SpotPrice"))
    if price is None and spot is None:
        raise ValueError("it has no price")
    form = Form(instance_type=instance, count=count)
    size = canonical.size_in(name) or _sky_memory(row, count) or _USUAL_GB.get(name.upper())
    values: Row = {
        "provider": provider,
        "instance_type": instance,
        "gpu_count": count,
        "vcpus": _optional(row.get("vCPUs"), lambda found: int(found)),
        "ram_gib": _sky_ram(row, count),
        "region": (row.get("Region") or "").strip() or None,
        "price_hour": price,
        "spot_price_hour": spot if spot is None or price is None or spot < price else None,
        "price_date": today,
        "source": "SkyPilot's catalogue",
        "licence": "none stated: not to be passed on",
        **_card(name, size, form, find),
    }
    return Offer(id=identity(values | {"region": values["region"] or ""}), **values)


def _sky_price(text: str | None) -> float | None:
    """None for none, 0, and the placeholder."""
    found = _optional(text, lambda value: value)
    return None if found is None or not 0 < found <= _MOST_DOLLARS or found == _PLACEHOLDER else found


def _optional(text: str | None, convert: Callable[[float], Any]) -> Any:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return convert(found) if math.isfinite(found) and found > 0 else None


def _sky_ram(row: Row, count: int) -> float | None:
    """None where the column has the memory of the GPUs, as it does for some providers."""
    ram: float | None = _optional(row.get("MemoryGiB"), lambda value: value)
    memory = _sky_memory(row, count)
    return None if ram is not None and memory is not None and abs(ram - memory * count) < 1.0 else ram


def _sky_memory(row: Row, count: int) -> float | None:
    """GiB of one GPU. Some lists state GiB as MiB, others the sum of all GPUs."""
    found = re.search(r"(?i)'?SizeInMiB'?\"?\s*:\s*([0-9.]+)", row.get("GpuInfo") or "")
    if found is None:
        return None
    size = float(found[1])
    gib = size if size < 1024 else size * MIB / 2**30
    return gib / count if gib > 300 and count > 1 else gib
