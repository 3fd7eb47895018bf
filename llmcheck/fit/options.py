"""The options of ``llmcheck fit`` that make a workload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmcheck.schema.workload import Workload

_OPTIONS = (
    "method", "runtime", "weights", "kv_cache", "kv_cache_values", "context", "prompt", "max_sequences",
    "max_batched_tokens", "ubatch", "split_mode", "speculative", "speculative_tokens", "lora_slots", "gptq_kernel",
    "memory_fraction", "optimizer",
    "precision", "gradients", "lora_rank", "lora_targets", "sharding", "offload", "gpus",
)  # fmt: skip
"""Fields of a workload that are options of ``llmcheck fit`` under the same name."""
_COUNTS = ("batch", "tensor_parallel", "pipeline_parallel", "context_parallel")
"""Those whose default is 1."""
_SWITCHES = (
    "kv_unified", "swa_full", "prefix_caching", "images", "cuda_graphs", "static_cache", "base_in_fp32",
)  # fmt: skip
"""Those that an option turns on, or with ``no-`` before it off."""
_FLAGS = ("activation_offload", "chunked_loss", "optimizer_in_backward")
"""Those that are options without a value."""
Option = tuple[str, ...]
"""The name of an option, with its value where it has one."""


def options(workload: Workload) -> tuple[str, ...]:
    """The options of ``llmcheck fit`` that make this workload; what is left at its default is not named."""
    return tuple(part for option in _options(workload) for part in option)


def difference(given: Workload, workload: Workload) -> tuple[str, ...]:
    """What to add to the options that make ``given``, so that they make ``workload``: the later of two counts.

    () where something that was named would have to be taken back, which no option does.
    """
    fields = workload.__struct_fields__
    if any(getattr(given, name) is not None and getattr(workload, name) is None for name in fields):
        return ()
    known = set(_options(given))
    new = [option for option in _options(workload) if option not in known]
    new += [(_name(name), "1") for name in _COUNTS if getattr(workload, name) == 1 != getattr(given, name)]
    return tuple(part for option in new for part in option)


def _options(workload: Workload) -> Iterator[Option]:
    for name in _OPTIONS:
        value: Any = getattr(workload, name)
        if value is not None and (name, value) != ("method", "inference"):
            yield _name(name), str(value)
    for name in _COUNTS:
        if getattr(workload, name) != 1:
            yield _name(name), str(getattr(workload, name))
    if workload.checkpointing is not None:
        way = workload.checkpointing
        yield "--checkpointing", way if isinstance(way, str) else "yes" if way else "no"
    if workload.flash_attention is False:
        yield ("--no-flash-attention",)
    for name in _SWITCHES:
        value = getattr(workload, name)
        if value is not None:
            yield (_name(name if value else f"no_{name}"),)
    yield from ((_name(name),) for name in _FLAGS if getattr(workload, name))
    if workload.tokens is not None:
        yield "--tokens", f"{workload.tokens:.0f}"


def _name(field: str) -> str:
    return f"--{field.replace('_', '-')}"
