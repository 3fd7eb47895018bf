"""What every runtime says of itself, and the plain values that it is asked with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine
from llmcheck.schema.architecture import Architecture, Attention
from llmcheck.schema.estimate import Band, Term
from llmcheck.schema.machine import Gpu

Version = tuple[int, ...]
CURRENT: Version = (99, 0)
"""Of a workload that names no version."""
TORCH_FAMILIES = ("plain", "mxfp4", "fp8", "int8", "bnb-4bit", "group")
"""Weight formats that runtimes on PyTorch share."""
SERVER_LADDER = ("bf16", "fp8", "awq")


class Platform(Struct, frozen=True, kw_only=True):
    """Hardware and systems that a runtime has a build for."""

    vendor: str
    systems: tuple[str, ...] = ()
    """``linux``, ``windows``, ``darwin``; () for any."""
    min_compute_capability: tuple[int, int] | None = None
    """NVIDIA's; None where no least one is published."""
    gfx: tuple[str, ...] = ()
    """AMD's targets; () where none are published."""


class GpuMemory(Struct, frozen=True, kw_only=True):
    """What one GPU holds of a model that answers: the sizes that a runtime's own terms are computed from."""

    architecture: Architecture
    weights: str
    """Name of the weights' format."""
    batch: int
    """Sequences at a time, 1 at least."""
    context: int
    """Tokens of each sequence."""
    prompt: int
    """Tokens of each that are read at once."""
    max_sequences: int
    """That a server's sampler prepares for."""
    flash_attention: bool
    version: Version
    layers: float
    """Of the model, on this GPU; a fraction where layers are shared out by memory."""
    tensor: int
    """GPUs that each matrix is cut over."""
    first: bool
    """The embedding lies here."""
    last: bool
    """The output projection lies here."""
    attention_width: int
    """Elements of all query heads."""
    dense_width: int
    """Of the widest dense feed-forward layer."""
    cache_bytes: Callable[[int, tuple[Attention, ...]], float]
    """Of the cache on this GPU, for so many tokens of each sequence and these groups of layers."""
    layer_bytes: Callable[[int, int], float]
    """What the layer that needs most holds at once, on this GPU: for so many tokens, in sequences of so many."""


class Pace(Struct, frozen=True, kw_only=True):
    """How a runtime uses the GPUs, beside their published rates."""

    reading: Band
    """Share of the published bandwidth that an answer reaches."""
    launching: Band
    """Seconds for each layer and token beside it: launching kernels, small operations."""
    computing: Band
    """Share of the published dense 16-bit rate while a prompt is read."""
    experts: float = 1.5
    """How many times as long the launching takes in a model with routed experts."""


class Reservation(Struct, frozen=True, kw_only=True):
    """What a server takes when it starts, and keeps what is left of it as cache."""

    fraction: float
    of: Literal["total", "free-after-weights"]
    """``total``: the card's memory, for everything. ``free-after-weights``: what is free then, for the cache alone."""


class Training(Struct, frozen=True, kw_only=True):
    """How one version of a trainer uses memory."""

    loss_bytes: float
    """Per token and vocabulary entry at the loss, gradients included."""
    repeats_grouped_heads: bool
    """Keys and values of grouped heads are repeated for each query head before the kernel."""
    adapters_in_fp32: bool = False
    """Unless ``precision`` is bf16; each then casts its input to 32 bits."""
    quantised_base_in_fp32: bool = False
    """QLoRA: embeddings and norms of the frozen model are turned into 32 bits."""
    keeps_fused_qkv: bool = False
    """One fused matrix gives queries, keys and values, and the values are a view of it, which keeps it alive."""
    keeps_dropout_mask: bool = False
    """A byte per input of each adapter."""


class Example(Struct, frozen=True, kw_only=True):
    """A use that the runtime can run on one of its platforms, and the line that starts it."""

    launch: Launch
    line: LaunchLine


