"""GPUs of several vendors, and uneven ones: what one runtime can do with all of them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.api.model_source import ModelSource
from llmcheck.schema.estimate import Fit
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB
from llmcheck.whatif import parse


def fit(words: str, model: str, **work: Any) -> Fit:
    where = parse.machine(words, catalog.gpu_specs()).machine
    return api.fit(ModelSource(model=model), Workload(**{"method": "inference", **work}), lambda: where)


TWO_MAKERS = "RTX 3090, RX 7900 XTX, 64 GB RAM"


class TestTwoVendors:
    @pytest.mark.parametrize(
        ("words", "model", "makers"),
        [
            (TWO_MAKERS, "70B", "AMD and NVIDIA"),
            ("RX 7900 XT, RTX 3090, 32 GB RAM", "55B", "AMD and NVIDIA"),
            ("RTX 3060, Arc A770, 16 GB RAM", "30B", "Intel and NVIDIA"),
        ],
    )
    def test_llama_cpp_uses_both_where_neither_suffices(self, words: str, model: str, makers: str) -> None:
        answer = fit(words, model, weights="q4_k_m")
        assert (answer.verdict, answer.workload.runtime, len(answer.per_gpu)) == ("fits", "llama.cpp", 2)
        (note,) = [each for each in answer.assumptions if "Vulkan" in each]
        assert makers in note
        best = answer.plans[0]
        assert best.build is not None
        assert "Vulkan" in best.build
        assert not any("VISIBLE_DEVICES" in name for name in best.launch_environment)

    def test_one_alone_is_better_where_it_suffices(self) -> None:
        answer = fit(TWO_MAKERS, "8B", weights="q4_k_m", runtime="llama.cpp")
        assert len(answer.per_gpu) == 1
        assert not any("Vulkan" in each for each in answer.assumptions)

    def test_what_does_not_fit_either_leaves_least_in_ram(self) -> None:
        answer = fit(TWO_MAKERS, "70B", weights="q6_k", runtime="llama.cpp")
        assert (answer.verdict, len(answer.per_gpu)) == ("fits-with-offload", 2)
        assert answer.placement is not None
        assert answer.placement.ram < 20 * GIB

    @pytest.mark.parametrize("runtime", ["vllm", "transformers"])
    def test_other_runtimes_use_one_vendor(self, runtime: str) -> None:
        answer = fit(TWO_MAKERS, "8B", runtime=runtime)
        assert len({share.name for share in answer.per_gpu}) == 1

    def test_what_is_installed_says_how_to_use_both(self) -> None:
        where = parse.machine(TWO_MAKERS, catalog.gpu_specs()).machine
        plan = api.install_plan(["llama-cpp"], lambda: where)
        reasons = [step.reason for each in plan.environments for step in each.steps]
        assert any("GGML_VULKAN=on" in reason for reason in reasons)


class TestUnevenCards:
    @pytest.mark.parametrize(
        "words",
        [
            "RTX 5090, RTX 3060 Laptop, 32 GB RAM",
            "RTX 4090, RTX 3050, 64 GB RAM",
            "2x RTX 3090, RTX 2060, 64 GB RAM",
            "RTX A6000, RTX 4060, 64 GB RAM",
        ],
    )
    def test_every_card_is_filled_before_ram_is_used(self, words: str) -> None:
        answer = fit(words, "110B", weights="q4_k_m", runtime="llama.cpp")
        assert answer.verdict == "fits-with-offload"
        assert answer.placement is not None
        layer = answer.memory.weights / answer.architecture.layers
        for share in answer.per_gpu:
            # by the upper end of the estimate, which is at most a tenth above what is expected
            assert (share.free or 0) - share.memory.total < 1.2 * layer + 0.1 * (share.free or 0) + GIB // 2
        assert (
            sum(answer.placement.layers_per_gpu or (answer.placement.gpu_layers or 0,)) == answer.placement.gpu_layers
        )

    def test_more_layers_than_in_proportion_to_memory(self) -> None:
        """32 and 6 GiB: the small card's context and buffers weigh more, so that its share of layers is smaller."""
        placed = fit("RTX 5090, RTX 3060 Laptop, 32 GB RAM", "70B", weights="q4_k_m", runtime="llama.cpp").placement
        assert placed is not None
        assert (placed.gpu_layers or 0) >= 64
        large, small = placed.layers_per_gpu or (0, 0)
        assert large / small > 32 / 6

    def test_a_card_that_holds_no_layer_is_left_out(self) -> None:
        where = parse.machine("RTX 4090, RTX 3060, 64 GB RAM", catalog.gpu_specs()).machine
        gpus = tuple(
            replace(each, memory_free=GIB // 2, memory_used=(each.memory_total or 0) - GIB // 2) if each.index else each
            for each in where.gpus or ()
        )
        work = Workload(method="inference", runtime="llama.cpp", weights="q4_k_m")
        answer = api.fit(ModelSource(model="70B"), work, lambda: replace(where, gpus=gpus))
        assert (answer.verdict, [share.name for share in answer.per_gpu]) == (
            "fits-with-offload", ["NVIDIA GeForce RTX 4090"],
        )  # fmt: skip
