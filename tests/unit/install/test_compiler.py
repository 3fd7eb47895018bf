"""What cannot be compiled, or would not run, is refused before it is compiled."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.install.plan import plan_installation
from llmcheck.render import Options, dockerfile, requirements
from llmcheck.schema.advice import Plan
from llmcheck.schema.machine import CudaToolkit, Gpu, Machine, Tool, Torch
from tests.machines_builder import card, machine, packages

TABLES = catalog.tables()
WHEELS = "https://abetlen.github.io/llama-cpp-python/whl"


def with_tools(where: Machine, *toolkits: str, gcc: str | None = "12", **versions: str) -> Machine:
    """``nvcc="12.4"`` is on PATH, in /usr/bin; ``toolkits``: versions in /usr/local."""
    found = [Tool(name=name, path=f"/usr/bin/{name}", version=version) for name, version in versions.items()]
    folders = tuple(CudaToolkit(path=f"/usr/local/cuda-{each}", version=each) for each in toolkits)
    found.append(Tool(name="cc", path="/usr/bin/cc", version=gcc))
    return replace(where, software=replace(where.software, tools=tuple(found), cuda_toolkits=folders))


def with_torch(version: str, *gpus: Gpu, **changes: object) -> Machine:
    there = Torch(version=version, build=version.partition("+")[2])
    return machine(*gpus, software=packages(torch=version), torch=there, **changes)  # type: ignore[arg-type]


def plan(where: Machine, *names: str) -> Plan:
    return plan_installation("x", list(names), where, TABLES)


def commands(made: Plan) -> str:
    return "\n".join(step.command for environment in made.environments for step in environment.steps)


def reasons(made: Plan) -> str:
    steps = [step.reason for environment in made.environments for step in environment.steps]
    return "\n".join([*steps, *(each.reason for each in made.left_out)])


@pytest.mark.parametrize(
    ("where", "nvcc", "why", "instead"),
    [
        (machine(card("RTX 3060"), driver="550.54.15"), "13.0.88", "needs driver 580", "cu124"),
        (machine(card("RTX 3060"), driver="535.183.01"), "13.2.78", "needs driver 580", "vulkan"),
        (machine(card("V100")), "13.0.88", "compute capability 7.5 and newer", "cu124"),
        (machine(card("GTX 1080 Ti")), "13.4.92", "compute capability 7.5 and newer", "cu124"),
        (machine(card("GTX 980")), "13.0.88", "compute capability 7.5 and newer", "vulkan"),
        (machine(card("RTX 4090"), driver="470.256.02"), "12.4.131", "needs driver 525", "vulkan"),
        (machine(card("RTX 5090")), "12.6.85", "12.8 or newer", "cu130"),
        (machine(card("H100")), "11.4.100", "11.8 or newer", "cu130"),
    ],
)
def test_llama_cpp_is_not_compiled_by_what_cannot_serve_the_card(
    where: Machine, nvcc: str, why: str, instead: str
) -> None:
    made = plan(with_tools(where, nvcc=nvcc), "llama-cpp")
    assert "GGML_CUDA" not in commands(made)
    assert f"{WHEELS}/{instead}" in commands(made)
    assert why in reasons(made)


def test_an_older_toolkit_on_disk_is_named_where_the_one_on_path_does_not_suit() -> None:
    made = plan(with_tools(machine(card("V100")), "12.6", "13.0", nvcc="13.0.88"), "llama-cpp")
    assert "CUDACXX=/usr/local/cuda-12.6/bin/nvcc" in commands(made)
    assert "GGML_CUDA" in commands(made)
    assert "compute capability 7.5 and newer" in reasons(made)


@pytest.mark.parametrize(("gcc", "compiles"), [("14", True), ("15", False), (None, True)])
def test_a_host_compiler_that_nvcc_refuses_is_named(gcc: str | None, compiles: bool) -> None:
    made = plan(with_tools(machine(card("GTX 980")), nvcc="12.8.93", gcc=gcc), "llama-cpp")
    assert ("GGML_CUDA" in commands(made)) is compiles
    assert ("g++-14" in reasons(made)) is not compiles


def test_an_unknown_compiler_is_not_refused() -> None:
    found = [Tool(name="nvcc", path="/usr/bin/nvcc"), Tool(name="cc", path="/usr/bin/cc")]
    where = machine(card("V100"))
    made = plan(replace(where, software=replace(where.software, tools=tuple(found))), "llama-cpp")
    assert "GGML_CUDA" in commands(made)


def test_a_link_in_cuda_home_is_followed() -> None:
    def named(home: str, real: str) -> Machine:
        where = with_tools(with_torch("2.7.1+cu126", card("RTX 4090")), "13.0", nvcc="12.6.85")
        return replace(where, software=replace(where.software, cuda_home=home, cuda_home_real=real))

    by_link = plan(named("/home/ann/cuda", "/usr/local/cuda-13.0"), "flash-attn")
    by_path = plan(named("/usr/local/cuda-13.0", "/usr/local/cuda-13.0"), "flash-attn")
    assert commands(by_link) == commands(by_path)
    # the one on PATH suits, and has to be named over the variable
    assert "CUDA_HOME=/usr" in commands(by_link)


def test_cuda_home_of_another_cuda_is_refused_where_no_other_is_there() -> None:
    where = with_tools(with_torch("2.7.1+cu126", card("RTX 4090")), "13.0")
    where = replace(
        where, software=replace(where.software, cuda_home="/opt/cuda", cuda_home_real="/usr/local/cuda-13.0")
    )
    made = plan(where, "flash-attn")
    assert [each.library for each in made.left_out] == ["flash-attn"]
    assert "nvcc has CUDA 13.0 and torch has CUDA 12" in reasons(made)


@pytest.mark.parametrize(
    ("torch", "gpu", "toolkit", "gcc", "why"),
    [
        ("2.15.0+cu132", "RTX 4090", "12.6", "12", "both need the same major release"),
        ("2.10.0+cu128", "RTX 5090", "12.4", "12", "12.8 or newer"),
        ("2.11.0+cu126", "RTX 4090", "12.6", "14", "GCC up to 13"),
    ],
)
def test_what_is_compiled_against_torch_follows_the_same_rule(
    torch: str, gpu: str, toolkit: str, gcc: str, why: str
) -> None:
    made = plan(with_tools(with_torch(torch, card(gpu)), toolkit, nvcc=toolkit, gcc=gcc), "flash-attn")
    assert "flash-attn" not in commands(made)
    assert why in reasons(made)


@pytest.mark.parametrize("name", ["llama-cpp", "flash-attn"])
@pytest.mark.parametrize("uv", [False, True])
def test_no_wheel_that_was_compiled_under_other_flags_is_taken_from_a_cache(name: str, uv: bool) -> None:
    where = with_tools(with_torch("2.15.0+cu132", card("RTX 4090")), nvcc="13.0.88")
    if uv:
        tools = (*(where.software.tools or ()), Tool(name="uv", path="/usr/bin/uv"))
        where = replace(where, software=replace(where.software, tools=tools))
    (line,) = [each for each in commands(plan(where, name)).splitlines() if "MAX_JOBS" in each or "CMAKE_ARGS" in each]
    assert ("--no-cache" if uv else "--no-cache-dir") in line.split()


@pytest.mark.parametrize(("nvcc", "said"), [("12.6.85", True), ("13.0.88", False)])
def test_what_deepspeed_compiles_when_it_runs_follows_the_same_rule(nvcc: str, said: bool) -> None:
    made = plan(with_tools(with_torch("2.15.0+cu132", card("RTX 4090")), nvcc=nvcc), "deepspeed")
    assert any("DeepSpeed cannot compile its own kernels" in note for note in made.notes) is said
    assert made.left_out == ()


def test_a_requirements_file_holds_what_needs_no_flags() -> None:
    made = plan(with_tools(machine(), gcc="12"), "llama-cpp")
    assert "llama-cpp-python[server]>=0.3.30" in requirements.render(made, Options()).splitlines()


def test_an_image_is_built_without_a_cache_once() -> None:
    text = dockerfile.render(plan(with_tools(machine(card("RTX 4090")), nvcc="13.0.88"), "llama-cpp"), Options())
    (line,) = [each for each in text.splitlines() if "GGML_CUDA" in each and each.startswith("RUN")]
    assert line.count("--no-cache-dir") == 1


def test_a_proof_that_asks_uv_asks_pip_in_an_image() -> None:
    text = dockerfile.render(plan(machine(present=["uv"]), "accelerate"), Options())
    (line,) = [each for each in text.splitlines() if "--dry-run" in each]
    assert '"-m", "pip", "install", "--dry-run", "--no-index", "--no-deps", "accelerate>=' in line
    assert "--offline" not in line
