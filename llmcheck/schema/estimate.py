"""The answer to "does it fit, and how fast": bytes per component with their bands, and what they rest on."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload

SCHEMA = "llmcheck.fit/1"
Component = Literal["weights", "kv_cache", "activations", "gradients", "optimizer", "overhead"]
FitVerdict = Literal["fits", "fits-with-offload", "does-not-fit", "unknown"]
Part = Literal["cache", "context", "communication", "allocator", "compute-buffer", "other"]
"""``cache``: it grows with the cached tokens. ``context``: what a process has on a GPU before it does anything.
``allocator``: freed blocks that PyTorch keeps."""


class Band(Struct, frozen=True):
    """An estimate and its lower and upper end."""

    low: float
    expected: float
    high: float


class Term(Struct, frozen=True, kw_only=True):
    """One summand, in bytes over all GPUs together, and why it is what it is."""

    component: Component
    name: str
    """``norms and biases``, ``full-precision logits of the prompt``, ..."""
    expected: int
    low: int
    high: int
    source: str
    """The formula's paper, the runtime's documentation, or the calibration and what it rests on."""
    part: Part = "other"
    """What it is, for code; ``name`` is for people."""


def term(
    component: Component,
    name: str,
    expected: float,
    source: str,
    *,
    low: float | None = None,
    high: float | None = None,
    part: Part = "other",
) -> Term:
    """A summand of whole bytes; an end of the band that is None is the expected value."""
    middle = max(round(expected), 0)
    return Term(
        component=component,
        name=name,
        expected=middle,
        low=min(middle, max(round(expected if low is None else low), 0)),
        high=max(middle, round(expected if high is None else high)),
        source=source,
        part=part,
    )


class Memory(Struct, frozen=True, kw_only=True):
    """Bytes; each component is the sum of its terms, ``total`` the sum of the components."""

    weights: int
    kv_cache: int
    """The architecture's own bytes for that context and batch; a runtime's padding and pools are overhead."""
    activations: int
    gradients: int
    optimizer: int
    overhead: int
    total: int
    low: int
    high: int
    terms: tuple[Term, ...]


class Speed(Struct, frozen=True, kw_only=True):
    """None: not known for this card or this use, with the reason among the assumptions."""

    decode: Band | None = None
    """Tokens per second of one sequence."""
    prefill: Band | None = None
    """Tokens per second of prompt."""
    train: Band | None = None
    """Tokens per second over all GPUs."""
    days: Band | None = None
    """For the run's ``tokens``."""
    energy_kwh: Band | None = None
    co2_kg: Band | None = None
    """Only where a grid's intensity was given."""
    cost_usd: Band | None = None
    """US dollars for renting as many such cards for the run, at the list prices of the table of offers."""


class GpuShare(Struct, frozen=True, kw_only=True):
    index: int | None
    name: str | None
    free: int | None
    """Bytes available now (or when idle, if that was asked); None where it could not be found out."""
    budget: int | None = None
    """Bytes of ``free`` that the runtime uses: a server takes a share of each card; None as there."""
    memory: Memory
    """What lies on this GPU."""


class Placement(Struct, frozen=True, kw_only=True):
    gpus: int
    """How many GPUs hold it."""
    gpu_layers: int | None = None
    """llama.cpp's ``-ngl``: layers on the GPUs; None for other runtimes."""
    expert_layers_in_ram: int | None = None
    """llama.cpp's ``--n-cpu-moe``: layers whose routed experts lie in RAM; None where none do."""
    ram: int = 0
    """Bytes that lie in RAM instead."""
    kv_tokens: int | None = None
    """Servers: tokens of cache in the pool that remains."""
    concurrent: int | None = None
    """Servers: sequences of the whole context at a time."""


class Alternative(Struct, frozen=True, kw_only=True):
    """One change that makes it fit."""

    change: str
    """What to do, in words: ``weights in q4_k_m``, ``a context of 4,096``, ``a second RTX 4090``."""
    workload: Workload
    total: int
    """Bytes that it then takes."""
    cost: Literal["free", "quality", "speed", "hardware"]


