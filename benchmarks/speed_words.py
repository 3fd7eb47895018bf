"""The words of published speeds as machines and workloads. A word that is not listed here is refused, never guessed."""

from __future__ import annotations

import functools
import re
from typing import Any

from msgspec.structs import replace
from published_rows import NotModelledError, Row, UnknownWordError, in_table, integer, text
from published_rows import architecture as of_shapes
from published_words import known_optimizer, parallelism

from llmcheck import catalog
from llmcheck.errors import LlmcheckError
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse

KINDS = {"train", "decode", "prefill", "serve"}
PER = {"gpu", "total", "sequence"}
METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"}, "full pure-bf16": {"method": "full", "precision": "bf16"},
    "full mixed": {"method": "full", "precision": "mixed"}, "pretrain": {"method": "pretrain"},
    "pretraining": {"method": "pretrain"}, "pre-training": {"method": "pretrain"},
    "lora": {"method": "lora"}, "lora rslora": {"method": "lora"}, "lora (bd-lora)": {"method": "lora"},
    "lora (mica)": {"method": "lora"}, "lora-fa": {"method": "lora"}, "adalora": {"method": "lora"},
    "dora": {"method": "lora", "adapter": "dora"}, "ia3": {"method": "lora", "adapter": "scale"},
    "prefixtuning": {"method": "lora", "adapter": "prefix"}, "qlora": {"method": "qlora"},
    "qdora": {"method": "qlora", "adapter": "dora"},
}  # fmt: skip
OTHER_ADAPTERS = {
    "miss", "oft", "boft", "vera", "loha", "lokr", "fourierft", "randlora", "shira", "c3a", "ptuning", "p-tuning",
    "prompttuning", "prompt tuning", "ln_tuning", "trainabletokens", "bone", "delora", "road", "waveft", "hra", "osf",
    "gralora",
}  # fmt: skip
GENERATES = {"", "generate", "llama-bench", "forward", "serve", "chat", "decode", "prefill", "bench", "benchmark"}
PRECISIONS: dict[str, str | None] = {
    "": None, "bf16": None, "fp16": None, "amp_bf16": None, "amp_fp16": None, "bf16 mixed": "mixed", "mixed": "mixed",
    "fp16 mixed": "mixed", "fp16 weights": "bf16", "f16 compute": None, "fp16/bf16 compute": None, "fp8": "fp8",
    "amp_fp8": "fp8", "float8": "fp8", "fp32": "fp32",
}  # fmt: skip
CHECKPOINTING: dict[str, Any] = {
    "": None, "yes": True, "yes (block)": True, "full": True, "no": False, "no (inferred)": False,
    "selective": "selective", "selective (op)": "selective-op", "selective op": "selective-op",
    "selective layer": "selective-layer", "selective (layer)": "selective-layer",
}  # fmt: skip
SHARDING: dict[str, str | None] = {
    "": None, "none": "none", "ddp": "ddp", "ddp (no shard)": "ddp", "zero-1": "zero1", "zero-2": "zero2",
    "zero-3": "zero3", "fsdp": "fsdp", "fsdp (full shard)": "fsdp1", "fsdp full shard": "fsdp1",
    "fsdp (shard_grad_op)": "shard-grad-op", "fsdp2": "fsdp", "fsdp2 full shard": "fsdp",
}  # fmt: skip
OFFLOAD: dict[str, str | None] = {
    "": None, "none": None, "no": None, "optimizer": "optimizer", "params+optimizer": "all",
    "params+optimizer (zero++)": "all", "params+grads+optimizer": "all", "optimizer+params": "all",
}  # fmt: skip
FORMATS = {
    "bf16": "bf16", "fp16": "fp16", "f16": "fp16", "fp32": "fp32", "f32": "fp32", "fp8": "fp8", "mxfp4": "mxfp4",
    "gptq-int4": "gptq-4bit-g128", "gptq-int8": "gptq-8bit-g128", "awq": "awq", "nf4": "nf4", "nf4-dq": "nf4-dq",
    "fp4": "nf4", "fp4-dq": "nf4-dq", "int8": "int8", "mlx-q4": "mlx-4bit", "mlx-q8": "mlx-8bit",
    "mlx-4bit": "mlx-4bit", "mlx-8bit": "mlx-8bit", "mlx-q6": "mlx-6bit", "mlx-q3": "mlx-3bit",
    "torchao int4 weight-only g32": "gptq-4bit-g32", "torchao int4 weight-only g64": "gptq-4bit-g64",
    "torchao int4 weight-only g128": "gptq-4bit-g128", "torchao int4 weight-only g256": "gptq-4bit-g128",
    "int4 weight-only g32": "gptq-4bit-g32", "int4 weight-only g64": "gptq-4bit-g64",
    "int4 weight-only g128": "gptq-4bit-g128", "int8 weight-only": "int8", "int4": "gptq-4bit-g128",
    "w4a16": "gptq-4bit-g128", "torchao int8 weight-only": "int8", "torchao fp8": "fp8", "fp8 dynamic": "fp8",
    "fp8 (per tensor)": "fp8", "fp8 per row": "fp8", "w8a8 fp8": "fp8", "awq-int4": "awq",
    "gptq-4bit": "gptq-4bit-g128", "gptq-int3": "gptq-3bit-g128",
}  # fmt: skip
_GGUF = re.compile(r"(?:i?q\d_(?:[01]|k(?:_[sml])?|k_xl|xxs|xs|s|m|nl))")
RUNTIMES = (
    ("llama.cpp", "llama.cpp"), ("llama-bench", "llama.cpp"), ("ollama", "ollama"), ("vllm", "vllm"),
    ("sglang", "sglang"), ("tensorrt-llm", "tensorrt-llm"), ("lmdeploy", "lmdeploy"), ("exllama", "exllama"),
    ("text-generation-inference", "tgi"), ("tgi", "tgi"), ("autogptq", "transformers"), ("autoawq", "transformers"),
    ("lit-gpt", "litgpt"), ("lit-llama", "litgpt"), ("composer", "torchtitan"), ("gpt-neox", "torchtitan"),
    ("fsdp", "torchtitan"), ("huggingface", "transformers"), ("hugging face", "transformers"),
    ("accelerate", "transformers"), ("mlx", "mlx"), ("litgpt", "litgpt"),
    ("gpt-fast", "litgpt"), ("torchao", "transformers"), ("torchtune", "torchtune"), ("torchtitan", "torchtitan"),
    ("llm-foundry", "torchtitan"), ("megatron", "torchtitan"), ("nemo", "torchtitan"), ("nanotron", "torchtitan"),
    ("hf ", "transformers"), ("transformers", "transformers"), ("unsloth", "transformers"),
    ("axolotl", "transformers"), ("llama-factory", "transformers"), ("ms-swift", "transformers"),
    ("trl", "transformers"), ("peft", "transformers"), ("deepspeed", "transformers"), ("pytorch", "transformers"),
)  # fmt: skip
_MONTHS = {name: number + 1 for number, name in enumerate((
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
))}  # fmt: skip
A800_NVLINK = 400.0
"""GB/s of both directions, of A800 and H800; an A100 has 600, an H100 900, and the same rates otherwise."""
_SIZES = (" 64GB", "-32GB", " 480GB", " 96GB")
"""Of cards that have several with the same rates, where a name states none."""


