"""Families of which only the name matters. A family whose files omit or redefine something has a module of its own."""

from __future__ import annotations

from llmcheck.checkpoint.family import Family, GgufArchitecture

_ENCODERS = (
    "albert", "bart", "bert", "deberta", "deberta-v2", "distilbert", "electra", "led", "longt5", "marian",
    "mbart", "modernbert", "mt5", "pegasus", "roberta", "t5", "umt5", "vit", "wav2vec2", "whisper",
    "xlm-roberta",
)  # fmt: skip
"""``model_type`` of encoders, and of models with an encoder before the decoder."""
_GGUF_DECODERS = (
    "afmoe", "arctic", "bailingmoe", "bailingmoe2", "bitnet", "chameleon", "codeshell", "cogvlm", "deci",
    "dots1", "exaone", "exaone-moe", "glm-dsa", "grovemoe", "hunyuan_vl", "jais", "jais2", "kimi-linear",
    "lfm2moe", "maincoder", "mimo2", "mistral4", "openelm", "orion", "paddleocr", "pangu-embedded", "plamo",
    "plamo2", "plamo3", "plm", "refact", "step35", "xverse",
)  # fmt: skip
"""Decoders of llama.cpp whose files omit nothing that is needed here (MODEL_ARCH_NAMES of gguf 0.19.0 on PyPI, read on
2026-11-25)."""
_GGUF_ATTENTION_FREE = (
    "arwkv7", "rwkv6", "rwkv6qwen2", "rwkv7",
)  # fmt: skip
"""The same, without attention in any layer."""
_GGUF_NOT_DECODERS = (
    "bert", "dream", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "llada", "llada-moe",
    "llama-embed", "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe", "rnd1", "t5", "t5encoder",
    "wavtokenizer-dec",
)  # fmt: skip
"""Encoders, and language models that write by diffusion: neither has a KV cache that grows with the text."""

FAMILIES = (
    Family(model_types=_ENCODERS, refusal="has an encoder"),
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
            GgufArchitecture(names=_GGUF_NOT_DECODERS, refusal="no decoder; only decoder language models are computed"),
        ),
    ),
)
