"""How ggml stores numbers: elements and bytes of one block of each type (ggml.h, ggml-common.h; read 2026-11-23)."""

from __future__ import annotations

BLOCKS: dict[str, tuple[int, int]] = {
    "F64": (1, 8), "F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "I8": (1, 1), "I16": (1, 2), "I32": (1, 4),
    "I64": (1, 8), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34),
    "Q8_1": (32, 36), "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176),
    "Q6_K": (256, 210), "Q8_K": (256, 292), "IQ1_S": (256, 50), "IQ1_M": (256, 56), "IQ2_XXS": (256, 66),
    "IQ2_XS": (256, 74), "IQ2_S": (256, 82), "IQ3_XXS": (256, 98), "IQ3_S": (256, 110), "IQ4_NL": (32, 18),
    "IQ4_XS": (256, 136), "TQ1_0": (256, 54), "TQ2_0": (256, 66), "MXFP4": (32, 17), "NVFP4": (64, 36),
}  # fmt: skip
IK_BLOCKS: dict[str, tuple[int, int]] = {
    "Q6_0": (32, 26), "IQ1_KT": (256, 56), "IQ2_K": (256, 76), "IQ2_KS": (256, 70), "IQ2_KT": (256, 68),
    "IQ2_KL": (256, 86), "IQ3_K": (256, 110), "IQ3_KS": (256, 102), "IQ3_KT": (256, 100), "IQ4_K": (256, 144),
    "IQ4_KS": (256, 136), "IQ4_KSS": (256, 128), "IQ4_KT": (256, 128), "IQ5_K": (256, 176), "IQ5_KS": (256, 168),
    "IQ6_K": (256, 212),
}  # fmt: skip
"""The same of types that only ik_llama.cpp has, without the 2 or 4 bytes that some add to each row (bits per weight as
its ``llama-quantize --help`` prints them)."""
