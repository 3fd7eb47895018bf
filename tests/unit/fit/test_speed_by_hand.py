"""The times of the roofline, each against a sum that is written out, and what holds for any of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog, runtimes
from llmcheck.api.model_source import known_model
from llmcheck.fit.shapes import typical
from llmcheck.fit.speed import cards, speed, times
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Band, Speed
from llmcheck.schema.machine import Gpu, Pcie
from llmcheck.schema.workload import Workload
from llmcheck.whatif import parse

SPECS = catalog.gpu_specs()
A100 = "A100-SXM4-80GB"


def gpus(words: str) -> tuple[Gpu, ...]:
    return parse.machine(words, SPECS).machine.gpus or ()


def model(name: str) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def made(name: str, cards: tuple[Gpu, ...], accumulation: int = 1, cached: int = 0, **values: Any) -> Speed:
    work = Workload(**{"method": "inference", **values})
    return speed(ModelUse(model(name), work), cards, accumulation=accumulation, cached=cached)[0]


def spent(found: Speed, rate: str, cause: str) -> float:
    """Expected seconds of a cause; 0.0 where it is not among the times, or hidden."""
    return sum(each.expected for each in found.times if (each.rate, each.cause) == (rate, cause) and not each.hidden)


def hidden(found: Speed, rate: str, cause: str) -> bool:
    return any(each.hidden for each in found.times if (each.rate, each.cause) == (rate, cause))


# --- generating ---


def test_one_sequence_reads_all_weights_and_its_cache_once() -> None:
    found = made("llama-3.1-8b", gpus(A100), runtime="vllm", context=8192)
    pace = runtimes.named("vllm").pace(gpus(A100))
    weights = 2 * (8_030_261_248 - 128_256 * 4096)  # the embedding gives one row
    assert spent(found, "decode", "weights") == pytest.approx(
        weights / 2039e9 / pace.bandwidth_share.expected, rel=1e-3
    )
    cache = 2 * 32 * 8 * 128 * 2 * 4096  # keys and values of half of the context
    assert spent(found, "decode", "cache") == pytest.approx(cache / 2039e9 / pace.cache_share.expected, rel=1e-3)
    assert spent(found, "decode", "memory") == pytest.approx(32 * pace.layer_overhead.expected)
    whole = sum(each.expected for each in found.times if each.rate == "decode" and not each.hidden)
    assert found.decode is not None
    assert found.decode.expected == pytest.approx(1 / whole)


def test_a_batch_reads_the_weights_once_and_the_cache_of_each() -> None:
    one, many = (made("llama-3.1-8b", gpus(A100), runtime="vllm", context=2048, batch=count) for count in (2, 32))
    assert spent(one, "batch", "weights") == pytest.approx(spent(many, "batch", "weights"))
    per_sequence = [spent(found, "batch", "cache") / count for found, count in ((one, 2), (many, 32))]
    # more sequences keep more of the card busy, so each costs at most as much
    assert per_sequence[1] <= per_sequence[0]
    assert spent(many, "batch", "cache") > 8 * spent(one, "batch", "cache")
    assert many.batch is not None
    assert many.decode is not None
    assert many.decode.expected < many.batch.expected < 32 * many.decode.expected
    assert made("llama-3.1-8b", gpus(A100), runtime="vllm").batch is None


def test_a_large_batch_is_bound_by_its_products() -> None:
    found = made("llama-3.1-8b", gpus(A100), runtime="vllm", context=128, batch=1024)
    assert hidden(found, "batch", "weights")
    flop = 2 * (8_030_261_248 - 128_256 * 4096) * 1024
    share = runtimes.named("vllm").pace(gpus(A100)).flops_share.expected
    assert spent(found, "batch", "compute") == pytest.approx(flop / 312e12 / share, rel=0.01)


def test_the_experts_of_a_step_grow_with_the_batch() -> None:
    def read(batch: int) -> float:
        found = made("qwen3-30b-a3b", gpus("H100 SXM"), runtime="vllm", weights="bf16", batch=batch, context=64)
        return spent(found, "decode" if batch == 1 else "batch", "weights")

    active = 8 / 128
    experts = 48 * 128 * 3 * 2048 * 768
    width = 3350e9 * runtimes.named("vllm").pace(gpus("H100 SXM")).bandwidth_share.expected
    touched = 1 - (1 - active) ** 8
    assert read(8) - read(1) == pytest.approx(2 * experts * (touched - active) / width, rel=0.01)
    assert read(512) < 20 * read(1)


def test_eager_models_wait_for_the_cpu() -> None:
    """Qwen2.5's speed benchmark: 47, 40 and 40 tokens/s of 0.5B, 1.5B and 7B on an A100, whatever their bytes."""
    for name, published in (("qwen2.5-0.5b", 47.4), ("qwen2.5-1.5b", 39.7), ("qwen2.5-7b", 40.4)):
        found = made(name, gpus(A100), runtime="transformers", context=2048)
        assert found.decode is not None
        assert found.decode.expected == pytest.approx(published, rel=0.1)
        assert hidden(found, "decode", "weights")
        layers = model(name).layers
        assert spent(found, "decode", "launch") == pytest.approx(layers * 860e-6)
    # a compiled model replays a graph
    fast = made("qwen2.5-1.5b", gpus(A100), runtime="transformers", context=2048, compiled=True)
    assert fast.decode is not None
    assert fast.decode.expected > 150
    assert spent(fast, "decode", "launch") == 0


