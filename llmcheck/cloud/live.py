"""Prices of today, by the published catalogues that gpuhunt reads; only when asked for.

gpuhunt opens addresses without a time-out, and where it fails it writes hundreds of lines. So it runs in a child that
has none of our standard streams and is left at our own deadline. What it found is kept for a day in the platform's
cache folder, if that can be written.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from llmcheck import codec
from llmcheck.cloud import canonical
from llmcheck.cloud.canonical import Form
from llmcheck.cloud.read import identity
from llmcheck.errors import DataError, LlmcheckError
from llmcheck.gpus.identify import GpuRecord
from llmcheck.printable import is_printable
from llmcheck.system import worker
from llmcheck.system.cache_folder import cache_folder
from llmcheck.tables.offer import Offer

SECONDS = 20.0
"""For all of it."""
_CACHE_SECONDS = 24 * 3600
_FILE, _LARGEST_CACHE = "offers.json", 64 * 2**20
_PROVIDERS = {"lambdalabs": "lambda"}
_MOST_DOLLARS = 10_000.0
_SECURE = {"runpod": "secure"}


class LiveError(LlmcheckError):
    """There are no live prices; the message says why."""


class Item(Struct, frozen=True, kw_only=True):
    """The cheapest region of one machine in a published catalogue."""

    provider: str
    instance: str
    region: str | None
    price: float
    spot: bool
    cpus: int | None
    ram_gib: float | None
    gpu: str
    gpu_count: int
    gpu_memory_gib: float
    version: str
    """Of the catalogue: it begins with its day, ``20261127-14``."""


class Fetched(Struct, frozen=True, kw_only=True):
    """What was fetched, as it is kept."""

    schema: str = "llmcheck.live-offers/1"
    at: float
    """Seconds since 1970."""
    items: tuple[Item, ...]


def fetch(environ: Mapping[str, str], seconds: float = SECONDS, now: Callable[[], float] = time.time) -> Fetched:
    """The newest prices, of the cache where that is of the last 24 hours. Raises LiveError."""
    folder = cache_folder(environ)
    kept = None if folder is None else _kept(os.path.join(folder, _FILE), now())
    if kept is not None:
        return kept
    if importlib.util.find_spec("gpuhunt") is None:
        raise LiveError("gpuhunt is not installed: pip install 'llmcheck[cloud]'")
    found = Fetched(at=now(), items=_hunted(seconds))
    if folder is not None:
        with contextlib.suppress(OSError, LlmcheckError):  # a home that cannot be written
            _keep(folder, found)
    return found


def offers(fetched: Fetched, records: Sequence[GpuRecord], snapshot: Iterable[Offer]) -> tuple[Offer, ...]:
    """The fetched machines as offers. What they do not say of one that the snapshot has is taken from there."""
    known = {(each.provider, each.instance_type, each.gpu_count): each for each in snapshot}
    made: dict[tuple[str, str, str, int], dict[bool, tuple[Item, GpuRecord]]] = {}
    for item in fetched.items:
        record = canonical.find(
            item.gpu, item.gpu_memory_gib, Form(instance_type=item.instance, count=item.gpu_count), records
        )
        names = is_printable(f"{item.provider} {item.instance} {item.region}")
        if record is not None and names and 0 < item.price <= _MOST_DOLLARS:
            made.setdefault((item.provider, item.instance, record.spec.name, item.gpu_count), {})[item.spot] = (
                item,
                record,
            )
    day = datetime.datetime.fromtimestamp(fetched.at, datetime.UTC).date()
    return tuple(_offer(found, known, day) for found in made.values())


def _offer(
    found: Mapping[bool, tuple[Item, GpuRecord]], known: Mapping[tuple[str, str, int], Offer], day: datetime.date
) -> Offer:
    item, record = found[False] if False in found else found[True]
    spot = found[True][0].price if True in found else None
    provider = _PROVIDERS.get(item.provider, item.provider)
    price = None if item.spot else item.price
    other = known.get((provider, item.instance, item.gpu_count))
    values: dict[str, Any] = {
        "provider": provider, "instance_type": item.instance, "region": item.region,
        "tier": "spot" if price is None else _SECURE.get(provider, "on-demand"),
    }  # fmt: skip
    return Offer(
        id=f"live-{identity(values | {'region': item.region or ''})}-{item.gpu_count}x",
        **values,
        vendor=record.vendor,
        accelerator=canonical.words(record),
        gpu=record.spec.name,
        gpu_count=item.gpu_count,
        gpu_memory_gb=record.spec.memory_gb or 0.0,
        compute_capability=record.capability,
        vcpus=item.cpus,
        ram_gib=item.ram_gib,
        local_disk_gb=None if other is None else other.local_disk_gb,
        link=None if other is None else other.link,
        fabric=None if other is None else other.fabric,
        fabric_gbit=None if other is None else other.fabric_gbit,
        price_hour=price,
        spot_price_hour=spot if spot is not None and (price is None or spot < price) else None,
        price_date=_day(item.version) or day,
        source="gpuhunt",
        licence="catalogue of dstack, no licence stated: not to be passed on",
    )


def _day(version: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(version[:8], "%Y%m%d").replace(tzinfo=datetime.UTC).date()
    except ValueError:
        return None


# --- the child ---


def _hunted(seconds: float) -> tuple[Item, ...]:
    child = worker.start(_hunt)
    try:
        frame = child.frame(time.monotonic() + seconds)
    except TimeoutError:
        raise LiveError(f"no answer within {seconds:g} s") from None
    finally:
        child.leave()
    if not frame:
        raise LiveError("gpuhunt ended without an answer")
    if frame[:1] == b"!":
        raise LiveError(frame[1:].decode("utf-8", "replace"))
    items = codec.unpack(frame[1:], tuple[Item, ...])
    if not items:
        raise LiveError("the catalogues list no machine with a GPU")
    return items


def _hunt(send: Callable[[bytes], None]) -> None:
    """Sends the items, or ``!`` and what went wrong."""
    try:
        import logging

        import gpuhunt

        logging.disable(logging.CRITICAL)
        catalogue = gpuhunt.Catalog(balance_resources=False, auto_reload=False)
        catalogue.load()
        send(b"=" + codec.pack(_cheapest(catalogue)))
    except BaseException as error:  # whatever it is, the snapshot answers instead
        cause = error.__cause__ or error.__context__
        reason = f"{error}{f' ({cause})' if cause else ''}"
        send(b"!" + (reason or type(error).__name__)[:300].encode())


def _cheapest(catalogue: Any) -> tuple[Item, ...]:
    """Of each machine the cheapest region, on demand and spot."""
    found: dict[tuple[object, ...], Item] = {}
    versions = {name: str(getattr(each, "version", "")) for name, each in catalogue.catalog.items()}
    for each in catalogue.query(provider=sorted(versions), min_gpu_count=1):
        if each.gpu_name is None or not each.gpu_memory or not each.price:
            continue
        item = Item(
            provider=str(each.provider),
            instance=str(each.instance_name),
            region=each.location or None,
            price=float(each.price),
            spot=bool(each.spot),
            cpus=int(each.cpu) if each.cpu else None,
            ram_gib=float(each.memory) if each.memory else None,
            gpu=str(each.gpu_name),
            gpu_count=int(each.gpu_count),
            gpu_memory_gib=float(each.gpu_memory),
            version=versions.get(str(each.provider), ""),
        )
        place = (item.provider, item.instance, item.gpu, item.gpu_count, item.spot)
        other = found.get(place)
        if other is None or item.price < other.price:
            found[place] = item
    return tuple(found.values())


# --- the cache ---


def _kept(path: str, now: float) -> Fetched | None:
    """None where there is none of the last 24 hours that can be read."""
    from llmcheck.system import outside

    try:
        found = codec.decode_json(outside.read_file(path, _LARGEST_CACHE, "prices"), Fetched, path)
    except (OSError, DataError, LlmcheckError):
        return None
    return found if found.items and 0 <= now - found.at < _CACHE_SECONDS else None


def _keep(folder: str, found: Fetched) -> None:
    from llmcheck.system import written

    os.makedirs(folder, mode=0o700, exist_ok=True)
    written.write(os.path.join(folder, _FILE), codec.encode_json(found).encode(), "the cache of prices")
