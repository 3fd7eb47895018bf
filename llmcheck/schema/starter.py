"""A model to start with: what is proposed on the first screen, where a whole recommendation would take too long."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from msgspec import Struct

from llmcheck.schema.architecture import Architecture


class Starter(Struct, frozen=True, kw_only=True):
    """A release to chat with, of about the size that a tier names."""

    size: str
    """As a tier writes it: ``7B``."""
    repository: str
    """On the Hugging Face hub."""
    words: tuple[str, ...]
    """How ``llmcheck fit`` is given it."""
    gguf: tuple[str, ...] = ()
    """Repositories with GGUF files of it, the preferred one first."""
    score: float
    """On the public evaluation that covers most models of this size; higher is better."""
    architecture: Architecture
    """Its shapes, under the name of the release."""
