"""The bytes that a plan downloads and installs, from measured resolutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmcheck.schema.advice import Environment, Size, TorchBuild
from llmcheck.schema.machine import Machine
from llmcheck.tables.library import Resolutions

_CPU_TORCH = "torch-cpu"
# The dependencies of PyPI's torch for Linux that a CPU build does not have.
_CUDA_PACKAGES = ("nvidia-", "cuda-", "triton")


def size_of(
    environments: Sequence[Environment], torch: TorchBuild | None, machine: Machine, resolutions: Resolutions
) -> Size | None:
    """None if none of its packages was measured. Packages of the judged environment are not counted."""
    present = {package.name for package in machine.software.packages or ()}
    download = installed = 0
    unknown: list[str] = []
    for environment in environments:
        packages: dict[str, str] = {}
        for name in environment.libraries:
            closure = resolutions.libraries.get(name)
            if closure is None or not closure.packages:
                unknown.append(name)
            else:
                packages.update(closure.packages)
        if environment.folder is None and "torch" in present and "torch" not in environment.libraries:
            # The dependencies of an installed torch are present, though their names depend on its build.
            of_torch = resolutions.libraries["torch"].packages if "torch" in resolutions.libraries else {}
            packages = {name: version for name, version in packages.items() if name not in of_torch}
        if torch is not None and torch.tag in ("cpu", "mps") and "torch" in packages:
            packages = _without_cuda(packages, resolutions)
        for name, version in packages.items():
            if environment.folder is None and name in present:
                continue
            sizes = resolutions.sizes.get(f"{name}=={version}")
            download += sizes[0] if sizes else 0
            installed += sizes[1] if sizes else 0
    if not download:
        return None
    return Size(
        download=download,
        installed=installed,
        free=_free(environments, machine),
        as_of=resolutions.as_of,
        unknown=tuple(dict.fromkeys(unknown)),
    )


def _without_cuda(packages: dict[str, str], resolutions: Resolutions) -> dict[str, str]:
    plain = resolutions.libraries.get(_CPU_TORCH)
    if plain is None:
        return packages
    kept = {
        name: version for name, version in packages.items() if not name.startswith(_CUDA_PACKAGES) and name != "torch"
    }
    return {**plain.packages, **kept}


def _free(environments: Iterable[Environment], machine: Machine) -> int | None:
    """Free bytes on the disk of the first environment; for a relative path, of the working directory.

    A hypothetical machine has one disk.
    """
    python = next((each.python for each in environments if each.python), None)
    disks = machine.disks or ()
    if machine.hypothetical:
        return next((disk.free for disk in disks), None)
    if python is None:
        return None
    if python.startswith("/"):
        holding = [disk for disk in disks if disk.mount_point and _is_below(python, disk.mount_point)]
        if holding:
            return max(holding, key=lambda disk: len(disk.mount_point or "")).free
        return None
    return next((disk.free for disk in disks if disk.role == "work"), None)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