class Runtime(Struct, frozen=True, kw_only=True):
    id: str
    """As ``--runtime`` takes it; the file's name has underscores for ``-`` and ``.``."""
    version: str
    """That the launch line and the facts below were read in."""
    source: str
    as_of: str
    """ISO date of the source."""
    upkeep: Literal["developed", "maintenance", "unmaintained"] = "developed"
    """By its own authors: ``maintenance`` is for small corrections alone."""
    platforms: tuple[Platform, ...] = ()
    """() where it runs on any GPU that the machine's PyTorch or its own back ends use."""
    systems: tuple[str, ...] = ()
    """Of the host, whatever the GPU; () for any."""
    needs_gpu: bool = False
    """There is no build for processors alone."""
    families: tuple[str, ...]
    """Families of weight formats that it reads (``fit.shapes.formats.Family``)."""
    own_family: str | None = None
    """The family that is made for it and read by no other from its name alone."""
    usual_on: tuple[str, ...] = ()
    """Vendors on whose GPUs people use it for every family that it reads."""
    gguf_file: Literal["computes", "dequantises"] | None = None
    """With the tensors of a GGUF file as they are, after turning them into 16 bits, or not at all."""
    ladder: tuple[str, ...]
    """Weight formats, best first."""
    common_ladder: tuple[str, ...] = ()
    """Those of ``ladder`` that most models are published in; () for all of it."""
    four_bits: str
    """That of the ladder which people take first where 16 bits are too much."""
    cache_ladder: tuple[str, ...] = ("bf16",)
    """Formats of the KV cache that are advised, best first."""
    cache_block: int = 1
    """Tokens; a sequence's cache is a whole number of blocks."""
    reservation: Reservation | None = None
    """None where memory is taken as it is needed."""
    sequences_option: str | None = None
    """The option that limits how many sequences a server prepares for."""
    large_card_sequences: int | None = None
    """How many it prepares for by itself on cards of 70 GiB and more; None where that is the same on all."""
    tensor_parallel: bool = False
    """Several GPUs share each matrix; else whole layers are shared out."""
    fp8_arithmetic: bool = False
    """Weights in fp8 are multiplied in fp8 where the card can."""
    offloads: bool = False
    """It may leave layers in RAM by itself."""
    computes_in_ram: bool = False
    """The processors compute what lies in RAM; else it passes PCIe for every token."""
    counts_gpu_layers: bool = False
    """It takes a number of layers on the GPUs (llama.cpp's ``-ngl``)."""
    embedding_in_ram: bool = False
    """The token embedding stays in RAM though every layer lies on the GPU."""
    pads_mxfp4: bool = False
    """Experts' inner width is rounded up to 256 for the kernels of MXFP4."""
    gpu_context: bool = True
    """It has a context and kernels of its own on each GPU."""
    collectives: bool = True
    """GPUs that share matrices exchange through NCCL, which has buffers."""
    dequantises_group: bool = False
    """Its kernels for GPTQ keep one matrix in 16 bits."""
    default_context: Callable[[int], int] | None = None
    """Tokens where none are named, for so many bytes of GPU memory in all; None: the estimate's own default."""
    memory: Callable[[GpuMemory], list[Term]]
    """What it needs beside weights and cache while it answers."""
    cache_terms: Callable[[GpuMemory], list[Term]] | None = None
    """What it adds to the cache of a context, blocks aside."""
    training: Callable[[Version], Training] | None = None
    """None where it does not train."""
    pace: Callable[[Sequence[Gpu]], Pace]
    launch: Callable[[Launch], LaunchLine | None]
    """None for a use that no single command starts; the function says why."""
    example: Example

    @property
    def trains(self) -> bool:
        return self.training is not None

    @property
    def is_server(self) -> bool:
        """It reserves memory when it starts and prepares for many sequences."""
        return self.reservation is not None


def version_of(text: str | None) -> Version:
    """Major and minor; the current one where the text names none."""
    parts = tuple(int(part) for part in (text or "").split(".") if part.isdigit())
    return parts[:2] if len(parts) >= 2 else CURRENT
