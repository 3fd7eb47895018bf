"""A plan as the value that is printed: with the options that reproduce it, and the command that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmcheck.fit.memory.total import resolved
from llmcheck.fit.obstacles import build_of
from llmcheck.fit.plans.candidate import Candidate
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Launch, LaunchLine
from llmcheck.schema.estimate import Plan, PlanMemory
from llmcheck.schema.workload import Workload

_OPTIONS = (
    "method", "runtime", "weights", "kv_cache", "context", "prompt", "max_sequences", "memory_fraction", "optimizer",
    "precision", "gradients", "lora_rank", "lora_targets", "sharding", "offload", "gpus",
)  # fmt: skip
"""Fields of a workload that are options of ``llmcheck fit`` under the same name."""
_COUNTS = ("batch", "tensor_parallel", "pipeline_parallel")
"""Those whose default is 1."""
_CHECKPOINTING = {True: "yes", False: "no", "selective": "selective"}


def plan_of(candidate: Candidate, words: tuple[str, ...], gguf: tuple[str, ...] = ()) -> Plan:
    """``words``: how ``llmcheck fit`` is given the model, such as ``("llama-3.1-8b",)``.

    ``gguf``: repositories with GGUF files of the model, the preferred one first.
    """
    use, placed = candidate.use, candidate.placed
    work, placement = use.workload, placed.placement
    full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)))
    line = _launch(full, candidate, gguf)
    return Plan(
        runtime=use.runtime.id,
        method=work.method,
        weights=full.workload.weights,
        kv_cache=work.kv_cache,
        context=use.context,
        batch=use.batch,
        verdict=placed.verdict,
        memory=PlanMemory(
            total=placed.memory.total,
            low=placed.memory.low,
            high=placed.memory.high,
            ram=placed.offloaded_bytes,
            largest_gpu=max((part.total for part in placed.parts), default=0),
        ),
        gpus=len(placed.devices),
        gpu=placed.devices[0].gpu.name if placed.devices else None,
        gpu_layers=None if placement is None or placed.verdict == "fits" else placement.gpu_layers,
        expert_layers_in_ram=None if placement is None else placement.expert_layers_in_ram,
        sharding=None if use.is_inference or len(placed.devices) < 2 else full.workload.sharding,
        offload=work.offload,
        chunked_loss=work.chunked_loss,
        optimizer=None if use.is_inference else full.workload.optimizer,
        tokens_per_second=candidate.speed.decode or candidate.speed.train,
        installed=candidate.installed,
        needs=candidate.needs,
        build=build_of(use.runtime, [device.gpu for device in placed.devices]),
        argv=("llmcheck", "fit", *words, *options(work)),
        launch=None if line is None else line.argv,
        launch_environment={} if line is None else line.environment,
        launch_service=() if line is None else line.service,
        launch_valid_for=None if line is None else line.valid_for,
    )


def options(workload: Workload) -> tuple[str, ...]:
    """The options of ``llmcheck fit`` that make this workload; what is left at its default is not named."""
    return tuple(_options(workload))


def _options(workload: Workload) -> Iterator[str]:
    for name in _OPTIONS:
        value: Any = getattr(workload, name)
        if value is not None and (name, value) != ("method", "inference"):
            yield from (f"--{name.replace('_', '-')}", str(value))
    for name in _COUNTS:
        if getattr(workload, name) != 1:
            yield from (f"--{name.replace('_', '-')}", str(getattr(workload, name)))
    if workload.checkpointing is not None:
        yield from ("--checkpointing", _CHECKPOINTING[workload.checkpointing])
    if workload.flash_attention is False:
        yield "--no-flash-attention"
    if workload.chunked_loss:
        yield "--chunked-loss"
    if workload.tokens is not None:
        yield from ("--tokens", f"{workload.tokens:.0f}")


def _file(use: ModelUse, gguf: tuple[str, ...]) -> tuple[str | None, str | None]:
    """What is loaded: a repository or path, and the tag of a file in it; None where nothing is known to have it."""
    name = use.architecture.name
    if use.weight_format.family != "gguf" or name.endswith(".gguf"):
        return name, None
    return (gguf[0], use.weight_format.name.upper()) if gguf else (None, None)


def _launch(use: ModelUse, candidate: Candidate, gguf: tuple[str, ...]) -> LaunchLine | None:
    """None where there is nothing to load: a model that is only a size, or no repository is known to have the file."""
    name, tag = _file(use, gguf)
    if use.architecture.estimated or name is None:
        return None
    placed = candidate.placed
    placement = placed.placement
    helped = placement is not None and placed.verdict != "fits"
    return use.runtime.launch(
        Launch(
            model=name,
            quantisation=tag,
            is_path=name.endswith(".gguf"),
            workload=use.workload,
            gpus=len(placed.devices) or (0 if use.is_inference else 1),
            gpu_layers=placement.gpu_layers if placement is not None and helped else None,
            expert_layers_in_ram=None if placement is None else placement.expert_layers_in_ram,
        )
    )
