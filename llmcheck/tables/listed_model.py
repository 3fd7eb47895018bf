"""A model that may be recommended: an original release of its maker, as people download it."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class ListedModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No merge, no fine-tune by others and no quantised copy is listed; those are files of a release."""

    repository: str
    """On the Hugging Face hub."""
    model: str | None = None
    """Id of its shapes in the table of models; None where they are not known, so that nothing can be computed."""
    tasks: tuple[str, ...]
    """``chat``, ``code``, ``reason``, ``vision``, ``embed``, ``finetune``: what it is made for."""
    modalities: tuple[str, ...]
    """``text``, ``image``, ``audio``, ``video``: what it reads."""
    released: str | None = None
    """Year and month, ``2026-04``; None where no source has it."""
    licence: str | None = None
    """Its name; None where no source has it."""
    licence_source: str | None = None
    gated: bool | None = None
    """Whether its terms have to be accepted on the hub before it can be downloaded; None where no source says it."""
    gated_source: str | None = None
    ollama: str | None = None
    """Its tag in Ollama's library; None where no source has one that runs locally."""
    gguf: tuple[str, ...] = ()
    """Repositories with GGUF files of it."""
    gguf_source: str | None = None
    source: str
    """What names it as a release of its maker."""
    as_of: datetime.date
