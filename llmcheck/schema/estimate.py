"""The answer of ``llmcheck fit``: bytes per component with bands and sources, placement, speed, alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from llmcheck.schema.architecture import Architecture
from llmcheck.schema.speed import Band as Band
from llmcheck.schema.speed import Cause as Cause
from llmcheck.schema.speed import Rate as Rate
from llmcheck.schema.speed import Speed as Speed
from llmcheck.schema.speed import Time as Time
from llmcheck.schema.workload import Workload

SCHEMA = "llmcheck.fit/1"
Component = Literal["weights", "kv_cache", "activations", "gradients", "optimizer", "overhead"]
FitVerdict = Literal["fits", "fits-with-offload", "does-not-fit", "unknown"]
Part = Literal["cache", "state", "context", "communication", "allocator", "compute-buffer", "other"]
"""``cache``: grows with the cached tokens. ``state``: recurrent states, the same at any length.
``context``: what a process allocates on a GPU before any tensor. ``communication``: NCCL's buffers.
``allocator``: freed blocks that PyTorch keeps. ``compute-buffer``: llama.cpp's."""


class Term(Struct, frozen=True, kw_only=True):
    """One summand of the memory, in bytes, with its source: of one GPU in ``GpuShare``, else of all together."""

    component: Component
    """The component that it belongs to."""
    name: str
    """In words: ``blocks``, ``GPU context and kernels``, ..."""
    expected: int
    """Bytes."""
    low: int
    """Bytes at the lower end."""
    high: int
    """Bytes at the upper end."""
    source: str
    """The paper of the formula, the documentation of the runtime, or the measurement behind it."""
    part: Part = "other"
    """What it is, for programs; ``name`` is for people."""


def term(
    component: Component,
    name: str,
    expected: float,
    source: str,
    *,
    low: float | None = None,
    high: float | None = None,
    part: Part = "other",
) -> Term:
    """A ``Term`` with the values rounded to bytes; None: that end of the band is the expected value."""
    middle = max(round(expected), 0)
    return Term(
        component=component,
        name=name,
        expected=middle,
        low=min(middle, max(round(expected if low is None else low), 0)),
        high=max(middle, round(expected if high is None else high)),
        source=source,
        part=part,
    )


class Memory(Struct, frozen=True, kw_only=True):
    """Bytes. A component is the expected sum of its terms; ``total``, ``low`` and ``high`` are sums of all terms.

    Terms of part ``allocator`` are in none of these sums: PyTorch frees such blocks before memory runs out."""

    weights: int
    """Weights, quantised or not, and adapters."""
    kv_cache: int
    """Keys and values of context x batch as the shapes give them; a runtime's padding and pools are overhead."""
    activations: int
    """Temporary tensors in inference; in training what is stored for the backward pass, and the loss."""
    gradients: int
    """Gradients of the trained weights; 0 in inference."""
    optimizer: int
    """Optimizer states, with a 32-bit master copy of the weights where there is one."""
    overhead: int
    """Context, workspaces, buffers, padding and fragmentation."""
    total: int
    """All components."""
    low: int
    """Lower end of ``total``."""
    high: int
    """Upper end of ``total``."""
    terms: tuple[Term, ...]
    """What the components consist of."""


class GpuShare(Struct, frozen=True, kw_only=True):
    """One GPU and what the workload needs on it."""

    index: int | None
    """The driver's index; None where it is not known."""
    name: str | None
    """None where it is not known."""
    free: int | None
    """Bytes available now, or on an idle GPU with ``--assume-idle``; None where it could not be read."""
    budget: int | None = None
    """Bytes of ``free`` that the runtime may use: a server reserves a share of each GPU. None where ``free`` is."""
    memory: Memory
    """Bytes that the workload needs on this GPU."""


class Placement(Struct, frozen=True, kw_only=True):
    """How the workload is divided over GPUs and RAM."""

    gpus: int
    """Number of GPUs that are used."""
    gpu_layers: int | None = None
    """llama.cpp's ``-ngl``: layers on the GPUs; None for other runtimes."""
    expert_layers_in_ram: int | None = None
    """llama.cpp's ``--n-cpu-moe``: the routed experts of so many layers, from the first one on, lie in RAM; None where
    none do."""
    layers_per_gpu: tuple[int, ...] | None = None
    """Whole layers on each GPU, in the order of ``Fit.per_gpu``; None where a GPU has a part of each layer, or all."""
    ram: int = 0
    """Bytes in RAM."""
    kv_tokens: int | None = None
    """Servers: tokens for which the KV cache has memory; None for other runtimes."""
    concurrent: int | None = None
    """Servers: sequences of the full context that fit in ``kv_tokens``; None for other runtimes."""


