"""Sends bytes over TCP: from this host to itself, or between two (``--listen`` on one, ``--peer`` on the other)."""

from __future__ import annotations

from llmcheck.prove import Check, Example, Job, Request, child
from llmcheck.schema.measurement import Measurement

CHECK = Check(title="bytes over TCP, to this host itself or with --peer to another", quantities=("tcp",))
EXAMPLE = Example(
    outputs=(
        f'{child.MARK}{{"quantity": "tcp", "subject": "to node2", "unit": "Gb/s", "rate": 93.1, "right": true}}\n',
    ),
    expected={"tcp": 93.1},
)
_PORT = 29917


def jobs(request: Request) -> tuple[Job, ...]:
    peer = None if request.peer is None else (request.peer[0], request.peer[1] or _PORT)
    limit = {"seconds": request.seconds, "deadline": max(0.5, request.deadline - 1)}
    return (child.job(request.own_python, "tcp", {"listen": request.listen, "peer": peer, **limit}),)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    return child.read("tcp", outputs, request)