def word(row: Row, column: str, known: dict[str, Any]) -> Any:
    stated = text(row, column)
    if stated not in known:
        raise UnknownWordError(column, stated)
    return known[stated]


def one_of(row: Row, column: str, known: set[str]) -> str:
    return str(word(row, column, {each: each for each in known}))


def format_of(row: Row) -> str | None:
    """The format of the weights; what a note says of the model's file goes before the column."""
    stated, notes = text(row, "weight_format"), text(row, "notes")
    if match := re.search(r"experiment (gptq|awq|bnb)\b", notes):
        return {"gptq": "gptq-4bit-g128", "awq": "awq", "bnb": "nf4"}[match[1]]
    if not stated:
        return None
    if stated in FORMATS:
        form = FORMATS[stated]
        whole = "litgpt" in text(row, "runtime") and form in {"nf4", "nf4-dq", "int8"}
        return form + "+head" if whole else form
    if _GGUF.fullmatch(stated):
        return stated
    if match := re.fullmatch(r"mlx-(\d)bit(?:-g\d+)?", stated):
        return stated
    raise UnknownWordError("weight_format", stated)


def runtime_of(row: Row) -> tuple[str, str | None]:
    """Its id and version; for llama.cpp year and month stand for a version."""
    stated = text(row, "runtime")
    named = [(stated.index(start), start, name) for start, name in RUNTIMES if start in stated]
    if not named:
        raise UnknownWordError("runtime", stated)
    _, start, name = min(named, key=lambda each: each[0])
    if name == "llama.cpp":
        dated = re.search(r"\(([a-z]+) (20\d\d)\)", stated)
        if dated and dated[1] in _MONTHS:
            return name, f"{int(dated[2]) - 2000}.{_MONTHS[dated[1]]}"
        build = re.search(r"\bb(?:uild )?(\d{3,5})\b", stated)
        return name, "24.1" if build and int(build[1]) < 3100 else None
    version = re.search(re.escape(start) + r"\D{0,2}(\d+\.\d+(?:\.\d+)?)", stated)
    return name, version[1] if version else None


