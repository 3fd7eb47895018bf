"""The words of published memory figures as workloads. A word that is not listed here is refused, never guessed.

Every function reads one or two columns of a row and raises ``UnknownWordError``, which names the column and the word.
The words and what they mean stand in ``Words`` of the collection's description.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from published_rows import (
    ALPACA,
    STATES,
    NotModelledError,
    Row,
    UnknownWordError,
    integer,
    length,
    number,
    text,
    weight_format,
)

from llmcheck.schema.workload import Workload

KINDS = {"inference", "training", "runtime", "kernel"}
SCOPES = {"per_gpu", "sum_gpus", "component", "file", "host_ram", "unified_memory"}
_CHECKPOINTING: dict[str, Any] = {
    "yes": True, "yes (block)": True, "full": True, "no": False, "no (inferred)": False,
    "selective": "selective", "selective (attention)": "selective",
    "selective (op)": "selective-op", "selective op": "selective-op",
    "selective (layer)": "selective-layer", "selective layer": "selective-layer",
}  # fmt: skip
_METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "full pure-bf16": {"method": "full", "precision": "bf16"},
    "full mixed": {"method": "full", "precision": "mixed"},
    "full mixed fp16": {"method": "full", "precision": "mixed"},
    "full fp16 mixed": {"method": "full", "precision": "mixed"},
    "full mixed (32-bit states)": {"method": "full", "precision": "mixed"},
    "full mixed fp16 adam (16 b/param)": {"method": "full", "precision": "mixed"},
    "full mixed (fsdp2: fp32 shards, bf16 compute)": {"method": "full", "precision": "mixed", "sharding": "fsdp"},
    "full mixed (fsdp: fp32 shards, bf16 compute)": {"method": "full", "precision": "mixed", "sharding": "fsdp"},
    "full fp32": {"method": "full", "precision": "fp32"},
    "lora": {"method": "lora"},
    "lora rslora": {"method": "lora"},
    "lora + zero-3": {"method": "lora", "sharding": "zero3"},
    "lora+emb": {"method": "lora", "trained_embeddings": True},
    "dora": {"method": "lora", "adapter": "dora"},
    "llama-adapter": {"method": "lora", "adapter": "prefix"},
    "adapter v2": {"method": "lora", "adapter": "scale"},
    "qlora": {"method": "qlora"},
    "qlora 8-bit": {"method": "qlora"},
    "qdora": {"method": "qlora", "adapter": "dora"},
}  # fmt: skip
_INFERENCE = {
    "", "generate", "serve", "load", "load+context", "llama-server", "chat bs1", "file", "forward, no ckpt",
    "4-bit memory", "4-bit", "cuda context", "cuda context only", "prefill", "decode",
}  # fmt: skip
_SHARDING: dict[str, str | None] = {
    "": None, "none": "none", "ddp": "ddp", "ddp (no shard)": "ddp",
    "fsdp": "fsdp", "fsdp (full shard)": "fsdp1", "fsdp full shard": "fsdp1", "fsdp (full_shard)": "fsdp1",
    "fsdp (shard_grad_op)": "shard-grad-op", "fsdp2": "fsdp", "fsdp2 full shard": "fsdp",
}  # fmt: skip
_OFFLOAD: dict[str, str] = {
    "": "none", "none": "none", "no": "none", "optimizer": "optimizer", "deepspeed cpu offload": "optimizer",
    "params+optimizer": "all", "params+optimizer (zero++)": "all", "params+grads+optimizer": "all",
    "deepspeed zero-3 cpu offload": "all", "optimizer+params": "all",
}  # fmt: skip
_OPTIMIZERS: dict[str, str] = {
    "": "adamw", "adam": "adamw", "adamw": "adamw", "adamw (torch)": "adamw", "adamw_torch": "adamw",
    "adamw fused": "adamw-fused", "adamw_torch_fused": "adamw-fused", "fused adamw": "adamw-fused",
    "adamw foreach=false": "adamw-fused", "adamw (fused, on cpu)": "adamw-fused", "fused adam": "adamw-fused",
    "adamw_8bit": "adamw-8bit", "8-bit adam": "adamw-8bit", "8-bit adamw": "adamw-8bit", "adamw 8-bit": "adamw-8bit",
    "bnb 8-bit adamw": "adamw-8bit", "torchao 8-bit adamw": "adamw-8bit", "adamw8bit": "adamw-8bit",
    "adamw_bnb_8bit": "adamw-8bit", "adamw_torch_8bit": "adamw-8bit", "adamw-8bit": "adamw-8bit",
    "torchao 4-bit adamw": "adamw-4bit", "4-bit adamw": "adamw-4bit", "adamw_torch_4bit": "adamw-4bit",
    "pagedadamw": "paged-adamw", "paged_adamw_32bit": "paged-adamw", "paged adamw": "paged-adamw",
    "pagedadamw8bit": "paged-adamw-8bit", "paged_adamw_8bit": "paged-adamw-8bit",
    "paged adamw 8-bit": "paged-adamw-8bit",
    "adafactor": "adafactor", "sgd": "sgd", "lion": "lion",
}  # fmt: skip
_IN_BACKWARD = re.compile(r"\s*\+\s*(?:optimizer-in-backward|optimizer step in backward)")
_TARGETS = {
    "q,v": "qv", "q_proj,v_proj": "qv", "v_proj,q_proj": "qv", "method default": "qv",
    "attention": "attention", "self_attn": "attention", "q,k,v,o": "attention",
    "q_proj,k_proj,v_proj,o_proj": "attention", "mlp": "mlp", "all linear": "all-linear", "all-linear": "all-linear",
    "all": "all-linear",
    "q,v,(output_proj),mlp per 8b_lora_single_device config": "all-linear",
    "c_attn,c_proj,w1,w2 (finetune.py default)": "all-linear",
    "c_attn,c_proj,w1,w2 (finetune.py default) + trainable wte,lm_head": "all-linear",
}  # fmt: skip
_LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
_ATTENTION: dict[str, bool | None] = {
    "": None, "sdpa": True, "flash": True, "flash_attention_2": True, "flash_attention_3": True, "flex": True,
    "flash attention": True, "flash (bettertransformer)": True, "xformers": True, "eager": False,
}  # fmt: skip
_TRAINERS = (
    ("litgpt", "litgpt"), ("torchtune", "torchtune"), ("unsloth", "transformers"), ("axolotl", "transformers"),
    ("llama-factory", "transformers"), ("llamafactory", "transformers"), ("ms-swift", "transformers"),
    ("swift", "transformers"), ("xtuner", "transformers"), ("trl", "transformers"), ("peft", "transformers"),
    ("transformers", "transformers"), ("hf ", "transformers"), ("accelerate", "transformers"),
    ("qlora", "transformers"), ("openrlhf", "transformers"), ("mlx", "mlx"),
    # plain PyTorch with an engine of their own: torchtitan stands for all of them
    *((name, "torchtitan") for name in (
        "torchtitan", "megatron", "nemo", "llm-foundry", "llm foundry", "composer", "nanotron", "fairscale",
        "gpt-neox", "colossal", "deepspeed", "fsdp", "pytorch", "torch", "theory", "llama-recipes",
    )),
)  # fmt: skip
"""Trainers by what a row's ``runtime`` says."""
_RUNTIMES = (
    ("litgpt", "litgpt"), ("torchtune", "torchtune"), ("llama.cpp", "llama.cpp"), ("llamacpp", "llama.cpp"),
    ("ollama", "ollama"), ("vllm", "vllm"), ("sglang", "sglang"), ("tensorrt", "tensorrt-llm"),
    ("lmdeploy", "lmdeploy"), ("text-generation-inference", "tgi"), ("tgi", "tgi"), ("mlx", "mlx"),
    ("unsloth", "transformers"), ("transformers", "transformers"), ("exllama", "exllama"),
    ("hf trainer", "transformers"), ("accelerate", "transformers"), ("bnb", "transformers"),
    ("deepspeed", "transformers"), ("hf-mem", "transformers"), ("pytorch", "transformers"), ("torch", "transformers"),
)  # fmt: skip
# the older of two habits at the loss, by the month that a row names
_TORCHTUNE_MONTH = re.compile(r"\((?:[a-z]+ )?(20\d\d)\)|\(([a-z]+) (20\d\d)\)")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


