"""A plan as the value that is printed: with the options that reproduce it, and the command that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from llmcheck.fit.memory.total import resolved
from llmcheck.fit.obstacles import build_of
from llmcheck.fit.options import difference, options
from llmcheck.fit.placement import PlacementResult
from llmcheck.fit.plans.candidate import Candidate
from llmcheck.fit.quality import QualityClass, quality_class
from llmcheck.fit.shapes.formats import UnknownFormatError
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import LaunchLine
from llmcheck.schema.estimate import NoLaunch, Plan, PlanMemory
from llmcheck.schema.workload import Workload
from llmcheck.tables.quantisation_loss import QuantisationLoss

if TYPE_CHECKING:
    from llmcheck.fit.plans.downloads import Download


def plan_of(
    candidate: Candidate,
    words: tuple[str, ...],
    gguf: tuple[str, ...] = (),
    *,
    loss: QualityClass | None = None,
    given: Workload | None = None,
    python_binding: bool = False,
) -> Plan:
    """``words``: how ``llmcheck fit`` is given the model and the machine, such as ``("llama-3.1-8b",)``.

    ``gguf``: repositories with GGUF files of the model, the preferred one first, where the candidate names none.
    ``loss``: of the format of its weights. ``given``: what was named; None: the plan has no options to add to it.
    ``python_binding``: only the runtime's Python package is there, not its own programs.
    """
    use, placed = candidate.use, candidate.placed
    work, placement = use.workload, placed.placement
    full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)), use.draft)
    line, download = _loaded(candidate, gguf, python_binding=python_binding)
    found = None if isinstance(line, str) else line
    loss = loss if use.is_inference else None
    plan = Plan(
        runtime=use.runtime.id,
        method=work.method,
        weights=full.workload.weights,
        kv_cache=work.kv_cache,
        context=use.context,
        batch=use.batch,
        verdict=placed.verdict,
        memory=memory_of(placed),
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
        needs=candidate.needs,
        build=build_of(use.runtime, [device.gpu for device in placed.devices]),
        loss=None if loss is None else loss.class_,
        loss_source=None if loss is None else loss.source,
        argv=("llmcheck", "fit", *words, *options(_unmistakable(candidate))),
        options=() if given is None else added(given, candidate),
        launch=None if found is None else found.argv,
        no_launch=line if isinstance(line, str) else None,
        launch_environment={} if found is None else found.environment,
        launch_service=() if found is None else found.service,
        launch_valid_for=None if found is None else found.valid_for,
    )
    return plan if download is None else _with_download(plan, download)


def _loaded(
    candidate: Candidate, gguf: tuple[str, ...], *, python_binding: bool
) -> tuple[LaunchLine | NoLaunch, Download | None]:
    """The launch line, or why there is none; and what has to be downloaded, None where no disk was looked at."""
    if candidate.storage is None and candidate.use.architecture.estimated:
        return "no-model", None
    from llmcheck.fit.plans import downloads, starting  # not for the sizes of the first screen

    stored = candidate.storage or downloads.Storage()
    found = downloads.of(candidate.use, candidate.names or downloads.Names(gguf=gguf), stored)
    line = starting.launch_line(candidate, found, python_binding=python_binding)
    return line, None if candidate.storage is None else found


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


def loss_of(candidate: Candidate, losses: Mapping[str, QuantisationLoss]) -> QualityClass | None:
    """What the format of its weights takes from the model as it is published; None where nothing is known of it."""
    use = candidate.use
    try:
        return quality_class(use.weight_format.name, losses, published=use.architecture.dtype or candidate.published)
    except UnknownFormatError:  # a file may name any
        return None


def memory_of(placed: PlacementResult) -> PlanMemory:
    return PlanMemory(
        total=placed.memory.total,
        low=placed.memory.low,
        high=placed.memory.high,
        ram=placed.offloaded_bytes,
        largest_gpu=max((part.total for part in placed.parts), default=0),
    )


def added(given: Workload, candidate: Candidate) -> tuple[str, ...]:
    """What to add to what was given for this plan; without a context that would be chosen anyway."""
    work, use = _unmistakable(candidate), candidate.use
    is_open = use.is_inference and given.context is None and given.prompt is None
    as_usual = use.context == candidate.wanted_context and use.runtime.default_context is None
    if is_open and as_usual and (candidate.is_alone or candidate.placed.verdict == "fits"):
        work = replace(work, context=None)
    return difference(given, work)


def _unmistakable(candidate: Candidate) -> Workload:
    """The workload of the plan; with its cache in 16 bits named, where a smaller one would be better."""
    use, placed = candidate.use, candidate.placed
    is_open = use.is_inference and use.workload.kv_cache is None and len(use.runtime.cache_ladder) > 1
    if is_open and not candidate.is_alone and placed.verdict == "fits-with-offload":
        return use.changed(kv_cache=use.runtime.cache_ladder[0]).workload
    return use.workload
