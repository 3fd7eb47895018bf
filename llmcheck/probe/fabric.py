"""How this machine reaches others: InfiniBand and RoCE ports, from sysfs."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Fabric, FabricPort
from llmcheck.probe import Reading, Request

_DEVICES = "/sys/class/infiniband"


def probe(host: Host, _request: Request) -> Reading:
    if host.list("/sys/class") is None:
        return Reading(fabric=Fabric(ports=None))
    ports = tuple(
        _port(host, device, int(number))
        for device in host.list(_DEVICES) or ()
        for number in host.list(f"{_DEVICES}/{device}/ports") or ()
        if number.isdigit()
    )
    return Reading(fabric=Fabric(ports=ports))


def _port(host: Host, device: str, number: int) -> FabricPort:
    folder = f"{_DEVICES}/{device}/ports/{number}"
    state, rate = host.read(f"{folder}/state"), (host.read(f"{folder}/rate") or "").split()
    return FabricPort(
        device=device,
        port=number,
        link_layer=(host.read(f"{folder}/link_layer") or "").strip() or None,
        active=None if state is None else state.strip().endswith("ACTIVE"),
        rate_gbps=float(rate[0]) if rate and rate[0].replace(".", "", 1).isdigit() else None,
    )