def word(row: Row, column: str, known: dict[str, Any]) -> Any:
    """The meaning of the word in this column."""
    stated = text(row, column)
    if stated not in known:
        raise UnknownWordError(column, stated)
    return known[stated]


def checked(row: Row) -> None:
    """Raises ``UnknownWordError`` for a kind or a scope that is not known."""
    for column, known in (("kind", KINDS), ("figure_scope", SCOPES)):
        if text(row, column) not in known:
            raise UnknownWordError(column, text(row, column))


def runtime_of(row: Row, *, training: bool = False) -> tuple[str | None, str | None]:
    """The runtime and its version; (None, None) where the row names none."""
    stated = text(row, "runtime")
    if not stated:
        return ("torchtitan" if training else None), None
    table = _TRAINERS if training else _RUNTIMES
    for key, name in table:
        if key in stated:
            return name, _version(stated, key, name)
    if training or text(row, "figure_kind") not in {"kv_cache", "kv_tokens", "file_size", "weights_theory"}:
        raise UnknownWordError("runtime", stated)
    return None, None


def _version(stated: str, key: str, name: str | None) -> str | None:
    version = re.search(re.escape(key) + r"\D{0,3}(\d+\.\d+(?:\.\d+)?)", stated)
    if version:
        return version[1]
    if name == "litgpt" and "bitsandbytes 0.41" in stated:
        return "0.3"
    if name == "torchtune" and (month := re.search(r"\(([a-z]+) (20\d\d)\)", stated)) and month[1] in _MONTHS:
        # 0.3, the first with a chunked loss, is of September 2024
        return "0.2" if (int(month[2]), _MONTHS.index(month[1]) + 1) < (2024, 9) else None
    return None


