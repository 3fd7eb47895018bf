"""ib_write_bw of perftest, where it is installed: an RDMA write on each active port, to itself or to ``--peer``, where
``ib_write_bw`` waits.
"""

from __future__ import annotations

import re

from llmcheck.prove import Check, Example, Job, NotApplicable, Request, tool
from llmcheck.schema.machine import FabricPort
from llmcheck.schema.measurement import Measurement

CHECK = Check(title="RDMA write on each port by ib_write_bw", quantities=("rdma-write",), program="ib_write_bw")
EXAMPLE = Example(
    outputs=(
        "",
        "                    RDMA_Write BW Test\n"
        " Dual-port       : OFF          Device         : mlx5_3\n"
        " #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]\n"
        " 1048576    9216             0.00               392.61               0.046803\n",
    ),
    expected={"rdma-write": 392.61},
)
_ROW = re.compile(r"^\s*(\d+)\s+(\d+)\s+([\d.]+)\s+([\d.]+)(?:\s+[\d.]+)?\s*$", re.MULTILINE)
_DEVICE = re.compile(r"\bDevice\s*:\s*(\S+)")
_PORT = 29920


def _ports(request: Request) -> list[FabricPort]:
    return [each for each in request.machine.fabric.ports or () if each.active]


def jobs(request: Request) -> tuple[Job, ...]:
    ports = _ports(request)
    if not ports:
        raise NotApplicable("no active RDMA port on this host")
    share = max(1, int((request.deadline - 2) / len(ports)) if request.deadline > 2 else 1)
    seconds = str(min(share, max(1, round(request.seconds / len(ports)))))
    found: list[Job] = []
    for number, port in enumerate(ports):
        own = ("-d", port.device, "-i", str(port.port), "-s", "1048576", "-D", seconds, "-F", "--report_gbits", "-p")
        argv = ("ib_write_bw", *own, str(_PORT + number))
        begin = number * (int(seconds) + 1.0)
        if request.peer is None:
            found += [Job(argv=argv, after=begin), Job(argv=(*argv, "127.0.0.1"), after=begin + 0.5)]
        else:
            found.append(Job(argv=(*argv, request.peer[0]), after=begin))
    return tuple(found)


def read(outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    """The last row of each client. A device is named by its own output, and its rate by the machine."""
    rates = {each.device: each.rate_gbps for each in _ports(request)}
    clients = outputs if request.peer else outputs[1::2]
    found = []
    for output in clients:
        rows, device = _ROW.findall(output), _DEVICE.search(output)
        if not rows:
            continue
        name = device[1] if device else "an RDMA port"
        more = {"message_bytes": int(rows[-1][0][:18]), "link_gbps": rates.get(name)}
        found.append(tool.measured("ib-write", "rdma-write", name, "Gb/s", float(rows[-1][3][:18]), **more))
    return tuple(found)
