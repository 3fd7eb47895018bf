"""The step that installs torch, torchvision and torchaudio, and the step that verifies torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from llmcheck.install.commands import FORCE, InstallerCommands, InstallRequest, command_step
from llmcheck.install.installed_packages import Change, InstalledPackages, abi_warnings
from llmcheck.install.presence import Presence
from llmcheck.install.request import PlanRequest
from llmcheck.install.specifiers import bounded, lower_bound
from llmcheck.install.target import PlanOptions, Target
from llmcheck.install.wheels import COMPANIONS, companion, index_of, index_of_wheel, published_for, row_of, system_of
from llmcheck.schema.advice import Step, TorchBuild
from llmcheck.schema.machine import version_numbers
from llmcheck.tables.library import Library

# Runs a kernel on every GPU, because torch may list a GPU without having kernels for it. Without quotes, which some
# shells change.
_PROOF_OF_CARDS = (
    "torch.cuda.is_available() and "
    "all((torch.ones(1).cuda(i) + 1).item() == 2 for i in range(torch.cuda.device_count()))"
)
_PROOFS = {
    "cpu": "",
    "mps": "torch.backends.mps.is_available()",
    "xpu": "torch.xpu.is_available() and (torch.ones(1).xpu() + 1).item() == 2",
}


class TorchProof(Struct, frozen=True):
    """How to verify that torch works."""

    build: TorchBuild
    expected: str
    """Description of the version that it should print."""
    specifier: str = ""
    """The versions that it accepts (PEP 440); empty where that is not known."""


class _Source(Struct, frozen=True):
    """The requirement for torch, and its index."""

    requirement: str
    index_url: str | None
    reason: str
    release: str | None = None
    """The newest that it allows; None where the table has none."""
    downgrade: bool = False
    """torchaudio does not import with the installed, newer torch."""


def torch_step(
    commands: InstallerCommands,
    torch: TorchBuild,
    names: set[str],
    presence: Presence,
    request: PlanRequest,
    others: Sequence[Library],
) -> Step:
    """Installs torch, torchvision and torchaudio from one index, that of the installed torch or of the new build.

    ``names``: those of them to install. ``others``: libraries that a new torch may break.
    """
    version = commands.installed.version("torch")
    source = _source(commands.installed, torch, names, request)
    if version is not None and "torch" not in names and not source.downgrade:
        return _companions_step(commands, version, names, request)
    fault = _fault(presence, torch)
    changes = _torch_changes(commands.installed, source, fault)
    installed_companions = [name for name in COMPANIONS if changes and commands.installed.version(name)]
    if fault is not None:
        changes += [
            Change(name, commands.installed.version(name) or "", "it is made for that torch")
            for name in installed_companions
        ]
    torch_min = lower_bound(source.requirement)
    chosen = [name for name in COMPANIONS if name in {*names, *installed_companions}]
    companions = [companion(name, torch_min, request.tables.companions, exact=False) for name in chosen]
    return commands.step(
        InstallRequest(
            [source.requirement, *companions],
            source.reason,
            index_url=source.index_url,
            # Otherwise an installer keeps an installed release that satisfies the requirement.
            options=[FORCE] if changes and fault is not None else [],
            changes=changes,
            newest={"torch": source.release} if source.release else {},
            warnings=abi_warnings(commands.installed, source.requirement, others) if changes else (),
        )
    )


def torch_proof_step(proof: TorchProof, target: Target, options: PlanOptions) -> Step:
    tag = proof.build.tag
    tests = [*_version_tests(proof.specifier), _PROOFS.get(tag, _PROOF_OF_CARDS)]
    test = " and ".join(each for each in tests if each) or "True"
    source = f"import sys, torch; ok = {test}; print(torch.__version__, ok); "
    needs_gpu = tag != "cpu"
    reason = "torch sees the GPU and computes on it" if needs_gpu else "torch imports"
    argv = [target.python, "-c", f"{source}sys.exit(not ok)"]
    expect = f"{proof.expected}, and True"
    return command_step(argv, reason, options, kind="verify", expect=expect, needs_gpu=needs_gpu)


def _version_tests(specifier: str) -> list[str]:
    """Comparisons of torch's own version, which it compares with tuples (torch.torch_version), without quotes."""
    tests = []
    for clause in filter(None, specifier.split(",")):
        operator = clause[: len(clause) - len(clause.lstrip("<>=!~"))]
        numbers = version_numbers(clause.lstrip("<>=!~").removesuffix(".*"))
        if operator in (">=", "<=", "<", ">"):
            tests.append(f"torch.__version__ {operator} {numbers}")
        elif operator == "==" and numbers:
            tests.append(f"{numbers} <= torch.__version__ < {(*numbers[:-1], numbers[-1] + 1)}")
    return tests


def _source(installed: InstalledPackages, torch: TorchBuild, names: Iterable[str], request: PlanRequest) -> _Source:
    """The build for this machine; with torchaudio the newest build that torchaudio imports with."""
    reason = f"PyTorch: {torch.reason}"
    with_audio = "torchaudio" in names or ("torch" in names and installed.version("torchaudio") is not None)
    wheels = request.tables.wheels
    row = row_of(torch, request.machine, wheels)
    if not with_audio or row is None or row.torchaudio_torch is None:
        return _Source(torch.requirement, torch.index_url, reason, row.release if row is not None else None)
    release, tag, system = row.torchaudio_torch, row.torchaudio_tag or row.tag, system_of(request.machine)
    published = (each for each in published_for(request.machine, wheels) if (each.release, each.tag) == (release, tag))
    found = next(published, None)
    version = installed.version("torch")
    return _Source(
        requirement=bounded(torch.requirement, f"=={release}"),
        index_url=index_of(tag) if found is None else index_of_wheel(found, system),
        reason=f"{reason}; torchaudio imports with torch {release}, not with newer releases",
        release=release,
        downgrade=version is not None and version_numbers(version)[:3] > version_numbers(release),
    )


def _companions_step(commands: InstallerCommands, torch: str, names: Iterable[str], request: PlanRequest) -> Step:
    """torchvision and torchaudio for an installed torch that stays."""
    chosen = [name for name in COMPANIONS if name in names]
    requirements = [companion(name, torch, request.tables.companions, exact=True) for name in chosen]
    reason = f"to go with the installed torch {torch}"
    return commands.step(InstallRequest(requirements, reason, index_url=commands.installed.torch_index))


def _torch_changes(installed: InstalledPackages, source: _Source, fault: str | None) -> list[Change]:
    version = installed.version("torch")
    if version is None:
        return []
    if fault is not None:
        return [Change("torch", version, fault)]
    if source.downgrade:
        return [Change("torch", version, "torchaudio does not import with it")]
    return installed.replaced_by([source.requirement])


def _fault(presence: Presence, torch: TorchBuild) -> str | None:
    """Why the installed torch has to be replaced even if its version satisfies the requirement."""
    if "torch" in presence.broken:
        return "its files are missing"
    if not presence.torch_is_unusable:
        return None
    installed = presence.installed.torch
    cpu = installed is not None and installed.build == "cpu"
    return "it is a CPU build, and this machine has GPUs" if cpu else f"it cannot use the GPUs; {torch.tag} can"
