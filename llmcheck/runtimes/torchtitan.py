"""torchtitan: PyTorch's own trainer for many GPUs. Its memory is that of plain PyTorch with FSDP2."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import eager, training_pace
from llmcheck.runtimes.behaviour.interface import CACHE_16_BIT, Example, Runtime, Training, Version
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, more_than_one, options
from llmcheck.runtimes.behaviour.torch_platforms import PLATFORMS
from llmcheck.schema.workload import Workload

_VERSION = "0.3.0"


def _training(_version: Version) -> Training:
    # its loss converts the logits to 32 bits: softmax and two gradients of them. Until 2025 it was not compiled with
    # the model; in chunks, only the logits of one chunk exist
    # over a divided vocabulary PyTorch's loss_parallel is not fused: result, its exponent, their gradients and products
    return Training(loss_bytes=12.0, parallel_loss_bytes=20.0, compiled_loss_bytes=12.0, repeats_grouped_heads=False)


def _launch(what: Launch) -> LaunchLine | None:
    """``model``: a configuration of its own with its module, such as ``llama3/llama3_8b``; its data are in there.

    None for what none of its keys say: adapters, sharding other than FSDP2, optimizer states in RAM alone, other
    optimizers than AdamW, and which activations are recomputed, which its configurations choose."""
    work = what.workload
    module, _, config = what.model.partition("/")
    trained = work.method in ("full", "pretrain") and work.precision in (None, "mixed", "fp32")
    if not trained or not config or what.is_path or what.dataset is not None:
        return None
    if (
        work.sharding not in (None, "fsdp")
        or work.offload == "optimizer"
        or work.optimizer not in (None, "adamw-fused")
    ):
        return None
    if work.checkpointing is not None or work.gradients or work.optimizer_in_backward or work.activation_offload:
        return None
    if work.layer_split or work.chunked_loss is False:
        return None
    argv = (
        "torchrun", "--nproc_per_node", str(max(what.gpus, 1)), "-m", "torchtitan.train", "--module", module,
        "--config", config,
        *options(
            ("--training.local_batch_size", work.batch),
            ("--training.seq_len", work.context),
            ("--training.mixed_precision_param", "float32" if work.precision == "fp32" else None),
            ("--training.enable_cpu_offload", "True" if work.offload == "all" else None),
            ("--parallelism.tensor_parallel_degree", more_than_one(work.tensor_parallel)),
            ("--parallelism.pipeline_parallel_degree", more_than_one(work.pipeline_parallel)),
            ("--parallelism.context_parallel_degree", more_than_one(work.context_parallel)),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"torchtitan {_VERSION}")


RUNTIME = Runtime(
    id="torchtitan",
    version=_VERSION,
    source="the torchtitan 0.3.0 wheel: torchtitan/config and the configurations of its models",
    as_of="2026-09-03",
    rank=85,
    proposed="named",
    platforms=PLATFORMS,
    distributions=("torchtitan",),
    families=("plain",),
    caches=(),
    ladder=("bf16", "fp16"),
    four_bits="bf16",
    cache_formats=CACHE_16_BIT,
    memory=eager.memory,
    training=_training,
    pace=training_pace.engine_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="llama3/llama3_8b",
            workload=Workload(method="full", runtime="torchtitan", context=4096, batch=1),
            gpus=2,
        ),
        line=LaunchLine(
            argv=(
                "torchrun", "--nproc_per_node", "2", "-m", "torchtitan.train", "--module", "llama3", "--config",
                "llama3_8b", "--training.local_batch_size", "1", "--training.seq_len", "4096",
            ),
            valid_for="torchtitan 0.3.0",
        ),
    ),
)  # fmt: skip
