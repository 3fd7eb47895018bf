"""Put this machine to work and compare its results and rates with published ones.

Nothing else of llmcheck puts load on a machine. Each check runs in a process of its own and is killed at its deadline.
None needs root. torch is looked for in the interpreter of --python or of an active environment, else in llmcheck's own,
and that interpreter is started. Nothing is written without --write.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import (
    DOCUMENTS,
    EXIT_CODES,
    PROBE_TIMEOUT,
    TIMEOUT,
    MachineOptions,
    Number,
    OutputOptions,
    output_options,
)
from llmcheck.cli.output import progress, write

if TYPE_CHECKING:
    from llmcheck.prove import Device, Request
    from llmcheck.schema.machine import Machine

_MOST_PORT = 65_535
_MOST_RATE = 1e9


def _rates(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    """``disk-read=3`` as a number by quantity. Raises BadParameter."""
    found: dict[str, float] = {}
    for value in values:
        name, sign, text = value.partition("=")
        try:
            rate = float(text)
        except ValueError:
            rate = 0.0
        if not sign or not 0 < rate <= _MOST_RATE:
            raise click.BadParameter(f"'{value[:60]}' is not QUANTITY=RATE, such as disk-read=3 (GB/s)")
        found[name.strip()] = rate
    return found


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int | None] | None:
    """``node2``, ``node2:5000`` or ``[::1]:5000``. Raises BadParameter."""
    if value is None:
        return None
    host, sign, port = value.rpartition(":")
    if not sign or value.endswith("]"):
        host, port = value, ""
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else None
    host = host.removeprefix("[").removesuffix("]")
    wrong = (sign and port and number is None) or (number is not None and not 0 < number <= _MOST_PORT)
    if wrong or not host or host.startswith("-") or any(each.isspace() or not each.isprintable() for each in host):
        raise click.BadParameter(f"'{value[:80]}' is not HOST or HOST:PORT")
    return host, number


def _with_port(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, int | None] | None:
    found = _address(context, parameter, value)
    if found is not None and found[1] is None:
        raise click.BadParameter(f"'{str(value)[:80]}' names no port: HOST:PORT")
    return found


@click.command(
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck prove --list\n  llmcheck prove\n  llmcheck prove --only matmul --only all-reduce"
    " --python .venv/bin/python\n  llmcheck prove --only disk-read --path /scratch --at-least disk-read=3\n"
    f"  llmcheck prove --only tcp --listen 0.0.0.0:29917      # and on another host: --peer HOST\n\n{EXIT_CODES}",
)
@click.option("--list", "list_", is_flag=True, help="List the checks, and which programs of others are here.")
@click.option("--only", multiple=True, metavar="CHECK", help="Run only this check; also one of another program.")
@click.option("--skip", multiple=True, metavar="CHECK", help="Do not run this check.")
@click.option(
    "--seconds",
    type=Number(1, 3600),
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    help="Time for all checks together; what does not end in its part is killed.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cuda", "cpu"]),
    default="auto",
    show_default=True,
    help="cuda: the GPUs, AMD's too; auto: those, and the processor where there are none.",
)
@click.option(
    "--at-least",
    multiple=True,
    metavar="QUANTITY=RATE",
    callback=_rates,
    help="Demand a rate, in the unit that is printed, in place of published ones.",
)
@click.option("--python", metavar="PATH", help="The interpreter that has torch; it is started.")
@click.option("--path", metavar="DIR", help="Read a large file below DIR (disk-read).")
@click.option("--write", "write_", is_flag=True, help="Write a temporary file of 512 MiB where there is none to read.")
@click.option("--listen", metavar="HOST:PORT", callback=_with_port, help="Wait for another host (tcp).")
@click.option("--peer", metavar="HOST[:PORT]", callback=_address, help="The other host (tcp, iperf3, ib-write).")
@click.option("--nodes", type=click.IntRange(1, 100_000), default=1, help="Nodes in the all-reduce.")
@click.option("--node", type=click.IntRange(0, 99_999), default=0, help="The number of this one among them, from 0.")
@click.option(
    "--rendezvous", metavar="HOST:PORT", callback=_with_port, help="An address of node 0, for the all-reduce."
)
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="warn: exit 4 when ready with warnings.",
)
@output_options(*DOCUMENTS)
def command(
    list_: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    seconds: float,
    device: Device,
    at_least: dict[str, float],
    python: str | None,
    path: str | None,
    write_: bool,
    listen: tuple[str, int] | None,
    peer: tuple[str, int | None] | None,
    nodes: int,
    node: int,
    rendezvous: tuple[str, int] | None,
    fail_on: str,
    output_options: OutputOptions,
) -> int:
    if list_:
        from llmcheck import api

        write(api.work_checks(), output_options)
        return 0
    if listen is not None and peer is not None:
        raise click.UsageError("--listen waits for the other host, --peer names it: one of them")
    if (nodes > 1) != (rendezvous is not None) or node >= nodes:
        raise click.UsageError("an all-reduce over several nodes needs --nodes N, --node 0 to N-1 and --rendezvous")
    options = MachineOptions((), None, python, path, False, PROBE_TIMEOUT, TIMEOUT)
    source = machine_source(options)
    interpreter = _interpreter(python)
    from llmcheck import api, prove

    def request(machine: Machine) -> Request:
        return prove.Request(
            machine=machine,
            python=interpreter,
            own_python=sys.executable,
            device=device,
            path=path and os.path.abspath(os.path.expanduser(path)),
            write=write_,
            peer=peer,
            listen=listen,
            rendezvous=rendezvous,
            nodes=nodes,
            node=node,
        )

    with progress("the machine works: this takes up to a minute ..."):
        report = api.prove(source, request, only, skip, at_least, seconds, fail_on == "warn")
    write(report, output_options)
    return report.exit_code


def _interpreter(python: str | None) -> str:
    """That of ``--python`` or of an active environment; else the one that runs llmcheck. Never one that merely lies in
    the working directory.
    """
    from llmcheck.system.interpreter import choose

    try:
        folder = os.getcwd()
    except OSError:  # it was deleted
        folder = os.sep
    choice = choose(python, os.environ, folder)
    return choice.executable if choice is not None and choice.may_run else sys.executable
