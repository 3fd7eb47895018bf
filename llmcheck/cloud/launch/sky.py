"""A SkyPilot task (0.14)."""

from __future__ import annotations

from llmcheck.cloud.launch import IDLE_MINUTES, Request
from llmcheck.cloud.launch._yaml import Lines, Value, document
from llmcheck.schema.renting import LaunchFile, RankedOffer
from llmcheck.tables.offer import Offer

MOST = 4
"""Machines to choose from: SkyPilot takes the cheapest of them that it gets."""
FILE = "llmcheck.sky.yaml"


def accelerator(offer: Offer, request: Request) -> str | None:
    """``A100-80GB``; None where SkyPilot has no name for it."""
    provider, names = request.providers.get(offer.provider), request.gpu_names.get(offer.gpu)
    if provider is None or provider.sky is None:
        return None
    return provider.sky_names.get(offer.gpu) or (None if names is None else names.sky)


def can(offer: Offer, request: Request) -> bool:
    return accelerator(offer, request) is not None


def refusal(request: Request) -> str:
    named = ", ".join(dict.fromkeys(each.offer.provider for each in request.offers[:5]))
    return f"SkyPilot has none of these providers and GPUs: {named}; try --launch native, or name another --provider"


def text(request: Request) -> LaunchFile:
    offers = request.offers
    resources: dict[str, Value] = {"disk_size": request.disk_gb}
    if request.ram_gib is not None:
        resources["memory"] = f"{request.ram_gib}+"
    resources["max_hourly_cost"] = request.highest_price
    if request.is_spot:
        resources["use_spot"] = True
    resources["autostop"] = {"idle_minutes": IDLE_MINUTES, "down": True}
    resources["any_of"] = list({str(each): each for each in (_place(each, request) for each in offers)}.values())
    start = ("sky", "launch", "--idle-minutes-to-autostop", str(IDLE_MINUTES), "--down", FILE)
    ends = f"the machine is taken down after {IDLE_MINUTES} idle minutes"
    values: dict[str, Value | Lines] = {
        "name": request.name,
        "num_nodes": request.nodes,
        "resources": resources,
        "setup": Lines(("set -e", *request.setup)),
        "run": Lines(("set -e", *request.run)),
    }
    comments = (
        f"start: {' '.join(start)}; with --dryrun it only says what it would cost",
        f"{ends}; over {request.highest_price:.2f} $/h a node it does not start",
    )
    return LaunchFile(
        tool="sky", offers=offers, file_name=FILE, text=document(comments, values), start=start, ends=ends
    )


def _place(ranked: RankedOffer, request: Request) -> dict[str, Value]:
    offer, provider = ranked.offer, request.providers[ranked.offer.provider]
    infra = provider.sky or ""
    if offer.region and "/" not in offer.region:
        infra += f"/{offer.region}"
    return {"infra": infra, "accelerators": {accelerator(offer, request) or "": offer.gpu_count}}
