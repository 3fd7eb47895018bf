"""One way to run a model that was tried on a machine, and what the search is to look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from llmcheck.fit.placement import PlacementResult
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Speed

if TYPE_CHECKING:
    from llmcheck.fit.plans.downloads import Download, Names, Storage

Preference = Literal["balanced", "quality", "speed", "context"]
LEAST_CONTEXT = 2048
"""Tokens. A chat of a few turns; below it a plan is of little use."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What decides between plans beside the workload, whose named fields are never changed."""

    prefer: Preference = "balanced"
    least_context: int = LEAST_CONTEXT
    """Tokens below which a context is not shortened."""
    installed: frozenset[str] | None = None
    """Ids of the runtimes that the judged environment has; None: not known."""
    storage: Storage | None = None
    """What was downloaded before, and the space for more; None: downloads are not judged."""
    names: Names | None = None
    """Where the model is published beside its own repository; None: nowhere that is known."""


class Candidate(Struct, frozen=True):
    """A use that fits, where it lies, and how fast it is."""

    use: ModelUse
    placed: PlacementResult
    speed: Speed
    published: str | None
    """Name of the format that the model is published in."""
    wanted_context: int
    """Tokens that were wished for; the plan's own context may be shorter."""
    is_alone: bool
    """Its context and cache are those that would be chosen if they were left open: nothing smaller is better."""
    installed: bool | None
    """Whether the judged environment has the runtime; None: not known."""
    storage: Storage | None = None
    """As in ``Wishes``."""
    names: Names | None = None
    """As in ``Wishes``."""
    download: Download | None = None
    """What it has to download; None where downloads are not judged."""

    @property
    def tokens_per_second(self) -> float | None:
        """Of one sequence, or of training over all GPUs; None where it is not known."""
        rate = self.speed.decode or self.speed.train
        return None if rate is None else rate.expected
