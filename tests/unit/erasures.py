"""Ways of erasing a fact of a machine, each by the name of what it erases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from llmcheck.schema.machine import Driver, FabricPort, Gpu, Machine, Software


def _gpus(where: Machine, change: Callable[[Gpu], Gpu | None]) -> Iterator[Machine]:
    for position, gpu in enumerate(where.gpus or ()):
        changed = change(gpu)
        if changed is not None:
            gpus = where.gpus or ()
            yield replace(where, gpus=(*gpus[:position], changed, *gpus[position + 1 :]))


def _disk(where: Machine, **changes: object) -> Machine:
    return replace(where, disks=tuple(replace(disk, **changes) for disk in where.disks or ()))


def _ports(where: Machine, change: Callable[[FabricPort], FabricPort]) -> Machine:
    return replace(where, fabric=replace(where.fabric, ports=tuple(change(port) for port in where.fabric.ports or ())))


def with_software(where: Machine, **changes: object) -> Machine:
    return replace(where, software=replace(where.software, **changes))


def _hanging(where: Machine) -> Machine:
    """As after a deadline of the driver: its cards are on the bus, and nothing is known of them."""
    asked = [gpu for gpu in where.gpus or () if gpu.parent is None]
    gpus = tuple(
        gpu
        if gpu.integrated or gpu.usable is False
        else Gpu(vendor=gpu.vendor, usable=None, fault="deadline", visible=gpu.visible)
        for gpu in asked
    )
    drivers = {gpu.vendor: Driver(fault="deadline") for gpu in gpus if gpu.usable is None}
    return replace(where, gpus=None if where.gpus is None else gpus, drivers=drivers)


ERASURES: dict[str, Callable[[Machine], Iterator[Machine]]] = {
    "the list of GPUs": lambda where: iter([replace(where, gpus=None)]),
    "a card's memory": lambda where: _gpus(where, lambda gpu: replace(gpu, memory_total=None)),
    "a card's NVLinks": lambda where: _gpus(where, lambda gpu: replace(gpu, nvlinks=None)),
    "a card's compute capability": lambda where: _gpus(where, lambda gpu: replace(gpu, compute_capability=None)),
    "a card's name": lambda where: _gpus(where, lambda gpu: replace(gpu, name=None)),
    "the driver's version": lambda where: iter(
        [replace(where, drivers={vendor: replace(driver, version=None) for vendor, driver in where.drivers.items()})]
    ),
    "the drivers": lambda where: iter([replace(where, drivers={})]),
    "all that a driver tells": lambda where: iter([_hanging(where)]),
    "the RAM": lambda where: iter([replace(where, ram=replace(where.ram, total=None, usable=None, available=None))]),
    "all disks": lambda where: iter([replace(where, disks=None)]),
    "the free space": lambda where: iter([_disk(where, free=None, size=None)]),
    "the kind of disk": lambda where: iter([_disk(where, kind="unknown")]),
    "all that is told of a file system": lambda where: iter([_disk(where, free=None, size=None, read_only=None)]),
    "the ports": lambda where: iter([replace(where, fabric=replace(where.fabric, ports=None))]),
    "the ports' state": lambda where: iter([_ports(where, lambda port: replace(port, active=None))]),
    "the ports' link layer": lambda where: iter([_ports(where, lambda port: replace(port, link_layer=None))]),
    "the packages": lambda where: iter([with_software(where, packages=None)]),
    "the tools": lambda where: iter([with_software(where, tools=None)]),
    "the interpreter": lambda where: iter([with_software(where, python=None)]),
    "all software": lambda where: iter([replace(where, software=Software())]),
}