def parallelism(row: Row) -> dict[str, Any]:
    """Fields of the workload that say how a model is divided over GPUs."""
    found: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text(row, "parallelism").split(","))):
        if match := re.fullmatch(r"(tp|pp|cp|ep|dp)\s*=\s*(\d+)", part):
            name = {"tp": "tensor_parallel", "pp": "pipeline_parallel", "cp": "context_parallel"}.get(match[1])
            if name is not None:
                found[name] = int(match[2])
            elif match[1] == "ep" and int(match[2]) > 1:
                raise NotModelledError("expert parallelism is not modelled")
        elif re.fullmatch(r"naive layer split(?: \(device_map\))?|sequential over \d+", part):
            found["layer_split"] = True
        elif not re.fullmatch(r"\d+ parallel slots", part):
            raise UnknownWordError("parallelism", part)
    return found


def sharding(row: Row) -> dict[str, Any]:
    """Fields of the workload for the sharding; {} where the row does not say."""
    stated = text(row, "sharding")
    if zero := re.fullmatch(r"zero(?:-|\s)?([123])(?:\s*\(.*\))?", stated):
        return {"sharding": f"zero{zero[1]}"}
    if ranks := re.fullmatch(r"(?:fsdp2|fsdp|hsdp) (\d+)", stated):
        return {"sharding": "fsdp", "sharding_gpus": int(ranks[1])}
    if not stated and "megatron" in text(row, "runtime") and "dist" in text(row, "notes"):
        return {"sharding": "zero1"}  # its distributed optimizer shards only the states
    name = word(row, "sharding", _SHARDING)
    if name == "fsdp1" and "torchtune" in text(row, "runtime"):
        name = "fsdp"
    if name in ("fsdp", "fsdp1") and "litgpt" in text(row, "runtime"):
        name = "fsdp1"  # one flat parameter of frozen and trained weights
    return {} if name is None else {"sharding": name}


def checkpointing(row: Row) -> Any:
    """None where the row does not say and no peak is wanted."""
    if text(row, "grad_ckpt"):
        return word(row, "grad_ckpt", _CHECKPOINTING)
    if "torchtune" in text(row, "runtime"):
        return True  # its recipes recompute
    if row.get("figure_kind") in STATES:
        return None
    raise NotModelledError("grad_ckpt is not given")


