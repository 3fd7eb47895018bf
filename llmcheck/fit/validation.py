"""What goes together in a question: options, formats, runtimes, and the machine that is to run them."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.codec import nearest
from llmcheck.errors import UsageError
from llmcheck.fit.placement import FRACTIONS
from llmcheck.fit.shapes import formats
from llmcheck.fit.shapes.formats import Family
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Workload

_TRAINERS = (None, "transformers", "torchtune", "litgpt")
_READERS = ("llama.cpp", "vllm", "sglang")
"""Runtimes that compute with the types of a GGUF file as they are."""
_OWN: dict[str, Family] = {"llama.cpp": "gguf", "mlx": "mlx"}
"""Runtimes with formats of their own, which no other reads from what is named alone; the others share PyTorch's."""
_EXAMPLES = {"llama.cpp": "q4_k_m", "mlx": "mlx-4bit"}
_MLX = {"apple", "nvidia"}
"""Vendors that MLX has builds for (extras of mlx 0.32.4 on PyPI, 2026-11-25: cuda12, cuda13, cpu)."""
_EVERYWHERE: frozenset[Family] = frozenset({"plain", "mxfp4"})


def checked(workload: Workload, *, carbon_intensity_g_per_kwh: float | None = None) -> Workload:
    """The same with the one name of each format, or UsageError for what does not go together."""
    workload = _named(workload)
    if workload.method == "inference":
        _refuse_of_training(workload, carbon_intensity_g_per_kwh)
        _check_runtime(workload.runtime, workload.weights)
    else:
        _refuse_of_inference(workload)
        _check_trained(workload)
    if workload.prompt is not None and workload.context is not None and workload.prompt > workload.context:
        raise UsageError("--prompt is part of --context and cannot be longer")
    return workload


def _named(workload: Workload) -> Workload:
    try:
        weights = None if workload.weights is None else formats.weights(workload.weights).name
    except formats.UnknownFormatError:
        raise _unknown("--weights", workload.weights or "", formats.NAMES) from None
    try:
        cache = None if workload.kv_cache is None else formats.cache(workload.kv_cache)
    except formats.UnknownFormatError:
        raise _unknown("--kv-cache", workload.kv_cache or "", formats.CACHE_NAMES) from None
    return replace(workload, weights=weights, kv_cache=cache)


def _unknown(option: str, name: str, known: tuple[str, ...]) -> UsageError:
    close = ", ".join(nearest(name.lower(), known)) or ", ".join(known[:8])
    return UsageError(f"{option} {name[:40]}: no such format; nearest: {close}")


def _first(given: dict[str, object]) -> str | None:
    return next((option for option, value in given.items() if value is not None), None)


def _refuse_of_training(workload: Workload, carbon_intensity_g_per_kwh: float | None) -> None:
    foreign = _first({
        "--optimizer": workload.optimizer, "--precision": workload.precision, "--checkpointing": workload.checkpointing,
        "--lora-rank": workload.lora_rank, "--lora-targets": workload.lora_targets,
        "--chunked-loss": workload.chunked_loss, "--sharding": workload.sharding, "--offload": workload.offload,
        "--tokens": workload.tokens, "--grid": carbon_intensity_g_per_kwh,
    })  # fmt: skip
    if foreign:
        raise UsageError(f"{foreign} is about training; name a --method: full, lora, qlora or pretrain")
    if workload.runtime not in FRACTIONS:
        served = _first({"--memory-fraction": workload.memory_fraction, "--max-sequences": workload.max_sequences})
        if served:
            raise UsageError(f"{served} is about servers; name a --runtime: {', '.join(FRACTIONS)}")


