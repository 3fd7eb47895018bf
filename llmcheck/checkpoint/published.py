"""The number format of the published weights, from ``config.json``."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from llmcheck.checkpoint.fields import Fields

_PLAIN = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
_IGNORE = (
    "ignore", "modules_to_not_convert", "ignored_layers", "exclude_modules", "llm_int8_skip_modules", "exclude",
    "modules_to_not_quantize",
)  # fmt: skip
"""Keys for a list of modules that stay as they are."""


class Published(Struct, frozen=True, kw_only=True):
    """How the weights of a model are stored."""

    dtype: str | None = None
    """The format; None where the file does not state it, and for an unknown quantisation."""
    ignored: tuple[str, ...] = ()
    """Modules that are not quantised, as the file names them."""
    notes: tuple[str, ...] = ()


def read(whole: Fields, text: Fields) -> Published:
    """The format, and what stays in 16 bits. An unknown quantisation has a note."""
    for fields in (whole, text):
        for key in ("quantization_config", "quantization"):  # the second is MLX's
            if quantised := fields.inner(key):
                found = _quantised(quantised)
                if found == "fp8" and text.string("expert_dtype") == "fp4":
                    found = "mxfp4-fp8"
                ignored = tuple(_ignored(quantised)) if found else ()
                return Published(dtype=found, ignored=ignored, notes=() if found else (_unknown(quantised),))
    declared = text.string("torch_dtype", "dtype") or whole.string("torch_dtype", "dtype") or ""
    return Published(dtype=_PLAIN.get(declared))


def _ignored(config: Fields) -> Iterator[str]:
    for key in _IGNORE:
        yield from config.strings(key) or ()
    yield from config.keys_of_modules()  # MLX writes false for a module that stays as it is


def _quantised(config: Fields) -> str | None:
    method = (config.string("quant_method") or "").lower()
    if method in {"exl2", "exl3"}:
        rate = config.rate("bits", most=8)
        return f"{method}-{rate:g}" if rate else None
    bits = config.optional("bits", "w_bit", "nbits", most=32)
    group = config.optional("group_size", "q_group_size", least=-1, most=2**20)
    size = group if group and group > 0 else 128
    head = "+head" if config.flag("lm_head") else ""
    if method in {"gptq", "gptq_marlin"} and bits in (2, 3, 4, 8):
        return f"gptq-{bits}bit-g{size}{head}"
    if method in {"awq", "awq_marlin"}:
        return f"awq-{bits or 4}bit-g{size}"
    if method in {"auto-round", "autoround", "intel/auto-round"} and bits in (2, 3, 4, 8):
        return f"autoround-{bits}bit-g{size}"
    if method == "bitsandbytes":
        if config.flag("load_in_8bit"):
            return "int8"
        return "nf4-dq" if config.flag("bnb_4bit_use_double_quant") else "nf4"
    if method in {"compressed-tensors", "modelopt"}:
        return _of_groups(config) or _named(
            config.string("quant_algo") or config.inner("quantization").string("quant_algo")
        )
    if method == "hqq":
        inner = config.inner("quant_config").inner("weight_quant_params")
        bits, group = inner.optional("nbits", most=8), inner.optional("group_size", most=2**20)
        return f"hqq-{bits}bit-g{group or 64}" if bits else None
    if method == "quark":
        weight = config.inner("global_quant_config").inner("weight")
        return {"fp4": "mxfp4-all", "fp8_e4m3": "fp8", "int8": "int8"}.get(weight.string("dtype") or "")
    if method == "torchao":
        return _torchao(config)
    if not method and bits in (2, 3, 4, 5, 6, 8) and group:
        mode = config.string("mode") or "affine"
        return f"mlx-{bits}bit-g{group}" if mode == "affine" else f"mlx-{mode}"
    return _named(method)


def _of_groups(config: Fields) -> str | None:
    """compressed-tensors and ModelOpt: the groups that are quantised, each with the format of its weights."""
    groups = config.inner("config_groups")
    first = groups.inner(min(groups.keys(), default="")).inner("weights")
    width, kind = first.optional("num_bits", most=32), first.string("type")
    group = first.optional("group_size", least=-1, most=2**20)
    if width == 8:
        return "fp8" if kind == "float" else "int8"
    if width == 4 and kind == "float":
        return "nvfp4" if group == 16 else "mxfp4-all"
    if width in (2, 3, 4, 5, 6) and kind == "int":
        return f"w{width}a16-g{group if group and group > 0 else 128}"
    return None


def _named(name: str | None) -> str | None:
    """Formats that a file names by a word alone."""
    return {
        "fp8": "fp8", "fbgemm_fp8": "fp8", "mxfp4": "mxfp4", "nvfp4": "nvfp4", "modelopt_fp4": "nvfp4", "eetq": "int8",
        "fp8_pb_wo": "fp8", "w4a16_awq": "awq-4bit-g128", "nvfp4_awq": "nvfp4", "w4a8_awq": "awq-4bit-g128",
        "mxfp8": "fp8", "finegrained_fp8": "fp8", "ptpc_fp8": "fp8",
    }.get((name or "").lower())  # fmt: skip


def _torchao(config: Fields) -> str | None:
    inner = config.inner("quant_type").inner("default") or config.inner("quant_type")
    kind = (inner.string("_type") or config.string("quant_type") or "").lower().replace("_", "")
    group = inner.inner("_data").optional("group_size", least=-1, most=2**20)
    if "int4" in kind:
        return f"int4-g{group if group and group > 0 else 128}"
    if "int8" in kind:
        return "int8"
    return "fp8" if "float8" in kind else None


def _unknown(config: Fields) -> str:
    method = (config.string("quant_method") or "").lower()
    return f"quantization '{method or 'unnamed'}' is not known to llmcheck: weights are counted in 16 bits"
