"""What a runtime declares about itself, and the values that its functions receive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine
from llmcheck.runtimes.behaviour.pace import Pace as Pace
from llmcheck.runtimes.behaviour.pace import PaceOf
from llmcheck.schema.architecture import Architecture, Attention
from llmcheck.schema.estimate import Band, Term
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload

Version = tuple[int, ...]
CURRENT: Version = (99, 0)
"""Stands for the newest version where a workload names none."""
TORCH_FAMILIES = ("plain", "mxfp4", "fp8", "int8", "bnb-4bit", "group")
"""Weight formats that runtimes on PyTorch share."""
TORCH_LADDER = ("bf16", "fp8", "awq")
"""Weight formats, largest first, that servers on PyTorch run fast and that most models are published in."""
CACHE_16_BIT: Mapping[str, str | None] = {"bf16": None, "fp16": None}
"""The KV cache in 16 bits, which every runtime has and uses by default."""


JETSON = ((5, 3), (6, 2), (7, 2), (8, 7))
"""Compute capabilities of the embedded chips, for what is compiled on the machine or has builds for them."""


class Platform(Struct, frozen=True, kw_only=True):
    """GPUs of one vendor that a runtime has a build for."""

    vendor: str
    """Id of the vendor: a file name of ``gpus/vendors``."""
    min_compute_capability: tuple[int, int] | None = None
    """NVIDIA's, major and minor; None where no minimum is published."""
    embedded: tuple[tuple[int, int], ...] = ()
    """Compute capabilities of embedded chips (Jetson modules up to Orin) that it has kernels for: wheels for servers
    have none."""
    gfx: tuple[str, ...] = ()
    """AMD's targets; () where none are published."""
    systems: tuple[str, ...] = ()
    """Operating systems on which it runs on these GPUs; () for all of ``Runtime.systems``."""
    min_driver: str | None = None
    """The oldest driver for the build that ``llmcheck install`` chooses; an older build may run with less. None where
    none is stated."""
    build: str | None = None
    """Where the build for these GPUs comes from, in words; None: PyPI's, or what ``llmcheck install`` makes."""


class GpuMemory(Struct, frozen=True, kw_only=True):
    """The share of a model and its workload that one GPU has in inference; runtimes compute their own terms from it."""

    architecture: Architecture
    weights: str
    """Name of the weight format."""
    batch: int
    """Sequences at a time, at least 1."""
    context: int
    """Tokens of each sequence, prompt and answer together."""
    prompt: int
    """Tokens of each prompt that are processed at once."""
    max_sequences: int
    """Sequences that a server's sampler allocates memory for."""
    flash_attention: bool
    """False: attention scores are stored as a matrix of context x context."""
    version: Version
    """Of the runtime, major and minor."""
    layers: float
    """Layers on this GPU; a fraction where layers are divided in proportion to free memory."""
    tensor: int
    """GPUs that each matrix is divided over (tensor parallelism)."""
    first: bool
    """This GPU has the embedding."""
    last: bool
    """This GPU has the output projection."""
    attention_width: int
    """Elements of all query heads of one token."""
    dense_width: int
    """Width of the widest dense feed-forward layer."""
    cache_bytes: Callable[[int, tuple[Attention, ...]], float]
    """``(tokens of each sequence, groups of layers)``: bytes of KV cache on this GPU."""
    layer_bytes: Callable[[int, int], float]
    """``(tokens of all sequences, tokens of one)``: peak bytes of temporary tensors in one layer on this GPU."""
    loading_rest: Callable[[], float] = lambda: 0.0
    """Bytes that PyTorch's allocator adds where the weights are loaded tensor by tensor (``fit.memory.loading``)."""
    workload: Workload = Workload(method="inference")
    """For the options of single runtimes; what is above is filled in from it."""


