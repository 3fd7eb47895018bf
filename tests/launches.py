"""Uses of every runtime that differ in one thing each, for the tests of launch lines and the tool that checks them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from msgspec.structs import replace

from llmcheck.runtimes import Launch, LaunchLine, Runtime
from llmcheck.schema.workload import Optimizer, Precision, Sharding, Workload
from llmcheck.units import GIB

Options = dict[str, list[str] | None]
"""Names of options, keys and variables, and the values each takes; None for any."""


def faults(options: Mapping[str, list[str] | None], line: LaunchLine) -> Iterator[str]:
    """Options, keys and variables of a line, and values, that are not among these. Other words are not looked at."""
    own = 3 if line.argv[:2] == ("python", "-m") else 1
    given = [*line.argv[own:], ""]
    for word, value in itertools.pairwise(given):
        key = re.match(r"([a-z_][\w.]*)=", word)
        name = key[1] if key else word
        if not key and not re.match(r"--?[A-Za-z]", word):
            continue
        values = options.get(name)
        if name not in options:
            yield f"there is no {name}"
        elif values and not key and value not in values:
            yield f"{name} does not take {value}"
    for name, value in line.environment.items():
        if name not in options or ((values := options[name]) and value not in values):
            yield f"there is no {name}={value}"


def shapes(runtime: Runtime) -> Iterator[Launch]:
    """Its example first. For each of them ``runtime.launch`` may be None."""
    example = runtime.example.launch
    yield example
    if runtime.example.launch.workload.method == "inference":
        yield from (_changed(example, **fields) for fields in _answering(runtime))
    if runtime.trains:
        model = replace(example, gpus=1, workload=Workload(method="lora", runtime=runtime.id, context=2048))
        yield from (_changed(model, **fields) for fields in _training())


def _answering(runtime: Runtime) -> Iterator[dict[str, Any]]:
    yield from ({"weights": name} for name in runtime.ladder)
    yield from ({"kv_cache": name} for name in (*runtime.cache_ladder, "q8_0", "q4_0", "int8", "int4", "fp8"))
    yield from ({"gpus": count} for count in (0, 1, 2, 4))
    yield {"batch": 4}
    yield {"context": None}
    yield {"max_sequences": 8}
    yield {"memory_fraction": 0.85}
    yield {"is_path": True, "model": "/models/a model.gguf"}
    yield {"is_path": False, "model": "some/repository", "quantisation": None}
    yield {"is_path": False, "model": "some/repository-GGUF", "quantisation": "Q5_K_M"}
    yield {"gpu_layers": 36}
    yield {"expert_layers_in_ram": 20}
    yield {"expert_layers_in_ram": 20, "offloaded_bytes": 10 * GIB, "memory_map": False}
    yield {"offloaded_bytes": 10 * GIB}
    yield {"gpus": 2, "tensor_split": (3, 1.25)}
    yield {"gpus": 2, "gpu_bytes": (23 * GIB, 11 * GIB)}
    yield {"gpus": 2, "pipeline_parallel": 2, "stage_layers": (20, 12)}
    yield {"gpus": 4, "pipeline_parallel": 2, "tensor_parallel": 2}
    yield {"weights": "fp8", "quantises_on_load": True}
    yield {"memory_map": True}
    yield {"python_binding": True}
    yield {"python_binding": True, "kv_cache": "q8_0", "gpus": 0}
    yield {"python_binding": True, "gpu_layers": 36, "is_path": True, "model": "/models/a model.gguf"}


def _training() -> Iterator[dict[str, Any]]:
    for method in ("full", "lora", "qlora"):
        yield {"method": method}
        yield {"method": method, "lora_rank": 32, "lora_targets": "all-linear", "chunked_loss": True}
        yield from ({"method": method, "precision": name} for name in get_args(Precision))
        yield from ({"method": method, "checkpointing": value} for value in (True, False, "selective"))
        yield {"method": method, "gpus": 2}
        for sharding in get_args(Sharding):
            for offload in (None, "none", "optimizer", "all"):
                yield {"method": method, "gpus": 2, "sharding": sharding, "offload": offload, "checkpointing": True}
    yield from ({"optimizer": name, "batch": 4} for name in get_args(Optimizer))
    yield from ({"lora_targets": name} for name in ("attention", "qv", "mlp"))
    yield from ({"adapter": name} for name in ("dora", "prefix", "scale"))
    yield {"weights": "int8"}
    yield {"trained_embeddings": True, "compiled": True}
    yield {"dataset": "some/data"}
    yield {"method": "pretrain"}


def _changed(launch: Launch, **fields: Any) -> Launch:
    """With fields of the launch, and of its workload."""
    own = {name: value for name, value in fields.items() if name in Launch.__struct_fields__}
    work = {name: value for name, value in fields.items() if name not in own}
    return replace(launch, **own, workload=replace(launch.workload, **work))
