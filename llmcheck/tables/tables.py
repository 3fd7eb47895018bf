"""All tables that an installation plan uses, as one value."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from llmcheck.tables.library import Alias, Library, Resolutions
from llmcheck.tables.system_step import SystemInstallStep
from llmcheck.tables.torch_wheel import CudaDriver, CudaImage, NvccRelease, PackageBuild, TorchCompanions, TorchWheel


class Tables(Struct, frozen=True, kw_only=True):
    libraries: Mapping[str, Library]
    wheels: tuple[TorchWheel, ...]
    """Newest torch first."""
    drivers: tuple[CudaDriver, ...]
    companions: tuple[TorchCompanions, ...] = ()
    """Newest torch first."""
    cuda_images: tuple[CudaImage, ...] = ()
    """Newest CUDA first."""
    nvcc_releases: tuple[NvccRelease, ...] = ()
    """Oldest CUDA first."""
    package_builds: tuple[PackageBuild, ...] = ()
    """Of each package the preferred build first."""
    system_steps: tuple[SystemInstallStep, ...] = ()
    aliases: tuple[Alias, ...] = ()
    resolutions: Resolutions | None = None
    """None: neither the sizes of packages nor their dependencies are known."""