def architecture(row: Row) -> Architecture:
    """From the row's shapes; of experts, whose shapes the columns do not hold, from the table of models."""
    total, active = integer(row, "params_total"), integer(row, "params_active")
    if row.get("layers") and not (total and active and active < 0.95 * total):
        try:
            return of_shapes(row)
        except NotModelledError:  # the count may hold a learned position for each token of the sequence
            positions = (integer(row, "seq_len") or 0) * (integer(row, "hidden") or 0)
            if not total or not 0 < positions < total:
                raise
            return of_shapes({**row, "params_total": str(total - positions)})
    for name in (row.get("hf_id") or "", row.get("model") or ""):
        found = in_table(name) or in_table(name.lower()) if name else None
        if found is not None:
            return found
    raise NotModelledError("neither shapes of the experts nor a model of the table")


@functools.cache
def _cards(name: str) -> tuple[Gpu, ...]:
    try:
        return parse.machine(name, catalog.gpu_specs()).machine.gpus or ()
    except LlmcheckError:
        return ()


def gpus_of(row: Row) -> tuple[Gpu, ...]:
    count = integer(row, "n_gpus") or 1
    if not 1 <= count <= 100_000:
        raise NotModelledError(f"{count:,} GPUs")
    card = card_of(row.get("gpu") or "")
    if card is None:
        raise UnknownWordError("gpu", row.get("gpu") or "")
    return (card,) * count


@functools.cache
def card_of(stated: str) -> Gpu | None:
    """The card of the table; None where it has none. Names without a form factor are SXM boards."""
    name = re.sub(r"\s*\([^)]*\)|\b\d+-core gpu\b", " ", stated, flags=re.IGNORECASE)
    name = re.sub(r"^nvidia (?=gb10|geforce|rtx|tesla)", "", " ".join(name.split()), flags=re.IGNORECASE)
    size = re.search(r"(\d+)\s*GB\b", name)
    bare = re.sub(r"[-\s]*\d+\s*GB\b", "", name).strip()
    china = bare.lower().startswith(("a800", "h800"))
    if china:
        bare = re.sub(r"^([ah])800", r"\g<1>100", bare.lower())
    if "pcie" in stated.lower() and "pcie" not in bare.lower():
        bare += " PCIe"
    board = re.fullmatch(r"(a100|h100|h200|h800|b200)(?:[- ](sxm\d?|pcie|nvl))?", bare.lower())
    if board and board[1] == "a100":
        bare = f"A100-{'PCIE' if board[2] == 'pcie' else 'SXM4'}-{size[1] if size else 80}GB"
        found = _cards(bare) or _cards("A100 80GB PCIe")
    elif board:
        found = _cards(f"{board[1].upper()} {(board[2] or 'sxm').upper()}")
    else:
        if bare.lower() == "a6000":
            bare = "RTX A6000"
        tried = (bare, f"{bare} {size[1]}GB" if size else "", *(f"{bare}{each}" for each in _SIZES))
        found = next(filter(None, map(_cards, filter(None, tried))), ())
    if not found:
        return None
    card = found[0]
    if china and card.spec is not None:
        return replace(card, spec=replace(card.spec, nvlink_gb_s=A800_NVLINK))
    return card


