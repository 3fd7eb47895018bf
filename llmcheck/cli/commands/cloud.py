"""List machines to rent, with prices: for a tier, for a model, or all of them.

With TIER the offers on which it is ready, as 'llmcheck check' judges the same machine; with MODEL those on which it
fits, as 'llmcheck fit' says of it; the cheapest of each provider first. Without either it is a catalogue with filters.
Each price has its date and source. Nothing is rented: --launch only prints what starts a machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from llmcheck.cli import completion, named
from llmcheck.cli.inspect import given_machine
from llmcheck.cli.options import (
    DOCUMENTS,
    Count,
    Number,
    OutputOptions,
    ProfileOptions,
    grouped,
    max_age_option,
    only_one,
    output_options,
    profile_options,
)
from llmcheck.cli.output import print_message, write
from llmcheck.errors import UsageError
from llmcheck.schema.bounds import MOST_DOLLARS, MOST_TOKENS

if TYPE_CHECKING:
    from llmcheck.api import Rent
    from llmcheck.schema.machine import Machine
    from llmcheck.schema.renting import LaunchTool, Offers
    from llmcheck.schema.workload import Method

_METHODS = ("inference", "full", "lora", "qlora")
_TOOLS = ("sky", "dstack", "native")
_OF_A_MODEL = ("method", "context", "weights", "batch", "target_tokens_per_second")
"""Options that need --model."""
_OF_A_JOB = ("hours", "tokens", "purchase", "kwh_price", "hours_per_day", "launch", "machine")
"""Options that need a tier or a model."""
_OF_THE_CATALOGUE = ("gpu", "min_memory")
_PRICE = Number(0.0001, MOST_DOLLARS)
_HOURS = Number(0.01, 1e6)


class Work(NamedTuple):
    """What is to run; None: not given."""

    tier: str | None
    model: str | None
    method: Method | None
    context: int | None
    weights: str | None
    batch: int | None
    target_tokens_per_second: float | None


class Choice(NamedTuple):
    """Which offers are shown."""

    everything: bool
    spot: bool
    community: bool
    provider: tuple[str, ...]
    region: tuple[str, ...]
    max_price: float | None
    gpu: str | None
    min_memory: str | None
    documented: bool
    offers: str | None
    live: bool


class Costs(NamedTuple):
    """What is counted; None: not given."""

    hours: float | None
    tokens: str | None
    purchase: float | None
    kwh_price: float | None
    hours_per_day: float | None


class _Command(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            _refuse(ctx)
        return rest


@click.command(
    cls=_Command,
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck cloud inference-70b\n  llmcheck cloud inference-70b --hours 40 --spot\n"
    "  llmcheck cloud --model llama-3.1-8b --target-tokens-per-second 500\n"
    "  llmcheck cloud --gpu h100 --provider aws --provider gcp\n"
    "  llmcheck cloud finetune-7b --launch sky > task.yaml\n\n"
    "\b\nExit codes: 0 there are some, 1 none in the table will do,\n2 nothing was judged.",
)
@grouped(
    "work",
    Work,
    click.argument("tier", metavar="[TIER]", required=False, shell_complete=completion.profile),
    click.option(
        "--model",
        metavar="MODEL",
        shell_complete=completion.model,
        help="A model instead of a tier, named as in 'llmcheck fit'. A repository that is not here is looked up on "
        "the hub.",
    ),
    click.option(
        "--method",
        type=click.Choice(_METHODS),
        metavar="NAME",
        help=f"How MODEL is used. One of {', '.join(_METHODS)}. Default: inference.",
    ),
    click.option(
        "--context", type=Count(1, MOST_TOKENS), metavar="TOKENS", help="Tokens of each sequence of MODEL: 8192, 32k."
    ),
    click.option("--weights", metavar="FORMAT", help="Format of MODEL's weights: bf16, fp8, q4_k_m, ..."),
    click.option("--batch", type=Count(1, 4096), metavar="N", help="Sequences of MODEL at a time. Default: 1."),
    click.option(
        "--target-tokens-per-second",
        type=Number(0.1, 1e9),
        metavar="N",
        help="Speed that has to be reached, with several sequences at a time and several machines.",
    ),
)
@grouped(
    "choice",
    Choice,
    click.option(
        "--all",
        "everything",
        is_flag=True,
        help="All offers: also those that do not fit, with the reason, and of every kind of machine.",
    ),
    click.option("--all-tiers", "everything", is_flag=True, help="The same as --all."),
    click.option("--spot", is_flag=True, help="Machines that may be taken away, at that price."),
    click.option("--community", is_flag=True, help="Also machines of private persons and marketplaces."),
    click.option("--provider", metavar="NAME", multiple=True, help="Only this provider; may be repeated."),
    click.option("--region", metavar="TEXT", multiple=True, help="Only regions with this in their name: us-, europe."),
    click.option("--max-price", type=_PRICE, metavar="USD", help="At most so many dollars an hour in all."),
    click.option("--gpu", metavar="NAME", help="Of the catalogue: only this GPU: h100, 'a100 80gb'."),
    click.option("--min-memory", metavar="SIZE", help="Of the catalogue: GPU memory of an instance: 80GB."),
    click.option("--documented", is_flag=True, help="The offers that the document names, beside what was verified."),
    click.option("--offers", metavar="FILE", help="Another list: CSV with our columns, or a catalogue of SkyPilot."),
    click.option("--live", is_flag=True, help="Use the network: today's prices, by gpuhunt ('llmcheck[cloud]')."),
)
@grouped(
    "costs",
    Costs,
    click.option("--hours", type=_HOURS, metavar="H", help="Hours of work: shows the total, with set-up and download."),
    click.option("--tokens", metavar="N", help="Tokens served or trained instead of hours: 300M, 2T."),
    click.option("--purchase", type=_PRICE, metavar="USD", help="Compare with buying at this price."),
    click.option("--kwh-price", type=Number(0, 100), metavar="USD", help="Of electricity. Default: 0.15."),
    click.option("--hours-per-day", type=Number(0.1, 24), metavar="H", help="Of use of bought hardware. Default: 8."),
)
@click.option(
    "--launch",
    type=click.Choice(_TOOLS),
    metavar="TOOL",
    help="Print what starts the cheapest: a task of SkyPilot (sky) or dstack, or the provider's command (native).",
)
@click.option(
    "--machine",
    metavar="FILE|WORDS",
    multiple=True,
    callback=only_one,
    help="Also judge this machine, saved or in words.",
)
@max_age_option
@profile_options
@output_options(*DOCUMENTS, "csv")
def command(
    work: Work,
    choice: Choice,
    costs: Costs,
    launch: LaunchTool | None,
    machine: str | None,
    max_age: int | None,
    profile_options: ProfileOptions,
    output_options: OutputOptions,
) -> int:
    from llmcheck import api

    if max_age is not None and machine is None:
        raise UsageError("--max-age is about a saved machine: add --machine FILE")
    if launch is not None and output_options.format in ("svg", "csv"):
        raise UsageError(
            f"--launch writes a file of its own: --format text, json or markdown, not {output_options.format}"
        )
    own = given_machine(machine, max_age) if machine is not None else None
    rent = _rent(work, choice, costs)
    if work.tier is None and work.model is None:
        listed = api.offer_catalogue(rent, choice.gpu, _bytes(choice.min_memory))
        write(listed, output_options)
        return listed.exit_code
    found = _judged(work, rent, own, profile_options)
    if launch is None:
        write(found, output_options)
        return found.exit_code
    started = api.launch_file(found, launch, rent)
    write(started, output_options)
    return started.exit_code


def _judged(work: Work, rent: Rent, own: Machine | None, profile_options: ProfileOptions) -> Offers:
    from llmcheck import api

    if work.tier is not None:
        named.require_profiles([work.tier])
        return api.offers(work.tier, rent, machine=own, given=api.given_values(*profile_options))
    from llmcheck.schema.workload import Workload

    named.require_model(None, ("--model", work.model))
    workload = Workload(
        method=work.method or "inference", context=work.context, weights=work.weights, batch=work.batch or 1
    )
    return api.offers(None, rent, model=work.model, workload=workload, machine=own)


def _rent(work: Work, choice: Choice, costs: Costs) -> Rent:
    from llmcheck import Job, Purchase, Selection, api

    offers = None
    if choice.offers is not None or choice.live:
        if choice.offers is not None:
            named.require([("--offers", choice.offers)])
            listed = api.offers_of_file(choice.offers)
        else:
            listed = api.live_offers()
        for message in listed.messages:
            print_message(message)
        offers = listed.offers
    tokens = None
    if costs.tokens is not None:
        from llmcheck.api.model_source import tokens as count

        tokens = count(costs.tokens)
    assumed = {"usd_per_kwh": costs.kwh_price, "hours_per_day": costs.hours_per_day}
    return api.Rent(
        offers=offers,
        selection=Selection(
            spot=choice.spot,
            community=choice.community,
            providers=tuple(each.lower() for each in choice.provider),
            regions=tuple(each.lower() for each in choice.region),
            max_price=choice.max_price,
            everything=choice.everything,
        ),
        job=Job(hours=costs.hours, tokens=tokens),
        purchase=Purchase(
            price=costs.purchase, **{name: value for name, value in assumed.items() if value is not None}
        ),
        target=work.target_tokens_per_second,
        documented=choice.documented,
    )


def _bytes(size: str | None) -> int:
    from llmcheck.units import parse_size

    try:
        return 0 if size is None else parse_size(size)
    except ValueError:
        raise UsageError(f"--min-memory {(size or '')[:40]}: expected a size such as 80GB") from None


def _refuse(context: click.Context) -> None:
    """Raises UsageError for options that do not go together."""
    given = {name for name, value in context.params.items() if value not in (None, (), False)}
    tier, model = context.params.get("tier"), context.params.get("model")
    if tier is not None and model is not None:
        raise click.UsageError(f"name a tier ('{tier}') or --model, not both", context)
    if tier is None and (context.params.get("set_") or context.params.get("vars_")):
        raise click.UsageError("--set and --vars are for the variables of a profile: name one", context)
    option = next((name for name in _OF_A_MODEL if name in given), None)
    if option is not None and model is None:
        hint = "" if tier is None else f"; the tier '{tier}' has its own"
        raise click.UsageError(f"{_option(option)} says how a model is used: add --model MODEL{hint}", context)
    if model is not None and not model.strip():
        raise click.UsageError("--model is empty: name a model, such as llama-3.1-8b or 7B", context)
    option = next((name for name in _OF_A_JOB if name in given), None)
    if option is not None and tier is None and model is None:
        hint = "name a tier ('llmcheck profiles list') or --model MODEL ('llmcheck models list')"
        raise click.UsageError(f"{_option(option)} is about some work: {hint}", context)
    option = next((name for name in _OF_THE_CATALOGUE if name in given), None)
    if option is not None and (tier is not None or model is not None):
        raise click.UsageError(f"{_option(option)} filters the catalogue: leave out {tier or '--model'}", context)
    if {"hours", "tokens"} <= given:
        raise click.UsageError("--hours and --tokens say the same in two ways: give one", context)
    if {"offers", "live"} <= given:
        raise click.UsageError("--offers and --live are two sources of prices: give one", context)
    if {"offers", "documented"} <= given:
        raise click.UsageError("--documented is about the shipped prices: leave out --offers", context)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
