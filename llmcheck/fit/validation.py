"""Refuses combinations of options, formats, runtimes and machines that cannot work, in one line each."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.codec import nearest
from llmcheck.errors import UsageError
from llmcheck.fit.installed import installed
from llmcheck.fit.obstacles import Obstacle, excluded
from llmcheck.fit.shapes import formats
from llmcheck.fit.shapes.formats import Family
from llmcheck.gpus import c_library, vendors
from llmcheck.gpus.c_library import WheelSite
from llmcheck.runtimes import Runtime
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.machine import Gpu, Machine
from llmcheck.schema.workload import Workload

_SYSTEMS = {"linux": "Linux", "windows": "Windows", "darwin": "macOS"}


def validated(workload: Workload, *, carbon_intensity_g_per_kwh: float | None = None) -> Workload:
    """The workload with the canonical name of each format. Raises UsageError for options that exclude each other."""
    workload = _with_canonical_names(workload)
    if workload.method == "inference":
        _refuse_training_options(workload, carbon_intensity_g_per_kwh)
        if workload.runtime is not None:
            runtime = runtimes.named(workload.runtime)
            _check_family(runtime, workload.weights)
            check_cache(runtime, workload.kv_cache, _family(workload.weights))
            check_cache(runtime, workload.kv_cache_values, _family(workload.weights))
    else:
        _refuse_inference_options(workload)
        _check_trained(workload)
    if workload.prompt is not None and workload.context is not None and workload.prompt > workload.context:
        raise UsageError("--prompt is part of --context and cannot be longer")
    return workload


def _with_canonical_names(workload: Workload) -> Workload:
    try:
        weights = None if workload.weights is None else formats.weights(workload.weights).name
    except formats.UnknownFormatError:
        raise _unknown("--weights", workload.weights or "", formats.NAMES) from None
    try:
        cache = None if workload.kv_cache is None else formats.cache(workload.kv_cache)
    except formats.UnknownFormatError:
        raise _unknown("--kv-cache", workload.kv_cache or "", formats.CACHE_NAMES) from None
    try:
        values = None if workload.kv_cache_values is None else formats.cache(workload.kv_cache_values)
    except formats.UnknownFormatError:
        raise _unknown("--kv-cache-values", workload.kv_cache_values or "", formats.CACHE_NAMES) from None
    return replace(workload, weights=weights, kv_cache=cache, kv_cache_values=values)


def _unknown(option: str, name: str, known: tuple[str, ...]) -> UsageError:
    close = ", ".join(nearest(name.lower(), known)) or ", ".join(known[:8])
    return UsageError(f"{option} {name[:40]}: unknown format; nearest: {close}")


def _first_given(given: dict[str, object]) -> str | None:
    return next((option for option, value in given.items() if value is not None), None)


def _refuse_training_options(workload: Workload, carbon_intensity_g_per_kwh: float | None) -> None:
    foreign = _first_given({
        "--optimizer": workload.optimizer, "--precision": workload.precision, "--checkpointing": workload.checkpointing,
        "--lora-rank": None if workload.lora_slots else workload.lora_rank,
        "--lora-targets": None if workload.lora_slots else workload.lora_targets,
        "--chunked-loss": workload.chunked_loss, "--sharding": workload.sharding, "--offload": workload.offload,
        "--activation-offload": workload.activation_offload, "--base-in-fp32": workload.base_in_fp32,
        "--optimizer-in-backward": workload.optimizer_in_backward,
        "--context-parallel": workload.context_parallel if workload.context_parallel > 1 else None,
        "--tokens": workload.tokens, "--grid": carbon_intensity_g_per_kwh,
    })  # fmt: skip
    if foreign:
        raise UsageError(f"{foreign} is for training; add --method full, lora, qlora or pretrain")
    served = _first_given({
        "--memory-fraction": workload.memory_fraction, "--max-sequences": workload.max_sequences,
        "--max-batched-tokens": workload.max_batched_tokens, "--lora-slots": workload.lora_slots,
        "--prefix-caching": workload.prefix_caching, "--cuda-graphs": workload.cuda_graphs,
    })  # fmt: skip
    if served and not runtimes.named(workload.runtime).is_server:
        servers = ", ".join(each.id for each in runtimes.every() if each.is_server)
        raise UsageError(f"{served} is for servers; add --runtime: {servers}")
    _refuse_others_options(workload)


def _refuse_others_options(workload: Workload) -> None:
    """Options that only some runtimes have, where another one is named or would be chosen."""
    runtime = runtimes.named(workload.runtime)
    for field in OF_SOME_RUNTIMES:
        if getattr(workload, field) is not None and field not in runtime.own_options:
            having = ", ".join(each.id for each in runtimes.every() if field in each.own_options)
            raise UsageError(f"--{field.replace('_', '-')} is for some runtimes; add --runtime: {having}")


OF_SOME_RUNTIMES = (
    "ubatch", "kv_unified", "swa_full", "split_mode", "kv_cache_values", "gptq_kernel", "static_cache", "speculative",
    "speculative_tokens",
)  # fmt: skip
"""Fields of a workload that a runtime has to name in ``Runtime.own_options``."""


def _refuse_inference_options(workload: Workload) -> None:
    foreign = _first_given({
        "--kv-cache": workload.kv_cache, "--prompt": workload.prompt, "--memory-fraction": workload.memory_fraction,
        "--max-sequences": workload.max_sequences, "--max-batched-tokens": workload.max_batched_tokens,
        "--lora-slots": workload.lora_slots, "--prefix-caching": workload.prefix_caching,
        "--cuda-graphs": workload.cuda_graphs, "--images": workload.images,
        **{f"--{each.replace('_', '-')}": getattr(workload, each) for each in OF_SOME_RUNTIMES},
    })  # fmt: skip
    if foreign:
        raise UsageError(f"{foreign} is for inference, and --method {workload.method} trains")
    if not runtimes.named(workload.runtime).trains:
        raise UsageError(f"--runtime {workload.runtime} does not train; leave it out, or use --method inference")
    if workload.method != "qlora" and workload.base_in_fp32 is not None:
        raise UsageError(f"--base-in-fp32 is for --method qlora; --method {workload.method} quantises no model")
    if workload.method not in ("lora", "qlora"):
        adapters = _first_given({"--lora-rank": workload.lora_rank, "--lora-targets": workload.lora_targets})
        if adapters:
            raise UsageError(f"{adapters} is for adapters; --method {workload.method} trains every weight")


def _check_trained(workload: Workload) -> None:
    """Refuses weights in a format that cannot be trained, with or without adapters."""
    if workload.weights is None:
        return
    family = formats.weights(workload.weights).family
    if not any(family in each.families for each in runtimes.every() if each.trains):
        raise UsageError(f"--weights {workload.weights} is for inference only; no runtime trains it")
    if workload.method == "qlora" and family == "plain":
        raise UsageError(f"qlora needs quantised weights; for adapters on {workload.weights} weights use --method lora")
    if workload.method in ("full", "pretrain") and family != "plain":
        raise UsageError(
            f"--method {workload.method} trains every weight, and weights in {workload.weights} cannot be trained; "
            "--method qlora trains adapters on them"
        )


def _family(name: str | None) -> Family | None:
    """The family of a format; None for None, and for a name in a file that no format has."""
    try:
        return None if name is None else formats.weights(name).family
    except formats.UnknownFormatError:
        return None


def _check_family(runtime: Runtime, name: str | None, origin: str = "") -> None:
    """``origin``: where the format comes from, if not from an option, as the end of a phrase."""
    family = _family(name)
    if family is None or family in runtime.families:
        return
    reader = runtimes.native_to(family)
    hint = f"use for example --weights {runtime.four_bits}"
    if reader is not None and runtime.native_family is None:
        hint = f"--runtime {reader.id} does"
    raise UsageError(f"--runtime {runtime.id} does not read weights in {name}{origin}; {hint}")


def check_cache(runtime: Runtime, name: str | None, family: str | None = None) -> None:
    """Raises UsageError where the runtime has no KV cache in this format; None is its default, which it has.

    ``family``: that of the weights, which a runtime that is proposed instead has to read; None: any.
    """
    if name is None or name in runtime.cache_formats:
        return
    others = [
        each.id
        for each in runtimes.every()
        if name in each.cache_formats and (family is None or family in each.families)
    ]
    hint = f"; --runtime {' and '.join(others)} {'has' if len(others) == 1 else 'have'}" if others else ""
    raise UsageError(
        f"--runtime {runtime.id} has no KV cache in {name}, but in {', '.join(runtime.cache_formats)}{hint}"
    )


def with_matching_runtime(workload: Workload, architecture: Architecture) -> Workload:
    """The workload with a runtime, where it names none and only one runtime reads the weights; else unchanged.

    Raises UsageError where the model has no weights in that format, or the named runtime does not read its file.
    """
    if workload.weights == "mxfp4" and not architecture.experts:
        raise UsageError(
            f"--weights mxfp4 quantises experts alone, as published, and {architecture.name} has none; "
            "use another format"
        )
    if workload.method != "inference":
        return workload
    if workload.runtime is None:
        family = _family(workload.weights or architecture.dtype)
        readers = [each.id for each in runtimes.every() if family in each.families]
        return replace(workload, runtime=readers[0]) if len(readers) == 1 else workload
    if workload.weights is None:
        _check_published(runtimes.named(workload.runtime), architecture)
    return workload


def _check_published(runtime: Runtime, architecture: Architecture) -> None:
    if _family(architecture.dtype) != "gguf":
        _check_family(runtime, architecture.dtype, f", as {architecture.name} is published")
    elif runtime.gguf_file != "computes":
        how = " except as 16-bit weights (--weights bf16)" if runtime.gguf_file == "dequantises" else ""
        reader = runtimes.native_to("gguf")
        hint = f"; --runtime {reader.id} does" if reader is not None else ""
        raise UsageError(f"--runtime {runtime.id} does not read a GGUF file{how}{hint}")


def check_machine(workload: Workload, machine: Machine) -> None:
    """Raises UsageError where the named runtime has no build for the GPUs or the system; unknown facts pass."""
    if workload.runtime is None:
        return
    runtime = runtimes.named(workload.runtime)
    system = machine.os.system if machine.os is not None else None
    gpus = None if machine.gpus is None else vendors.for_models(machine)
    site = WheelSite(machine.os.libc if machine.os is not None else None)
    found = excluded(runtime, gpus, system, None if installed(machine).has(runtime) else site)
    if found is not None:
        default = runtimes.default_for(_family(workload.weights) or "plain", gpus or ())
        others = [
            name
            for name in dict.fromkeys((default, runtimes.LEAST_MEMORY))
            if _can_run(runtimes.named(name), workload, gpus, system, site)
        ]
        does = "does" if len(others) == 1 else "do"
        hint = f"; --runtime {' and '.join(others)} {does}" if others else ""
        raise UsageError(f"--runtime {runtime.id} {_in_words(found)}{hint}")


def _can_run(
    runtime: Runtime, workload: Workload, gpus: Sequence[Gpu] | None, system: str | None, site: WheelSite
) -> bool:
    """Whether the runtime reads the named weights, does what the method needs, and runs on this machine."""
    family = _family(workload.weights)
    return (
        (family is None or family in runtime.families)
        and (workload.method == "inference" or runtime.trains)
        and excluded(runtime, gpus, system, site) is None
    )


def _in_words(found: Obstacle) -> str:
    if found.code == "system":
        needed = " or ".join(_SYSTEMS.get(each, each) for each in found.needed)
        return f"runs on {needed}, and this machine has {_SYSTEMS.get(found.found[0], found.found[0])}"
    if found.code == "libc":
        instead = f": {c_library.INSTEAD}" if c_library.is_musl(found.found[0]) else ""
        return f"needs {found.needed[0]}, and this machine has {found.found[0]}{instead}"
    if found.code == "python":
        return (
            f"needs Python {found.needed[0]} or newer, and PyTorch for this Jetson is for Python {found.found[0]}: "
            "use a container made for it"
        )
    if found.code == "vendor-on-system":
        needed = " or ".join(_SYSTEMS.get(each, each) for each in found.needed)
        return (
            f"runs on GPUs of {vendors.named(found.found[1]).name} on {needed} only, "
            f"and this machine has {_SYSTEMS.get(found.found[0], found.found[0])}"
        )
    if found.code == "compute-capability":
        return f"needs compute capability {found.needed[0]}, and this machine has {found.found[0]}"
    if found.code == "embedded":
        return f"has no kernels for embedded GPUs such as this one, of compute capability {found.found[0]}"
    if found.code == "gfx":
        return f"runs on {', '.join(found.needed)}, and this machine has {found.found[0]}"
    needed = ", ".join(vendors.named(each).name for each in found.needed)
    here = ", ".join(vendors.named(each).name for each in found.found)
    return f"needs GPUs of {needed}, and this machine has {f'GPUs of {here}' if here else 'no GPU'}"
