"""Layers that keep a state of fixed size instead of a cache: Mamba, gated delta rules, gated linear recurrences, short
convolutions.

Of a convolution over ``kernel`` tokens the last ``kernel - 1`` inputs are kept, as vLLM, SGLang and llama.cpp do;
transformers keeps one more.
"""

from __future__ import annotations

from llmcheck.checkpoint.family import Family, Recurrent
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError


def layer(text: Fields, family: Family, hidden: int, model_type: str) -> Recurrent:
    """One recurrent layer of a model with this hidden size. Raises DataError for a kind that is not known here."""
    if family.recurrent is not None:
        return family.recurrent(text, hidden)
    if text.has("linear_num_value_heads"):
        return delta(text, hidden)
    if text.has("mamba_n_heads") or text.has("mamba_num_heads"):
        return mamba2(text, hidden)
    raise DataError(f"{text.where}: the recurrent layers of '{model_type}' are not modelled")


def mamba(text: Fields, hidden: int) -> Recurrent:
    """Gu and Dao, arXiv 2312.00752."""
    inner = text.optional("intermediate_size", most=2**26) or _expansion(text) * hidden
    return mamba_of_width(text, hidden, inner)


def mamba_of_width(text: Fields, hidden: int, inner: int, *, inner_norms: bool = False) -> Recurrent:
    """Mamba with ``inner`` channels; ``inner_norms``: with norms over the step and the two input-dependent matrices."""
    state = text.optional("mamba_d_state", "state_size", most=2**16) or 16
    kernel = text.optional("mamba_d_conv", "conv_kernel", most=1024) or 4
    rank = text.optional("mamba_dt_rank", "time_step_rank", most=2**20) or -(-hidden // 16)
    matrices = 2 * hidden * inner + inner * (rank + 2 * state) + rank * inner + inner * hidden
    vectors = inner * kernel + inner + inner + inner * state + inner
    if inner_norms:
        vectors += rank + 2 * state
    return Recurrent(
        elements=inner * (kernel - 1) + inner * state,
        convolution=inner * (kernel - 1),
        matrices=matrices,
        vectors=vectors,
    )


def jamba(text: Fields, hidden: int) -> Recurrent:
    """Jamba's Mamba layer (arXiv 2403.19887). Its ``intermediate_size`` is that of the feed-forward part."""
    return mamba_of_width(text, hidden, _expansion(text) * hidden, inner_norms=True)


def mamba2(text: Fields, hidden: int) -> Recurrent:
    """Dao and Gu, arXiv 2405.21060; a head has 64 elements where the file does not say it."""
    width = text.optional("mamba_d_head", "mamba_head_dim", "head_dim", most=2**16) or 64
    return mamba2_of_width(text, hidden, width)


def mamba2_expanded(text: Fields, hidden: int) -> Recurrent:
    """Mamba 2; where the file has no size of a head, the heads divide ``mamba_expand`` times the hidden size."""
    width = text.optional("mamba_d_head", "mamba_head_dim", most=2**16)
    return mamba2_of_width(text, hidden, width or _expansion(text) * hidden // _mamba2_heads(text))


def mamba2_of_width(text: Fields, hidden: int, width: int, *, norm: bool = True) -> Recurrent:
    """Mamba 2 with heads of ``width`` elements; ``norm``: with a norm before its output projection."""
    heads = _mamba2_heads(text)
    groups = text.optional("mamba_n_groups", "n_groups", most=2**16) or 1
    state = text.optional("mamba_d_state", "ssm_state_size", "state_size", most=2**16) or 128
    kernel = text.optional("mamba_d_conv", "conv_kernel", most=1024) or 4
    inner = heads * width
    mixed = inner + 2 * groups * state
    matrices = hidden * (inner + mixed + heads) + inner * hidden
    vectors = mixed * kernel + mixed + 3 * heads + (inner if norm else 0)
    return Recurrent(
        elements=mixed * (kernel - 1) + inner * state,
        convolution=mixed * (kernel - 1),
        matrices=matrices,
        vectors=vectors,
    )


def delta(text: Fields, hidden: int) -> Recurrent:
    """Gated DeltaNet (arXiv 2412.06464) in the form that Qwen3-Next uses."""
    keys, values = (text.required(f"linear_num_{kind}_heads", most=2**16) for kind in ("key", "value"))
    key, value = (text.required(f"linear_{kind}_head_dim", most=2**16) for kind in ("key", "value"))
    kernel = text.optional("linear_conv_kernel_dim", most=1024) or 4
    mixed = 2 * keys * key + values * value
    matrices = hidden * (mixed + values * value + 2 * values) + values * value * hidden
    vectors = mixed * kernel + 2 * values + value
    return Recurrent(
        elements=mixed * (kernel - 1) + values * key * value,
        convolution=mixed * (kernel - 1),
        matrices=matrices,
        vectors=vectors,
    )


def delta_by_channel(
    hidden: int, heads: int, width: int, kernel: int, *, full_decay: bool = False, full_gate: bool = False
) -> Recurrent:
    """Kimi Delta Attention (arXiv 2510.26692): a decay for each channel.

    Heads have ``width`` elements. The decay and the output gate come from one full matrix each, or from two of rank
    ``width``.
    """
    inner = heads * width
    small = hidden * width + width * inner
    decay, gate = (hidden * inner if full else small for full in (full_decay, full_gate))
    matrices = 4 * hidden * inner + decay + gate + hidden * heads
    vectors = 3 * inner * kernel + inner + heads + width
    return Recurrent(
        elements=3 * inner * (kernel - 1) + inner * width,
        convolution=3 * inner * (kernel - 1),
        wide=True,
        matrices=matrices,
        vectors=vectors,
    )


def lightning(text: Fields, hidden: int) -> Recurrent:
    """MiniMax's lightning attention (arXiv 2501.08313): a square state for each head, and an output gate."""
    heads = text.required("num_attention_heads", most=2**16)
    width = text.optional("head_dim", most=2**16) or hidden // heads
    inner = heads * width
    return Recurrent(elements=inner * width, matrices=5 * hidden * inner, vectors=inner)


def griffin(text: Fields, hidden: int) -> Recurrent:
    """RecurrentGemma's gated linear recurrence (arXiv 2402.19427, 2404.07839); each head has two square gates."""
    heads = text.required("num_attention_heads", most=2**16)
    width = text.optional("lru_width", most=2**20) or hidden
    kernel = text.optional("conv1d_width", most=1024) or 4
    matrices = 3 * hidden * width + 2 * width * (width // heads)
    vectors = 2 * width + hidden + width * (kernel + 1) + 3 * width
    return Recurrent(elements=width * kernel, convolution=width * (kernel - 1), matrices=matrices, vectors=vectors)


def short_convolution(text: Fields, hidden: int) -> Recurrent:
    """LFM2's gated short convolution."""
    kernel = text.optional("conv_L_cache", most=1024) or 3
    return Recurrent(
        elements=hidden * (kernel - 1),
        convolution=hidden * (kernel - 1),
        matrices=4 * hidden * hidden,
        vectors=hidden * kernel,
    )


def _expansion(text: Fields) -> int:
    return text.optional("mamba_expand", "expand", most=1024) or 2


def _mamba2_heads(text: Fields) -> int:
    return text.required("mamba_n_heads", "mamba_num_heads", "num_heads", most=2**16)
