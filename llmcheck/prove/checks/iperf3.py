"""iperf3, where it is installed: TCP to this host itself, or to ``--peer``, where ``iperf3 -s`` runs."""

from __future__ import annotations

import json

from llmcheck.prove import Check, Example, Job, Request, tool
from llmcheck.schema.measurement import Measurement

CHECK = Check(title="TCP by iperf3", quantities=("tcp",), program="iperf3")
EXAMPLE = Example(
    outputs=(
        "",
        '{"start": {"version": "iperf 3.12"}, "intervals": [], "end": {"sum_sent": {"bits_per_second": 42164000000.0},'
        ' "sum_received": {"bits_per_second": 42151000000.0}}}\n',
    ),
    expected={"tcp": 42.151},
)
_PORT = 29918


def jobs(request: Request) -> tuple[Job, ...]:
    host, port = request.peer or ("127.0.0.1", None)
    client = ("iperf3", "-J", "-P", "4", "-t", str(max(1, round(request.seconds))), "-c", host, "-p")
    if request.peer is not None:
        return (Job(argv=(*client, str(port or 5201))),)
    server = Job(argv=("iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", str(_PORT)))
    return (server, Job(argv=(*client, str(_PORT)), after=0.5))


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    begin = outputs[-1].find("{") if outputs else -1
    try:
        answer = json.loads(outputs[-1][begin:]) if begin >= 0 else {}
        if "error" in answer:
            return (tool.none("iperf3", "tcp", "Gb/s", str(answer["error"])),)
        rate = float(answer["end"]["sum_received"]["bits_per_second"]) / 1e9
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    subject = f"to {request.peer[0]}" if request.peer else "this host to itself"
    return (tool.measured("iperf3", "tcp", subject, "Gb/s", rate),)
