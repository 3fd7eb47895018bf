"""An architecture from ``config.json``, as transformers writes it: shapes, kinds of layers and counts of weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from llmcheck import codec
from llmcheck.architecture import Architecture, Attention, Parameters
from llmcheck.checkpoint import families, recurrent
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError

LayerKind = Literal["full", "window", "state", "none"]

_TEXT = ("text_config", "language_config", "llm_config")
_VISION = ("vision_config", "audio_config", "visual", "vision_tower_config")


class _Heads(Struct, frozen=True, kw_only=True):
    heads: int
    kv_heads: int
    head_dim: int


def architecture(
    config: Mapping[str, Any], where: str, name: str | None = None, source: str | None = None
) -> Architecture:
    """The shapes that a decoder's ``config.json`` describes. ``where`` names the file in errors.

    Raises DataError for what is no decoder, lacks a shape, or has one that no model can have. A ``model_type`` that is
    not known is read as Llama's layers: ``estimated`` then, with a note.
    """
    whole = config
    nested = next((key for key in _TEXT if isinstance(config.get(key), Mapping)), None)
    text = Fields(config[nested], f"{where}, {nested}") if nested else Fields(config, where)
    model_type = text.text("model_type") or Fields(config, where).text("model_type") or "unknown"
    if model_type in families.NOT_A_DECODER or whole.get("is_encoder_decoder") is True:
        raise DataError(f"{where}: '{model_type}' has an encoder; only decoder language models are computed")
    return _Reading(Fields(whole, where), text, model_type, name, source or where).architecture()


def decoded(data: bytes, where: str) -> dict[str, Any]:
    """``config.json`` as a mapping. Raises DataError for anything else."""
    return codec.decode_json(data, dict[str, Any], where)


class _Reading:
    """One file while it is read: what is counted goes from part to part."""

    def __init__(self, whole: Fields, text: Fields, model_type: str, name: str | None, source: str) -> None:
        self.whole, self.text, self.type, self.source = whole, text, model_type, source
        self.name = name or whole.text("_name_or_path") or model_type
        self.notes: list[str] = []
        self.hidden = text.whole("hidden_size", "n_embd", "d_model", "dim", most=2**20)
        self.layers = text.whole("num_hidden_layers", "n_layer", "n_layers", "num_layers", most=10_000)
        self.vocab = text.whole("vocab_size", "padded_vocab_size", most=2**26)
        if self.type == "chatglm":
            self.vocab = text.whole("padded_vocab_size", "vocab_size", most=2**26)
        self.gated = self.type not in families.PLAIN_MLP
        self.heads = self._heads()
        self.window = self._window()
        self.kinds = self._kinds()

    # --- attention ---

    def _heads(self) -> _Heads:
        text = self.text
        if self.type in {"mamba", "mamba2", "falcon_mamba"}:
            return _Heads(heads=0, kv_heads=0, head_dim=0)
        heads = text.whole("num_attention_heads", "n_head", "n_heads", "num_heads", most=2**16)
        attn = text.inner("attn_config")
        grouped = text.optional(
            "num_key_value_heads", "n_head_kv", "num_kv_heads", "n_kv_heads", most=2**16
        ) or attn.optional("kv_n_heads", most=2**16)
        if text.flag("multi_query_attention"):
            grouped = text.optional("multi_query_group_num", most=2**16) or 1
        elif (text.flag("multi_query") and not (self.type == "falcon" and text.flag("new_decoder_architecture"))) or (
            self.type == "gpt_bigcode" and not text.has("multi_query")
        ):
            grouped = 1
        elif self.type == "falcon" and not text.flag("new_decoder_architecture"):
            grouped = heads
        head_dim = text.optional("head_dim", "kv_channels", "attention_head_dim", most=2**16)
        if head_dim is None:
            head_dim = self.hidden // heads
        if not head_dim:
            raise DataError(
                f"{text.where}: {heads:,} heads in a hidden size of {self.hidden:,} leave nothing for a head"
            )
        kv_heads = grouped or heads
        if kv_heads > heads:
            raise DataError(f"{text.where}: {kv_heads:,} key-value heads for {heads:,} attention heads")
        return _Heads(heads=heads, kv_heads=kv_heads, head_dim=head_dim)

    def _window(self) -> int | None:
        text = self.text
        if self.type.startswith("qwen") and not text.flag("use_sliding_window"):
            return None
        if self.type.startswith("llama4"):
            return text.optional("attention_chunk_size", most=2**40)
        window = text.optional("sliding_window", "sliding_window_size", "attention_window_size", most=2**40)
        if window is None and self.type in {"gemma2", "gemma3_text", "gemma3"}:
            return 4096  # what the class has where the file leaves it out
        return window

    def _kinds(self) -> list[LayerKind]:
        """One per layer, in the words of the file or the rule of the family."""
        text, layers = self.text, self.layers
        if self.type == "nemotron_h":
            pattern = text.text("hybrid_override_pattern") or ""
            by_sign: dict[str, LayerKind] = {"M": "state", "*": "full", "-": "none", "E": "none"}
            if len(pattern) != layers or set(pattern) - set(by_sign):
                raise DataError(
                    f"{text.where}: 'hybrid_override_pattern' does not name {layers:,} layers by M, * and -"
                )
            return [by_sign[sign] for sign in pattern]
        listed = text.names("layer_types", "layers_block_type")
        if listed is not None:
            if len(listed) != layers:
                raise DataError(f"{text.where}: 'layer_types' has {len(listed):,} entries for {layers:,} layers")
            return [self._kind(each) for each in listed]
        if self.type in {"mamba", "mamba2", "falcon_mamba"}:
            return ["state"] * layers
        if text.has("attn_layer_period"):
            period = text.whole("attn_layer_period", most=10_000)
            offset = text.optional("attn_layer_offset", least=0, most=10_000) or 0
            return ["full" if index % period == offset else "state" for index in range(layers)]
        attending = text.numbers("attn_layer_indices", "full_attn_idxs")
        if attending is not None:
            return ["full" if index in attending else "state" for index in range(layers)]
        if text.has("full_attention_interval") or self.type in {"qwen3_next", "qwen3_5", "qwen3_5_moe"}:
            period = text.optional("full_attention_interval", most=10_000) or 4
            return ["full" if index % period == period - 1 else "state" for index in range(layers)]
        if self.window is None:
            return ["full"] * layers
        return [self._windowed(index) for index in range(layers)]

    def _windowed(self, index: int) -> LayerKind:
        """Which layers a window bounds, where the file has no list."""
        period = self.text.optional("sliding_window_pattern", "_sliding_window_pattern", most=10_000)
        default = {
            "gemma2": 2,
            "gemma3": 6,
            "gemma3_text": 6,
            "gpt_oss": 2,
            "cohere2": 4,
            "llama4": 4,
            "llama4_text": 4,
        }
        period = period or default.get(self.type)
        if period:
            return "full" if index % period == period - 1 else "window"
        if self.type.startswith("qwen"):
            first = self.text.optional("max_window_layers", least=0, most=10_000) or 0
            return "window" if index >= first else "full"
        return "window"

    def _kind(self, said: str) -> LayerKind:
        if said in {"full_attention", "attention", "global_attention", "global"}:
            return "full"
        if said in {"sliding_attention", "chunked_attention", "local_attention", "local"}:
            return "window" if self.window else "full"
        if said in {"linear_attention", "mamba", "mamba2", "conv", "recurrent", "linear"}:
            return "state"
        if said == "hybrid":
            raise DataError(
                f"{self.text.where}: layers with attention and a recurrent part side by side are not modelled"
            )
        raise DataError(f"{self.text.where}: layer type '{said}' is not known")

    def _latent(self) -> int | None:
        return self.text.optional("kv_lora_rank", most=2**20)

    def _groups(self) -> tuple[Attention, ...]:
        counts = Counter(self.kinds)
        found: list[Attention] = []
        latent = self._latent()
        shared = self.text.optional("num_kv_shared_layers", least=0, most=10_000) or 0
        own = self.kinds[: len(self.kinds) - shared] if shared else self.kinds
        for kind in ("full", "window"):
            if not counts[kind]:
                continue
            if latent:
                rope = self.text.optional("qk_rope_head_dim", least=0, most=2**16) or 0
                nope = self.text.optional("qk_nope_head_dim", least=0, most=2**16) or self.heads.head_dim
                value = self.text.optional("v_head_dim", most=2**16) or self.heads.head_dim
                found.append(
                    Attention(kind="mla", layers=counts[kind], heads=self.heads.heads, kv_heads=self.heads.kv_heads,
                              head_dim=nope + rope, value_dim=value, latent=latent + rope)
                )  # fmt: skip
                continue
            heads, dim = self.heads.kv_heads, self.heads.head_dim
            if kind == "full":
                heads = self.text.optional("num_global_key_value_heads", most=2**16) or heads
                dim = self.text.optional("global_head_dim", most=2**16) or dim
            found.append(
                Attention(kind="attention", layers=counts[kind], heads=self.heads.heads, kv_heads=heads, head_dim=dim,
                          value_dim=self.text.optional("v_head_dim", most=2**16) or dim,
                          window=self.window if kind == "window" else None,
                          shares_cache=counts[kind] - own.count(kind))
            )  # fmt: skip
        if counts["state"]:
            state = recurrent.layer(self.text, self.type, self.hidden)
            found.append(Attention(kind="state", layers=counts["state"], state=state.elements))
        return tuple(found)

    def _attention_weights(self) -> tuple[int, int]:
        """Matrices, and norms and biases, of all layers that attend or keep a state."""
        hidden, counts, (heads, kv, dim) = self.hidden, Counter(self.kinds), (
            self.heads.heads, self.heads.kv_heads, self.heads.head_dim,
        )  # fmt: skip
        attending = counts["full"] + counts["window"]
        matrices = vectors = 0
        if self._latent():
            per_layer, norms = self._mla_weights()
            matrices += attending * per_layer
            vectors += attending * norms
        else:
            for group in self._groups():
                if group.kind != "attention":
                    continue
                keys, value = group.head_dim, group.value_dim or group.head_dim
                gate = 2 if self.type.startswith(("qwen3_next", "qwen3_5")) else 1  # the queries bring a gate
                matrices += group.layers * hidden * heads * (keys * gate + value)
                held = group.layers - (group.shares_cache if self.type.startswith("gemma4") else 0)
                once = self.text.flag("attention_k_eq_v") and group.window is None
                matrices += held * hidden * group.kv_heads * (keys if once else keys + value)
            vectors += attending * self._attention_vectors(heads, kv, dim)
        if counts["state"]:
            state = recurrent.layer(self.text, self.type, hidden)
            matrices += counts["state"] * state.matrices
            vectors += counts["state"] * state.vectors
        return matrices, vectors

    def _mla_weights(self) -> tuple[int, int]:
        text, hidden, heads = self.text, self.hidden, self.heads.heads
        latent = self._latent() or 0
        rope = text.optional("qk_rope_head_dim", least=0, most=2**16) or 0
        nope = text.optional("qk_nope_head_dim", least=0, most=2**16) or self.heads.head_dim
        value = text.optional("v_head_dim", most=2**16) or self.heads.head_dim
        compressed = text.optional("q_lora_rank", most=2**20)
        queries = hidden * heads * (nope + rope)
        if compressed:
            queries = hidden * compressed + compressed * heads * (nope + rope)
        keys = hidden * (latent + rope) + latent * heads * (nope + value)
        matrices = queries + keys + heads * value * hidden
        vectors = latent + (compressed or 0)
        if text.has("index_n_heads"):  # DeepSeek's sparse attention: a small scorer in each layer
            width = text.optional("index_head_dim", most=2**16) or 128
            count = text.optional("index_n_heads", most=2**16) or 64
            matrices += (compressed or hidden) * count * width + hidden * width + hidden * count
            vectors += 2 * width
            note = "the indexer's own cache of keys is not counted"
            if note not in self.notes:
                self.notes.append(note)
        return matrices, vectors

    def _attention_vectors(self, heads: int, kv: int, dim: int) -> int:
        text, size = self.text, 0
        every = self.type in families.BIASED or (self.type == "falcon" and text.flag("bias"))
        of_three = (
            text.flag("attention_bias")
            or text.flag("add_qkv_bias")
            or text.flag("qkv_bias")
            or text.flag("use_qkv_bias")
        )
        if self.type in {"qwen", "qwen2", "qwen2_moe", "chatglm"} and not text.has("attention_bias"):
            of_three = True
        if every or of_three:
            size += (heads + 2 * kv) * dim
        if (
            every
            or self.type == "gpt_oss"
            or (text.flag("attention_bias") and self.type in {"llama", "granite", "seed_oss"})
        ):
            size += self.hidden
        if self.type == "gpt_oss":
            size += heads  # one learned sink each
        if self.type in families.QUERY_NORM or text.flag("use_qk_norm"):
            size += 2 * dim if self.type != "minimax_m2" else (heads + kv) * dim
        if self.type in {"olmo2", "olmo3", "olmoe"}:
            size += (heads + kv) * dim
        return size

    # --- feed-forward ---

    def _inner(self) -> int:
        text, hidden = self.text, self.hidden
        if self.type.startswith("llama4"):
            return text.optional("intermediate_size_mlp", "intermediate_size", most=2**26) or 4 * hidden
        if self.type in {"mamba", "mamba2", "falcon_mamba"}:
            return 0
        ffn = text.inner("ffn_config")
        found = text.optional(
            "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff", "block_ff_dim", most=2**26
        )
        found = found or text.widest("intermediate_size") or ffn.optional("ffn_hidden_size", most=2**26)
        if found is None:
            if text.has("expansion_ratio"):
                return hidden * text.whole("expansion_ratio", most=1024)
            if self.gated:
                raise DataError(f"{text.where}: no 'intermediate_size'")
            return 4 * hidden
        if self.type == "lfm2" and text.flag("block_auto_adjust_ff_dim", default=True):
            multiple = text.optional("block_multiple_of", most=2**20) or 256
            found = -(-(2 * found // 3) // multiple) * multiple
        return found // 2 if self.type == "qwen" else found

    def _sparse(self) -> tuple[int, int, int, int]:
        """Layers with experts, experts in each, how many answer, and the width of one."""
        text = self.text
        ffn = text.inner("ffn_config")
        experts = text.optional(
            "num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts", least=0, most=2**16
        ) or ffn.optional("moe_num_experts", least=0, most=2**16)
        if not experts or experts == 1:
            return 0, 0, 0, 0
        active = text.optional(
            "num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_k", "moe_topk", most=2**16
        ) or ffn.optional("moe_top_k", most=2**16)
        if active is None:
            raise DataError(f"{text.where}: {experts:,} experts, and no 'num_experts_per_tok'")
        if active > experts:
            raise DataError(f"{text.where}: {active:,} of {experts:,} experts cannot answer")
        width = text.optional("moe_intermediate_size", "expert_ffn_hidden_size", most=2**26) or text.widest(
            "moe_intermediate_size"
        )
        if width is None:
            width = text.optional("intermediate_size", most=2**26) or self._inner()
        return sum(map(self._has_experts, range(self.layers))), experts, active, width

    def _has_experts(self, index: int) -> bool:
        text = self.text
        if self.type == "nemotron_h":
            return (text.text("hybrid_override_pattern") or "")[index] == "E"
        if index < (text.optional("first_k_dense_replace", least=0, most=10_000) or 0):
            return False
        if index in (text.numbers("mlp_only_layers") or ()):
            return False
        listed = text.numbers("moe_layers")
        if listed is not None:
            return index in listed
        if text.has("expert_layer_period"):
            period = text.whole("expert_layer_period", most=10_000)
            return index % period == (text.optional("expert_layer_offset", least=0, most=10_000) or 0)
        step = text.optional("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq", most=10_000) or 1
        return (index + 1) % step == 0 if not text.has("moe_layer_freq") else index % step == 0

    # --- the whole ---

    def architecture(self) -> Architecture:
        text, hidden, layers = self.text, self.hidden, self.layers
        inner = self._inner()
        sparse, experts, active, width = self._sparse()
        branches = 3 if self.gated else 2
        feeding = layers if self.type != "nemotron_h" else self.kinds.count("none")
        dense = feeding - sparse
        mlp = dense * branches * hidden * inner
        mlp += sparse * (hidden * experts + self._shared(width))
        routed = sparse * experts * branches * hidden * width
        attention, vectors = self._attention_weights()
        other = vectors + self._norms() + self._feed_forward_vectors(dense, inner, sparse, experts, width)
        tied = self._tied()
        table = self.vocab * hidden
        other += self._positions()
        embedding = table + self._per_layer_embedding()
        vision = self._vision()
        head = 0 if tied else table
        if self.type in {"phi", "gptj"}:
            other += self.vocab  # the output projection has a bias
        answering = routed * active // experts if experts else 0
        counts = Parameters(
            embedding=embedding, head=head, attention=attention, mlp=mlp, experts=routed, other=other, vision=vision,
            active=embedding + head + attention + mlp + answering + other,
        )  # fmt: skip
        estimated = self.type not in families.KNOWN
        if estimated:
            self.notes.append(f"model_type '{self.type}' is not known here; read as layers like Llama's")
        if text.has("num_nextn_predict_layers") and text.optional("num_nextn_predict_layers", least=0, most=1000):
            self.notes.append(
                "the extra layers that predict further tokens are not counted; most runtimes leave them out"
            )
        return Architecture(
            name=self.name, model_type=self.type, source=self.source, estimated=estimated, hidden=hidden, layers=layers,
            intermediate=inner or width, gated=self.gated, vocab=self.vocab, attention=self._groups(), experts=experts,
            experts_active=active, expert_intermediate=width, sparse_layers=sparse, tied=tied, context=self._context(),
            dtype=self._dtype(), parameters=counts, notes=tuple(self.notes),
        )  # fmt: skip

    def _shared(self, width: int) -> int:
        """Experts that always answer, in one sparse layer."""
        text, hidden = self.text, self.hidden
        branches = 3 if self.gated else 2
        if self.type.startswith("llama4"):
            return branches * hidden * width
        size = text.optional("shared_expert_intermediate_size", "shared_intermediate_size", least=0, most=2**26)
        if size:
            gate = hidden if self.type.startswith(("qwen2_moe", "qwen3_next", "qwen3_5")) else 0
            return branches * hidden * size + gate
        count = text.optional("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", least=0, most=2**16)
        if count:
            return branches * hidden * width * count
        return 0

    def _norms(self) -> int:
        key = "falcon_7b" if self.type == "falcon" and not self.text.flag("new_decoder_architecture") else self.type
        each = 4 if key in families.FOUR_NORMS else 1 if key in families.ONE_NORM or self.type == "nemotron_h" else 2
        if self.type in {"mamba", "mamba2", "falcon_mamba"}:
            each = 1
        size = self.hidden * (2 if self.type in families.LAYER_NORM else 1)
        first = size if self.type == "bloom" else 0  # over the embeddings
        return self.layers * each * size + size + first

    def _feed_forward_vectors(self, dense: int, inner: int, sparse: int, experts: int, width: int) -> int:
        size = 0
        if self.type in families.BIASED or self.type == "gptj" or (self.type == "falcon" and self.text.flag("bias")):
            size += dense * (inner + self.hidden)
        if self.text.flag("mlp_bias"):
            size += dense * ((2 if self.gated else 1) * inner + self.hidden)
        if self.type == "gpt_oss":
            size += sparse * (experts + experts * (2 * width + self.hidden))
        if self.type in {"deepseek_v3", "kimi_k2", "glm4_moe", "minimax_m2", "deepseek_v32"}:
            size += sparse * experts  # what corrects the router's choice
        return size

    def _positions(self) -> int:
        if self.type in {"gpt2", "gpt_bigcode", "gpt_neo"}:
            return self.hidden * self.text.whole("n_positions", "max_position_embeddings", most=2**30)
        if self.type == "opt":
            return self.hidden * (self.text.whole("max_position_embeddings", most=2**30) + 2)
        return 0

    def _per_layer_embedding(self) -> int:
        width = self.text.optional("hidden_size_per_layer_input", least=0, most=2**20)
        if not width:
            return 0
        rows = self.text.optional("vocab_size_per_layer_input", most=2**26) or self.vocab
        self.notes.append("embeddings of each layer are counted with the embedding; some runtimes keep them in RAM")
        return self.layers * width * rows

    def _tied(self) -> bool:
        for fields in (self.text, self.whole):
            if fields.has("tie_word_embeddings"):
                return fields.flag("tie_word_embeddings")
        if self.type == "chatglm":
            return False
        return self.type not in families.UNTIED

    def _vision(self) -> int:
        total = 0
        for key in _VISION:
            inner = self.whole.inner(key)
            if not inner:
                continue
            width = inner.optional("hidden_size", "embed_dim", "width", "d_model", most=2**20)
            depth = inner.optional("num_hidden_layers", "depth", "layers", "encoder_layers", most=10_000)
            if not (width and depth):
                self.notes.append(f"'{key}' does not give its shapes: its weights are not counted")
                continue
            wide = inner.optional("intermediate_size", "encoder_ffn_dim", most=2**26) or 4 * width
            branches = 3 if inner.text("hidden_act") in {"silu", "swish"} else 2
            total += depth * (4 * width * width + branches * width * wide)
            self.notes.append(f"'{key}' is counted by its layers; what it computes for an image is not")
        return total

    def _context(self) -> int | None:
        return self.text.optional(
            "max_position_embeddings",
            "n_positions",
            "seq_length",
            "max_sequence_length",
            "max_seq_len",
            "n_ctx",
            most=2**40,
        )

    def _dtype(self) -> str | None:
        for fields in (self.whole, self.text):
            quantised = fields.inner("quantization_config")
            if quantised:
                return _quantised(quantised, self.notes)
        said = self.text.text("torch_dtype", "dtype") or self.whole.text("torch_dtype", "dtype") or ""
        return {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}.get(said)


def _quantised(config: Fields, notes: list[str]) -> str | None:
    """The format of published weights that are quantised; None, with a note, for one that is not known."""
    method = (config.text("quant_method") or "").lower()
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
        first = groups.inner(next(iter(groups.keys()), "")).inner("weights")
        width, kind = first.optional("num_bits", most=32), first.text("type")
        if width == 8:
            return "fp8" if kind == "float" else "int8"
        if width == 4 and kind == "int":
            return f"gptq-4bit-g{first.optional('group_size', most=2**20) or 128}"
    notes.append(f"quantization '{method or 'unnamed'}' is not known here: weights are counted in 16 bits")
    return None
