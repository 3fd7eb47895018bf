"""CUDA's compiler: which one a build takes, and why it cannot build for this machine. One rule for all that compile.

llama.cpp is built by CMake, which takes CUDACXX, else the nvcc on PATH. What is compiled against PyTorch takes
CUDA_HOME or CUDA_PATH, else the nvcc on PATH (torch/utils/cpp_extension.py, ``_find_cuda_home``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from llmcheck.gpus import vendors
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version
from llmcheck.schema.machine import Gpu, Machine, capability_of, counted_gpus, version_numbers
from llmcheck.tables.torch_wheel import CudaDriver, NvccRelease


class Compiler(Struct, frozen=True):
    """An nvcc on this machine."""

    version: tuple[int, int] | None
    """Of CUDA; None where it is not known."""
    program: str
    """Path of nvcc."""
    folder: str | None
    """Its toolkit, as CUDA_HOME would name it; None where it lies in no ``bin``."""
    named_by: str
    """What makes a build find it: ``CUDA_HOME``, ``PATH``, or its folder for one that has to be named."""

    @property
    def release(self) -> str:
        return "of unknown version" if self.version is None else f"{self.version[0]}.{self.version[1]}"


class BuildRules(Struct, frozen=True):
    """The tables that decide what a compiler can do."""

    drivers: Sequence[CudaDriver] = ()
    releases: Sequence[NvccRelease] = ()


def for_cmake(machine: Machine) -> list[Compiler]:
    """The compilers for a build by CMake, the one that it takes by itself first."""
    return _distinct((*_on_path(machine), *_toolkits(machine)))


def for_torch(machine: Machine) -> list[Compiler]:
    """The compilers for a build against PyTorch, the one that it takes by itself first."""
    return _distinct((*_of_cuda_home(machine), *_on_path(machine), *_toolkits(machine)))


def problem(compiler: Compiler, machine: Machine, rules: BuildRules, torch_tag: str | None = None) -> str | None:
    """Why what this compiler builds does not run here, or cannot be built; None if no reason is known.

    ``torch_tag``: the build of PyTorch that it compiles against (``cu126``); None: it builds a program of its own.
    """
    if compiler.version is None:
        return None
    gpus = vendors.on_platform(counted_gpus(machine), "cuda")
    found = _torch_problem(compiler, torch_tag) if torch_tag else _driver_problem(compiler, machine, gpus, rules)
    return found or _card_problem(compiler, gpus, rules) or _gcc_problem(compiler, machine, rules)


def best(compilers: Iterable[Compiler], machine: Machine, rules: BuildRules, tag: str | None = None) -> Compiler | None:
    """The first without a problem; None where each has one, or there is none."""
    return next((each for each in compilers if problem(each, machine, rules, tag) is None), None)


def _torch_problem(compiler: Compiler, tag: str) -> str | None:
    """PyTorch's build of extensions refuses another major release of CUDA than its own."""
    cuda = cuda_of(tag)
    if cuda is None or compiler.version is None or compiler.version[0] == cuda[0]:
        return None
    return (
        f"nvcc has CUDA {compiler.release} and torch has CUDA {cuda[0]}, but both need the same major release; "
        f"install the CUDA toolkit {cuda[0]}, then run llmcheck again"
    )


def _driver_problem(compiler: Compiler, machine: Machine, gpus: Sequence[Gpu], rules: BuildRules) -> str | None:
    driver, version = vendors.driver_of(machine, "cuda"), compiler.version
    oldest = min_driver(version, gpus, rules.drivers) if version else None
    if oldest is None or driver is None or not version_numbers(driver.version or ""):
        return None
    needed = min_driver_version(oldest, machine.os.system if machine.os else "linux")
    if version_numbers(driver.version or "") >= version_numbers(needed):
        return None
    return f"what nvcc {compiler.release} builds needs driver {needed} or newer, this is {driver.version}"


