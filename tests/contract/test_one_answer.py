"""One question, one answer: ``check``, ``fit``, ``recommend`` and ``cloud`` agree, and what is proposed holds.

By default every machine is asked, of the offers and of the proposals a part; ``pytest -m sweep`` asks all.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.advise.runnable import Choice, Question, sorted_out
from llmcheck.api.model_source import ModelSource
from llmcheck.catalog import profiles
from llmcheck.cli.main import main
from llmcheck.cloud import canonical
from llmcheck.cloud.judge import Judge, judge_of
from llmcheck.cloud.rented import cards_of, in_words
from llmcheck.cloud.selection import Selection
from llmcheck.fit import capacity, computed_layer
from llmcheck.fit.shapes import typical
from llmcheck.gpus import idle_card
from llmcheck.schema.computed import Cards, ComputedMethod
from llmcheck.schema.estimate import Fit
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import ProfileReport
from llmcheck.schema.workload import Workload
from llmcheck.tables.offer import Offer
from llmcheck.units import GIB
from tests.golden.test_golden import MACHINES

RECORDED = sorted(path.stem for path in MACHINES.glob("*.json"))
STATED = (
    "RTX 3060, 32 GB RAM", "2x RTX 4090, 128 GB RAM, 2 TB disk", "m3-max 64GB", "24GB", "4x V100 16GB, 64 GB RAM",
    "no gpu, 16 GB RAM", "Gaudi 3, 256 GB RAM",
)  # fmt: skip
WITH_WORK = [each for each in profiles.shipped() if each.workload is not None]
TIERS = [each.id for each in WITH_WORK if each.workload is not None and each.workload.method != "pretrain"]
FITS = ("fits", "fits-with-offload")
_OF_A_KIND: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "full-8bit-optimizer": {"method": "full", "optimizer": "adamw-8bit", "precision": "bf16"},
    "lora": {"method": "lora"},
    "qlora": {"method": "qlora"},
}
sweep = pytest.mark.sweep


@cache
def machine(name: str) -> Machine:
    if name in RECORDED:
        return api.load_machine(str(MACHINES / f"{name}.json"))
    return api.hypothetical_machine(name).machine


@cache
def checked(name: str, tier: str) -> ProfileReport:
    return api.check([tier], lambda: machine(name), skip=["software"]).profiles[0]


def groups(report: ProfileReport) -> Iterator[tuple[str, list[ComputedMethod]]]:
    for model in dict.fromkeys(each.parameters for each in report.computed):
        yield model, [each for each in report.computed if each.parameters == model]


def fit(model: str, where: Machine, **work: Any) -> Fit:
    return api.fit(ModelSource(model=model), Workload(**{"method": "inference", **work}), lambda: where)


# --- check, fit and recommend ---


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", [*RECORDED, *STATED])
def test_check_and_fit_agree(name: str, tier: str) -> None:
    work = profiles.load(tier).workload
    assert work is not None
    shown = {
        each.parameters: each for each in computed_layer.to_show(profiles.load(tier), checked(name, tier).computed)
    }
    for model, group in groups(checked(name, tier)):
        if work.method != "inference":
            for each in group:
                alone = fit(model, machine(name), context=work.context, **_OF_A_KIND[each.kind])
                assert (model, each.kind, each.verdict, each.total) == (
                    model,
                    each.kind,
                    alone.verdict,
                    alone.memory.total,
                )
            continue
        alone = fit(model, machine(name), context=work.context)
        assert (shown[model].verdict in FITS) == (alone.verdict in FITS)
        assert (shown[model].verdict == "unknown") == (alone.verdict == "unknown")
        best = shown[model].plan
        if work.weights is None and best is not None:
            first = alone.plans[0]
            assert (best.runtime, best.weights, best.verdict) == (first.runtime, first.weights, first.verdict)
            assert (best.memory, best.tokens_per_second) == (first.memory, first.tokens_per_second)


@pytest.mark.parametrize("name", [*RECORDED, *STATED])
def test_the_options_of_a_plan_of_check_reproduce_it(name: str) -> None:
    for tier in ("minimum", "inference-13b-30b", "finetune-7b"):
        for each in computed_layer.to_show(profiles.load(tier), checked(name, tier).computed):
            if each.plan is None:
                assert each.verdict not in FITS
                continue
            where = str(MACHINES / f"{name}.json") if name in RECORDED else name
            found = printed(*each.plan.argv[1:], "--machine", where)
            assert (found["verdict"], found["memory"]["total"]) == (each.verdict, each.total)


def printed(*words: str) -> Any:
    done = CliRunner().invoke(main, [*words, "--format", "json"], prog_name="llmcheck", standalone_mode=False)
    assert done.exception is None, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("size", ["7B", "13B", "30B", "70B"])
@pytest.mark.parametrize("name", [*RECORDED, *STATED])
def test_recommend_and_fit_agree(name: str, size: str) -> None:
    """A listed model with the shapes of a tier is left out as too large exactly where it does not fit."""
    listed = replace(catalog.listed_models()[0], tasks=("chat",))
    choice = Choice(listed=listed, architecture=typical.architecture(size))
    room = capacity.of(machine(name))
    runnable, left_out = sorted_out([choice], room, Question(context=4096), catalog.quantisation_losses())
    alone = fit(size, machine(name), context=4096)
    if runnable:
        use, best = runnable[0].candidate.use, alone.plans[0]
        assert (use.runtime.id, runnable[0].candidate.placed.verdict) == (best.runtime, best.verdict)
    else:
        expected = {"does-not-fit": "does-not-fit", "memory-unknown": "unknown"}.get(left_out[0].reason)
        assert alone.verdict == expected if expected else alone.verdict in FITS


# --- cloud ---


def distinct_offers() -> list[Offer]:
    """One offer of each machine: GPU, number of them, and RAM."""
    kinds: dict[str, Offer] = {}
    for offer in catalog.offers():
        words = in_words(offer)
        if words is not None and offer.fabric in (None, "none"):
            kinds.setdefault(words, offer)
    return list(kinds.values())


def one_of_every_gpu() -> list[Offer]:
    """For each card of the table that can be in a rented machine an offer, one or eight of them by turns."""
    records = idle_card.proposable(catalog.gpu_specs())
    return [
        Offer(
            id=f"made-{number}",
            provider="made",
            instance_type=str(number),
            vendor=each.vendor,
            accelerator=canonical.words(each),
            gpu=each.spec.name,
            gpu_count=1 if number % 2 else 8,
            gpu_memory_gb=each.spec.memory_gb or 0.0,
            compute_capability=each.capability,
            ram_gib=256,
            price_hour=1.0,
            price_date=datetime.date(2026, 11, 1),
            source="made here",
            licence="MIT",
        )
        for number, each in enumerate(records)
    ]


@cache
def judge(tier: str) -> Judge:
    day = datetime.date(2026, 11, 28)
    cards = cards_of(catalog.gpu_specs())
    return judge_of(profiles.load(tier), catalog.corrections(), cards, {}, selection=Selection(), today=day)


def compare(offer: Offer, tier: str) -> None:
    """Words say nothing of the links between GPUs, which decide where they are not NVLink."""
    ranked = judge(tier).rank(offer)
    report = checked(ranked.machine or "", tier)
    status = next((each.status for each in report.findings if each.is_computed), None)
    unlinked = tier == "pretrain" and offer.link == "pcie"
    assert ranked.verdict == ("not-ready" if unlinked else report.hardware)
    assert ranked.computed == (None if status == "skipped" else status)
    shown = computed_layer.to_show(profiles.load(tier), report.computed)
    assert [brief(each) for each in ranked.runs] == [brief(each) for each in shown]
    assert not (ranked.fits and judge(tier).refuses(offer))
    if ranked.why_not != "no-cluster":
        assert ranked.fits == (report.hardware != "not-ready" and status in (None, "pass", "warn"))


def brief(each: ComputedMethod) -> tuple[object, ...]:
    return each.parameters, each.kind, each.method, each.verdict, each.total, each.tokens_per_second


@pytest.mark.parametrize("tier", [each.id for each in WITH_WORK])
def test_check_and_cloud_agree(tier: str) -> None:
    """On a part of the offers, another one for each tier."""
    place = [each.id for each in WITH_WORK].index(tier)
    for offers in (distinct_offers(), one_of_every_gpu()):
        for offer in offers[place :: len(WITH_WORK)]:
            compare(offer, tier)


@sweep
@pytest.mark.parametrize("tier", profiles.ids())
def test_check_and_cloud_agree_on_every_offer(tier: str) -> None:
    for offer in (*distinct_offers(), *one_of_every_gpu()):
        compare(offer, tier)


# --- what is proposed holds ---


def ram_of(where: Machine) -> str:
    size = where.ram.usable or where.ram.total
    return f", {size / GIB:.3f} GiB RAM" if size else ""


def returned(where: Machine) -> Machine:
    return where


def proposals(name: str, model: str, work: dict[str, Any]) -> int:
    """Asks ``fit`` about each machine that it proposes; returns how many there were."""
    where, count = machine(name), 0
    for way in fit(model, where, **work).ways:
        if way.gpus is None:
            continue
        count += 1
        assert 1 <= way.gpus <= capacity.NODE_GPUS
        words = f"{way.gpus}x {way.gpu}{ram_of(where)}"
        proposed = machine(words)
        found = api.fit(ModelSource(model=model), way.workload, partial(returned, proposed))
        held = ("fits",) if way.workload.offload in (None, "none") else FITS
        assert (words, found.verdict in held) == (words, True), found.reason
    return count


WORK: tuple[dict[str, Any], ...] = (
    {"context": 4096}, {"weights": "bf16"}, {"method": "full", "context": 2048}, {"method": "lora"},
    {"method": "qlora"},
)  # fmt: skip
MODELS = ("7B", "13B", "30B", "70B", "llama-3.1-8b", "gpt-oss-120b", "deepseek-v3")


@pytest.mark.parametrize("name", [*RECORDED, *STATED])
def test_more_or_larger_cards_that_fit_proposes_hold_it(name: str) -> None:
    place = [*RECORDED, *STATED].index(name)
    for step, work in enumerate(WORK):
        proposals(name, MODELS[(place + step) % len(MODELS)], work)


def test_cards_are_proposed_to_the_owner_of_a_small_one() -> None:
    assert proposals("RTX 3060, 32 GB RAM", "13B", {"weights": "bf16"}) > 0
    assert proposals("rtx3060", "30B", {"method": "lora"}) > 0


@sweep
@pytest.mark.parametrize("name", [*RECORDED, *STATED])
def test_every_card_that_fit_proposes_holds_it(name: str) -> None:
    for model in MODELS:
        for work in WORK:
            proposals(name, model, work)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", [*RECORDED, *STATED, "RTX 3060"])
def test_cards_that_check_proposes_hold_it(name: str, tier: str) -> None:
    where = machine(name)
    for model, group in groups(checked(name, tier)):
        for each in group:
            if each.cards is not None:
                words = f"{each.cards}x {each.gpu}{ram_of(where)}"
                assert each.cards <= capacity.NODE_GPUS
                same = [other for other in dict(groups(checked(words, tier)))[model] if other.kind == each.kind]
                assert (words, [other.verdict for other in same]) == (words, ["fits"])
            for cards in each.held_by:
                words = written(cards) + ram_of(where)
                assert cards.gpus <= capacity.NODE_GPUS
                verdicts = [other.verdict for other in dict(groups(checked(words, tier)))[model]]
                assert "fits" in verdicts, words


def written(cards: Cards) -> str:
    memory = "" if cards.memory_gb is None or "GB" in cards.gpu else f" {cards.memory_gb:g}GB"
    return f"{cards.gpus}x {cards.gpu}{memory}"


def test_where_nothing_fits_the_cards_are_named_with_a_number_that_a_machine_can_have() -> None:
    report = checked("RTX 3060", "inference-70b")
    (held,) = [each.held_by for each in report.computed if each.held_by]
    assert [each.gpus for each in held] == [4, 1]
    remedy = next(each.remedy for each in report.findings if each.is_computed)
    assert remedy is not None
    assert remedy.startswith("4 x RTX 3060 or 1 x ")
    assert remedy.endswith("llmcheck cloud inference-70b")


def test_cards_are_looked_for_only_where_nothing_fits() -> None:
    assert not [each for each in checked("8xh100", "inference-70b").computed if each.held_by]
