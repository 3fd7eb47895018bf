"""What a resolver put together is not called broken, except where compiled files are known to disagree."""

from __future__ import annotations

import pytest

from llmcheck import catalog
from llmcheck.packages.problems import PairTables, with_problems
from llmcheck.schema.machine import Machine, Os, Package, Problem, Python, Software, Torch

TABLES = PairTables(catalog.package_pairs(), catalog.torch_companions(), catalog.torch_wheels)


def problems(packages: dict[str, str], build: str | None = "cu130") -> list[Problem]:
    torch = packages.get("torch")
    software = Software(
        python=Python(executable="/env/bin/python", version="3.11.7", implementation="cpython"),
        packages=tuple(Package(name=name, version=version) for name, version in sorted(packages.items())),
        torch=Torch(version=torch, build=build) if torch else None,
        requires=(),
    )
    machine = Machine(software=software, os=Os(system="linux", architecture="x86_64"))
    return [each for each in with_problems(machine, lambda: TABLES, dict).problems if each.breaks_package]


@pytest.mark.parametrize("library", sorted(catalog.resolutions().libraries))
def test_what_the_advised_command_resolved_to_works_together(library: str) -> None:
    closure = catalog.resolutions().libraries[library].packages
    found = [each for each in problems(closure) if each.package != "xformers"]
    assert found == []


# Resolver outcomes of 2026-11-22 (uv 0.13.9): sets that live together.
GOOD = (
    "vllm==0.32.0 torch==2.13.0 transformers==5.19.0 numpy==2.3.5 flash-attn==2.8.3.post2 torchvision==0.28.0",
    "vllm==0.32.0 torch==2.13.0 transformers==5.17.0 trl==1.15.0 unsloth==2026.10.7 torchaudio==2.11.0",
    "vllm==0.30.0 torch==2.13.0 transformers==5.23.0 torchvision==0.28.0 torchaudio==2.11.0",
    "vllm==0.13.0 torch==2.9.0 transformers==4.57.6 numpy==1.26.4 protobuf==4.25.9 fairness-indicators==0.47.0",
    "sglang==0.5.23 torch==2.14.1 torchvision==0.29.2 torchaudio==2.11.0 transformers==5.19.0",
    "sglang==0.5.20 torch==2.13.0 transformers==5.12.1 trl==1.15.0 unsloth==2026.10.7 bitsandbytes==0.50.2",
    "gptqmodel==7.6.0 vllm==0.32.0 torch==2.13.0 transformers==5.19.0 numpy==2.2.6",
    "torch==2.15.0 transformers==5.23.0 trl==1.16.0 datasets==5.2.0 bitsandbytes==0.50.2 deepspeed==0.19.8",
    "crfm-helm==0.5.16 vllm==0.32.0 torch==2.13.0 transformers==5.19.0 datasets==3.6.0",
    "tensorrt-llm==1.2.1 torch==2.9.1 transformers==4.57.3 numpy==1.26.4 datasets==3.1.0",
    "unsloth==2026.3.11 torch==2.15.0 transformers==5.3.0 trl==0.24.0 bitsandbytes==0.50.2",
    "torch==2.2.2 numpy==1.26.4 torchvision==0.17.2 torchaudio==2.2.2",
    "torch==1.13.1 torchvision==0.14.1 torchaudio==0.13.1 numpy==1.24.4",
)


@pytest.mark.parametrize("written", GOOD)
def test_a_set_that_resolved_is_sound(written: str) -> None:
    assert problems(dict(each.split("==") for each in written.split())) == []


# The same resolver's refusals, and pairs that resolve and do not load.
BAD = (
    ("vllm==0.32.0 torch==2.15.0", "vllm"),
    ("vllm==0.33.0 torch==2.13.0", "vllm"),
    ("vllm==0.24.0 torch==2.9.1", "vllm"),
    ("vllm==0.11.0 torch==2.9.0", "vllm"),
    ("vllm==0.32.0 sglang==0.5.23 compressed-tensors==0.17.0 torch==2.13.0", "sglang"),
    ("vllm==0.32.0 llmcompressor==0.14.0.1 compressed-tensors==0.19.0 torch==2.13.0", "vllm"),
    ("sglang==0.5.23 torch==2.14.1 transformers==5.23.0", "sglang"),
    ("unsloth==2026.10.7 torch==2.15.0", "unsloth"),
    ("unsloth==2026.10.7 torch==2.14.1 trl==1.16.0", "unsloth"),
    ("crfm-helm==0.5.16 datasets==5.2.0 torch==2.15.0", "crfm-helm"),
    ("trl==1.16.0 datasets==3.6.0", "trl"),
    ("fairness-indicators==0.47.0 numpy==2.4.6", "fairness-indicators"),
    ("tensorrt-llm==1.2.1 torch==2.15.0", "tensorrt-llm"),
    ("torch==2.15.0 torchaudio==2.11.0", "torchaudio"),
    ("torch==2.15.0 xformers==0.0.35", "xformers"),
    ("torch==2.8.0 torchvision==0.29.2", "torchvision"),
    ("torch==2.2.2 numpy==2.4.6", "torch"),
    ("transformers==5.23.0 torch==2.4.1", "transformers"),
    ("transformers==4.57.6 huggingface-hub==2.4.0", "transformers"),
    ("transformers==5.23.0 tokenizers==0.22.0", "transformers"),
    ("nvidia-nccl-cu12==2.27.5 nvidia-nccl-cu13==2.30.7 torch==2.15.0", "torch"),
)


@pytest.mark.parametrize(("written", "broken"), BAD)
def test_a_set_that_excludes_itself_is_broken(written: str, broken: str) -> None:
    found = problems(dict(each.split("==") for each in written.split()))
    assert broken in [each.package for each in found]
    assert all(each.remedy for each in found)


@pytest.mark.parametrize("version", ["0.33.1.dev4+g1a2b3c4", "0.33.0+g1a2b3c4"])
def test_a_library_built_from_sources_is_not_held_against_the_table(version: str) -> None:
    assert problems({"vllm": version, "torch": "2.15.0"}) == []


def test_a_torch_between_two_releases_is_not_held_against_the_table() -> None:
    assert problems({"vllm": "0.33.0", "torch": "2.15.0a0+nv26.10"}) == []


def test_a_torch_newer_than_the_table_takes_a_newer_companion() -> None:
    assert problems({"torch": "2.16.0", "torchvision": "0.31.0"}) == []
