"""The cache of a context, for layers whose cache is not two tensors of one width.

Expectations are counted by hand: bytes = layers x elements of a token (or of the state) x tokens x bits / 8.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.fit.shapes import kv_cache
from llmcheck.schema.architecture import Architecture, Attention, Parameters


def model(*groups: Attention) -> Architecture:
    weights = Parameters(embedding=1, head=1, attention=1, mlp=1, active=4)
    return Architecture(
        name="model",
        model_type="test",
        source="test",
        hidden=1024,
        layers=sum(each.layers for each in groups),
        intermediate=4096,
        vocab=1000,
        attention=groups,
        parameters=weights,
    )


def full(**facts: Any) -> Attention:
    return Attention(**{"kind": "attention", "layers": 10, "heads": 16, "kv_heads": 4, "head_dim": 128, **facts})


STATE = Attention(kind="state", layers=6, state=1000)


def test_value_heads_of_another_width_than_key_heads() -> None:
    # 10 layers x 4 heads x (192 of a key + 128 of a value) x 2 bytes
    assert kv_cache.size(model(full(head_dim=192, value_dim=128)), 100, 1) == 10 * 4 * (192 + 128) * 2 * 100
    assert kv_cache.size(model(full(head_dim=64, value_dim=256)), 100, 1) == 10 * 4 * (64 + 256) * 2 * 100
    assert kv_cache.size(model(full(head_dim=192)), 100, 1) == 10 * 4 * (192 + 192) * 2 * 100


@pytest.mark.parametrize(
    ("kind", "bits"), [(None, 16), ("bf16", 16), ("fp8", 16), ("q8_0", 16), ("q4_0", 16), ("fp32", 32)]
)
def test_recurrent_states_have_at_least_16_bits(kind: str | None, bits: int) -> None:
    assert kv_cache.size(model(STATE), 4096, 1, kind) == 6 * 1000 * bits // 8


def test_a_quantised_cache_does_not_quantise_recurrent_states() -> None:
    both = model(full(), STATE)
    # 8 bits of 10 layers x 4 heads x 2 x 128 elements, and 16 of the states
    assert kv_cache.size(both, 100, 1, "fp8") == 10 * 4 * 2 * 128 * 100 + 6 * 1000 * 2


def test_a_state_is_the_same_at_any_length_and_one_for_each_sequence() -> None:
    assert kv_cache.size(model(STATE), 1, 1) == kv_cache.size(model(STATE), 10**6, 1) == 12_000
    assert kv_cache.size(model(STATE), 1, 5) == 60_000


@pytest.mark.parametrize(("shares", "kept"), [(0, 10), (3, 7), (9, 1), (10, 0), (11, 0), (12, 0)])
def test_layers_that_share_a_cache_have_none_of_their_own(shares: int, kept: int) -> None:
    found = kv_cache.size(model(full(shares_cache=shares)), 100, 1)
    assert found == kept * 4 * 2 * 128 * 2 * 100


@pytest.mark.parametrize(("tokens", "kept"), [(1, 1), (511, 511), (512, 512), (513, 512), (10**6, 512)])
def test_a_sliding_window_caches_at_most_its_tokens(tokens: int, kept: int) -> None:
    assert kv_cache.size(model(full(window=512)), tokens, 1) == 10 * 4 * 2 * 128 * 2 * kept
    latent = Attention(kind="mla", layers=10, heads=16, latent=576, window=512)
    assert kv_cache.size(model(latent), tokens, 1) == 10 * 576 * 2 * kept


def test_a_latent_vector_is_cached_once_for_all_heads() -> None:
    latent = Attention(kind="mla", layers=10, heads=16, kv_heads=16, head_dim=128, latent=576, shares_cache=2)
    assert kv_cache.size(model(latent), 100, 1) == 8 * 576 * 2 * 100


def test_groups_add_up_each_by_its_own_rule() -> None:
    groups = (full(), full(window=50, layers=20), Attention(kind="mla", layers=3, latent=576), STATE)
    whole = kv_cache.size(model(*groups), 200, 2, "fp8")
    assert whole == sum(kv_cache.size(model(each), 200, 2, "fp8") for each in groups)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([None, 1, 4096]), st.sampled_from([None, "q4_0"]))
def test_more_tokens_never_take_less(few: int, more: int, window: int | None, kind: str | None) -> None:
    made = model(full(window=window), STATE)
    low, high = sorted((few, more))
    assert kv_cache.size(made, low, 1, kind) <= kv_cache.size(made, high, 1, kind)