def test_an_older_version_copies_the_cache_at_every_step() -> None:
    """optimum-benchmark, transformers 4.35, Llama 2 7B, prompt 256 and answer 512: 38.8, 468 and 714 tokens/s."""
    for batch, published in ((1, 38.8), (16, 468), (64, 714)):
        values: dict[str, Any] = {
            "runtime": "transformers",
            "runtime_version": "4.35.2",
            "weights": "fp16",
            "context": 1024,
        }
        found = made("llama-2-7b", gpus(A100), batch=batch, **values)
        together = found.decode if batch == 1 else found.batch
        assert together is not None
        assert together.low <= published <= together.high
        assert together.expected == pytest.approx(published, rel=0.15)
    new = made("llama-2-7b", gpus(A100), batch=64, **{**values, "runtime_version": "4.57"})
    assert spent(new, "batch", "cache") < spent(found, "batch", "cache")


def test_weights_in_4_bits_are_converted_once_for_all_sequences() -> None:
    def converted(batch: int) -> float:
        found = made("mistral-7b", gpus(A100), runtime="transformers", weights="nf4", context=512, batch=batch)
        return spent(found, "batch", "dequantise") + sum(
            each.expected for each in found.times if each.rate == "batch" and each.cause == "dequantise" and each.hidden
        )

    assert converted(4) > 5e-3
    assert converted(4) == pytest.approx(converted(64))
    assert made("mistral-7b", gpus(A100), runtime="vllm", weights="awq", batch=64).batch is not None
    kernels = made("mistral-7b", gpus(A100), runtime="vllm", weights="awq", context=512, batch=64)
    assert not any(each.cause == "dequantise" for each in kernels.times)


def test_tensor_parallelism_divides_the_bytes_and_exchanges_in_each_layer() -> None:
    one, four = (
        made("qwen2.5-72b", gpus(f"{count}x {A100}"), runtime="vllm", context=64, tensor_parallel=count)
        for count in (2, 4)
    )
    assert spent(four, "decode", "weights") == pytest.approx(spent(one, "decode", "weights") / 2)
    assert spent(four, "decode", "communicate") == pytest.approx(2 * 80 * cards.ALL_REDUCE[True].expected)
    # the same benchmark: 18.2 tokens/s on two, 31.4 on four
    for found, published in ((one, 18.19), (four, 31.37)):
        assert found.decode is not None
        assert found.decode.expected == pytest.approx(published, rel=0.1)


