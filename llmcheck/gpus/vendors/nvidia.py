"""NVIDIA: CUDA. A card's architecture is its compute capability.

PyTorch's wheels contain no PTX that the driver could compile, so a card runs only kernels of its own major compute
capability whose minor one is not newer (CUDA C++ Programming Guide, binary compatibility). The embedded chips of
compute capability 5.3, 6.2 and 7.2 run only kernels compiled for exactly theirs, and so does 8.7 before CUDA 13.2
(PyTorch, torch/cuda/__init__.py of 2.15).
"""

from __future__ import annotations

from llmcheck.gpus import cuda
from llmcheck.gpus.unified_memory import GB10, N1X, SharedRam
from llmcheck.gpus.vendors import DriverSupport, TorchSupport, Vendor
from llmcheck.schema.machine import Gpu, capability_of
from llmcheck.tables.torch_wheel import TorchWheel
from llmcheck.units import MIB

# The chips of the Jetson modules up to Orin.
_EMBEDDED = ((5, 3), (6, 2), (7, 2), (8, 7))
_ORIN, _CUDA_WITH_ORIN = (8, 7), (13, 2)


def _has_kernels(wheel: TorchWheel, gpu: Gpu) -> bool:
    capability = capability_of(gpu)
    if capability is None:
        return True
    compiled = [tuple(map(int, code.split("."))) for code in wheel.gpu_archs if "." in code]
    release = cuda.cuda_of(wheel.tag)
    like_servers = capability == _ORIN and release is not None and release >= _CUDA_WITH_ORIN
    if capability in _EMBEDDED and not like_servers:
        return capability in compiled
    return any(major == capability[0] and minor <= capability[1] for major, minor in compiled)


def _reserved(size: int) -> int:
    """What CUDA's total is less than NVML's: 245 MiB of a 12 GiB card, 484 of an RTX 4090, 615 of an A100 with 40 GiB,
    479 of an H100, 600 of an H200 (torch's "total capacity" in published logs beside ``nvidia-smi``)."""
    return min(size // 50, 600 * MIB)


VENDOR = Vendor(
    id="nvidia",
    name="NVIDIA",
    advised=True,
    name_words=("NVIDIA", "GeForce", "Tesla"),
    ignored_words=("nvidia",),
    platform="cuda",
    reserved_by_driver=_reserved,
    platform_name="CUDA",
    torch=TorchSupport(tag="cu", rank=1, has_kernels=_has_kernels),
    llama_cpp="cuda",
    collectives="NCCL",
    architecture_field="compute_capability",
    embedded=_EMBEDDED,
    least_capability=(5, 0),
    hidden_by=("CUDA_VISIBLE_DEVICES",),
    driver_order={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    partition="MIG instance",
    partition_label="MIG",
    driver=DriverSupport(
        purpose="driver",
        load_module=("modprobe", "nvidia"),
        create_device_nodes=("nvidia-modprobe", "-c", "0", "-u"),
        download_page="https://www.nvidia.com/en-us/drivers/",
    ),
    processors={"Orin (nvgpu)": SharedRam(), "NVIDIA Thor": SharedRam(), "NVIDIA GB10": GB10, "NVIDIA N1X": N1X},
)
