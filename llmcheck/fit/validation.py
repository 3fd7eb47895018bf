"""Which options, formats, runtimes and machines go together; what does not is refused in one line."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.codec import nearest
from llmcheck.errors import UsageError
from llmcheck.fit.obstacles import Obstacle, obstacle
from llmcheck.fit.shapes import formats
from llmcheck.fit.shapes.formats import Family
from llmcheck.gpus import vendors
from llmcheck.runtimes import Runtime
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.machine import Gpu, Machine, counted_gpus
from llmcheck.schema.workload import Workload

_SYSTEMS = {"linux": "Linux", "windows": "Windows", "darwin": "macOS"}


def checked(workload: Workload, *, carbon_intensity_g_per_kwh: float | None = None) -> Workload:
    """The same with the one name of each format, or UsageError for what does not go together."""
    workload = _named(workload)
    if workload.method == "inference":
        _refuse_of_training(workload, carbon_intensity_g_per_kwh)
        if workload.runtime is not None:
            runtime = runtimes.named(workload.runtime)
            _check_family(runtime, workload.weights)
            check_cache(runtime, workload.kv_cache, _family(workload.weights))
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
    served = _first({"--memory-fraction": workload.memory_fraction, "--max-sequences": workload.max_sequences})
    if served and not runtimes.named(workload.runtime).is_server:
        servers = ", ".join(each.id for each in runtimes.every() if each.is_server)
        raise UsageError(f"{served} is about servers; name a --runtime: {servers}")


def _refuse_of_inference(workload: Workload) -> None:
    foreign = _first({
        "--kv-cache": workload.kv_cache, "--prompt": workload.prompt, "--memory-fraction": workload.memory_fraction,
        "--max-sequences": workload.max_sequences,
    })  # fmt: skip
    if foreign:
        raise UsageError(f"{foreign} is about inference, and --method {workload.method} trains")
    if not runtimes.named(workload.runtime).trains:
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
    if not any(family in each.families for each in runtimes.every() if each.trains):
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


def _check_family(runtime: Runtime, name: str | None, whose: str = "") -> None:
    family = _family(name)
    if family is None or family in runtime.families:
        return
    reader = runtimes.native_to(family)
    hint = f"name such as --weights {runtime.four_bits}"
    if reader is not None and runtime.native_family is None:
        hint = f"--runtime {reader.id} does"
    raise UsageError(f"--runtime {runtime.id} does not read weights in {name}{whose}; {hint}")


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
        how = " but in 16 bits (--weights bf16)" if runtime.gguf_file == "dequantises" else ""
        reader = runtimes.native_to("gguf")
        hint = f"; --runtime {reader.id} does" if reader is not None else ""
        raise UsageError(f"--runtime {runtime.id} does not run a GGUF file{how}{hint}")


def check_machine(workload: Workload, machine: Machine) -> None:
    """Raises UsageError where the runtime has no build for this machine's GPUs or system; not for what is not known."""
    runtime = runtimes.named(workload.runtime)
    system = machine.os.system if machine.os is not None else None
    gpus = None if machine.gpus is None else counted_gpus(machine)
    found = obstacle(runtime, gpus, system)
    if found is not None:
        usual = runtimes.default_for(_family(workload.weights) or "plain", gpus or ())
        others = [
            name
            for name in dict.fromkeys((usual, runtimes.LEAST_MEMORY))
            if _serves(runtimes.named(name), workload, gpus, system)
        ]
        does = "does" if len(others) == 1 else "do"
        hint = f"; --runtime {' and '.join(others)} {does}" if others else ""
        raise UsageError(f"--runtime {runtime.id} {_in_words(found)}{hint}")


def _serves(runtime: Runtime, workload: Workload, gpus: Sequence[Gpu] | None, system: str | None) -> bool:
    """Whether it would be an answer: it reads the weights that are named, and uses the GPUs of this machine."""
    family = _family(workload.weights)
    return (
        (family is None or family in runtime.families)
        and (workload.method == "inference" or runtime.trains)
        and obstacle(runtime, gpus, system) is None
    )


def _in_words(found: Obstacle) -> str:
    if found.code == "system":
        needed = " or ".join(_SYSTEMS.get(each, each) for each in found.needed)
        return f"runs on {needed}, and this machine has {_SYSTEMS.get(found.found[0], found.found[0])}"
    if found.code == "compute-capability":
        return f"needs compute capability {found.needed[0]}, and this machine has {found.found[0]}"
    if found.code == "gfx":
        return f"runs on {', '.join(found.needed)}, and this machine has {found.found[0]}"
    needed = ", ".join(vendors.named(each).name for each in found.needed)
    here = ", ".join(vendors.named(each).name for each in found.found)
    return f"needs GPUs of {needed}, and this machine has {f'GPUs of {here}' if here else 'no GPU'}"
