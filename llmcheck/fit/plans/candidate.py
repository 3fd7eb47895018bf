"""One way to run a model that was tried on a machine, and what the search is to look for."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from llmcheck.fit.placement import PlacementResult
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Speed

Preference = Literal["balanced", "quality", "speed", "context"]
LEAST_CONTEXT = 2048
"""Tokens. A chat of a few turns; below it a plan is of little use."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What decides between plans beside the workload, whose named fields are never changed."""

    prefer: Preference = "balanced"
    least_context: int = LEAST_CONTEXT
    """Tokens below which a context is not shortened."""


class Candidate(Struct, frozen=True):
    """A use that fits, where it lies, and how fast it is."""

    use: ModelUse
    placed: PlacementResult
    speed: Speed
    published: str | None
    """Name of the format that the model is published in."""
    wanted_context: int
    """Tokens that were wished for; the plan's own context may be shorter."""
    installed: bool | None
    """Whether the judged environment has the runtime; None: not known."""
    needs: tuple[str, ...] = ()
    """Ids of the libraries that have to be installed first; () where nothing is missing, or it is not known."""

    @property
    def tokens_per_second(self) -> float | None:
        """Of one sequence, or of training over all GPUs; None where it is not known."""
        rate = self.speed.decode or self.speed.train
        return None if rate is None else rate.expected
