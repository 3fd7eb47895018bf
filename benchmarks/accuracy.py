"""Compares the computed memory with published, measured figures.

Each row of the file becomes an architecture and a workload. What is compared depends on the figure: peaks of the
allocator without the CUDA context, nvidia-smi with it, one component, a file. The exit code is always 0. Rows that
cannot be computed are counted and listed with the reason.

    python benchmarks/accuracy.py figures.csv
    python benchmarks/accuracy.py figures.csv --tier A --format json
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import re
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from llmcheck.api.model_source import known_model
from llmcheck.errors import LlmcheckError
from llmcheck.fit.memory.activations import activation_bytes_per_token
from llmcheck.fit.memory.inference import OLD_Q2_K, embedding_in_ram
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.total import per_gpu
from llmcheck.fit.shapes import formats, kv_cache, matrices, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture, Attention, Parameters
from llmcheck.schema.estimate import Memory, Term
from llmcheck.schema.workload import Workload

NEVER_SCORED = {"exclude", "rule_of_thumb", "kv_trend"}
GIB = 2**30
Row = dict[str, str]

ALLOCATED = {"peak_allocated", "peak_active", "peak_allocated_unstated"}
STATES = {"model_state_theory", "optimizer_state_theory", "allocated_current"}
"""Between two steps only the model states are allocated."""
RESERVED = {"peak_reserved", "peak_reserved_unstated", "peak_allocated_or_reserved_unstated"}
ALL_OF_THE_GPU = {"nvidia_smi", "nvidia_smi_unstated", "min_gpu"}
ALPACA = 1024
"""Tokens of the longest Alpaca examples: 1,034 to 1,304 in the tokenizers that LitGPT's table lists."""
ENTRY, SCORED_ENTRY = 45, 23
"""Bytes of a GGUF's header for each token: with merges (39 in Qwen2.5, 61 in Llama 3), and with scores (Llama 2)."""
USABLE = 0.985
"""Of a card's nominal memory: an A100 80 GB has 79.2 GiB, an H100 79.18."""


class NotModelledError(Exception):
    """Why a row cannot be computed."""


@dataclass
class Prediction:
    expected: float
    low: float
    high: float


@dataclass
class Scored:
    id: str
    source: str
    kind: str
    usable_for: str
    tier: str
    figure: float
    expected: float
    low: float
    high: float
    inside: bool

    @property
    def error(self) -> float:
        return self.expected / self.figure - 1


@dataclass
class Boundary:
    id: str
    expected: float
    capacity: float
    fits: bool
    right: bool


@dataclass
class Result:
    rows: int = 0
    scored: list[Scored] = field(default_factory=list)
    boundaries: list[Boundary] = field(default_factory=list)
    unexpressed: list[dict[str, str]] = field(default_factory=list)
    never_scored: Counter[str] = field(default_factory=Counter)


# --- from columns to values ---


def number(row: Row, name: str) -> float | None:
    try:
        return float(row.get(name) or "")
    except ValueError:
        return None


def integer(row: Row, name: str) -> int | None:
    value = number(row, name)
    return None if value is None or value != value or abs(value) > 1e18 else int(value)


def text(row: Row, *names: str) -> str:
    return " ".join(row.get(name) or "" for name in names).strip().lower()


@functools.cache
def in_table(name: str) -> Architecture | None:
    return known_model(name)


def from_table(row: Row) -> Architecture | None:
    """The shapes of the table of models, for a row that has none of its own."""
    if row.get("layers"):
        return None
    for name in (row.get("hf_id") or "", row.get("model") or ""):
        found = in_table(name) if name else None
        if found is not None:
            return found
    return None


