"""Model families, one file each; several relatives of one lineage may share a file.

A family is looked for first in the files whose name begins its ``model_type`` (``qwen3_moe`` in ``qwen3.py``), because
importing all files takes about four milliseconds; a name that is not found there is looked for in all of them. So any
file is found, and one with a good name is found sooner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmcheck import registry
from llmcheck.checkpoint.families import _rows
from llmcheck.checkpoint.family import Family, GgufArchitecture


def of_config(model_type: str) -> Family | None:
    """The family of transformers' ``model_type``; None for one that is not known."""
    return next((family for family in _likely(model_type) if model_type in family.model_types), None)


def of_gguf(architecture: str) -> GgufArchitecture | None:
    """What is known of GGUF's ``general.architecture``; None for one that is not known."""
    known = (each for family in _likely(architecture) for each in family.gguf)
    return next((each for each in known if architecture in each.names), None)


def tower_defaults(model_type: str) -> Mapping[str, Any]:
    """The keys that transformers leaves out of an encoder's part of ``config.json``; empty for one not known."""
    return next((family.towers[model_type] for family in _likely(model_type) if model_type in family.towers), {})


def _likely(name: str) -> Iterator[Family]:
    """Every family, those in files named like ``name`` first; a file is imported when its turn comes."""
    yield from _rows.FAMILIES
    begins = name.replace("-", "_")
    modules = registry.names(__name__)
    for module in sorted(modules, key=lambda module: (not begins.startswith(module), -len(module))):
        yield from registry.load(__name__, module).FAMILIES
