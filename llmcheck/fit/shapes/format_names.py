"""Names of weight formats: GGUF file types, other spellings, and the names of a scheme in any width."""

from __future__ import annotations

GGUF_BASE: dict[str, str] = {
    "q4_0": "Q4_0", "q4_1": "Q4_1", "q5_0": "Q5_0", "q5_1": "Q5_1", "q8_0": "Q8_0",
    "q2_k": "Q2_K", "q2_k_s": "Q2_K", "q3_k_s": "Q3_K", "q3_k_m": "Q3_K", "q3_k_l": "Q3_K",
    "q4_k_s": "Q4_K", "q4_k_m": "Q4_K", "q5_k_s": "Q5_K", "q5_k_m": "Q5_K", "q6_k": "Q6_K",
    "iq1_s": "IQ1_S", "iq1_m": "IQ1_M", "iq2_xxs": "IQ2_XXS", "iq2_xs": "IQ2_XS", "iq2_s": "IQ2_XS",
    "iq2_m": "IQ2_S", "iq3_xxs": "IQ3_XXS", "iq3_xs": "IQ3_S", "iq3_s": "IQ3_S", "iq3_m": "IQ3_S",
    "iq4_nl": "IQ4_NL", "iq4_xs": "IQ4_XS", "tq1_0": "TQ1_0", "tq2_0": "TQ2_0",
}  # fmt: skip
"""llama.cpp's file types, and the ggml type of most of their tensors."""
LARGE = {"q2_k_l": "q2_k", "q3_k_xl": "q3_k_l", "q4_k_l": "q4_k_m", "q5_k_l": "q5_k_m", "q6_k_l": "q6_k"}
"""File types of Hugging Face repositories with embedding and output projection in Q8_0, and the type of the rest."""
DYNAMIC = {
    "ud-iq1_s": "iq1_s", "ud-iq1_m": "iq1_m", "ud-iq2_xxs": "iq2_xxs", "ud-iq2_m": "iq2_m", "ud-iq3_xxs": "iq3_xxs",
    "ud-iq3_s": "iq3_s", "ud-iq4_xs": "iq4_xs", "ud-iq4_nl": "iq4_nl", "ud-q2_k_xl": "q2_k", "ud-q3_k_xl": "q3_k_m",
    "ud-q4_k_xl": "q4_k_m", "ud-q4_k_m": "q4_k_m", "ud-q5_k_xl": "q5_k_m", "ud-q6_k_xl": "q6_k", "ud-q8_k_xl": "q8_0",
    "ud-tq1_0": "iq1_s",
}  # fmt: skip
"""Unsloth's dynamic file types, which choose the type of each tensor by the model, and the type they are counted as."""
IK = {
    "q6_0": "Q6_0", "iq1_kt": "IQ1_KT", "iq2_k": "IQ2_K", "iq2_ks": "IQ2_KS", "iq2_kt": "IQ2_KT", "iq2_kl": "IQ2_KL",
    "iq3_k": "IQ3_K", "iq3_ks": "IQ3_KS", "iq3_kt": "IQ3_KT", "iq4_k": "IQ4_K", "iq4_ks": "IQ4_KS",
    "iq4_kss": "IQ4_KSS", "iq4_kt": "IQ4_KT", "iq5_k": "IQ5_K", "iq5_ks": "IQ5_KS", "iq6_k": "IQ6_K",
}  # fmt: skip
"""File types that only ik_llama.cpp reads."""
GGUF_BASE |= {name: GGUF_BASE[rest] for name, rest in LARGE.items()}
GGUF_BASE |= {name: GGUF_BASE[rest] for name, rest in DYNAMIC.items()} | IK

ALIASES = {
    "float32": "fp32", "f32": "fp32", "float16": "fp16", "half": "fp16", "f16": "fp16", "bfloat16": "bf16",
    **dict.fromkeys(
        ("f8_e4m3", "fp8_e4m3", "float8", "fp8-block", "fp8_e5m2", "fp8-dynamic", "fp8-row", "fp8-rowwise",
         "fp8-channel", "fp8-tensor", "fp8_e4m3fn", "fbgemm_fp8", "fbgemm-fp8", "w8a8-fp8", "fp8-w8a8", "mxfp8",
         "fp8_per_tensor", "fp8_per_block", "fp8_per_channel"),
        "fp8",
    ),
    **dict.fromkeys(("llm.int8", "8bit", "bnb-8bit", "bnb-int8", "w8a8", "w8a16", "w8a8-int8", "int8-w8a8", "eetq",
                     "int8-torchao", "quanto-int8"), "int8"),
    **dict.fromkeys(("4bit", "fp4", "bnb-4bit", "bnb-nf4", "bnb-fp4", "bnb", "bitsandbytes"), "nf4"),
    "fp4-dq": "nf4-dq", "bnb-4bit-dq": "nf4-dq", "bnb-nf4-dq": "nf4-dq",
    **dict.fromkeys(("w4a4-nvfp4", "nvfp4-w4a4", "modelopt-fp4", "nvfp4a16", "fp4-nvidia"), "nvfp4"),
    "mxfp4_moe": "mxfp4",
    "gptq": "gptq-4bit", "awq-4bit": "awq", "awq-int4": "awq", "int4": "awq", "awq-w4a16": "awq", "w4a16-awq": "awq",
    **{f"gptq-int{bits}": f"gptq-{bits}bit" for bits in (2, 3, 4, 8)},
    **{f"gptq{bits}": f"gptq-{bits}bit" for bits in (2, 3, 4, 8)},
    "autoround": "autoround-4bit", "auto-round": "autoround-4bit", "int4-autoround": "autoround-4bit",
    "autoround-int4": "autoround-4bit",
    "int6": "int6-g128", "hqq": "hqq-4bit", "exl3": "exl3-4.0", "exl2": "exl2-4.0",
    "q4_k": "q4_k_m", "q5_k": "q5_k_m", "q3_k": "q3_k_m", "q3": "q3_k_m", "q2": "q2_k",
    "mlx": "mlx-4bit", "q4": "q4_k_m", "q5": "q5_k_m", "q6": "q6_k", "q8": "q8_0",
    "q4_0_4_4": "q4_0", "q4_0_4_8": "q4_0", "q4_0_8_8": "q4_0", "q3_k - small": "q3_k_s", "q3_k - medium": "q3_k_m",
    "q3_k - large": "q3_k_l", "q4_k - small": "q4_k_s", "q4_k - medium": "q4_k_m", "q5_k - small": "q5_k_s",
    "q5_k - medium": "q5_k_m", "q2_k - medium": "q2_k",
}  # fmt: skip
"""Other spellings, including those that llama.cpp prints."""

NAMES = (
    "fp32", "bf16", "fp16", "fp8", "int8", "nf4", "nf4-dq", "nvfp4", "mxfp4", "w4a16", "gptq-4bit-g128",
    "gptq-8bit-g128", "awq", "autoround-4bit", "int4-g128", "int6-g128", "fp6", "hqq-4bit", "bnb-4bit", "mlx-4bit",
    "mlx-8bit", "exl2-4.0", "exl3-4.0", "exl3-6.0", *GGUF_BASE,
)  # fmt: skip
"""Names to suggest; many also exist with other bits and group sizes."""