def architecture(row: Row) -> Architecture:
    if found := from_table(row):
        return found
    layers, hidden, vocab = integer(row, "layers"), integer(row, "hidden"), integer(row, "vocab")
    heads, dim, inner = integer(row, "heads"), integer(row, "head_dim"), integer(row, "intermediate")
    total = integer(row, "params_total")
    if not (layers and hidden and heads):
        raise NotModelledError("the architecture is not given")
    if not (vocab and inner):
        raise NotModelledError("vocabulary or feed-forward width is not given")
    dim = dim or hidden // heads
    cached = integer(row, "kv_heads") or heads
    experts, active = integer(row, "n_experts") or 0, integer(row, "experts_active") or 0
    attention = layers * hidden * dim * 2 * (heads + cached)
    table = vocab * hidden
    resident = integer(row, "params_resident") or total
    best: tuple[float, bool, bool] | None = None
    for tied in (True, False):
        for gated in (True, False):
            mlp = layers * (3 if gated else 2) * hidden * inner * max(experts, 1)
            size = table * (1 if tied else 2) + attention + mlp
            # of two that are equally near, the one with the tie that the row states
            tie_stated = (row.get("tied_embeddings") or "").lower() == ("yes" if tied else "no")
            away = abs(size - (resident or size)) - (1 if tie_stated else 0)
            if experts and not gated:
                continue
            if best is None or away < best[0]:
                best = (away, tied, gated)
    assert best is not None
    _, tied, gated = best
    routed = layers * 3 * hidden * inner * experts
    mlp = 0 if experts else layers * (3 if gated else 2) * hidden * inner
    known = table * (1 if tied else 2) + attention + mlp + routed
    other = (resident or known) - known
    if experts and other > 0:  # routers and shared experts
        mlp, other = other, 0
    if other < 0:
        if -other > 0.02 * known:
            raise NotModelledError("the shapes hold more weights than the row says")
        mlp, routed, other = (mlp + other, routed, 0) if mlp else (mlp, routed + other, 0)
    name = row.get("model") or "model"
    context = 32768 if name.lower().startswith("qwen2-") else None  # config.json: max_position_embeddings
    return Architecture(
        name=name, model_type="row", source=row.get("arch_source") or "", hidden=hidden, layers=layers,
        intermediate=inner, gated=gated, vocab=vocab, tied=tied, context=context, experts=experts,
        experts_active=active, expert_intermediate=inner if experts else 0, sparse_layers=layers if experts else 0,
        attention=(Attention(kind="attention", layers=layers, heads=heads, kv_heads=cached, head_dim=dim),),
        parameters=Parameters(embedding=table, head=0 if tied else table, attention=attention, mlp=mlp,
                              experts=routed, other=other, active=resident or known),
    )  # fmt: skip


def only_states(row: Row) -> Architecture:
    """A model of which only the number of weights is known, which is enough for model states."""
    total = integer(row, "params_total")
    if not total:
        raise NotModelledError("neither shapes nor a count of weights")
    return Architecture(
        name=row.get("model") or "model", model_type="row", source="count only", estimated=True, hidden=1, layers=1,
        intermediate=1, vocab=1, attention=(),
        parameters=Parameters(embedding=0, head=0, attention=0, mlp=0, other=total, active=total),
    )  # fmt: skip


def weight_format(row: Row) -> str:
    kind, made = text(row, "weight_dtype"), text(row, "quant_format")
    runtime = text(row, "runtime")
    head = "+head" if "litgpt" in runtime else ""
    if "mlx" in made + runtime and (found := re.search(r"(\d)[- ]?bit", made)):
        group = re.search(r"g(\d+)", made)
        return f"mlx-{found[1]}bit-g{group[1] if group else 64}"
    if "gptq" in made:
        bits = "8" if "int8" in made else "3" if "int3" in made else "2" if "int2" in made else "4"
        group = re.search(r"g(\d+)", made)
        return f"gptq-{bits}bit-g{group[1] if group else 128}"
    if "awq" in made:
        return "awq"
    if "int8" in made or kind == "int8":
        return "int8" + head
    if kind in {"nf4", "fp4"} or "4bit" in made or "nf4" in made:
        return ("nf4-dq" if "double" in made or "torchao" in made or "dq" in made else "nf4") + head
    if kind == "gguf":
        if not made:
            raise NotModelledError("the GGUF type is not given")
        return made
    if kind in {"bf16", "fp16", "fp32", "fp8", "mxfp4"}:
        return kind
    if kind == "int4":
        return "awq"
    if not kind:
        raise NotModelledError("the weight format is not given")
    raise NotModelledError(f"weight format {kind} {made}".strip())


