"""What to know before pasting, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmcheck import shell
from llmcheck.install.incompatibility import cards_for, driver_fault
from llmcheck.install.specifiers import excluded, has_lower_bound, name_of, specifier_of
from llmcheck.install.target import SHARED, PlanOptions
from llmcheck.schema.advice import Environment, TorchBuild
from llmcheck.schema.machine import Machine, counted_gpus, normalized_name
from llmcheck.tables.library import Library


def of_driver(torch: TorchBuild, machine: Machine) -> tuple[str, ...]:
    """That an old driver keeps a newer build away from a machine which another one does for."""
    driver = machine.drivers.get("nvidia")
    if not torch.remedy or driver is None:
        return ()
    return (f"the NVIDIA driver is {driver.version}: {torch.remedy}; until then the plan takes {torch.tag}",)


def of_machine(environments: Sequence[Environment], machine: Machine) -> Iterator[str]:
    if environments and machine.software.packages is None:
        yield "what is installed is not known: the plan is for an environment that holds nothing yet"
    fault = driver_fault(machine)
    if environments and fault:
        yield f"the NVIDIA driver does not answer ({fault}): mend it first, then ask again"


def of_cards(library: Library, machine: Machine) -> Iterator[str]:
    """Which of several cards a library can use, and how the others are kept from it."""
    gpus = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
    fit = cards_for(library, gpus)
    if len(fit) == len(gpus):
        return
    names = ", ".join(gpu.name or "one without a name" for gpu in fit)
    said = f"{library.name} needs compute capability {library.compute_capability}: it can use only {names}"
    # The order of NVML and nvidia-smi, which is CUDA's own only when it is asked for.
    indices = [str(gpu.index) for gpu in fit if gpu.index is not None and gpu.parent is None]
    if len(indices) == len(fit):
        said += f"; set CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES={','.join(indices)} where it runs"
    yield said


def of_libraries(planned: Iterable[Library], named: set[str]) -> Iterator[str]:
    """``named``: those that a person asked for by name."""
    for library in planned:
        if library.note and (library.status != "active" or library.id in named):
            yield f"{library.name}: {library.note}"


def of_age(there: Iterable[tuple[Library, str, str]]) -> Iterator[str]:
    """What is there and is older than anything that was checked: each with its package and version."""
    for library, name, version in there:
        checked = next((each for each in library.requirements if normalized_name(name_of(each)) == name), "")
        if excluded(version, specifier_of(checked)):
            yield f"{name} {version} is there and stays, older than the releases that were checked ({checked})"


def of_floors(environments: Iterable[Environment]) -> Iterator[str]:
    """What is asked for without a lower bound, because no release so old, or none at all, was checked."""
    for environment in environments:
        for step in environment.steps:
            for each in step.requirements:
                if not has_lower_bound(each):
                    yield f"{each} has no lower bound, for no such release was checked: see what the installer takes"


def of_environments(environments: Sequence[Environment], machine: Machine, options: PlanOptions) -> Iterator[str]:
    python = machine.software.python
    if python is not None and python.environment == "conda" and any(each.python for each in environments):
        yield "pip inside conda: update conda's own packages before, not after, or they may undo each other"
    for each in environments:
        if each.folder is not None and each.name == SHARED and each.python is not None:
            words = ("llmcheck", "libraries", "check", *each.libraries, "--python", each.python)
            line = shell.line(words, options.shell)
            yield f"the packages go into {each.folder}; check them with: {line}"
