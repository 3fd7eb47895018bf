"""What is taken out of a machine before it is shown to others."""

from __future__ import annotations

import pytest

from llmcheck.schema.machine import CachedModel, Machine, ModelCache
from llmcheck.schema.redaction import Redaction, redact

CACHE = ModelCache(
    program="huggingface",
    path="/home/ada/.cache/huggingface/hub",
    models=(CachedModel(repository="acme/secret-project-7b", format="safetensors", bytes=5),),
)


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_names_of_downloaded_models_are_taken_out(level: Redaction) -> None:
    assert redact(Machine(model_caches=(CACHE,)), level).model_caches is None


def test_nothing_is_taken_out_unless_it_is_wanted() -> None:
    assert redact(Machine(model_caches=(CACHE,)), "none").model_caches == (CACHE,)
