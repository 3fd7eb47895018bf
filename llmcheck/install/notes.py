"""Notes of a plan: sentences to read before running its commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmcheck import shell
from llmcheck.gpus import vendors
from llmcheck.gpus.unusable import driver_fault
from llmcheck.install import compiler
from llmcheck.install.compiler import BuildRules
from llmcheck.install.incompatibility import cards_for
from llmcheck.install.specifiers import excluded, has_lower_bound, name_of, specifier_of
from llmcheck.install.target import SHARED, VENV, PlanOptions
from llmcheck.schema.advice import Environment, TorchBuild
from llmcheck.schema.machine import Machine, counted_gpus, normalized_name
from llmcheck.tables.library import Library


def of_driver(torch: TorchBuild, machine: Machine) -> tuple[str, ...]:
    """A newer driver would allow a newer build."""
    driver = vendors.driver_of(machine, "cuda")
    if not torch.remedy or driver is None:
        return ()
    return (f"the NVIDIA driver is {driver.version}: {torch.remedy}; until then the plan installs {torch.tag}",)


def of_machine(environments: Sequence[Environment], machine: Machine) -> Iterator[str]:
    if environments and machine.software.packages is None:
        yield "the installed packages are unknown: the plan assumes an empty environment"
    fault = driver_fault(machine)
    if environments and fault:
        yield f"the NVIDIA driver does not work ({fault}): repair it first, then run llmcheck again"


def of_cards(library: Library, machine: Machine) -> Iterator[str]:
    """Names the GPUs that a library can use, and how to hide the others from it."""
    gpus = vendors.on_platform(counted_gpus(machine), "cuda")
    usable = cards_for(library, gpus)
    if len(usable) == len(gpus):
        return
    names = ", ".join(gpu.name or "one without a name" for gpu in usable)
    text = f"{library.name} needs compute capability {library.compute_capability}: it can use only {names}"
    # Indices in the order of NVML and nvidia-smi, which CUDA uses only with CUDA_DEVICE_ORDER.
    indices = [str(gpu.index) for gpu in usable if gpu.index is not None and gpu.parent is None]
    if len(indices) == len(usable):
        text += f"; set CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES={','.join(indices)} where it runs"
    yield text


def of_libraries(planned: Iterable[Library], named: set[str]) -> Iterator[str]:
    """Remarks on libraries. ``named``: ids that the user named."""
    for library in planned:
        if library.note and (library.status != "active" or library.id in named):
            yield f"{library.name}: {library.note}"


def of_run_time(
    planned: Iterable[Library], machine: Machine, rules: BuildRules, torch_tag: str | None
) -> Iterator[str]:
    """What libraries compile with when they run, and is not here or cannot serve. ``torch_tag``: the build of torch."""
    compiling = [library for library in planned if library.compiles_at_run]
    if not compiling:
        return
    from llmcheck.install import run_time  # few libraries compile when they run

    for library in compiling:
        found = compiler.for_torch(machine) if "nvcc" in library.compiles_at_run else []
        if found and torch_tag and compiler.best(found, machine, rules, torch_tag) is None:
            why = compiler.problem(found[0], machine, rules, torch_tag)
            yield f"{library.name} cannot compile its own kernels when it runs: {why}"
        missing = run_time.lacking(library, machine)
        if missing:
            how = "when it starts" if library.compiles_always else "where its own kernels are used"
            yield f"{library.name} compiles {how}, and lacks {' and '.join(missing)}: {run_time.how_to_get(machine)}"


def of_age(installed: Iterable[tuple[Library, str, str]]) -> Iterator[str]:
    """Installed libraries older than any checked release. ``installed``: library, package and version."""
    for library, name, version in installed:
        checked = next((each for each in library.requirements if normalized_name(name_of(each)) == name), "")
        if excluded(version, specifier_of(checked)):
            yield f"{name} {version} is installed and stays; it is older than the checked releases ({checked})"


def of_broken(environments: Sequence[Environment], target: str, options: PlanOptions) -> Iterator[str]:
    """How to keep installed packages that a plan would break: in an environment of its own."""
    broken = dict.fromkeys(name for each in environments for step in each.steps for name in step.breaks)
    if broken:
        line = shell.line(("llmcheck", "install", *target.split(), "--venv", f"{VENV}-2"), options.shell)
        names = ", ".join(broken)
        yield f"this plan breaks, or may break, {names}; an environment of its own leaves it as it is: {line}"


def of_missing_bounds(environments: Iterable[Environment]) -> Iterator[str]:
    """Requirements without a lower bound, because no release of the package was checked."""
    for environment in environments:
        for step in environment.steps:
            for each in step.requirements:
                if not has_lower_bound(each):
                    yield f"{each} has no lower bound, because no release was checked: look which version is chosen"


def of_environments(environments: Sequence[Environment], machine: Machine, options: PlanOptions) -> Iterator[str]:
    python = machine.software.python
    if python is not None and python.environment == "conda" and any(each.python for each in environments):
        yield "pip in a conda environment: update conda's packages before, not after; later updates may undo pip's work"
    for each in environments:
        if each.folder is not None and each.name == SHARED and each.python is not None:
            words = ("llmcheck", "libraries", "check", *each.libraries, "--python", each.python)
            line = shell.line(words, options.shell)
            yield f"the packages go into {each.folder}; check them with: {line}"
