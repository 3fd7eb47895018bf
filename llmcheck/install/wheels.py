"""Looks up builds of PyTorch in the tables: index, matching torchvision and torchaudio, supported Pythons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llmcheck.gpus.torch_support import wheel_architecture
from llmcheck.install.specifiers import excluded, specifier_of
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Machine, version_numbers
from llmcheck.tables.torch_wheel import TorchCompanions, TorchWheel

COMPANIONS = ("torchvision", "torchaudio")
TORCH_FAMILY = ("torch", *COMPANIONS)

_INDEX = "https://download.pytorch.org/whl/"
# The number of Pythons to try if the judged one is not supported; uv can install any of them.
_PYTHONS = 4


def index_of(tag: str) -> str:
    """PyTorch's own package index of one build."""
    return f"{_INDEX}{tag}"


def index_of_wheel(wheel: TorchWheel, system: str) -> str | None:
    """The index URL of a build on a system; None: PyPI has that build."""
    return None if system in wheel.on_pypi else wheel.index_url or index_of(wheel.tag)


def system_of(machine: Machine) -> str:
    """The operating system; ``linux`` if unknown."""
    return machine.os.system if machine.os else "linux"


def why_cpu(machine: Machine) -> str:
    """Why the CPU build is chosen on a machine without a GPU that PyTorch could use."""
    if machine.gpus is None:
        return (
            "the GPUs could not be listed: this is the build for the CPU; describe the machine (--machine) for another"
        )
    return "no GPU that PyTorch could use: the CPU build saves about 3 GB of CUDA libraries"


def architecture_of(machine: Machine) -> str:
    """The processor architecture in the spelling of wheel tags; ``x86_64`` if unknown."""
    return wheel_architecture(machine.os.architecture if machine.os else "x86_64")


def published_for(machine: Machine, wheels: Sequence[TorchWheel]) -> list[TorchWheel]:
    """The builds for a machine's system and processor, newest torch first."""
    system, architecture = system_of(machine), architecture_of(machine)
    return [each for each in wheels if system in each.systems and each.architecture == architecture]


def row_of(build: TorchBuild, machine: Machine, wheels: Sequence[TorchWheel]) -> TorchWheel | None:
    """The newest row with a build's tag whose release its requirement allows; None if there is none."""
    specifier = specifier_of(build.requirement)
    rows = (each for each in published_for(machine, wheels) if each.tag == build.tag)
    return next((each for each in rows if not excluded(each.release, specifier)), None)


def companion(name: str, torch: str, companions: Sequence[TorchCompanions], *, exact: bool) -> str:
    """The requirement of torchvision or torchaudio for a release of torch.

    ``exact``: for this release series only, not for newer ones. A torch older than the table gets an upper bound.
    """
    series = version_numbers(torch)[:2]
    row = next((each for each in companions if version_numbers(each.torch) <= series), None)
    if row is None:
        oldest = companions[-1] if companions else None
        return f"{name}<{getattr(oldest, name)}" if oldest else name
    release = getattr(row, name)
    return f"{name}=={release}.*" if exact else f"{name}>={release}"


def preferred_pythons(wheels: Sequence[TorchWheel]) -> tuple[str, ...]:
    """The Pythons that most builds of PyTorch support, best first; of two with equally many, the newer first."""
    build_counts = Counter(
        (3, minor)
        for wheel in wheels
        if wheel.python_below is not None
        for minor in range(version_numbers(wheel.python_min)[1], version_numbers(wheel.python_below)[1])
    )
    ranked = sorted(build_counts, key=lambda python: (build_counts[python], python), reverse=True)
    return tuple(f"{major}.{minor}" for major, minor in ranked[:_PYTHONS])
