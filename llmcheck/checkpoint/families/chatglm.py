"""ChatGLM 2 to GLM-4 (Zhipu), with the key names of their own code."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("chatglm",),
        gguf=(GgufArchitecture(names=("chatglm",), gate_in_up=True),),
        tied=False,
        query_bias=True,
        vocab_keys=("padded_vocab_size", "vocab_size"),
        example=Example(
            source="config.json of THUDM/glm-4-9b-chat",
            config={
                "model_type": "chatglm",
                "hidden_size": 4096,
                "num_layers": 40,
                "num_attention_heads": 32,
                "multi_query_attention": True,
                "multi_query_group_num": 2,
                "kv_channels": 128,
                "ffn_hidden_size": 13696,
                "padded_vocab_size": 151552,
                "seq_length": 131072,
                "add_qkv_bias": True,
            },
            layers=40,
            parameters=9399951360,
        ),
    ),
)
