"""Layers that keep a state of fixed size instead of a cache: Mamba, gated delta rules, short convolutions."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError


class Recurrent(Struct, frozen=True, kw_only=True):
    """Of one layer."""

    elements: int
    """Of the state of one sequence: the convolution's last inputs, and what the recurrence remembers."""
    matrices: int
    """Weights of its projections."""
    vectors: int


def layer(text: Fields, model_type: str, hidden: int) -> Recurrent:
    """Raises DataError for a kind of layer that is not known."""
    if model_type in {"mamba", "falcon_mamba", "jamba"}:
        return _mamba(text, model_type, hidden)
    if text.has("linear_num_value_heads"):
        return _delta(text, hidden)
    if model_type == "recurrent_gemma":
        return _griffin(text, hidden)
    if model_type == "lfm2":
        kernel = text.optional("conv_L_cache", most=1024) or 3
        return Recurrent(elements=hidden * kernel, matrices=4 * hidden * hidden, vectors=hidden * kernel)
    if text.has("mamba_n_heads") or text.has("mamba_num_heads") or model_type == "mamba2":
        return _mamba2(text, model_type, hidden)
    raise DataError(f"{text.where}: the recurrent layers of '{model_type}' are not modelled")


def _mamba(text: Fields, model_type: str, hidden: int) -> Recurrent:
    """Gu and Dao, arXiv 2312.00752."""
    expand = text.optional("mamba_expand", "expand", most=1024) or 2
    inner = text.optional("intermediate_size", most=2**26) if model_type != "jamba" else None
    inner = inner or expand * hidden
    state = text.optional("mamba_d_state", "state_size", most=2**16) or 16
    kernel = text.optional("mamba_d_conv", "conv_kernel", most=1024) or 4
    rank = text.optional("mamba_dt_rank", "time_step_rank", most=2**20) or -(-hidden // 16)
    matrices = 2 * hidden * inner + inner * (rank + 2 * state) + rank * inner + inner * hidden
    vectors = inner * kernel + inner + inner + inner * state + inner
    if model_type == "jamba":
        vectors += rank + 2 * state  # norms inside
    return Recurrent(elements=inner * kernel + inner * state, matrices=matrices, vectors=vectors)


def _mamba2(text: Fields, model_type: str, hidden: int) -> Recurrent:
    """Dao and Gu, arXiv 2405.21060."""
    heads = text.whole("mamba_n_heads", "mamba_num_heads", "num_heads", most=2**16)
    width = text.optional("mamba_d_head", "mamba_head_dim", "head_dim", most=2**16) or 64
    if model_type in {"granitemoehybrid", "bamba", "nemotron_h"} and not (
        text.has("mamba_d_head") or text.has("mamba_head_dim")
    ):
        width = (text.optional("mamba_expand", "expand", most=1024) or 2) * hidden // heads
    if model_type == "falcon_h1" and (inner := text.optional("mamba_d_ssm", most=2**26)):
        width = inner // heads
    groups = text.optional("mamba_n_groups", "n_groups", most=2**16) or 1
    state = text.optional("mamba_d_state", "ssm_state_size", "state_size", most=2**16) or 128
    kernel = text.optional("mamba_d_conv", "conv_kernel", most=1024) or 4
    inner = heads * width
    mixed = inner + 2 * groups * state
    matrices = hidden * (inner + mixed + heads) + inner * hidden
    norm = inner if model_type != "falcon_h1" or text.flag("mamba_rms_norm") else 0
    vectors = mixed * kernel + mixed + 3 * heads + norm
    return Recurrent(elements=mixed * kernel + inner * state, matrices=matrices, vectors=vectors)


def _delta(text: Fields, hidden: int) -> Recurrent:
    """Gated DeltaNet (arXiv 2412.06464) as Qwen3-Next has it."""
    keys, values = (text.whole(f"linear_num_{kind}_heads", most=2**16) for kind in ("key", "value"))
    key, value = (text.whole(f"linear_{kind}_head_dim", most=2**16) for kind in ("key", "value"))
    kernel = text.optional("linear_conv_kernel_dim", most=1024) or 4
    mixed = 2 * keys * key + values * value
    matrices = hidden * (mixed + values * value + 2 * values) + values * value * hidden
    vectors = mixed * kernel + 2 * values + value
    return Recurrent(elements=mixed * kernel + values * key * value, matrices=matrices, vectors=vectors)


def _griffin(text: Fields, hidden: int) -> Recurrent:
    """RecurrentGemma's gated linear recurrence (arXiv 2402.19427, 2404.07839); its gates are a square for each head."""
    heads = text.whole("num_attention_heads", most=2**16)
    width = text.optional("lru_width", most=2**20) or hidden
    kernel = text.optional("conv1d_width", most=1024) or 4
    matrices = 3 * hidden * width + 2 * width * (width // heads)
    vectors = 2 * width + hidden + width * (kernel + 1) + 3 * width
    return Recurrent(elements=width * kernel, matrices=matrices, vectors=vectors)