def test_experts_in_ram_are_read_by_the_cpus() -> None:
    """gpt-oss-120b on an RTX 3060 Ti, the experts in RAM: 25.6 tokens/s were measured."""
    experts = ModelUse(
        model("gpt-oss-120b"), Workload(method="inference", runtime="llama.cpp", weights="mxfp4")
    ).stored.experts
    work = Workload(method="inference", runtime="llama.cpp", weights="mxfp4", context=4096)
    found, notes = speed(
        ModelUse(model("gpt-oss-120b"), work), gpus("RTX 3060 Ti"), offloaded_bytes=experts, expert_bytes_in_ram=experts
    )
    assert found.decode is not None
    assert found.decode.low <= 25.6 <= found.decode.high
    assert found.decode.expected == pytest.approx(25.6, rel=0.25)
    assert spent(found, "decode", "transfer") == pytest.approx(experts * 4 / 128 / 45e9, rel=0.01)
    assert any("RAM bandwidth" in note for note in notes)


# --- prompts ---


def test_short_prompts_are_slower_and_long_ones_pay_for_attention() -> None:
    def rate(tokens: int) -> float:
        found = made("llama-3.1-8b", gpus(A100), runtime="vllm", context=tokens, prompt=tokens)
        assert found.prefill is not None
        return found.prefill.expected

    assert rate(16) < rate(128) < rate(1024)
    assert rate(65_536) < 0.7 * rate(2048)
    # 16 tokens take about as long as reading the weights
    assert 16 / rate(16) >= 15e9 / 2039e9


def test_tokens_before_the_prompt_cost_attention_alone() -> None:
    def found(cached: int) -> Speed:
        return made("llama-3.1-8b", gpus(A100), cached=cached, runtime="vllm", context=2048, prompt=2048)

    short, deep = found(0), found(32_768)
    assert spent(deep, "prefill", "attention") == pytest.approx(33 * spent(short, "prefill", "attention"))
    assert spent(deep, "prefill", "compute") == pytest.approx(spent(short, "prefill", "compute"))


def test_a_server_reads_the_prompt_of_each_answer() -> None:
    found = made("llama-3.1-8b", gpus(A100), runtime="vllm", context=1024, prompt=512, batch=32)
    assert found.served is not None
    assert found.batch is not None
    assert found.prefill is not None
    each = 512 / found.batch.expected + 512 / found.prefill.expected
    assert found.served.expected == pytest.approx(512 / each)
    assert found.first_token is not None
    assert found.first_token.high >= 32 * 512 / found.prefill.expected
    assert made("llama-3.1-8b", gpus(A100), runtime="transformers", context=1024, prompt=512, batch=32).served is None


# --- training ---


def test_the_products_of_training_are_six_or_four_flop_per_weight() -> None:
    multiplied = 8_030_261_248 - 128_256 * 4096
    for method, flop in (("full", 6), ("lora", 4)):
        found = made("llama-3.1-8b", gpus(A100), method=method, context=2048, batch=4, runtime="torchtitan")
        share = 0.77 * 312e12
        assert spent(found, "train", "compute") == pytest.approx(flop * multiplied * 8192 / share, rel=0.01)


def test_recomputing_costs_less_than_a_whole_forward_pass() -> None:
    again = made("llama-3.1-8b", gpus(A100), method="full", context=2048, batch=4, checkpointing=True)
    once = made("llama-3.1-8b", gpus(A100), method="full", context=2048, batch=4, checkpointing=False)
    assert again.train is not None
    assert once.train is not None
    assert 1.05 < once.train.expected / again.train.expected < 4 / 3
    assert spent(once, "train", "recompute") == 0


