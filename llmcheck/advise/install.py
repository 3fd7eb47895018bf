"""The commands that install libraries into the judged environment, in order, each with its reason."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from llmcheck.advice import Environment, Plan, Step, TorchBuild
from llmcheck.advise.torch import index_of, torch_build
from llmcheck.compatibility import torch_problem
from llmcheck.library import Library
from llmcheck.machine import Machine, capability_of, counted_gpus, normalized_name
from llmcheck.report import Finding

SHARED = "shared"
_VENV = ".venv"
_TORCH_FAMILY = ("torch", "torchvision", "torchaudio")
# torchaudio is frozen at 2.11 for CUDA 13.0 and refuses a torch of another CUDA minor at import; measured 2026-11-22.
_TORCH_OF_TORCHAUDIO = "torch==2.14.1"


def missing_libraries(findings: Iterable[Finding], machine: Machine, libraries: Mapping[str, Library]) -> list[str]:
    """One library for each software finding that is not met; of several alternatives the one for this machine."""
    chosen: list[str] = []
    for finding in findings:
        if finding.group != "software" or finding.status not in ("fail", "warn") or not finding.libraries:
            continue
        known = [name for name in finding.libraries if name in libraries]
        fitting = [name for name in known if unsuitable(libraries[name], machine) is None]
        fitting.sort(key=lambda name: libraries[name].status != "active")
        chosen += (fitting or known)[:1]
    return list(dict.fromkeys(chosen))


def unsuitable(library: Library, machine: Machine) -> str | None:
    """Why a library cannot work on this machine; None if nothing speaks against it."""
    platform = _platform(machine)
    if library.platforms and platform is not None and platform not in library.platforms:
        return f"{library.name} has no release for {platform}"
    if library.compute_capability or library.driver or "nvidia-container-toolkit" in library.tools:
        nvidia = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
        if not nvidia and not _driver_fault(machine):
            return f"{library.name} needs an NVIDIA GPU, and this machine has none that can be used"
        if (
            library.compute_capability
            and nvidia
            and all((capability_of(gpu) or (999, 0)) < _tuple(library.compute_capability) for gpu in nvidia)
        ):
            return f"{library.name} needs compute capability {library.compute_capability}, these cards are older"
        driver = machine.drivers.get("nvidia")
        if library.driver and driver and driver.version and _tuple(driver.version) < _tuple(library.driver):
            return f"{library.name} needs NVIDIA driver {library.driver}, this machine has {driver.version}"
    if library.install == "container" and _tool(machine, "docker") is False:
        return f"{library.name} is a container, and docker is not installed"
    return None


def plan_installation(target: str, wanted: Sequence[str], machine: Machine, libraries: Mapping[str, Library]) -> Plan:
    """Steps for the libraries ``wanted`` (catalogue ids) and what each needs first; what is left out has a note."""
    installed = _installed(machine, libraries)
    notes: list[str] = []
    todo: list[Library] = []
    for library in (libraries[name] for name in _with_needs(wanted, libraries) if name not in installed):
        reason = unsuitable(library, machine) or _python_mismatch(library, machine)
        if reason is None:
            todo.append(library)
        else:
            notes.append(f"left out: {reason}" + (f". {library.note}" if library.note else ""))
    environments = []
    for environment in dict.fromkeys(library.environment or SHARED for library in todo):
        members = [library for library in todo if (library.environment or SHARED) == environment]
        environments.append(_fill(environment, members, machine))
    return Plan(
        target=target,
        environments=tuple(environments),
        satisfied=tuple(name for name in wanted if name in installed),
        notes=(*notes, *_good_to_know(todo, machine)),
    )


def _good_to_know(todo: Sequence[Library], machine: Machine) -> list[str]:
    """What a person should know before pasting."""
    notes = []
    fault = _driver_fault(machine)
    if todo and fault:
        notes.append(f"the NVIDIA driver does not answer ({fault}): mend it first, then ask again")
    with_vllm = any(library.id == "vllm" for library in todo)
    for library in todo:
        missing = [tool for tool in library.tools if _tool(machine, tool) is False]
        if missing:
            notes.append(f"{library.name} uses {', '.join(missing)}, which this machine does not have on PATH")
        if library.note and not (library.id == "torch" and with_vllm):
            notes.append(f"{library.name}: {library.note}")
    python = machine.software.python
    if any(not library.environment for library in todo) and (python is None or python.environment == "system"):
        notes.append(f"the packages go into {_VENV}; check them with 'llmcheck check --python {_VENV}/bin/python'")
    return notes


def _installed(machine: Machine, libraries: Mapping[str, Library]) -> set[str]:
    """What is there and works: a torch that cannot use the GPUs is not."""
    names = {package.name for package in machine.software.packages or ()}
    tools = {tool.name for tool in machine.software.tools or () if tool.path}
    return {
        library.id
        for library in libraries.values()
        if names & {normalized_name(name) for name in library.distributions} or tools & set(library.binaries)
    } - ({"torch"} if torch_problem(machine) else set())


def _with_needs(wanted: Sequence[str], libraries: Mapping[str, Library]) -> list[str]:
    """The libraries with what each needs before it, every one once."""
    ordered: list[str] = []

    def add(name: str) -> None:
        for needed in libraries[name].needs:
            add(needed)
        if name not in ordered:
            ordered.append(name)

    for name in wanted:
        add(name)
    return ordered


def _fill(environment: str, members: Sequence[Library], machine: Machine) -> Environment:
    """The steps for one environment: make it if need be, torch by its index, the rest in one command."""
    python, steps = _interpreter(environment, machine)
    pip = _pip(python, steps, machine, fresh=bool(steps))
    if any(library.installer == "uv" for library in members):
        pip = _uv(python, steps, machine)
    by_pip = [library for library in members if library.install in ("pip", "service")]
    names = {library.id for library in by_pip}
    torch = torch_build(machine)
    if "vllm" in names:
        by_pip = [library for library in by_pip if library.id not in _TORCH_FAMILY]
    elif names & set(_TORCH_FAMILY):
        by_pip = [library for library in by_pip if library.id not in _TORCH_FAMILY]
        steps.append(_torch_step(pip, torch, names & set(_TORCH_FAMILY), machine))
    requirements = [requirement for library in by_pip for requirement in library.requirements]
    if requirements:
        replaced = _replaced_torch(names, machine) if environment == SHARED else ""
        steps.append(Step(command=f"{pip} {shlex.join(requirements)}", reason=_why(by_pip) + replaced))
    for library in members:
        if library.id == "llama-cpp":
            steps.append(_llama_cpp(pip, torch, machine))
        elif library.install in ("source", "container"):
            reasons = [f"{library.name}: {library.summary}", *[f"{library.name}, continued"] * len(library.commands)]
            steps += [Step(command=c, reason=r) for c, r in zip(library.commands, reasons, strict=False)]
    return Environment(name=environment, python=python, steps=tuple(steps))


def _interpreter(environment: str, machine: Machine) -> tuple[str, list[Step]]:
    """The interpreter that the commands address, and the step that makes its environment where there is none."""
    python = machine.software.python
    if environment == SHARED and python is not None and python.version and python.environment != "system":
        return python.executable, []
    base = python.executable if python is not None and python.version else "python3"
    folder = _VENV if environment == SHARED else f"{_VENV}-{environment}"
    reason = f"an environment of its own for {environment}"
    if environment == SHARED:
        managed = python is not None and python.externally_managed
        reason = "this Python belongs to the system" + (", which forbids pip (PEP 668)" if managed else "")
        reason += ": the packages get an environment of their own"
    folder_bin = f"{folder}/Scripts/python" if _is_windows(machine) else f"{folder}/bin/python"
    return folder_bin, [Step(command=shlex.join([base, "-m", "venv", folder]), reason=reason)]


def _pip(python: str, steps: list[Step], machine: Machine, fresh: bool) -> str:
    """``PYTHON -m pip install``, or uv's where the environment has no pip."""
    packages = machine.software.packages
    if fresh or packages is None or any(package.name == "pip" for package in packages):
        return shlex.join([python, "-m", "pip", "install"])
    if _tool(machine, "uv"):
        return shlex.join(["uv", "pip", "install", "--python", python])
    steps.append(
        Step(command=shlex.join([python, "-m", "ensurepip", "--upgrade"]), reason="this environment has no pip")
    )
    return shlex.join([python, "-m", "pip", "install"])


