"""Which build of llama.cpp's Python binding a machine gets."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.install import packages
from llmcheck.install.compiler import BuildRules
from llmcheck.install.plan import plan_installation
from llmcheck.schema.machine import Gpu, Machine, Tool
from tests.machines_builder import GB, amd, card, machine, python, tools

TABLES = catalog.tables()
BUILDS = TABLES.package_builds
ARC = Gpu(vendor="intel", index=0, name="Intel Arc A770", memory_total=16 * GB)
RADEON = Gpu(vendor="amd", index=0, name="AMD Radeon RX 7900 XTX", gfx="gfx1100", memory_total=24 * GB)


def llama_cpp_for(where: Machine) -> packages.InstallVariant:
    return packages.llama_cpp_for(where, BUILDS, BuildRules(TABLES.drivers, TABLES.nvcc_releases))


# Sources: README, pyproject.toml and workflows in llama-cpp-python 0.3.36; docs/build.md of llama.cpp.
@pytest.mark.parametrize(
    ("where", "index"),
    [
        (machine(card("RTX 4090"), interpreter=python(version="3.13.1")), "cu130"),
        (machine(card("RTX 4090"), system="windows", architecture="AMD64"), "cu130"),
        (machine(card("RTX 4090"), driver="560.35.03"), "cu124"),
        (machine(card("RTX 5090")), "cu130"),
        (machine(RADEON), "vulkan"),
        (machine(RADEON, system="windows", architecture="AMD64"), "vulkan"),
        (machine(ARC), "vulkan"),
    ],
)
def test_llama_cpp_comes_as_the_wheel_that_uses_the_gpu(where: Machine, index: str) -> None:
    flavour = llama_cpp_for(where)
    assert flavour.extra_index_url == f"https://abetlen.github.io/llama-cpp-python/whl/{index}"
    assert flavour.options == ("--only-binary=llama-cpp-python",)
    assert not flavour.variables


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        (machine(card("RTX 4090"), driver="535.183.01", present=["cc"]), ["nvcc", "driver 550 or newer"]),
        (machine(card("RTX 5090"), driver="570.86.10", present=["cc"]), ["12.8 or newer", "driver 580 or newer"]),
        (machine(card("B200"), driver="570.86.10", present=["cc"]), ["12.8 or newer", "driver 580 or newer"]),
        (machine(card("GH200"), architecture="aarch64", present=["cc"]), ["nvcc"]),
        (machine(card("GTX 980"), present=["cc"]), ["nvcc"]),
        (machine(amd(gfx="gfx942"), present=["cc"]), ["hipcc"]),
        (machine(ARC, architecture="aarch64", present=["cc"]), ["libvulkan-dev glslc", "-DGGML_VULKAN=on"]),
    ],
)
def test_a_gpu_that_llama_cpp_cannot_use_is_noted_with_the_remedy(where: Machine, changes: list[str]) -> None:
    flavour = llama_cpp_for(where)
    assert flavour.extra_index_url is None
    assert "is not used" in flavour.reason
    assert all(part in flavour.reason for part in changes)


def test_no_unused_gpu_is_noted_where_there_is_none() -> None:
    assert "idle" not in llama_cpp_for(machine(present=["cc"])).reason


def test_an_old_compiler_does_not_compile_for_blackwell() -> None:
    def with_nvcc(version: str) -> Machine:
        nvcc = Tool(name="nvcc", path="/usr/local/cuda/bin/nvcc", version=version)
        base = machine(card("RTX 5090"), present=["cc"])
        return replace(base, software=replace(base.software, tools=(nvcc, *tools("cc"))))

    assert "CMAKE_ARGS" not in llama_cpp_for(with_nvcc("12.4")).variables
    compiled = llama_cpp_for(with_nvcc("12.8"))
    assert compiled.variables == {"CMAKE_ARGS": "-DGGML_CUDA=on", "CUDACXX": "/usr/local/cuda/bin/nvcc"}
    assert compiled.requires == ("cc", "nvcc")


def test_llama_cpp_is_compiled_for_amd_where_rocm_is_installed() -> None:
    base = machine(amd(gfx="gfx942"), present=["cc"])
    tools_ = (Tool(name="hipcc", path="/opt/rocm/bin/hipcc"), *tools("cc"))
    flavour = llama_cpp_for(replace(base, software=replace(base.software, tools=tools_)))
    assert flavour.variables == {"CMAKE_ARGS": "-DGGML_HIP=on"}


# Source: mlx docs, install; the metadata of mlx 0.32.4.
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (machine(), "mlx[cpu]>=0.32"),
        (machine(card("RTX 4090")), "mlx[cuda13]>=0.32"),
        (machine(card("RTX 4090"), driver="560.35.03"), "mlx[cuda12]>=0.32"),
        (machine(card("RTX 4090"), driver="535.183.01"), "mlx[cpu]>=0.32"),
        (machine(card("V100")), "mlx[cpu]>=0.32"),
        (machine(system="darwin", architecture="arm64"), "mlx>=0.32"),
        (machine(system="windows", architecture="AMD64"), "mlx>=0.32"),
    ],
)
def test_mlx_comes_with_the_backend_that_the_machine_can_use(where: Machine, expected: str) -> None:
    assert packages.with_extra("mlx>=0.32", "mlx", where, BUILDS) == expected


# Source: torchaudio 2.11.0 is of CUDA 13.0 and refuses another minor at import; measured 2026-11-22.
@pytest.mark.parametrize(
    ("where", "index"),
    [
        (machine(card("RTX 4090"), system="windows", architecture="AMD64"), "https://download.pytorch.org/whl/cu130"),
        (machine(card("RTX 4090")), None),
    ],
)
def test_torchaudio_gets_a_torch_of_its_own_cuda(where: Machine, index: str | None) -> None:
    made = plan_installation("x", ["torch", "torchaudio"], where, catalog.tables())
    (step,) = [step for each in made.environments for step in each.steps if step.kind == "install"]
    assert step.requirements[0] == "torch==2.14.1"
    assert step.index_url == index
