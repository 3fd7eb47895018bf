"""The recipes of trainers: how near they come to the published FLOP/s, and what a layer costs the CPU."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.pace import Pace, TrainingPace
from llmcheck.schema.estimate import Band

# GPTQ's kernels convert to 16 bits at a fifth of the bandwidth while training, bitsandbytes' at most of it: the
# difference between QLoRA and LoRA at the same length in Qwen's and optimum-benchmark's tables.
_DEQUANTISING = {"gptq": Band(0.12, 0.2, 0.35), "awq": Band(0.12, 0.2, 0.35), "nf4": Band(0.4, 0.7, 1.0)}

EAGER = TrainingPace(
    share=Band(0.42, 0.55, 0.66),
    adapters_share=Band(0.30, 0.41, 0.54),
    launch=Band(4.4e-3, 3.3e-3, 2.4e-3),
    dequantising=_DEQUANTISING,
)
"""transformers with PEFT: optimum-benchmark's tables of Llama 2 7B and 13B on an A100, Qwen's of 1.8B to 72B."""
LEAN = TrainingPace(
    share=Band(0.40, 0.52, 0.66),
    adapters_share=Band(0.34, 0.46, 0.6),
    launch=Band(3.2e-3, 2.2e-3, 1.4e-3),
    dequantising=_DEQUANTISING,
)
"""LitGPT and torchtune: models written for training, one adapter kernel for several matrices."""
COMPILED = TrainingPace(
    share=Band(0.42, 0.54, 0.66),
    adapters_share=Band(0.40, 0.54, 0.7),
    launch=Band(1.6e-3, 0.9e-3, 0.5e-3),
    dequantising=_DEQUANTISING,
)
"""torchtune with ``torch.compile``, by its README."""
ENGINE = TrainingPace(
    share=Band(0.50, 0.61, 0.68),
    adapters_share=Band(0.40, 0.52, 0.62),
    launch=Band(1.6e-3, 0.9e-3, 0.5e-3),
    dequantising=_DEQUANTISING,
)
"""llm-foundry's tables: 57 to 64 % of an A100 without recomputation."""


def engine_pace(gpus: Sequence[Gpu], version: tuple[int, ...] = (99, 0), compiled: bool = False) -> Pace:
    """Pre-training engines: torchtitan, llm-foundry, Megatron."""
    from msgspec.structs import replace

    return replace(server.pace(gpus), training=ENGINE)
