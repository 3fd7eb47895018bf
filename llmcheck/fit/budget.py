"""The bytes of each GPU that a runtime may use, and the tokens for which a server's cache has space."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.capacity import Device
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Memory


def budget(use: ModelUse, device: Device, part: Memory) -> int:
    """Bytes of this GPU that the runtime may use; ``part``: bytes that the workload needs on it."""
    free, reservation = device.free or 0, use.runtime.reservation
    if not use.is_inference or reservation is None:
        return free
    size = device.total or free
    usual = reservation.fraction if reservation.by_card is None else reservation.by_card(size, use.workload)
    fraction = use.workload.memory_fraction or usual
    if reservation.of == "total":
        context = sum(each.expected for each in part.terms if each.part == "context" and reservation.context_beside)
        return min(free, round(fraction * size) + context)
    if reservation.of == "weights-and-cache":
        beside = sum(each.expected for each in part.terms if each.part not in {"cache", "state"})
        return min(free, round(fraction * size) + beside - part.weights)
    return min(free, part.total - part.kv_cache + round(fraction * max(free - part.weights, 0)))


def missing_on(use: ModelUse, devices: Sequence[Device], parts: Sequence[Memory]) -> list[int]:
    """Bytes that each GPU lacks; negative where memory is left."""
    return [part.total - budget(use, device, part) for part, device in zip(parts, devices, strict=True)]


def pool_tokens(use: ModelUse, used: Sequence[Device], parts: Sequence[Memory]) -> int | None:
    """Tokens that fit in a server's KV cache; None for other runtimes, and for a model without a cache."""
    if not use.is_inference or not use.runtime.is_server:
        return None
    found = []
    for device, part in zip(used, parts, strict=True):
        cache = sum(each.expected for each in part.terms if each.part == "cache")
        per_token = cache / (max(use.context, 1) * use.batch)
        if per_token <= 0:
            return None
        found.append(int((budget(use, device, part) - part.total + cache) / per_token))
    return min(found)