class Reservation(Struct, frozen=True, kw_only=True):
    """GPU memory that a server reserves when it starts."""

    fraction: float
    """The default of the runtime's option, 0 to 1. ``Workload.memory_fraction`` replaces it."""
    of: Literal["total", "weights-and-cache", "free-after-weights"]
    """``total``: of the GPU's memory, for weights, cache and everything else. ``weights-and-cache``: of the GPU's
    memory, for these two alone. ``free-after-weights``: of what is free once the weights are loaded, for the KV cache
    alone."""
    context_beside: bool = False
    """What the process allocates before any tensor is not counted in the share (vLLM measures from there on)."""
    by_card: Callable[[int, Workload], float] | None = None
    """``(bytes of the GPU, workload)``: the default fraction on that GPU; None: ``fraction`` on all."""


class Eager(Struct, frozen=True, kw_only=True):
    """How one version of a library that computes operation by operation uses memory while a model answers."""

    all_logits: bool = False
    """The logits of every prompt token are computed, in 16 and in 32 bits, and the last hidden state is kept."""
    two_caches: bool = False
    """The tuple of the old cache is kept until the step has made all of the new one."""
    rotary_tables: bool = False
    """Each layer keeps sine and cosine of every position."""
    loads_by_tensor: bool = True
    """Each tensor of the weights has its own place; otherwise one large block is reserved and divided."""
    chunk: int | None = None
    """A prompt is processed in pieces of this many tokens; None: at once."""


class Training(Struct, frozen=True, kw_only=True):
    """How one version of a trainer uses memory."""

    loss_bytes: float
    """Bytes per token and vocabulary entry at the loss: logits, softmax and their gradients."""
    parallel_loss_bytes: float | None = None
    """The same where tensor parallelism divides the vocabulary, before that division; None: ``loss_bytes``."""
    compiled_loss_bytes: float = 6.0
    """The same where ``torch.compile`` fuses the loss: logits in 16 bits, and their gradient while it is made."""
    chunked_loss_bytes: float = 0.0
    """The same where the loss is computed in chunks and the logits of all chunks exist."""
    chunked_hidden_bytes: float = 12.0
    """Bytes per token and element of the hidden state where the loss is computed in chunks from the hidden states.
    Liger's kernel takes as many tokens at a time as make logits of the size of all hidden states: 10 bytes, in 16 and
    32 bits, and the 2 of the gradient that it returns (measured: 0.44 bytes per token and entry of 128,256)."""
    autocast: bool = False
    """Mixed precision without a sharding engine is autocast: 32-bit weights, and 16-bit copies of them in a step."""
    keeps_quantised_inputs: bool = False
    """The input of every 4-bit matrix is stored (bitsandbytes before 0.43.2)."""
    repeats_grouped_heads: bool
    """Grouped keys and values are repeated for each query head before the attention kernel."""
    adapters_in_fp32: bool = False
    """Adapters are 32-bit unless ``precision`` is bf16; each then keeps its own 32-bit copy of its input."""
    quantised_base_in_fp32: bool = False
    """QLoRA: embeddings and norms of the frozen model are converted to 32 bits."""
    keeps_fused_qkv: bool = False
    """Values are a view of one fused query-key-value tensor, which therefore stays allocated."""
    keeps_dropout_mask: bool = False
    """Each adapter keeps a dropout mask: one byte per element of its input."""


class Example(Struct, frozen=True, kw_only=True):
    """A workload that the runtime can run on one of its platforms, and the line that starts it."""

    launch: Launch
    line: LaunchLine


