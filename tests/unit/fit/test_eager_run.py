"""What PyTorch holds while transformers answers, against published peaks (Optimum's benchmark of Llama on an A100:
transformers 4.35.2, prompt of 256 tokens, answer of 512)."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck.fit.memory.loading import added_by_allocator
from llmcheck.fit.memory.total import per_gpu
from llmcheck.fit.shapes import formats
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB
from tests.unit.fit.test_memory import dense

SMALL = dense(layers=32, hidden=4096, heads=32, kv_heads=32, inner=11_008, vocab=32_000)
LARGE = dense(layers=40, hidden=5120, heads=40, kv_heads=40, inner=13_824, vocab=32_000)
HUGE = dense(layers=80, hidden=8192, heads=64, kv_heads=64, inner=22_016, vocab=32_000)


def peaks(model: Architecture, **options: Any) -> tuple[float, float]:
    """GiB that are allocated and reserved at the peak."""
    values = {"method": "inference", "runtime_version": "4.35.2", "weights": "fp16", "context": 768, "prompt": 256,
              "flash_attention": False, **options}  # fmt: skip
    terms = per_gpu(ModelUse(model, Workload(**values)))[0].terms
    tensors = sum(each.expected for each in terms if each.part not in {"context", "allocator"})
    kept = sum(each.expected for each in terms if each.part == "allocator")
    return tensors / GIB, (tensors + kept) / GIB


@pytest.mark.parametrize(
    ("model", "options", "allocated", "reserved"),
    [
        (SMALL, {"batch": 1}, 13.370, 13.486),
        # the growing caches leave blocks behind that no later one fits into
        (SMALL, {"batch": 4}, 15.622, 23.246),
        (SMALL, {"batch": 4, "context": 256}, 13.313, 13.631),
        (SMALL, {"batch": 16, "context": 256}, 15.385, 16.558),
        (SMALL, {"batch": 64, "context": 256}, 23.676, 28.349),
        (LARGE, {"batch": 1}, 25.617, 26.027),
        (LARGE, {"batch": 4}, 29.135, 48.582),
        (LARGE, {"batch": 16, "context": 256}, 28.343, 30.044),
        (SMALL, {"batch": 4, "weights": "gptq-4bit", "gptq_kernel": "exllama"}, 6.800, 14.673),
        (SMALL, {"batch": 1, "weights": "gptq-4bit", "gptq_kernel": "exllamav2"}, 5.224, 5.592),
        (LARGE, {"batch": 4, "weights": "gptq-4bit", "gptq_kernel": "exllamav2"}, 12.561, 32.054),
    ],
)
def test_allocated_and_reserved_as_published(
    model: Architecture, options: dict[str, Any], allocated: float, reserved: float
) -> None:
    tensors, held = peaks(model, **options)
    assert tensors == pytest.approx(allocated, rel=0.01)
    assert held == pytest.approx(reserved, rel=0.035)


def test_a_cache_of_its_full_length_leaves_no_blocks_behind() -> None:
    tensors, held = peaks(SMALL, batch=4, static_cache=True)
    assert held - tensors < 0.4
    assert tensors < peaks(SMALL, batch=4)[0]


def test_segments_that_grow_leave_little_behind() -> None:
    usual, expandable = peaks(SMALL, batch=4), peaks(SMALL, batch=4, expandable_segments=True)
    assert expandable[0] == usual[0]
    assert expandable[1] - expandable[0] < 0.2 * (usual[1] - usual[0])


def test_a_new_version_frees_each_old_cache_at_once() -> None:
    old, new = peaks(SMALL, batch=4), peaks(SMALL, batch=4, runtime_version="4.46")
    assert new[0] < old[0] - 1.4
    assert new[1] < old[1]


def test_blocks_that_are_only_kept_are_no_part_of_what_is_needed() -> None:
    use = ModelUse(SMALL, Workload(method="inference", runtime_version="4.35.2", context=768, prompt=256, batch=4))
    with_them, without = per_gpu(use)[0], per_gpu(use, cached=False)[0]
    assert with_them.total == without.total
    assert [each for each in with_them.terms if each.part != "allocator"] == list(without.terms)
    assert any(each.part == "allocator" and each.expected > 5 * GIB for each in with_them.terms)


def test_other_runtimes_do_not_use_pytorch_s_allocator_in_this_way() -> None:
    for runtime in ("vllm", "llama.cpp", "mlx"):
        terms = per_gpu(ModelUse(SMALL, Workload(method="inference", runtime=runtime, weights="bf16")))[0].terms
        assert not any(each.part == "allocator" for each in terms)


@pytest.mark.parametrize(
    ("model", "weights", "mib"),
    [
        # matrices of 32 and 86 MiB fill their segments
        (SMALL, "bf16", 0),
        # three of 135 MiB in each of 40 layers, in segments of 136
        (LARGE, "bf16", 120),
        # three of 21.5 MiB in each of 32 layers
        (SMALL, "gptq-4bit", 48),
        (SMALL, "q4_k_m", 0),
    ],
)
def test_large_tensors_keep_the_rest_of_their_segment(model: Architecture, weights: str, mib: float) -> None:
    assert added_by_allocator(model, formats.weights(weights)) == pytest.approx(mib * MIB, abs=0.1 * MIB)


def test_a_gptq_file_may_have_no_groups() -> None:
    """The main file of LLaMA-65B has one scale for each column, which is 3.8 % less: 32.37 GiB with a short prompt."""
    work = Workload(
        method="inference", runtime_version="4.35.2", weights="gptq-4bit", context=256, gptq_kernel="exllama"
    )
    found = [each for each in per_gpu(ModelUse(HUGE, work))[0].terms if each.part not in {"context", "allocator"}]
    low, high = sum(each.low for each in found), sum(each.high for each in found)
    assert low / GIB < 32.37 < high / GIB
    assert low > 0.95 * sum(each.expected for each in found)


def test_a_long_answer_of_a_huge_model_takes_a_bounded_simulation() -> None:
    """Ten million tensors would be made; every 400th step is."""
    tensors, held = peaks(HUGE, context=65_536, prompt=1024, runtime_version="4.48")
    assert held > tensors
