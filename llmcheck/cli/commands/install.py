"""Print the commands that install missing libraries.

The commands are ready to paste; llmcheck runs none of them. A script written with --output runs only on the judged
machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llmcheck.cli import completion, named
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import DOCUMENTS, MachineOptions, OutputOptions, machine_options, output_options
from llmcheck.cli.output import write

if TYPE_CHECKING:
    from llmcheck.install.target import InstallerChoice
    from llmcheck.schema.advice import Shell

_TEXT, *_OTHERS = DOCUMENTS


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck install inference-7b\n  llmcheck install vllm lm-eval --venv ~/venvs/serve\n"
    "  llmcheck install finetune-7b --format sh | sh\n  llmcheck install toolkit --output fix.sh\n"
    "  llmcheck install inference-7b --verify\n\n"
    "\b\nExit codes: 0 a plan was printed; with --verify 1 it does not resolve, 3"
    "\nunknown; 2 usage, bad profile or file, 70 a bug in llmcheck,"
    "\n130 interrupted.",
)
@click.argument(
    "targets", metavar="PROFILE|LIBRARY...", nargs=-1, required=True, shell_complete=completion.profile_or_library
)
@click.option("--verify", is_flag=True, help="Use the network: run the real resolver, report versions and sizes.")
@click.option("--environment", metavar="NAME", help="Print only this environment of the plan.")
@click.option(
    "--shell",
    type=click.Choice(["bash", "fish", "powershell", "cmd"]),
    help="Quote the commands for this shell. Default: PowerShell on Windows, else bash.",
)
@click.option(
    "--installer",
    type=click.Choice(["auto", "uv", "pip", "conda"]),
    default="auto",
    show_default=True,
    help="auto: uv where it is on PATH, else pip.",
)
@click.option("--venv", metavar="DIR", help="Install into this environment; the plan creates it if it does not exist.")
@machine_options
@output_options(_TEXT, "sh", *_OTHERS, "requirements", "pylock", "dockerfile", "conda")
def command(
    targets: tuple[str, ...],
    verify: bool,
    environment: str | None,
    shell: Shell | None,
    installer: InstallerChoice,
    venv: str | None,
    machine_options: MachineOptions,
    output_options: OutputOptions,
) -> int:
    live = machine_options.machine is None
    named.require_profiles(targets)
    if venv is not None and live:
        named.require_options()
    if venv is not None and live:
        machine_options = machine_options._replace(python=_python_of(venv, machine_options.python))
    source = machine_source(machine_options, modules=_modules)
    from llmcheck import api

    plan = api.install_plan(
        targets, source, live=live, installer=installer, venv=venv, shell=shell, environment=environment, verify=verify
    )
    write(plan, output_options)
    return plan.exit_code


def _python_of(venv: str, python: str | None) -> str | None:
    from llmcheck import api

    return api.python_of(venv, python)


def _modules() -> tuple[str, ...]:
    from llmcheck import api

    return api.modules()
