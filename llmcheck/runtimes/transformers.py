"""transformers with accelerate, PEFT and bitsandbytes: eager PyTorch on any device that PyTorch supports."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import eager, trl
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    TORCH_FAMILIES,
    Eager,
    Example,
    GpuMemory,
    Runtime,
    Training,
    Version,
)
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, options, serves
from llmcheck.runtimes.behaviour.torch_platforms import PLATFORMS
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Workload

_VERSION = "5.23.0"
_CACHE_OBJECT_SINCE = (4, 42)
"""Before this version ``generate`` passes the cache as a tuple, which keeps the old one until the step has ended."""
_LAST_LOGITS_SINCE = (4, 45)
"""Before this version: the logits of every prompt token, and at the loss a 32-bit copy and a shifted gradient."""
_WARMS_ALLOCATOR_SINCE = (4, 50)
"""Since this version one block as large as the weights is reserved before they are loaded, and divided."""
_OLD_BITSANDBYTES = (4, 43)
"""With this version and those before it people had bitsandbytes below 0.43.2 (July 2024), which stored the input of
every 4-bit matrix (its pull request 1270)."""
_GROUPED_HEADS_SINCE = (4, 48)
"""Before this version: grouped keys and values repeated for each query head before the kernel."""

_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def _eager(version: Version) -> Eager:
    return Eager(
        all_logits=version < _LAST_LOGITS_SINCE,
        two_caches=version < _CACHE_OBJECT_SINCE,
        rotary_tables=version < _LAST_LOGITS_SINCE,
        loads_by_tensor=version < _WARMS_ALLOCATOR_SINCE,
    )


def _memory(gpu: GpuMemory) -> list[Term]:
    return eager.terms(gpu, _eager(gpu.version))


def _training(version: Version) -> Training:
    return Training(
        # logits in 16 bits, softmax and gradient in 32
        loss_bytes=16.0 if version < _LAST_LOGITS_SINCE else 12.0,
        repeats_grouped_heads=version < _GROUPED_HEADS_SINCE,
        adapters_in_fp32=True,
        quantised_base_in_fp32=True,
        autocast=True,
        keeps_quantised_inputs=version <= _OLD_BITSANDBYTES,
    )


_QUANTISED = {"nf4": "bnb-4bit", "nf4-dq": "bnb-4bit", "int8": "bnb-8bit"}
_CACHES = {**CACHE_16_BIT, "fp32": None}


def _beside(work: Workload) -> tuple[str, ...]:
    """accelerate shares out the layers; PyTorch multiplies plain weights, and quantised ones take a library each."""
    if work.method != "inference":
        return ("torch", "accelerate", *trl.libraries(work))
    weights = work.weights or ""
    if weights in _QUANTISED:
        return ("torch", "accelerate", "bitsandbytes")
    return ("torch", "accelerate", "gptqmodel") if weights.startswith(("awq", "gptq")) else ("torch", "accelerate")


def _launch(what: Launch) -> LaunchLine | None:
    """Training is TRL's. ``--device auto`` lets accelerate share out the layers, over GPUs and RAM.

    None for a cache in other numbers than the weights, which its server has no option for."""
    work = what.workload
    if work.method != "inference":
        return trl.line(what)
    if not serves(what, _CACHES) or (work.kv_cache == "fp32" and work.weights != "fp32"):
        return None
    in_ram = bool(what.offloaded_bytes or what.expert_layers_in_ram or what.gpu_layers is not None)
    device = "auto" if what.gpus > 1 or in_ram else "cuda:0" if what.gpus else "cpu"
    argv = (
        "transformers", "serve", what.model, "--dtype", _DTYPES.get(work.weights or "", "auto"), "--device", device,
        *options(("--quantization", _QUANTISED.get(work.weights or ""))),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"transformers {_VERSION}")


RUNTIME = Runtime(
    id="transformers",
    version=_VERSION,
    source="the transformers 5.23.0 wheel; launch line checked with its own parser",
    as_of="2026-11-13",
    rank=40,
    platforms=PLATFORMS,
    python_min="3.11",
    library="transformers",
    distributions=("transformers",),
    libraries_beside=_beside,
    families=TORCH_FAMILIES,
    made_on_load=("bnb-4bit", "int8"),
    cache_formats=_CACHES,
    gguf_file="dequantises",
    ladder=("bf16", "int8", "nf4-dq"),
    four_bits="nf4-dq",
    offloads=True,
    dequantises_group=True,
    own_options=("gptq_kernel", "static_cache", "speculative", "speculative_tokens"),
    memory=_memory,
    eager=_eager,
    training=_training,
    pace=eager.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-8B", workload=Workload(method="inference", runtime="transformers", weights="nf4")
        ),
        line=LaunchLine(
            argv=(
                "transformers", "serve", "Qwen/Qwen3-8B", "--dtype", "auto", "--device", "cuda:0",
                "--quantization", "bnb-4bit",
            ),
            valid_for="transformers 5.23.0",
        ),
    ),
)  # fmt: skip
