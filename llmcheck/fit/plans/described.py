"""A plan as the value that is printed: with the options that reproduce it, and the command that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from llmcheck.fit.memory.total import resolved
from llmcheck.fit.plans.candidate import Candidate
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Launch, LaunchLine
from llmcheck.schema.estimate import Plan, PlanMemory
from llmcheck.schema.workload import Workload

if TYPE_CHECKING:
    from llmcheck.fit.plans.downloads import Download

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

    ``gguf``: repositories with GGUF files of the model, the preferred one first, where the candidate names none.
    """
    use, placed = candidate.use, candidate.placed
    work, placement = use.workload, placed.placement
    full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)))
    line, download = None, None
    if candidate.storage is not None or not use.architecture.estimated:
        from llmcheck.fit.plans import downloads  # not for the sizes of the first screen

        stored = candidate.storage or downloads.Storage()
        found = downloads.of(use, candidate.names or downloads.Names(gguf=gguf), stored)
        line = _launch(full, candidate, found)
        download = None if candidate.storage is None else found
    plan = Plan(
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
        tensor_parallel=_tensor_parallel(use, len(placed.devices)),
        pipeline_parallel=max(work.pipeline_parallel, 1),
        layers_per_gpu=None if placement is None else placement.layers_per_gpu,
        gpu_layers=None if placement is None or placed.verdict == "fits" else placement.gpu_layers,
        expert_layers_in_ram=None if placement is None else placement.expert_layers_in_ram,
        sharding=None if use.is_inference or len(placed.devices) < 2 else full.workload.sharding,
        offload=work.offload,
        chunked_loss=work.chunked_loss,
        optimizer=None if use.is_inference else full.workload.optimizer,
        tokens_per_second=candidate.speed.decode or candidate.speed.train,
        installed=candidate.installed,
        argv=("llmcheck", "fit", *words, *options(work)),
        launch=None if line is None else line.argv,
        launch_environment={} if line is None else line.environment,
        launch_service=() if line is None else line.service,
        launch_valid_for=None if line is None else line.valid_for,
    )
    return plan if download is None else _with_download(plan, download)


def _tensor_parallel(use: ModelUse, gpus: int) -> int:
    """As stated, else what is left of the GPUs after the stages of a pipeline where the runtime cuts matrices."""
    work = use.workload
    if work.tensor_parallel > 1 or not use.is_inference or not use.runtime.tensor_parallel:
        return max(work.tensor_parallel, 1)
    return max(gpus // max(work.pipeline_parallel, 1), 1)


def _with_download(plan: Plan, download: Download) -> Plan:
    return replace(
        plan,
        file_bytes=download.size,
        download_bytes=download.bytes,
        download_unknown=download.unknown,
        download_folder=download.folder,
        download_free_bytes=None if download.bytes == 0 else download.free,
        download_short_bytes=download.short,
        cached=download.cached,
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


def _launch(use: ModelUse, candidate: Candidate, download: Download) -> LaunchLine | None:
    """None where there is nothing to load: a model that is only a size, or no repository is known to have the file."""
    if use.architecture.estimated or download.repository is None:
        return None
    from llmcheck.fit.plans import downloads, launching  # not for the sizes of the first screen

    placed = candidate.placed
    placement = placed.placement
    placing = launching.placing(candidate.use, placed)
    helped = placement is not None and (placed.verdict != "fits" or placing.tensor_split)
    line = use.runtime.launch(
        Launch(
            model=download.repository,
            quantisation=download.tag,
            is_path=download.is_path,
            quantises_on_load=use.is_inference and downloads.makes_it_while_loading(candidate.use),
            workload=use.workload,
            gpus=len(placed.devices) or (0 if use.is_inference else 1),
            gpu_layers=placement.gpu_layers if placement is not None and helped else None,
            expert_layers_in_ram=None if placement is None else placement.expert_layers_in_ram,
            tensor_split=placing.tensor_split,
            gpu_bytes=placing.gpu_bytes,
            stage_layers=placing.stage_layers,
        )
    )
    if line is None or not use.runtime.sees_shell:
        return line
    return replace(line, environment={**line.environment, **placing.environment})
