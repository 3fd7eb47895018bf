"""The command that starts a runtime, and the plain values that it is made from."""

from __future__ import annotations

from collections.abc import Container, Mapping

from msgspec import Struct

from llmcheck.schema.workload import Workload


class Launch(Struct, frozen=True, kw_only=True):
    """One way to run a workload. Context, batch, formats, parallelism and all choices of training are the workload's.

    What is None or 0 here is left to the runtime, and its option does not appear in the line."""

    model: str
    """A repository, a path where ``is_path``, or the name by which the runtime knows it."""
    workload: Workload
    is_path: bool = False
    """``model`` is a file or a folder of this machine."""
    quantisation: str | None = None
    """Tag of one of the files in a GGUF repository: ``Q4_K_M``; None: the runtime's own choice."""
    gpus: int = 1
    """GPUs that take part; 0 for processors alone."""
    gpu_layers: int | None = None
    """Layers on the GPUs, the output projection counted as one (llama.cpp)."""
    expert_layers_in_ram: int | None = None
    """The experts of so many layers, from the first one on, stay in RAM."""
    tensor_split: tuple[float, ...] = ()
    """Share of each GPU, in any unit; () where they are equal or the runtime decides."""
    gpu_bytes: tuple[int, ...] = ()
    """Bytes of each GPU that may be used; () where they are equal or the runtime decides."""
    stage_layers: tuple[int, ...] = ()
    """Layers of each stage of a pipeline; () for equal stages."""
    offloaded_bytes: int = 0
    """Of weights that each GPU reads from RAM."""
    memory_map: bool | None = None
    """The file is mapped (True) or read whole (False); None: the runtime's own choice."""
    quantises_on_load: bool = False
    """The checkpoint is in 16 bits and becomes ``workload.weights`` while it is loaded."""
    python_binding: bool = False
    """Only the runtime's Python package is installed, not its own programs (llama.cpp)."""
    dataset: str | None = None
    """Repository of the training data; None: a public one that the trainer's own documentation trains on."""

    @property
    def tensor_parallel(self) -> int:
        """GPUs that share each matrix: what is left of them after the stages of a pipeline, unless it is stated."""
        stated = self.workload.tensor_parallel
        return stated if stated > 1 else max(self.gpus // self.pipeline_parallel, 1)

    @property
    def pipeline_parallel(self) -> int:
        return max(self.workload.pipeline_parallel, 1)


class LaunchLine(Struct, frozen=True, kw_only=True):
    """A command. Its parts are arguments as they are, not quoted: ``llmcheck.shell`` makes a line of them."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = {}
    """Variables of ``service`` where there is one, else of ``argv``."""
    service: tuple[str, ...] = ()
    """A program that has to run, with ``environment``, before ``argv`` is started; () where none is needed."""
    valid_for: str
    """Program and version whose options these are: ``vllm 0.33.0``."""


def options(*pairs: tuple[str, object]) -> tuple[str, ...]:
    """``--name value`` for each pair whose value is not None."""
    return tuple(part for name, value in pairs if value is not None for part in (name, str(value)))


def flags(*pairs: tuple[str, bool]) -> tuple[str, ...]:
    """``--name`` for each pair that is true."""
    return tuple(name for name, given in pairs if given)


def variables(*pairs: tuple[str, object]) -> dict[str, str]:
    """Those whose value is not None."""
    return {name: str(value) for name, value in pairs if value is not None}


_OWN = (
    "max_batched_tokens", "prefix_caching", "cuda_graphs", "lora_slots", "images", "speculative", "ubatch",
    "kv_unified", "swa_full", "split_mode", "kv_cache_values", "static_cache", "gptq_kernel",
)  # fmt: skip
"""Fields of a workload that not every program has an option for."""


def serves(what: Launch, caches: Container[str], *, tags: bool = False, also: Container[str] = ()) -> bool:
    """Whether a server has options for this use: inference, with a KV cache in one of the formats ``caches``.

    ``tags``: it takes one file of a GGUF repository by its tag. ``also``: fields of ``_OWN`` that its line has."""
    work = what.workload
    cache = work.kv_cache is None or work.kv_cache in caches
    own = all(name in also or getattr(work, name) is None for name in _OWN)
    return work.method == "inference" and cache and own and (tags or what.quantisation is None)


def proposes_by_itself(work: Workload) -> bool:
    """Whether nothing proposes tokens, or the model's own further layers do: a second model would have to be named."""
    return work.speculative in (None, "mtp")


def more_than_one(count: int) -> int | None:
    """None for 1, which is every option's default."""
    return count if count > 1 else None


def share(number: float) -> str:
    """A number of a split: ``3``, ``0.62``."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
