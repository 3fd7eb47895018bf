"""Why a library cannot be installed in one environment of one machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from llmcheck.install import compiler
from llmcheck.install.compiler import BuildRules
from llmcheck.install.incompatibility import incompatibility
from llmcheck.install.specifiers import excluded, first_release, satisfiable, specifier_of
from llmcheck.install.wheels import TORCH_FAMILY
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Machine, Torch
from llmcheck.tables.library import Library


class InstallBlockers(Struct, frozen=True):
    """The facts that decide whether a library can be installed in an environment."""

    machine: Machine
    libraries: Mapping[str, Library]
    specifiers: Mapping[str, str]
    """The versions that the tier requires (PEP 440), by library id."""
    python_conflicts: Mapping[str, str]
    """Reasons why the environment's Python excludes libraries, by library id."""
    torch: TorchBuild
    """The build of PyTorch for this environment."""
    installed: Torch | None
    """The installed torch if the plan keeps it."""
    rules: BuildRules
    """What a compiler needs and can do."""
    is_satisfied: Callable[[str], bool]
    """Whether a library is installed and works, in a version that the tier accepts."""

    def reason(self, name: str) -> str | None:
        """Why a library, or one that it needs, cannot be installed there; None if no reason is known."""
        library = self.libraries[name]
        own = (
            incompatibility(library, self.machine)
            or self.python_conflicts.get(name)
            or self._versions(library)
            or self._torch(library)
            or self._compiler(library)
        )
        if own is not None:
            return own
        for needed in library.needs:
            if self.is_satisfied(needed) or (library.pins_torch and needed in TORCH_FAMILY):
                continue
            reason = self.reason(needed)
            if reason is not None:
                return f"{library.name} needs {self.libraries[needed].name}: {reason}"
        return None

    def _versions(self, library: Library) -> str | None:
        specifier = self.specifiers.get(library.id)
        if not specifier or satisfiable(specifier):
            return None
        return f"no version of {library.name} can satisfy {specifier}"

    def _torch(self, library: Library) -> str | None:
        """A wheel that is compiled for another torch cannot load its kernels."""
        if library.id == "torch":
            return f"no release of PyTorch can be installed here: {self.torch.none}" if self.torch.none else None
        if library.pins_torch or library.build or not (library.torch or "").startswith("=="):
            return None
        pin = library.torch or ""
        compiled = f"{library.name} is compiled for torch {pin.removeprefix('==').removesuffix('.*')}"
        if self.installed is not None and self.installed.version:
            fits = not excluded(self.installed.version, pin)
            return None if fits else f"{compiled}, and torch {self.installed.version} is installed"
        if not excluded(first_release(pin), specifier_of(self.torch.requirement)):
            return None
        return f"{compiled}, and this machine gets {self.torch.requirement}"

    def _compiler(self, library: Library) -> str | None:
        """What is compiled against torch needs a compiler for torch's CUDA and for these cards."""
        if library.build_isolation or "nvcc" not in library.tools:
            return None
        tag = self.installed.build if self.installed is not None else self.torch.tag
        if tag == "cpu":
            return f"{library.name} is compiled against torch, and the torch here is a CPU build"
        found = compiler.for_torch(self.machine)
        if not found or compiler.best(found, self.machine, self.rules, tag) is not None:
            return None
        why = compiler.problem(found[0], self.machine, self.rules, tag)
        return f"{library.name} is compiled here: {why}"
