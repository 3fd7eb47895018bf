"""The number format of the published weights, from ``config.json``."""

from __future__ import annotations

from llmcheck.checkpoint.fields import Fields

_PLAIN = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def dtype(whole: Fields, text: Fields) -> tuple[str | None, tuple[str, ...]]:
    """The format, and notes. None where the file does not state it, and, with a note, for an unknown quantisation."""
    for fields in (whole, text):
        for key in ("quantization_config", "quantization"):  # the second is MLX's
            if quantised := fields.inner(key):
                found = _quantised(quantised)
                return found, () if found else (_unknown(quantised),)
    declared = text.string("torch_dtype", "dtype") or whole.string("torch_dtype", "dtype") or ""
    return _PLAIN.get(declared), ()


def _quantised(config: Fields) -> str | None:
    method = (config.string("quant_method") or "").lower()
    bits = config.optional("bits", "w_bit", most=32)
    group = config.optional("group_size", "q_group_size", least=-1, most=2**20)
    if method == "gptq" and bits in (2, 3, 4, 8):
        return f"gptq-{bits}bit-g{group if group and group > 0 else 128}"
    if method == "awq":
        return f"awq-{bits or 4}bit-g{group if group and group > 0 else 128}"
    if method == "bitsandbytes":
        if config.flag("load_in_8bit"):
            return "int8"
        return "nf4-dq" if config.flag("bnb_4bit_use_double_quant") else "nf4"
    if method in {"fp8", "fbgemm_fp8"}:
        return "fp8"
    if method == "mxfp4":
        return "mxfp4"
    if method == "compressed-tensors":
        groups = config.inner("config_groups")
        first = groups.inner(min(groups.keys(), default="")).inner("weights")
        width, kind = first.optional("num_bits", most=32), first.string("type")
        if width == 8:
            return "fp8" if kind == "float" else "int8"
        if width == 4 and kind == "int":
            return f"gptq-4bit-g{first.optional('group_size', most=2**20) or 128}"
    if not method and bits in (2, 3, 4, 5, 6, 8) and group and (config.string("mode") or "affine") == "affine":
        return f"mlx-{bits}bit-g{group}"
    return None


def _unknown(config: Fields) -> str:
    method = (config.string("quant_method") or "").lower()
    return f"quantization '{method or 'unnamed'}' is not known to llmcheck: weights are counted in 16 bits"