def _uv(python: str, steps: list[Step], machine: Machine) -> str:
    """uv's installer, from PATH or from the environment itself."""
    if _tool(machine, "uv"):
        return shlex.join(["uv", "pip", "install", "--python", python])
    steps.append(
        Step(command=shlex.join([python, "-m", "pip", "install", "uv"]), reason="pip does not get through this")
    )
    return shlex.join([python, "-m", "uv", "pip", "install", "--python", python])


def _torch_step(pip: str, torch: TorchBuild, names: set[str], machine: Machine) -> Step:
    """torch and its companions from one index: that of the torch that is installed, or the one chosen for this machine.

    torchaudio is frozen and imports only beside torch 2.14 and older, so it may move an installed torch, which is said.
    """
    installed = machine.software.torch if "torch" not in names else None
    requirements, reason, index = [torch.requirement], f"PyTorch: {torch.reason}", torch.index_url
    replaced = machine.software.torch if "torch" in names else None
    if replaced is not None:
        requirements.insert(0, "--force-reinstall")  # an installer would keep the release that satisfies the name
        reason += f". It replaces torch {replaced.version}, which cannot use the GPUs"
    if installed is not None:
        requirements, reason = [], f"to go with the installed torch {installed.version}"
        index = None if installed.build in (None, "cu132", "cu130", "mps") else index_of(installed.build)
    if "torchaudio" in names and torch.tag in ("cu132", "cpu", "mps"):
        requirements = [_TORCH_OF_TORCHAUDIO]
        reason += "; torchaudio imports beside torch 2.14.1, not beside newer ones"
        if installed is not None and _tuple(installed.version or "") > _tuple(_TORCH_OF_TORCHAUDIO):
            reason += f"; back with: pip install torch=={(installed.version or '').split('+')[0]}"
    requirements += [name for name in ("torchvision", "torchaudio") if name in names]
    address = ["--index-url", index] if index else []
    return Step(command=f"{pip} {shlex.join([*requirements, *address])}", reason=reason)