def _card_problem(compiler: Compiler, gpus: Sequence[Gpu], rules: BuildRules) -> str | None:
    row = _row(compiler, rules)
    capabilities = sorted({capability for gpu in gpus if (capability := capability_of(gpu))})
    if row is None:
        return None
    least, majors = version_numbers(row.compute_capability_min), {int(each) for each in row.majors}
    for capability in capabilities:
        said = ".".join(map(str, capability))
        if capability < least:
            return (
                f"nvcc {compiler.release} compiles for compute capability {row.compute_capability_min} and newer, and "
                f"this card has {said}"
            )
        if capability[0] not in majors:
            newer = first_release_for(capability[0], rules) if capability[0] > max(majors) else None
            first = f": install the CUDA toolkit (nvcc) {newer} or newer" if newer else ""
            return f"nvcc {compiler.release} does not compile for compute capability {said}{first}"
    return None


def first_release_for(major: int, rules: BuildRules) -> str | None:
    """The first CUDA that compiles for a major compute capability; None where the table has none."""
    return next((each.cuda for each in rules.releases if str(major) in each.majors), None)


def _gcc_problem(compiler: Compiler, machine: Machine, rules: BuildRules) -> str | None:
    row, gcc = _row(compiler, rules), gcc_of(machine)
    if row is None or row.gcc_max is None or gcc is None or gcc <= row.gcc_max:
        return None
    return (
        f"nvcc {compiler.release} accepts GCC up to {row.gcc_max}, and cc is GCC {gcc}: install g++-{row.gcc_max} and "
        f"set NVCC_PREPEND_FLAGS='-ccbin g++-{row.gcc_max}'"
    )


def gcc_of(machine: Machine) -> int | None:
    """The major release of the C compiler where it is GCC; None where that is not known."""
    found = next((each.version for each in machine.software.tools or () if each.name == "cc" and each.path), None)
    return version_numbers(found)[0] if found and version_numbers(found) else None


def _row(compiler: Compiler, rules: BuildRules) -> NvccRelease | None:
    """None for a release of a major version that the table lacks."""
    version = compiler.version
    if version is None:
        return None
    rows = [each for each in rules.releases if version_numbers(each.cuda)[0] == version[0]]
    return next((each for each in reversed(rows) if version_numbers(each.cuda) <= version), None)


def _of_cuda_home(machine: Machine) -> Iterator[Compiler]:
    software = machine.software
    home = software.cuda_home
    if home is None or any(each.code == "cuda-home-missing" for each in machine.problems):
        return
    real = software.cuda_home_real or home.rstrip("/")
    version = next((each.version for each in software.cuda_toolkits if each.path == real), None)
    yield Compiler(_release(version or _of_name(real)), f"{home.rstrip('/')}/bin/nvcc", home, "CUDA_HOME")


def _on_path(machine: Machine) -> Iterator[Compiler]:
    nvcc = next((each for each in machine.software.tools or () if each.name == "nvcc" and each.path), None)
    if nvcc is not None and nvcc.path:
        folder = nvcc.path.removesuffix("/bin/nvcc")
        yield Compiler(_release(nvcc.version), nvcc.path, None if folder == nvcc.path else folder or "/", "PATH")


def _toolkits(machine: Machine) -> Iterator[Compiler]:
    for each in machine.software.cuda_toolkits:
        if each.version is not None:  # what has to be named must be known to suit
            yield Compiler(_release(each.version), f"{each.path}/bin/nvcc", each.path, each.path)


def _release(version: str | None) -> tuple[int, int] | None:
    numbers = version_numbers(version or "")
    return (numbers[0], numbers[1]) if len(numbers) > 1 else None


def _of_name(folder: str) -> str | None:
    """``/usr/local/cuda-13.0`` says 13.0, as a machine of an older llmcheck may have no more."""
    name = folder.rpartition("/")[2]
    return name.removeprefix("cuda-") if name.startswith("cuda-") else None


def _distinct(compilers: Iterable[Compiler]) -> list[Compiler]:
    return list({each.program: each for each in reversed(list(compilers))}.values())[::-1]