def optimizer(row: Row) -> dict[str, Any]:
    """The optimizer, and whether it steps in the backward pass."""
    stated = text(row, "optimizer")
    if stated.startswith("not printed"):
        raise NotModelledError("the optimizer is not given")
    found: dict[str, Any] = {}
    notes = text(row, "notes")
    if _IN_BACKWARD.search(stated) or re.search(
        r"optimizer(?: step)? in backward|cumulative with all the above", notes
    ):
        found["optimizer_in_backward"] = True
        stated = _IN_BACKWARD.sub("", stated).strip()
    if stated not in _OPTIMIZERS:
        raise UnknownWordError("optimizer", stated)
    name = _OPTIMIZERS[stated]
    fused = ("torchtune", "deepspeed", "torchtitan", "megatron", "nemo", "llm-foundry")
    if name == "adamw" and any(each in text(row, "runtime") for each in fused):
        name = "adamw-fused"
    return found | {"optimizer": name}


def known_optimizer(row: Row) -> Any:
    """The optimizer of a published speed; None where the row names none."""
    stated = text(row, "optimizer")
    if stated in {"", "lora-fa", "adamw (decoupled)"} or stated.startswith("not printed"):
        return None
    if stated not in _OPTIMIZERS:
        raise UnknownWordError("optimizer", stated)
    return _OPTIMIZERS[stated]


def targets(row: Row) -> str:
    stated = text(row, "lora_targets")
    if stated in _TARGETS:
        return _TARGETS[stated]
    names = {each.strip() for each in stated.split(",")} if stated else set()
    if names and names <= _LINEAR:
        if names == _LINEAR:
            return "all-linear"
        mlp = names & {"gate_proj", "up_proj", "down_proj"}
        if not mlp:
            return "qv" if names == {"q_proj", "v_proj"} else "attention"
        if names == mlp and len(mlp) == 3:
            return "mlp"
    if not stated:
        return "qv"  # PEFT's default for Llama's kind
    raise UnknownWordError("lora_targets", stated)


def offload(row: Row) -> dict[str, Any]:
    stated, notes = re.sub(r"\s*\([\d.]+ gb cpu\)", "", text(row, "cpu_offload")), text(row, "notes")
    if stated == "activations" or re.search(r"\boffload\b", notes):
        return {"activation_offload": True}
    if stated not in _OFFLOAD:
        raise UnknownWordError("cpu_offload", stated)
    return {} if _OFFLOAD[stated] == "none" else {"offload": _OFFLOAD[stated]}


def from_notes(row: Row, runtime: str | None) -> dict[str, Any]:
    """What the notes say of a training run in the words that change its memory."""
    notes, stated = text(row, "notes"), text(row, "runtime")
    found: dict[str, Any] = {}
    if re.search(r"(?<!no )\b(?:torch\.)?compile", notes):
        found["compiled"] = True
    by_recipe = runtime == "torchtune" and "recipe config decides" in notes  # whose loss is the chunked one
    if (
        re.search(r"chunked c(?:ross[ -]entropy|e\b)|fused linear|cut cross entropy", notes)
        or "unsloth" in stated
        or by_recipe
    ):
        found["chunked_loss"] = True
    if "expandable segments" in notes:
        found["expandable_segments"] = True
    if dropout := re.search(r"lora dropout\s*([\d.]+)?", notes):
        found["lora_dropout"] = not dropout[1] or float(dropout[1].rstrip(".")) > 0
    if "axolotl" in stated or "unsloth" in stated:
        found["base_in_fp32"] = False
    if re.search(r"lengths? vary|real lengths vary|dataset-dependent", notes + text(row, "length_note")):
        found["lengths_vary"] = True
    return found


def training_length(row: Row) -> int | None:
    """Tokens of the longest sequence. Raises ``NotModelledError`` where a peak is wanted and the row does not say."""
    sequence, said = length(row), text(row, "length_note", "notes")
    unpacked = "not packed" in said or "unpacked" in said
    if "alpaca" in said and "alpaca_cleaned" not in said and (sequence is None or unpacked):
        return min(sequence or ALPACA, ALPACA)
    if sequence is None and row.get("figure_kind") not in STATES:
        raise NotModelledError("no sequence length")
    return sequence


