"""Models that were downloaded before, in the caches of the programs that run them; sizes in bytes."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from msgspec import Struct


class CachedModel(Struct, frozen=True, kw_only=True):
    """The complete files of a model in one format."""

    repository: str
    """As its program is given it: ``Qwen/Qwen3-8B`` of the hub, ``qwen3:8b`` of Ollama's library."""
    format: str | None = None
    """``safetensors``, or the type of a GGUF file in lower case: ``q4_k_m``; None where no name says it."""
    bytes: int
    """Size of the files."""


class ModelCache(Struct, frozen=True, kw_only=True):
    """The folder in which a program keeps what it downloaded."""

    program: str
    """``huggingface``, ``ollama`` or ``llama.cpp``."""
    path: str
    """The folder, which need not exist yet."""
    free: int | None = None
    """Bytes that this user may still write there; None where it could not be read."""
    models: tuple[CachedModel, ...] | None = None
    """() where nothing was downloaded; None where the folder could not be read."""
    truncated: bool = False
    """There is more in the folder than was looked at."""
