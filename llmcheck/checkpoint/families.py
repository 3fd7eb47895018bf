"""How families of decoders differ where their ``config.json`` says nothing: transformers' class defaults and code."""

from __future__ import annotations

LIKE = {
    "gemma3": "gemma3_text", "gemma3n": "gemma3n_text", "gemma4": "gemma4_text", "llama4": "llama4_text",
    "qwen2_vl": "qwen2", "qwen2_vl_text": "qwen2", "qwen2_5_vl": "qwen2", "qwen2_5_vl_text": "qwen2",
    "qwen3_vl": "qwen3", "qwen3_vl_text": "qwen3", "qwen3_vl_moe": "qwen3_moe", "qwen3_vl_moe_text": "qwen3_moe",
    "mllama_text_model": "llama",
}  # fmt: skip
"""Decoders that are another family's, layer for layer (transformers 5.24.0, modeling_*.py)."""
UNTIED = frozenset({
    "llama", "mistral", "mixtral", "mistral3", "ministral3", "qwen", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe",
    "qwen3_next", "phi", "phi3", "phimoe", "stablelm", "olmo", "olmo2", "olmo3", "olmoe", "deepseek_v2",
    "deepseek_v3", "deepseek_v32", "gptj", "gpt_neox", "internlm2", "internlm3", "jamba", "nemotron", "nemotron_h",
    "chatglm", "glm", "glm4", "glm4_moe", "minimax", "minimax_m2", "dbrx", "persimmon", "baichuan", "yi", "llama4_text",
    "kimi_k2", "gpt_oss", "arcee", "ernie4_5_moe", "hunyuan_v1_moe", "bamba", "grok", "exaone4", "apertus",
    "falcon_h1",
})  # fmt: skip
"""Whose output projection is a matrix of its own unless the file says otherwise; transformers' default is to tie."""
PLAIN_MLP = frozenset({
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "codegen", "falcon", "bloom", "opt", "phi", "gpt_bigcode", "starcoder2",
    "mpt", "nemotron", "nemotron_h", "persimmon", "xglm", "biogpt", "arcee", "apertus",
})  # fmt: skip
"""Two matrices in the feed-forward part, not three."""
LAYER_NORM = frozenset({
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "codegen", "falcon", "bloom", "opt", "phi", "gpt_bigcode", "starcoder2",
    "stablelm", "persimmon",
})  # fmt: skip
"""Norms with a weight and a bias; others have a weight alone."""
FUSED = frozenset({"gpt2", "gpt_neox", "gpt_bigcode", "falcon", "bloom", "mpt", "qwen", "dbrx", "phi3"})
"""Queries, keys and values in one matrix, in transformers (modeling_*.py) as in llama.cpp's files (ATTN_QKV alone in
MODEL_TENSORS of gguf 0.19.0; Phi-3's converter writes it as it is)."""
BIASED_QUERIES = frozenset({"qwen", "qwen2", "qwen2_moe", "chatglm"})
"""A bias beside queries, keys and values though no key says so."""
HALVED_MLP = frozenset({"qwen", "recurrent_gemma"})
"""Whose ``intermediate_size`` counts both branches."""
BIASED = frozenset({
    "gpt2", "gpt_neox", "falcon_rw", "bloom", "opt", "phi", "gpt_bigcode", "starcoder2", "codegen",
})  # fmt: skip
"""A bias beside every matrix of the layers."""
FOUR_NORMS = frozenset({
    "gemma2", "gemma3_text", "gemma3n_text", "gemma4_text", "glm4",
})  # fmt: skip
ONE_NORM = frozenset({
    "falcon_7b", "phi", "gptj", "cohere", "cohere2", "codegen",
})  # fmt: skip
QUERY_NORM = frozenset({
    "qwen3", "qwen3_moe", "qwen3_next", "gemma3_text", "gemma4_text", "gemma3n_text", "hunyuan_v1_dense", "apertus",
    "exaone4",
})  # fmt: skip
"""A norm over each head's queries and keys."""
KNOWN = frozenset({
    *UNTIED, *PLAIN_MLP, *LAYER_NORM, *FOUR_NORMS, *QUERY_NORM, "gemma", "cohere", "cohere2", "granite",
    "granitemoe", "granitemoehybrid", "smollm3", "minicpm", "minicpm3", "mamba", "mamba2", "falcon_mamba",
    "lfm2", "recurrent_gemma", "seed_oss", "qwen3_5", "qwen3_5_moe", "qwen3_5_text",
    "qwen3_5_moe_text", "glm4_moe_lite",
})  # fmt: skip
NOT_A_DECODER = frozenset({
    "bert", "roberta", "distilbert", "xlm-roberta", "deberta", "deberta-v2", "electra", "albert", "modernbert",
    "vit", "clip", "siglip", "t5", "mt5", "umt5", "bart", "mbart", "pegasus", "whisper", "wav2vec2", "marian",
    "led", "longt5",
})  # fmt: skip
