"""What is published of PyTorch and of packages that also come in several builds, and the drivers that CUDA needs."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class TorchWheel(Struct, frozen=True, kw_only=True):
    """One build of one release series of torch, for the systems and the processor that it is published for."""

    torch: str
    """The series, major.minor."""
    release: str
    """Its newest release, as far as this table knows: major.minor.patch."""
    tag: str
    """``cu132``, ``cpu``, ``rocm7.2``, ``xpu``, ``mps``, ``jetson``."""
    systems: tuple[str, ...]
    """``linux``, ``windows``, ``darwin``."""
    architecture: str
    """``x86_64``, ``aarch64``, ``arm64``."""
    requirement: str
    """What to install (PEP 508): the releases of its index that hold the same code."""
    on_pypi: tuple[str, ...] = ()
    """The systems on which PyPI's own wheel is this build."""
    gpu_archs: tuple[str, ...] = ()
    """Compute capabilities (``7.5``) or gfx names that it holds kernels for; empty for builds without such code."""
    python_min: str = "3.10"
    python_below: str | None = None
    """The oldest Python that has no wheel; None where that is not known."""
    macos_min: int | None = None
    glibc_min: str | None = None
    index_url: str | None = None
    """The package index that it comes from; None: PyTorch's own index for this tag."""
    torchaudio_torch: str | None = None
    """The newest release of torch that torchaudio imports beside; None where it imports beside this build."""
    torchaudio_tag: str | None = None
    """The build of ``torchaudio_torch``, where torchaudio refuses the CUDA of this one; None: this tag."""
    advised: bool = True
    """Not where a newer or better known build serves the same machines; such rows judge what is installed."""
    verified: bool = True
    """False where the index's name or content rests on announcements alone: never advised."""
    source: str
    as_of: datetime.date


class TorchCompanions(Struct, frozen=True, kw_only=True):
    """The releases of torchvision and torchaudio that go with a torch: of this series, and of newer ones that have no
    row of their own."""

    torch: str
    """The series, major.minor."""
    torchvision: str
    """The series, major.minor."""
    torchaudio: str
    """The series, major.minor."""
    source: str
    as_of: datetime.date


class CudaDriver(Struct, frozen=True, kw_only=True):
    """The oldest NVIDIA driver for a CUDA release, by minor-version compatibility."""

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
    """The Python that its system packages bring, major.minor."""
    source: str
    as_of: datetime.date


class PackageBuild(Struct, frozen=True, kw_only=True):
    """One published build of a package that comes in several, by an index of its own or an extra of its name."""

    package: str
    """Catalogue id of the library."""
    build: str
    """``cu130``, ``vulkan``, ``cpu``; without ``index_url`` the name of an extra."""
    systems: tuple[str, ...] = ()
    """``linux``, ``windows``, ``darwin``; empty: any."""
    architectures: tuple[str, ...] = ()
    """``x86_64``, ``aarch64``; empty: any."""
    driver: str | None = None
    """The oldest NVIDIA driver; None where it needs none."""
    compute_capability: str | None = None
    """The lowest that it holds code for; None where it needs no NVIDIA GPU."""
    compute_capability_below: str | None = None
    """The lowest that it does not run on any more; None: no upper limit is known."""
    glibc_min: str | None = None
    index_url: str | None = None
    """The package index that holds it beside PyPI; None: it is an extra of the package on PyPI."""
    source: str
    as_of: datetime.date
