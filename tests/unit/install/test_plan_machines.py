# ruff: noqa: E501 - a table reads best with a row on a line
"""Machines, the libraries requested for them, and the right plan.

Every expectation is written from what its row's source says, not from what is printed. Sources, all read by 2026-11-22:

- wheels: PyPI wheels of torch 2.4 to 2.15, version.py and cuobjdump; PyTorch RFC #190385 (cu126 ends with 2.14)
- minor: NVIDIA, CUDA minor version compatibility: CUDA 11 from driver 450.80, 12 from 525.60, 13 from 580
- binary: CUDA C++ Programming Guide, binary compatibility: same major, newer minor
- gfx: uv's list of what the ROCm wheels hold, backend.rs at 26a9dd4
- pypi: metadata of the packages on PyPI (platform tags, Python bounds, pins)
- runs: resolver and install runs of 2026-11-22 (uv 0.13.9, pip 26.3)
- vendor: the documentation of the project or vendor that is named
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.install.choose import missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.install.target import PlanOptions
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.advice import Plan
from llmcheck.schema.machine import Driver, Gpu, Machine, Os, Torch
from tests.machines_builder import GB, amd, card, cards, machine, mig, packages, python

KNOWLEDGE = catalog.tables()
WHL = "https://download.pytorch.org/whl/"
PYPI = "PyPI"
UBUNTU = "Ubuntu 24.04.3 LTS"
SYSTEM = python(executable="/usr/bin/python3", prefix="/usr", environment="system", externally_managed=True)


@dataclass(frozen=True)
class Row:
    name: str
    where: Machine
    wanted: tuple[str, ...]
    source: str
    index: str | None = None
    """PyPI, or the folder of PyTorch's index; None: the plan installs no torch of its own choice."""
    takes: str | None = None
    refuses: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    """Parts of the commands."""
    lacks: tuple[str, ...] = ()
    environments: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """Text that must occur outside the commands."""
    first: tuple[str, ...] = ()
    """Text that must occur in what an administrator does first."""
    options: PlanOptions | None = None


def linux(
    *gpus: Gpu, libc: str = "glibc 2.39", arch: str = "x86_64", distribution: str = UBUNTU, **more: Any
) -> Machine:
    system = {key: more.pop(key) for key in ("wsl", "container") if key in more}
    where = Os(system="linux", architecture=arch, libc=libc, distribution=distribution, **system)
    return machine(*gpus, os=where, **more)


def windows(*gpus: Gpu, **more: Any) -> Machine:
    return machine(*gpus, system="windows", architecture="AMD64", os_version="10.0.26100", **more)


def mac(version: str = "15.6", arch: str = "arm64", **more: Any) -> Machine:
    return machine(system="darwin", architecture=arch, os_version=version, **more)


def torch(name: str, where: Machine, source: str, index: str, takes: str, *refuses: str, **more: Any) -> Row:
    return Row(name, where, ("torch",), source, index, takes, refuses, **more)


def h100(**more: Any) -> Machine:
    return linux(card("H100"), **more)


CPU_TORCH: dict[str, Any] = {"software": packages(torch="2.15.0"), "torch": Torch(version="2.15.0+cpu", build="cpu")}
CU130: dict[str, Any] = {"software": packages(torch="2.14.1"), "torch": Torch(version="2.14.1+cu130", build="cu130")}
GOOD: dict[str, Any] = {"software": packages(torch="2.15.0"), "torch": Torch(version="2.15.0+cu132", build="cu132")}

