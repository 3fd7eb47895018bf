"""What is published of PyTorch: its builds, and the drivers that CUDA asks for."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class TorchWheel(Struct, frozen=True, kw_only=True):
    """One build of one release series of torch, for the systems and the processor that it is published for."""

    torch: str
    """The series: ``2.15``."""
    release: str
    """Its newest release, as far as this table knows: ``2.14.1``."""
    tag: str
    """``cu132``, ``cpu``, ``rocm7.2``, ``xpu``, ``mps``, ``jetson``."""
    systems: tuple[str, ...]
    """``linux``, ``windows``, ``darwin``."""
    architecture: str
    """``x86_64``, ``aarch64``, ``arm64``."""
    requirement: str
    """What asks for it (PEP 508): the releases of its index that hold the same code."""
    on_pypi: tuple[str, ...] = ()
    """The systems on which PyPI's own wheel is this build."""
    code: tuple[str, ...] = ()
    """Compute capabilities (``7.5``) or gfx names that it holds kernels for; empty for builds without such code."""
    python_min: str = "3.10"
    python_below: str | None = None
    """The oldest Python that has no wheel; None where that is not known."""
    macos_min: int | None = None
    glibc_min: str | None = None
    advised: bool = True
    """Not where a newer or better known build serves the same machines; such rows judge what is installed."""
    verified: bool = True
    """False where the index's name or content rests on announcements alone: never advised."""
    source: str
    as_of: datetime.date


class CudaDriver(Struct, frozen=True, kw_only=True):
    """The least NVIDIA driver for a CUDA release, by minor-version compatibility."""

    cuda: str
    """``12.6``."""
    linux: str
    windows: str
    source: str
    as_of: datetime.date
