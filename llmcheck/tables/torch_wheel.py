"""Published builds of PyTorch and of other packages with several builds, and the drivers that CUDA needs."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class TorchWheel(Struct, frozen=True, kw_only=True):
    """One build of one release series of torch, for one processor architecture."""

    torch: str
    """The series, major.minor."""
    release: str
    """Its newest release on ``as_of``: major.minor.patch."""
    tag: str
    """``cu132``, ``cpu``, ``rocm7.2``, ``xpu``, ``mps``, ``jetson``."""
    systems: tuple[str, ...]
    """``linux``, ``windows``, ``darwin``."""
    architecture: str
    """``x86_64``, ``aarch64``, ``arm64``."""
    requirement: str
    """What to install (PEP 508): the releases on its index with the same kernels."""
    on_pypi: tuple[str, ...] = ()
    """The systems on which PyPI's own wheel is this build."""
    gpu_archs: tuple[str, ...] = ()
    """Compute capabilities (``7.5``) or gfx targets that it has kernels for; empty for a build without kernels."""
    python_min: str = "3.10"
    python_below: str | None = None
    """The oldest Python that is too new for it; None if unknown."""
    macos_min: int | None = None
    glibc_min: str | None = None
    index_url: str | None = None
    """The package index that has it; None: PyTorch's own index for this tag."""
    torchaudio_torch: str | None = None
    """The newest release of torch that torchaudio imports with; None if it imports with this build."""
    torchaudio_tag: str | None = None
    """The build of ``torchaudio_torch`` if torchaudio does not support the CUDA of this one; None: this tag."""
    advised: bool = True
    """False if another build is better for the same machines; such rows only judge an installed torch."""
    verified: bool = True
    """False if the index or its content is known from announcements only; such a build is never advised."""
    source: str
    as_of: datetime.date


class TorchCompanions(Struct, frozen=True, kw_only=True):
    """The releases of torchvision and torchaudio for a release series of torch, and for newer series without a row."""

    torch: str
    """The series, major.minor."""
    torchvision: str
    """The series, major.minor."""
    torchaudio: str
    """The series, major.minor."""
    source: str
    as_of: datetime.date


class CudaDriver(Struct, frozen=True, kw_only=True):
    """The oldest NVIDIA driver for a CUDA release (minor-version compatibility)."""

    cuda: str
    """``12.6``."""
    linux: str
    windows: str
    source: str
    as_of: datetime.date


class CudaImage(Struct, frozen=True, kw_only=True):
    """A container image with the compiler of one CUDA major release."""

    cuda: str
    """The major release: ``13``."""
    image: str
    python: str
    """The Python of its system packages, major.minor."""
    source: str
    as_of: datetime.date


class NvccRelease(Struct, frozen=True, kw_only=True):
    """What CUDA's compiler of one release, and of those after it up to the next row, compiles for and with."""

    cuda: str
    """``12.4``."""
    compute_capability_min: str
    """The lowest that it compiles for."""
    majors: tuple[str, ...]
    """The major compute capabilities that it has code for; code of a major one runs on its later minor ones."""
    gcc_max: int | None = None
    """The newest major release of GCC that it accepts; None: not known."""
    source: str
    as_of: datetime.date


class PackageBuild(Struct, frozen=True, kw_only=True):
    """One of several published builds of a package, chosen by its index or by an extra."""

    package: str
    """Catalogue id of the library."""
    build: str
    """``cu130``, ``vulkan``, ``cpu``; the name of an extra if ``index_url`` is None."""
    systems: tuple[str, ...] = ()
    """``linux``, ``windows``, ``darwin``; empty: any."""
    architectures: tuple[str, ...] = ()
    """``x86_64``, ``aarch64``; empty: any."""
    driver: str | None = None
    """The oldest NVIDIA driver; None if it needs no driver."""
    compute_capability: str | None = None
    """The lowest that it has kernels for; None if it needs no NVIDIA GPU."""
    compute_capability_below: str | None = None
    """The lowest that is too new for it; None: no upper limit is known."""
    glibc_min: str | None = None
    index_url: str | None = None
    """The package index that has it; None: it is an extra of the package on PyPI."""
    source: str
    as_of: datetime.date