RUNTIMES = (
    ("litgpt", "litgpt"), ("torchtune", "torchtune"), ("llama.cpp", "llama.cpp"), ("vllm", "vllm"),
    ("sglang", "sglang"), ("tensorrt", "tensorrt-llm"), ("lmdeploy", "lmdeploy"), ("tgi", "tgi"),
    ("mlx", "mlx"), ("unsloth", "transformers"), ("transformers", "transformers"), ("hf trainer", "transformers"),
    ("accelerate", "transformers"), ("bnb", "transformers"), ("deepspeed", "transformers"),
)  # fmt: skip


def runtime_of(row: Row) -> tuple[str | None, str | None]:
    stated = text(row, "runtime")
    for key, name in RUNTIMES:
        if key in stated:
            version = re.search(key.replace(".", r"\.") + r"\D{0,3}(\d+\.\d+(?:\.\d+)?)", stated)
            return name, version[1] if version else None
    return None, None


def gpus_of(row: Row) -> int:
    gpus = integer(row, "n_gpus") or 1
    if not 1 <= gpus <= 4096:
        raise NotModelledError(f"{gpus:,} GPUs")
    return gpus


def length(row: Row) -> int | None:
    for name in ("seq_len", "seq_len_max"):
        if value := integer(row, name):
            return value
    return None


