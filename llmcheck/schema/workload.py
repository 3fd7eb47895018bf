"""How a model is used. None: the estimate uses a default and reports which."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Annotated, Literal

from msgspec import Meta, Struct

from llmcheck.schema.bounds import (
    LEAST_FRACTION,
    MOST_DOLLARS,
    MOST_GPUS,
    MOST_PROPOSED,
    MOST_RANK,
    MOST_SEQUENCES,
    MOST_SERVED,
    MOST_SIZES,
    MOST_SLOTS,
    MOST_TOKENS,
    MOST_TRAINED_TOKENS,
)

Method = Literal["inference", "full", "lora", "qlora", "pretrain"]
Optimizer = Literal[
    "adamw", "adamw-fused", "adamw-8bit", "adamw-4bit", "paged-adamw", "paged-adamw-8bit", "adafactor", "sgd", "lion"
]  # fmt: skip
"""``adamw`` is torch's default, which makes a temporary copy of all weights in its step; ``adamw-fused`` does not."""
Precision = Literal["bf16", "mixed", "fp32"]
"""``bf16``: weights, gradients and states all in 16 bits. ``mixed``: products in 16 bits, the optimizer's copy in 32:
with FSDP the shards themselves, with autocast the weights themselves, else a master copy beside 16-bit weights."""
Sharding = Literal["none", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1", "shard-grad-op"]
"""``fsdp`` is ``fully_shard``; ``fsdp1`` the older wrapper of flat parameters, which keeps frozen weights gathered;
``shard-grad-op`` is that wrapper with the weights gathered from the forward pass to the end of the backward pass."""
Checkpointing = Literal["selective", "selective-op", "selective-layer"]
"""``selective``: attention alone is recomputed (Megatron-LM); ``selective-op``: PyTorch's policy of torchtitan, which
keeps the result of attention and of every second matrix product; ``selective-layer``: every second block."""

_Tokens = Annotated[int, Meta(ge=1, le=MOST_TOKENS)]
_Gpus = Annotated[int, Meta(ge=1, le=MOST_GPUS)]
_Dollars = Annotated[float, Meta(ge=0, le=MOST_DOLLARS)]


class Workload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The use of a model. A profile names ``parameters`` or ``model``; ``llmcheck fit`` has options for the rest."""

    method: Method
    """``full``: every weight is fine-tuned; ``pretrain``: every weight is trained from scratch."""
    parameters: Annotated[tuple[str, ...], Meta(max_length=MOST_SIZES)] = ()
    """Model sizes as the field writes them: ``7B``, ``70B``; a tier over a range names both ends."""
    model: str | None = None
    """Id of a known model (``llmcheck models list``): its exact shapes are used, and ``parameters`` is not read."""
    weights: str | None = None
    """``bf16``, ``fp8``, ``int8``, ``nf4``, ``nf4-dq``, ``gptq-4bit``, ``awq``, ``q4_k_m``, ``mxfp4``, ...; None: the
    model's own format (training: that of ``precision``; QLoRA: nf4 with double quantisation)."""
    kv_cache: str | None = None
    """``bf16``, ``fp8``, ``q8_0``, ``q4_0``, ...: a format that the runtime has; None: 16 bits."""
    kv_cache_values: str | None = None
    """llama.cpp: the format of the values where it is not that of the keys (``kv_cache``); None: the same."""
    context: _Tokens | None = None
    """Tokens of each sequence, prompt and answer together; None: 8,192, or the runtime's default; in training 2,048."""
    prompt: _Tokens | None = None
    """Tokens of each prompt that are processed at once; None: the full context."""
    batch: Annotated[int, Meta(ge=1, le=MOST_SEQUENCES)] = 1
    """Sequences at a time (training: the micro-batch of one GPU)."""
    runtime: str | None = None
    """Id of a runtime (``llmcheck.runtimes``); None: the default for the weights and the machine."""
    runtime_version: str | None = None
    """Where it matters: transformers before 4.45 keeps the logits of every prompt token; None: the newest."""
    gptq_kernel: Literal["exllama", "exllamav2", "marlin"] | None = None
    """transformers, 4-bit GPTQ: the kernels, which differ in their buffers; None: ``exllama``, and the band has all."""
    static_cache: bool | None = None
    """transformers: the cache is allocated at its full length before the prompt; None: no."""
    max_sequences: Annotated[int, Meta(ge=1, le=MOST_SERVED)] | None = None
    """Sequences that a server's sampler allocates memory for (vLLM's ``max_num_seqs``); None: the runtime's default on
    the GPUs, 256 where that is not known."""
    max_batched_tokens: _Tokens | None = None
    """Tokens that a server computes in one step, of all sequences (vLLM's ``max_num_batched_tokens``, SGLang's
    ``chunked_prefill_size``); None: the runtime's default."""
    ubatch: _Tokens | None = None
    """llama.cpp: tokens of a prompt in one graph (``--ubatch-size``); None: 512."""
    kv_unified: bool | None = None
    """llama.cpp: one cache of ``context`` tokens for all sequences together (``--kv-unified``); None: one for each."""
    swa_full: bool | None = None
    """llama.cpp: layers with a sliding window cache the whole context (``--swa-full``); None: no."""
    split_mode: Literal["layer", "tensor", "none"] | None = None
    """llama.cpp: what several GPUs divide (``--split-mode``). ``tensor``: each matrix and the heads of the cache;
    ``none``: nothing, one GPU is used; None: layers."""
    prefix_caching: bool | None = None
    """A server keeps the cache of what several prompts begin with, which needs a second recurrent state of each
    sequence; None: as the runtime does."""
    speculative: str | None = None
    """What proposes tokens for the model to check: ``mtp`` (its own further layers), ``eagle``, ``eagle3``, or a second
    model: an id of the table of models, or a size such as ``0.6B``; None: nothing."""
    speculative_tokens: Annotated[int, Meta(ge=1, le=MOST_PROPOSED)] | None = None
    """Tokens that are proposed at a time; None: 1 for ``mtp``, else 3."""
    lora_slots: Annotated[int, Meta(ge=1, le=MOST_SLOTS)] | None = None
    """Adapters of rank ``lora_rank`` that a server holds on the GPU at a time (vLLM's ``max_loras``); None: none."""
    images: bool | None = None
    """Of a model that sees: False: its encoder is not loaded (vLLM's ``--language-model-only``, llama.cpp without
    ``--mmproj``); None: yes."""
    cuda_graphs: bool | None = None
    """A server records its steps as CUDA graphs; False: vLLM's ``--enforce-eager``; None: yes."""
    memory_fraction: Annotated[float, Meta(ge=LEAST_FRACTION, le=1.0)] | None = None
    """Share of each GPU that a server reserves, 0 to 1 (vLLM's ``gpu_memory_utilization``, LMDeploy's
    ``cache_max_entry_count``); None: the figure in the runtime's file. For vLLM that is 0.9, its default before 0.20;
    since then it is 0.92."""
    optimizer: Optimizer | None = None
    """None: ``adamw``."""
    precision: Precision | None = None
    """None: ``bf16`` for adapters on a frozen model, ``mixed`` for full training."""
    gradients: Literal["fp32"] | None = None
    """Precision of the gradients; None: that of the weights. Megatron-LM has 32 bits for 16-bit weights."""
    checkpointing: bool | Checkpointing | None = None
    """Gradient checkpointing: activations are recomputed in the backward pass; a word: a part of them; None: yes."""
    activation_offload: bool | None = None
    """What is stored for the backward pass is moved to RAM; None: no."""
    flash_attention: bool | None = None
    """Attention that never stores a matrix of context x context (FlashAttention, SDPA); None: yes."""
    lora_rank: Annotated[int, Meta(ge=1, le=MOST_RANK)] | None = None
    """Rank of the adapters; None: 16."""
    lora_targets: Literal["attention", "all-linear", "qv", "mlp"] | None = None
    """Matrices that get an adapter; None: ``all-linear``."""
    lora_dropout: bool | None = None
    """The adapters' inputs pass a dropout, whose masks are stored; None: as the runtime does, else no."""
    base_in_fp32: bool | None = None
    """QLoRA: embeddings and norms of the frozen model are converted to 32 bits, as PEFT does and axolotl and Unsloth
    undo; None: as the runtime does."""
    adapter: Literal["lora", "dora", "prefix", "scale"] | None = None
    """``prefix``: learned prompts (LLaMA-Adapter); ``scale``: a factor and bias per output (Adapter v2); None: LoRA."""
    trained_embeddings: bool | None = None
    """With adapters, embedding and output projection are trained in full; None: no."""
    compiled: bool | None = None
    """``torch.compile``: norms and activations are fused, so less is stored for the backward pass; None: no."""
    chunked_loss: bool | None = None
    """The loss is computed in chunks, so that 32-bit logits are never stored at once (Liger, Unsloth, torchtune);
    None: no."""
    optimizer_in_backward: bool | None = None
    """Each weight is updated as soon as its gradient is there, so that few gradients exist at a time; None: no."""
    expandable_segments: bool | None = None
    """PyTorch's allocator grows its segments (``PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True``); None: no."""
    lengths_vary: bool | None = None
    """Training batches are as long as their longest sequence, ``context`` at most; None: all are that long."""
    sharding: Sharding | None = None
    """How data parallelism divides the training state; None: ``ddp`` for adapters, ``fsdp`` for full training."""
    sharding_gpus: _Gpus | None = None
    """GPUs that the state is divided over, each such group with a copy of its own (HSDP); None: all."""
    tensor_parallel: _Gpus = 1
    """GPUs that each matrix is divided over."""
    pipeline_parallel: _Gpus = 1
    """Stages that the layers are divided into."""
    context_parallel: _Gpus = 1
    """GPUs that each training sequence is divided over."""
    layer_split: bool | None = None
    """Training: the layers are laid out over the GPUs and one GPU works at a time (accelerate's ``device_map``);
    None: no."""
    gpus: _Gpus | None = None
    """Number of GPUs; None: as many as are needed and the machine has."""
    offload: Literal["none", "optimizer", "all"] | None = None
    """What is in RAM instead of on the GPUs in training; None: nothing."""
    tokens: Annotated[float, Meta(ge=1, le=MOST_TRAINED_TOKENS)] | None = None
    """Tokens of the training run; None: no duration is computed."""

    @property
    def decides(self) -> bool:
        """Whether what is computed decides the verdict: not of pre-training, which no single machine can show."""
        return self.method != "pretrain"


class Cost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the hardware of a profile costs, as its document states it."""

    documented: str
    """The words of the document."""
    per: Literal["purchase", "hour", "day"]
    """What the amount buys."""
    low: _Dollars
    """US dollars."""
    high: _Dollars
    """US dollars; equal to ``low`` where the document states one amount."""
