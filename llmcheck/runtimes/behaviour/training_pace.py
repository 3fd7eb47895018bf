"""The recipes of trainers: how near they come to the published FLOP/s, and what a layer costs the CPU."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.pace import Pace, TrainingPace
from llmcheck.schema.estimate import Band
from llmcheck.schema.machine import Gpu

# GPTQ's kernels convert to 16 bits at a fifth of the bandwidth while training, bitsandbytes' at most of it: the
# difference between QLoRA and LoRA at the same length in Qwen's and optimum-benchmark's tables.
_DEQUANTISING = {"gptq": Band(0.12, 0.2, 0.35), "awq": Band(0.12, 0.2, 0.35), "nf4": Band(0.4, 0.7, 1.0)}

EAGER = TrainingPace(
    share=Band(0.62, 0.77, 0.88),
    activation_bytes=Band(720, 450, 300),
    adapter_bytes=Band(50, 32, 16),
    launch=Band(12e-3, 3.3e-3, 2.4e-3),
    dequantising=_DEQUANTISING,
)
"""transformers with PEFT: optimum-benchmark's tables of Llama 2 7B and 13B on an A100, Qwen's of 1.8B to 72B. The slow
end of ``launch``, and the bytes of adapters by their matrices, are of an H100 in a virtual machine
(``benchmarks/results/h100-80gb-sxm``)."""
LEAN = TrainingPace(
    share=Band(0.62, 0.77, 0.88),
    activation_bytes=Band(640, 400, 270),
    adapter_bytes=Band(32, 16, 5),
    launch=Band(3.2e-3, 2.2e-3, 1.4e-3),
    dequantising=_DEQUANTISING,
)
"""LitGPT and torchtune: models written for training, one adapter kernel for several matrices."""
COMPILED = TrainingPace(
    share=Band(0.65, 0.8, 0.92),
    activation_bytes=Band(430, 250, 150),
    adapter_bytes=Band(16, 5, 2.5),
    launch=Band(1.6e-3, 0.9e-3, 0.5e-3),
    dequantising=_DEQUANTISING,
)
"""torchtune with ``torch.compile``, by its README."""
ENGINE = TrainingPace(
    share=Band(0.67, 0.77, 0.86),
    activation_bytes=Band(700, 460, 300),
    adapter_bytes=Band(32, 16, 5),
    launch=Band(1.6e-3, 0.9e-3, 0.5e-3),
    dequantising=_DEQUANTISING,
)
"""llm-foundry's tables of 0.76B to 70B: products at 77 % of an A100, and 460 bytes between them."""


def engine_pace(gpus: Sequence[Gpu], _version: tuple[int, ...] = (99, 0), _compiled: bool = False) -> Pace:
    """Pre-training engines: torchtitan, llm-foundry, Megatron."""
    return replace(server.pace(gpus), training=ENGINE)
