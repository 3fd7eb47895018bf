"""CUDA toolkits and NVIDIA's libraries on disk, from version files, headers and file names; nothing of it is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from llmcheck import codec
from llmcheck.errors import DataError
from llmcheck.schema.machine import CudaToolkit, Package
from llmcheck.system.host import Host

_NAMED = r"cuda(?:-(?P<version>\d[\d.]*))?|v(?P<windows>\d[\d.]*)"
_VERSION_TXT = r"CUDA Version (\d[\d.]*)"
_NAMED_FREELY = r"(?P<word>cuda(?:[-_]?toolkit)?[-_]?v?)?v?(?P<version>\d{1,2}\.\d[\d.]*)"
_CUDA_H = r"(?m)^#define\s+CUDA(?:RT)?_VERSION\s+(\d+)"
_CONDA_NVCC = r"cuda-nvcc(?:_[\w-]+)?-(\d+\.\d[\d.]*)-[^-]+\.json"
_WHEEL_NVCC = r"nvidia_cuda_nvcc(?:_cu\d+)?-(\d+\.\d[\d.]*)\.dist-info"
_SCRIPT = 4096
"""Bytes; a program is larger."""
_MACHINES = ("x86_64-linux-gnu", "aarch64-linux-gnu")
_INCLUDES = ("/usr/include", *(f"/usr/include/{machine}" for machine in _MACHINES), "/usr/local/include")
_LIBRARIES = (*(f"/usr/lib/{machine}" for machine in _MACHINES), "/usr/lib64", "/usr/lib", "/usr/local/lib")


class _Part(Struct, frozen=True):
    version: str | None = None


class _VersionJson(Struct, frozen=True):
    cuda: _Part = _Part()
    cuda_nvcc: _Part = _Part()


class Found(Struct, frozen=True):
    """A version and where it was read."""

    version: str
    source: str


def cuda_home(host: Host) -> tuple[str, str] | None:
    """(variable, folder) that the build of a CUDA extension uses; None where neither variable is set."""
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if host.environ.get(name):
            return name, host.environ[name]
    return None


def toolkits(host: Host, prefix: str | None, conda: Mapping[str, str]) -> tuple[CudaToolkit, ...]:
    """The toolkits on disk, each once under its real path. ``conda``: versions of the conda packages in ``prefix``."""
    found: dict[str, CudaToolkit] = {}
    for place in _places(host):
        real = host.resolve(place)
        if real not in found and (toolkit := _toolkit(host, real)):
            found[real] = toolkit
    if prefix and {"cuda-toolkit", "cudatoolkit", "cuda-nvcc"} & set(conda):
        names = ("cuda-toolkit", "cudatoolkit", "cuda-version", "cuda-nvcc")
        version = next(conda[name] for name in names if name in conda)
        found.setdefault(host.resolve(prefix), CudaToolkit(path=prefix, version=version))
    return tuple(found[path] for path in sorted(found))


def _places(host: Host) -> Iterator[str]:
    home = cuda_home(host)
    if home:
        yield home[1]
    yield from _named_below(host, "/usr/local")
    yield from ("/opt/cuda", "/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit")
    programs = host.environ.get("ProgramFiles")
    if programs:
        yield from _named_below(host, f"{programs}/NVIDIA GPU Computing Toolkit/CUDA")


def _named_below(host: Host, folder: str) -> Iterator[str]:
    for entry in host.list(folder) or ():
        if re.fullmatch(_NAMED, entry):
            yield f"{folder}/{entry}"


def _toolkit(host: Host, path: str) -> CudaToolkit | None:
    """None where the folder has neither a version file nor the compiler, as after an uninstallation."""
    version = _from_version_file(host, path)
    if version is None and not any(host.is_file(f"{path}/bin/{name}") for name in ("nvcc", "nvcc.exe")):
        return None
    return CudaToolkit(
        path=path, version=version or _from_header(host, path) or _from_name(path) or _packaged(host, path)
    )


def _from_version_file(host: Host, path: str) -> str | None:
    match = re.search(_VERSION_TXT, host.read(f"{path}/version.txt") or "")
    return _version_json(host, path).cuda.version or (match[1] if match else None)


def _version_json(host: Host, path: str) -> _VersionJson:
    text = host.read(f"{path}/version.json")
    if text is None:
        return _VersionJson()
    try:
        return codec.decode_json(text.encode(), _VersionJson, path)
    except DataError:
        return _VersionJson()


def _from_header(host: Host, path: str) -> str | None:
    for header in ("cuda.h", "cuda_runtime_api.h"):
        match = re.search(_CUDA_H, host.read(f"{path}/include/{header}") or "")
        if match:
            return f"{int(match[1]) // 1000}.{int(match[1]) % 1000 // 10}"
    return None


def _from_name(path: str) -> str | None:
    """From the name of its folder: ``cuda-12.6``, ``v12.6``, ``cuda_12.6.2``, and ``12.6`` below a folder for CUDA."""
    above, _, name = path.rpartition("/")
    match = re.fullmatch(_NAMED_FREELY, name, re.IGNORECASE)
    return match["version"] if match and (match["word"] or "cuda" in above.lower()) else None


def _packaged(host: Host, path: str) -> str | None:
    """Of the package that nvcc came in: of conda, or the wheel ``nvidia-cuda-nvcc`` (``nvidia/cu13``)."""
    wheels = path.rpartition("/nvidia/")[0]
    for folder, pattern in ((f"{path}/conda-meta", _CONDA_NVCC), (wheels, _WHEEL_NVCC)):
        names = host.list(folder) or () if folder.startswith("/") else ()
        match = next(filter(None, (re.fullmatch(pattern, name) for name in names)), None)
        if match:
            return match[1]
    return None


def nvcc_version(host: Host, path: str) -> str | None:
    """The version of the compiler at ``path``, from what lies in its toolkit; None where nothing there says it."""
    folder = host.resolve(path).rpartition("/bin/")[0]
    if not folder:
        return None
    own = _version_json(host, folder).cuda_nvcc.version
    return own or _from_version_file(host, folder) or _without_version_file(host, folder) or _of_script(host, path)


def _of_script(host: Host, path: str) -> str | None:
    """Of the compiler that a short script calls, as some images put one on PATH."""
    if (host.file_size(path) or _SCRIPT) >= _SCRIPT:
        return None
    called = re.search(r"(/[^\s\"'$]+)/bin/nvcc\b", host.read(path) or "")
    folder = host.resolve(called[1]) if called else None
    if folder is None:
        return None
    own = _version_json(host, folder).cuda_nvcc.version
    return own or _from_version_file(host, folder) or _without_version_file(host, folder)


def _without_version_file(host: Host, path: str) -> str | None:
    # A name costs nothing to read; the header has a megabyte.
    return _from_name(path) or _from_header(host, path) or _packaged(host, path)


def library(
    host: Host,
    name: str,
    packages: Sequence[Package],
    conda: Mapping[str, str],
    toolkits: Sequence[CudaToolkit],
    build: str | None,
) -> Found | None:
    """The version of ``cudnn`` or ``nccl``: from the environment's wheels, else from conda, else from the system.

    ``build`` is torch's (``cu132``): where wheels for two CUDA releases are installed, it selects one.
    """
    wheels = [package for package in packages if package.name.startswith(f"nvidia-{name}-cu")]
    wheels.sort(key=lambda package: not (build or "").startswith(package.name.rpartition("-")[2]))
    if wheels:
        return Found(wheels[0].version, f"distribution {wheels[0].name}")
    if name in conda:
        return Found(conda[name], f"conda package {name}")
    includes = [*(f"{toolkit.path}/include" for toolkit in toolkits), *_INCLUDES]
    found = (_in_header(host, name, folder) for folder in includes)
    return next(filter(None, found), None) or _in_names(host, name, toolkits)


def _in_header(host: Host, name: str, folder: str) -> Found | None:
    path = f"{folder}/{'cudnn_version.h' if name == 'cudnn' else 'nccl.h'}"
    text = host.read(path)
    if text is None:
        return None
    words = ("MAJOR", "MINOR", "PATCHLEVEL" if name == "cudnn" else "PATCH")
    parts = [re.search(rf"^#define\s+{name.upper()}_{word}\s+(\d+)", text, re.MULTILINE) for word in words]
    numbers = [part[1] for part in parts if part]
    return Found(".".join(numbers), path) if len(numbers) == len(words) else None


def _in_names(host: Host, name: str, toolkits: Sequence[CudaToolkit]) -> Found | None:
    """The version in a file name such as ``libnccl.so.2.28.3``; the longest name has the most precise version."""
    pattern = re.compile(rf"lib{name}\.so\.(\d[\d.]*)")
    for folder in (*(f"{toolkit.path}/lib64" for toolkit in toolkits), *_LIBRARIES):
        matches = [match for entry in host.list(folder) or () if (match := pattern.fullmatch(entry))]
        if matches:
            best = max(matches, key=lambda match: len(match[1]))
            return Found(best[1], f"{folder}/{best[0]}")
    return None