class Runtime(Struct, frozen=True, kw_only=True):
    """A program that runs or trains a model. The docstring of each field says what its default means."""

    id: str
    """The value of ``--runtime``; the file's name has underscores for ``-`` and ``.``."""
    version: str
    """The version that the launch line and the facts below were read from."""
    source: str
    """Where they were read."""
    as_of: str
    """ISO date of the source."""
    upkeep: Literal["developed", "maintenance", "unmaintained"] = "developed"
    """By its own authors; ``maintenance``: only small corrections."""
    has_binding: bool = False
    """``library`` is a Python package that starts it in another way than its own programs; see
    ``Launch.python_binding``."""
    rank: int
    """Among runtimes that do equally well the lowest is proposed: the more widely used one."""
    proposed: Literal["always", "installed", "named"] = "always"
    """When the planner considers it. ``installed``: it does much what another one does, so it is considered where the
    environment has it. ``named``: only where it is asked for, for it is no longer maintained, made for training, or
    reads files that few models are published in."""
    platforms: tuple[Platform, ...] = ()
    """GPUs that it runs on; () where it runs on any GPU that PyTorch or its own back ends use."""
    systems: tuple[str, ...] = ()
    """Operating systems of the host (``linux``, ``windows``, ``darwin``); () for any."""
    needs_gpu: bool = False
    """It has no build for CPUs alone."""
    torch: bool = True
    """It computes with PyTorch, so it runs only where PyTorch has a build for the GPUs."""
    glibc_min: str | None = None
    """The oldest glibc for its wheels on Linux, as in the catalogue; None where only PyTorch's limit counts."""
    python_min: str | None = None
    """The oldest Python for it, as in the catalogue; None where that is not known."""
    in_container: bool = False
    """It comes as a container with a C library of its own."""
    library: str | None = None
    """Its id in the catalogue of libraries, which ``llmcheck install`` takes; None: it is not in it."""
    distributions: tuple[str, ...] = ()
    """Packages: an environment that has one of them has the runtime."""
    programs: tuple[str, ...] = ()
    """Programs: one of them on PATH is the runtime."""
    libraries_beside: Callable[[Workload], tuple[str, ...]] | None = None
    """Ids of the libraries that a use needs beside it, each the name of its package; None: it brings all by itself."""
    families: tuple[str, ...]
    """Families of weight formats that it reads (``fit.shapes.formats.Family``)."""
    made_on_load: tuple[str, ...] = ()
    """Families that it makes of 16-bit weights while it loads them, so that no other file is needed."""
    native_family: str | None = None
    """The family that was made for this runtime: a model in it is run by this runtime unless another is named. None:
    it has none of its own."""
    default_on: tuple[str, ...] = ()
    """GPU vendors for which it is the default runtime, for every family that it reads."""
    gguf_file: Literal["computes", "dequantises"] | None = None
    """``computes``: with the tensors of a GGUF file as they are; ``dequantises``: after it converted them to 16 bits;
    None: it does not read GGUF files."""
    files: Literal["safetensors", "gguf"] = "safetensors"
    """The files that it loads a model from where it is given a repository."""
    caches: tuple[str, ...] = ("huggingface",)
    """Programs in whose caches it looks for a model (``ModelCache.program``), and downloads it to the first; () where
    it is told a folder."""
    ladder: tuple[str, ...]
    """Weight formats to propose, largest first."""
    common_ladder: tuple[str, ...] = ()
    """The formats of ``ladder`` that most models are published in; () for all of them."""
    four_bits: str
    """The format of ``ladder`` to try first where 16 bits do not fit; about 4 bits per weight."""
    cache_formats: Mapping[str, str | None]
    """Formats of the KV cache that it has, and what each is called in its launch line; None where that format is the
    default, or has no option."""
    cache_ladder: tuple[str, ...] = ("bf16",)
    """The formats of ``cache_formats`` to propose, largest first."""
    cache_capability: Mapping[str, tuple[int, int]] = {}
    """The least compute capability for a format of the cache on NVIDIA's GPUs; one that is not named runs on all."""
    cache_block: int = 1
    """Tokens; the cache of each sequence is rounded up to a multiple of this."""
    reservation: Reservation | None = None
    """None where memory is allocated when it is needed."""
    own_options: tuple[str, ...] = ()
    """Fields of ``Workload`` that only some runtimes have, and this one does (``fit.validation.OF_SOME_RUNTIMES``)."""
    state_bits: int = 16
    """Bits of each element of a recurrent state, where the model does not say more."""
    sequences_option: str | None = None
    """The option that limits how many sequences a server allocates memory for; None for what is no server."""
    default_step: Callable[[Sequence[Gpu], Architecture, Workload], int | None] | None = None
    """Tokens that it computes in one step on these GPUs by default (``Workload.max_batched_tokens``); None where that
    does not depend on them, or is not known."""
    default_sequences: Callable[[Sequence[Gpu]], int] | None = None
    """How many sequences it allocates memory for on these GPUs by default; None where that does not depend on them."""
    tensor_parallel: bool = False
    """Several GPUs divide each matrix; otherwise they divide the layers."""
    pipeline_parallel: bool = False
    """It has an option to divide the layers over GPUs in stages, where it would otherwise divide each matrix."""
    across_vendors: str | None = None
    """The back end with which it uses GPUs of several vendors at once: ``Vulkan``; None where it cannot."""
    layer_split: bool = False
    """It has an option for how much of the model each GPU gets."""
    sees_shell: bool = True
    """It is a process of its own that reads the variables of the shell; False: a container, or a service does it."""
    fp8_arithmetic: bool = False
    """fp8 weights are multiplied in fp8 where the GPU supports it."""
    offloads: bool = False
    """It can keep layers in RAM."""
    experts_in_ram: bool = False
    """It can keep the routed experts of some layers in RAM and everything else on the GPUs (``--n-cpu-moe``)."""
    computes_in_ram: bool = False
    """Layers in RAM are computed by the CPUs; otherwise they cross PCIe for every token."""
    counts_gpu_layers: bool = False
    """It has an option for the number of layers on the GPUs (llama.cpp's ``-ngl``)."""
    embedding_in_ram: bool = False
    """The token embedding stays in RAM even when every layer is on the GPU."""
    pads_mxfp4: bool = False
    """The inner width of experts is padded to a multiple of 256 for MXFP4 kernels."""
    gpu_context: bool = True
    """It creates a CUDA or HIP context with its kernels on each GPU, which takes memory."""
    context_gib: Band = Band(0.3, 0.5, 0.95)
    """GiB of that context: of PyTorch 0.47 on an A100 with lazily loaded kernels, up to 0.95 loaded at once."""
    collectives: bool = True
    """Tensor parallelism uses NCCL or RCCL, whose buffers take memory."""
    dequantises_group: bool = False
    """Its GPTQ kernels keep one dequantised matrix in 16 bits."""
    default_context: Callable[[int], int] | None = None
    """``(bytes of memory of all GPUs)``: its default context in tokens; None: the default of the estimate."""
    memory: Callable[[GpuMemory], list[Term]]
    """Terms of one GPU in addition to weights and KV cache, in inference."""
    cache_terms: Callable[[GpuMemory], list[Term]] | None = None
    """Terms of one GPU in addition to the KV cache that the shapes give, without ``cache_block``; None: nothing."""
    eager: Callable[[Version], Eager] | None = None
    """None where it is not PyTorch that computes and allocates operation by operation."""
    training: Callable[[Version], Training] | None = None
    """None where it does not train."""
    pace: PaceOf
    """Its speed on these GPUs; () where it runs on CPUs."""
    launch: Callable[[Launch], LaunchLine | None]
    """The command that starts it; None for a use that no single command starts: the function says why."""
    example: Example
    """Used by the contract tests."""

    @property
    def trains(self) -> bool:
        return self.training is not None

    @property
    def is_server(self) -> bool:
        """It reserves memory when it starts, and allocates it for many sequences."""
        return self.reservation is not None


def version_of(text: str | None) -> Version:
    """Major and minor of a version such as ``4.45.2``; ``CURRENT`` for None or another text."""
    parts = tuple(int(part) for part in (text or "").split(".") if part.isdigit())
    return parts[:2] if len(parts) >= 2 else CURRENT
