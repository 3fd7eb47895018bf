"""Show which models to run on this machine, and how.

These are the original releases that no other one beats in quality, speed and context at once, each with the way to run
it that fits the memory that is free now. Quality is what one public evaluation measured, with its date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from llmcheck.cli import completion
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import (
    DOCUMENTS,
    Count,
    MachineOptions,
    OutputOptions,
    grouped,
    machine_options,
    output_options,
)
from llmcheck.cli.output import write
from llmcheck.schema.bounds import MOST_TOKENS

if TYPE_CHECKING:
    from llmcheck.fit.plans.candidate import Preference
    from llmcheck.schema.recommendation import Task

_TASKS = ("chat", "code", "reason", "vision", "embed", "finetune")
_PREFERENCES = ("balanced", "quality", "speed", "context")


class RecommendOptions(NamedTuple):
    """What the models are for, and what counts most."""

    task: Task
    prefer: Preference
    context: int | None
    why: str | None
    assume_idle: bool


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck recommend\n  llmcheck recommend --task code --prefer speed\n"
    "  llmcheck recommend --context 32k --machine 'RTX 3060, 32 GB RAM'\n"
    "  llmcheck recommend --why gpt-oss-20b\n\n"
    "\b\nExit codes: 0 there are some, 1 nothing is worth running here (with --why:\n"
    "that model is not), 2 nothing was computed, 3 not known.",
)
@grouped(
    "recommend_options",
    RecommendOptions,
    click.option("--task", type=click.Choice(_TASKS), default="chat", show_default=True, help="What the model is for."),
    click.option(
        "--prefer",
        type=click.Choice(_PREFERENCES),
        default="balanced",
        show_default=True,
        help="What counts most. balanced: models by quality, each by a plan that weighs format and speed.",
    ),
    click.option(
        "--context",
        type=Count(1, MOST_TOKENS),
        metavar="TOKENS",
        help="Tokens that each model has to reach, such as 32k.",
    ),
    click.option(
        "--why",
        metavar="MODEL",
        shell_complete=completion.listed_model,
        help="Tell why MODEL is on the list or not.",
    ),
    click.option("--assume-idle", is_flag=True, help="Ignore the memory that other processes hold."),
)
@machine_options
@output_options(*DOCUMENTS)
def command(recommend_options: RecommendOptions, machine_options: MachineOptions, output_options: OutputOptions) -> int:
    source = machine_source(machine_options, model_caches=True)
    from llmcheck import api

    found = api.recommend(
        source,
        recommend_options.task,
        prefer=recommend_options.prefer,
        context=recommend_options.context,
        why=recommend_options.why,
        assume_idle=recommend_options.assume_idle,
        machine_words=machine_options.machine,
    )
    write(found, output_options)
    return found.exit_code