ROWS = [
    # --- PyTorch by machine
    torch("no GPU", linux(), "wheels: the index cpu saves the CUDA libraries", "cpu", "2.15.0"),
    torch("no GPU, ARM server", linux(arch="aarch64"), "wheels: PyPI's ARM wheel has CUDA from 2.11", "cpu", "2.15.0"),
    torch("Windows without a GPU", windows(), "wheels: PyPI's Windows wheel is the CPU build", PYPI, "2.15.0"),
    torch("T4, driver 580", linux(card("T4")), "wheels, minor: 7.5 is the least of cu132", PYPI, "2.15.0"),
    torch("RTX 3090, driver 580", linux(card("RTX 3090")), "wheels, minor", PYPI, "2.15.0"),
    torch("RTX 4090, driver 610", linux(card("RTX 4090"), driver="610.43"), "binary: 8.9 runs 8.6", PYPI, "2.15.0"),
    torch("8 x H100, driver 595", linux(*cards("H100", 8), driver="595.58.03"), "wheels, minor", PYPI, "2.15.0"),
    torch("H100, driver 570", h100(driver="570.124.06"), "minor: CUDA 13 needs 580", "cu126", "2.14.1", "2.15.0"),
    torch("A100, driver 535", linux(card("A100 80GB"), driver="535.183.01"), "minor", "cu126", "2.14.1", "2.15.0"),
    torch("L40S, driver 525.60.13", linux(card("L40S"), driver="525.60.13"), "minor: the floor itself", "cu126", "2.14.1"),
    torch("A100, driver 525.53", linux(card("A100 80GB"), driver="525.53"), "minor: below 525.60.13", "cu118", "2.7.1", "2.8.0"),
    torch("A100, driver 470", linux(card("A100 80GB"), driver="470.256.02"), "minor: CUDA 11.8", "cu118", "2.7.1", "2.8.0"),
    torch("A100, driver 440", linux(card("A100 80GB"), driver="440.33"), "minor: no CUDA 11 either", "cpu", "2.15.0", remarks=("too old",)),
    torch("V100, driver 580", linux(card("V100")), "wheels: CUDA 13 builds start at 7.5", "cu126", "2.14.1", "2.15.0"),
    torch("V100, driver 535", linux(card("V100"), driver="535.183.01"), "wheels, minor", "cu126", "2.14.1", "2.15.0"),
    torch("P100, driver 580", linux(card("P100")), "wheels: cu126 holds 6.0", "cu126", "2.14.1", "2.15.0"),
    torch("GTX 980, driver 580", linux(card("GTX 980")), "wheels: cu126 holds 5.0", "cu126", "2.14.1", "2.15.0"),
    torch("K80", linux(card("K80"), driver="470.256.02"), "wheels: none holds 3.7", "cpu", "2.15.0", remarks=("older than any",)),
    torch("RTX 5090, driver 580", linux(card("RTX 5090")), "wheels: cu132 holds 12.0", PYPI, "2.15.0"),
    torch("RTX 5090, driver 575", linux(card("RTX 5090"), driver="575.57.08"), "wheels: cu128 holds 12.0, 2.12 dropped it", "cu128", "2.11.0", "2.12.0"),
    torch("RTX 5090, driver 550", linux(card("RTX 5090"), driver="550.54.15"), "vendor: NVIDIA, Blackwell is in 570", "cpu", "2.15.0", remarks=("570|580",)),
    torch("B200, driver 580", linux(*cards("B200", 8)), "wheels: cu132 holds 10.0", PYPI, "2.15.0"),
    torch("GB300, driver 580", linux(card("B200", compute_capability="10.3")), "binary: 10.3 runs 10.0", PYPI, "2.15.0"),
    torch("V100 and H100", linux(card("V100"), card("H100", 1)), "wheels: cu126 holds 7.0 and 9.0", "cu126", "2.14.1", "2.15.0"),
    torch("V100 and B200", linux(card("V100"), card("B200", 1)), "wheels: only cu128 of 2.8 to 2.10 holds both, and 2.10's is PyPI's own", PYPI, "2.10.0", "2.11.0"),
    torch("P100 and B200", linux(card("P100"), card("B200", 1)), "wheels: none holds 6.0 and 10.0", "cpu", "2.15.0", remarks=("CUDA_VISIBLE_DEVICES",)),
    torch("H100 beside a hidden V100", linux(card("V100", visible=False), card("H100", 1)), "vendor: CUDA_VISIBLE_DEVICES", PYPI, "2.15.0"),
    torch("all cards hidden", linux(*cards("H100", 2, visible=False)), "vendor: CUDA_VISIBLE_DEVICES", "cpu", "2.15.0"),
    torch("MIG instance of an H100", linux(card("H100", mig_mode=True), mig(0, 0, 10 * GB)), "binary: an instance is a 9.0", PYPI, "2.15.0"),
    torch("GH200", linux(card("GH200"), arch="aarch64"), "wheels: PyPI's ARM wheel holds 9.0", PYPI, "2.15.0", "2.10.0"),
    torch("GH200, driver 550", linux(card("GH200"), arch="aarch64", driver="550.90"), "PyTorch RFC #190355: cu126 for ARM holds 9.0", "cu126", "2.14.1", "2.15.0"),
    torch("GB10", linux(card("B200", compute_capability="12.1", unified=True), arch="aarch64"), "binary: 12.1 runs 12.0", PYPI, "2.15.0"),
    torch("Thor", linux(card("B200", compute_capability="11.0", unified=True), arch="aarch64"), "wheels: the ARM wheel holds 11.0", PYPI, "2.15.0"),
    torch(
        "Jetson Orin, Python 3.10",
        linux(card("H100", compute_capability="8.7", name="Orin", unified=True), arch="aarch64", libc="glibc 2.35", interpreter=python(version="3.10.12")),
        "vendor: Jetson AI Lab, jp6/cu126; the wheels of servers do not fit L4T",
        "https://pypi.jetson-ai-lab.io/jp6/cu126",
        "2.8.0",
    ),
    torch("MI300X", linux(amd(gfx="gfx942")), "gfx", "rocm7.2", "2.13.0", "2.15.0"),
    torch("RX 7900 XTX", linux(amd(gfx="gfx1100")), "gfx", "rocm7.2", "2.13.0", "2.15.0"),
    torch("RX 9070", linux(amd(gfx="gfx1201")), "gfx", "rocm7.2", "2.13.0"),
    torch("Radeon 780M, gfx1103", linux(amd(gfx="gfx1103")), "gfx: not among them", "cpu", "2.15.0", remarks=("HSA_OVERRIDE_GFX_VERSION",)),
    torch("AMD on Windows", windows(amd(gfx="gfx1100")), "vendor: AMD hosts those wheels itself", PYPI, "2.15.0", remarks=("repo.amd.com",)),
    torch("Arc B580", linux(Gpu(vendor="intel", index=0, name="Arc B580")), "vendor: PyTorch, get started on XPU", "xpu", "2.15.0"),
    torch("Arc B580 on Windows", windows(Gpu(vendor="intel", index=0, name="Arc B580")), "vendor: PyTorch, get started on XPU", "xpu", "2.15.0"),
    torch("Apple M4, macOS 15", mac(), "pypi: macosx_14_0_arm64", PYPI, "2.15.0"),
    torch("Apple M1, macOS 13", mac("13.7"), "pypi: 2.12 and newer are macosx_14_0", PYPI, "2.11.0", "2.12.0", "2.15.0"),
    torch("Intel Mac, Python 3.11", mac("12.7", "x86_64", interpreter=python(version="3.11.9")), "pypi: 2.2.2 is the last", PYPI, "2.2.2", "2.3.0"),
    torch("RTX 4090 on Windows, driver 581", windows(card("RTX 4090"), driver="581.57"), "wheels: PyPI's Windows wheel is CPU-only", "cu132", "2.15.0"),
    torch("GTX 1080 Ti on Windows, driver 560", windows(card("GTX 1080 Ti"), driver="560.94"), "wheels, minor: 528.33 on Windows", "cu126", "2.14.1", "2.15.0"),
    torch("A100 on Windows, driver 526", windows(card("A100 80GB"), driver="526.98"), "minor: below 528.33", "cu118", "2.7.1"),
    torch("RTX 4090 in WSL", linux(card("RTX 4090"), wsl=2), "vendor: NVIDIA, CUDA on WSL takes Linux wheels", PYPI, "2.15.0"),
    torch("H100, Python 3.10", h100(interpreter=python(version="3.10.14")), "pypi: 2.15 needs 3.11", PYPI, "2.14.1", "2.15.0"),
    torch("H100, Python 3.9", h100(interpreter=python(version="3.9.19")), "pypi: no current torch for 3.9", PYPI, "2.15.0", has=("uv venv", "--python 3.12")),
    Row("Alpine", linux(libc="musl 1.2.5", distribution="Alpine Linux v3.22"), ("torch",), "pypi: torch has no musllinux wheel", left_out=("torch",), remarks=("musl",)),
    Row("CentOS 7", linux(libc="glibc 2.17", distribution="CentOS Linux 7"), ("torch",), "pypi: manylinux_2_28", left_out=("torch",), remarks=("glibc",)),
    torch("driver of another version than its module", linux(gpus=None, drivers={"nvidia": Driver(fault="driver-mismatch")}), "vendor: NVIDIA, NVML error 18", PYPI, "2.15.0", remarks=("repair it first",)),
    # --- what is installed already
    torch("CPU torch on an H100", h100(**CPU_TORCH), "wheels: +cpu has no CUDA code", PYPI, "2.15.0", has=("--force-reinstall",), remarks=("To undo this", "torch==2.15.0")),
    torch("cu130 torch on driver 550", h100(driver="550.54.15", **CU130), "minor: CUDA 13 needs 580", "cu126", "2.14.1", has=("--force-reinstall",), remarks=("torch==2.14.1",)),
    torch("cu132 torch on a V100", linux(card("V100"), **GOOD), "wheels: no 7.0 in it", "cu126", "2.14.1", has=("--force-reinstall",)),
    Row("right torch on an H100", h100(**GOOD), ("torch",), "nothing is missing", environments=(), remarks=("already installed: torch",)),
    Row("old Transformers for a tier", h100(software=packages(torch="2.15.0", transformers="4.30.0", vllm="0.32.0"), torch=Torch(version="2.13.0+cu130", build="cu130")), ("inference-7b",), "vendor: Llama 3.1 model card, transformers 4.43", has=("transformers>=",), lacks=("vllm>=",), remarks=("transformers 4.30.0 is replaced", "transformers==4.30.0")),
    # --- the environment
    Row("system Python", h100(interpreter=SYSTEM), ("wandb",), "PEP 668", has=("/usr/bin/python3 -m venv .venv", ".venv/bin/python -m pip install"), remarks=("PEP 668",)),
    Row("no pip, uv there", h100(software=(), present=("uv",)), ("wandb",), "vendor: uv makes environments without pip", has=("uv pip install --python",)),
    Row("no pip, no uv", h100(software=()), ("wandb",), "vendor: Python, ensurepip", has=("-m ensurepip",)),
    Row("conda", h100(interpreter=python(environment="conda")), ("wandb",), "vendor: conda, using pip in an environment", has=("-m pip install",), remarks=("pip in a conda environment",)),
    Row("fish shell", h100(), ("wandb",), "vendor: fish, quotes", has=("'wandb>=",), options=PlanOptions(shell="fish")),
    Row("named folder", h100(), ("wandb",), "option --venv", has=("-m venv serve", "serve/bin/python -m pip"), options=PlanOptions(venv="serve")),
    # --- libraries on machines
    Row("vLLM on an H100", h100(), ("vllm",), "pypi: it pins torch, so none comes before it", has=("vllm>=0.3",), lacks=("torch>=",), environments=("shared",)),
    Row("vLLM on driver 550", h100(driver="550.54.15"), ("vllm",), "wheels: its wheel links libcudart.so.13", left_out=("vllm",), remarks=("580",)),
    Row("vLLM on a V100", linux(card("V100")), ("vllm",), "vendor: vLLM documentation, 7.5", left_out=("vllm",), remarks=("7.5",)),
    Row("vLLM on macOS", mac(), ("vllm",), "pypi: Linux wheels only", left_out=("vllm",)),
    Row("vLLM on Windows", windows(card("RTX 4090")), ("vllm",), "pypi: Linux wheels only", left_out=("vllm",)),
    Row("vLLM and SGLang", h100(), ("vllm", "sglang"), "runs: compressed-tensors 0.17 against 0.18", environments=("shared", "sglang")),
    Row("SGLang and vLLM", h100(), ("sglang", "vllm"), "runs: compressed-tensors 0.17 against 0.18", environments=("shared", "vllm")),
    Row("vLLM and LLM Compressor", h100(), ("vllm", "llmcompressor"), "runs: compressed-tensors 0.17 against 0.19", environments=("shared", "quantize")),
    Row("GPT-QModel beside an installed vLLM", h100(software=packages(vllm="0.32.0", torch="2.13.0")), ("gptqmodel",), "runs: vllm 0.2.5 without floors", environments=("gptqmodel",)),
    Row("vLLM with the core", h100(), ("vllm", "peft", "accelerate", "lm-eval"), "runs: they share with torch 2.13", environments=("shared",), lacks=("torch>=",)),
    Row("SGLang on glibc 2.31", h100(libc="glibc 2.31", distribution="Ubuntu 20.04.6 LTS"), ("sglang",), "pypi: manylinux_2_34", left_out=("sglang",), remarks=("glibc 2.34",)),
    Row("HELM and TRL", h100(), ("trl", "helm"), "runs: HELM needs datasets below 4", environments=("shared", "helm")),
    Row("Fairness Indicators, Python 3.12", h100(), ("fairness-indicators",), "runs: only Python 3.11 resolves, and only with uv", has=("--python 3.11", "uv pip install"), environments=("fairness",)),
    Row("TensorRT-LLM", h100(present=("docker",)), ("tensorrt-llm",), "runs: PyPI's is a stub; vendor: quick start with NVIDIA's container", has=("docker pull nvcr.io/nvidia/tensorrt-llm",), lacks=("pip install",)),
    Row("TGI without docker", h100(), ("tgi",), "vendor: TGI's README", has=("docker pull ghcr.io/huggingface/text-generation-inference", "--gpus all --shm-size"), first=("docker",), remarks=("maintenance",)),
    Row("FlashAttention on an H100 with nvcc", h100(present=("nvcc", "cc")), ("flash-attn",), "runs: its build needs torch in the environment", PYPI, "2.15.0", has=("--no-build-isolation", "flash-attn>=2.8"), left_out=()),
    Row("FlashAttention without a compiler", h100(), ("flash-attn",), "vendor: flash-attention README", PYPI, "2.15.0", has=("--no-build-isolation",), first=("build-essential",)),
    Row("FlashAttention on a T4", linux(card("T4")), ("flash-attn",), "vendor: flash-attention README, Ampere or newer", left_out=("flash-attn",), remarks=("8.0",)),
    Row("xFormers beside current torch", h100(), ("xformers",), "wheels: built for torch 2.10, links libcudart.so.12", left_out=("xformers",), remarks=("2.10",)),
    Row("bitsandbytes on macOS 13", mac("13.7"), ("bitsandbytes",), "pypi: macosx_14_0; else 0.42.0", left_out=("bitsandbytes",), remarks=("macOS 14",)),
    Row("MLX on glibc 2.31", linux(libc="glibc 2.31"), ("mlx",), "pypi: manylinux_2_35", left_out=("mlx",), remarks=("2.35",)),
    Row("MLX LM on a Mac", mac(), ("mlx-lm",), "pypi: macosx_14_0_arm64", has=("mlx-lm>=",), lacks=("mlx[cpu]",)),
    Row("Triton on Windows", windows(), ("triton",), "pypi: Linux wheels only", left_out=("triton",)),
    Row("DeepSpeed on Windows", windows(card("RTX 4090")), ("deepspeed",), "pypi: no Windows wheel since 0.16", left_out=("deepspeed",)),
    Row("JAX on an H100", h100(), ("jax",), "vendor: jax documentation, installation", has=("jax[cuda13]>=",)),
    Row("JAX on driver 535", h100(driver="535.183.01"), ("jax",), "vendor: jax documentation, 525 for cuda12", has=("jax[cuda12]>=",)),
    Row("JAX on a V100", linux(card("V100")), ("jax",), "vendor: jax documentation, 7.5 for cuda13", has=("jax[cuda12]>=",)),
    Row("JAX on a Mac", mac(), ("jax",), "runs: the extras lead to JAX 0.4 there", has=("jax>=",), lacks=("cuda",)),
    Row("llama.cpp without a GPU", linux(present=("cc",)), ("llama-cpp",), "vendor: README of llama-cpp-python", has=("llama-cpp-python[server]>=",), lacks=("CMAKE_ARGS",)),
    Row("llama.cpp with nvcc", h100(present=("cc", "nvcc")), ("llama-cpp",), "vendor: README of llama-cpp-python", has=("CMAKE_ARGS=-DGGML_CUDA=on",)),
    Row("llama.cpp on an H100 without nvcc", h100(), ("llama-cpp",), "vendor: README of llama-cpp-python, wheels for Python 3.10 to 3.12", has=("whl/cu130",)),
    Row("llama.cpp on a Mac", mac(), ("llama-cpp",), "vendor: README of llama-cpp-python", has=("GGML_METAL=on",)),
    Row("a tier without a GPU", linux(present=("cc",)), ("inference-7b",), "vLLM and TGI need NVIDIA GPUs; llama.cpp does not", "cpu", "2.15.0", has=("llama-cpp-python",), lacks=("vllm", "docker"), remarks=("llama.cpp: ", "not vLLM")),
    Row("a tier on an H100", h100(), ("inference-7b",), "vLLM fits, TGI is in maintenance", has=("vllm>=",), lacks=("docker",), remarks=("vLLM: ",)),
    Row("driver gone from an H100", linux(Gpu(vendor="nvidia", usable=False, fault="driver-missing"), driver=Driver(fault="driver-missing")), ("torch",), "vendor: Ubuntu, NVIDIA drivers", PYPI, "2.15.0", first=("ubuntu-drivers",)),
    Row("module of before still loaded", linux(Gpu(vendor="nvidia", usable=False, fault="driver-mismatch"), driver=Driver(fault="driver-mismatch")), ("torch",), "vendor: NVIDIA, NVML error 18", PYPI, "2.15.0", first=("reboot",)),
    Row("driver gone in WSL", linux(Gpu(vendor="nvidia", usable=False, fault="driver-missing"), driver=Driver(fault="driver-missing"), wsl=2), ("torch",), "vendor: NVIDIA, CUDA on WSL: never a Linux driver inside", PYPI, "2.15.0", first=("Windows",), lacks=("apt-get", "ubuntu-drivers")),
    Row("driver gone in a container", linux(Gpu(vendor="nvidia", usable=False, fault="driver-missing"), driver=Driver(fault="driver-missing"), container="docker"), ("torch",), "vendor: NVIDIA container toolkit: the host's driver", PYPI, "2.15.0", first=("host",), lacks=("ubuntu-drivers",)),
]  # fmt: skip


