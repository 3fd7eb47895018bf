"""Installed software in the inventory of a machine. None is a fact that could not be read."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
import re
from collections.abc import Mapping

from msgspec import Struct


class Python(Struct, frozen=True, kw_only=True):
    """The project's Python interpreter."""

    executable: str
    """Path of the interpreter."""
    version: str | None = None
    """``3.12.4``; None where it could not be read."""
    implementation: str | None = None
    """``cpython``, ``pypy``, ...; None where it could not be read."""
    prefix: str | None = None
    """Folder of its environment; None where it could not be read."""
    environment: str | None = None
    """``venv``, ``conda`` or ``system``."""
    externally_managed: bool | None = None
    """The distribution forbids pip here (PEP 668)."""
    writable: bool | None = None
    """This user may install into its folder of packages; None where that is not known."""
    reason: str = ""
    """Why this interpreter is regarded as the project's."""
    free_threaded: bool | None = None
    """A build without the global interpreter lock (``python3.14t``), which needs wheels of its own; None: not known."""
    headers: bool | None = None
    """Its ``Python.h``, which what compiles at run time needs (Triton), is there; None where it was not looked for."""
    hosts_llmcheck: bool = False
    """llmcheck is installed in this environment, and nothing says that it is the project's: no plan fills it."""


class Package(Struct, frozen=True, kw_only=True):
    """An installed distribution."""

    name: str
    """Normalised as PyPI does (lower case, hyphens)."""
    version: str
    """As its metadata states it."""


class PackageRequires(Struct, frozen=True, kw_only=True):
    """What an installed distribution says that it needs, as far as its metadata was read."""

    name: str
    """Normalised name of the distribution that needs something."""
    requires: tuple[str, ...] = ()
    """Its ``Requires-Dist`` lines (PEP 508), with markers, of the packages that decide whether a model runs."""


class CompiledFor(Struct, frozen=True, kw_only=True):
    """What the compiled files of an installed distribution were built for, as far as files say it."""

    name: str
    """Normalised name of the distribution."""
    torch: str | None = None
    """The torch that they were compiled against, as the distribution writes it (``2.8``); None where nothing says."""
    builds: tuple[str, ...] | None = None
    """``cpu``, ``cu132``, ``rocm7.2`` as PyTorch names its builds; for llama.cpp its backends (``cuda``, ``vulkan``).
    () where they use no GPU at all; None where nothing says."""
    source: str
    """The file that says it, or the folder that was looked at."""


class Torch(Struct, frozen=True, kw_only=True):
    """The installed PyTorch."""

    version: str | None = None
    """None where it could not be read."""
    build: str | None = None
    """``cpu``, ``cu132``, ``rocm7.2``, ...; None if its version file does not say."""


class Tool(Struct, frozen=True, kw_only=True):
    """A program that was searched for on PATH."""

    name: str
    """Name of the program."""
    path: str | None = None
    """None: looked for on PATH and not there."""
    version: str | None = None
    """None where it is missing or does not report one."""


class CudaToolkit(Struct, frozen=True, kw_only=True):
    """A CUDA toolkit on disk."""

    path: str
    """Its folder."""
    version: str | None = None
    """None where it could not be read."""


class InstallerSetting(Struct, frozen=True, kw_only=True):
    """A setting of pip or uv that a person, an administrator or an image made."""

    tool: str
    """``pip`` or ``uv``."""
    option: str
    """As on its command line, without ``--``: ``no-index``, ``index-url``, ``user``, ``target``."""
    value: str
    """As it was set; addresses without user name, password and query."""
    where: str
    """The variable or the file that sets it."""


class DistributionIssue(Struct, frozen=True, kw_only=True):
    """What is wrong with an installed distribution."""

    name: str
    """Name of the distribution."""
    kind: str
    """``no-metadata``; ``no-record``: pip cannot remove it; ``half-removed``: what an interrupted pip left behind;
    ``files-missing``: it is listed, and its files are gone; ``duplicate``: installed twice on the path; ``mixed``: two
    versions of it in one folder; ``overwritten``: another distribution has put its own file in that place;
    ``editable``: imported from a source folder; ``editable-gone``: and that folder is missing; ``other-python``: it
    lies in a folder of another Python version; ``shadowed-by-pythonpath``, ``shadowed-by-user-site``: an installation
    of it in PYTHONPATH or in the user's own site-packages is imported instead; ``module-in-pythonpath``,
    ``module-in-user-site``, ``module-in-directory``: a module without metadata is, there or in the working directory.
    """
    where: str
    """Folder or file with the fault."""
    paths: tuple[str, ...] = ()
    """Where two things are in each other's way: what is imported, and what it hides."""


class Software(Struct, frozen=True, kw_only=True, dict=True):
    """What is installed on the machine and in the Python environment of the project."""

    python: Python | None = None
    """None where there is none, or it is not known."""
    packages: tuple[Package, ...] | None = None
    """Installed distributions; None where they could not be listed."""
    requires: tuple[PackageRequires, ...] | None = None
    """What the installed packages that matter here need; None where their metadata was not read."""
    compiled: tuple[CompiledFor, ...] | None = None
    """What compiled packages that matter here were built for; None where it was not looked for."""
    torch: Torch | None = None
    """The torch of that Python; None where none is installed (or packages is None)."""
    tools: tuple[Tool, ...] | None = None
    """None where they were not searched for."""
    cuda_toolkits: tuple[CudaToolkit, ...] = ()
    """CUDA toolkits on disk."""
    cuda_home: str | None = None
    """What CUDA_HOME or CUDA_PATH names."""
    cuda_home_real: str | None = None
    """The same with its links followed, as ``cuda_toolkits`` has it; None where neither variable is set."""
    torch_backend: str | None = None
    """What UV_TORCH_BACKEND names; None where it is not set."""
    cudnn: str | None = None
    """Version on disk; None where none was found."""
    nccl: str | None = None
    """Version on disk; None where none was found."""
    issues: tuple[DistributionIssue, ...] = ()
    """Faults of installed distributions."""
    importable: tuple[str, ...] | None = None
    """Of the requested modules, those that an import would find as files; None: none was requested."""
    installer_settings: tuple[InstallerSetting, ...] | None = None
    """How pip and uv are set up, as far as a plan could fail by it; None where that was not read."""
    conda_and_pip: bool | None = None
    """Distributions of both installers lie in one conda environment."""

    @functools.cached_property
    def versions(self) -> Mapping[str, str]:
        """The version of each installed distribution by its normalised name; of two with one name, the first."""
        return {package.name: package.version for package in reversed(self.packages or ())}


def normalized_name(distribution: str) -> str:
    """A distribution's name as indexes compare it (PEP 503).

    The same as ``packaging.utils.canonicalize_name``, which takes 18 ms to import: every inspection calls this one.
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare two of one scheme: of drivers, CUDA, C libraries, plain releases."""
    return tuple(int(part) for part in re.findall(r"[0-9]{1,18}", version))
