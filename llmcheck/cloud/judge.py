"""Judges offers by a profile exactly as ``check`` judges a machine, each distinct machine once."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from llmcheck.cloud.rented import Cards, alike, as_machine, computes_alike, gpu_bytes, in_words
from llmcheck.cloud.selection import Selection, age_days
from llmcheck.fit import computed_layer
from llmcheck.fit.plans.policy import READABLE
from llmcheck.gpus import vendors
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.requirements import check, group_of, parts, traits
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.estimate import Plan
from llmcheck.schema.profile import Profile
from llmcheck.schema.renting import Gap, OfferStatus, RankedOffer, WhyNot
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer
from llmcheck.units import GB, parse_size

Models = Mapping[str, Architecture]
"""The shapes of the known model that a profile's workload names, by its id."""
_DAY = 86_400
"""Seconds."""
_CLUSTER_NODE_GPUS, _CLUSTER_GBIT = 8, 400
"""GPUs of a node, and the least that connects it to others: 400 Gb/s, as of the first nodes with A100."""


class Judge(Struct, frozen=True, kw_only=True):
    """``judge_of`` makes one. ``refused`` and ``reports`` remember answers by ``rented.alike``, ``methods`` by
    ``rented.computes_alike``."""

    profile: Profile
    corrections: Sequence[Correction]
    cards: Cards
    models: Models
    selection: Selection
    today: datetime.date
    cluster_gpus: int
    """How many GPUs the profile's cluster has; 0 for a profile without one."""
    least_gpu_bytes: int
    """Of all GPUs of a machine together: with less the documented hardware is missed. 0: none is stated."""
    least_disk: int
    """Bytes that a node has to have free; 0: none are stated."""
    refused: dict[tuple[object, ...], bool] = {}
    reports: dict[tuple[object, ...], ProfileReport] = {}
    methods: dict[tuple[object, ...], tuple[ComputedMethod, ...]] = {}

    def refuses(self, offer: Offer) -> bool:
        """Whether the documented hardware alone decides that it does not fit, which is known quickly."""
        if _no_machine(offer, self.nodes(offer)) is not None or gpu_bytes(offer, self.cards) < self.least_gpu_bytes:
            return True
        key = alike(offer)
        if key not in self.refused:
            machine = as_machine(offer, self.cards, self.disk(offer))
            required = (each for each in self.profile.require if each.level == "required" and each.scope == "node")
            self.refused[key] = any(
                group_of(each) == "hardware" and check(each, machine).status == "fail" for each in required
            )
        return self.refused[key]

    def rank(self, offer: Offer) -> RankedOffer:
        report = self._report(offer)
        runs = computed_layer.to_show(self.profile, report.computed)
        plan = next((each.plan for each in reversed(runs) if each.plan is not None), None)
        nodes, words = self.nodes(offer), in_words(offer, self.disk(offer))
        documented, computed = _documented(report), _computed(report)
        why_not = _why_not(offer, nodes, report, computed)
        price = self.price(offer)
        rate = self._tokens_per_second(plan, runs)
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
            is_spot=self.selection.is_spot(offer),
            price_date=offer.price_date,
            age_days=age_days(offer, self.today),
            usd_per_million_tokens=price_of_tokens(price, rate),
            tokens_per_second=rate,
            unknown=tuple(each.id for each in report.findings if each.status == "unknown"),
            warnings=tuple(each.message for each in report.findings if each.status == "warn"),
            corrections=tuple(each for each in self.corrections if f"offer:{offer.id}" in each.applies_to),
        )

    def _tokens_per_second(self, plan: Plan | None, runs: Sequence[ComputedMethod]) -> float | None:
        """Of the plan; of a training run that is counted in days, with what interrupts it."""
        work = self.profile.workload
        days = runs[-1].days if runs else None
        if days is not None and work is not None and work.tokens:
            return work.tokens / days.expected / _DAY
        speed = plan.tokens_per_second if plan is not None else runs[-1].tokens_per_second if runs else None
        return None if speed is None else speed.expected

    def price(self, offer: Offer) -> float | None:
        """US dollars an hour of all nodes."""
        price = self.selection.price(offer)
        return None if price is None else round(price * self.nodes(offer), 4)

    def disk(self, offer: Offer) -> int | None:
        """Bytes of its disk where that is enough. To a smaller one a volume can be added, so it decides nothing."""
        disk = round((offer.local_disk_gb or 0) * GB)
        return disk if self.least_disk and disk >= self.least_disk else None

    def nodes(self, offer: Offer) -> int:
        """How many instances together have the GPUs of the profile's cluster; 1 for a profile without one."""
        return math.ceil(self.cluster_gpus / offer.gpu_count) if self.cluster_gpus else 1

    def _report(self, offer: Offer) -> ProfileReport:
        key = alike(offer)
        if key not in self.reports:
            machine = as_machine(offer, self.cards, self.disk(offer))
            hardware = computes_alike(offer)
            if hardware not in self.methods:
                self.methods[hardware] = computed_layer.methods(self.profile, machine, self.models)
            computed = self.methods[hardware]
            self.reports[key] = evaluate(self.profile, machine, self.corrections, computed=computed)
        return self.reports[key]


def judge_of(
    profile: Profile,
    corrections: Sequence[Correction],
    cards: Cards,
    models: Models,
    *,
    selection: Selection,
    today: datetime.date,
) -> Judge:
    """``cards``: the GPU table by name. ``models``: the shapes of the known model that the profile names; KeyError
    without them. ``today``: the day from which the age of prices is counted."""
    stating = [each for each in profile.require if traits(each.kind).states_gpus and not parts(each)]
    own = [each for each in stating if each.scope == "node" and each.level == "required"]
    disks = [each for each in profile.require if each.kind == "disk" and each.scope == "node" and not parts(each)]
    return Judge(
        profile=profile,
        selection=selection,
        today=today,
        least_disk=max(
            (parse_size(getattr(each, "free", None) or "0 B") for each in disks if each.level == "required"), default=0
        ),
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


def price_of_tokens(price_hour: float | None, tokens_per_second: float | None) -> float | None:
    """US dollars for a million tokens; None where price or speed is not known."""
    return None if price_hour is None or not tokens_per_second else price_hour / 3600 / tokens_per_second * 1e6


def _no_machine(offer: Offer, nodes: int) -> WhyNot | None:
    """Why it is none of the machines that the profile is about, whatever its memory."""
    if not vendors.named(offer.vendor).is_gpu:
        return "no-gpu"
    fast = offer.fabric not in (None, "none") and (offer.fabric_gbit or _CLUSTER_GBIT) >= _CLUSTER_GBIT
    return None if nodes == 1 or (offer.gpu_count >= _CLUSTER_NODE_GPUS and fast) else "no-cluster"


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
