"""The distributions whose metadata is read: the libraries of the catalogue, and what decides whether they work."""

from __future__ import annotations

import functools

from llmcheck.schema.software import normalized_name

_SAME_NAME = (
    *("accelerate", "aif360", "auto-gptq", "bitsandbytes", "causal-conv1d", "compressed-tensors", "ctranslate2"),
    *("datasets", "deepspeed", "diffusers", "einops", "exllamav2", "exllamav3", "fairness-indicators", "flash-attn"),
    *("gptqmodel", "huggingface-hub", "jax", "jaxlib", "langchain", "langchain-core", "langgraph", "litgpt"),
    *("llmcompressor", "lmdeploy", "lm-eval", "mamba-ssm", "mlflow", "mlx-lm", "numba", "numpy", "optimum", "outlines"),
    *("onnxruntime", "pandas", "peft", "pydantic", "ray", "safetensors", "scipy", "sentence-transformers"),
    *("sentencepiece", "sgl-kernel", "sglang", "tensorboard", "tensorflow", "tensorrt-llm", "tiktoken", "tokenizers"),
    *("torch", "torchao", "torchaudio", "torchtitan", "torchtune", "torchvision", "transformer-engine"),
    *("transformers", "triton", "trl", "unsloth", "unsloth-zoo", "vllm", "wandb", "xformers", "xgrammar"),
)
IMPORT_NAMES = {
    **{name: name.replace("-", "_") for name in _SAME_NAME},
    "autoawq": "awq",
    "crfm-helm": "helm",
    "flash-attn-4": "flash_attn.cute",
    "flashinfer-python": "flashinfer",
    "google-api-python-client": "googleapiclient",
    "llama-cpp-python": "llama_cpp",
    "llama-index-core": "llama_index.core",
    "megatron-core": "megatron.core",
    "mlx": "mlx.core",
    "nvidia-ml-py": "pynvml",
    "onnxruntime-gpu": "onnxruntime",
    "protobuf": "google.protobuf",
}
"""The module of each distribution by its normalised name; its files are looked for without importing it."""

_ALONGSIDE = (
    "cuda-toolkit",
    "jax-cuda12-plugin",
    "jax-cuda13-plugin",
    "pytorch-triton",
    "pytorch-triton-rocm",
    "triton-rocm",
    "onnxruntime-rocm",
    "onnxruntime-directml",
)

SHARED_FILES = (
    ("nvidia/nccl/lib/libnccl.so.2", ("nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13")),
    ("nvidia/cudnn/lib/libcudnn.so.9", ("nvidia-cudnn-cu11", "nvidia-cudnn-cu12", "nvidia-cudnn-cu13")),
    ("nvidia/nvshmem/lib/libnvshmem_host.so.3", ("nvidia-nvshmem-cu12", "nvidia-nvshmem-cu13")),
    ("onnxruntime/__init__.py", ("onnxruntime", "onnxruntime-gpu", "onnxruntime-rocm", "onnxruntime-directml")),
    ("triton/__init__.py", ("triton", "pytorch-triton", "pytorch-triton-rocm", "triton-rocm")),
)
"""A file, and the distributions that each bring one in that place; of two, the one installed last is what is there.
Seen on 2026-11-27 in wheels of PyPI: NCCL 2.30.7 and 2.32.3, cuDNN 9.10 and 9.26, NVSHMEM 3.8, ONNX Runtime 1.31 and
1.32. The wheels of cuSPARSELt, cuBLAS and the rest for CUDA 13 have folders of their own."""


def matters(distribution: str) -> bool:
    """Whether a distribution, by its normalised name, decides whether a model runs."""
    return distribution in IMPORT_NAMES or distribution in _ALONGSIDE or distribution.startswith("nvidia-")


@functools.lru_cache(maxsize=4096)
def that_matters(written: str) -> str | None:
    """The normalised name if that distribution matters, else None; the same few hundred names come again and again."""
    name = normalized_name(written)
    return name if matters(name) else None


def name_in(requirement: str) -> str:
    """The normalised name at the start of a requirement (PEP 508)."""
    text = requirement.lstrip()
    end = next((at for at, letter in enumerate(text) if not (letter.isalnum() or letter in "._-")), len(text))
    return normalized_name(text[:end])
