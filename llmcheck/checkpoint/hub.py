"""``config.json`` from the Hugging Face hub, through huggingface_hub; used only for a model that the user names."""

from __future__ import annotations

import os

from msgspec.structs import replace

from llmcheck.checkpoint import find
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture


class HubError(DataError):
    """The file could not be downloaded; the message says why."""


def read(name: str) -> Architecture:
    """Raises HubError where huggingface_hub is not installed, the hub does not answer, or it does not have the file."""
    try:
        import huggingface_hub  # an optional extra, heavy, and it uses the network
    except ImportError:
        raise HubError("huggingface_hub is not installed: pip install 'llmcheck[hub]'") from None
    try:
        path = huggingface_hub.hf_hub_download(name, "config.json")
    except Exception as error:  # its errors come from several libraries
        first = " ".join(str(error).split())[:300]
        raise HubError(f"config.json of {name} could not be downloaded: {type(error).__name__}: {first}") from None
    found = find.read(os.fspath(path))
    return replace(found, name=name, source=f"config.json of {name} on the hub", tensors=None, file_size=None)
