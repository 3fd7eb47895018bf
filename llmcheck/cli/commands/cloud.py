"""List machines to rent on which a tier or a model runs, with prices.

These are the offers on which TIER is ready, as 'llmcheck check' judges the same machine, or on which MODEL fits, as
'llmcheck fit' says of it. The cheapest of each provider comes first. Each price has its date and source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from llmcheck.cli import completion, named
from llmcheck.cli.inspect import given_machine
from llmcheck.cli.options import (
    DOCUMENTS,
    Count,
    OutputOptions,
    ProfileOptions,
    grouped,
    max_age_option,
    only_one,
    output_options,
    profile_options,
)
from llmcheck.cli.output import write
from llmcheck.errors import UsageError
from llmcheck.schema.bounds import MOST_TOKENS

if TYPE_CHECKING:
    from llmcheck.schema.workload import Method

_METHODS = ("inference", "full", "lora", "qlora")
_OF_A_MODEL = ("method", "context", "weights")
"""Options that need --model."""


class CloudOptions(NamedTuple):
    """What is to run, and which offers are shown; None: not given."""

    tier: str | None
    model: str | None
    method: Method | None
    context: int | None
    weights: str | None
    everything: bool
    machine: str | None
    max_age: int | None


class _Command(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            _refuse(ctx)
        return rest


@click.command(
    cls=_Command,
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck cloud inference-70b\n  llmcheck cloud --model llama-3.1-8b --context 32k\n"
    "  llmcheck cloud --model qwen2.5-7b --method qlora\n  llmcheck cloud pretrain --format json\n\n"
    "\b\nExit codes: 0 there are some, 1 none in the table will do,\n2 nothing was judged.",
)
@grouped(
    "cloud_options",
    CloudOptions,
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
    click.option(
        "--all",
        "everything",
        is_flag=True,
        help="All offers: also those that do not fit, with the reason, and community and marketplace machines.",
    ),
    click.option("--all-tiers", "everything", is_flag=True, help="The same as --all."),
    click.option(
        "--machine",
        metavar="FILE|WORDS",
        multiple=True,
        callback=only_one,
        help="Also judge this machine, saved or in words.",
    ),
    max_age_option,
)
@profile_options
@output_options(*DOCUMENTS)
def command(cloud_options: CloudOptions, profile_options: ProfileOptions, output_options: OutputOptions) -> int:
    from llmcheck import api

    if cloud_options.max_age is not None and cloud_options.machine is None:
        raise UsageError("--max-age is about a saved machine: add --machine FILE")
    own = given_machine(cloud_options.machine, cloud_options.max_age) if cloud_options.machine is not None else None
    if cloud_options.tier is not None:
        named.require_profiles([cloud_options.tier])
        given = api.given_values(*profile_options)
        found = api.cloud(cloud_options.tier, cloud_options.everything, own, given=given)
    else:
        from llmcheck.schema.workload import Workload

        named.require_model(None, ("--model", cloud_options.model))
        workload = Workload(
            method=cloud_options.method or "inference", context=cloud_options.context, weights=cloud_options.weights
        )
        found = api.cloud_for_model(cloud_options.model or "", workload, cloud_options.everything, own)
    write(found, output_options)
    return found.exit_code


def _refuse(context: click.Context) -> None:
    """Raises UsageError for a tier together with what is said of a model, and for neither of the two."""
    tier, model = context.params.get("tier"), context.params.get("model")
    if tier is not None and model is not None:
        raise click.UsageError(f"name a tier ('{tier}') or --model, not both", context)
    if tier is None and (context.params.get("set_") or context.params.get("vars_")):
        raise click.UsageError(
            "--set and --vars are for the variables of a profile: name it in place of --model", context
        )
    option = next((f"--{name}" for name in _OF_A_MODEL if context.params.get(name) is not None), None)
    if option is not None and model is None:
        hint = "" if tier is None else f"; the tier '{tier}' has its own"
        raise click.UsageError(f"{option} says how a model is used: add --model MODEL{hint}", context)
    if model is not None and not model.strip():
        raise click.UsageError("--model is empty: name a model, such as llama-3.1-8b or 7B", context)
    if tier is None and model is None:
        raise click.UsageError(
            "name a tier ('llmcheck profiles list') or --model MODEL ('llmcheck models list')", context
        )