class PlanMemory(Struct, frozen=True, kw_only=True):
    """Bytes, over all GPUs and RAM together."""

    total: int
    low: int
    high: int
    ram: int
    """Of ``total``: bytes that lie in RAM."""
    largest_gpu: int
    """Bytes on the fullest GPU; 0 where none is used."""


class Plan(Struct, frozen=True, kw_only=True):
    """One whole way to use a model on a machine, as the planner found it."""

    runtime: str
    method: str
    """``inference``, ``full``, ``lora``, ``qlora`` or ``pretrain``."""
    weights: str | None
    """Format; None: as in the model's file."""
    kv_cache: str | None
    """Format of the KV cache; None: 16 bits."""
    context: int
    """Tokens of each sequence."""
    batch: int
    verdict: FitVerdict
    memory: PlanMemory
    gpus: int
    gpu: str | None
    """Name of the first of them; None where none is used."""
    gpu_layers: int | None = None
    expert_layers_in_ram: int | None = None
    sharding: str | None = None
    offload: str | None = None
    chunked_loss: bool | None = None
    optimizer: str | None = None
    tokens_per_second: Band | None = None
    """Of one sequence, or of training over all GPUs; None where it is not known."""
    installed: bool | None = None
    """Whether the judged environment has the runtime; None where that is not known."""
    argv: tuple[str, ...] = ()
    """The ``llmcheck fit`` that reproduces it on the same machine."""
    launch: tuple[str, ...] | None = None
    """The command that runs it; None where none is known for this use."""


MethodKind = Literal["weights", "four-bit-weights", "plan", "full", "full-8bit-optimizer", "lora", "qlora", "pretrain"]


class ComputedMethod(Struct, frozen=True, kw_only=True):
    """One way to do what a tier is for, with a model of one of its sizes, on one machine."""

    parameters: str
    """The model as the profile names it: a size such as ``70B``, or the id of a known model."""
    method: str
    """In words: ``q4_k_m``, ``full with AdamW``, ``QLoRA``."""
    kind: MethodKind = "weights"
    """What it is, for code."""
    verdict: FitVerdict
    total: int
    """Bytes that it takes, GPUs and RAM together."""
    weights: int
    """Bytes of it that are weights."""
    ram: int = 0
    """Bytes of it that lie in RAM."""
    gpus: int = 0
    """How many hold it, or would."""
    gpu: str | None = None
    """Their name; None without one."""
    cards: int | None = None
    """How many such GPUs would hold it whole; None where that was not looked for, or none would."""
    tokens_per_second: Band | None = None
    """Answers for one sequence, or training over all GPUs; None where it does not fit or is not known."""
    days: Band | None = None
    cost_usd: Band | None = None
    plan: Plan | None = None
    """How it is done; None where it does not fit."""


EXIT_CODES: dict[FitVerdict, int] = {"fits": 0, "fits-with-offload": 0, "does-not-fit": 1, "unknown": 3}


class Fit(Struct, frozen=True, kw_only=True):
    schema: str = SCHEMA
    architecture: Architecture
    workload: Workload
    """With every choice that was left open filled in."""
    machine: str | None
    """In words: ``2 x RTX 4090 (24.0 GiB), 64 GB RAM``; None: memory only, no machine to hold it."""
    memory: Memory
    per_gpu: tuple[GpuShare, ...]
    placement: Placement | None
    verdict: FitVerdict
    reason: str
    """One sentence that stands on its own."""
    largest_context: int | None = None
    largest_batch: int | None = None
    best_weights: str | None = None
    """The best weight format in which everything lies on the GPUs."""
    ways: tuple[Alternative, ...] = ()
    """Nearest first, cheapest first."""
    plans: tuple[Plan, ...] = ()
    """Every way that fits within what the workload names, the best first: the one that this answer describes."""
    speed: Speed | None = None
    assumptions: tuple[str, ...] = ()
    not_modelled: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 fits, RAM included; 1 does not; 3 unknown."""
        return EXIT_CODES[self.verdict]
