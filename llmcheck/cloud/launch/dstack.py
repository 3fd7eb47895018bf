"""A dstack task (0.22)."""

from __future__ import annotations

from llmcheck.cloud.launch import IDLE_MINUTES, Request
from llmcheck.cloud.launch._yaml import Lines, Value, document
from llmcheck.schema.renting import LaunchFile
from llmcheck.tables.offer import Offer

MOST = 6
_IMAGE_PYTHON = "3.12"
"""dstack's own image, with CUDA and this Python."""
FILE = "llmcheck.dstack.yml"
_SHARED_MEMORY_GB = 16


def accelerator(offer: Offer, request: Request) -> str | None:
    """``A100:80GB:8``; with the size in the name dstack finds nothing. None where dstack has no name for it."""
    provider, names = request.providers.get(offer.provider), request.gpu_names.get(offer.gpu)
    if provider is None or provider.dstack is None or names is None or names.dstack is None:
        return None
    return f"{names.dstack}:{offer.gpu_memory_gb:g}GB:{offer.gpu_count}"


def can(offer: Offer, request: Request) -> bool:
    return accelerator(offer, request) is not None


def refusal(request: Request) -> str:
    named = ", ".join(dict.fromkeys(each.offer.provider for each in request.offers[:5]))
    return f"dstack has none of these providers and GPUs: {named}; try --launch sky or native, or another --provider"


def text(request: Request) -> LaunchFile:
    offers = request.offers
    gpu = accelerator(offers[0].offer, request) or ""
    backends = list(dict.fromkeys(request.providers[each.offer.provider].dstack or "" for each in offers))
    resources: dict[str, Value] = {"gpu": gpu}
    if request.ram_gib is not None:
        resources["memory"] = f"{request.ram_gib}GB.."
    resources |= {"disk": f"{request.disk_gb}GB..", "shm_size": f"{_SHARED_MEMORY_GB}GB"}
    hours = max(1, round(request.hours))
    start = ("dstack", "apply", "-f", FILE)
    ends = f"the run ends after {hours} hours, and an idle machine after {IDLE_MINUTES} minutes"
    values: dict[str, Value | Lines] = {
        "type": "task",
        "name": request.name,
        "nodes": request.nodes,
        "python": _IMAGE_PYTHON,
        "commands": ["set -e", *request.setup, *request.run],
        "resources": resources,
        "backends": backends,
        "spot_policy": "spot" if request.is_spot else "on-demand",
        "max_price": request.highest_price,
        "max_duration": f"{hours}h",
        "idle_duration": f"{IDLE_MINUTES}m",
    }
    comments = (f"start: {' '.join(start)}; 'dstack offer --gpu {gpu}' shows what there is", ends)
    return LaunchFile(
        tool="dstack", offers=offers, file_name=FILE, text=document(comments, values), start=start, ends=ends
    )