ChangeCost = Literal["free", "quality", "speed", "hardware"]
"""What a change costs."""
ChangeKind = Literal[
    "end-processes", "flash-attention", "max-sequences", "context", "batch", "kv-cache", "chunked-loss", "sharding",
    "checkpointing", "optimizer", "precision", "method", "offload", "combined", "more-gpus", "larger-gpu",
]  # fmt: skip
"""What a change is about; ``combined``: several fields of the workload at once."""


class Alternative(Struct, frozen=True, kw_only=True):
    """A change with which it fits."""

    kind: ChangeKind
    """What it changes, for programs."""
    change: str
    """What to do, in words: ``weights in q4_k_m``, ``a context of 4,096``, ``a second RTX 4090``."""
    workload: Workload
    """The changed workload."""
    total: int
    """Bytes that it then needs, on GPUs and in RAM."""
    cost: ChangeCost
    """What it costs."""
    gpus: int | None = None
    """Of a change of the hardware: how many GPUs there would be; None for another change."""
    gpu: str | None = None
    """Their name, as ``--machine`` takes it; None for another change."""
    options: tuple[str, ...] = ()
    """What to add to the ``llmcheck fit`` that was given; () where options alone cannot do it."""


Loss = Literal["lossless", "negligible", "small", "noticeable", "large"]
"""How much a weight format takes from a model's quality (``fit.quality``)."""
NoLaunch = Literal["no-model", "no-file", "no-option"]
"""Why a plan has no command. ``no-model``: the model is only a size. ``no-file``: no published file of it in this
format is known. ``no-option``: the runtime has no option for this use."""


class PlanMemory(Struct, frozen=True, kw_only=True):
    """Bytes, over all GPUs and RAM together."""

    total: int
    """Expected bytes."""
    low: int
    """Lower end of the estimate."""
    high: int
    """Upper end of the estimate."""
    ram: int
    """Of ``total``: bytes that lie in RAM."""
    largest_gpu: int
    """Bytes on the fullest GPU; 0 where none is used."""


DownloadUnknown = Literal["cache-not-read"]
"""Why a download is not known: what was downloaded before could not be read, or was not looked for."""


class Plan(Struct, frozen=True, kw_only=True):
    """One whole way to use a model on a machine, as the planner found it."""

    runtime: str
    """Id of the runtime."""
    method: str
    """``inference``, ``full``, ``lora``, ``qlora`` or ``pretrain``."""
    weights: str | None
    """Format; None: as in the model's file."""
    kv_cache: str | None
    """Format of the KV cache; None: 16 bits."""
    context: int
    """Tokens of each sequence."""
    batch: int
    """Sequences at a time."""
    verdict: FitVerdict
    """Whether it fits on the GPUs alone, or with RAM."""
    memory: PlanMemory
    """What it needs."""
    gpus: int
    """Number of GPUs that are used; 0 for CPUs alone."""
    gpu: str | None
    """Name of the first of them; None where none is used."""
    tensor_parallel: int = 1
    """GPUs that share each matrix; 1 where none do."""
    pipeline_parallel: int = 1
    """Stages that the layers are divided into, one after the other; 1 where the runtime has no such option."""
    layers_per_gpu: tuple[int, ...] | None = None
    """Whole layers on each of the GPUs; None where a GPU has a part of each layer, or all."""
    gpu_layers: int | None = None
    """llama.cpp's ``-ngl`` where some layers lie in RAM; None where none do, and for other runtimes."""
    expert_layers_in_ram: int | None = None
    """llama.cpp's ``--n-cpu-moe``; None where no routed experts lie in RAM."""
    sharding: str | None = None
    """What is sharded over the GPUs in training; None for inference and for one GPU."""
    offload: str | None = None
    """What training keeps in RAM; None: nothing."""
    chunked_loss: bool | None = None
    """Whether the loss is computed in pieces; None: it is not."""
    optimizer: str | None = None
    """Optimizer of the training; None for inference."""
    tokens_per_second: Band | None = None
    """Of one sequence, or of training over all GPUs; None where it is not known."""
    installed: bool | None = None
    """Whether the judged environment has the runtime; None where that is not known."""
    loss: Loss | None = None
    """By the format of the weights; None where none was published, and in training."""
    loss_source: str | None = None
    """Where the loss was published; None where ``loss`` is."""
    file_bytes: int | None = None
    """Bytes of the files that are loaded, wherever they are; None where downloads were not judged."""
    download_bytes: int | None = None
    """Bytes of weights that are still to be downloaded; 0 where all of them are there; None: not known."""
    download_unknown: DownloadUnknown | None = None
    """Why ``download_bytes`` is None."""
    download_folder: str | None = None
    """Where the weights lie or are put; None where that is not known."""
    download_free_bytes: int | None = None
    """Bytes that may be written there; None where that is not known, and where nothing is downloaded."""
    download_short_bytes: int | None = None
    """Bytes by which that is too little; 0: it is enough; None where it is not known."""
    cached: str | None = None
    """Where the weights are: ``huggingface``, ``ollama``, ``llama.cpp``, or ``file`` for a file that was named; None:
    they are not there, or that is not known."""
    needs: tuple[str, ...] = ()
    """Ids of the libraries that have to be installed first, as ``llmcheck install`` takes them; () where nothing is
    missing, the catalogue does not have what is, or ``installed`` is None."""
    build: str | None = None
    """Where the build of the runtime for these GPUs comes from, in words; None: ``llmcheck install`` installs it."""
    argv: tuple[str, ...] = ()
    """The ``llmcheck fit`` that reproduces it; on this machine where it names none."""
    options: tuple[str, ...] = ()
    """What to add to the command line that was given, to see this plan in full."""
    launch: tuple[str, ...] | None = None
    """The command that runs it; None where none is known for this use."""
    no_launch: NoLaunch | None = None
    """Why there is none; None where there is one."""
    launch_environment: Mapping[str, str] = {}
    """Variables of ``launch_service`` where there is one, else of ``launch``."""
    launch_service: tuple[str, ...] = ()
    """A program that has to run, with ``launch_environment``, before ``launch`` is started; () for none."""
    launch_valid_for: str | None = None
    """Program and version whose options ``launch`` has."""


