"""An architecture and the exact bytes of its tensors from the header of a GGUF file; no weight is read."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

from llmcheck.checkpoint.gguf_header import Tensor, Value, header, shown
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture, Attention, Parameters, TensorGroup

_FILE_TYPES = {
    0: "fp32", 1: "fp16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s",
    12: "q3_k_m", 13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs",
    20: "iq2_xs", 21: "q2_k_s", 22: "iq3_xs", 23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m",
    28: "iq2_s", 29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16", 36: "tq1_0", 37: "tq2_0", 38: "mxfp4",
}  # fmt: skip
"""``general.file_type``: what ``llama-quantize`` was asked for."""
_PERIODS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4, "olmo2": 4,
    "smallthinker": 4,
}  # fmt: skip
"""Every so many layers one sees the whole context; the others a window. As llama.cpp has it for these families."""
_EVERY_LAYER = {"llama", "mistral3", "phi3", "starcoder2"}
"""Families whose window is that of all layers, where they have one."""
_NOT_A_DECODER = frozenset({
    "bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert",
    "gemma-embedding", "t5", "t5encoder", "wavtokenizer-dec", "dream", "llada", "llada-moe", "rnd1", "llama-embed",
})  # fmt: skip
"""Encoders, and language models that answer by diffusion: none keeps a cache of what it has said."""
_KNOWN = frozenset({
    "llama", "llama4", "deci", "falcon", "baichuan", "grok", "gpt2", "gptj", "gptneox", "mpt", "starcoder", "refact",
    "bloom", "stablelm", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3next", "qwen3vl",
    "qwen3vlmoe", "qwen35", "qwen35moe", "phi2", "phi3", "phimoe", "plamo", "plamo2", "plamo3", "codeshell", "orion",
    "internlm2", "minicpm", "minicpm3", "gemma", "gemma2", "gemma3", "gemma3n", "gemma4", "starcoder2", "rwkv6",
    "rwkv6qwen2", "rwkv7", "arwkv7", "mamba", "mamba2", "jamba", "xverse", "command-r", "cohere2", "dbrx", "olmo",
    "olmo2", "olmoe", "openelm", "arctic", "deepseek", "deepseek2", "deepseek2-ocr", "chatglm", "glm4", "glm4moe",
    "glm-dsa", "bitnet", "jais", "jais2", "nemotron", "nemotron_h", "nemotron_h_moe", "exaone", "exaone4",
    "exaone-moe", "granite", "granitemoe", "granitehybrid", "chameleon", "plm", "bailingmoe", "bailingmoe2", "dots1",
    "arcee", "afmoe", "ernie4_5", "ernie4_5-moe", "falcon-h1", "hunyuan-moe", "hunyuan-dense", "hunyuan_vl",
    "smollm3", "gpt-oss", "lfm2", "lfm2moe", "smallthinker", "seed_oss", "grovemoe", "apertus", "minimax-m2",
    "cogvlm", "pangu-embedded", "mistral3", "mistral4", "paddleocr", "mimo2", "step35", "maincoder", "kimi-linear",
})  # fmt: skip
"""Decoders among llama.cpp's architectures (MODEL_ARCH_NAMES of gguf 0.19.0 on PyPI, read on 2026-11-25)."""
_MOST_PARTS = 1_000
_SPLIT = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_BLOCK = re.compile(r"blk\.(\d{1,6})\.(.+)")
_EXPERTS = re.compile(r"ffn_(?:gate|up|down|gate_up)_(?:exps|\d+)\b")
_RECURRENT = ("ssm_", "shortconv", "time_mix", "wkv")
_MIXERS = ("attn_", "ssm_", "shortconv", "time_mix", "wkv")

Part = Literal["embedding", "head", "layer", "experts", "vision", "other"]


def read(path: str) -> Architecture:
    """Of a split file any part may be given; all are read. Raises DataError and OSError."""
    headers = [header(part) for part in _parts(path)]
    values: dict[str, Value] = headers[0].values
    tensors = [tensor for header in headers for tensor in header.tensors]
    declared = values.get("split.count")
    if isinstance(declared, int) and declared > 1 and declared != len(headers):
        raise DataError(f"{path}: one of {declared:,} parts; name them NAME-00001-of-{declared:05}.gguf and so on")
    if not tensors:
        raise DataError(f"{path}: has no tensors: a vocabulary alone, or the first part of a model")
    return _Model(values, tensors, path, sum(header.file_size for header in headers)).architecture()