def inference(row: Row) -> Workload:
    """Half of its context is the mean of the cached tokens while it generates, or its prompt is the row's."""
    one_of(row, "method", GENERATES)
    word(row, "precision", PRECISIONS)
    runtime, version = runtime_of(row)
    notes, kind = text(row, "notes"), text(row, "kind")
    start = integer(row, "seq_len")
    length: dict[str, Any]
    if kind == "prefill":
        if not start:
            raise NotModelledError("the length of the prompt is not given")
        length = {"context": start - cached(row)}
    else:
        answer = re.search(r"answer (\d+)|\btg(\d+)", notes)
        made = int(answer[1] or answer[2]) if answer else 0
        if kind == "serve" and (not made or not start):
            raise NotModelledError("the lengths of prompt and answer are not given")
        from_empty = "from an empty cache" in notes or (text(row, "method") == "llama-bench" and "depth" not in notes)
        at_start = 0 if from_empty else (32 if start is None else start)
        made = max(start or 1, 1) if from_empty else made
        # a step reads half of the context: the mean of what is cached while it generates
        length = {"context": max(2 * at_start + made, 1), **({"prompt": at_start} if kind == "serve" else {})}
    flash: bool | None = None
    if "eager" in notes or (runtime == "llama.cpp" and version and "flash" not in text(row, "runtime")):
        flash = False
    compiled = bool(re.search(r"(?<!no )\bcompile|static cache|gpt-fast", notes + " " + text(row, "runtime")))
    parallel: dict[str, Any] = {name: value for name, value in parallelism(row).items() if name.endswith("_parallel")}
    return Workload(
        method="inference", weights=format_of(row), batch=integer(row, "micro_batch") or 1, runtime=runtime,
        runtime_version=version, flash_attention=flash, compiled=compiled or None, **length, **parallel,
    )  # fmt: skip


def cached(row: Row) -> int:
    """Tokens that the cache held before the prompt."""
    depth = re.search(r"pp\d+ at depth (\d+)", text(row, "notes"))
    return int(depth[1]) if depth else 0


def in_fp8(row: Row) -> bool:
    """Whether training multiplies in fp8."""
    return text(row, "precision") in {"fp8", "amp_fp8", "float8"} or bool(
        re.search(r"(?<!no )\bfloat8\b|\bfp8 products\b", text(row, "notes"))
    )


def training(row: Row) -> Workload:
    stated = text(row, "method")
    if stated in OTHER_ADAPTERS:
        raise NotModelledError(f"the adapter {stated} is not modelled")
    values = dict(word(row, "method", METHODS))
    precision = word(row, "precision", PRECISIONS)
    values.setdefault("precision", None if precision == "fp8" else precision)
    runtime, version = runtime_of(row)
    form = format_of(row)
    if runtime == "torchtune":  # its recipes train in 16 bits alone
        values["precision"] = values["precision"] or "bf16"
    if values["method"] in {"lora", "qlora"} and form not in (None, "bf16", "fp16", "fp32"):
        values |= {"method": "qlora", "weights": form}
    if not integer(row, "seq_len"):
        raise NotModelledError("no sequence length")
    notes = text(row, "notes")
    compiled = bool(re.search(r"(?<!no )\b(?:torch\.)?compile", notes))
    return Workload(
        context=integer(row, "seq_len"), batch=integer(row, "micro_batch") or 1, runtime=runtime,
        runtime_version=version, checkpointing=word(row, "grad_ckpt", CHECKPOINTING),
        sharding=word(row, "sharding", SHARDING), offload=word(row, "offload", OFFLOAD), compiled=compiled or None,
        flash_attention=False if "eager attention" in notes else None,
        lora_targets="qv" if "adapters of queries and values" in notes else None,
        optimizer=known_optimizer(row), gpus=integer(row, "n_gpus") or 1, **values, **parallelism(row),
    )  # fmt: skip
