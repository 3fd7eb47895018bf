"""The provider's own command, where it has one that ends the machine by itself.

Its fields: ``region``, ``zone``, ``instance_type``, ``gpu``, ``tier``, ``gpu_count``, ``nodes``, ``disk_gb``,
``minutes`` until the end, ``until`` (date and time in UTC) and ``until_clock`` (hour and minute in UTC).
"""

from __future__ import annotations

import datetime

from llmcheck import shell
from llmcheck.cloud.launch import Request
from llmcheck.printable import printable
from llmcheck.schema.renting import LaunchFile
from llmcheck.tables.offer import Offer
from llmcheck.tables.provider import Provider

MOST = 1
FILE = "llmcheck.cloud.sh"
_GCP_ZONE = "-a"
_CLOCK_HOURS = 23.0
"""A time of day says nothing of later ones."""


def refusal(request: Request) -> str:
    named = ", ".join(dict.fromkeys(each.offer.provider for each in request.offers[:5]))
    return f"no command of {named} that ends the machine by itself is known: --launch sky or dstack has one"


def text(request: Request) -> LaunchFile:
    offers = request.offers
    offer, provider = offers[0].offer, request.providers[offers[0].offer.provider]
    fields = _fields(offer, request)
    words = [*provider.start, *(provider.spot if request.is_spot else ())]
    commands = [[each.format_map(fields) for each in line] for line in (words, *provider.then)]
    ends = (provider.ends or "").format_map(fields)
    lines = [
        "#!/bin/sh",
        f"# {provider.name} {offer.instance_type}, {offer.gpu_count} x {offer.accelerator}: {ends}",
        f"# what stands in <> is yours to fill in ({provider.source}, {provider.as_of})",
        "set -eu",
        *(shell.line(each) if "\n" not in "".join(each) else _with_newline(each) for each in commands),
        "",
        "# on the machine, when it is there:",
        *(f"# {line}" for line in (*request.setup, *request.run)),
    ]
    return LaunchFile(
        tool="native",
        offers=offers,
        file_name=FILE,
        text="\n".join(line if line.startswith("aws") else printable(line) for line in lines) + "\n",
        start=tuple(commands[0]),
        ends=ends,
    )


def can(offer: Offer, request: Request) -> bool:
    provider = request.providers.get(offer.provider)
    if provider is None or not provider.start or provider.ends is None:
        return False
    if request.is_spot and not provider.spot:
        return False
    several = request.offers[0].nodes > 1
    clock = any("{until_clock}" in each for line in provider.then for each in line)
    if "+" in offer.instance_type:  # two things that are put together: a machine and its GPUs
        return False
    return not (several and not _starts_several(provider)) and not (clock and request.hours > _CLOCK_HOURS)


def _starts_several(provider: Provider) -> bool:
    return any("{nodes}" in each for each in provider.start)


def _fields(offer: Offer, request: Request) -> dict[str, object]:
    until = request.now + datetime.timedelta(hours=request.hours)
    region = offer.region or "<region>"
    return {
        "region": region,
        "zone": f"{region}{_GCP_ZONE}",
        "instance_type": offer.instance_type,
        "gpu": offer.instance_type if offer.instance_type.startswith(offer.gpu) else offer.gpu,
        "tier": offer.tier.upper(),
        "gpu_count": offer.gpu_count,
        "nodes": request.nodes,
        "disk_gb": request.disk_gb,
        "minutes": round(request.hours * 60),
        "until": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "until_clock": until.strftime("%H%M"),
    }


def _with_newline(words: list[str]) -> str:
    """A word with a line break, in quotes: such a word cannot be pasted, and here it stands in a file."""
    return " ".join("'" + each.replace("'", "'\\''") + "'" if "\n" in each else shell.quote(each) for each in words)