def _parts(path: str) -> list[str]:
    match = _SPLIT.fullmatch(os.path.basename(path))
    if match is None:
        return [path]
    count = int(match[3])
    if not 1 <= count <= _MOST_PARTS:
        raise DataError(f"{path}: {count:,} parts")
    folder = os.path.dirname(path)
    names = [f"{match[1]}-{number:05}-of-{match[3]}.gguf" for number in range(1, count + 1)]
    found = [os.path.join(folder, name) for name in names]
    missing = [part for part in found if not os.path.isfile(part)]
    if missing:
        more = f" and {len(missing) - 1} more parts are" if len(missing) > 1 else " is"
        raise DataError(f"{path}: {os.path.basename(missing[0])}{more} missing beside it")
    return found


class _Model:
    """One file's metadata and tensors while they are read."""

    def __init__(self, values: Mapping[str, Value], tensors: list[Tensor], path: str, file_size: int) -> None:
        self.values, self.tensors, self.path, self.file_size = values, tensors, path, file_size
        said = values.get("general.architecture")
        self.family = said if isinstance(said, str) and said else "unknown"
        if self.family in {"clip", "mmproj"}:
            raise DataError(f"{path}: a vision projector (mmproj); give the file of the language model beside it")
        if self.family in _NOT_A_DECODER:
            raise DataError(f"{path}: '{self.family}' is no decoder; only decoder language models are computed")
        self.by_name: dict[str, Tensor] = {}
        for tensor in tensors:
            if self.by_name.setdefault(tensor.name, tensor) is not tensor:
                raise DataError(f"{path}: tensor '{shown(tensor.name)}' is in two parts")
        blocks = (match for name in self.by_name if (match := _BLOCK.match(name)))
        self.recurrent = {int(match[1]) for match in blocks if match[2].startswith(_RECURRENT)}
        self.notes: list[str] = []
        if self.family not in _KNOWN:
            said = shown(self.family)
            self.notes.append(f"general.architecture '{said}' is not known here; read by the names of its tensors")

    def whole(self, key: str, most: int, *fallback: int | None) -> int:
        """Raises DataError where neither the file nor its tensors say it."""
        found = self.optional(key, most)
        for each in (found, *fallback):
            if each:
                return each
        raise DataError(f"{self.path}: no '{self.family}.{key}', and its tensors do not tell")

    def optional(self, key: str, most: int) -> int | None:
        value = self.values.get(f"{self.family}.{key}")
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        if not 0 <= value <= most:
            raise DataError(f"{self.path}: '{self.family}.{key}' is {value:,}; expected at most {most:,}")
        return value

    def per_layer(self, key: str, layers: int, most: int) -> list[int] | None:
        """One number for each layer, whether the file has one for all or a list."""
        value = self.values.get(f"{self.family}.{key}")
        if isinstance(value, list):
            if len(value) < layers or not all(0 <= each <= most for each in value):
                raise DataError(
                    f"{self.path}: '{self.family}.{key}' does not have a number for each of {layers:,} layers"
                )
            return [int(each) for each in value[:layers]]
        single = self.optional(key, most)
        return None if single is None else [single] * layers

    def shape(self, *names: str) -> tuple[int, ...]:
        return next((self.by_name[name].shape for name in names if name in self.by_name), (0, 0))

    def architecture(self) -> Architecture:
        embedding = self.shape("token_embd.weight")
        hidden = self.whole("embedding_length", 2**20, embedding[0])
        numbers = [int(match[1]) for name in self.by_name if (match := _BLOCK.match(name))]
        layers = self.whole("block_count", 10_000, max(numbers, default=-1) + 1)
        vocab = embedding[1] if len(embedding) > 1 and embedding[1] else self._vocabulary()
        attention = self._attention(hidden, layers)
        widths = self.per_layer("feed_forward_length", layers, 2**26) or [0]
        inner = max(widths) or self.shape("blk.0.ffn_up.weight")[-1]
        experts = self.optional("expert_count", 2**16) or 0
        used = min(self.optional("expert_used_count", 2**16) or 0, experts)
        expert_width = self.optional("expert_feed_forward_length", 2**26) or (inner if experts else 0)
        groups, counts = self._tensors(experts, used)
        sparse = len({group.layer for group in groups if group.part == "experts"})
        return Architecture(
            name=self._name(), model_type=self.family, source=self.path, estimated=self.family not in _KNOWN,
            hidden=hidden, layers=layers, intermediate=inner or expert_width or 1, gated=self._gated(), vocab=vocab,
            attention=attention, experts=experts, experts_active=used, expert_intermediate=expert_width,
            sparse_layers=sparse, fused="blk.0.attn_qkv.weight" in self.by_name,
            tied="output.weight" not in self.by_name,
            context=self.optional("context_length", 2**40) or None, dtype=self._dtype(), parameters=counts,
            tensors=groups, file_size=self.file_size, notes=tuple(self.notes),
        )  # fmt: skip

    def _vocabulary(self) -> int:
        tokens = self.values.get("tokenizer.ggml.tokens.count")
        return self.whole("vocab_size", 2**26, tokens if isinstance(tokens, int) else None)

    def _name(self) -> str:
        said = self.values.get("general.name")
        return said[:200] if isinstance(said, str) and said.strip() else os.path.basename(self.path)

    def _gated(self) -> bool:
        names = ("blk.0.ffn_gate.weight", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_gate_up_exps.weight")
        fused = self.family in {"phi3", "chatglm", "glm4"}  # gate and up in one matrix
        return fused or any(name in self.by_name for name in names) or any("ffn_gate." in name for name in self.by_name)

    def _dtype(self) -> str | None:
        said = self.values.get("general.file_type")
        if isinstance(said, int) and said in _FILE_TYPES:
            return _FILE_TYPES[said]
        sizes: dict[str, int] = defaultdict(int)
        for tensor in self.tensors:
            sizes[tensor.type] += tensor.size
        return max(sizes, key=lambda kind: sizes[kind]).lower()

    # --- layers ---

    def _attention(self, hidden: int, layers: int) -> tuple[Attention, ...]:
        heads = self.per_layer("attention.head_count", layers, 2**16)
        if heads is None and not any(name in self.family for name in ("mamba", "rwkv")):
            raise DataError(f"{self.path}: no '{self.family}.attention.head_count'")
        heads = heads or [0] * layers
        cached = self.per_layer("attention.head_count_kv", layers, 2**16) or heads
        most = max(heads, default=0)
        if most and max(cached) > most:
            raise DataError(f"{self.path}: {max(cached):,} key-value heads for {most:,} attention heads")
        width = self.optional("attention.key_length", 2**16) or (hidden // most if most else 0)
        value = self.optional("attention.value_length", 2**16) or width
        latent = self.optional("attention.kv_lora_rank", 2**20)
        own = layers - self._sharing(layers)
        found: dict[Attention, list[int]] = defaultdict(lambda: [0, 0])
        for layer in range(layers):
            count = found[self._layer(layer, heads[layer], cached[layer], width, value, latent)]
            count[0] += 1
            count[1] += layer >= own
        return tuple(
            Attention(
                kind=each.kind, layers=count, heads=each.heads, kv_heads=each.kv_heads, head_dim=each.head_dim,
                value_dim=each.value_dim, window=each.window, latent=each.latent, state=each.state,
                shares_cache=0 if each.kind == "state" else shared,
            )
            for each, (count, shared) in found.items()
        )  # fmt: skip

    def _sharing(self, layers: int) -> int:
        """How many of the last layers keep no cache of their own."""
        said = self.optional("attention.shared_kv_layers", 10_000)
        if said is None and self.family == "gemma3n":
            return max(layers - 20, 0)  # as llama.cpp has it
        return min(said or 0, layers)

    def _layer(self, layer: int, heads: int, cached: int, width: int, value: int, latent: int | None) -> Attention:
        """With ``layers`` 0, to be counted."""
        prefix = f"blk.{layer}."
        recurrent = f"{prefix}ssm_conv1d.weight" in self.by_name or f"{prefix}shortconv.conv.weight" in self.by_name
        attends = cached > 0 and not (recurrent and f"{prefix}attn_q.weight" not in self.by_name)
        if recurrent and attends and f"{prefix}attn_k.weight" in self.by_name:
            note = "layers with attention and a recurrent part side by side: the state is not counted"
            if note not in self.notes:
                self.notes.append(note)
        if not attends:
            nothing = self.recurrent and layer not in self.recurrent  # a feed-forward layer alone
            return Attention(kind="state", layers=0, state=0 if nothing else self._state(prefix))
        if latent:
            rope = self.optional("rope.dimension_count", 2**16) or 0
            key = self.optional("attention.key_length_mla", 2**16) or width
            wide = self.optional("attention.value_length_mla", 2**16) or value
            return Attention(kind="mla", layers=0, heads=heads, kv_heads=heads, head_dim=key, value_dim=wide,
                             latent=latent + rope)  # fmt: skip
        window = self._window(layer)
        if window is not None:
            width = self.optional("attention.key_length_swa", 2**16) or width
            value = self.optional("attention.value_length_swa", 2**16) or value
        return Attention(kind="attention", layers=0, heads=heads, kv_heads=cached, head_dim=width, value_dim=value,
                         window=window)  # fmt: skip

    def _window(self, layer: int) -> int | None:
        window = self.optional("attention.sliding_window", 2**40)
        if not window and self.family == "llama4":
            window = self.optional("attention.chunk_size", 2**40) or 8192
        if not window:
            return None
        pattern = self.values.get(f"{self.family}.attention.sliding_window_pattern")
        if isinstance(pattern, list) and layer < len(pattern):
            return window if pattern[layer] else None
        period = pattern if isinstance(pattern, int) and pattern > 0 else _PERIODS.get(self.family)
        if period:
            return None if layer % period == period - 1 else window
        note = f"a window of {window:,} tokens is taken for all layers: the file does not say which have it"
        if self.family not in _EVERY_LAYER and note not in self.notes:
            self.notes.append(note)
        return window

    def _state(self, prefix: str) -> int:
        """Elements of a recurrent layer's state: the inputs of its convolution, and what it remembers."""
        kernel = self.optional("ssm.conv_kernel", 1024) or 0
        inner = self.optional("ssm.inner_size", 2**26) or 0
        state = self.optional("ssm.state_size", 2**16) or 0
        groups = self.optional("ssm.group_count", 2**16) or 0
        mixed = self.shape(f"{prefix}ssm_conv1d.weight", f"{prefix}shortconv.conv.weight")
        channels = mixed[1] if len(mixed) > 1 and mixed[1] else inner + 2 * groups * state
        kernel = kernel or mixed[0]
        if size := self.optional("wkv.head_size", 2**16):  # RWKV: one square for each head, and two tokens to mix in
            width = self.optional("embedding_length", 2**20) or 0
            return width * size + 2 * width
        return channels * max(kernel - 1, 0) + inner * state

    # --- tensors ---

    def _tensors(self, experts: int, used: int) -> tuple[tuple[TensorGroup, ...], Parameters]:
        sums: dict[tuple[Part, int | None, str], list[int]] = defaultdict(lambda: [0, 0])
        counts = dict.fromkeys(("embedding", "head", "attention", "mlp", "experts", "other", "vision"), 0)
        for tensor in self.tensors:
            part, layer, kind = _role(tensor)
            total = sums[part, layer, tensor.type]
            total[0] += tensor.elements
            total[1] += tensor.size
            counts[kind] += tensor.elements
        groups = tuple(
            TensorGroup(part=part, layer=layer, type=kind, elements=elements, bytes=size)
            for (part, layer, kind), (elements, size) in sums.items()
        )
        idle = counts["experts"] * (experts - used) // experts if experts else 0
        active = sum(counts.values()) - counts["vision"] - idle
        return groups, Parameters(**counts, active=active)


def _role(tensor: Tensor) -> tuple[Part, int | None, str]:
    """Where a tensor belongs by its name: the part of the file, its block, and what its weights count as."""
    name = tensor.name
    match = _BLOCK.match(name)
    if match is None:
        if name.startswith(("token_embd.", "per_layer_token_embd.")):
            return "embedding", None, "embedding"
        if name == "output.weight":
            return "head", None, "head"
        if name.startswith(("v.", "mm.", "a.")):
            return "vision", None, "vision"
        return "other", None, "other"
    layer, rest = int(match[1]), match[2]
    if _EXPERTS.match(rest) and not rest.endswith(".bias"):
        return "experts", layer, "experts"
    if len([size for size in tensor.shape if size > 1]) < 2:
        return "layer", layer, "other"
    return "layer", layer, "attention" if rest.startswith(_MIXERS) else "mlp" if rest.startswith("ffn_") else "other"
