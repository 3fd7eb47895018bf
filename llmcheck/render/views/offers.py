"""The screen of ``llmcheck cloud``: a row for each offer with its price and how the work runs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmcheck import shell
from llmcheck.render import Options
from llmcheck.render.views import prices
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Commands, Heading, Table, Tone
from llmcheck.render.views.corrections import corrections
from llmcheck.render.views.plans import how
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.renting import Gap, Offers, OfferStatus, RankedOffer, Verified, WhyNot
from llmcheck.units import format_gib, two_digits

_GAPS = {
    "gpu-memory": "GPU memory",
    "gpu-missing": "GPU",
    "compute-capability": "compute capability",
    "max-price": "price",
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
_ORDERS = {
    "hour": "the cheapest hour of each provider",
    "tokens": "of each provider the cheapest tokens",
    "total": "of each provider the cheapest total",
}
_UNITS = {"hour": "an hour", "chip-hour": "a chip-hour", "month": "a month"}
_USUAL_TIERS = ("on-demand", "secure")
_ANSWERS: dict[OfferStatus, tuple[str, Tone]] = {
    "pass": ("yes", "good"),
    "warn": ("with a warning", "warn"),
    "fail": ("no", "bad"),
    "unknown": ("not known", "unknown"),
}


_ROWS = 12
"""Providers that are shown without -v; programs get all."""


def offers(value: Offers, options: Options) -> list[Block]:
    subject = value.profile or f"{value.model}{_use(value)}"
    rows = value.offers if options.verbose or value.everything else value.offers[:_ROWS]
    ages = [each.age_days for each in rows]
    detail = "; ".join(filter(None, (_ORDERS[value.ranked_by], "US dollars", prices.priced(ages))))
    if value.everything:
        detail = f"those that fit first; {detail}"
    blocks: list[Block] = [Heading(f"Offers for {subject}", detail, level=2)]
    if rows:
        columns, cells = _table(value, rows, options)
        blocks.append(Table(columns, cells))
    if value.nearest:
        blocks += [Heading("Nearest", "what misses least, and what it misses"), _nearest(value)]
    best = next((each for each in value.offers if each.fits), None)
    items = [prices.documented_cost(value.cost, best)] if value.cost is not None else []
    items += [prices.break_even(value.break_even)] if value.break_even is not None else []
    items += [prices.subscription(each) for each in value.subscriptions]
    items += prices.about_age(ages)
    items += [Cell(note, "dim") for note in _notes(value, rows, options)]
    blocks.append(Bullets(items))
    blocks += _next(value, options)
    if value.verified:
        blocks += verified(value.verified)
    return blocks


def _notes(value: Offers, rows: Sequence[RankedOffer], options: Options) -> Iterator[str]:
    yield from value.notes
    timed = next((each for each in rows if each.total is not None), None)
    if timed is not None and timed.setup_hours is not None:
        yield f"total: with about {timed.setup_hours:.1f} hours to start, install and download (1 Gb/s assumed)"
    if value.target_tokens_per_second is not None:
        yield f"machines and sequences at a time for {value.target_tokens_per_second:,.0f} tokens/s together"
    if options.verbose:
        sources = "; ".join(dict.fromkeys(each.offer.source for each in rows))
        yield f"prices from: {sources}"
    elif rows:
        more = len(value.offers) - len(rows)
        yield (f"-v adds {more} dearer ones, " if more else "-v adds ") + "regions, sources, and how each plan is made"


def _nearest(value: Offers) -> Table:
    columns = [
        Column("offer", min_width=14),
        Column("GPUs", fixed=True, below="{}"),
        Column("$/h", right=True, fixed=True),
        Column("misses", min_width=16),
        Column("priced on", fixed=True, below="priced {}"),
    ]
    return Table(columns, [_near(each) for each in value.nearest])


def _near(ranked: RankedOffer) -> list[Cell]:
    missing = ", ".join(_missed(each) for each in ranked.gaps) or _WHY_NOT[ranked.why_not or "unknown"]
    offer = ranked.offer
    return [
        Cell(describe_instance(ranked)),
        Cell(f"{offer.gpu_count} × {offer.accelerator}"),
        prices.price(ranked.price_hour, ranked.age_days),
        Cell(missing, "warn"),
        prices.date(ranked.offer.price_date, ranked.age_days),
    ]


def _missed(gap: Gap) -> str:
    found = "" if gap.found is None else f", has {gap.found}"
    return f"{_gap(gap)}: needs {gap.needed}{found}"


def _use(value: Offers) -> str:
    work = value.workload
    if work is None:
        return ""
    method = "" if work.method == "inference" else f" with {work.method}"
    weights = "" if work.weights is None else f" in {work.weights}"
    return f"{weights}{method}{'' if work.context is None else f', {work.context:,} tokens'}"


# --- rows ---


def _table(value: Offers, shown: Sequence[RankedOffer], options: Options) -> tuple[list[Column], list[list[Cell]]]:
    """The columns that some row needs. What is not shown without -v is said below the table."""
    of_model = value.profile is None
    against = any(each.documented not in (None, "pass") for each in shown)
    columns: list[tuple[bool, Column]] = [
        (True, Column("offer", min_width=14)),
        (True, Column("GPUs", fixed=True, below="{}")),
        (True, Column("RAM", right=True, fixed=True, below="RAM {}")),
        (True, Column("$/h", right=True, fixed=True)),
        (any(each.total is not None for each in shown), Column("total $", right=True, fixed=True)),
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
    places = [place for place, (wanted, _) in enumerate(columns) if wanted]
    rows = [_row(each) for each in shown]
    return [columns[place][1] for place in places], [[row[place] for place in places] for row in rows]


def _row(ranked: RankedOffer) -> list[Cell]:
    offer, plan = ranked.offer, ranked.plan
    per_million = ranked.usd_per_million_tokens
    return [
        Cell(describe_instance(ranked), "strong" if ranked.fits else "dim"),
        Cell(f"{offer.gpu_count} × {offer.accelerator}"),
        Cell("not stated", "unknown") if offer.ram_gib is None else Cell(f"{offer.ram_gib:g} GiB"),
        prices.price(ranked.price_hour, ranked.age_days),
        Cell("" if ranked.total is None else f"{ranked.total:,.2f}", "accent"),
        _runs(ranked),
        _way(ranked),
        Cell("" if plan is None else format_gib(plan.memory.total)),
        Cell("" if ranked.tokens_per_second is None else f"~{two_digits(ranked.tokens_per_second)}"),
        Cell("" if per_million is None else two_digits(per_million), "accent"),
        _by_the_document(ranked),
        prices.date(ranked.offer.price_date, ranked.age_days),
        Cell(offer.region or "any region", "dim"),
        Cell("; ".join(filter(None, (offer.source, offer.note))), "dim"),
    ]


def _way(ranked: RankedOffer) -> Cell:
    """Of a model."""
    if ranked.plan is None:
        return Cell(_WHY_NOT[ranked.why_not or "unknown"], "bad")
    words = how(ranked.plan) + (f", {ranked.plan.batch} at a time" if ranked.plan.batch > 1 else "")
    if ranked.why_not is not None:
        return Cell(f"{words}; {_WHY_NOT[ranked.why_not]}", "warn")
    return Cell(words)


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
    """``aws p5.48xlarge``, ``2 × aws p5.48xlarge (spot)``."""
    offer = ranked.offer
    count = f"{ranked.nodes} × " if ranked.nodes > 1 else ""
    spot = " (spot)" if ranked.is_spot else "" if offer.tier in _USUAL_TIERS else f" ({offer.tier})"
    return f"{offer.provider} {count}{offer.instance_type}{spot}"


def verified(values: Sequence[Verified]) -> list[Block]:
    """What the document names, beside what was verified."""
    judged = any(each.ranked is not None for each in values)
    columns = [
        (True, Column("in the document", min_width=16)),
        (True, Column("verified", min_width=16)),
        (True, Column("$", right=True, fixed=True)),
        (True, Column("date", fixed=True)),
        (judged, Column("documented", fixed=True)),
        (judged, Column("computed", fixed=True)),
        (True, Column("source", below="{}")),
    ]
    places = [place for place, (wanted, _) in enumerate(columns) if wanted]
    rows = [_verified(each) for each in values]
    detail = "whether they pass by the documented and by the computed figures" if judged else "and what was verified"
    table = Table([columns[place][1] for place in places], [[row[place] for place in places] for row in rows])
    return [
        Heading("Offers in the document", detail),
        table,
        *corrections(fix for each in values for fix in each.corrections),
    ]


def _verified(value: Verified) -> list[Cell]:
    offer, ranked = value.offer, value.ranked
    withdrawn = ", withdrawn" if offer.status == "withdrawn" else ""
    unsuitable = ranked is not None and ranked.why_not in ("no-gpu", "no-cluster")
    answers: list[OfferStatus | None] = [None, None] if ranked is None else [ranked.documented, ranked.computed]
    answers = ["fail", "fail"] if unsuitable else answers
    unit = _UNITS[value.documented.per]
    return [
        Cell(f"{offer.provider}: {value.documented.documented}"),
        Cell(f"{offer.instance_type}: {offer.gpu_count} × {offer.accelerator}{withdrawn}"),
        Cell("" if value.price is None else f"{value.price:,.2f} {unit}", "accent"),
        Cell(str(offer.price_date), "dim"),
        *(Cell("–", "dim") if each is None else Cell(*_ANSWERS[each]) for each in answers),
        Cell(offer.source, "dim"),
    ]


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