def inference_workload(row: Row) -> Workload:
    runtime, version = runtime_of(row)
    batch = integer(row, "micro_batch") or 1
    prompt, answer, cached = length(row), integer(row, "gen_len") or 0, integer(row, "kv_tokens")
    if prompt is None and cached:
        prompt = max(cached // batch, 1)
    if prompt is None:
        near = re.search(r"kv_tokens: ~\s*(\d+)(?!\d*x)", row.get("length_note") or "")
        if near:
            prompt, answer = int(near[1]), 0
        elif answer:
            prompt = 32  # "short prompt"
    if prompt is None and "several k" in text(row, "length_note"):
        raise NotModelledError("the prompt's length is not given")
    if prompt is None and (row.get("figure_kind") or "") in ALLOCATED | RESERVED | ALL_OF_THE_GPU:
        prompt = 128
    context = None if prompt is None else prompt + answer
    tensor = re.search(r"tp\s*=\s*(\d+)", text(row, "parallelism"))
    memory = number(row, "gpu_mem_gb") or 0
    stated = text(row, "attention_impl")
    flash: bool | None = None
    notes = text(row, "notes")
    if "eager" in stated or "no flash" in notes or (runtime == "llama.cpp" and "flash" not in stated + notes):
        flash = False
    return Workload(
        method="inference", weights=weight_format(row) if needs_format(row) else None,
        kv_cache=cache_format(row), context=context, prompt=prompt, batch=batch,
        runtime=runtime, runtime_version=version,
        max_sequences=1024 if runtime == "vllm" and memory >= 70 else None,
        tensor_parallel=int(tensor[1]) if tensor else 1, flash_attention=flash,
    )  # fmt: skip


def needs_format(row: Row) -> bool:
    return row.get("figure_kind") not in {"kv_cache", "kv_tokens", "compute_buffer"}


def cache_format(row: Row) -> str | None:
    return text(row, "kv_dtype") or None


def training_workload(row: Row) -> Workload:
    method, stated, notes = text(row, "method"), text(row, "runtime"), text(row, "notes")
    runtime, version = runtime_of(row)
    sequence = length(row)
    unpacked = "not packed" in notes or "unpacked" in text(row, "length_note")
    if sequence is None or unpacked:
        if "alpaca" in text(row, "length_note", "notes"):
            sequence = min(sequence or ALPACA, ALPACA)
        elif row.get("figure_kind") not in STATES:
            raise NotModelledError("no sequence length")
    values: dict[str, Any] = {}
    if "qlora" in method:
        values["method"] = "qlora"
    elif "full" in method:
        values["method"] = "full"
    elif method in {"lora", "lora rslora", "lora+emb", "dora"}:
        values["method"] = "lora"
    elif method in {"llama-adapter", "adapter v2"}:
        values["method"] = "qlora" if text(row, "weight_dtype") in {"nf4", "fp4"} else "lora"
    else:
        raise NotModelledError(f"method not modelled: {row.get('method')}")
    values["adapter"] = {"dora": "dora", "llama-adapter": "prefix", "adapter v2": "scale"}.get(method)
    values["trained_embeddings"] = True if "emb" in method else None
    if values["method"] == "full":
        if "bf16" in method or text(row, "opt_state_dtype") == "bf16":
            values["precision"] = "bf16"
        elif "fp32" in method:
            values["precision"] = "fp32"
        else:
            values["precision"] = "mixed"
    elif text(row, "opt_state_dtype").startswith("bf16") or runtime in {"torchtune", "litgpt"}:
        values["precision"] = "bf16"
    if values["method"] != "full":
        values["weights"] = weight_format(row)
        values["lora_rank"] = integer(row, "lora_r")
        values["lora_targets"] = targets(row)
    values["optimizer"] = optimizer(row, stated)
    values["gradients"] = "fp32" if "megatron" in stated else None
    sharding = text(row, "sharding")
    if "megatron" in stated and not sharding and "dist" in notes:  # its distributed optimizer cuts the states alone
        values["sharding"] = "zero1"
    elif "zero" in sharding:
        values["sharding"] = f"zero{re.sub(r'[^0-9]', '', sharding)[:1] or '3'}"
    elif "fsdp" in sharding:
        frozen_flat = values["method"] != "full" and runtime == "litgpt"
        values["sharding"] = "fsdp1" if frozen_flat else "fsdp"
    elif "ddp" in sharding:
        values["sharding"] = "ddp"
    elif "none" in sharding:
        values["sharding"] = "none"
    offload = text(row, "cpu_offload")
    if "activation" in offload or "offload" in notes:
        raise NotModelledError("activations in RAM are not modelled")
    if offload:
        values["offload"] = "optimizer" if offload.startswith("optimizer") else "all"
    if "cumulative with all the above" in notes:
        raise NotModelledError("activations in RAM and the optimizer's step within the backward pass are not modelled")
    if "optimizer-in-backward" in text(row, "optimizer") or "optimizer step in backward" in notes:
        raise NotModelledError("the optimizer's step within the backward pass is not modelled")
    values["compiled"] = True if "compile" in notes else None
    by_recipe = runtime == "torchtune" and "recipe config" in notes  # whose loss is the chunked one
    values["chunked_loss"] = True if "chunked c" in notes or "unsloth" in stated or by_recipe else None
    checkpointing = text(row, "grad_ckpt") or ("yes" if runtime == "torchtune" else "no")  # its recipes recompute
    return Workload(
        context=sequence, batch=integer(row, "micro_batch") or 1, runtime=runtime, runtime_version=version,
        checkpointing=checkpointing.startswith("yes"),
        flash_attention=False if "eager" in text(row, "attention_impl", "runtime") else None,
        **values,
    )  # fmt: skip


def targets(row: Row) -> str:
    stated = text(row, "lora_targets")
    if stated == "mlp":
        return "mlp"
    if stated in {"q,v", "q_proj,v_proj", "method default", ""}:
        return "qv"
    if "mlp" in stated or "w1" in stated or "all" in stated or "gate" in stated:
        return "all-linear"
    return "attention"


def optimizer(row: Row, runtime: str) -> str:
    stated = text(row, "optimizer")
    if stated.startswith("not printed"):
        raise NotModelledError("the optimizer is not given")
    eight = "8" in stated
    if "paged" in stated:
        return "paged-adamw-8bit" if eight else "paged-adamw"
    if "4-bit" in stated:
        return "adamw-4bit"
    if eight:
        return "adamw-8bit"
    for name in ("adafactor", "sgd", "lion"):
        if name in stated:
            return name
    fused = "fused" in stated or "foreach=false" in stated or "torchtune" in runtime or "deepspeed" in runtime
    return "adamw-fused" if fused else "adamw"


# --- what the figure counts ---


def of_terms(memories: Iterable[Memory], keep: Callable[[Term], bool]) -> Prediction:
    kept = [t for memory in memories for t in memory.terms if keep(t)]
    return Prediction(sum(t.expected for t in kept), sum(t.low for t in kept), sum(t.high for t in kept))


def largest(memories: tuple[Memory, ...], keep: Callable[[Term], bool]) -> Prediction:
    return max((of_terms([memory], keep) for memory in memories), key=lambda p: p.expected)


def workload_of(row: Row) -> Workload:
    kind = row.get("kind")
    method = text(row, "method")
    if kind == "training" or "lora" in method or method.startswith("full"):
        return training_workload(row)
    return inference_workload(row)


def outside_torch(t: Term) -> bool:
    return t.part in {"context", "communication"}


def predict(row: Row) -> Prediction:
    kind, scope = row.get("figure_kind") or "", row.get("figure_scope") or ""
    if scope == "host_ram":
        raise NotModelledError("memory of the host, not of a GPU")
    if scope == "unified_memory":
        raise NotModelledError("unified memory: the system's part is not known")
    gpus = gpus_of(row)
    if kind == "runtime_overhead":
        return overhead(row)
    theory = kind in STATES
    try:
        model = architecture(row)
    except NotModelledError:
        if kind in {"kv_tokens", "kv_cache"} or not theory:
            raise
        model = only_states(row)
    if kind in {"file_size", "weights_theory"}:
        stored = weights.stored(model, formats.weights(weight_format(row)))
        form = formats.weights(weight_format(row))
        size = stored.total
        if kind == "file_size" and form.family == "gguf":
            size += (ENTRY if model.vocab > 100_000 else SCORED_ENTRY) * model.vocab
        if form.name == "q2_k" and "thebloke" in text(row, "source_key", "source_url"):  # files of 2023
            wide = [m for m in matrices.matrices(model) if m.role in {"gate", "up"}]
            more = formats.ggml_bits("Q3_K") - formats.ggml_bits("Q2_K")
            size += round(sum(m.layers * m.elements for m in wide) * more / 8)
        slack = (0.01 if form.family == "gguf" else 0.005) * size
        above = OLD_Q2_K * size if form.name == "q2_k" else slack
        return Prediction(size, size - slack, size + above)
    if kind == "activation_coefficient":
        saved = activation_bytes_per_token(ModelUse(model, Workload(method="full", precision="bf16")), GpuPart(), 1)
        return Prediction(saved, saved * 0.8, saved * 1.15)
    if kind == "activation" and row.get("kind") != "runtime" and "vllm" not in text(row, "runtime"):
        return activation_theory(row, model)
    work = workload_of(row)
    memories = per_gpu(ModelUse(model, work), gpus)

    def measure(keep: Callable[[Term], bool]) -> Prediction:
        return largest(memories, keep) if scope == "per_gpu" else of_terms(memories, keep)

    if kind in ALLOCATED:
        return measure(lambda t: not outside_torch(t) and t.part != "allocator")
    if kind in RESERVED and "unstated" in kind:  # allocated, reserved or, as people read it off nvidia-smi, all
        found = measure(lambda _: True)
        found.low = measure(lambda t: not outside_torch(t) and t.part != "allocator").low
        return found
    if kind in RESERVED:
        return measure(lambda t: not outside_torch(t))
    if kind in ALL_OF_THE_GPU:
        return measure(lambda _: True)
    if kind == "weights_loaded":
        if "cpu" in text(row, "usable_for"):
            size = embedding_in_ram(ModelUse(model, work))
            return Prediction(size, size, size)
        return measure(lambda t: t.component == "weights")
    if kind in {"kv_cache", "kv_tokens"}:
        tokens = integer(row, "kv_tokens") or length(row)
        if not tokens:
            raise NotModelledError("the number of cached tokens is not given")
        sequences = 1 if row.get("kv_tokens") else work.batch
        cached = kv_cache.size(model, tokens, sequences, work.kv_cache)
        return Prediction(cached, cached, cached)
    if kind == "kv_cache_pool":
        return pool(row, memories)
    if kind == "compute_buffer":
        if "host" in text(row, "usable_for"):
            raise NotModelledError("llama.cpp's buffers in RAM are not modelled")
        return measure(lambda t: t.part == "compute-buffer")
    if kind == "activation":
        return measure(lambda t: t.component == "activations")
    if theory:
        wanted = {"optimizer"} if kind.startswith("optimizer") else {"weights", "gradients", "optimizer"}
        return measure(lambda t: t.component in wanted)
    raise NotModelledError(f"kind of figure not modelled: {kind or 'none given'}")


def overhead(row: Row) -> Prediction:
    notes = text(row, "notes", "method")
    if "cuda context" in text(row, "method") and "lazy loading" in notes:
        return Prediction(0.5 * GIB, 0.3 * GIB, 0.95 * GIB)
    if "cuda context" in text(row, "method") or "vllm" not in text(row, "runtime"):
        raise NotModelledError(
            "a CUDA context with eagerly loaded kernels or NCCL alone: depends on the build of PyTorch"
        )
    tensor = re.search(r"tp\s*=\s*(\d+)", text(row, "parallelism"))
    if "freed during capture" in notes or "graph" in notes:
        return Prediction(0.1 * GIB, 0, 0.6 * GIB)
    outside, spread = (0.55, 0.2) if tensor and int(tensor[1]) > 1 else (0.13, 0.02)
    return Prediction(outside * GIB, (outside - spread) * GIB, (outside + spread) * GIB)


def pool(row: Row, memories: tuple[Memory, ...]) -> Prediction:
    size = re.search(r"([\d.]+)\s*GiB", row.get("gpu") or "")
    share = re.search(r"util ([\d.]+)", row.get("notes") or "") or re.search(r"util ([\d.]+)", row.get("runtime") or "")
    if not size or not share:
        raise NotModelledError("the pool's size needs the card's memory and the fraction used")
    taken = largest(memories, lambda t: t.component in {"weights", "activations"})
    reserved = float(size[1]) * float(share[1]) * GIB - 0.13 * GIB
    return Prediction(max(reserved - taken.expected, 0), max(reserved - taken.high, 0), reserved - taken.low)


def activation_theory(row: Row, model: Architecture) -> Prediction:
    sequence = length(row)
    if not sequence:
        raise NotModelledError("no sequence length")
    if row.get("measured") == "theoretical":
        raise NotModelledError("a formula for GPT with dropout, not a measurement")
    work = Workload(method="full", precision="bf16", context=sequence, batch=integer(row, "micro_batch") or 1,
                    flash_attention=False if "eager" in text(row, "attention_impl") else None)  # fmt: skip
    size = activation_bytes_per_token(ModelUse(model, work), GpuPart(), sequence) * sequence * work.batch * model.layers
    return Prediction(size, size * 0.8, size * 1.15)


# --- all rows ---


def evaluate(rows: list[Row], tiers: set[str] | None = None) -> Result:
    result = Result()
    for position, row in enumerate(rows):
        if tiers and (row.get("tier") or "") not in tiers:
            continue
        result.rows += 1
        name = row.get("id") or f"row {position + 2}"
        usable = row.get("usable_for") or ""
        if usable in NEVER_SCORED:
            result.never_scored[usable] += 1
            continue
        try:
            judge(row, name, usable, result)
        except (NotModelledError, LlmcheckError) as error:
            result.unexpressed.append(unexpressed(row, name, str(error)))
        except (ArithmeticError, ValueError, TypeError, KeyError) as error:
            result.unexpressed.append(unexpressed(row, name, f"{type(error).__name__}: {error}"))
    return result


def unexpressed(row: Row, name: str, reason: str) -> dict[str, str]:
    return {"id": name, "source": row.get("source_key") or "", "tier": row.get("tier") or "", "reason": reason}


def judge(row: Row, name: str, usable: str, result: Result) -> None:
    bound = number(row, "bound_bytes")
    if bound and "lower" in (row.get("bound") or "lower"):
        needed = largest(per_gpu(ModelUse(architecture(row), workload_of(row)), gpus_of(row)), lambda _: True)
        result.boundaries.append(
            Boundary(name, needed.expected, bound, fits=False, right=needed.expected > bound * USABLE)
        )
        return
    figure = number(row, "figure_bytes")
    if row.get("figure_kind") == "activation_coefficient":  # in units of 2 x hidden bytes per token and layer
        figure = 2.0 * (integer(row, "hidden") or 0) * (number(row, "figure_value") or 0)
    if not figure or figure <= 0:
        raise NotModelledError("no figure in bytes")
    found = predict(row)
    least, most = number(row, "figure_lo_bytes") or figure, number(row, "figure_hi_bytes") or figure
    # the printed digits are an interval; what lies in it to a byte is inside
    inside = found.low <= most + 1 and found.high >= least - 1
    result.scored.append(
        Scored(name, row.get("source_key") or "", row.get("figure_kind") or "", usable, row.get("tier") or "",
               figure, found.expected, found.low, found.high, inside)
    )  # fmt: skip
    card = number(row, "gpu_mem_gb")
    peaks = ALLOCATED | RESERVED | {"nvidia_smi"}
    if card and row.get("figure_kind") in peaks and row.get("measured") == "measured":
        needed = largest(per_gpu(ModelUse(architecture(row), workload_of(row)), gpus_of(row)), lambda _: True)
        result.boundaries.append(
            Boundary(name, needed.expected, card * GIB, fits=True, right=needed.expected <= card * GIB)
        )


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    at = part * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def group(rows: list[Scored]) -> dict[str, float | int]:
    errors = [abs(row.error) for row in rows]
    return {
        "rows": len(rows),
        "median": round(statistics.median(errors), 4),
        "p90": round(percentile(errors, 0.9), 4),
        "bias": round(statistics.fmean(row.error for row in rows), 4),
        "inside": round(sum(row.inside for row in rows) / len(rows), 4),
        "band": round(statistics.median((row.high - row.low) / 2 / max(row.expected, 1) for row in rows), 4),
    }


def groups(rows: list[Scored], key: Callable[[Scored], str]) -> dict[str, dict[str, float | int]]:
    found: dict[str, list[Scored]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return {name: group(members) for name, members in sorted(found.items())}


def document(result: Result) -> dict[str, Any]:
    worst = sorted(result.scored, key=lambda row: -abs(row.error))[:10]
    return {
        "rows": result.rows,
        "scored": len(result.scored),
        "by_usable_for": groups(result.scored, lambda row: row.usable_for or "none given"),
        "by_source": groups(result.scored, lambda row: row.source or "none given"),
        "by_source_and_kind": groups(result.scored, lambda row: f"{row.source}: {row.kind}"),
        "boundaries": {
            "rows": len(result.boundaries),
            "right": sum(row.right for row in result.boundaries),
            "must_not_fit": sum(not row.fits for row in result.boundaries),
            "wrong": [asdict(row) for row in result.boundaries if not row.right],
        },
        "worst": [asdict(row) | {"error": round(row.error, 4)} for row in worst],
        "unexpressed": result.unexpressed,
        "never_scored": dict(result.never_scored),
    }


def table(title: str, rows: dict[str, dict[str, float | int]]) -> list[str]:
    width = max([len(name) for name in rows] + [len(title)])
    lines = [f"{title:<{width}}  rows  median     p90    bias  inside   band"]
    for name, each in rows.items():
        lines.append(
            f"{name:<{width}}  {each['rows']:>4}  {each['median']:>6.1%}  {each['p90']:>6.1%}  {each['bias']:>+6.1%}"
            f"  {each['inside']:>6.0%}  ±{each['band']:.0%}"
        )
    return [*lines, ""]


def as_text(found: dict[str, Any]) -> str:
    lines = [f"{found['rows']} rows, {found['scored']} scored", ""]
    lines += table("usable for", found["by_usable_for"])
    lines += table("source", found["by_source"])
    lines += table("source: kind", found["by_source_and_kind"])
    edge = found["boundaries"]
    lines.append(f"boundaries: {edge['right']} of {edge['rows']} right ({edge['must_not_fit']} must not fit)")
    lines += [
        f"  wrong: {row['id']}: {row['expected'] / GIB:.1f} of {row['capacity'] / GIB:.1f} GiB" for row in edge["wrong"]
    ]
    lines += ["", "ten worst"]
    lines += [
        f"  {row['error']:+.1%}  {row['id']}: {row['expected'] / GIB:.2f} for {row['figure'] / GIB:.2f} GiB"
        for row in found["worst"]
    ]
    lines += ["", f"not expressed: {len(found['unexpressed'])}"]
    lines += [f"  {row['id']} ({row['tier']}): {row['reason']}" for row in found["unexpressed"]]
    never = ", ".join(f"{count} {name}" for name, count in found["never_scored"].items())
    lines += ["", f"never scored, by what they are: {never or 'none'}"]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--tier", action="append", help="only rows of this tier; may be repeated")
    options = parser.parse_args(arguments)
    try:
        with options.file.open(encoding="utf-8-sig", newline="") as file:
            rows = [{k: v or "" for k, v in row.items() if isinstance(k, str)} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        parser.error(f"{options.file}: {error}; expected a CSV file in UTF-8")
    found = document(evaluate(rows, set(options.tier) if options.tier else None))
    sys.stdout.write((json.dumps(found, indent=2) if options.format == "json" else as_text(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