MethodKind = Literal["weights", "plan", "full", "full-8bit-optimizer", "lora", "qlora", "pretrain"]
"""``weights``: inference with weights in a format; ``plan``: the best way that fits."""


class Released(Struct, frozen=True, kw_only=True):
    """The best other plan where the runtime or the weights that were named are left open."""

    without: tuple[Literal["runtime", "weights"], ...]
    """What was left open."""
    plan: Plan
    """The best then that is none of ``Fit.plans``."""


class LeastMemory(Struct, frozen=True, kw_only=True):
    """Of the formats that lose little, the way that needs the least memory."""

    runtime: str
    """Id of the runtime."""
    weights: str
    """Format."""
    total: int
    """Bytes that it needs in all."""


EXIT_CODES: dict[FitVerdict, int] = {"fits": 0, "fits-with-offload": 0, "does-not-fit": 1, "unknown": 3}


class Fit(Struct, frozen=True, kw_only=True):
    """Whether a model with its workload fits on a machine, and how fast it would be."""

    schema: str = SCHEMA
    """Format of this document and its version."""
    architecture: Architecture
    """The shapes of the model."""
    workload: Workload
    """With every default filled in."""
    machine: str | None
    """In words: ``2 x RTX 4090 (24.0 GiB), 59.6 GiB RAM``; None: memory only, no machine to hold it."""
    memory: Memory
    """In total: on all GPUs, and in RAM."""
    per_gpu: tuple[GpuShare, ...]
    """() where no GPU is used."""
    placement: Placement | None
    """None where it cannot be placed, or the memory of the machine is not known."""
    verdict: FitVerdict
    """Whether it fits on GPUs alone, on GPUs and RAM together, or not."""
    reason: str
    """Why, in one sentence that needs no context."""
    largest_context: int | None = None
    """Most tokens of each sequence with the same verdict; None where it does not fit."""
    largest_batch: int | None = None
    """Most sequences at a time with the same verdict; None where it does not fit."""
    best_weights: str | None = None
    """The largest weight format with which everything fits on the GPUs; None where none does, and in training."""
    ways: tuple[Alternative, ...] = ()
    """Changes with which it fits, cheapest first; () where it fits on the GPUs, or none was found."""
    plans: tuple[Plan, ...] = ()
    """Every way that fits within what the workload names, the best first: the one that this answer describes."""
    released: tuple[Released, ...] = ()
    """The best others without the runtime or the weights that were named; () where none was, or there is no other."""
    least_memory: LeastMemory | None = None
    """What it would take at least, where no plan fits and the weights were left open; else None."""
    speed: Speed | None = None
    """None where it does not fit."""
    assumptions: tuple[str, ...] = ()
    """What was assumed, in sentences."""
    not_modelled: tuple[str, ...] = ()
    """What the estimate leaves out, in sentences."""

    @property
    def exit_code(self) -> int:
        """0: it fits, on GPUs alone or with RAM; 1: it does not; 3: unknown."""
        return EXIT_CODES[self.verdict]
