"""Families of which only the name matters. A family whose files omit or redefine something has a module of its own."""

from __future__ import annotations

from llmcheck.checkpoint.family import Family, GgufArchitecture

_TIED = ("cohere2_moe", "granite_swa", "lara_mini", "vaultgemma", "youtu")
_UNTIED = (
    "aria_text", "axk1", "bitnet", "cwm", "diffllama", "exaone", "exaone_moe", "flex_olmo", "flint", "granitemoe_swa",
    "granitemoeshared", "helium", "hyperclovax", "iquestcoder", "kolibri1", "olmo_hybrid", "sarvam_mla", "sarvam_moe",
)  # fmt: skip
"""``model_type`` of decoders whose files omit and redefine nothing: read like Llama's layers, by the keys that many
families share, they have the weights of their classes in transformers 5.24.0. Those of the first tuple use the
embedding as output projection where the file does not say it."""
_ENCODERS = (
    "albert", "bart", "deberta", "deberta-v2", "distilbert", "electra", "led", "longt5", "marian", "mbart", "mt5",
    "pegasus", "t5", "umt5", "vit", "wav2vec2", "whisper",
)  # fmt: skip
"""``model_type`` of encoders with layers of their own, and of models with an encoder before the decoder."""
_DIFFUSION = ("dream", "Dream", "llada", "llada_moe", "diffusion_gemma", "sdar", "sdar_moe", "rnd1")
"""``model_type`` of language models that write by diffusion: all tokens of a block at a time, over several steps."""
_WRITES_BY_DIFFUSION = "writes by diffusion, which is not modelled: it reads its whole text again in each step"
_GGUF_DECODERS = (
    "afmoe", "arctic", "bitnet", "chameleon", "codeshell", "cogvlm",
    "dots1", "exaone", "exaone-moe", "grovemoe", "hunyuan_vl", "jais", "jais2",
    "maincoder", "openelm", "orion", "paddleocr", "pangu-embedded", "plamo",
    "plamo2", "plamo3", "plm", "refact", "xverse",
)  # fmt: skip
"""Decoders of llama.cpp whose files omit nothing that is needed here (MODEL_ARCH_NAMES of gguf 0.19.0 on PyPI, read on
2026-11-25)."""
_GGUF_ATTENTION_FREE = (
    "arwkv7", "rwkv6", "rwkv6qwen2", "rwkv7",
)  # fmt: skip
"""The same, without attention in any layer."""
_GGUF_DIFFUSION = ("dream", "llada", "llada-moe", "rnd1")
_GGUF_NOT_DECODERS = ("t5", "t5encoder", "wavtokenizer-dec")
"""Models with an encoder before the decoder."""

FAMILIES = (
    Family(model_types=_TIED, window_switch=True, first_window_layer="max_window_layers"),
    Family(model_types=_UNTIED, tied=False, window_switch=True, first_window_layer="max_window_layers"),
    Family(model_types=_ENCODERS, refusal="has an encoder"),
    Family(model_types=_DIFFUSION, refusal=_WRITES_BY_DIFFUSION),
    Family(
        model_types=(),
        gguf=(
            GgufArchitecture(names=_GGUF_DECODERS),
            GgufArchitecture(names=_GGUF_ATTENTION_FREE, attention_free=True),
            GgufArchitecture(names=("smallthinker",), full_attention_period=4),
            GgufArchitecture(
                names=("clip", "mmproj"),
                refusal="a vision projector (mmproj); give the file of the language model in the same folder",
            ),
            GgufArchitecture(names=_GGUF_DIFFUSION, refusal="a model that " + _WRITES_BY_DIFFUSION),
            GgufArchitecture(names=_GGUF_NOT_DECODERS, refusal="no decoder; only decoder language models are computed"),
        ),
    ),
)
