"""Write a checklist of responsible use, with a model card and datasheets to fill in.

What llmcheck knows is filled in: the hardware, the installed packages, energy and CO2 of the run, the datasets.
"""

from __future__ import annotations

import click

from llmcheck.cli import completion, named
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import MachineOptions, Number, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write

_PARTS = ("checklist", "model-card", "datasheet")


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck checklist finetune-7b --output RESPONSIBLE_USE.md\n"
    "  llmcheck checklist finetune-7b --part model-card --hours 40 --grid DEU\n"
    "  llmcheck check finetune-7b --checklist RESPONSIBLE_USE.md",
)
@click.argument("profile", metavar="PROFILE", shell_complete=completion.profile)
@click.option(
    "--part",
    "parts",
    type=click.Choice(_PARTS),
    multiple=True,
    metavar="NAME",
    help=f"Only this part; may be repeated. One of {', '.join(_PARTS)}.",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="ID",
    shell_complete=completion.dataset,
    help="A dataset of the run.",
)
@click.option("--hours", type=Number(0.01, 1_000_000), metavar="N", help="Hours that the run takes.")
@click.option(
    "--utilisation",
    type=Number(0.01, 1),
    default=0.85,
    show_default=True,
    metavar="SHARE",
    help="Average power of the GPUs as a share of their limit.",
)
@click.option("--pue", metavar="PROVIDER|N", help="PUE of the data centre: a figure, or that of a provider.")
@click.option("--grid", metavar="PLACE", help="The grid: a country (DEU) or a region of a provider (europe-west4).")
@machine_options
@output_options("markdown", "text", "json", "svg")
def command(
    profile: str,
    parts: tuple[str, ...],
    datasets: tuple[str, ...],
    hours: float | None,
    utilisation: float,
    pue: str | None,
    grid: str | None,
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    named.require_profiles([profile])
    source = machine_source(machine_options)
    from llmcheck import api

    found = api.checklist(
        profile,
        source,
        parts=parts or _PARTS,
        datasets=datasets,
        hours=hours,
        utilisation=utilisation,
        pue=pue,
        grid=grid,
    )
    write(found, output_options)
    return 0