def training_workload(row: Row) -> Workload:
    """Raises ``NotModelledError``."""
    runtime, version = runtime_of(row, training=True)
    values = dict(word(row, "method", _METHODS))
    states = text(row, "opt_state_dtype")
    if values["method"] == "full":
        values.setdefault("precision", "bf16" if states == "bf16" else "mixed")
    else:
        if text(row, "weight_dtype") in {"nf4", "fp4"}:
            values["method"] = "qlora"
        if states.startswith("bf16") or runtime in {"torchtune", "litgpt"}:
            values["precision"] = "bf16"
        values |= {"weights": weight_format(row), "lora_rank": integer(row, "lora_r")}
        if values.get("adapter") in (None, "dora"):
            values["lora_targets"] = targets(row)
    values["gradients"] = "fp32" if "megatron" in text(row, "runtime") else None
    sharded = sharding(row)
    values |= {**sharded, **({"sharding": values["sharding"]} if "sharding" in values and not sharded else {})}
    values |= parallelism(row) | optimizer(row) | offload(row) | from_notes(row, runtime)
    return Workload(
        context=training_length(row), batch=integer(row, "micro_batch") or 1, runtime=runtime, runtime_version=version,
        checkpointing=checkpointing(row), gpus=integer(row, "n_gpus") or 1,
        flash_attention=word(row, "attention_impl", _ATTENTION)
        if text(row, "attention_impl") else (False if "eager" in text(row, "runtime") else None),
        **values,
    )  # fmt: skip


def inference_workload(row: Row) -> Workload:
    """Raises ``NotModelledError``."""
    if text(row, "method") not in _INFERENCE:
        raise UnknownWordError("method", text(row, "method"))
    runtime, version = runtime_of(row)
    batch = integer(row, "micro_batch") or 1
    prompt, context = _prompt(row, batch)
    memory = number(row, "gpu_mem_gb") or 0
    notes = text(row, "notes")
    flash = word(row, "attention_impl", _ATTENTION)
    if "no flash" in notes or (runtime == "llama.cpp" and flash is None and "flash" not in notes):
        flash = False
    return Workload(
        method="inference", weights=weight_format(row) if needs_format(row) else None,
        kv_cache=text(row, "kv_dtype") or None, context=context, prompt=prompt, batch=batch,
        runtime=runtime, runtime_version=version, gptq_kernel=_gptq_kernel(row),
        static_cache=True if "static cache" in notes else None,
        max_sequences=1024 if runtime == "vllm" and memory >= 70 else None,
        flash_attention=False if flash is False else None,
        **{name: value for name, value in parallelism(row).items() if name == "tensor_parallel"},
    )  # fmt: skip


def _gptq_kernel(row: Row) -> Literal["exllama", "exllamav2", "marlin"] | None:
    stated = text(row, "runtime")
    if "marlin" in stated:
        return "marlin"
    if "exllama" in stated:
        return "exllamav2" if "exllama v2" in stated or "exllamav2" in stated else "exllama"
    return None


def _prompt(row: Row, batch: int) -> tuple[int | None, int | None]:
    """Tokens of the prompt, and of prompt and answer together."""
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
    if prompt is None and (row.get("figure_kind") or "").startswith(("peak", "nvidia_smi", "min_gpu")):
        prompt = 128
    return prompt, None if prompt is None else prompt + answer


def needs_format(row: Row) -> bool:
    return row.get("figure_kind") not in {"kv_cache", "kv_tokens", "compute_buffer"}


def workload_of(row: Row) -> Workload:
    """The workload of a row. Raises ``NotModelledError``."""
    checked(row)
    method = text(row, "method")
    trains = method in _METHODS and method not in _INFERENCE
    if row.get("kind") == "training" or trains:
        if method in {"load", "cuda context only"}:
            return inference_workload(row)
        return training_workload(row)
    return inference_workload(row)
