"""The planner: which plan is best for a model on a machine, and properties that hold for every plan."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.api.model_source import ModelSource, known_model
from llmcheck.cli.commands import fit as fit_command
from llmcheck.cli.main import main
from llmcheck.errors import UsageError
from llmcheck.fit.plans import Candidate, Wishes, plans
from llmcheck.fit.plans.policy import READABLE, loses_little
from llmcheck.fit.shapes import typical
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Fit
from llmcheck.schema.machine import Machine, Package, Software
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB
from llmcheck.whatif import parse

RECORDED = Path(__file__).parents[2] / "machines"
SPECS = catalog.gpu_specs()
MACHINES = (
    "cpu, 16 GB RAM", "RTX 3060, 25 GB RAM", "RTX 4090, 64 GB RAM", "2x RTX 4090, 128 GB RAM",
    "A100-SXM4-80GB, 256 GB RAM",
    "8x H100 SXM, 2 TB RAM", "m3-max 64GB", "RX 7900 XTX, 64 GB RAM",
)  # fmt: skip
MODELS = ("7B", "13B", "70B", "llama-3.1-8b", "qwen3-30b-a3b", "gpt-oss-120b", "gemma-3-27b")


def machine(words: str) -> Machine:
    return parse.machine(words, SPECS).machine


def use(name: str, **values: Any) -> ModelUse:
    return ModelUse(known_model(name) or typical.architecture(name), Workload(**{"method": "inference", **values}))


def best(name: str, words: str, wishes: Wishes | None = None, **values: Any) -> Candidate:
    return plans(use(name, **values), machine(words), wishes or Wishes())[0]


@pytest.mark.parametrize(
    ("name", "words", "runtime", "weights", "verdict"),
    [
        ("llama-3.1-8b", "RTX 3060, 25 GB RAM", "llama.cpp", "q8_0", "fits"),
        ("30B", "RTX 3060, 25 GB RAM", "llama.cpp", "q4_k_m", "fits-with-offload"),
        ("gpt-oss-120b", "H100 SXM", "vllm", "mxfp4", "fits"),
        ("llama-3.1-70b", "8x H100 SXM, 2 TB RAM", "vllm", "bf16", "fits"),
        ("llama-3.1-8b", "m3-max 64GB", "mlx", "bf16", "fits"),
        ("8B", "cpu, 8 GB RAM", "llama.cpp", "q4_k_m", "fits-with-offload"),
    ],
)
def test_the_best_plan_is_what_an_expert_would_choose(
    name: str, words: str, runtime: str, weights: str, verdict: str
) -> None:
    found = best(name, words)
    assert (found.use.runtime.id, found.use.weight_format.name, found.placed.verdict) == (runtime, weights, verdict)


@pytest.mark.parametrize(
    ("name", "words", "values", "sharding", "chunked"),
    [
        ("30B", "2x RTX 4090, 128 GB RAM", {"method": "qlora"}, "fsdp", None),
        ("llama-3.1-70b", "8x H100 SXM, 2 TB RAM", {"method": "lora"}, "fsdp", None),
        ("7B", "A100-SXM4-80GB", {"method": "lora"}, None, None),
    ],
)
def test_training_uses_free_savings_first(
    name: str, words: str, values: dict[str, Any], sharding: str | None, chunked: bool | None
) -> None:
    found = best(name, words, **values)
    assert (found.placed.verdict, found.use.workload.sharding, found.use.workload.chunked_loss) == (
        "fits", sharding, chunked,
    )  # fmt: skip


def test_a_chunked_loss_is_tried_before_slower_savings() -> None:
    """A card with 10.5 GiB free trains 7B by QLoRA if the loss is chunked, which avoids logits in 32 bits."""
    small = machine("RTX 3060, 25 GB RAM")
    gpu = (small.gpus or ())[0]
    taken = replace(small, gpus=(replace(gpu, memory_free=round(10.5 * GIB)),))
    (found,) = plans(use("7B", method="qlora"), taken)
    assert found.use.workload.chunked_loss is True
    assert found.use.workload.offload is None
    assert plans(use("7B", method="qlora", chunked_loss=False), taken) == ()


def test_experts_go_to_ram_before_layers_do() -> None:
    found = best("qwen3-235b-a22b", "RTX 4090, 192 GB RAM", weights="q4_k_m", runtime="llama.cpp")
    placement = found.placed.placement
    assert placement is not None
    assert placement.expert_layers_in_ram is not None
    assert placement.gpu_layers == found.use.architecture.layers + 1
    # 22 of 235 billion weights are active: read from RAM they are about a tenth of what whole layers would be
    dense = best("70B", "RTX 4090, 192 GB RAM", weights="q4_k_m", runtime="llama.cpp")
    assert dense.placed.placement is not None
    assert dense.placed.placement.expert_layers_in_ram is None
    assert (found.tokens_per_second or 0) > (dense.tokens_per_second or 0)


REPRODUCED = (
    ("llama-3.1-8b", ()),
    ("mistral-small-24b", ()),
    ("qwen3-30b-a3b", ("--prefer", "context")),
    ("gpt-oss-120b", ("--kv-cache", "fp16")),
    ("llama-3.1-70b", ("--weights", "q4_k_m")),
    ("8B", ("--runtime", "vllm", "--context", "16k")),
    ("13B", ("--method", "lora")),
)  # fmt: skip
GOLDEN = ("rtx3060", "2x4090", "8xh100", "a100-mig", "cpu-laptop")
REPRODUCED_ON = (
    *((str(RECORDED / f"{each}.json"), *more) for each in GOLDEN for more in REPRODUCED),
    # q5_k_m lies partly in RAM here, and on the GPU with a smaller cache
    ("m3-max 64GB", "llama-3.1-70b", ()),
)


@pytest.mark.parametrize(("where", "name", "options"), REPRODUCED_ON)
def test_every_plan_is_reproduced_by_its_command(where: str, name: str, options: tuple[str, ...]) -> None:
    """By the whole command, and by the options that are shown to be added to the one that was given."""
    try:
        found = _fit("fit", name, "--machine", where, *options)
    except UsageError:  # no such runtime on that machine
        return
    shown = [*found.plans, *(each.plan for each in found.released)]
    for plan in shown:
        assert plan.argv[:4] == ("llmcheck", "fit", name, "--machine")
        for words in (plan.argv[1:], ("fit", name, "--machine", where, *options, *plan.options)):
            again = _fit(*words)
            best = again.plans[0]
            computed = (again.verdict, again.memory.total, again.workload.context, again.workload.runtime)
            assert computed == (plan.verdict, plan.memory.total, plan.context, plan.runtime), words
            assert (best.tokens_per_second, best.memory) == (plan.tokens_per_second, plan.memory), words
            assert (best.launch, best.launch_environment) == (plan.launch, plan.launch_environment), words
    if found.plans:
        assert (found.verdict, found.memory.total) == (found.plans[0].verdict, found.plans[0].memory.total)
    for way in found.ways:
        if way.options:
            again = _fit("fit", name, "--machine", where, *options, *way.options)
            assert (again.verdict[:4], again.memory.total) == ("fits", way.total), way


def _fit(*words: str) -> Fit:
    """What a command computes, its options read by the command line itself."""
    command = fit_command.command
    context = command.make_context("fit", list(words[1:]))
    given = fit_command.FitOptions(**{name: context.params[name] for name in fit_command.FitOptions._fields})
    (where,) = context.params["machines"]
    there = recorded(where)
    return api.fit(
        ModelSource(model=given.name),
        fit_command._workload(given),
        lambda: there,
        assume_idle=given.assume_idle,
        prefer=given.prefer,
        machine_words=where,
    )


@functools.cache
def recorded(words: str) -> Machine:
    return api.load_machine(words) if words.endswith(".json") else machine(words)


@pytest.mark.parametrize("words", MACHINES)
@pytest.mark.parametrize("name", MODELS)
def test_no_other_plan_is_as_good_in_everything_and_better_in_something(name: str, words: str) -> None:
    """None of the others has the same quality, speed and context and is better in one of them."""
    found = plans(use(name), machine(words))
    if not found:
        return
    first = found[0]
    if not loses_little(first.use.weight_format.name, first.published):
        assert not any(loses_little(each.use.weight_format.name, each.published) for each in found)
    if (first.tokens_per_second or READABLE) < READABLE:
        small = [each for each in found if loses_little(each.use.weight_format.name, each.published)]
        assert all((each.tokens_per_second or 0) < READABLE for each in small if loses_little(
            first.use.weight_format.name, first.published))  # fmt: skip


def test_stated_options_are_kept() -> None:
    for each in plans(use("llama-3.1-8b", runtime="vllm", weights="bf16", context=4096), machine(MACHINES[3])):
        assert (each.use.runtime.id, each.use.weight_format.name, each.use.context) == ("vllm", "bf16", 4096)
    assert plans(use("70B", weights="bf16", runtime="vllm"), machine("RTX 4090, 64 GB RAM")) == ()


def test_wishes_change_the_order() -> None:
    words = "2x RTX 4090, 128 GB RAM"
    fine = best("70B", words, Wishes(prefer="quality"))
    fast = best("70B", words, Wishes(prefer="speed"))
    assert fine.use.weight_format.bits > fast.use.weight_format.bits
    assert (fast.tokens_per_second or 0) > (fine.tokens_per_second or 0)


def test_an_installed_runtime_is_preferred() -> None:
    where = replace(
        machine("RTX 4090, 64 GB RAM"),
        hypothetical=False,
        ram=replace(machine("RTX 4090, 64 GB RAM").ram, available=60 * GIB),
        software=Software(packages=(Package(name="sglang", version="0.5.23"),), tools=()),
    )
    found, *others = plans(use("llama-3.1-8b"), where)
    assert (found.use.runtime.id, found.installed, found.needs) == ("sglang", True, ())
    missing = next(each for each in others if each.use.runtime.id == "vllm")
    assert (missing.installed, missing.needs) == (False, ("vllm",))
    assert not any(each.use.runtime.id == "sglang" for each in plans(use("llama-3.1-8b"), machine("RTX 4090")))


@given(st.integers(4, 160), st.integers(1, 40))
def test_more_memory_never_takes_a_plan_away(ram: int, more: int) -> None:
    before = plans(use("13B"), machine(f"RTX 3060, {ram} GB RAM"))
    after = plans(use("13B"), machine(f"RTX 3060, {ram + more} GB RAM"))
    assert bool(after) >= bool(before)


def test_the_command_prints_the_best_plan() -> None:
    done = CliRunner().invoke(main, ["fit", "llama-3.1-8b", "--machine", "RTX 3060, 25 GB RAM", "--format", "json"])
    assert '"runtime": "llama.cpp"' in done.output
