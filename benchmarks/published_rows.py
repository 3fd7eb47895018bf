"""Rows of published memory figures as architectures and workloads: each column as the sources write it."""

from __future__ import annotations

import functools
import re
from typing import Any

from llmcheck.api.model_source import known_model
from llmcheck.schema.architecture import Architecture, Attention, Parameters
from llmcheck.schema.workload import Workload

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
    values: dict[str, Any] = {"method": trained_by(row, method)}
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
    values["sharding"] = sharding_of(row, frozen_flat=values["method"] != "full" and runtime == "litgpt")
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


def trained_by(row: Row, method: str) -> str:
    if "qlora" in method:
        return "qlora"
    if "full" in method:
        return "full"
    if method in {"lora", "lora rslora", "lora+emb", "dora"}:
        return "lora"
    if method in {"llama-adapter", "adapter v2"}:
        return "qlora" if text(row, "weight_dtype") in {"nf4", "fp4"} else "lora"
    raise NotModelledError(f"method not modelled: {row.get('method')}")


def sharding_of(row: Row, *, frozen_flat: bool) -> str | None:
    """``frozen_flat``: FSDP keeps frozen and trained weights in one flat parameter. None: the row does not say."""
    sharding = text(row, "sharding")
    if "megatron" in text(row, "runtime") and not sharding and "dist" in text(row, "notes"):
        return "zero1"  # its distributed optimizer shards only the states
    if "zero" in sharding:
        return f"zero{re.sub(r'[^0-9]', '', sharding)[:1] or '3'}"
    if "fsdp" in sharding:
        return "fsdp1" if frozen_flat else "fsdp"
    return next((name for name in ("ddp", "none") if name in sharding), None)


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


def workload_of(row: Row) -> Workload:
    kind = row.get("kind")
    method = text(row, "method")
    if kind == "training" or "lora" in method or method.startswith("full"):
        return training_workload(row)
    return inference_workload(row)
