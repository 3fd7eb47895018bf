"""How many bytes a workload takes, over all GPUs and on each, with their bands and sources."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit.memory import inference, training
from llmcheck.fit.memory.terms import Share, memory, summed, term
from llmcheck.fit.shapes import kv_cache, weights
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Memory, Term
from llmcheck.schema.workload import Workload

NOT_MODELLED = (
    "images and sound in the prompt, and what their encoder computes",
    "context and sequence parallelism, expert parallelism, and speculative decoding with a second model",
    "batches whose sequences differ in length: each is counted as the longest",
    "memory that other processes, a desktop or ECC take",
    "Windows' shared GPU memory and its display driver's own reserve",
)


def estimate(architecture: Architecture, workload: Workload, gpus: int = 1) -> Memory:
    """Bytes summed over all GPUs."""
    return summed(per_gpu(architecture, workload, gpus))


def per_gpu(architecture: Architecture, workload: Workload, gpus: int = 1) -> tuple[Memory, ...]:
    """What lies on each GPU; GPUs that hold the same share the same value."""
    build = inference.terms if workload.method == "inference" else training.terms
    stored = weights.of(architecture, workload)
    if architecture.tensors or architecture.notes:  # what is cached by shape need not be compared tensor by tensor
        architecture = replace(architecture, tensors=None, notes=())
    made: dict[Share, Memory] = {}
    found = []
    for share in shares(architecture, workload, max(gpus, 1)):
        if share not in made:
            made[share] = memory(build(architecture, workload, share, stored))
        found.append(made[share])
    return tuple(found)


def of_share(architecture: Architecture, workload: Workload, share: Share) -> Memory:
    """What lies on a GPU that holds this part."""
    build = inference.terms if workload.method == "inference" else training.terms
    return memory(build(architecture, workload, share, weights.of(architecture, workload)))


def whole(architecture: Architecture, workload: Workload, parts: tuple[Memory, ...]) -> Memory:
    """All that it takes: what lies on GPUs and what a runtime keeps in RAM by choice."""
    terms = list(summed(parts).terms)
    if workload.method != "inference":
        return memory([*terms, *training.ram_terms(architecture, workload)])
    aside = inference.in_ram(architecture, workload)
    tied = architecture.tied or not architecture.parameters.head
    if aside and not tied:
        source = inference.source_of(weights.of(architecture, workload), weights.chosen(architecture, workload))
        terms.append(term("weights", "embedding, in RAM", aside, source))
    return memory(
        [_exact_cache(each, architecture, workload) if each.component == "kv_cache" else each for each in terms]
    )


def _exact_cache(each: Term, architecture: Architecture, workload: Workload) -> Term:
    """Parts are rounded one by one; the whole is not."""
    tokens = inference.context_of(architecture, workload)
    size = kv_cache.size(architecture, tokens, max(workload.batch, 1), workload.kv_cache)
    return replace(each, expected=size, low=size, high=size)


def resolved(architecture: Architecture, workload: Workload, gpus: int = 1) -> Workload:
    """The same workload with every choice that it left open filled in: it takes the same bytes."""
    gpus = max(gpus, 1)
    exact = architecture.tensors and workload.method == "inference"
    found = replace(
        workload,
        weights=workload.weights or (None if exact else weights.chosen(architecture, workload).name),
        kv_cache=workload.kv_cache or "bf16",
        runtime=workload.runtime or "transformers",
        flash_attention=workload.flash_attention is not False,
        gpus=workload.gpus or gpus,
    )
    if workload.method == "inference":
        context = inference.context_of(architecture, workload)
        return replace(found, context=context, prompt=context if workload.prompt is None else workload.prompt)
    # a precision for adapters would also say in which they are kept: 32 bits where nothing is said
    frozen = training.frozen_base(workload)
    return replace(
        found,
        context=training.sequence_of(architecture, workload),
        optimizer=workload.optimizer or "adamw",
        precision=workload.precision if frozen else training.precision(workload),
        checkpointing=True if workload.checkpointing is None else workload.checkpointing,
        sharding=training.sharding_of(workload) if gpus > 1 else workload.sharding or "none",
        offload=workload.offload or "none",
        lora_rank=(training.DEFAULT_RANK if workload.lora_rank is None else workload.lora_rank) if frozen else None,
        lora_targets=workload.lora_targets or "all-linear" if frozen else None,
    )


def in_ram(architecture: Architecture, workload: Workload) -> int:
    """Bytes that lie in RAM by choice: llama.cpp's token embedding, and what training moves there, over all GPUs."""
    if workload.method == "inference":
        return inference.in_ram(architecture, workload)
    return sum(each.expected for each in training.ram_terms(architecture, workload))


def shares(architecture: Architecture, workload: Workload, gpus: int) -> tuple[Share, ...]:
    """How the model is cut: tensor parallelism in servers, whole layers elsewhere, data parallelism in training.

    Of each GPU that holds a part; there are fewer than ``gpus`` where no more can be used, for a layer is not cut
    without tensor parallelism."""
    answers = workload.method == "inference"
    layers = max(architecture.layers, 1)
    tensor, pipeline = max(workload.tensor_parallel, 1), max(workload.pipeline_parallel, 1)
    if answers and tensor == 1 and workload.runtime in inference.TENSOR_PARALLEL:
        tensor = max(gpus // pipeline, 1)
    tensor = min(tensor, gpus)
    if answers and pipeline == 1:
        pipeline = gpus // tensor
    pipeline = min(pipeline, gpus // tensor, layers)
    data = 1 if answers else max(gpus // (tensor * pipeline), 1)
    found: list[Share] = []
    for stage in range(pipeline):
        held = layers // pipeline + (1 if stage < layers % pipeline else 0)
        found += [
            Share(
                layers=held / layers,
                tensor=tensor,
                first=stage == 0,
                last=stage == pipeline - 1,
                data=data,
                gpus=tensor * pipeline * data,
                in_flight=1 if answers else pipeline - stage,
            )
        ] * (tensor * data)
    return tuple(found)
