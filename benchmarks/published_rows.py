"""Rows of published memory figures as architectures and workloads: each column as the sources write it."""

from __future__ import annotations

import functools
import re

from llmcheck.api.model_source import known_model
from llmcheck.schema.architecture import Architecture, Attention, Parameters

Row = dict[str, str]

ALLOCATED = {"peak_allocated", "peak_active", "peak_allocated_unstated"}
STATES = {"model_state_theory", "optimizer_state_theory", "allocated_current"}
"""Between two steps only the model states are allocated."""
RESERVED = {"peak_reserved", "peak_reserved_unstated", "peak_allocated_or_reserved_unstated"}
ALL_OF_THE_GPU = {"nvidia_smi", "nvidia_smi_unstated", "min_gpu"}
ALPACA = 1024
"""Tokens of the longest Alpaca examples: 1,034 to 1,304 in the tokenizers that LitGPT's table lists."""


class NotModelledError(Exception):
    """Why a row cannot be computed."""


class UnknownWordError(NotModelledError):
    """A word that the benchmark does not know: it is never read as another."""

    def __init__(self, column: str, stated: str) -> None:
        super().__init__(f"{column}: the word '{stated[:60]}' is not known")


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