def _refuse_of_inference(workload: Workload) -> None:
    foreign = _first({
        "--kv-cache": workload.kv_cache, "--prompt": workload.prompt, "--memory-fraction": workload.memory_fraction,
        "--max-sequences": workload.max_sequences,
    })  # fmt: skip
    if foreign:
        raise UsageError(f"{foreign} is about inference, and --method {workload.method} trains")
    if workload.runtime not in _TRAINERS:
        raise UsageError(f"--runtime {workload.runtime} does not train; leave it out, or name --method inference")
    if workload.method not in ("lora", "qlora"):
        adapters = _first({"--lora-rank": workload.lora_rank, "--lora-targets": workload.lora_targets})
        if adapters:
            raise UsageError(f"{adapters} is about adapters; --method {workload.method} trains every weight")


def _check_trained(workload: Workload) -> None:
    """Whether weights in this format can be trained, or have adapters trained beside them."""
    if workload.weights is None:
        return
    family = formats.weights(workload.weights).family
    if family in _OWN.values():
        raise UsageError(f"--weights {workload.weights} is for inference alone; nothing here trains it")
    if workload.method == "qlora" and family == "plain":
        raise UsageError(f"qlora keeps the model quantised; for adapters beside {workload.weights}: --method lora")
    if workload.method in ("full", "pretrain") and family != "plain":
        raise UsageError(
            f"--method {workload.method} trains every weight, and those in {workload.weights} cannot be; "
            "--method qlora trains adapters beside them"
        )


def _family(name: str | None) -> Family | None:
    """None for a name that a file made up."""
    try:
        return None if name is None else formats.weights(name).family
    except formats.UnknownFormatError:
        return None


def _check_runtime(runtime: str | None, name: str | None, whose: str = "") -> None:
    family = _family(name)
    if runtime is None or family is None or family in _EVERYWHERE or family == _OWN.get(runtime):
        return
    if runtime in _OWN:
        hint = f"name such as --weights {_EXAMPLES[runtime]}"
    elif family in _OWN.values():
        hint = f"--runtime {next(each for each, own in _OWN.items() if own == family)} does"
    else:
        return
    raise UsageError(f"--runtime {runtime} does not read weights in {name}{whose}; {hint}")


def suited(workload: Workload, architecture: Architecture) -> Workload:
    """The same with the one runtime that reads such weights, where only one does and none is named.

    Raises UsageError where the model has no weights of that format, or the runtime does not read its file.
    """
    if workload.weights == "mxfp4" and not architecture.experts:
        raise UsageError(
            f"--weights mxfp4 quantises experts alone, as published, and {architecture.name} has none; "
            "name another format"
        )
    if workload.method != "inference":
        return workload
    name = workload.weights or architecture.dtype or ""
    if workload.runtime is None:
        return replace(workload, runtime="mlx") if name.startswith("mlx") else workload
    if workload.weights is None:
        _check_published(workload.runtime, architecture)
    return workload


def _check_published(runtime: str, architecture: Architecture) -> None:
    if _family(architecture.dtype) != "gguf":
        _check_runtime(runtime, architecture.dtype, f", as {architecture.name} is published")
    elif runtime not in _READERS:
        how = " but in 16 bits (--weights bf16)" if runtime == "transformers" else ""
        raise UsageError(f"--runtime {runtime} does not run a GGUF file{how}; --runtime llama.cpp does")


def check_machine(workload: Workload, machine: Machine) -> None:
    """Raises UsageError where the runtime has no build for this machine's GPUs or system; not for what is not known."""
    runtime, vendors = workload.runtime, {gpu.vendor for gpu in machine.gpus or ()}
    here = f"GPUs of {', '.join(sorted(vendors))}" if vendors else "no GPU"
    if runtime == "tensorrt-llm" and machine.gpus is not None and "nvidia" not in vendors:
        raise UsageError(f"--runtime tensorrt-llm needs GPUs of NVIDIA, and this machine has {here}")
    if runtime == "mlx" and vendors and not vendors & _MLX:
        raise UsageError(f"--runtime mlx is for Apple silicon and CUDA, and this machine has {here}")
    if runtime in FRACTIONS and machine.os is not None and machine.os.system == "darwin":
        raise UsageError(f"--runtime {runtime} does not use the GPU of a Mac; --runtime mlx and llama.cpp do")
