"""``kind = "network"``: how this machine reaches the other nodes of a cluster.

Shortfall code: ``infiniband``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Literal

from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Fabric, FabricPort, Machine
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["infiniband"]


TRAITS = Traits()
EXAMPLE = Example(
    keys={"type": "infiniband"},
    passing=Machine(fabric=Fabric(ports=(FabricPort(device="a", port=1, link_layer="InfiniBand", active=True),))),
    failing=Machine(fabric=Fabric(ports=())),
)


def validate(requirement: Requirement) -> None:
    """The types say all: there is nothing more to check."""


def needed(_requirement: Requirement) -> str:
    """The requirement in words."""
    return "an active InfiniBand port"


def check(requirement: Requirement, machine: Machine) -> Finding:
    ports = machine.fabric.ports
    if ports is None:
        return finding(requirement, "unknown", "the InfiniBand ports could not be listed")
    infiniband = [port for port in ports if port.link_layer == "InfiniBand"]
    active = [port for port in infiniband if port.active]
    if active:
        rates = sorted({port.rate_gbps for port in active if port.rate_gbps is not None}, reverse=True)
        found = f"{len(active)} active" + (f", {rates[0]:g} Gb/s" if rates else "")
        return finding(requirement, "pass", f"InfiniBand: {found}", found=found)
    if any(port.active is None or port.link_layer is None for port in ports):
        return finding(requirement, "unknown", "the state of the InfiniBand ports could not be read")
    found = f"{len(infiniband)} ports, none active" if infiniband else "none"
    remedy = "check the cables and the subnet manager ('ibstat')" if infiniband else "use nodes with InfiniBand"
    message = f"InfiniBand: {found}" if infiniband else "no InfiniBand port"
    return finding(requirement, "fail", message, found=found, shortfall="infiniband", remedy=remedy)
