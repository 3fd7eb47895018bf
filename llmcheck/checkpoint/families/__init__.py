"""Model families, one file each; several relatives of one lineage may share a file.

The search for a ``model_type`` starts in the files whose names are the beginning of it (``qwen3_moe`` in ``qwen3.py``)
and goes on in all others: importing all of them would take about four milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmcheck import registry
from llmcheck.checkpoint.families import _rows
from llmcheck.checkpoint.family import Family, GgufArchitecture, Tower


def of_config(model_type: str) -> Family | None:
    """The family with this ``model_type`` of transformers; None where it is not known here."""
    return next((family for family in _likely(model_type) if model_type in family.model_types), None)


def of_gguf(architecture: str) -> GgufArchitecture | None:
    """The architecture with this ``general.architecture`` of a GGUF file; None where it is not known here."""
    known = (each for family in _likely(architecture) for each in family.gguf)
    return next((each for each in known if architecture in each.names), None)


def tower(model_type: str) -> Tower:
    """What is known of an encoder; a plain one where its name is not known here."""
    return next((family.towers[model_type] for family in _likely(model_type) if model_type in family.towers), Tower())


def _likely(name: str) -> Iterator[Family]:
    """Every family, beginning with the files named like ``name``; a file is imported when its turn comes."""
    yield from _rows.FAMILIES
    begins = name.replace("-", "_")
    modules = registry.names(__name__)
    for module in sorted(modules, key=lambda module: (not begins.startswith(module), -len(module))):
        yield from registry.load(__name__, module).FAMILIES
