"""What servers allocate for their largest step, counted by hand for the small model of ``test_memory_terms``."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck.schema.architecture import ImageEncoder
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB
from tests.unit.runtimes.test_memory_terms import HIDDEN, MODEL, VOCAB, size, terms

CHUNK = "one chunk of a prompt"


@pytest.mark.parametrize(
    ("runtime", "sequences", "tokens"),
    [
        # their default chunks
        ("sglang", 256, 8192),
        ("lmdeploy", 256, 8192),
        ("tensorrt-llm", 256, 8192),
        ("exllama", 256, 2048),
        # as vLLM's: 8,192 where it prepares for 1,024 sequences
        ("tgi", 256, 2048),
        ("tgi", 1023, 2048),
        ("tgi", 1024, 8192),
    ],
)
def test_a_server_holds_one_layer_of_a_chunk_and_the_logits_of_each_sequence(
    runtime: str, sequences: int, tokens: int
) -> None:
    """10 bytes an entry: in 16 bits, in 32, and sampled in 32."""
    layer = 10 * tokens + tokens
    found = size(runtime, CHUNK, context=100_000, max_sequences=sequences)
    assert found == layer + 10 * VOCAB
    # logits of each of 4 sequences; no more than it prepares for
    assert size(runtime, CHUNK, context=100_000, max_sequences=sequences, batch=4) == layer + 4 * 10 * VOCAB
    assert size(runtime, CHUNK, context=100_000, max_sequences=2, batch=4) > 2 * 10 * VOCAB
    assert size(runtime, CHUNK, context=100_000, max_sequences=2, batch=4) < 3 * 10 * VOCAB
    # fewer tokens than a chunk, of both sequences
    assert size(runtime, CHUNK, context=100, batch=2, max_sequences=sequences) == 11 * 200 + 2 * 10 * VOCAB
    assert size(runtime, CHUNK, context=0, max_sequences=sequences) == 11 + 10 * VOCAB
    # LMDeploy shows 1.3 to 1.5 GiB beside weights and cache, of which 0.5 to 0.95 are the context
    workspace = terms(runtime)["workspace"]
    assert workspace.low == 0
    assert workspace.expected == round(0.1 * GIB)
    assert 0.5 * GIB <= workspace.high <= GIB


def test_exllama_leaves_what_tabbyapi_reserves() -> None:
    assert size("exllama", "reserve of the automatic split") == 96_000_000
    assert terms("exllama")["reserve of the automatic split"].low == 0


PROFILE = "profile run"


STEP = 2 * 2048 * HIDDEN
"""The hidden state of a step of 2,048 tokens."""
IMAGE = ImageEncoder(hidden=64, intermediate=256, patches=4, pixels=588, tokens=3000)
SEEING = replace(MODEL, image_encoder=IMAGE)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # 38 bytes for each entry of the vocabulary and each sequence that it prepares for, beside the step's result
        ({}, 38.3 * 256 * VOCAB + STEP),
        ({"max_sequences": 4}, 38.3 * 4 * VOCAB + STEP),
        ({"max_sequences": 1024}, 38.3 * 1024 * VOCAB + 4 * STEP),
        # or one layer of a step
        ({"max_sequences": 1, "context": 100_000, "layer_bytes": lambda tokens, _: 1e6 * tokens}, 2048e6),
        ({"max_sequences": 1024, "context": 100_000, "layer_bytes": lambda tokens, _: 1e6 * tokens}, 8192e6),
        # no more tokens than all sequences have
        ({"max_sequences": 1, "context": 50, "layer_bytes": lambda tokens, _: 1e6 * tokens}, 50e6),
        # of a later stage of a pipeline no sampler runs
        ({"last": False}, max(10 * 2048 + 2048, STEP)),
    ],
)
def test_vllm_runs_its_sampler_at_the_start(changes: dict[str, Any], expected: float) -> None:
    found = terms("vllm", **changes)
    assert found[PROFILE].expected == round(expected)
    # other samplers take half of it
    assert found[PROFILE].low <= expected <= found[PROFILE].high <= 1.5 * expected
    graphs = found["CUDA graphs"]
    # -0.4 to 0.4 GiB in its log
    assert (graphs.low, graphs.expected) == (0, round(0.1 * GIB))
    assert 0.4 * GIB <= graphs.high <= GIB


def test_the_profile_run_grows_with_the_tokens_of_a_step() -> None:
    wide = {"max_sequences": 8, "context": 100_000, "layer_bytes": lambda tokens, _: 1e5 * tokens}
    work = Workload(method="inference", max_batched_tokens=16_384)
    assert size("vllm", PROFILE, workload=work, **wide) == 16_384 * 1e5
    assert size("sglang", CHUNK, workload=work, **wide) == 16_384 * 1e5 + 10 * VOCAB


def test_a_step_of_a_model_that_sees_holds_its_largest_image() -> None:
    """3,000 tokens are in a step of 4,096; the encoder has 12,000 patches, and the image's tokens wait."""
    wide = {"max_sequences": 1, "context": 100_000, "layer_bytes": lambda tokens, _: 1e5 * tokens}
    waiting = 2 * 3000 * HIDDEN
    assert size("vllm", PROFILE, architecture=SEEING, **wide) == 4096 * 1e5 + waiting
    text = Workload(method="inference", images=False)
    assert size("vllm", PROFILE, architecture=SEEING, workload=text, **wide) == 2048 * 1e5
    encoding = 2 * 12_000 * (3 * 64 + 3 * 256 + 3 * 588)
    small = {"max_sequences": 1, "context": 4096, "architecture": SEEING, "layer_bytes": lambda *_: 1.0}
    assert size("vllm", PROFILE, **small) == encoding + waiting
    assert size("sglang", "one image in the encoder", **small) == encoding + waiting


def test_a_server_without_graphs_has_no_pool_for_them() -> None:
    work = Workload(method="inference", cuda_graphs=False)
    for runtime in ("vllm", "sglang", "lmdeploy", "tensorrt-llm"):
        assert "CUDA graphs" in terms(runtime)
        assert "CUDA graphs" not in terms(runtime, workload=work)
