"""Installed software in the inventory of a machine. None is a fact that could not be read."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re

from msgspec import Struct


class Python(Struct, frozen=True, kw_only=True):
    executable: str
    version: str | None = None
    implementation: str | None = None
    prefix: str | None = None
    environment: str | None = None
    """``venv``, ``conda`` or ``system``."""
    externally_managed: bool | None = None
    """The distribution forbids pip here (PEP 668)."""
    reason: str = ""
    """Why this interpreter is regarded as the project's."""
    hosts_llmcheck: bool = False
    """llmcheck is installed in this environment, and nothing says that it is the project's: no plan fills it."""


class Package(Struct, frozen=True, kw_only=True):
    name: str
    """Normalised as PyPI does (lower case, hyphens)."""
    version: str


class Torch(Struct, frozen=True, kw_only=True):
    version: str | None = None
    build: str | None = None
    """``cpu``, ``cu132``, ``rocm7.2``, ...; None if its version file does not say."""


class Tool(Struct, frozen=True, kw_only=True):
    name: str
    path: str | None = None
    """None: looked for on PATH and not there."""
    version: str | None = None


class CudaToolkit(Struct, frozen=True, kw_only=True):
    path: str
    version: str | None = None


class DistributionIssue(Struct, frozen=True, kw_only=True):
    """What is wrong with an installed distribution."""

    name: str
    kind: str
    """``no-metadata``, ``no-record``, ``half-removed``, ``duplicate``, ``editable``."""
    where: str


class Software(Struct, frozen=True, kw_only=True):
    python: Python | None = None
    packages: tuple[Package, ...] | None = None
    torch: Torch | None = None
    """The torch of that Python; None where none is installed (or packages is None)."""
    tools: tuple[Tool, ...] | None = None
    cuda_toolkits: tuple[CudaToolkit, ...] = ()
    """CUDA toolkits on disk."""
    cuda_home: str | None = None
    """What CUDA_HOME or CUDA_PATH names."""
    torch_backend: str | None = None
    """What UV_TORCH_BACKEND names; None where it is not set."""
    cudnn: str | None = None
    nccl: str | None = None
    issues: tuple[DistributionIssue, ...] = ()
    importable: tuple[str, ...] | None = None
    """Of the requested modules, those that an import would find as files; None: none was requested."""
    conda_and_pip: bool | None = None
    """Distributions of both installers lie in one conda environment."""


def normalized_name(distribution: str) -> str:
    """A distribution's name as indexes compare it (PEP 503).

    The same as ``packaging.utils.canonicalize_name``, which takes 18 ms to import: every inspection calls this one.
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare two of one scheme: of drivers, CUDA, C libraries, plain releases."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