def _llama_cpp(pip: str, torch: TorchBuild, machine: Machine) -> Step:
    cuda = torch.tag.startswith("cu") and _tool(machine, "nvcc")
    flags = "CMAKE_ARGS=-DGGML_CUDA=on " if cuda else ""
    where = "for the GPU" if cuda else "for the CPU"
    reason = f"llama.cpp through its Python binding, compiled here {where}, which takes minutes and a C++ compiler"
    return Step(command=f"{flags}{pip} {shlex.quote('llama-cpp-python>=0.3.16')}", reason=reason)


def _replaced_torch(names: set[str], machine: Machine) -> str:
    """vLLM pins torch exactly: where another is installed, that is said, with the way back."""
    torch = machine.software.torch
    if "vllm" not in names or torch is None:
        return ""
    version = (torch.version or "").split("+")[0]
    return f". It replaces torch {torch.version} by the version that vLLM pins" + (
        f"; back with: pip install torch=={version}" if version else ""
    )


def _why(members: Sequence[Library]) -> str:
    return "; ".join(f"{library.name}: {library.summary}" for library in members)


def _python_mismatch(library: Library, machine: Machine) -> str | None:
    python = machine.software.python
    if python is None or python.version is None:
        return None
    version = _tuple(python.version)
    if library.python_min and version < _tuple(library.python_min):
        return f"{library.name} needs Python {library.python_min} or newer, {python.executable} is {python.version}"
    if library.python_below and version >= _tuple(library.python_below):
        return f"{library.name} needs Python below {library.python_below}, {python.executable} is {python.version}"
    return None


def _platform(machine: Machine) -> str | None:
    if machine.os is None:
        return None
    system = {"darwin": "macos"}.get(machine.os.system, machine.os.system)
    return f"{system}-{machine.os.architecture.lower()}"


def _driver_fault(machine: Machine) -> str | None:
    """Why the NVIDIA driver cannot be asked what it can run; None where it answers or there is none."""
    driver = machine.drivers.get("nvidia")
    return driver.fault if driver else None


def _is_windows(machine: Machine) -> bool:
    return machine.os is not None and machine.os.system == "windows"


def _tool(machine: Machine, name: str) -> bool | None:
    """Whether a tool is there; None if that is not known."""
    tool = next((tool for tool in machine.software.tools or () if tool.name == name), None)
    return None if tool is None else tool.path is not None


def _tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
