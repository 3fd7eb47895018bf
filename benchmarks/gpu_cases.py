"""What ``benchmarks/gpu.py`` measures: models made from a configuration, runs of them, and what llmcheck is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from llmcheck.checkpoint import config as checkpoint_config
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Sharding, Workload

_LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 131072,
    "vocab_size": 128256, "torch_dtype": "bfloat16",
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "llama-1b": _LLAMA | {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "tie_word_embeddings": True,
    },
    "llama-8b": _LLAMA | {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": False,
    },
    "llama-70b": _LLAMA | {
        "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64,
        "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": False,
    },
    "moe-3b": {
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 1536,
        "intermediate_size": 3072, "num_hidden_layers": 16, "num_attention_heads": 24, "num_key_value_heads": 8,
        "vocab_size": 32000, "max_position_embeddings": 32768, "num_local_experts": 8, "num_experts_per_tok": 2,
        "sliding_window": None, "torch_dtype": "bfloat16",
    },
    "windowed-1b": {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 2048,
        "intermediate_size": 7168, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
        "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 1024, "torch_dtype": "bfloat16",
    },
    "hybrid-1b": {
        "architectures": ["BambaForCausalLM"], "model_type": "bamba", "hidden_size": 2048, "intermediate_size": 4096,
        "num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 8, "vocab_size": 32000,
        "attn_layer_indices": [5, 11], "mamba_n_heads": 64, "mamba_d_head": 64, "mamba_d_state": 128,
        "mamba_n_groups": 1, "mamba_d_conv": 4, "mamba_expand": 2, "max_position_embeddings": 32768,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    },
}  # fmt: skip
"""``config.json`` of each model; weights are random."""
_SHARDING: dict[str, Sharding] = {"fsdp2": "fsdp", "fsdp1": "fsdp1", "shard-grad-op": "shard-grad-op"}
_SHARDING_WORDS = {"": "none", "fsdp2": "fsdp2", "fsdp1": "fsdp full shard", "shard-grad-op": "fsdp (shard_grad_op)"}


@dataclass(frozen=True)
class Run:
    """One measurement, in a process of its own."""

    model: str
    task: str
    """``prefill``, ``decode``, ``full``, ``lora`` or ``qlora``."""
    context: int
    batch: int = 1
    recompute: bool = False
    flash: bool = True
    lengths_vary: bool = False
    answer: int = 0
    """Tokens that are generated."""
    precision: Literal["bf16", "mixed"] = "bf16"
    """Full training: of the weights; ``mixed`` has 32-bit weights."""
    sharding: str = ""
    """``fsdp2``, ``fsdp1`` or ``shard-grad-op``, as one of ``gpus`` ranks whose messages go nowhere; "": none."""
    gpus: int = 1
    targets: Literal["all-linear", "qv"] = "all-linear"
    """Matrices that get an adapter."""
    dropout: bool = False
    """Of the adapters."""
    expandable: bool = False
    """PyTorch's allocator with expandable segments."""
    chunked: bool = False
    """Liger's loss, which computes the logits in chunks."""

    @property
    def trains(self) -> bool:
        return self.task in ("full", "lora", "qlora")

    @property
    def id(self) -> str:
        parts = [self.model, self.task, f"c{self.context}", f"b{self.batch}"]
        parts += ["recompute"] * self.recompute + ["eager"] * (not self.flash) + ["varying"] * self.lengths_vary
        parts += ["mixed"] * (self.precision == "mixed") + ([f"{self.sharding}x{self.gpus}"] if self.sharding else [])
        parts += ["qv"] * (self.targets == "qv") + ["dropout"] * self.dropout + ["expandable"] * self.expandable
        return "-".join(parts + ["chunked"] * self.chunked)

    @property
    def sharding_word(self) -> str:
        """As collections of published figures write it."""
        return _SHARDING_WORDS[self.sharding] if self.trains else ""

    @property
    def method_word(self) -> str:
        if self.task == "full":
            return "full pure-bf16" if self.precision == "bf16" else "full mixed"
        return {"lora": "LoRA", "qlora": "QLoRA"}.get(self.task, "generate")

    @property
    def notes(self) -> list[str]:
        """What no column has, in the words of the collections."""
        found = ["lengths vary"] * self.lengths_vary + ["expandable segments"] * self.expandable
        found += ["eager attention"] * (not self.flash) + ["adapters of queries and values"] * (self.targets == "qv")
        return found + ["LoRA dropout 0.05"] * self.dropout + ["chunked cross-entropy"] * self.chunked


def runs() -> tuple[Run, ...]:
    """In the order of their worth: a short time measures the first, which are of every kind."""
    training, sharded, answers, others = _training(), _sharded(), _answers(), _others()
    first = (*training[:4], *answers[:4], *sharded[:3], *others[::3], *training[8:12])
    every = (*training, *sharded, *answers, *others)
    return (*first, *(each for each in every if each not in first))


