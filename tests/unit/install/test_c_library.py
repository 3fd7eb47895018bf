"""What has no wheel for this system's C library is refused, everywhere alike."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog, runtimes
from llmcheck.catalog import profiles
from llmcheck.fit.obstacles import JETSON_PYTHON, excluded
from llmcheck.gpus.c_library import WheelSite
from llmcheck.install.choose import missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.install.state import library_check
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import Gpu, Machine, Os
from tests.machines_builder import card, machine, packages

TABLES = catalog.tables()


def on(libc: str, *names: str, **changes: object) -> Machine:
    where = machine(card("RTX 4090"), **changes)  # type: ignore[arg-type]
    return replace(where, os=Os(system="linux", architecture="x86_64", libc=libc))


@pytest.mark.parametrize("libc", ["musl", "musl 1.2.5"])
@pytest.mark.parametrize(
    "name", ["torch", "vllm", "sglang", "accelerate", "bitsandbytes", "triton", "jax", "flash-attn"]
)
def test_what_has_no_wheels_for_musl_is_refused_with_what_to_use_instead(libc: str, name: str) -> None:
    made = plan_installation("x", [name], on(libc), TABLES)
    assert [each.library for each in made.left_out] == [name]
    assert "musl" in made.left_out[0].reason
    assert "container" in made.left_out[0].reason
    assert not [step for each in made.environments for step in each.steps if step.kind == "install"]


@pytest.mark.parametrize("name", ["tokenizers", "safetensors", "wandb", "llama-cpp", "datasets"])
def test_what_has_them_is_planned(name: str) -> None:
    assert plan_installation("x", [name], on("musl"), TABLES).left_out == ()


def test_no_engine_of_a_tier_is_said_to_work_on_musl() -> None:
    profile = profiles.load("inference-7b")
    where = on("musl")
    wanted = missing_libraries(evaluate(profile, where).findings, where, TABLES, profile)
    (choice,) = wanted.choices
    assert choice.chosen == "llama.cpp"
    assert "musl" in choice.rejected["vLLM"]


@pytest.mark.parametrize(
    ("libc", "refused"),
    [
        ("musl", {"vllm", "sglang", "transformers", "lmdeploy", "exllama", "mlx"}),
        ("glibc 2.28", {"vllm", "sglang", "mlx"}),
        ("glibc 2.31", {"sglang", "mlx"}),
        ("glibc 2.36", set()),
    ],
)
def test_the_planner_asks_the_same(libc: str, refused: set[str]) -> None:
    found = {
        each.id
        for each in runtimes.every()
        if (it := excluded(each, None, "linux", WheelSite(libc))) and it.code == "libc"
    }
    assert refused <= found
    assert found.isdisjoint({"llama.cpp", "ollama", "tgi"})
    if not refused:
        assert not found


def test_the_planner_and_the_catalogue_know_the_same_limits() -> None:
    for each in runtimes.every():
        library = TABLES.libraries.get(each.library or "")
        if library is not None and library.glibc_min is not None:
            assert each.glibc_min == library.glibc_min, each.id
        if library is not None and each.python_min is not None:
            assert each.python_min == library.python_min, each.id
    (row,) = [each for each in TABLES.wheels if each.tag == "jetson"]
    assert row.python_min == JETSON_PYTHON


@pytest.mark.parametrize(("site", "code"), [(WheelSite(), "python"), (None, None)], ids=["to install", "installed"])
def test_a_jetson_s_one_python_excludes_what_needs_a_newer(site: WheelSite | None, code: str | None) -> None:
    orin = Gpu(vendor="nvidia", index=0, name="NVIDIA Orin (nvgpu)", compute_capability="8.7", unified=True)
    found = excluded(runtimes.named("transformers"), [orin], "linux", site)
    assert (found.code if found else None) == code
    assert excluded(runtimes.named("llama.cpp"), [orin], "linux", site) is None
    assert excluded(runtimes.named("transformers"), [card("RTX 4090")], "linux", site) is None


def test_libraries_check_says_so_too() -> None:
    (state,) = library_check([TABLES.libraries["vllm"]], on("musl"), named=True).libraries
    assert (state.state, "musl" in (state.obstacle or "")) == ("missing", True)


def test_one_that_is_there_has_no_obstacle() -> None:
    where = on("musl", software=packages(vllm="0.33.0"))
    (state,) = library_check([TABLES.libraries["vllm"]], where, named=True).libraries
    assert state.obstacle is None
