"""Cloud offers that meet a profile's hardware requirements, cheapest first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from llmcheck.gpus import vendors
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.requirements import traits
from llmcheck.schema.advice import Offers, RankedOffer
from llmcheck.schema.machine import Cpu, Fabric, FabricPort, Gpu, Machine, Ram
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import ProfileReport
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer
from llmcheck.units import GB, GIB

_UNINTERRUPTED_TIERS = frozenset({"on-demand", "secure", "production"})
_CLUSTER_NODE_GPUS = 8


def rank_offers(
    profile: Profile, offers: Sequence[Offer], corrections: Sequence[Correction], all_tiers: bool = False
) -> Offers:
    """The cheapest passing offer of each provider, and the offers that the document names.

    Offers are judged on hardware alone. A fact that an offer does not state is listed as unknown and never disqualifies
    it. ``all_tiers``: also the community and marketplace tiers, whose machines are private or can be interrupted.
    """
    passed = list(passing(profile, offers, corrections, all_tiers))
    per_provider: dict[str, RankedOffer] = {}
    for each in passed:
        per_provider.setdefault(each.offer.provider, each)
    notes = _notes(profile, passed, list(per_provider.values()), all_tiers)
    return Offers(
        profile=profile.id,
        offers=tuple(per_provider.values()),
        documented=tuple(_rank(profile, offer, corrections) for offer in offers if offer.documented),
        notes=tuple(notes),
    )


def passing(
    profile: Profile, offers: Sequence[Offer], corrections: Sequence[Correction], all_tiers: bool = False
) -> Iterator[RankedOffer]:
    """The offers that pass, cheapest first; each is judged only when the iterator reaches it."""
    candidates = [offer for offer in offers if is_rentable(offer, all_tiers)]
    candidates.sort(key=lambda offer: ((offer.price_hour or 0) * _nodes(profile, offer), offer.gpu_count, offer.id))
    ranked = (_rank(profile, offer, corrections) for offer in candidates)
    return (each for each in ranked if each.passes)


def is_rentable(offer: Offer, all_tiers: bool = False) -> bool:
    """Whether it is an available virtual machine with a price, of a tier that is not interrupted."""
    return (
        offer.price_hour is not None
        and offer.kind == "vm"
        and offer.status == "available"
        and (all_tiers or offer.tier in _UNINTERRUPTED_TIERS)
    )


def _rank(profile: Profile, offer: Offer, corrections: Sequence[Correction]) -> RankedOffer:
    report = evaluate(profile, _machine(offer), corrections)
    corrected = {correction.id for correction in report.corrections}
    nodes = _nodes(profile, offer)
    documented_ok = all(
        finding.status not in ("fail", "warn") for finding in report.findings if finding.id not in corrected
    )
    cluster_ok = nodes == 1 or (offer.gpu_count >= _CLUSTER_NODE_GPUS and offer.fabric is not None)
    return RankedOffer(
        offer=offer,
        passes=vendors.named(offer.vendor).is_gpu and documented_ok and cluster_ok,
        fits_by_arithmetic=all(finding.status == "pass" for finding in report.findings if finding.id in corrected),
        nodes=nodes,
        price_hour=None if offer.price_hour is None else round(offer.price_hour * nodes, 2),
        unknown=_unknown(report),
        warnings=tuple(finding.message for finding in report.findings if finding.status == "warn"),
        corrections=tuple(each for each in corrections if f"offer:{offer.id}" in each.applies_to),
    )


def _machine(offer: Offer) -> Machine:
    machine = as_machine(offer)
    if offer.fabric != "infiniband":
        return machine
    port = FabricPort(device="as offered", port=1, link_layer="InfiniBand", active=True)
    return msgspec.structs.replace(machine, fabric=Fabric(ports=(port,)))


def _nodes(profile: Profile, offer: Offer) -> int:
    """How many instances together have the GPUs of the profile's cluster; 1 for a profile without one."""
    counts = [
        getattr(requirement, "count", 1)
        for requirement in profile.require
        if traits(requirement.kind).states_gpus and requirement.scope == "cluster"
    ]
    return math.ceil(max(counts) / offer.gpu_count) if counts else 1


def _unknown(report: ProfileReport) -> tuple[str, ...]:
    return tuple(finding.id for finding in report.findings if finding.status == "unknown")


def _notes(profile: Profile, passed: list[RankedOffer], shown: list[RankedOffer], all_tiers: bool) -> list[str]:
    notes = ["list prices on the dates shown, not quotes; disk, traffic and tax are extra; availability is not known"]
    if not passed:
        notes.append(f"no offer in the table meets the hardware requirements of {profile.id}")
    fitting = next((each for each in passed if each.fits_by_arithmetic), None)
    if passed and fitting is None:
        seen = f"'llmcheck profiles show {profile.id}'"
        notes.append(f"'fits' is judged by the corrected figure, and none of these fits: see {seen}")
    elif fitting is not None and not shown[0].fits_by_arithmetic:
        offer = fitting.offer
        notes.append(
            f"'fits' is judged by the corrected figure; the cheapest that fits: {offer.provider} {offer.gpu_count} x "
            f"{offer.accelerator}, {fitting.price_hour:.2f} $/h ({offer.as_of})"
        )
    if any(each.nodes > 1 for each in shown):
        notes.append("a cluster has to be reserved with the provider: the list price is a lower bound")
    if not all_tiers:
        notes.append("community and marketplace machines are left out; --all-tiers shows them")
    return notes


def as_machine(offer: Offer) -> Machine:
    """The offered machine, with idle GPUs and their advertised memory. A fact that the offer does not state is None."""
    ram = None if offer.ram_gib is None else round(offer.ram_gib * GIB)
    return Machine(
        hypothetical=True,
        cpu=Cpu(threads=offer.vcpus, threads_usable=offer.vcpus),
        ram=Ram(total=ram, available=ram, usable=ram),
        gpus=tuple(_gpu(offer, index) for index in range(offer.gpu_count)),
    )


def _gpu(offer: Offer, index: int) -> Gpu:
    return Gpu(
        vendor=offer.vendor,
        index=index,
        name=offer.accelerator,
        memory_total=offer.gpu_memory_gb * GB,
        memory_free=offer.gpu_memory_gb * GB,
        compute_capability=offer.compute_capability,
    )