def _training() -> list[Run]:
    """Adapters and full training on one GPU, small and large, and each habit that changes their memory."""
    found = [
        Run(model, task, 2048, 2, recompute=recompute)
        for model in ("llama-8b", "llama-1b")
        for task in ("lora", "qlora")
        for recompute in (True, False)
    ]
    found += [Run("llama-1b", "full", 2048, 2, recompute=recompute) for recompute in (True, False)]
    found += [Run("llama-1b", "full", 2048, 2, recompute=recompute, precision="mixed") for recompute in (True, False)]
    return [
        *found,
        Run("llama-8b", "lora", 2048, 2, targets="qv"),
        Run("llama-8b", "lora", 2048, 1, dropout=True),
        Run("llama-8b", "qlora", 4096, 4, recompute=True, lengths_vary=True),
        Run("llama-8b", "qlora", 4096, 4, recompute=True, lengths_vary=True, expandable=True),
        Run("llama-1b", "full", 2048, 2, flash=False),
        Run("llama-8b", "lora", 4096, 2, recompute=True, chunked=True),
        Run("llama-1b", "lora", 2048, 4, recompute=True, lengths_vary=True),
    ]


def _sharded() -> list[Run]:
    return [
        Run("llama-8b", "full", 4096, 1, recompute=True, precision="mixed", sharding="fsdp2", gpus=8),
        Run("llama-8b", "full", 2048, 1, precision="mixed", sharding="fsdp2", gpus=8),
        Run("llama-8b", "full", 8192, 1, recompute=True, precision="mixed", sharding="fsdp2", gpus=64),
        Run("llama-8b", "full", 4096, 1, recompute=True, precision="bf16", sharding="fsdp2", gpus=8),
        Run("llama-8b", "full", 4096, 1, recompute=True, precision="mixed", sharding="fsdp1", gpus=8),
        Run("llama-8b", "full", 4096, 1, recompute=True, precision="mixed", sharding="shard-grad-op", gpus=8),
        Run("llama-70b", "full", 4096, 1, recompute=True, precision="mixed", sharding="fsdp2", gpus=64),
        Run("llama-70b", "lora", 4096, 1, recompute=True, sharding="fsdp2", gpus=8),
        Run("llama-1b", "full", 4096, 4, recompute=True, precision="mixed", sharding="fsdp2", gpus=8),
        Run("moe-3b", "full", 4096, 1, recompute=True, precision="mixed", sharding="fsdp2", gpus=8),
    ]


def _answers() -> list[Run]:
    found = [Run("llama-1b", "prefill", context) for context in (512, 8192, 32768)]
    found += [Run("llama-1b", "decode", 512, batch, answer=128) for batch in (1, 16, 64)]
    return [
        *found,
        Run("llama-8b", "prefill", 8192),
        Run("llama-8b", "decode", 512, answer=64),
        Run("llama-1b", "prefill", 4096, flash=False),
    ]


def _others() -> list[Run]:
    return [
        run
        for model in ("moe-3b", "windowed-1b", "hybrid-1b")
        for run in (
            Run(model, "prefill", 8192),
            Run(model, "decode", 512, answer=64),
            Run(model, "lora", 2048, 1, recompute=True),
        )
    ]


def workload(run: Run, version: str | None = None) -> Workload:
    """What ``llmcheck fit`` is asked for a run."""
    if not run.trains:
        context = run.context + run.answer
        return Workload(
            method="inference", weights="bf16", runtime="transformers", runtime_version=version, context=context,
            prompt=run.context, batch=run.batch, flash_attention=None if run.flash else False,
        )  # fmt: skip
    full = run.task == "full"
    return Workload(
        method="full" if full else "lora" if run.task == "lora" else "qlora",
        weights={"full": None, "lora": "bf16", "qlora": "nf4"}[run.task], runtime="transformers",
        runtime_version=version, context=run.context, batch=run.batch, checkpointing=run.recompute,
        precision=run.precision if full else None, optimizer="adamw-fused",
        lora_rank=None if full else 16, lora_targets=None if full else run.targets,
        lora_dropout=None if full else run.dropout, chunked_loss=run.chunked or None,
        flash_attention=None if run.flash else False, lengths_vary=run.lengths_vary or None,
        expandable_segments=run.expandable or None, gpus=run.gpus,
        sharding=_SHARDING[run.sharding] if run.sharding else None,
    )  # fmt: skip


def architecture(model: str) -> Architecture:
    return checkpoint_config.architecture(MODELS[model], "benchmarks/gpu.py", model)
