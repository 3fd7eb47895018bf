"""What speaks against a library in one environment of one machine, beside the machine itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmcheck.gpus.cuda import cuda_of
from llmcheck.install.incompatibility import incompatibility, numbers
from llmcheck.install.installed_packages import COMPANIONS
from llmcheck.install.specifiers import satisfiable
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import CudaToolkit, Machine, Torch
from llmcheck.tables.library import Library


class InstallBlockers(NamedTuple):
    """What an environment is to hold and who asks."""

    machine: Machine
    libraries: Mapping[str, Library]
    specifiers: Mapping[str, str]
    """What is asked of versions, by library id."""
    python_conflicts: Mapping[str, str]
    """What the environment's Python keeps out, by library id, with the reason."""
    torch: TorchBuild
    """The build that goes into it."""
    installed: Torch | None
    """The torch that is there and stays."""
    is_there: Callable[[str], bool]
    """Whether a library is there and does."""

    def against(self, name: str) -> str | None:
        """Why a library cannot be installed there, or what it needs first cannot; None if nothing is known."""
        library = self.libraries[name]
        own = (
            incompatibility(library, self.machine)
            or self.python_conflicts.get(name)
            or self._wishes(library)
            or self._torch(library)
            or self._compiler(library)
        )
        if own is not None:
            return own
        for needed in library.needs:
            if self.is_there(needed) or (library.pins_torch and needed in ("torch", *COMPANIONS)):
                continue
            reason = self.against(needed)
            if reason is not None:
                return f"{library.name} needs {self.libraries[needed].name}: {reason}"
        return None

    def _wishes(self, library: Library) -> str | None:
        asked = self.specifiers.get(library.id)
        if not asked or satisfiable(asked):
            return None
        return f"{library.name} is asked for as {asked}, which no release can be"

    def _torch(self, library: Library) -> str | None:
        """A wheel that is compiled for another torch than the one that is used loads none of its kernels."""
        if library.id == "torch":
            return f"no release of PyTorch can be installed here: {self.torch.none}" if self.torch.none else None
        if library.pins_torch or library.build or not (library.torch or "").startswith("=="):
            return None
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet

        pin = library.torch or ""
        series = pin.removeprefix("==").removesuffix(".*")
        made = f"{library.name} is compiled for torch {series}"
        if self.installed is not None and self.installed.version:
            fits = SpecifierSet(pin).contains(self.installed.version, prereleases=True)
            return None if fits else f"{made}, and torch {self.installed.version} is installed"
        first = f"{series}.0" if series.count(".") == 1 else series
        if Requirement(self.torch.requirement).specifier.contains(first, prereleases=True):
            return None
        return f"{made}, this machine gets {self.torch.requirement}"

    def _compiler(self, library: Library) -> str | None:
        """What is compiled against torch takes the CUDA that torch was built with, as far as its major release goes."""
        if library.build_isolation or "nvcc" not in library.tools:
            return None
        tag = self.installed.build if self.installed is not None else self.torch.tag
        if tag == "cpu":
            return f"{library.name} is compiled against torch, and the torch here is a CPU build"
        cuda, there = cuda_of(tag or ""), nvcc_version(self.machine)
        if cuda is None or there is None or there[0] == cuda[0] or toolkit_for(self.machine, tag) is not None:
            return None
        return (
            f"{library.name} is compiled here, nvcc is of CUDA {there[0]}.{there[1]} and torch is built for CUDA "
            f"{cuda[0]}: both have to be of one major release; install the CUDA toolkit {cuda[0]}, then ask again"
        )


def nvcc_version(machine: Machine) -> tuple[int, int] | None:
    """Of the compiler that a build takes: CUDA_HOME's, else the one on PATH; None where none is known."""
    software = machine.software
    home = next((each.version for each in software.cuda_toolkits if each.path == software.cuda_home), None)
    on_path = next((each.version for each in software.tools or () if each.name == "nvcc" and each.path), None)
    version = numbers(home or on_path or "")
    return (version[0], version[1]) if len(version) > 1 else None


def toolkit_for(machine: Machine, tag: str | None) -> CudaToolkit | None:
    """The toolkit for a build of torch where the compiler that would be taken is of another major release."""
    cuda, there = cuda_of(tag or ""), nvcc_version(machine)
    if cuda is None or there is None or there[0] == cuda[0]:
        return None
    fitting = (each for each in machine.software.cuda_toolkits if numbers(each.version or "")[:1] == cuda[:1])
    return next(fitting, None)
