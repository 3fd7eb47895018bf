"""Bytes of a workload on each GPU and in total, with bands and sources."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit.memory import doubt, inference, training
from llmcheck.fit.memory.terms import GpuPart, memory, summed
from llmcheck.fit.memory.training_choices import DEFAULT_RANK, frozen_base, precision, sharding_of
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Memory, Term, term
from llmcheck.schema.workload import Workload

NOT_MODELLED = (
    "sound in the prompt, and what its encoder computes; images in other runtimes than servers",
    "context and sequence parallelism, expert parallelism",
    "batches whose sequences differ in length: each is counted as the longest",
    "memory that other processes, a desktop or ECC use",
    "Windows' shared GPU memory and its display driver's own reserve",
)


def per_gpu(use: ModelUse, gpus: int = 1, *, cached: bool = True) -> tuple[Memory, ...]:
    """Bytes on each GPU. GPUs with equal parts share one value.

    ``cached``: with the term of part ``allocator``, which is no part of ``Memory.total`` and takes a simulation.
    """
    build = inference.terms if use.is_inference else training.terms
    stored, use = use.stored, use.with_shapes_alone()
    made: dict[GpuPart, Memory] = {}
    found = []
    for part in gpu_parts(use, max(gpus, 1)):
        if part not in made:
            terms = doubt.widened(build(use, part, stored), use.architecture)
            made[part] = memory([*terms, *cached_blocks(use, part)] if cached else terms)
        found.append(made[part])
    return tuple(found)


def with_cached_blocks(use: ModelUse, found: Memory, gpus: int) -> Memory:
    """With what PyTorch's allocator holds beside it on all ``gpus``: the term of part ``allocator``."""
    parts = tuple(memory(cached_blocks(use, part)) for part in gpu_parts(use, max(gpus, 1)))
    return memory([*found.terms, *summed(parts).terms])


def cached_blocks(use: ModelUse, part: GpuPart) -> list[Term]:
    """What PyTorch's allocator holds beyond what is allocated at the peak; [] where none is simulated."""
    if use.is_inference:
        return inference.cached_blocks(use, part)
    from llmcheck.fit.memory.training_run import cached_blocks as of_training  # a simulation, which planning skips

    return of_training(use, part)


def of_part(use: ModelUse, part: GpuPart) -> Memory:
    """Bytes on a GPU that has this part of the model."""
    build = inference.terms if use.is_inference else training.terms
    return memory(doubt.widened(build(use, part, use.stored), use.architecture))


def with_ram(use: ModelUse, parts: tuple[Memory, ...]) -> Memory:
    """Bytes in total: on the GPUs, whose memory is ``parts``, and what the runtime or the workload puts in RAM."""
    terms = list(summed(parts).terms)
    if not use.is_inference:
        return memory([*terms, *training.ram_terms(use)])
    in_ram = inference.embedding_in_ram(use)
    tied = use.architecture.tied or not use.architecture.parameters.head
    if in_ram and not tied:  # a tied one is counted already: it is also on the GPU, as the output projection
        terms.append(term("weights", "embedding, in RAM", in_ram, inference.source_of(use.stored, use.weight_format)))
    exact = [inference.exact_cache(each, use) if each.component == "kv_cache" else each for each in terms]
    return memory(doubt.widened(exact, use.architecture))


def resolved(use: ModelUse, gpus: int = 1) -> Workload:
    """The workload with every default filled in; its bytes stay the same. ``gpus``: how many are used."""
    gpus, workload = max(gpus, 1), use.workload
    exact = use.architecture.tensors and use.is_inference
    found = replace(
        workload,
        weights=workload.weights or (None if exact else use.weight_format.name),
        kv_cache=workload.kv_cache or "bf16",
        runtime=use.runtime.id,
        flash_attention=workload.flash_attention is not False,
        gpus=workload.gpus or gpus,
        context=use.context,
    )
    if use.is_inference:
        return replace(found, prompt=use.context if workload.prompt is None else workload.prompt)
    # without a precision adapters are 32-bit, which no precision of a frozen model means: leave it None
    frozen = frozen_base(workload)
    return replace(
        found,
        optimizer=workload.optimizer or "adamw",
        precision=workload.precision if frozen else precision(workload),
        checkpointing=True if workload.checkpointing is None else workload.checkpointing,
        sharding=sharding_of(workload) if gpus > 1 else workload.sharding or "none",
        offload=workload.offload or "none",
        lora_rank=(DEFAULT_RANK if workload.lora_rank is None else workload.lora_rank) if frozen else None,
        lora_targets=workload.lora_targets or "all-linear" if frozen else None,
    )


def offloaded_bytes(use: ModelUse) -> int:
    """Bytes in RAM even though the GPUs have memory: llama.cpp's token embedding, and what training offloads."""
    if use.is_inference:
        return inference.embedding_in_ram(use)
    return sum(each.expected for each in training.ram_terms(use))


def gpu_parts(use: ModelUse, gpus: int) -> tuple[GpuPart, ...]:
    """The part of each GPU: tensor parallelism in servers, stages of layers elsewhere, data parallelism in training.

    Fewer than ``gpus`` where no more can be used: without tensor parallelism a layer is not divided.
    """
    layers = max(use.architecture.layers, 1)
    tensor, pipeline = _tensor_and_pipeline(use, gpus, layers)
    context = 1 if use.is_inference else min(use.workload.context_parallel, max(gpus // (tensor * pipeline), 1))
    data = 1 if use.is_inference else max(gpus // (tensor * pipeline * context), 1)
    at_a_time = use.is_inference or bool(use.workload.layer_split)
    found: list[GpuPart] = []
    for stage in range(pipeline):
        here = layers // pipeline + (1 if stage < layers % pipeline else 0)
        found += [
            GpuPart(
                layers=here / layers,
                tensor=tensor,
                first=stage == 0,
                last=stage == pipeline - 1,
                data=data,
                context=context,
                gpus=tensor * pipeline * data * context,
                # 1F1B: an early stage has started a micro-batch for each stage after it before the first returns
                in_flight=1 if at_a_time else pipeline - stage,
            )
        ] * (tensor * data * context)
    return tuple(found)


def _tensor_and_pipeline(use: ModelUse, gpus: int, layers: int) -> tuple[int, int]:
    """GPUs that each matrix is divided over, and stages of layers."""
    tensor, pipeline = max(use.workload.tensor_parallel, 1), max(use.workload.pipeline_parallel, 1)
    if use.is_inference and tensor == 1 and use.divides_matrices:
        tensor = max(gpus // pipeline, 1)
    tensor = min(tensor, gpus)
    if (use.is_inference or use.workload.layer_split) and pipeline == 1:
        pipeline = gpus // tensor
    return tensor, min(pipeline, gpus // tensor, layers)
