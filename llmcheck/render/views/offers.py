"""The screen of ``llmcheck cloud``: a row for each offer with its price and how the work runs on it."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.render import Options
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Commands, Heading, Table, Tone
from llmcheck.render.views.corrections import corrections
from llmcheck.render.views.plans import how
from llmcheck.schema.advice import Gap, Offers, OfferStatus, RankedOffer, WhyNot
from llmcheck.schema.estimate import ComputedMethod
from llmcheck.units import format_gib, two_digits

_GAPS = {
    "gpu-memory": "GPU memory",
    "gpu-missing": "GPU",
    "compute-capability": "compute capability",
    "nvlink": "NVLink",
}
"""Words by ``Gap.shortfall``; of what is not here the id says it."""
_WHY_NOT: dict[WhyNot, str] = {
    "no-gpu": "no GPU",
    "no-cluster": "no node of a cluster",
    "nothing-fits": "does not fit",
    "too-slow": "too slow to read along",
    "not-documented": "less than documented",
    "unknown": "not known",
}
_ANSWERS: dict[OfferStatus, tuple[str, Tone]] = {
    "pass": ("yes", "good"),
    "warn": ("with a warning", "warn"),
    "fail": ("no", "bad"),
    "unknown": ("not known", "unknown"),
}


def offers(value: Offers, options: Options) -> list[Block]:
    subject = value.profile or f"{value.model}{_use(value)}"
    order = "those that fit first, then cheapest first" if value.everything else "the cheapest of each provider"
    blocks: list[Block] = [Heading(f"Offers for {subject}", f"{order}; US dollars", level=2)]
    if value.offers:
        columns, rows = _table(value, options)
        blocks.append(Table(columns, rows))
    sources = "; ".join(dict.fromkeys(each.offer.source for each in value.offers))
    notes = [*value.notes, *([f"prices from: {sources}"] if sources else [])]
    if value.offers and not options.verbose:
        notes.append("-v adds the region and source of each, and the command that reproduces its plan")
    blocks.append(Bullets([Cell(note, "dim") for note in notes]))
    blocks += _next(value, options)
    if value.documented:
        columns = [
            Column("in the document"),
            Column("verified"),
            Column("date", fixed=True),
            Column("documented", fixed=True),
            Column("computed", fixed=True),
        ]
        blocks += [Heading("Offers in the document", "whether they pass by the documented and by the computed figures")]
        blocks.append(Table(columns, [_documented(each) for each in value.documented]))
        blocks += corrections(fix for each in value.documented for fix in each.corrections)
    return blocks


def _use(value: Offers) -> str:
    work = value.workload
    if work is None:
        return ""
    method = "" if work.method == "inference" else f" with {work.method}"
    weights = "" if work.weights is None else f" in {work.weights}"
    return f"{weights}{method}{'' if work.context is None else f', {work.context:,} tokens'}"


# --- rows ---


def _table(value: Offers, options: Options) -> tuple[list[Column], list[list[Cell]]]:
    """The columns that some row needs. What is not shown without -v is said below the table."""
    of_model = value.profile is None
    against = any(each.documented not in (None, "pass") for each in value.offers)
    columns: list[tuple[bool, Column]] = [
        (True, Column("offer", min_width=14)),
        (True, Column("GPUs", fixed=True, below="{}")),
        (True, Column("RAM", right=True, fixed=True, below="RAM {}")),
        (True, Column("$/h", right=True, fixed=True)),
        (not of_model, Column("how it runs, computed", min_width=18)),
        (of_model, Column("how it runs", min_width=12)),
        (of_model, Column("memory", right=True, fixed=True, below="takes {}")),
        (of_model, Column("tokens/s", right=True, fixed=True)),
        (of_model, Column("$/M tokens", right=True, fixed=True)),
        (against, Column("documented", min_width=10)),
        (True, Column("priced on", fixed=True, below="priced {}")),
        (options.verbose > 0, Column("region", below="{}")),
        (options.verbose > 0, Column("source", below="{}")),
    ]
    shown = [place for place, (wanted, _) in enumerate(columns) if wanted]
    rows = [_row(each) for each in value.offers]
    return [columns[place][1] for place in shown], [[row[place] for place in shown] for row in rows]


def _row(ranked: RankedOffer) -> list[Cell]:
    offer, plan = ranked.offer, ranked.plan
    rate = plan.tokens_per_second if plan is not None else None
    price = ranked.usd_per_million_tokens
    return [
        Cell(describe_instance(ranked), "strong" if ranked.fits else "dim"),
        Cell(f"{offer.gpu_count} × {offer.accelerator}"),
        Cell("not stated", "unknown") if offer.ram_gib is None else Cell(f"{offer.ram_gib:g} GiB"),
        Cell(f"{ranked.price_hour:,.2f}" if ranked.price_hour is not None else "", "accent"),
        _runs(ranked),
        _way(ranked),
        Cell("" if plan is None else format_gib(plan.memory.total)),
        Cell("" if rate is None else f"~{two_digits(rate.expected)}"),
        Cell("" if price is None else two_digits(price), "accent"),
        _by_the_document(ranked),
        Cell(str(offer.as_of), "dim"),
        Cell(offer.region or "any region", "dim"),
        Cell(offer.source, "dim"),
    ]


def _way(ranked: RankedOffer) -> Cell:
    """Of a model."""
    if ranked.plan is None:
        return Cell(_WHY_NOT[ranked.why_not or "unknown"], "bad")
    if ranked.why_not is not None:
        return Cell(f"{how(ranked.plan)}; {_WHY_NOT[ranked.why_not]}", "warn")
    return Cell(how(ranked.plan))


def _runs(ranked: RankedOffer) -> Cell:
    """Of a tier: ``13B q8_0 ~56, 30B q6_k ~29 tokens/s``."""
    if ranked.why_not in ("no-gpu", "no-cluster"):
        return Cell(_WHY_NOT[ranked.why_not], "bad")
    texts = [_run(each) for each in ranked.runs]
    unit = (
        " tokens/s" if texts and ranked.runs[-1].tokens_per_second is not None and ranked.runs[-1].days is None else ""
    )
    slow = ranked.fits and ranked.documented == "pass" and not ranked.passes
    tone: Tone = "plain" if ranked.fits_by_arithmetic else "bad"
    words = f"; {_WHY_NOT['too-slow']}" if slow else ""
    return Cell(f"{', '.join(texts)}{unit}{words}" or "no model is named", "warn" if slow else tone)


def _run(method: ComputedMethod) -> str:
    if method.verdict == "does-not-fit":
        return f"{method.parameters} does not fit"
    if method.verdict == "unknown":
        return f"{method.parameters} not known"
    if method.days is not None:
        return f"{method.parameters} in about {two_digits(method.days.expected)} days"
    where = "" if method.verdict == "fits" or not method.ram else " partly in RAM" if method.gpus else " in RAM"
    rate = "" if method.tokens_per_second is None else f" ~{two_digits(method.tokens_per_second.expected)}"
    return f"{method.parameters} {method.method}{where}{rate}"


def _by_the_document(ranked: RankedOffer) -> Cell:
    if ranked.documented is None:
        return Cell("")
    words, tone = _ANSWERS[ranked.documented]
    missing = ", ".join(_gap(each) for each in ranked.gaps if each.id != "computed")
    return Cell(f"{words}: {missing}" if missing else "pass" if words == "yes" else words, tone)


def _gap(gap: Gap) -> str:
    return _GAPS.get(gap.shortfall or "", "RAM" if gap.id == "ram" else gap.id)


def describe_instance(ranked: RankedOffer) -> str:
    """``aws p5.48xlarge``; the name without provider and tier."""
    offer = ranked.offer
    name = offer.instance_type.removeprefix(f"{offer.provider}-").removesuffix(f"-{offer.tier}")
    return f"{offer.provider} {ranked.nodes} × {name}" if ranked.nodes > 1 else f"{offer.provider} {name}"


def _documented(ranked: RankedOffer) -> list[Cell]:
    offer = ranked.offer
    price = "" if offer.price_hour is None else f", {offer.price_hour:.2f} $/h"
    withdrawn = ", withdrawn" if offer.status == "withdrawn" else ""
    name = offer.instance_type.removeprefix(f"{offer.provider}-")
    verified = f"{name}: {offer.gpu_count} × {offer.accelerator}{price}{withdrawn}"
    unsuitable = ranked.why_not in ("no-gpu", "no-cluster")
    answers = ["fail" if unsuitable else ranked.documented, "fail" if unsuitable else ranked.computed]
    cells = [Cell("–", "dim") if each is None else Cell(*_ANSWERS[each]) for each in answers]
    return [Cell(f"{offer.provider}: {offer.documented}"), Cell(verified), Cell(str(offer.as_of), "dim"), *cells]


# --- commands ---


def _next(value: Offers, options: Options) -> list[Block]:
    """The commands that show the first offer in full; with -v that of each."""
    fitting = [each for each in value.offers if each.fits and each.machine is not None]
    lines = []
    for each in fitting if options.verbose else fitting[:1]:
        name = describe_instance(each)
        if value.profile is not None and each is fitting[0]:
            target = value.path or value.profile
            lines.append((shell.line(("llmcheck", "check", target, "--machine", each.machine or "")), f"judges {name}"))
        if each.argv:
            lines.append((shell.line(each.argv), f"shows how {name} would run it"))
    return [Heading("Next"), Commands(lines)] if lines else []


def describe_offer(ranked: RankedOffer) -> str:
    """One line: provider and instance, GPUs, price, date."""
    offer = ranked.offer
    price = "price unknown" if ranked.price_hour is None else f"{ranked.price_hour:.2f} $/h"
    unknown = ", RAM not stated" if offer.ram_gib is None else f", {offer.ram_gib:g} GiB RAM"
    return (
        f"{describe_instance(ranked)}, {offer.gpu_count} × {offer.accelerator}{unknown}, {price} "
        f"(list price of {offer.as_of})"
    )
