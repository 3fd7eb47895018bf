"""An architecture from ``config.json``, as transformers writes it: shapes, kinds of layers and counts of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from llmcheck import codec
from llmcheck.checkpoint import defaults, families, published, recurrent, towers
from llmcheck.checkpoint import layers as kinds
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture, Attention, Parameters

_TEXT = ("text_config", "language_config", "llm_config")


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
    reading = _Reading(Fields(whole, where), text, model_type, name, source or where, nested=nested is not None)
    return reading.architecture()


def decoded(data: bytes, where: str) -> dict[str, Any]:
    """``config.json`` as a mapping. Raises DataError for anything else."""
    return codec.decode_json(data, dict[str, Any], where)


class _Reading:
    """One file while it is read: what is counted goes from part to part."""

    def __init__(
        self, whole: Fields, text: Fields, model_type: str, name: str | None, source: str, *, nested: bool
    ) -> None:
        self.whole, self.said, self.source = whole, model_type, source
        self.type = families.LIKE.get(model_type, model_type)
        self.name = name or whole.text("_name_or_path") or model_type
        self.notes: list[str] = []
        if nested:
            text, left_out = text.completed(defaults.TEXT.get(model_type, {}))
            if left_out:
                self.notes.append(f"what the file leaves out is as transformers' class has it: {', '.join(left_out)}")
        self.text = text
        self.hidden = text.whole("hidden_size", "n_embd", "d_model", "dim", most=2**20)
        self.layers = text.whole("num_hidden_layers", "n_layer", "n_layers", "num_layers", most=10_000)
        self.vocab = text.whole("vocab_size", "padded_vocab_size", most=2**26)
        if self.type == "chatglm":
            self.vocab = text.whole("padded_vocab_size", "vocab_size", most=2**26)
        self.gated = self.type not in families.PLAIN_MLP
        self.heads = self._heads()
        self.window = kinds.window(text, self.type)
        self.kinds = kinds.kinds(text, self.type, self.layers, self.window)
        self.counts = kinds.counted(self.kinds)
        self.groups = self._groups()

    # --- attention ---

    def _heads(self) -> _Heads:
        text = self.text
        if self.type in kinds.MAMBA:
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

    def _latent(self) -> int | None:
        return self.text.optional("kv_lora_rank", most=2**20)

    def _groups(self) -> tuple[Attention, ...]:
        found: list[Attention] = []
        latent = self._latent()
        shared = self.text.optional("num_kv_shared_layers", least=0, most=10_000) or 0
        own = kinds.counted(self.kinds[: max(self.layers - shared, 0)])
        counts = self.counts
        for kind in ("full", "window", "cross"):
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
            if kind == "cross":
                self.notes.append("layers that attend to images alone keep a cache for each image; it is not counted")
            elif kind == "full":
                heads = self.text.optional("num_global_key_value_heads", most=2**16) or heads
                dim = self.text.optional("global_head_dim", most=2**16) or dim
            found.append(
                Attention(kind="attention", layers=counts[kind], heads=self.heads.heads, kv_heads=heads, head_dim=dim,
                          value_dim=self.text.optional("v_head_dim", most=2**16) or dim,
                          window=self.window if kind == "window" else None,
                          shares_cache=counts[kind] - (0 if kind == "cross" else own[kind]))
            )  # fmt: skip
        if counts["state"]:
            state = recurrent.layer(self.text, self.type, self.hidden)
            found.append(Attention(kind="state", layers=counts["state"], state=state.elements))
        return tuple(found)

    def _attention_weights(self) -> tuple[int, int]:
        """Matrices, and norms and biases, of all layers that attend or keep a state."""
        hidden, counts, (heads, kv, dim) = self.hidden, self.counts, (
            self.heads.heads, self.heads.kv_heads, self.heads.head_dim,
        )  # fmt: skip
        attending = counts["full"] + counts["window"]
        matrices = vectors = 0
        if self._latent():
            per_layer, norms = self._mla_weights()
            matrices += attending * per_layer
            vectors += attending * norms
        else:
            for group in self.groups:
                if group.kind != "attention":
                    continue
                keys, value = group.head_dim, group.value_dim or group.head_dim
                gate = 2 if self.type.startswith(("qwen3_next", "qwen3_5")) else 1  # the queries bring a gate
                matrices += group.layers * hidden * heads * (keys * gate + value)
                held = group.layers - (group.shares_cache if self.type.startswith("gemma4") else 0)
                once = self.text.flag("attention_k_eq_v") and group.window is None
                matrices += held * hidden * group.kv_heads * (keys if once else keys + value)
            vectors += attending * self._attention_vectors(heads, kv, dim)
            vectors += counts["cross"] * (2 * dim + 2)  # norms of queries and keys, and two gates (Llama 3.2 Vision)
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
        if self.type in families.BIASED_QUERIES and not text.has("attention_bias"):
            of_three = True
        if every or of_three:
            size += (heads + 2 * kv) * dim
        if (
            every
            or self.type in {"gpt_oss", "recurrent_gemma"}
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
        if self.type == "llama4_text":
            return text.optional("intermediate_size_mlp", "intermediate_size", most=2**26) or 4 * hidden
        if self.type in kinds.MAMBA:
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
        return found // 2 if self.type in families.HALVED_MLP else found

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
        feeding = layers if self.type != "nemotron_h" else self.counts["none"]
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
        if self.counts["cross"]:
            embedding += 8 * hidden  # the tokens that stand for images
        vision = towers.weights(self.whole, hidden, self.notes)
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
            self.notes.append(f"model_type '{self.said}' is not known here; read as layers like Llama's")
        if text.has("num_nextn_predict_layers") and text.optional("num_nextn_predict_layers", least=0, most=1000):
            self.notes.append(
                "the extra layers that predict further tokens are not counted; most runtimes leave them out"
            )
        return Architecture(
            name=self.name, model_type=self.said, source=self.source, estimated=estimated, hidden=hidden, layers=layers,
            intermediate=inner or width, gated=self.gated, vocab=self.vocab, attention=self.groups, experts=experts,
            experts_active=active, expert_intermediate=width, sparse_layers=sparse, tied=tied,
            fused=self.type in families.FUSED, context=self._context(),
            dtype=published.dtype(self.whole, text, self.notes), parameters=counts, notes=tuple(self.notes),
        )  # fmt: skip

    def _shared(self, width: int) -> int:
        """Experts that always answer, in one sparse layer."""
        text, hidden = self.text, self.hidden
        branches = 3 if self.gated else 2
        if self.type == "llama4_text":
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
        if self.type in kinds.MAMBA:
            each = 1
        size = self.hidden * (2 if self.type in families.LAYER_NORM else 1)
        first = size if self.type == "bloom" else 0  # over the embeddings
        return self.layers * each * size + size + first

    def _feed_forward_vectors(self, dense: int, inner: int, sparse: int, experts: int, width: int) -> int:
        size = 0
        if self.type in families.BIASED or self.type == "gptj" or (self.type == "falcon" and self.text.flag("bias")):
            size += dense * (inner + self.hidden)
        if self.text.flag("mlp_bias") or self.type == "recurrent_gemma":
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
