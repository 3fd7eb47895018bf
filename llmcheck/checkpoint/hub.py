"""``config.json`` from the Hugging Face hub, through huggingface_hub; used only where the user names a repository."""

from __future__ import annotations

import os

from msgspec.structs import replace

from llmcheck.checkpoint import find
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture


class HubError(DataError):
    """The hub did not give the file; the message is the reason."""


def read(name: str) -> Architecture:
    """Raises HubError where huggingface_hub is not installed, or the hub does not answer or does not have it."""
    try:
        import huggingface_hub  # an optional extra, heavy, and it uses the network
    except ImportError:
        raise HubError("huggingface_hub is not installed: pip install 'llmcheck[hub]'") from None
    try:
        path = huggingface_hub.hf_hub_download(name, "config.json")
    except Exception as error:  # its errors come from several libraries
        first = " ".join(str(error).split())[:300]
        raise HubError(f"the hub did not give config.json of {name}: {type(error).__name__}: {first}") from None
    found = find.read(os.fspath(path))
    return replace(found, name=name, source=f"config.json of {name} on the hub", tensors=None, file_size=None)
