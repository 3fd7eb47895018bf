"""What a model of an unknown family does to the bands: its layers were read like Llama's and may be of another kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from llmcheck.fit.reason import Reason, Where
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Component, Memory, Term

_FACTORS: dict[Component, tuple[float, float]] = {
    "weights": (0.9, 1.1), "kv_cache": (0.15, 1.1), "activations": (0.5, 1.5), "gradients": (0.9, 1.1),
    "optimizer": (0.9, 1.1),
}  # fmt: skip
"""Lower and upper end of a term, as parts of what is expected.

Before their families were known, 20 models of 2026 came out between 3 % too small and 7 % too large; the caches of
those with latent, windowed or linear attention up to 6 times too large, and none too small, for full attention keeps
the most.
"""


def widened(terms: Iterable[Term], architecture: Architecture) -> list[Term]:
    """The terms with wider bands where the family of the model is not known; what a file's header says stays exact."""
    return [_widened(each) for each in terms] if architecture.assumed else list(terms)


def _widened(each: Term) -> Term:
    least, most = _FACTORS.get(each.component, (1.0, 1.0))
    if each.component == "weights" and each.low == each.high:
        return each
    return replace(
        each, low=min(each.low, round(least * each.expected)), high=max(each.high, round(most * each.expected))
    )


def reason(parts: Sequence[Memory], budgets: Sequence[int], where: Where) -> Reason | None:
    """Why it is not known whether parts of a model fit into as many budgets, in bytes; None where the band decides."""
    lacking = [part.high - available for part, available in zip(parts, budgets, strict=True)]
    worst = lacking.index(max(lacking))
    if lacking[worst] <= 0 or any(part.low > available for part, available in zip(parts, budgets, strict=True)):
        return None
    part = parts[worst]
    return Reason(
        code="unknown-family", needed=part.high, least=part.low, available=budgets[worst], gpus=len(parts), where=where
    )
