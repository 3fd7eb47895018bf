"""What a launch line says of several GPUs: which of them, in which order, and how much of the model on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from llmcheck.fit.budget import budget
from llmcheck.fit.capacity import Device, have_equal_memory
from llmcheck.fit.memory import total
from llmcheck.fit.obstacles import are_of_several_vendors
from llmcheck.fit.placement import PlacementResult
from llmcheck.fit.use import ModelUse
from llmcheck.gpus import vendors


class Placing(Struct, frozen=True, kw_only=True):
    """Empty where the runtime does by itself what was planned."""

    tensor_split: tuple[float, ...] = ()
    """Layers of each GPU, the output projection counted as one."""
    gpu_bytes: tuple[int, ...] = ()
    """Bytes of each GPU that may be used."""
    stage_layers: tuple[int, ...] = ()
    """Layers of each stage of a pipeline."""
    environment: Mapping[str, str] = {}
    """Variables that show a process these GPUs in this order."""


def placing(use: ModelUse, placed: PlacementResult) -> Placing:
    """Of a placement that was found for this use."""
    devices, placement = placed.devices, placed.placement
    if not devices or placement is None or are_of_several_vendors([each.gpu for each in devices]):
        return Placing()  # a back end for GPUs of all vendors numbers them in its own way, and divides by free memory
    stages = _stage_layers(use, placed)
    split: tuple[float, ...] = ()
    uneven = not have_equal_memory(devices)
    layers = placement.layers_per_gpu
    if layers is not None and use.runtime.layer_split and (uneven or placement.expert_layers_in_ram):
        split = _with_output(layers, placement.gpu_layers)
    in_order = bool(split or stages) and (uneven or len({each.gpu.name for each in devices}) > 1)
    return Placing(
        tensor_split=split,
        gpu_bytes=tuple(budget(use, *pair) for pair in zip(devices, placed.parts, strict=True)) if split else (),
        stage_layers=stages,
        environment=_environment(devices) if in_order or not _are_first(devices) else {},
    )


def _with_output(layers: tuple[int, ...], gpu_layers: int | None) -> tuple[float, ...]:
    """With as many as are on the GPUs: where that is one more than the layers, it is the output on the last one."""
    more = max((gpu_layers or 0) - sum(layers), 0)
    return (*layers[:-1], layers[-1] + more)


def _stage_layers(use: ModelUse, placed: PlacementResult) -> tuple[int, ...]:
    """() for equal stages, which every runtime makes by itself, and without a pipeline."""
    if not use.is_inference or use.workload.pipeline_parallel <= 1:
        return ()
    layers = placed.placement.layers_per_gpu if placed.placement is not None else None
    if layers is None:
        parts = total.gpu_parts(use, len(placed.devices))
        layers = tuple(round(each.layers * use.architecture.layers) for each in parts[:: parts[0].tensor])
    return () if len(set(layers)) == 1 else layers


def _are_first(devices: Sequence[Device]) -> bool:
    """Whether these are the first ones of the machine, which a runtime takes by itself."""
    found = sorted(-1 if each.gpu.index is None else each.gpu.index for each in devices)
    return found == list(range(len(devices)))


def _environment(devices: Sequence[Device]) -> dict[str, str]:
    """{} where the vendor has no such variable, or a GPU is known by no number: a part of a card, or not read."""
    vendor = vendors.of(devices[0].gpu)
    numbers = [each.gpu.index for each in devices]
    if not vendor.hidden_by or any(each.gpu.parent is not None for each in devices) or None in numbers:
        return {}
    return {**vendor.driver_order, vendor.hidden_by[-1]: ",".join(map(str, numbers))}
