"""What is to be run: how a model is used, and in which numbers. ``None`` lets the estimate choose, and it says what."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Method = Literal["inference", "full", "lora", "qlora", "pretrain"]
Optimizer = Literal[
    "adamw", "adamw-fused", "adamw-8bit", "adamw-4bit", "paged-adamw", "paged-adamw-8bit", "adafactor", "sgd", "lion"
]  # fmt: skip
"""``adamw`` is torch's own, which takes a temporary copy of all weights in its step; ``adamw-fused`` does not."""
Precision = Literal["bf16", "mixed", "fp32"]
"""``bf16``: weights, gradients and states all in 16 bits. ``mixed``: 16-bit weights beside a 32-bit master copy."""
Sharding = Literal["none", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1"]
"""``fsdp`` is ``fully_shard``; ``fsdp1`` the older wrapper of flat parameters, which keeps frozen weights gathered."""


class Workload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile names ``parameters`` or a ``model``; the options of ``llmcheck fit`` may name everything else too."""

    method: Method
    parameters: tuple[str, ...] = ()
    """Model sizes as the field writes them: ``7B``, ``70B``; a tier over a range names both ends."""
    model: str | None = None
    """Id of a known model (``llmcheck models list``): its exact shapes are used, and ``parameters`` is not read."""
    weights: str | None = None
    """``bf16``, ``fp8``, ``int8``, ``nf4``, ``nf4-dq``, ``gptq-4bit``, ``awq``, ``q4_k_m``, ``mxfp4``, ...; None: the
    model's own format (training: that of ``precision``; QLoRA: nf4 with double quantisation)."""
    kv_cache: str | None = None
    """``bf16`` (None), ``fp8``, ``q8_0``, ``q4_0``, ..."""
    context: int | None = None
    """Tokens of prompt and answer together that each sequence may hold."""
    prompt: int | None = None
    """Tokens prefilled at once; None: the whole context."""
    batch: int = 1
    """Sequences at a time (training: the micro-batch of one GPU)."""
    runtime: str | None = None
    """Id of a runtime (``llmcheck.runtimes``)."""
    runtime_version: str | None = None
    """Where it matters: transformers before 4.45 keeps the logits of the whole prompt; None: a current one."""
    max_sequences: int | None = None
    """Sequences that a server's sampler prepares for (vLLM's ``max_num_seqs``); None: 256."""
    memory_fraction: float | None = None
    """Of each card, that a server takes (vLLM's ``gpu_memory_utilization``); None: the runtime's own default."""
    optimizer: Optimizer | None = None
    precision: Precision | None = None
    gradients: Literal["fp32"] | None = None
    """In which they are kept; None: as the weights. Megatron-LM keeps 32 bits beside 16-bit weights."""
    checkpointing: bool | Literal["selective"] | None = None
    """Activations are recomputed in the backward pass; ``selective``: those of the attention only."""
    flash_attention: bool | None = None
    """Attention that never holds the square of the sequence (FlashAttention, SDPA); None: yes."""
    lora_rank: int | None = None
    lora_targets: Literal["attention", "all-linear", "qv", "mlp"] | None = None
    adapter: Literal["lora", "dora", "prefix", "scale"] | None = None
    """``prefix``: learned prompts (LLaMA-Adapter); ``scale``: a factor and bias per output (Adapter v2); None: LoRA."""
    trained_embeddings: bool | None = None
    """Embeddings and output projection are trained in full beside the adapters."""
    compiled: bool | None = None
    """``torch.compile``: norms and activations are fused, so less is kept for the backward pass."""
    chunked_loss: bool | None = None
    """The loss is computed in pieces, so the logits are never held in 32 bits (Liger, Unsloth, torchtune)."""
    sharding: Sharding | None = None
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    gpus: int | None = None
    """How many take part; None: those of the machine."""
    offload: Literal["none", "optimizer", "all"] | None = None
    """What lies in RAM instead of on the GPUs while training."""
    tokens: float | None = None
    """Tokens that a training run reads in all; None where nothing says it."""


class Cost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    documented: str
    """The words of the document."""
    per: Literal["purchase", "hour", "day"]
    low: float
    """US dollars."""
    high: float
