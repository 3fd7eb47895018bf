"""Judges offers by a profile exactly as ``check`` judges a machine, each distinct machine once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from llmcheck.cloud.rented import Cards, alike, as_machine, gpu_bytes, in_words
from llmcheck.fit import computed_layer
from llmcheck.fit.plans.policy import READABLE
from llmcheck.gpus import vendors
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.requirements import check, group_of, parts, traits
from llmcheck.schema.advice import Gap, OfferStatus, RankedOffer, WhyNot
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.estimate import Plan
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer
from llmcheck.units import parse_size

Models = Mapping[str, Architecture]
"""The shapes of the known model that a profile's workload names, by its id."""
_CLUSTER_NODE_GPUS = 8


class Judge(Struct, frozen=True, kw_only=True):
    """``judge_of`` makes one. ``refused`` and ``reports`` remember the answers by ``rented.alike``."""

    profile: Profile
    corrections: Sequence[Correction]
    cards: Cards
    models: Models
    cluster_gpus: int
    """How many GPUs the profile's cluster has; 0 for a profile without one."""
    least_gpu_bytes: int
    """Of all GPUs of a machine together: with less the documented hardware is missed. 0: none is stated."""
    refused: dict[tuple[object, ...], bool] = {}
    reports: dict[tuple[object, ...], ProfileReport] = {}

    def refuses(self, offer: Offer) -> bool:
        """Whether the documented hardware alone decides that it does not fit, which is known quickly."""
        if _no_machine(offer, self.nodes(offer)) is not None or gpu_bytes(offer, self.cards) < self.least_gpu_bytes:
            return True
        key = alike(offer)
        if key not in self.refused:
            machine = as_machine(offer, self.cards)
            required = (each for each in self.profile.require if each.level == "required" and each.scope == "node")
            self.refused[key] = any(
                group_of(each) == "hardware" and check(each, machine).status == "fail" for each in required
            )
        return self.refused[key]

    def rank(self, offer: Offer) -> RankedOffer:
        report = self._report(offer)
        runs = computed_layer.to_show(self.profile, report.computed)
        plan = next((each.plan for each in reversed(runs) if each.plan is not None), None)
        nodes, words = self.nodes(offer), in_words(offer)
        documented, computed = _documented(report), _computed(report)
        why_not = _why_not(offer, nodes, report, computed)
        price = None if offer.price_hour is None else round(offer.price_hour * nodes, 2)
        arithmetic = computed in (None, "pass", "warn")
        return RankedOffer(
            offer=offer,
            passes=why_not is None and documented == "pass" and all(map(is_usable, runs)),
            fits=why_not is None,
            fits_by_arithmetic=arithmetic,
            documented=documented,
            computed=computed,
            verdict=report.hardware,
            why_not=why_not,
            gaps=tuple(map(_gap, _failed(report))),
            runs=runs,
            plan=plan,
            machine=words,
            argv=() if plan is None or words is None else (*plan.argv, "--machine", words),
            nodes=nodes,
            price_hour=price,
            usd_per_million_tokens=price_of_tokens(price, plan),
            unknown=tuple(each.id for each in report.findings if each.status == "unknown"),
            warnings=tuple(each.message for each in report.findings if each.status == "warn"),
            corrections=tuple(each for each in self.corrections if f"offer:{offer.id}" in each.applies_to),
        )

    def nodes(self, offer: Offer) -> int:
        """How many instances together have the GPUs of the profile's cluster; 1 for a profile without one."""
        return math.ceil(self.cluster_gpus / offer.gpu_count) if self.cluster_gpus else 1

    def _report(self, offer: Offer) -> ProfileReport:
        key = alike(offer)
        if key not in self.reports:
            machine = as_machine(offer, self.cards)
            found = computed_layer.methods(self.profile, machine, self.models)
            self.reports[key] = evaluate(self.profile, machine, self.corrections, computed=found)
        return self.reports[key]


def judge_of(profile: Profile, corrections: Sequence[Correction], cards: Cards, models: Models) -> Judge:
    stating = [each for each in profile.require if traits(each.kind).states_gpus and not parts(each)]
    own = [each for each in stating if each.scope == "node" and each.level == "required"]
    return Judge(
        profile=profile,
        corrections=corrections,
        cards=cards,
        models=models,
        cluster_gpus=max((getattr(each, "count", 1) for each in stating if each.scope == "cluster"), default=0),
        least_gpu_bytes=max(
            (getattr(each, "count", 1) * parse_size(getattr(each, "memory", "0 B")) for each in own), default=0
        ),
    )


def is_usable(method: ComputedMethod) -> bool:
    """Whether one can read along; True where nobody does (training), and where the speed is not known."""
    rate = method.tokens_per_second
    return method.kind not in ("weights", "plan") or rate is None or rate.expected >= READABLE


def price_of_tokens(price_hour: float | None, plan: Plan | None) -> float | None:
    """US dollars for a million tokens at the expected speed of a plan; None where price or speed is not known."""
    rate = None if plan is None or plan.tokens_per_second is None else plan.tokens_per_second.expected
    return None if price_hour is None or not rate else price_hour / 3600 / rate * 1e6


def _no_machine(offer: Offer, nodes: int) -> WhyNot | None:
    """Why it is none of the machines that the profile is about, whatever its memory."""
    if not vendors.named(offer.vendor).is_gpu:
        return "no-gpu"
    joined = nodes == 1 or (offer.gpu_count >= _CLUSTER_NODE_GPUS and offer.fabric is not None)
    return None if joined else "no-cluster"


def _why_not(offer: Offer, nodes: int, report: ProfileReport, computed: OfferStatus | None) -> WhyNot | None:
    unsuitable = _no_machine(offer, nodes)
    if unsuitable is not None:
        return unsuitable
    if any(not each.is_computed for each in _failed(report)):
        return "not-documented"
    return "nothing-fits" if computed == "fail" else "unknown" if computed == "unknown" else None


def _failed(report: ProfileReport) -> list[Finding]:
    return [
        each
        for each in report.findings
        if each.group == "hardware" and each.level == "required" and each.status == "fail"
    ]


def _documented(report: ProfileReport) -> OfferStatus:
    """The worst of the documented hardware; what an offer does not state counts as met."""
    corrected = {correction.id for correction in report.corrections}
    found = {
        each.status
        for each in report.findings
        if each.group == "hardware" and not each.is_computed and each.id not in corrected
    }
    return "fail" if "fail" in found else "warn" if "warn" in found else "pass"


def _computed(report: ProfileReport) -> OfferStatus | None:
    found = next((each.status for each in report.findings if each.is_computed), None)
    return None if found == "skipped" else found


def _gap(finding: Finding) -> Gap:
    return Gap(
        id=finding.id,
        needed=finding.needed,
        found=finding.found,
        shortfall=finding.shortfall,
        missing_bytes=finding.missing_bytes,
    )