def test_attention_of_long_sequences_has_its_own_term() -> None:
    """llm-foundry's tables: MPT 7B makes 4,357 to 4,641 tokens/s at 1k and 2k tokens, 1,013 at 65,536."""
    short, long = (
        made("llama-2-7b", gpus(f"8x {A100}"), method="full", context=size, runtime="torchtitan", sharding="fsdp")
        for size in (2048, 65_536)
    )
    assert short.train_per_gpu is not None
    assert long.train_per_gpu is not None
    assert 3 < short.train_per_gpu.expected / long.train_per_gpu.expected < 6
    assert spent(long, "train", "attention") > 2 * spent(long, "train", "compute")


def test_full_training_of_7b_is_what_llm_foundry_publishes() -> None:
    """29,500 to 37,100 tokens/s on 8 A100, 68,900 to 85,100 on 8 H100, in batches of 4 to 16 sequences."""
    for words, low, high in ((A100, 29_500, 37_100), ("H100 SXM", 68_900, 85_100)):
        for values in ({"context": 2048, "batch": 6, "checkpointing": False}, {"context": 4096, "batch": 16}):
            found = made(
                "llama-2-7b", gpus(f"8x {words}"), accumulation=8, method="full", runtime="torchtitan", sharding="fsdp",
                **values,
            )  # fmt: skip
            assert found.train is not None
            assert found.train_per_gpu is not None
            assert found.train.low <= high
            assert found.train.high >= low
            assert 0.88 * low <= found.train.expected <= 1.12 * high
            assert found.train_per_gpu.expected == pytest.approx(found.train.expected / 8)


def test_4_bit_weights_are_converted_in_each_pass_and_not_for_each_token() -> None:
    def converted(**values: Any) -> float:
        found = made("llama-3.1-8b", gpus(A100), method="qlora", weights="nf4", **{"context": 2048, **values})
        return spent(found, "train", "dequantise")

    assert converted() > 0
    assert converted() == pytest.approx(converted(context=8192))
    assert converted(checkpointing=False) == pytest.approx(converted() * 2 / 3)


def test_an_exchange_is_hidden_until_it_takes_longer_than_the_products() -> None:
    def exchanged(words: str, batch: int) -> float:
        found = made("llama-2-7b", gpus(words), method="full", context=2048, batch=batch, sharding="fsdp")
        return spent(found, "train", "communicate")

    size = 7 / 8 * 3 * 2 * 6.74e9
    assert exchanged(f"8x {A100}", 4) == pytest.approx(0.1 * size / 198e9, rel=0.02)
    assert exchanged("8x RTX 4090", 1) > 1.0  # over PCIe nothing of this size is hidden
    assert exchanged("8x RTX 4090", 16) < exchanged("8x RTX 4090", 1)


def test_the_optimizer_in_ram_is_paid_once_for_all_micro_batches() -> None:
    def stepped(accumulation: int) -> float:
        found = made(
            "llama-2-7b", gpus(A100), accumulation=accumulation, method="full", offload="optimizer", context=2048,
            sharding="zero2",
        )  # fmt: skip
        return spent(found, "train", "optimizer")

    assert stepped(8) == pytest.approx(stepped(1) / 8)
    assert stepped(1) == pytest.approx(28 * 6_738_415_616 / 30e9, rel=0.01)


# --- what the inspection knows ---


def test_the_link_the_power_limit_and_throttling_count() -> None:
    card = gpus("RTX 4090")[0]
    work = Workload(method="inference", runtime="transformers", weights="bf16", context=2048)

    def rate(gpu: Gpu, offloaded: int = 0) -> Speed:
        return speed(ModelUse(model("llama-3.1-8b"), work), [gpu], offloaded_bytes=offloaded)[0]

    narrow, wide = (replace(card, pcie=Pcie(max_generation=4, max_width=lanes)) for lanes in (4, 16))
    slow, fast = rate(narrow, 2**33).decode, rate(wide, 2**33).decode
    assert slow is not None
    assert fast is not None
    assert fast.expected > 3 * slow.expected
    unknown = rate(card, 2**33).decode
    assert unknown is not None
    assert unknown.high / unknown.low > 1.5 * fast.high / fast.low
    limited = rate(replace(card, power_limit_w=225.0))
    usual = rate(card)
    assert limited.prefill is not None
    assert usual.prefill is not None
    assert limited.prefill.expected < usual.prefill.expected
    # memory keeps its clock
    assert limited.decode == usual.decode
    hot = rate(replace(card, throttle_reasons=("hw-thermal-slowdown",)))
    assert hot.prefill is not None
    assert hot.prefill.low < usual.prefill.low


