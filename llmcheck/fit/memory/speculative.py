"""Memory of what proposes tokens for a model to check: its own further layers, a small head, or a second model."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.shapes import formats, kv_cache, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture, Attention
from llmcheck.schema.estimate import Term, term

HEADS = ("mtp", "eagle", "eagle3")
"""Values of ``Workload.speculative`` that name no model."""
_DRAFT_VOCABULARY = 32_000
"""Rows of the output projection of an EAGLE-3 head."""
_OF_MTP = "the model's further layers that predict several tokens (MTP), as in its files"
_OF_EAGLE = (
    "a head of one dense layer and a matrix that joins hidden states, in 16 bits; EAGLE-3 has an output projection of"
    " its own (arXiv 2503.01840); its width may differ"
)
_OF_DRAFT = "all weights of the second model"
_CACHE = "keys and values of what proposes tokens, as long as the model's"


def terms(use: ModelUse, part: GpuPart) -> list[Term]:
    """On the GPU that has the output projection; [] where nothing proposes tokens."""
    if use.workload.speculative is None or not part.last:
        return []
    return [weights_of(use, part.tensor), _cache(use, part)]


def weights_of(use: ModelUse, tensor: int) -> Term:
    """Weights of what proposes tokens, on each of ``tensor`` GPUs that share a matrix."""
    if use.draft is not None:
        return _of_model(use, use.draft, tensor)
    if use.workload.speculative == "mtp":
        return _of_mtp(use, tensor)
    return _of_eagle(use, tensor, third=use.workload.speculative == "eagle3")


def _of_mtp(use: ModelUse, tensor: int) -> Term:
    form = use.weight_format
    elements = use.architecture.predictor
    size = elements * form.bits / 8 / tensor
    # many quantised files keep these layers in 16 bits, and some lack them
    wide = elements * 2.0 / tensor
    return term("weights", "layers that propose tokens", size, _OF_MTP, high=max(size, wide))


def _of_eagle(use: ModelUse, tensor: int, *, third: bool) -> Term:
    model = use.architecture
    hidden, group = model.hidden, _widest(use)
    queries, keys = group.heads * group.head_dim, group.kv_heads * group.head_dim
    inner = max(model.intermediate, model.expert_intermediate * max(model.experts_active, 1))
    inputs = 2 if third else 1
    layer = inputs * hidden * (queries + 2 * keys) + queries * hidden + 3 * hidden * inner
    joined = (3 if third else 2) * hidden * hidden
    size = 2.0 * (layer + joined + (_DRAFT_VOCABULARY * hidden if third else 0)) / tensor
    return term("weights", "head that proposes tokens", size, _OF_EAGLE, low=0.7 * size, high=1.4 * size)


def _widest(use: ModelUse) -> Attention:
    """The attention of one layer that sees all tokens, as the layer that proposes tokens has it."""
    groups = [group for group in use.architecture.attention if group.kind != "state"]
    found = max(groups, key=lambda group: (group.window is None, group.kv_heads * group.head_dim), default=None)
    return replace(found or Attention(kind="state", layers=1), layers=1, shares_cache=0, window=None)


def _cache(use: ModelUse, part: GpuPart) -> Term:
    sequences = 1 if use.workload.kv_unified else use.batch
    if use.draft is not None:
        size = kv_cache.size(use.draft, use.context, sequences, use.workload.kv_cache) / part.tensor
    else:
        group = _widest(use)
        size = kv_cache.of_groups((group,), use.context, sequences, use.workload.kv_cache)
        size /= min(part.tensor, max(group.kv_heads if group.kind == "attention" else 1, 1))
    return term("overhead", "cache of proposed tokens", size, _CACHE, part="cache")


def _of_model(use: ModelUse, draft: Architecture, tensor: int) -> Term:
    """In the format of the model, or its own where it cannot have that."""
    form = use.weight_format
    if form.family == "mxfp4":
        form = formats.weights(draft.dtype or "bf16")
    slack = 0.06 if draft.estimated else 0.01
    size = weights.stored(draft, form).total / tensor
    return term("weights", "second model", size, _OF_DRAFT, low=(1 - slack) * size, high=(1 + slack) * size)