def made(row: Row) -> Plan:
    if row.wanted[0] not in profiles.ids():
        return plan_installation("x", row.wanted, row.where, KNOWLEDGE, row.options or PlanOptions())
    profile = profiles.load(row.wanted[0])
    wanted = missing_libraries(evaluate(profile, row.where).findings, row.where, KNOWLEDGE, profile)
    return plan_installation("x", wanted.libraries, row.where, KNOWLEDGE, row.options or PlanOptions(), wanted)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_the_plan_is_the_right_one(row: Row) -> None:
    from llmcheck.render import Options, text

    plan = made(row)
    why = f"{row.name} (source: {row.source})"
    steps = [step for environment in plan.environments for step in environment.steps]
    commands = "\n".join(step.command for step in steps if step.kind != "verify")
    shown = " ".join(text.render(plan, Options(width=160)).split()) + " ".join(plan.torch.reasons if plan.torch else ())
    system = "\n".join(step.command for step in plan.system)
    first = "\n".join([system, *plan.first])
    if row.index is not None:
        assert plan.torch is not None, why
        expected = None if row.index == PYPI else row.index if row.index.startswith("https") else WHL + row.index
        assert plan.torch.index_url == expected, why
        (requirement,) = [text for step in steps for text in step.requirements if Requirement(text).name == "torch"]
        specifier = Requirement(requirement).specifier
        assert row.takes is None or specifier.contains(row.takes), why
        assert [version for version in row.refuses if specifier.contains(version)] == [], why
    for part in row.has:
        assert part in commands, f"{why}: {part} in {commands}"
    for part in row.lacks:
        assert part not in commands + system, f"{why}: {part} in {commands}"
    if row.environments is not None:
        assert tuple(each.name for each in plan.environments) == row.environments, why
    assert {each.library for each in plan.left_out} == set(row.left_out), why
    for part in row.remarks:
        assert any(choice in shown for choice in part.split("|")), f"{why}: {part} in {shown}"
    for part in row.first:
        assert part in first, f"{why}: {part} in {first}"


def test_the_table_is_large_and_every_row_has_its_source() -> None:
    assert len(ROWS) >= 60
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.source for row in ROWS)