def test_a_card_without_a_published_rate_has_a_wider_band() -> None:
    derived, published = (
        made("llama-3.1-8b", gpus(words), runtime="llama.cpp", weights="q4_k_m", context=2048).prefill
        for words in ("m2-max 64GB", "RTX 3090")
    )
    assert derived is not None
    assert published is not None
    assert derived.high / derived.low > published.high / published.low


# --- sums and maxima ---


def test_a_sum_adds_the_squares_of_its_uncertainties() -> None:
    parts = [times.spent("decode", "weights", 1, Band(4.0, 3.0, 2.0)), times.spent("decode", "cache", 1, Band(5, 4, 4))]
    found = times.total(parts)
    assert found.expected == 7
    spread = (0.13 * 7) ** 2
    assert found.high == pytest.approx(7 + math.sqrt(1 + 1 + spread))
    assert found.low == pytest.approx(7 - math.sqrt(1 + spread))


def test_of_what_runs_at_the_same_time_only_the_longest_counts() -> None:
    short = times.spent("decode", "launch", 1, Band(2.0, 1.0, 1.0))
    long = times.spent("decode", "weights", 1, Band(4.0, 3.0, 2.0))
    found = times.longest([short], [long])
    assert [each.hidden for each in found] == [True, False]
    assert times.total(found).expected == 3
    both = times.overlapped([short], [long])
    assert times.total(both).expected == pytest.approx(math.hypot(1, 3))


SIZES = st.sampled_from(["0.5B", "7B", "70B"])
SERVERS = st.sampled_from(["transformers", "vllm", "llama.cpp", "exllama", "sglang", "mlx"])


@settings(deadline=None, max_examples=60)
@given(SIZES, SERVERS, st.integers(2, 256), st.integers(1, 30_000))
def test_more_sequences_never_make_fewer_tokens_together(size: str, runtime: Any, batch: int, context: int) -> None:
    shapes, used = typical.architecture(size), gpus("H100 SXM")

    def together(count: int) -> float:
        work = Workload(method="inference", runtime=runtime, context=context, batch=count)
        found = speed(ModelUse(shapes, work), used)[0]
        band = found.decode if count == 1 else found.batch
        assert band is not None
        return band.expected

    assert together(batch) <= together(2 * batch) * 1.0001


@settings(deadline=None, max_examples=60)
@given(SIZES, SERVERS, st.sampled_from(["inference", "full", "lora", "qlora"]), st.floats(1.01, 4.0))
def test_a_faster_card_is_never_slower(size: str, runtime: Any, method: Any, factor: float) -> None:
    card = gpus(A100)[0]
    assert card.spec is not None
    faster = [
        replace(card, spec=replace(card.spec, **{name: (getattr(card.spec, name) or 0) * factor}))
        for name in ("bandwidth_gb_s", "nvlink_gb_s")
    ]
    work = Workload(method=method, context=2048, batch=4, **({"runtime": runtime} if method == "inference" else {}))
    use = ModelUse(typical.architecture(size), work)
    before = speed(use, [card] * 2)[0]
    for each in faster:
        after = speed(use, [each] * 2)[0]
        for name in ("decode", "batch", "prefill", "train"):
            old, new = getattr(before, name), getattr(after, name)
            assert (old is None) == (new is None)
            assert old is None or new.expected >= old.expected * 0.9999
