"""What a token costs: bytes that are read, and FLOP."""

from __future__ import annotations

from llmcheck.fit.shapes import kv_cache
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture


def proposed(use: ModelUse) -> int:
    """Tokens of each sequence that are proposed for a step to check; 0 without speculative decoding."""
    kind = use.workload.speculative
    if kind is None:
        return 0
    return use.workload.speculative_tokens or (1 if kind == "mtp" else 3)


def weight_bytes(use: ModelUse, tokens: int) -> float:
    """Bytes of weights that are read to process so many tokens at once: of routed experts those that any of them
    chooses, of an untied embedding only rows."""
    stored = use.stored
    routed = stored.experts - _idle(use.architecture, tokens) * _share_of_blocks(use) if stored.experts else 0.0
    others = float(stored.layers - stored.experts) + (stored.head or stored.embedding)
    if use.architecture.experts and not stored.experts:  # from a file whose experts are not told apart
        others -= _idle(use.architecture, tokens) * _share_of_blocks(use)
    return routed + others


def _idle(architecture: Architecture, tokens: int) -> float:
    """Weights of the routed experts that none of so many tokens chooses, each choosing at random."""
    if not architecture.experts:
        return 0.0
    unused = (1 - architecture.experts_active / architecture.experts) ** tokens
    return float(architecture.parameters.experts * unused)


def _share_of_blocks(use: ModelUse) -> float:
    """Bytes for each weight of the blocks; of routed experts where their bytes are known."""
    counts, stored = use.architecture.parameters, use.stored
    if stored.experts and counts.experts:
        return stored.experts / counts.experts
    return stored.layers / max(counts.total - counts.embedding - counts.head - counts.vision, 1)


def cache_bytes(use: ModelUse, tokens: int, sequences: int) -> float:
    """Bytes of keys and values of ``tokens`` in each of the sequences."""
    return kv_cache.size(use.architecture, tokens, sequences, use.workload.kv_cache)


def repeated(architecture: Architecture) -> float:
    """How many query heads share one cached head, on average over the layers."""
    heads = sum(group.layers * group.heads for group in architecture.attention if group.kind == "attention")
    cached = sum(group.layers * (group.kv_heads or group.heads) for group in architecture.attention if group.heads)
    return max(heads / cached, 1.0) if cached else 1.0


def block_weights(architecture: Architecture) -> float:
    """Weights that a token is multiplied with in the layers."""
    counts = architecture.parameters
    return max(counts.active - counts.embedding - counts.head - counts.vision, 1)


def expert_weights(architecture: Architecture) -> float:
    """Of these, weights of routed experts."""
    if not architecture.experts:
        return 0.0
    return architecture.parameters.experts * architecture.experts_active / architecture.experts


def multiplied_weights(architecture: Architecture) -> float:
    """Weights that one token is multiplied with: the active ones, without an embedding that only gives a row."""
    counts = architecture.parameters
    return max(counts.active - (counts.embedding if counts.head else 0), 1)


def scores(architecture: Architecture, tokens: int, before: int = 0) -> float:
    """Attention scores of one token, on average over ``tokens`` of which each sees those before it, in all heads."""
    total = 0.0
    for group in architecture.attention:
        seen = before + tokens / 2
        total += group.layers * group.heads * (min(seen, group.window) if group.window else seen)
    return total


def attention(architecture: Architecture, tokens: int, before: int = 0) -> float:
    """FLOP of attention for one token, on average over the sequence (Kaplan et al., arXiv 2001.08361)."""
    total = 0.0
    for group in architecture.attention:
        seen = before + tokens / 2
        seen = min(seen, group.window) if group.window else seen
        total += 2.0 * group.layers * group.heads * (group.head_dim + (group.value_dim or group.head_dim)) * seen
    return total
